"""A host with any interfaces, through which single packets of a proof are really sent.

The host is one network namespace; each of its interfaces is one end of a cable, and the other ends are in a namespace
in which no IP runs. A bridge is a cable here as well: rules only see its name.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from frames import ICMP, ICMPV6, TCP, UDP, Datagram, frame, heard
from namespaces import Namespace
from tracing_socket import flush_conntrack

from fwplan.prove.ending import Kind
from fwplan.simulate.packet import NO_INTERFACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from ipaddress import IPv4Address, IPv6Address

    from fwplan.prove.ending import Ending
    from fwplan.simulate.packet import Interface, Packet

    Address = IPv4Address | IPv6Address

_ALL_PROTOCOLS = 0x0003
_AT_LEAST, _AT_MOST = 0.01, 5.0
"""Seconds that are waited where nothing is to arrive, and where something is."""
_SETTINGS = {
    "ipv4/ip_forward": 1,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv4/icmp_ratelimit": 0,
    "ipv4/conf/all/send_redirects": 0,
    "ipv4/conf/default/send_redirects": 0,
    "ipv6/conf/all/forwarding": 1,
    "ipv6/conf/default/addr_gen_mode": 1,
    "ipv6/conf/all/addr_gen_mode": 1,
    "ipv6/conf/default/accept_dad": 0,
    "ipv6/conf/all/accept_dad": 0,
    "ipv6/icmp/ratelimit": 0,
    # an acknowledgment of nothing is invalid
    "netfilter/nf_conntrack_tcp_loose": 0,
}
_TRACKER = [
    {"flush": {"ruleset": None}},
    {"add": {"table": {"family": "inet", "name": "tracker"}}},
    {
        "add": {
            "chain": {
                "family": "inet",
                "table": "tracker",
                "name": "c",
                "type": "filter",
                "hook": "prerouting",
                "prio": 0,
                "policy": "accept",
            }
        }
    },
    {
        "add": {
            "rule": {
                "family": "inet",
                "table": "tracker",
                "chain": "c",
                "expr": [
                    {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "invalid"}},
                    {"counter": None},
                ],
            }
        }
    },
]
"""Rules that only make the kernel track connections."""
_UNTRACKER = [
    {"add": {"table": {"family": "inet", "name": "untracker"}}},
    {
        "add": {
            "chain": {
                "family": "inet",
                "table": "untracker",
                "name": "c",
                "type": "filter",
                "hook": "prerouting",
                "prio": -300,
                "policy": "accept",
            }
        }
    },
    {"add": {"rule": {"family": "inet", "table": "untracker", "chain": "c", "expr": [{"notrack": None}]}}},
]
_TOLD = {
    "icmp port-unreachable": (ICMP, 3, 3),
    "icmpv6 port-unreachable": (ICMPV6, 1, 4),
    "icmp admin-prohibited": (ICMP, 3, 13),
}


class UntriableError(Exception):
    """A packet that this world cannot send."""


@dataclass(frozen=True)
class Seen:
    """What became of a packet.

    Attributes:
        left: as it arrived at the other end of the interface by which it leaves; None where it did not.
        told: what its sender was told: protocol, type and code.
    """

    left: Datagram | None
    told: tuple[tuple[int, int, int], ...]


class Crossing:
    """The host and the other ends; a context manager that takes it all away.

    Args:
        names: of the host's interfaces.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._own = {
            each.partition("/")[0] for number in range(len(self._names)) for each in own_addresses(number).values()
        }
        self._routes: list[str] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self.host = self._open.enter_context(Namespace())
        self._others = self._open.enter_context(Namespace())
        with self.host.entered():
            for setting, value in _SETTINGS.items():
                Path(f"/proc/sys/net/{setting}").write_text(str(value), encoding="ascii")
        with self._others.entered():
            Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1", encoding="ascii")
            keeper = subprocess.Popen(["sleep", "60"])
        try:
            lines = ["link set lo up"]
            for number, name in enumerate(self._names):
                end = f"peer name c{number} address {_peer_mac(number)} netns {keeper.pid}"
                lines += [f"link add {name} address {_host_mac(number)} type veth {end}", f"link set {name} up"]
                lines += [f"address add {each} dev {name}" for each in own_addresses(number).values()]
            self.host.run("ip", "-batch", "-", given="\n".join(lines))
        finally:
            keeper.kill()
            keeper.wait()
        self._others.run(
            "ip", "-batch", "-", given="\n".join(f"link set c{number} up" for number in range(len(self._names)))
        )
        with self._others.entered():
            self._sockets = [
                self._open.enter_context(_packet_socket(f"c{number}")) for number in range(len(self._names))
            ]
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def load(self, items: Sequence[Any]) -> None:
        """Have these rules, as nft lists them, and no others."""
        self._nft([{"flush": {"ruleset": None}}, *items])

    def _nft(self, commands: Sequence[Any]) -> None:
        self.host.run("nft", "-j", "-f", "-", given=json.dumps({"nftables": commands}))

    def fate(self, items: Sequence[Any], packet: Packet, *, awaited: bool) -> Seen:
        """What becomes of a packet with these rules.

        Args:
            items: the rules, as nft lists them.
            packet: that is sent.
            awaited: whether it is to arrive, or a message to its sender: then that is waited for.

        Raises:
            UntriableError: it is of a kind that this world does not send.
        """
        self._route(packet)
        state = None if packet.connection is None else packet.connection.state
        with self.host.entered():
            flush_conntrack()
        sent = _datagram(packet)
        match state:
            case "established":
                self._nft(_TRACKER)
                self._establish(packet, sent)
                self.load(items)
            case "related":
                self._nft(_TRACKER)
                sent = self._relate(packet, sent)
                self.load(items)
            case "untracked":
                self.load([*items, *_UNTRACKER])
            case "invalid" if packet.protocol == TCP and packet.in_interface != NO_INTERFACE:
                self.load(items)
            case "new":
                self.load(items)
            case _:
                raise UntriableError(f"a packet that is {state}")
        self._arrived()
        self._send(packet, sent)
        arrived = self._arrived(awaited=awaited)
        out, came = self.number(packet.out_interface), self.number(packet.in_interface)
        left = [each for number, each in arrived if number == out and each.mark == sent.mark]
        told = [
            (each.protocol, *each.ports)
            for number, each in arrived
            if number == came and each.mark != sent.mark and each.protocol in {ICMP, ICMPV6}
        ]
        return Seen(left[0] if left else None, tuple(told))

    def number(self, interface: Interface | None) -> int:
        """The number of an interface; -1 for none."""
        name = "" if interface is None else interface.name
        return self._names.index(name) if name else -1

    def _route(self, packet: Packet) -> None:
        """See that the packet finds its way out, and messages to its sender theirs."""
        assert packet.out_interface is not None
        ways = [(packet.destination, packet.out_interface.name)]
        if packet.in_interface is not None and packet.in_interface.name:
            ways.append((packet.source, packet.in_interface.name))
        lines = [f"route del {each}" for each in self._routes]
        self._routes = []
        for address, name in ways:
            assert address is not None
            if not address.is_multicast and str(address) != "255.255.255.255":
                lines += self._way(address, name)
        self.host.run("ip", "-batch", "-", given="\n".join(lines))

    def _way(self, address: Address, name: str) -> list[str]:
        """Commands after which packets for an address go to the other end of an interface."""
        if str(address) in self._own:
            raise UntriableError("an address of the host itself")
        to = f"{address}/{address.max_prefixlen} dev {name}"
        self._routes.append(to)
        mac = _peer_mac(self._names.index(name))
        return [f"route replace {to}", f"neighbour replace {address} lladdr {mac} dev {name} nud permanent"]

    def _establish(self, packet: Packet, sent: Datagram) -> None:
        """The first packet of a connection, and the answer to it, so that what is sent next belongs to it."""
        assert packet.connection is not None
        comes_back = packet.connection.direction == "reply"
        if packet.in_interface == NO_INTERFACE:
            raise UntriableError("a connection of the host's own")
        first, answer = sent, _answer(sent)
        if sent.protocol == TCP:
            first, answer = replace(sent, flags=frozenset({"syn"})), replace(answer, flags=frozenset({"syn", "ack"}))
        ways = [(packet.in_interface, first), (packet.out_interface, answer)]
        if comes_back:
            ways = [
                (packet.out_interface, replace(answer, flags=first.flags)),
                (packet.in_interface, replace(first, flags=answer.flags)),
            ]
        for interface, datagram in ways:
            self._send_by(self.number(interface), replace(datagram, mark=0x777))
            self._arrived(awaited=True)

    def _relate(self, packet: Packet, sent: Datagram) -> Datagram:
        """A connection that the other side has begun, and the message that an error has come of it."""
        if packet.protocol not in {ICMP, ICMPV6} or packet.in_interface == NO_INTERFACE:
            raise UntriableError("a related packet that is no error")
        beyond = ip_address("192.0.2.250" if sent.version == 4 else "2001:db8:fffc::250")
        assert packet.in_interface is not None
        self.host.run("ip", "-batch", "-", given="\n".join(self._way(beyond, packet.in_interface.name)))
        begun = Datagram(sent.destination, beyond, UDP, (40001, 40002), mark=0x778)
        self._send_by(self.number(packet.out_interface), begun)
        self._arrived(awaited=True)
        kind = (3, 1) if sent.version == 4 else (1, 0)
        return replace(sent, ports=kind, payload=begun.packet(), icmp_id=0)

    def _send(self, packet: Packet, datagram: Datagram) -> None:
        number = self.number(packet.in_interface)
        if number >= 0:
            self._send_by(number, datagram)
            return
        assert packet.out_interface is not None
        with self.host.entered():
            if datagram.version == 4:
                raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                to: Any = (str(datagram.destination), 0)
            else:
                raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
                index = socket.if_nametoindex(packet.out_interface.name)
                to = (str(datagram.destination), 0, 0, index)
            with raw:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, packet.out_interface.name.encode())
                # a rule may refuse it
                with suppress(PermissionError):
                    raw.sendto(datagram.packet(), to)

    def _send_by(self, number: int, datagram: Datagram) -> None:
        to = datagram.destination
        if to.is_multicast or str(to) == "255.255.255.255":
            raise UntriableError("a packet to a group that comes from elsewhere: no host forwards it")
        self._sockets[number].send(frame(_host_mac(number), _peer_mac(number), datagram.packet()))

    def _arrived(self, *, awaited: bool = False) -> list[tuple[int, Datagram]]:
        """What has arrived at the other ends since the last time: at which, and what."""
        select.select([] if not awaited else self._sockets, [], [], _AT_MOST if awaited else _AT_LEAST)
        if awaited:
            time.sleep(_AT_LEAST)
        return [(number, datagram) for number, each in enumerate(self._sockets) for datagram in heard(each)]


def is_as_foretold(seen: Seen, ending: Ending, packet: Packet, number: int) -> bool:
    """Whether what became of a packet is what was foretold.

    Args:
        seen: what became of it.
        ending: what was foretold.
        packet: as it was sent.
        number: of the interface by which it leaves.
    """
    if ending.kind is Kind.REFUSED:
        is_error = packet.connection is not None and packet.connection.state == "related"
        expected = (_TOLD[ending.told],) if ending.told and not is_error else ()
        to_group = packet.destination is not None and packet.destination.is_multicast
        return seen.left is None and (seen.told == expected or packet.in_interface == NO_INTERFACE or to_group)
    if seen.left is None:
        return False
    translate, port = ending.translate, seen.left.ports[0]
    if translate is None:
        return seen.left.source == packet.source and packet.source_port in {port, None}
    if packet.source_port is not None:
        first, last = translate.ports or (packet.source_port, packet.source_port)
        if not first <= port <= last:
            return False
    version = 4 if packet.family == "ip" else 6
    if translate.addresses is None:
        return str(seen.left.source) == own_addresses(number)[version].partition("/")[0]
    return translate.addresses[0] <= int(seen.left.source) <= translate.addresses[1]


def own_addresses(number: int) -> dict[int, str]:
    """The host's addresses on an interface."""
    return {4: f"100.127.{number}.1/32", 6: f"2001:db8:aaaa:{number}::1/128"}


def _host_mac(number: int) -> str:
    return f"02:00:00:01:{number:02x}:01"


def _peer_mac(number: int) -> str:
    return f"02:00:00:01:{number:02x}:02"


def _datagram(packet: Packet) -> Datagram:
    assert packet.source is not None
    assert packet.destination is not None
    protocol = packet.protocol or 0
    if protocol in {TCP, UDP}:
        ports = (packet.source_port or 0, packet.destination_port or 0)
    elif protocol in {ICMP, ICMPV6}:
        ports = (packet.icmp_type or 0, packet.icmp_code or 0)
    else:
        raise UntriableError(f"a packet of protocol {protocol}")
    return Datagram(
        packet.source, packet.destination, protocol, ports, packet.tcp_flags or frozenset(), icmp_id=1, mark=0x321
    )


def _answer(datagram: Datagram) -> Datagram:
    ports = (datagram.ports[1], datagram.ports[0])
    if datagram.protocol in {ICMP, ICMPV6}:
        ports = ({8: 0, 128: 129}.get(datagram.ports[0], 0), 0)
    return replace(datagram, source=datagram.destination, destination=datagram.source, ports=ports)


def _packet_socket(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
    made.bind((interface, _ALL_PROTOCOLS))
    made.settimeout(0)
    return made
