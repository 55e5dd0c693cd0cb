"""Statements that change the packet, or what the kernel knows of it, and go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.datatypes import Form, datatype_of
from fwplan.nft.expression_text import expression_text
from fwplan.nft.expressions import Ct, Map, Meta, Operation, Payload, RawPayload
from fwplan.simulate.actions import Change, Either
from fwplan.simulate.constants import constant
from fwplan.simulate.lookup import ABSENT
from fwplan.simulate.state import UNTRACKED, address
from fwplan.simulate.values import getter, key_getter
from fwplan.simulate.verdicts import NO_MATCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from fwplan.nft.expressions import Expression
    from fwplan.nft.statements import Set, UpdateSet
    from fwplan.simulate.actions import Result, Step
    from fwplan.simulate.headers import Value
    from fwplan.simulate.scope import Scope
    from fwplan.simulate.state import State

_META = {"mark": "mark", "priority": "priority", "pkttype": "pkttype", "length": "length"}
_FIELDS = {
    ("ip", "saddr"): "saddr",
    ("ip", "daddr"): "daddr",
    ("ip6", "saddr"): "saddr",
    ("ip6", "daddr"): "daddr",
    ("ip", "ttl"): "ttl",
    ("ip6", "hoplimit"): "ttl",
    ("ip", "dscp"): "dscp",
    ("ip6", "dscp"): "dscp",
    ("ether", "saddr"): "smac",
    ("ether", "daddr"): "dmac",
    ("icmp", "type"): "icmp_type",
    ("icmp", "code"): "icmp_code",
    ("icmpv6", "type"): "icmp_type",
    ("icmpv6", "code"): "icmp_code",
    ("tcp", "flags"): "flags",
}
_PORTS = {"sport": "sport", "dport": "dport"}
_OF_HEADER = {
    "ll": ("smac", "dmac"),
    "nh": ("saddr", "daddr", "ttl", "dscp"),
    "th": ("sport", "dport", "flags", "icmp_type", "icmp_code", "icmp_id"),
}
"""What bits of a header may be, where they are written without a name."""


def set_step(statement: Set, scope: Scope) -> Step:
    """`meta mark set 1`, `ip dscp set cs1`."""
    match statement.key:
        case Meta(key) if key in _META:
            return _write(statement, scope, _META[key])
        case Ct("mark"):
            return _write_connection_mark(statement, scope)
        case Ct("zone"):
            return _forget_zone
        case Payload(protocol, field, None):
            attribute = _FIELDS.get((protocol, field)) or _PORTS.get(field)
            return _read_only(statement, scope) if attribute is None else _write(statement, scope, attribute)
        case RawPayload(base):
            return _forget(_OF_HEADER.get(base, ()))
        case _:
            return lambda _: True


def update_step(statement: UpdateSet, scope: Scope) -> Step:
    """`add @seen { ip saddr }`: what was listed of the set no longer holds for this packet."""
    read = key_getter(statement.element.key, scope)
    name = statement.set.name

    def step(state: State) -> Result:
        if read(state) is ABSENT:
            return False
        if name in state.touched:
            return True
        changed = state.copy()
        changed.touched = state.touched | {name}
        return Change(changed, "")

    return step


def notrack(state: State) -> Result:
    """`notrack`: without effect where a connection is known already."""
    if state.ct is UNTRACKED or state.ct.has_entry:
        return True
    changed = state.copy()
    changed.ct = UNTRACKED
    return Change(changed, "")


def _write(statement: Set, scope: Scope, attribute: str) -> Step:
    """Write an attribute of the packet. A field of a header is only there in packets that have it."""
    number = constant(statement.value, datatype_of(statement.key))
    get = getter(statement.value, scope) if number is None else None
    there = getter(statement.key, scope)
    in_packet = isinstance(statement.key, Payload)
    reindex = attribute in {"saddr", "daddr"}
    label = expression_text(statement.key)
    datatype = datatype_of(statement.key)
    written = _written(statement.value)

    def step(state: State) -> Result:
        value = number if get is None else get(state)
        if value is ABSENT or (in_packet and there(state) is ABSENT):
            return False
        old, new = getattr(state, attribute), value if isinstance(value, int) else None
        if old == new and new is not None:
            return True
        changed = state.copy()
        setattr(changed, attribute, new)
        changed.epoch += reindex
        form = Form.NUMBER if datatype is None else datatype.form
        return written(Change(changed, f"{label} {_shown(old, form)} → {_shown(new, form)}"), value)

    return step


def _written(value: Expression) -> Callable[[Result, Value], Result]:
    """What comes of writing a value: where it is of a map, and the key is not given, the map may have none."""
    if not _is_looked_up(value):
        return lambda done, _: done

    def written(done: Result, found: Value) -> Result:
        return done if found is not None else Either((NO_MATCH, (_GOES_ON, done)), "the key of the map is not given")

    return written


_GOES_ON = "that the rule goes on"


def _is_looked_up(value: Expression) -> bool:
    match value:
        case Map():
            return True
        case Operation(_, parts):
            return any(map(_is_looked_up, parts))
        case _:
            return False


def _write_connection_mark(statement: Set, scope: Scope) -> Step:
    get = getter(statement.value, scope)
    written = _written(statement.value)

    def step(state: State) -> Result:
        value = get(state)
        if value is ABSENT:
            return False
        old, new = state.ct.mark, value if isinstance(value, int) else None
        if state.ct.has_entry is False or (old == new and new is not None):
            return written(True, value)  # noqa: FBT003 - the rule goes on
        changed = state.copy()
        changed.ct = changed.tracked = state.ct._replace(mark=new)
        words = f"ct mark {_shown(old, Form.HEXADECIMAL)} → {_shown(new, Form.HEXADECIMAL)}"
        return written(Change(changed, words), value)

    return step


def _read_only(statement: Set, scope: Scope) -> Step:
    """A field that no rule of this simulation can ask for: only whether it is there matters."""
    there = getter(statement.key, scope)
    return lambda state: there(state) is not ABSENT


def _forget_zone(state: State) -> Result:
    changed = state.copy()
    changed.tracked = state.tracked._replace(zone=None)
    return Change(changed, "")


def _forget(attributes: tuple[str, ...]) -> Step:
    def step(state: State) -> Result:
        changed = state.copy()
        for attribute in attributes:
            setattr(changed, attribute, None)
        changed.epoch += 1
        return Change(changed, "bits of a header")

    return step


def _shown(value: int | None, form: Form) -> str:
    if value is None:
        return "?"
    match form:
        case Form.HEXADECIMAL | Form.FLAGS:
            return f"{value:#x}"
        case Form.IPV4 | Form.IPV6:
            return str(address(value, "ip6" if form is Form.IPV6 else "ip"))
        case Form.MAC:
            return ":".join(f"{octet:02x}" for octet in value.to_bytes(6, "big"))
        case _:
            return str(value)
