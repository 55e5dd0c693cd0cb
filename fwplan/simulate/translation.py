"""Translation of addresses and ports: what a statement says for a first packet, and what follows for later ones.

Source: Linux, net/netfilter/nf_nat_core.c, nf_nat_masquerade.c, nf_nat_redirect.c and nft_nat.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from fwplan.simulate.actions import Translate
from fwplan.simulate.state import CONFIRMED_EARLY, DNAT, SNAT, Ends, Tracked, address

if TYPE_CHECKING:
    from fwplan.simulate.actions import Result
    from fwplan.simulate.state import State
    from fwplan.simulate.world import World

Side = Literal["source", "destination"]

HAVE_PORTS = frozenset((6, 17, 33, 132, 136))
"""Protocols whose ports are translated."""
_LOOPBACK = {"ip": 0x7F000001, "ip6": 1}


class _End(NamedTuple):
    """One end of a packet's way: None for what is not known."""

    number: int | None
    port: int | None


def translate(state: State, result: Result, side: Side, hook: str, world: World) -> tuple[State, tuple[str, ...]]:
    """What a chain of type nat makes of a packet, and what of it changed, in words."""
    if not isinstance(result, Translate) or CONFIRMED_EARLY in state.translated:
        return state, ()
    old = _end(state, side)
    new = _translated(result, old, state, hook, world)
    changed = _with_end(state, side, new)
    changed.translated = state.translated | {side}
    changed.ct = changed.tracked = _remembering(state.ct, side, old, new)
    return changed, _words(side, old, new, state.family)


def retranslate(state: State, side: Side) -> tuple[State, tuple[str, ...]]:
    """What a packet becomes whose connection is translated, and what of it changed, in words."""
    ct = state.ct
    if ct.original is None or ct.reply is None or ct.direction is None:
        return state, ()
    this, other = (ct.original, ct.reply) if ct.direction == 0 else (ct.reply, ct.original)
    target = other.reversed()
    if side == "source":
        was, new = _End(this.source, this.source_port), _End(target.source, target.source_port)
    else:
        was, new = _End(this.destination, this.destination_port), _End(target.destination, target.destination_port)
    if was == new and None not in was[:1]:
        return state, ()
    old = _end(state, side)
    if state.protocol not in HAVE_PORTS:
        new = _End(new.number, old.port)
    return _with_end(state, side, new), _words(side, old, new, state.family)


def _end(state: State, side: Side) -> _End:
    return _End(state.saddr, state.sport) if side == "source" else _End(state.daddr, state.dport)


def _with_end(state: State, side: Side, end: _End) -> State:
    changed = state.copy()
    if side == "source":
        changed.saddr, changed.sport = end
    else:
        changed.daddr, changed.dport = end
    changed.epoch += 1
    # what was taken for granted may have been about what is no longer so
    changed.assumed = frozenset()
    return changed


def _translated(result: Translate, old: _End, state: State, hook: str, world: World) -> _End:
    if not result.known:
        return _End(None, None)
    if result.kind == "masquerade":
        number = _masqueraded(state, world)
    elif result.kind == "redirect":
        number = _LOOPBACK[state.family] if hook == "output" else _redirected(state, world)
    else:
        number = _chosen(result, old, state)
    port = old.port if state.protocol not in HAVE_PORTS else _port(result, old.port)
    return _End(number, port)


def _chosen(result: Translate, old: _End, state: State) -> int | None:
    """Which address of a range. The kernel draws one for each pair of addresses, and keeps a source that is in it."""
    if result.addresses is None:
        return old.number
    first, last = result.addresses
    if result.netmap:
        free = first ^ last
        return None if old.number is None else first & ~free | old.number & free
    if first == last:
        return first
    if result.kind == "snat" and old.number is not None and first <= old.number <= last and not result.random:
        fits = result.ports is None or (old.port is not None and result.ports[0] <= old.port <= result.ports[1])
        return old.number if fits or state.protocol not in HAVE_PORTS else None
    return None


def _port(result: Translate, old: int | None) -> int | None:
    if result.ports is not None and result.ports[0] == result.ports[1]:
        return result.ports[0]
    if result.random:
        return None
    if result.ports is None:
        return old
    return old if old is not None and result.ports[0] <= old <= result.ports[1] else None


def lacks_address(state: State, result: Translate, hook: str, world: World) -> bool:
    """Whether the host has certainly no address to translate to."""
    if result.kind != "redirect" or hook == "output" or not result.known:
        return False
    own = _usable(state.iifname, state, world)
    return own is not None and not own


def _usable(interface: str | None, state: State, world: World) -> list[int] | None:
    """The addresses of an interface that a packet may be redirected to; None where they are not known."""
    if interface is None or world.addresses is None:
        return None
    own = [each.ip for each in world.addresses.get(interface, ()) if (each.version == 6) == (state.family == "ip6")]
    if state.family == "ip6":
        if state.daddr is None:
            return None
        if _is_link_local(state.daddr):
            own = [each for each in own if each.is_link_local]
    return [int(each) for each in own]


def _is_link_local(number: int) -> bool:
    """Of one link: fe80::/10, and groups such as ff02::1."""
    return number >> 118 == 0xFE80 >> 6 or (number >> 120 == 0xFF and number >> 112 & 0xF == 2)


def _redirected(state: State, world: World) -> int | None:
    own = _usable(state.iifname, state, world)
    return own[0] if own else None


def _masqueraded(state: State, world: World) -> int | None:
    """The address of the interface that the packet leaves by, towards its destination where there are several."""
    if state.oifname is None:
        return None
    version = 6 if state.family == "ip6" else 4
    own = world.sources(version, state.oifname)
    if version == 4:
        own = own or world.sources(version)[:1]
        if len(own) > 1 and state.daddr is not None:
            there = address(state.daddr, state.family)
            own = tuple(each for each in own if there in each.network)
    return int(own[0].ip) if len(own) == 1 else None


def _remembering(ct: Tracked, side: Side, old: _End, new: _End) -> Tracked:
    """What connection tracking knows from now on."""
    status, reply = ct.status, ct.reply
    if status is not None and (new != old or new.number is None):
        status |= SNAT if side == "source" else DNAT
    if reply is not None and side == "source":
        reply = Ends(reply.source, new.number, reply.source_port, new.port)
    elif reply is not None:
        reply = Ends(new.number, reply.destination, new.port, reply.destination_port)
    return ct._replace(status=status, reply=reply)


def _words(side: Side, old: _End, new: _End, family: str) -> tuple[str, ...]:
    words = []
    if old.number != new.number or new.number is None:
        before, after = (address(end.number, family) for end in (old, new))
        words.append(f"{side} {before or '?'} → {after or '?'}")
    if old.port != new.port:
        before_port, after_port = ("?" if end.port is None else end.port for end in (old, new))
        words.append(f"{side} port {before_port} → {after_port}")
    return tuple(words)
