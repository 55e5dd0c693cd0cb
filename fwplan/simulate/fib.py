"""What a lookup in the routing table gives: `fib daddr type`, `fib saddr . iif oif`; and the way of a packet.

Source: Linux, net/ipv4/netfilter/nft_fib_ipv4.c, net/ipv6/netfilter/nft_fib_ipv6.c and `inet_dev_addr_type`.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from fwplan.nft.datatypes import DATATYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from fwplan.simulate.packet import Address
    from fwplan.simulate.state import State
    from fwplan.simulate.world import World

TYPES = DATATYPES["fib_addrtype"].words
_LIMITED_BROADCAST = 0xFFFFFFFF


def address_of(number: int, family: str) -> Address:
    """An address from its number."""
    return IPv6Address(number) if family == "ip6" else IPv4Address(number)


def address_type(address: Address, world: World, interface: str | None = None) -> str | None:
    """`local`, `unicast`, `broadcast`, ...: what an address is to a host; None where that is not known.

    Args:
        address: which.
        world: the host.
        interface: only as far as this interface is concerned; None for any.
    """
    if address.version == 4:
        return _type4(address, world, interface)
    if address.is_multicast:
        return "multicast"
    return _type6(address, world, interface)


def _type4(address: Address, world: World, interface: str | None) -> str | None:
    if int(address) == _LIMITED_BROADCAST or int(address) >> 24 == 0:
        return "broadcast"
    if address.is_multicast:
        return "multicast"
    if address.is_loopback:
        return "local" if interface in {None, "lo"} else "unicast"
    if world.addresses is None:
        return None
    return next(
        (claim.type for claim in world.claims.get(address, ()) if interface in {None, claim.interface}), "unicast"
    )


def _type6(address: Address, world: World, interface: str | None) -> str | None:
    if address.is_loopback and interface in {None, "lo"}:
        return "local"
    if world.addresses is None:
        return None
    for claim in world.claims.get(address, ()):
        if claim.type == "anycast":
            return None
        if interface in {None, claim.interface}:
            return claim.type
    if address.is_link_local:
        return "unicast"
    if world.routes is None:
        return None
    route = world.route_to(address)
    return "unreachable" if route is None else route.type


def fib_getter(result: str, flags: tuple[str, ...], world: World) -> Callable[[State], int | str | None]:
    """The function that looks up.

    What it gives is a number for `type`, and the name of an interface otherwise, empty for none.
    """
    if not set(flags) <= {"saddr", "daddr", "iif", "oif", "mark"} or len({"saddr", "daddr"} & set(flags)) != 1:
        return lambda _: None
    which = "saddr" if "saddr" in flags else "daddr"
    by = "oifname" if "oif" in flags else "iifname" if "iif" in flags else ""
    found: dict[tuple[int | None, str | None, str], int | str | None] = {}
    look_up = _type_number if result == "type" else _interface_name

    def read(state: State) -> int | str | None:
        number: int | None = getattr(state, which)
        interface: str | None = getattr(state, by) if by else ""
        if result != "type" and (special := _special(state)) is not None:
            return special
        key = (number, interface, state.family)
        if key not in found:
            if number is None or interface is None:
                found[key] = None
            else:
                found[key] = look_up(address_of(number, state.family), world, interface or None)
        return found[key]

    return read


def _special(state: State) -> str | None:
    """Where the kernel does not look up: what the host sent to itself, and what has no source address yet."""
    if state.iifname == "lo":
        return "lo"
    if state.family == "ip" and state.saddr is not None and state.saddr >> 24 == 0:
        local = state.daddr == _LIMITED_BROADCAST or (state.daddr is not None and state.daddr >> 8 == 0xE00000)
        return state.iifname if local else None
    return None


def _type_number(address: Address, world: World, interface: str | None) -> int | None:
    kind = address_type(address, world, interface)
    return None if kind is None else TYPES[kind]


def _interface_name(address: Address, world: World, interface: str | None) -> str | None:
    if world.routes is None or world.addresses is None:
        return None
    if address.version == 6 and address.is_link_local:
        # there is such a route on each interface
        return interface
    kind = address_type(address, world)
    if kind == "local":
        return ""
    if kind == "broadcast" and int(address) != _LIMITED_BROADCAST:
        owners = [claim.interface for claim in world.claims.get(address, ()) if claim.type == "broadcast"]
        return owners[0] if owners and interface in {None, owners[0]} else ""
    route = world.route_to(address)
    if route is None or route.type != "unicast":
        return ""
    return route.interface if interface in {None, route.interface} else ""
