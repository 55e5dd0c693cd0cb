"""A host with two bridges, guests on them and an outside, on which rulesets are tried with real packets.

The host is one network namespace. Everybody else is the other end of a cable, in a namespace in which no IP runs: there
frames are made by hand, and what arrives is looked at.
"""

from __future__ import annotations

import socket
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Self

from frames import frame, heard, mark_of
from namespaces import Namespace
from tracing_socket import TraceSocket, flush_conntrack

from fwplan.simulate.packet import Interface
from fwplan.simulate.world import Neighbour, Route, World

if TYPE_CHECKING:
    from frames import Datagram
    from tracing_socket import TraceEvent

_ALL_PROTOCOLS = 0x0003


@dataclass(frozen=True)
class Peer:
    """Somebody at the other end of a cable.

    Attributes:
        name: of the interface at its end.
        port: of the interface at the host's end.
        bridge: that the port is of; empty for none.
        mac: its own hardware address.
        addresses: its own addresses, of IPv4 and IPv6 first, and more of which answers would come to it.
    """

    name: str
    port: str
    bridge: str
    mac: str
    addresses: tuple[str, ...]

    @property
    def interface(self) -> str:
        """By which its packets reach the host's IP."""
        return self.bridge or self.port


PEERS = (
    Peer("g1", "p1", "br0", "02:00:00:00:00:11", ("10.0.0.11", "fd00::11", "10.0.0.99", "fd00::99")),
    Peer("g2", "p2", "br0", "02:00:00:00:00:12", ("10.0.0.12", "fd00::12")),
    Peer("g3", "p3", "br1", "02:00:00:00:01:11", ("10.0.1.11", "fd00:0:0:1::11", "10.0.1.77")),
    Peer("o1", "ext0", "", "02:00:00:00:02:01", ("198.51.100.1", "2001:db8:1::1")),
)
PEER = {peer.name: peer for peer in PEERS}
HOST_MAC = {"br0": "02:00:00:00:00:01", "br1": "02:00:00:00:01:01", "ext0": "02:00:00:00:02:02"}
HOST_ADDRESSES = {
    "br0": ("10.0.0.1/24", "fd00::1/64"),
    "br1": ("10.0.1.1/24", "fd00:0:0:1::1/64"),
    "ext0": ("198.51.100.2/24", "2001:db8:1::2/64"),
}
_SETTINGS = {
    "ipv4/ip_forward": 1,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv4/icmp_ratelimit": 0,
    "ipv4/icmp_echo_ignore_broadcasts": 0,
    "ipv4/conf/all/send_redirects": 0,
    "ipv4/conf/default/send_redirects": 0,
    "ipv6/conf/all/forwarding": 1,
    # no addresses and no messages but those of the test
    "ipv6/conf/default/addr_gen_mode": 1,
    "ipv6/conf/all/addr_gen_mode": 1,
    "ipv6/conf/default/accept_dad": 0,
    "ipv6/conf/all/accept_dad": 0,
    "ipv6/icmp/ratelimit": 0,
    # sequence numbers are not what is tried
    "netfilter/nf_conntrack_tcp_be_liberal": 1,
}


class SmallWorld:
    """The host and its peers; a context manager that takes it all away."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self.host = self._open.enter_context(Namespace())
        self._others = self._open.enter_context(Namespace())
        self._make()
        with self._others.entered():
            self._sockets = {peer.name: self._open.enter_context(_packet_socket(peer.name)) for peer in PEERS}
        with self.host.entered():
            self.traces = self._open.enter_context(TraceSocket())
            self._raw = {
                4: self._open.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)),
                6: self._open.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)),
            }
            self._raw[4].setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            indices = {name: number for number, name in socket.if_nameindex()}
        self.world = _world(indices)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _make(self) -> None:
        with self.host.entered():
            for setting, value in _SETTINGS.items():
                Path(f"/proc/sys/net/{setting}").write_text(str(value), encoding="ascii")
            self.bridge_netfilter = False
        links = [
            f"link add {bridge} address {HOST_MAC[bridge]} type bridge mcast_snooping 0" for bridge in ("br0", "br1")
        ]
        ends = []
        for peer in PEERS:
            end = f"name {peer.port}" if peer.bridge else f"name {peer.port} address {HOST_MAC[peer.port]}"
            links.append(
                f"link add {end} type veth peer name {peer.name} address {peer.mac} netns /proc/self/fd/{{fd}}"
            )
            links += [f"link set {peer.port} master {peer.bridge}"] if peer.bridge else []
            ends.append(f"link set {peer.name} up")
        links += [f"link set {name} up" for name in ("lo", "br0", "br1", *(peer.port for peer in PEERS))]
        for name, addresses in HOST_ADDRESSES.items():
            links += [f"address add {address} dev {name}" for address in addresses]
        links += ["route add default via 198.51.100.1", "route add ::/0 via 2001:db8:1::1"]
        for peer in PEERS:
            links += [
                f"neighbour add {each} lladdr {peer.mac} dev {peer.interface} nud permanent" for each in peer.addresses
            ]
        with self._others.entered():
            Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1", encoding="ascii")
        self._batch(links)
        for peer in PEERS:
            if peer.bridge:
                self.host.run("bridge", "fdb", "replace", peer.mac, "dev", peer.port, "master", "static")
        self._others.run("ip", "-batch", "-", given="\n".join(ends))

    def _batch(self, lines: list[str]) -> None:
        # the other namespace has no name, so that its ends are made here and moved there by a process in it
        with self._others.entered():
            keeper = subprocess.Popen(["sleep", "60"])
        try:
            script = "\n".join(lines).replace("netns /proc/self/fd/{fd}", f"netns {keeper.pid}")
            self.host.run("ip", "-batch", "-", given=script)
        finally:
            keeper.kill()
            keeper.wait()

    @property
    def bridge_netfilter(self) -> bool:
        """Whether frames that a bridge carries go through the rules of IP."""
        return self._bridge_netfilter

    @bridge_netfilter.setter
    def bridge_netfilter(self, value: bool) -> None:
        self._bridge_netfilter = value
        with self.host.entered():
            for program in ("iptables", "ip6tables"):
                Path(f"/proc/sys/net/bridge/bridge-nf-call-{program}").write_text(str(int(value)), encoding="ascii")

    def forget(self) -> None:
        """Forget connections, and what has arrived."""
        with self.host.entered():
            flush_conntrack()
        self.traces.events()
        self.arrived()

    def send(self, sender: str, datagram: Datagram, to_mac: str | None = None) -> list[TraceEvent]:
        """Send a packet, and tell what it met."""
        if sender == "host":
            self._send_from_host(datagram)
        else:
            peer = PEER[sender]
            self._sockets[sender].send(frame(to_mac or HOST_MAC[peer.interface], peer.mac, datagram.packet()))
        return of_packet(self.traces.events(), datagram.mark, from_host=sender == "host")

    def _send_from_host(self, datagram: Datagram) -> None:
        try:
            if datagram.version == 4:
                self._raw[4].sendto(datagram.packet(), (str(datagram.destination), 0))
            else:
                self._raw[6].sendto(datagram.packet(), (str(datagram.destination), 0, 0, 0))
        except PermissionError:
            # a rule has refused it
            pass

    def arrived(self) -> list[tuple[str, Datagram]]:
        """What has arrived at peers since the last time: where, and what."""
        return [(name, datagram) for name, each in self._sockets.items() for datagram in heard(each)]


def of_packet(events: list[TraceEvent], mark: int, *, from_host: bool) -> list[TraceEvent]:
    """What happened to one packet, and not to the answers that it caused: an answer may happen to have its mark."""
    found = []
    ours: dict[int, bool] = {}
    answers: set[int] = set()
    for event in events:
        if event.header and event.table == "tracer":
            is_answer = event.chain == "output" and event.family != "bridge" and not from_host
            (answers.add if is_answer else answers.discard)(event.packet)
        if event.header:
            ours[event.packet] = mark_of(event.header) == mark and event.packet not in answers
        if ours.get(event.packet):
            found.append(event)
    return found


def _packet_socket(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
    made.bind((interface, _ALL_PROTOCOLS))
    made.settimeout(0)
    return made


def _world(indices: dict[str, int]) -> World:
    def interface(name: str, kind: str, bridge: str = "") -> Interface:
        of = "loopback" if name == "lo" else "ether"
        return Interface(name, indices[name], kind, of, 0, bridge, HOST_MAC.get(name))

    ports = tuple(interface(peer.port, "veth", peer.bridge) for peer in PEERS)
    return World(
        (interface("lo", ""), interface("br0", "bridge"), interface("br1", "bridge"), *ports),
        {
            "lo": (ip_interface("127.0.0.1/8"), ip_interface("::1/128")),
            **{name: tuple(map(ip_interface, addresses)) for name, addresses in HOST_ADDRESSES.items()},
        },
        (Route(ip_network("0.0.0.0/0"), "ext0"), Route(ip_network("::/0"), "ext0")),
        {
            ip_address(each): Neighbour(peer.port if peer.bridge else "", peer.mac)
            for peer in PEERS
            for each in peer.addresses
        },
    )
