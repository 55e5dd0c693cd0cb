"""Statements out of the JSON that libnftables gives; what is not understood becomes `Unknown` in its place.

Source: libnftables-json(5), and nftables' src/json.c (1.0.0 to 1.1.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from fwplan.nft.attributes import Attributes, NotUnderstoodError, only
from fwplan.nft.expressions import Element, Goto, Jump, SetReference, Verdict, Word
from fwplan.nft.read_expression import (
    MAXIMUM_DEPTH,
    kind_of,
    optional_expression,
    read_element,
    read_expression,
    read_set,
    unknown,
)
from fwplan.nft.statements import (
    ConnectionLimit,
    Counter,
    Duplicate,
    Forward,
    Last,
    Limit,
    Log,
    Match,
    Meter,
    Nat,
    Notrack,
    Offload,
    Operator,
    Queue,
    Quota,
    Reject,
    ResetOption,
    Set,
    SynProxy,
    TransparentProxy,
    UpdateSet,
    UseObject,
    VerdictMap,
    Xt,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from fwplan.nft.expressions import Expression
    from fwplan.nft.statements import Statement

_OPERATORS: frozenset[str] = frozenset(get_args(Operator))
_UNITS = {"bytes": 1, "kbytes": 1 << 10, "mbytes": 1 << 20}


def read_statement(content: object, depth: int = 0) -> Statement:
    """A statement; `depth` is that of what it stands in."""
    try:
        return _read(*only(content), depth + 1)
    except NotUnderstoodError:
        return unknown(kind_of(content), content)


def _read(kind: str, content: object, depth: int) -> Statement:
    if depth > MAXIMUM_DEPTH:
        raise NotUnderstoodError
    if kind == "match":
        return _match(content, depth)
    if kind in _NAMED and (isinstance(content, str) or (isinstance(content, dict) and "map" in content)):
        return UseObject(kind, Word(content) if isinstance(content, str) else read_expression(content, depth))
    reader = _READERS.get(kind)
    if reader is None:
        raise NotUnderstoodError
    attributes = Attributes(content, depth)
    statement = reader(attributes)
    attributes.finish()
    return statement


def _expression(attributes: Attributes, name: str) -> Expression:
    found = optional_expression(attributes, name)
    if found is None:
        raise NotUnderstoodError
    return found


def _match(content: object, depth: int) -> Statement:
    # by hand, since most statements of most hosts are matches
    if not isinstance(content, dict) or len(content) != 3 or content.get("op") not in _OPERATORS:
        raise NotUnderstoodError
    left, right = content.get("left"), content.get("right")
    if left is None or right is None:
        raise NotUnderstoodError
    return Match(content["op"], read_expression(left, depth), read_expression(right, depth))


def _counter(attributes: Attributes) -> Statement:
    return Counter(attributes.optional_number("packets") or 0, attributes.optional_number("bytes") or 0)


def _limit(attributes: Attributes) -> Statement:
    rate, per = attributes.number("rate"), attributes.optional_text("per") or "second"
    over, unit = attributes.truth("inv"), attributes.optional_text("rate_unit") or "packets"
    burst = attributes.optional_number("burst")
    return Limit(rate, per, over, unit, burst, attributes.optional_text("burst_unit") or "packets")


def _quota(attributes: Attributes) -> Statement:
    value, unit = attributes.number("val"), attributes.optional_text("val_unit") or "bytes"
    used, used_unit = attributes.optional_number("used") or 0, attributes.optional_text("used_unit") or "bytes"
    if used_unit not in _UNITS:
        raise NotUnderstoodError
    return Quota(value, unit, attributes.truth("inv"), used * _UNITS[used_unit])


def _log(attributes: Attributes) -> Statement:
    prefix = attributes.optional_text("prefix")
    options: list[tuple[str, str | int | tuple[str, ...]]] = [
        (name, attributes.number(name) if name != "level" else attributes.text(name))
        for name in ("level", "group", "snaplen", "queue-threshold")
        if name in attributes
    ]
    flags = attributes.words("flags")
    return Log(prefix, tuple(options + ([("flags", flags)] if flags else [])))


def _nat(kind: Literal["snat", "dnat", "masquerade", "redirect"]) -> Callable[[Attributes], Statement]:
    def read(attributes: Attributes) -> Statement:
        address, port = optional_expression(attributes, "addr"), optional_expression(attributes, "port")
        family, flags = attributes.optional_text("family"), attributes.words("flags")
        return Nat(kind, address, port, family, flags, attributes.words("type_flags"))

    return read


def _vmap(attributes: Attributes) -> Statement:
    key = _expression(attributes, "key")
    return VerdictMap(key, read_set(attributes.take("data"), attributes.depth, of_map=True))


def _update(name: Literal["set", "map"]) -> Callable[[Attributes], Statement]:
    def read(attributes: Attributes) -> Statement:
        operation, element = attributes.text("op"), read_element(attributes.take("elem"), attributes.depth)
        data = optional_expression(attributes, "data") if name == "map" else None
        reference = read_expression(attributes.take(name))
        if not isinstance(reference, SetReference):
            raise NotUnderstoodError
        statements = tuple(read_statement(each, attributes.depth) for each in _list(attributes.take("stmt")))
        return UpdateSet(
            operation,
            reference,
            Element(element.key, None, (), element.timeout),
            data,
            (
                *element.statements,
                *statements,
            ),
        )

    return read


def _meter(attributes: Attributes) -> Statement:
    name, element = attributes.text("name"), read_element(attributes.take("key"), attributes.depth)
    statement = read_statement(attributes.take("stmt"), attributes.depth)
    return Meter(name, element.key, statement, attributes.optional_number("size"))


def _queue(attributes: Attributes) -> Statement:
    return Queue(optional_expression(attributes, "num"), attributes.words("flags"))


def _forward(attributes: Attributes) -> Statement:
    device, address = _expression(attributes, "dev"), optional_expression(attributes, "addr")
    return Forward(device, address, attributes.optional_text("family"))


def _duplicate(attributes: Attributes) -> Statement:
    return Duplicate(_expression(attributes, "addr"), optional_expression(attributes, "dev"))


def _transparent_proxy(attributes: Attributes) -> Statement:
    family, address = attributes.optional_text("family"), optional_expression(attributes, "addr")
    return TransparentProxy(family, address, optional_expression(attributes, "port"))


def _synproxy(attributes: Attributes) -> Statement:
    options: list[tuple[str, int | tuple[str, ...]]] = [
        (name, attributes.number(name)) for name in ("mss", "wscale") if name in attributes
    ]
    flags = attributes.words("flags")
    return SynProxy(tuple(options + ([("flags", flags)] if flags else [])))


def _offload(attributes: Attributes) -> Statement:
    if attributes.text("op") != "add":
        raise NotUnderstoodError
    return Offload(attributes.text("flowtable").removeprefix("@"))


def _reset(attributes: Attributes) -> Statement:
    return ResetOption(read_expression(attributes.rest(), attributes.depth))


def _list(content: object) -> list[Any]:
    if content is None:
        return []
    if not isinstance(content, list):
        raise NotUnderstoodError
    return content


_READERS: dict[str, Callable[[Attributes], Statement]] = {
    "counter": _counter,
    "limit": _limit,
    "quota": _quota,
    "last": lambda attributes: Last(attributes.optional_number("used")),
    "ct count": lambda attributes: ConnectionLimit(attributes.number("val"), attributes.truth("inv")),
    "log": _log,
    "reject": lambda attributes: Reject(attributes.optional_text("type"), optional_expression(attributes, "expr")),
    "mangle": lambda attributes: Set(_expression(attributes, "key"), _expression(attributes, "value")),
    "snat": _nat("snat"),
    "dnat": _nat("dnat"),
    "masquerade": _nat("masquerade"),
    "redirect": _nat("redirect"),
    "notrack": lambda _: Notrack(),
    "vmap": _vmap,
    "set": _update("set"),
    "map": _update("map"),
    "meter": _meter,
    "queue": _queue,
    "fwd": _forward,
    "dup": _duplicate,
    "tproxy": _transparent_proxy,
    "synproxy": _synproxy,
    "flow": _offload,
    "reset": _reset,
    "xt": lambda attributes: Xt(attributes.text("type"), attributes.text("name")),
    "jump": lambda attributes: Jump(attributes.text("target")),
    "goto": lambda attributes: Goto(attributes.text("target")),
    "accept": lambda _: Verdict.ACCEPT,
    "drop": lambda _: Verdict.DROP,
    "return": lambda _: Verdict.RETURN,
    "continue": lambda _: Verdict.CONTINUE,
}
_NAMED = frozenset(
    (
        "counter",
        "limit",
        "quota",
        "ct helper",
        "ct timeout",
        "ct expectation",
        "synproxy",
        "secmark",
        "tunnel",
    )
)
"""Kinds of objects that have a name, which a statement gives instead of attributes."""
