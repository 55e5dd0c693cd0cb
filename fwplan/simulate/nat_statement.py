"""`snat`, `dnat`, `masquerade` and `redirect`: what the packet is to be translated to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fwplan.nft.datatypes import DATATYPES
from fwplan.nft.expressions import Concatenation, Map
from fwplan.simulate.actions import Either, Translate
from fwplan.simulate.lookup import ABSENT, MISS, Hit, in_span, part_of
from fwplan.simulate.values import key_getter
from fwplan.simulate.verdicts import NO_MATCH

if TYPE_CHECKING:
    from fwplan.nft.expressions import Expression
    from fwplan.nft.statements import Nat
    from fwplan.simulate.actions import Result, Step
    from fwplan.simulate.scope import Scope
    from fwplan.simulate.state import State

    Span = tuple[int, int] | None


class _Target(NamedTuple):
    """Addresses and ports, and whether they are known."""

    addresses: Span
    ports: Span
    known: bool = True


_UNKNOWN = _Target(None, None, known=False)


def nat_step(statement: Nat, scope: Scope) -> Step:
    """A statement that translates; on packets of another version of IP than it is for, it has no effect."""
    families = {"ip": ("ip",), "ip6": ("ip6",)}.get(statement.family or scope.family, ("ip", "ip6"))
    if isinstance(statement.address, Map):
        return _mapped(statement, statement.address, families, scope)
    by_family = {family: _translate(statement, _target(statement, family)) for family in families}

    def step(state: State) -> Result:
        return by_family.get(state.family, True)

    return step


def _translate(statement: Nat, target: _Target) -> Translate:
    random = bool({"random", "fully-random"} & set(statement.flags))
    return Translate(
        statement.kind,
        target.addresses,
        target.ports,
        known=target.known,
        random=random,
        netmap="netmap" in statement.flags,
        persistent="persistent" in statement.flags,
    )


def _target(statement: Nat, family: str) -> _Target:
    addresses, known = None, True
    if statement.address is not None:
        addresses = _span(statement.address, family)
        known = addresses is not None
    ports = None
    if statement.port is not None:
        ports = in_span(part_of(statement.port, DATATYPES["inet_service"]))
        known = known and ports is not None
    return _Target(addresses, ports, known)


def _span(expression: Expression, family: str) -> Span:
    return in_span(part_of(expression, DATATYPES["ipv6_addr" if family == "ip6" else "ipv4_addr"]))


def _mapped(statement: Nat, mapped: Map, families: tuple[str, ...], scope: Scope) -> Step:
    lookup = scope.lookup(mapped.data, mapped.key)
    if lookup is None:
        unknown = _translate(statement, _UNKNOWN)
        return lambda state: unknown if state.family in families else True
    read, find = key_getter(mapped.key, scope), lookup.find

    def step(state: State) -> Result:
        key = read(state)
        if key is ABSENT:
            return False
        if state.family not in families:
            return True
        found = find(key)
        if isinstance(found, Hit):
            return _translate(statement, _mapped_target(statement, found.data, state.family))
        if found is MISS:
            return False
        unknown = _translate(statement, _UNKNOWN)
        return (
            Either((NO_MATCH, (statement.kind, unknown)), "the key of the map is not given")
            if found.or_none
            else unknown
        )

    return step


def _mapped_target(statement: Nat, data: Expression | None, family: str) -> _Target:
    if data is None:
        return _UNKNOWN
    ports = None
    if isinstance(data, Concatenation) and len(data.parts) == 2:
        ports = in_span(part_of(data.parts[1], DATATYPES["inet_service"]))
        data = data.parts[0]
        if ports is None:
            return _UNKNOWN
    elif statement.port is not None:
        ports = in_span(part_of(statement.port, DATATYPES["inet_service"]))
    addresses = _span(data, family)
    return _Target(addresses, ports, known=addresses is not None)
