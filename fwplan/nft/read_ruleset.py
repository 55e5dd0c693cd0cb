"""A whole ruleset out of what `nft -j list ruleset` prints, with handles (`-a`) or without.

Source: libnftables-json(5), and nftables' src/json.c (1.0.0 to 1.1.5).
"""

from __future__ import annotations

import json
import marshal
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from fwplan.errors import UnreadableError
from fwplan.nft.attributes import Attributes, NotUnderstoodError, words
from fwplan.nft.read_expression import read_elements, read_expression, unknown
from fwplan.nft.read_statement import read_statement
from fwplan.nft.ruleset import Chain, Hook, NamedObject, NamedSet, Place, Rule, Ruleset, Table
from fwplan.nft.statements import Counter

if TYPE_CHECKING:
    from fwplan.nft.expressions import Element, Expression, Unknown
    from fwplan.nft.statements import Statement

_FAMILIES = frozenset(("ip", "ip6", "inet", "bridge", "arp", "netdev"))
_OBJECTS = frozenset(
    (
        "counter",
        "quota",
        "limit",
        "ct helper",
        "ct timeout",
        "ct expectation",
        "synproxy",
        "secmark",
        "tunnel",
        "flowtable",
    )
)
_RULE = frozenset(("family", "table", "chain", "handle", "expr", "comment", "index", "position"))
"""What fwplan knows of a rule. `index` and `position` say where it was put, which the order of the listing does."""
_USUAL = 5
"""How many of these most rules have."""


def read_ruleset(document: str | bytes) -> Ruleset:
    """Read a listing.

    Raises:
        UnreadableError: it is none, or one that contradicts itself.
    """
    try:
        listed = json.loads(document)
    except RecursionError:
        raise UnreadableError("not a ruleset of nft: it is nested too deeply") from None
    except ValueError as error:
        raise UnreadableError(f"not a ruleset as `nft -j list ruleset` prints it: no JSON: {error}") from None
    items = listed.get("nftables") if isinstance(listed, dict) else None
    if not isinstance(items, list):
        raise UnreadableError('not a ruleset as `nft -j list ruleset` prints it: there is no list "nftables" in it')
    return read_items(items)


def read_items(items: list[Any]) -> Ruleset:
    """Read what stands in the list `"nftables"`.

    Raises:
        UnreadableError: an entry is none of a listing.
    """
    reader = _Reader()
    for number, item in enumerate(items):
        try:
            reader.read(item)
        except RecursionError:
            raise UnreadableError(f"not a ruleset of nft: entry {number} is nested too deeply") from None
        except (NotUnderstoodError, ValueError):
            kind = next(iter(item), "") if isinstance(item, dict) else ""
            named = f", a {kind}," if kind else ""
            raise UnreadableError(f"not a ruleset of nft: entry {number}{named} is not as nft lists it") from None
    return reader.ruleset()


@dataclass
class _Draft:
    """A table while it is read."""

    family: str
    name: str
    flags: tuple[str, ...] = ()
    handle: int | None = None
    comment: str | None = None
    chains: dict[str, tuple[Place, Hook | None, int | None, str | None, list[Rule]]] = field(default_factory=dict)
    sets: dict[str, NamedSet] = field(default_factory=dict)
    objects: dict[tuple[str, str], NamedObject] = field(default_factory=dict)

    def finished(self) -> Table:
        chains = {
            name: Chain(place, hook, tuple(rules), handle, comment)
            for name, (place, hook, handle, comment, rules) in self.chains.items()
        }
        return Table(self.family, self.name, chains, self.sets, self.objects, self.flags, self.handle, self.comment)


class _Reader:
    """Reads one listing. Most rules of a host say the same as others but for a name: equal statements are read once."""

    def __init__(self) -> None:
        self._tables: dict[tuple[str, str], _Draft] = {}
        self._statements: dict[bytes, Statement] = {}
        self._places: dict[tuple[str, str, str], tuple[Place, list[Rule]]] = {}
        self._release: str | None = None
        self._unknown: list[Unknown] = []

    def ruleset(self) -> Ruleset:
        tables = tuple([draft.finished() for draft in self._tables.values()])
        return Ruleset(tables, self._release, tuple(self._unknown))

    def read(self, item: object) -> None:
        if not isinstance(item, dict) or len(item) != 1:
            raise NotUnderstoodError
        rule = item.get("rule")
        if rule is not None:
            self._rule(rule)
            return
        [(kind, content)] = item.items()
        match kind:
            case "metainfo":
                self._release = Attributes(content).optional_text("version")
            case "table":
                self._table(Attributes(content))
            case "chain":
                self._chain(Attributes(content))
            case "set" | "map":
                self._set(Attributes(content), of_map=kind == "map")
            case _ if kind in _OBJECTS:
                self._object(kind, content)
            case _:
                self._unknown.append(unknown(kind, content))

    def _rule(self, listed: Any) -> None:  # noqa: ANN401 - JSON
        try:
            family, table, name = listed["family"], listed["table"], listed["chain"]
            place, rules = self._places.get((family, table, name)) or self._new_chain(family, table, name)
            statements = [self._statement(one) for one in listed.get("expr", ())]
            handle, comment = listed.get("handle"), listed.get("comment")
            if len(listed) > _USUAL and not listed.keys() <= _RULE:
                more = {key: value for key, value in listed.items() if key not in _RULE}
                statements.append(unknown("rule", more))
        except (TypeError, KeyError, AttributeError):
            raise NotUnderstoodError from None
        rules.append(Rule(place, tuple(statements), handle, comment))

    def _statement(self, listed: dict[str, Any] | str) -> Statement:
        if isinstance(listed, str):
            # nft has no JSON for a few statements, and puts their text there
            return unknown(listed.partition(" ")[0], listed)
        # counters differ from rule to rule, and are the commonest of all
        counted = listed.get("counter")
        if type(counted) is dict and len(counted) == 2:
            packets, octets = counted.get("packets"), counted.get("bytes")
            if type(packets) is int and type(octets) is int:
                return Counter(packets, octets)
        key = marshal.dumps(listed, 2)
        found = self._statements.get(key)
        if found is None:
            found = self._statements[key] = read_statement(listed)
        return found

    def _new_chain(
        self, family: object, table: object, name: object, hook: Hook | None = None, handle: int | None = None
    ) -> tuple[Place, list[Rule]]:
        if not (isinstance(family, str) and isinstance(table, str) and isinstance(name, str)):
            raise NotUnderstoodError
        draft = self._draft(family, table)
        place, rules = Place(family, table, name), list[Rule]()
        draft.chains[name] = (place, hook, handle, None, rules)
        self._places[family, table, name] = (place, rules)
        return place, rules

    def _draft(self, family: str, name: str) -> _Draft:
        found = self._tables.get((family, name))
        if found is None:
            if family not in _FAMILIES:
                raise NotUnderstoodError
            found = self._tables[family, name] = _Draft(family, name)
        return found

    def _table(self, attributes: Attributes) -> None:
        draft = self._draft(attributes.text("family"), attributes.text("name"))
        draft.flags = attributes.words("flags")
        draft.handle = attributes.optional_number("handle")
        draft.comment = attributes.optional_text("comment")

    def _chain(self, attributes: Attributes) -> None:
        family, table, name = attributes.text("family"), attributes.text("table"), attributes.text("name")
        self._new_chain(family, table, name)
        place, _, _, _, rules = self._draft(family, table).chains[name]
        handle, comment = attributes.optional_number("handle"), attributes.optional_text("comment")
        self._draft(family, table).chains[name] = (place, _hook(attributes), handle, comment, rules)

    def _set(self, attributes: Attributes, *, of_map: bool) -> None:
        draft, name = self._draft(attributes.text("family"), attributes.text("table")), attributes.text("name")
        listed = attributes.take("elem")
        key = _type(attributes.take("type"))
        data = attributes.take("map")
        draft.sets[name] = NamedSet(
            name,
            key,
            partial(_elements, [] if listed is None else listed, name, of_map=of_map),
            _type(data) if of_map else None,
            attributes.words("flags"),
            attributes.optional_number("timeout"),
            attributes.optional_number("size"),
            tuple(read_statement(each) for each in _list(attributes.take("stmt"))),
            attributes.optional_number("handle"),
            attributes.optional_text("comment"),
            tuple((option, value) for option, value in attributes.rest().items() if isinstance(value, str | int)),
        )

    def _object(self, kind: str, content: object) -> None:
        attributes = Attributes(content)
        draft, name = self._draft(attributes.text("family"), attributes.text("table")), attributes.text("name")
        draft.objects[kind, name] = NamedObject(kind, name, json.dumps(content, ensure_ascii=False))


def _hook(attributes: Attributes) -> Hook | None:
    if "hook" not in attributes:
        return None
    kind, hook, priority = attributes.text("type"), attributes.text("hook"), attributes.number("prio")
    policy = attributes.optional_text("policy") or "accept"
    if policy not in {"accept", "drop"}:
        raise NotUnderstoodError
    return Hook(kind, hook, priority, "drop" if policy == "drop" else "accept", attributes.words("dev"))


def _type(listed: object) -> tuple[str, ...] | Expression:
    """Of a set. Releases write it as a word, several in one, a list of them, or as the expression that it is of."""
    match listed:
        case str():
            return tuple(listed.split(" . "))
        case list():
            return words(listed)
        case {"typeof": expression}:
            return read_expression(expression)
        case _:
            return unknown("type", listed)


def _elements(listed: object, name: str, *, of_map: bool) -> tuple[Element, ...]:
    try:
        return read_elements(listed, of_map=of_map)
    except NotUnderstoodError:
        raise UnreadableError(f"not a ruleset of nft: the elements of {name} are no list") from None


def _list(content: object) -> list[Any]:
    if content is None:
        return []
    if not isinstance(content, list):
        raise NotUnderstoodError
    return content
