"""Packets that come to the host of the small world, or that it sends: from whom, to whom, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal

from frames import ICMP, ICMPV6, TCP, UDP, Datagram
from hypothesis import strategies as st
from small_world import PEER

if TYPE_CHECKING:
    from fwplan.simulate.packet import PacketType

Then = Literal["", "reply", "again", "error"]


@dataclass(frozen=True)
class Sending:
    """A packet that is to be sent.

    Attributes:
        sender: a peer, or `host`.
        datagram: what.
        to_mac: to which station; None for the host.
        then: what follows once it has arrived: a reply, the same again, or an error message about it.
    """

    sender: str
    datagram: Datagram
    to_mac: str | None = None
    then: Then = ""

    @property
    def type(self) -> PacketType:
        """To whom the frame is addressed."""
        if self.to_mac is None or self.sender == "host":
            return "host"
        if self.to_mac == BROADCAST:
            return "broadcast"
        return "multicast" if int(self.to_mac[:2], 16) & 1 else "other"


BROADCAST = "ff:ff:ff:ff:ff:ff"
_FAR = {4: "203.0.113.7", 6: "2001:db8:7::7"}
_SPOOFED = {4: ("192.0.2.9", "10.0.1.77", "10.0.0.99"), 6: ("2001:db8:9::9", "fd00::99")}
_HOST = {
    4: ("10.0.0.1", "10.0.1.1", "198.51.100.2"),
    6: ("fd00::1", "fd00:0:0:1::1", "2001:db8:1::2"),
}
_BY = {
    4: {"br0": "10.0.0.1", "br1": "10.0.1.1", "ext0": "198.51.100.2"},
    6: {"br0": "fd00::1", "br1": "fd00:0:0:1::1", "ext0": "2001:db8:1::2"},
}
_PORTS = (22, 53, 80, 85, 443, 1023, 1024, 8080, 40000)
_TCP_FLAGS = (("syn",), ("syn",), ("syn",), ("ack",), ("syn", "ack"), ("fin", "ack"), ("rst",))


def _own(peer: str, version: int) -> str:
    return PEER[peer].addresses[version == 6]


@st.composite
def _datagrams(draw: st.DrawFn, source: str, destination: str) -> Datagram:
    version = ip_address(source).version
    protocol = draw(st.sampled_from([TCP, TCP, TCP, UDP, UDP, ICMP if version == 4 else ICMPV6, 99]))
    ports = (draw(st.sampled_from([*_PORTS, 50000])), draw(st.sampled_from(_PORTS)))
    flags: tuple[str, ...] = ()
    if protocol == TCP:
        flags = draw(st.sampled_from(_TCP_FLAGS))
    elif protocol == ICMP:
        ports = draw(st.sampled_from([(8, 0), (8, 0), (8, 0), (0, 0)]))
    elif protocol == ICMPV6:
        ports = draw(st.sampled_from([(128, 0), (128, 0), (128, 0), (129, 0)]))
    return Datagram(
        ip_address(source),
        ip_address(destination),
        protocol,
        ports,
        frozenset(flags),
        draw(st.sampled_from([64, 64, 11, 65])),
        draw(st.sampled_from([0, 0, 8, 46])),
        icmp_id=draw(st.sampled_from([1, 7])),
        payload=draw(st.sampled_from([b"fwplan", b"", b"f" * 40])),
    )


_then: st.SearchStrategy[Then] = st.sampled_from(["", "reply", "reply", "again", "error"])


@st.composite
def _from_peers(draw: st.DrawFn) -> Sending:
    sender = draw(st.sampled_from(["g1", "g1", "g2", "g3", "o1"]))
    version = draw(st.sampled_from([4, 4, 6]))
    source = draw(st.sampled_from([_own(sender, version)] * 6 + [draw(st.sampled_from(_SPOOFED[version]))]))
    others = [_own(peer, version) for peer in PEER if PEER[peer].interface != PEER[sender].interface]
    destinations = [*others, *others, *_HOST[version], *([_FAR[version]] * 2 if sender != "o1" else [])]
    datagram = draw(_datagrams(source, draw(st.sampled_from(destinations))))
    return Sending(sender, datagram, None, draw(_then))


@st.composite
def _on_bridge(draw: st.DrawFn) -> Sending:
    version = draw(st.sampled_from([4, 4, 6]))
    sender, receiver = draw(st.sampled_from([("g1", "g2"), ("g2", "g1")]))
    destination = draw(st.sampled_from([_own(receiver, version)] * 3 + [_own("g3", version)]))
    datagram = draw(_datagrams(_own(sender, version), destination))
    return Sending(sender, datagram, PEER[receiver].mac, draw(st.sampled_from(["", "reply", "again"])))


@st.composite
def _to_many(draw: st.DrawFn) -> Sending:
    """To all of a network that has only one guest, so that the bridge sends no copies."""
    version = draw(st.sampled_from([4, 4, 6]))
    if version == 6:
        return Sending("g3", draw(_datagrams(_own("g3", 6), "ff02::1")), "33:33:00:00:00:01")
    destination, to_mac = draw(
        st.sampled_from([("10.0.1.255", BROADCAST), ("255.255.255.255", BROADCAST), ("224.0.0.1", "01:00:5e:00:00:01")])
    )
    return Sending("g3", draw(_datagrams(_own("g3", 4), destination)), to_mac)


@st.composite
def _from_host(draw: st.DrawFn) -> Sending:
    version = draw(st.sampled_from([4, 4, 6]))
    by, destination = draw(
        st.sampled_from(
            [("br0", _own("g1", version)), ("br1", _own("g3", version)), ("ext0", _own("o1", version))]
            + [("ext0", _FAR[version]), ("br0", _HOST[version][0]), ("br1", _HOST[version][1])]
        )
    )
    return Sending("host", draw(_datagrams(_BY[version][by], destination)), None, draw(_then))


sendings = st.one_of(_from_peers(), _from_peers(), _from_peers(), _from_host(), _on_bridge(), _to_many())
"""Packets of all kinds."""
