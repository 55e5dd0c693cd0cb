"""Expressions in nft's syntax, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.datatypes import Form, datatype_of, datatypes_of
from fwplan.nft.expressions import (
    AnonymousSet,
    Boolean,
    Concatenation,
    Ct,
    Element,
    ExtensionHeader,
    Fib,
    Flags,
    Goto,
    Ipsec,
    Jhash,
    Jump,
    Map,
    Meta,
    Number,
    Numgen,
    OperatingSystem,
    Operation,
    Option,
    Payload,
    Prefix,
    Range,
    RawOption,
    RawPayload,
    Route,
    SetReference,
    Socket,
    Symhash,
    Tunnel,
    Unknown,
    Verdict,
    Word,
)

if TYPE_CHECKING:
    from fwplan.nft.datatypes import Datatype
    from fwplan.nft.expressions import Expression

    Types = tuple[Datatype | None, ...]

_BARE_META = frozenset(("iif", "oif", "iifname", "oifname", "iifgroup", "oifgroup"))
"""What nft lists without `meta` before it."""
_QUOTED = frozenset((Form.INTERFACE_NAME, Form.INTERFACE_INDEX, Form.TEXT))
_QUOTED_TYPES = frozenset(("day", "hour", "time"))
_NO_TYPES: Types = ()


def expression_text(expression: Expression, types: Types = _NO_TYPES) -> str:
    """An expression; `types` are the datatypes of the parts of what it is compared with."""
    datatype = types[0] if len(types) == 1 else None
    match expression:
        case Number(value):
            return _number(value, datatype)
        case Word(text):
            return _word(text, datatype)
        case Boolean(value):
            return "exists" if value else "missing"
        case Verdict():
            return expression.value
        case Jump(chain):
            return f"jump {chain}"
        case Goto(chain):
            return f"goto {chain}"
        case SetReference(name):
            return f"@{name}"
        case Unknown(kind, json):
            return f"<unknown {kind}: {json}>" if kind else f"<unknown: {json}>"
        case _:
            return _composed(expression, types, datatype)


def _composed(expression: Expression, types: Types, datatype: Datatype | None) -> str:
    match expression:
        case Flags(values):
            return ",".join(expression_text(value, types) for value in values)
        case Range(start, end):
            return f"{expression_text(start, types)}-{expression_text(end, types)}"
        case Prefix(address, length):
            return f"{expression_text(address, types)}/{length}"
        case Concatenation(parts):
            known = types if len(types) == len(parts) else (None,) * len(parts)
            return " . ".join(expression_text(part, (kind,)) for part, kind in zip(parts, known, strict=True))
        case AnonymousSet(elements):
            return f"{{ {', '.join(element_text(element, types) for element in elements)} }}"
        case Element():
            return element_text(expression, types)
        case Operation(operator, operands):
            of = None if operator in {"<<", ">>"} else datatype_of(operands[0]) or datatype
            return f" {operator} ".join(_operand(operand, of) for operand in operands)
        case Map(key, data):
            return f"{expression_text(key)} map {expression_text(data, datatypes_of(key))}"
        case Numgen(mode, modulus, offset):
            return f"numgen {mode} mod {modulus}{_offset(offset)}"
        case Jhash(of_what, modulus, seed, offset):
            seeded = "" if seed is None else f" seed {seed:#x}"
            return f"jhash {expression_text(of_what)} mod {modulus}{seeded}{_offset(offset)}"
        case Symhash(modulus, offset):
            return f"symhash mod {modulus}{_offset(offset)}"
        case _:
            return _selector(expression)


def _selector(expression: Expression) -> str:
    """What is taken out of the packet."""
    match expression:
        case Payload(protocol, field, tunnel):
            return _joined(tunnel, protocol, field)
        case RawPayload(base, offset, length):
            return f"@{base},{offset},{length}"
        case ExtensionHeader(name, None):
            return f"exthdr {name}"
        case ExtensionHeader(name, field):
            return _joined(name, field)
        case Option(protocol, name, field):
            return _joined(protocol, str(name), field)
        case RawOption(protocol, kind, offset, length):
            return f"{protocol} @{kind},{offset},{length}"
        case _:
            return _knowledge(expression)


def _knowledge(expression: Expression) -> str:
    """What the kernel knows besides the packet."""
    match expression:
        case Meta(key):
            return key if key in _BARE_META else f"meta {key}"
        case Ct(key, direction):
            return _joined("ct", direction, key)
        case Fib(result, flags):
            return f"fib {' . '.join(flags)} {result}"
        case Route(key, family):
            return _joined("rt", family, key)
        case Socket(key):
            return f"socket {key}"
        case OperatingSystem(key, ttl):
            return _joined("osf", None if ttl is None else f"ttl {ttl}", key)
        case Ipsec(key, direction, number, family):
            return _joined("ipsec", direction, f"spnum {number}" if number else None, family, key)
        case Tunnel(key):
            return f"tunnel {key}"
        case _:
            return str(expression)


def _joined(*words: str | None) -> str:
    return " ".join(word for word in words if word)


def _number(value: int, datatype: Datatype | None) -> str:
    if datatype is not None and datatype.form is Form.HEXADECIMAL:
        return f"{value:#0{2 + max(datatype.bits // 4, 1)}x}"
    if datatype is not None and datatype.name == "ether_type":
        return f"{value:#06x}"
    if datatype is not None and datatype.name == "time":
        return f"{value}s"
    return str(value)


def _word(text: str, datatype: Datatype | None) -> str:
    if datatype is None or text == "*":
        return text
    if datatype.form is Form.INTERFACE_INDEX and text.isdigit():
        # the interface is gone: this is its number
        return text
    return f'"{text}"' if datatype.form in _QUOTED or datatype.name in _QUOTED_TYPES else text


def _operand(operand: Expression, datatype: Datatype | None) -> str:
    if isinstance(operand, Flags):
        return f"({' | '.join(expression_text(value, (datatype,)) for value in operand.values)})"
    text = expression_text(operand, (datatype,))
    return f"({text})" if isinstance(operand, Operation) else text


def element_text(element: Element, types: Types = _NO_TYPES) -> str:
    """An element of a set or map."""
    from fwplan.nft.rule_text import statement_text  # noqa: PLC0415 - it imports this module

    words = [expression_text(element.key, types)]
    words += [statement_text(statement) for statement in element.statements]
    words += [
        f"{word} {seconds}s"
        for word, seconds in (("timeout", element.timeout), ("expires", element.expires))
        if seconds is not None
    ]
    if element.comment is not None:
        words.append(f'comment "{element.comment}"')
    if element.data is not None:
        words += [":", expression_text(element.data)]
    return " ".join(words)


def _offset(offset: int) -> str:
    return f" offset {offset}" if offset else ""
