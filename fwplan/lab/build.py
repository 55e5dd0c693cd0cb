"""Makes a world of network namespaces: links, addresses, routes, neighbours, and settings of the kernel.

Everybody knows everybody's MAC address from the beginning, and every address is valid at once: nothing is sent in the
world but what a probe sends.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from fwplan.errors import HostError
from fwplan.lab.namespaces import NetworkNamespace
from fwplan.lab.world import HOST
from fwplan.plan.intents import Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fwplan.lab.world import AddressWithPrefix, Machine, Segment, World
    from fwplan.network.addressing import Address

VIA_HOST = 1
"""The mark of a socket whose packets go by way of the host, also to machines on the same segment."""

GUEST_INTERFACE = "eth0"
"""The one interface that every machine but the host has."""

_TABLE_OF_THE_MARKED = 100
_PERMANENT = 0x80  # linux/neighbour.h
_NO_DUPLICATE_DETECTION, _NO_ROUTE = 0x02, 0x200  # linux/if_addr.h
_METRIC = 100

_EVERYWHERE = {
    "net/ipv6/conf/{}/disable_ipv6": "0",
    "net/ipv6/conf/{}/accept_dad": "0",
    "net/ipv6/conf/{}/accept_ra": "0",
    "net/ipv6/conf/{}/accept_redirects": "0",
    "net/ipv4/conf/{}/accept_redirects": "0",
    "net/ipv4/conf/{}/send_redirects": "0",
    # It is the rules that decide, and not what else the kernel may think of a source.
    "net/ipv4/conf/{}/rp_filter": "0",
}
_ON_THE_HOST = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/default/forwarding": "1",
    # Each refused packet is answered, however many there are.
    "net/ipv4/icmp_ratemask": "0",
    "net/ipv6/icmp/ratelimit": "0",
    # What stays on a bridge is no business of IP's, whatever modules other programs have loaded.
    "net/bridge/bridge-nf-call-iptables": "0",
    "net/bridge/bridge-nf-call-ip6tables": "0",
}


class Built:
    """A world that is there: the process's own network namespace is the host, and each other machine has one."""

    def __init__(self, world: World) -> None:
        """Make it. It goes when the process ends.

        Raises:
            HostError: the kernel refuses something.
        """
        self._namespaces: dict[int, NetworkNamespace] = {HOST: NetworkNamespace.current()}
        self._control = NetworkNamespace.new()
        try:
            self._build(world)
        except NetlinkError as error:
            raise HostError(f"the kernel does not make the lab's links and addresses: {error}") from error

    def enter(self, machine: Machine) -> None:
        """Be on that machine from now on."""
        self._namespaces[machine.number].enter()

    def enter_control(self) -> None:
        """Be where nobody else is, and no rule, but a loopback interface."""
        self._control.enter()

    def _build(self, world: World) -> None:
        _set(_EVERYWHERE)
        _set(_ON_THE_HOST)
        with IPRoute() as host:
            _raise("lo", host)
            for segment in world.segments:
                if segment.share is not None:
                    host.link("add", ifname=segment.interface, kind="bridge", address=segment.mac)
            for segment in world.segments:
                for machine in world.on(segment):
                    self._connect(host, machine, segment)
            for segment in world.segments:
                self._address(host, segment, world.on(segment))
        with self._control.entered(), IPRoute() as nobody:
            _raise("lo", nobody)
        for segment in world.segments:
            for machine in world.on(segment):
                with self._namespaces[machine.number].entered():
                    _settle(machine, segment, world.on(segment))

    def _connect(self, host: IPRoute, machine: Machine, segment: Segment) -> None:
        """Lay the cable between a machine and the host."""
        namespace = self._namespaces[machine.number] = NetworkNamespace.new()
        far_end = {"ifname": GUEST_INTERFACE, "address": machine.mac, "net_ns_fd": namespace.descriptor}
        if segment.share is None:
            host.link("add", ifname=machine.port, kind="veth", address=segment.mac, peer=far_end)
            return
        host.link("add", ifname=machine.port, kind="veth", peer=far_end)
        port = socket.if_nametoindex(machine.port)
        host.link("set", index=port, master=socket.if_nametoindex(segment.interface))
        if segment.isolates_ports:
            host.brport("set", index=port, isolated=1)
        _raise(machine.port, host)

    @staticmethod
    def _address(host: IPRoute, segment: Segment, machines: Iterable[Machine]) -> None:
        """Give the host its addresses on a segment."""
        if not segment.has_ipv6:
            _set({f"net/ipv6/conf/{segment.interface}/disable_ipv6": "1"})
        _raise(segment.interface, host)
        for address in segment.addresses:
            # Of two routes to one subnet the first is taken.
            _add_address(host, segment.interface, address, rt_priority=_METRIC + segment.number)
        _know(host, segment.interface, {address.ip: m.mac for m in machines for address in m.addresses.values()})


def _settle(machine: Machine, segment: Segment, machines: Iterable[Machine]) -> None:
    """Give a machine, in whose namespace the thread is, its addresses and its ways."""
    _set(_EVERYWHERE)
    with IPRoute() as own:
        _raise("lo", own)
        _raise(GUEST_INTERFACE, own)
        known = {address.ip: m.mac for m in machines for address in m.addresses.values() if m is not machine}
        known |= dict.fromkeys(machine.gateways.values(), segment.mac)
        _know(own, GUEST_INTERFACE, known)
        interface = socket.if_nametoindex(GUEST_INTERFACE)
        for family, address in machine.addresses.items():
            version = socket.AF_INET if family is Family.IPV4 else socket.AF_INET6
            # Other networks may be within its own: it is neighbour of those on its segment, and of nobody else.
            _add_address(own, GUEST_INTERFACE, address, flags=_NO_ROUTE | _NO_DUPLICATE_DETECTION)
            for other in known:
                if other in address.network:
                    own.route("add", family=version, dst=f"{other}/{other.max_prefixlen}", oif=interface)
            gateway = str(machine.gateways[family])
            way = {"family": version, "dst": "default", "gateway": gateway, "oif": interface, "flags": ["onlink"]}
            own.route("add", **way)
            own.route("add", table=_TABLE_OF_THE_MARKED, **way)
            own.rule("add", family=version, fwmark=VIA_HOST, table=_TABLE_OF_THE_MARKED)


def _raise(interface: str, netlink: IPRoute) -> None:
    netlink.link("set", index=socket.if_nametoindex(interface), state="up")


def _add_address(
    netlink: IPRoute, interface: str, address: AddressWithPrefix, *, flags: int = _NO_DUPLICATE_DETECTION, **more: int
) -> None:
    netlink.addr(
        "add",
        index=socket.if_nametoindex(interface),
        address=str(address.ip),
        prefixlen=address.network.prefixlen,
        flags=flags,
        **more,
    )


def _know(netlink: IPRoute, interface: str, macs: Mapping[Address, str]) -> None:
    index = socket.if_nametoindex(interface)
    for address, mac in macs.items():
        version = socket.AF_INET if address.version == 4 else socket.AF_INET6
        netlink.neigh("add", family=version, dst=str(address), lladdr=mac, ifindex=index, state=_PERMANENT)


def _set(settings: Mapping[str, str]) -> None:
    """Change settings of the kernel in the network namespace of the thread; those that this kernel lacks are left."""
    for template, value in settings.items():
        for name in ("all", "default") if "{}" in template else ("",):
            path = Path("/proc/sys", template.format(name))
            try:
                path.write_text(f"{value}\n", encoding="ascii")
            except FileNotFoundError:
                continue
            except OSError as error:
                raise HostError(f"the kernel does not let the lab change {path}: {error.strerror}") from error
