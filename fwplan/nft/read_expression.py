"""Expressions out of the JSON that libnftables gives.

What is not understood, be it a kind of expression or one attribute too many, becomes `Unknown` in its place: a later
nft may mean by it what changes the meaning of the whole. Source: libnftables-json(5), and nftables' src/json.c (1.0.0
to 1.1.5).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from fwplan.nft.attributes import Attributes, NotUnderstoodError, only
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
    from collections.abc import Callable
    from typing import Literal

    from fwplan.nft.expressions import Expression

MAXIMUM_DEPTH = 24
"""How deep expressions may stand in each other. nft itself lists none that are half as deep."""


def unknown(kind: str, content: object) -> Unknown:
    """What is not understood, as it was given."""
    return Unknown(kind, json.dumps(content, ensure_ascii=False))


def read_expression(content: object, depth: int = 0) -> Expression:
    """An expression; `depth` is that of what it stands in."""
    if isinstance(content, str):
        return SetReference(content[1:]) if len(content) > 1 and content[0] == "@" else Word(content)
    if isinstance(content, bool):
        return Boolean(content)
    if isinstance(content, int):
        return Number(content)
    try:
        kind, inner = ("list", content) if isinstance(content, list) else only(content)
        return _read(kind, inner, depth + 1)
    except NotUnderstoodError:
        return unknown(kind_of(content), content)


def kind_of(content: object) -> str:
    """What nft calls something that is not understood."""
    return next(iter(content), "") if isinstance(content, dict) else type(content).__name__


def read_expressions(content: object, depth: int) -> tuple[Expression, ...]:
    """A list of expressions.

    Raises:
        NotUnderstoodError: it is no list.
    """
    if not isinstance(content, list):
        raise NotUnderstoodError
    return tuple([read_expression(each, depth) for each in content])


def optional_expression(attributes: Attributes, name: str) -> Expression | None:
    """The expression that an attribute is, if there is one."""
    content = attributes.take(name)
    return None if content is None else read_expression(content, attributes.depth)


def read_elements(content: object, *, of_map: bool, depth: int = 0) -> tuple[Element, ...]:
    """The elements of a set or map.

    Raises:
        NotUnderstoodError: it is no list of them.
    """
    if not isinstance(content, list):
        raise NotUnderstoodError
    return tuple([_map_element(each, depth) if of_map else read_element(each, depth) for each in content])


def read_element(content: object, depth: int, data: Expression | None = None) -> Element:
    """An element of a set; of a map, the key, and `data` that it stands for."""
    if not isinstance(content, dict) or "elem" not in content:
        return Element(read_expression(content, depth), data)
    try:
        attributes = Attributes(only(content)[1], depth + 1)
        key = read_expression(attributes.take("val"), attributes.depth)
        timeout, expires = attributes.optional_number("timeout"), attributes.optional_number("expires")
        comment = attributes.optional_text("comment")
        # statements are attributes of the element, or in a list of their own
        written = [{name: inner} for name, inner in attributes.rest().items() if name != "stmt"]
        written += Attributes(content["elem"]).take("stmt") or []
    except (NotUnderstoodError, TypeError):
        return Element(unknown("elem", content), data)
    if not written:
        return Element(key, data, (), timeout, expires, comment)
    from fwplan.nft.read_statement import read_statement  # noqa: PLC0415 - it imports this module

    return Element(key, data, tuple(read_statement(each, depth + 1) for each in written), timeout, expires, comment)


def read_set(content: object, depth: int, *, of_map: bool) -> AnonymousSet | SetReference | Unknown:
    """What a key is looked up in.

    Raises:
        NotUnderstoodError: it is nothing of the kind.
    """
    match content:
        case str() if len(content) > 1 and content[0] == "@":
            return SetReference(content[1:])
        case {"set": elements, **more} if not more:
            return AnonymousSet(read_elements(elements, of_map=of_map, depth=depth + 1))
        case dict():
            return unknown(next(iter(content), ""), content)
        case _:
            raise NotUnderstoodError


def _map_element(content: object, depth: int) -> Element:
    match content:
        case [key, data]:
            return read_element(key, depth, read_expression(data, depth))
        case _:
            return Element(unknown("elem", content))


def _read(kind: str, content: object, depth: int) -> Expression:
    if depth > MAXIMUM_DEPTH:
        raise NotUnderstoodError
    in_list = _LISTS.get(kind)
    if in_list is not None:
        return in_list(content, depth)
    of_object = _OBJECTS.get(kind)
    if of_object is None:
        raise NotUnderstoodError
    attributes = Attributes(content, depth)
    expression = of_object(attributes)
    attributes.finish()
    return expression


# Kinds that hold a list


def _concatenation(content: object, depth: int) -> Expression:
    return Concatenation(read_expressions(content, depth))


def _range(content: object, depth: int) -> Expression:
    match read_expressions(content, depth):
        case (start, end):
            return Range(start, end)
        case _:
            raise NotUnderstoodError


def _set(content: object, depth: int) -> Expression:
    return AnonymousSet(read_elements(content, of_map=False, depth=depth))


def _operation(operator: str) -> Callable[[object, int], Expression]:
    def read(content: object, depth: int) -> Expression:
        operands = read_expressions(content, depth)
        if len(operands) < 2:
            raise NotUnderstoodError
        return Operation(cast("Literal['&', '|', '^', '<<', '>>']", operator), operands)

    return read


_LISTS: dict[str, Callable[[object, int], Expression]] = {
    "list": lambda content, depth: Flags(read_expressions(content, depth)),
    "concat": _concatenation,
    "range": _range,
    "set": _set,
    **{operator: _operation(operator) for operator in ("&", "|", "^", "<<", ">>")},
}

# Kinds that hold attributes


def _prefix(attributes: Attributes) -> Expression:
    return Prefix(read_expression(attributes.take("addr"), attributes.depth), attributes.number("len"))


def _payload(attributes: Attributes) -> Expression:
    if "base" in attributes:
        return RawPayload(attributes.text("base"), attributes.number("offset"), attributes.number("len"))
    return Payload(attributes.text("protocol"), attributes.text("field"), attributes.optional_text("tunnel"))


def _extension_header(attributes: Attributes) -> Expression:
    return ExtensionHeader(
        attributes.text("name"), attributes.optional_text("field"), attributes.optional_number("offset")
    )


def _tcp_option(attributes: Attributes) -> Expression:
    if "base" in attributes:
        return RawOption("tcp option", attributes.number("base"), attributes.number("offset"), attributes.number("len"))
    return Option("tcp option", attributes.text("name"), attributes.optional_text("field"))


def _ip_option(attributes: Attributes) -> Expression:
    return Option("ip option", attributes.text("name"), attributes.optional_text("field"))


def _sctp_chunk(attributes: Attributes) -> Expression:
    return Option("sctp chunk", attributes.text("name"), attributes.optional_text("field"))


def _dccp_option(attributes: Attributes) -> Expression:
    return Option("dccp option", attributes.number("type"))


def _ct(attributes: Attributes) -> Expression:
    return Ct(attributes.text("key"), attributes.optional_text("dir"))


def _fib(attributes: Attributes) -> Expression:
    return Fib(attributes.text("result"), attributes.words("flags"))


def _numgen(attributes: Attributes) -> Expression:
    return Numgen(attributes.text("mode"), attributes.number("mod"), attributes.optional_number("offset") or 0)


def _jhash(attributes: Attributes) -> Expression:
    of = read_expression(attributes.take("expr"), attributes.depth)
    modulus, seed = attributes.number("mod"), attributes.optional_number("seed")
    return Jhash(of, modulus, seed, attributes.optional_number("offset") or 0)


def _ipsec(attributes: Attributes) -> Expression:
    key, direction = attributes.text("key"), attributes.text("dir")
    return Ipsec(key, direction, attributes.optional_number("spnum") or 0, attributes.optional_text("family"))


def _map(attributes: Attributes) -> Expression:
    key = read_expression(attributes.take("key"), attributes.depth)
    return Map(key, read_set(attributes.take("data"), attributes.depth, of_map=True))


_OBJECTS: dict[str, Callable[[Attributes], Expression]] = {
    "prefix": _prefix,
    "payload": _payload,
    "exthdr": _extension_header,
    "tcp option": _tcp_option,
    "ip option": _ip_option,
    "sctp chunk": _sctp_chunk,
    "dccp option": _dccp_option,
    "meta": lambda attributes: Meta(attributes.text("key")),
    "ct": _ct,
    "rt": lambda attributes: Route(attributes.text("key"), attributes.optional_text("family")),
    "socket": lambda attributes: Socket(attributes.text("key")),
    "osf": lambda attributes: OperatingSystem(attributes.text("key"), attributes.optional_text("ttl")),
    "fib": _fib,
    "numgen": _numgen,
    "jhash": _jhash,
    "symhash": lambda attributes: Symhash(attributes.number("mod"), attributes.optional_number("offset") or 0),
    "ipsec": _ipsec,
    "tunnel": lambda attributes: Tunnel(attributes.text("key")),
    "map": _map,
    "jump": lambda attributes: Jump(attributes.text("target")),
    "goto": lambda attributes: Goto(attributes.text("target")),
    "accept": lambda _: Verdict.ACCEPT,
    "drop": lambda _: Verdict.DROP,
    "return": lambda _: Verdict.RETURN,
    "continue": lambda _: Verdict.CONTINUE,
}
