"""Every single change of a ruleset that an audit has to find, each with the code that it is to be found under."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fwplan.audit.finding import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mutation:
    """A ruleset with one change.

    Attributes:
        kind: what was done: `delete`, `move`, ...
        code: under which it is to be found.
        ruleset: as `nft -j -a list ruleset` lists it, or as `iptables-save` prints it.
    """

    kind: str
    code: Code
    ruleset: Any


# nftables

_VERDICTS = ("accept", "drop", "continue")
_CONDITION: Json = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 25}}
"""A rule that asks for it as well is about mail alone."""


def nftables_mutations(listed: Json) -> Iterator[Mutation]:
    """All of them for a listing of nft that has nothing but what a plan makes."""
    items: list[Json] = listed["nftables"]

    def changed(kind: str, code: Code, change: Callable[..., None], place: int, *arguments: object) -> Mutation:
        copied = list(items)
        copied[place] = copy.deepcopy(items[place])
        change(copied, place, *arguments)
        return Mutation(kind, code, {"nftables": copied})

    rules = [place for place, item in enumerate(items) if "rule" in item]
    for place in rules:
        yield changed("delete a rule", Code.MISSING_RULE, _delete, place)
        yield changed("duplicate a rule", Code.DUPLICATE_RULE, _duplicate, place)
        if any("match" in statement for statement in items[place]["rule"]["expr"]):
            yield changed("add a rule", Code.EXTRA_RULE, _add, place)
        for other in _ends_of_chain(items, rules, place):
            yield changed("move a rule", Code.MISPLACED_RULE, _move, place, other)
        for chain in _other_chains(items, place):
            yield changed("put a rule into another chain", Code.MISSING_RULE, _rechain, place, chain)
        yield changed("add a condition", Code.CHANGED_RULE, _insert, place, _CONDITION)
        yield changed("add a log", Code.CHANGED_RULE, _insert, place, {"log": {"prefix": "fwplan"}})
        for position, statement in enumerate(items[place]["rule"]["expr"]):
            for kind, code, new in _other_statements(statement):
                yield changed(kind, code, _replace, place, position, new)
    for place, item in enumerate(items):
        if "hook" in item.get("chain", {}):
            for key, value in (("policy", "drop"), ("prio", item["chain"]["prio"] + 5), ("hook", "input")):
                yield changed(f"change the {key} of a chain", Code.CHANGED_CHAIN, _set, place, "chain", key, value)
        if "chain" in item:
            gone = _chain(item["chain"])
            rest = [each for each in items if gone not in {_chain(each.get("chain")), _chain_of(each)}]
            yield Mutation("delete a chain", Code.MISSING_CHAIN, {"nftables": rest})
        if "map" in item:
            yield from _map_mutations(items, place)
        if "table" in item:
            family = item["table"]["family"]
            rest = [each for each in items if next(iter(each.values())).get("family") != family]
            yield Mutation("delete a table", Code.MISSING_TABLE, {"nftables": rest})
            yield changed("put a table to sleep", Code.CHANGED_CHAIN, _set, place, "table", "flags", ["dormant"])


def _map_mutations(items: list[Json], place: int) -> Iterator[Mutation]:
    """Of a map as fwplan's layout of that name has it."""
    listed = items[place]["map"]

    def changed(kind: str, code: Code, **contents: object) -> Mutation:
        copied = list(items)
        copied[place] = {"map": listed | contents}
        return Mutation(kind, code, {"nftables": copied})

    elements = listed.get("elem", [])
    gone = [each for number, each in enumerate(items) if number != place and not _asks(each, listed)]
    yield Mutation("delete a map", Code.MISSING_MAP, {"nftables": gone})
    yield changed("change the type of a map", Code.CHANGED_MAP, type="mark", flags=[], elem=[])
    by_name = listed["type"] == "ifname"
    yield changed(
        "add an element",
        Code.EXTRA_ELEMENT,
        elem=[*elements, ["other0" if by_name else _ELSEWHERE[listed["type"]], {"accept": None}]],
    )
    for number, (key, verdict) in enumerate(elements):
        rest = [*elements[:number], *elements[number + 1 :]]
        yield changed("delete an element", Code.MISSING_ELEMENT, elem=rest)
        for another in _other_verdicts(verdict):
            yield changed("change an element", Code.CHANGED_ELEMENT, elem=[*rest, [key, another]])
        other = "other0" if by_name else _ELSEWHERE[listed["type"]]
        yield changed("change the key of an element", Code.MISSING_ELEMENT, elem=[*rest, [other, verdict]])
        yield changed("add an element that leads to a network", Code.EXTRA_ELEMENT, elem=[*elements, [other, verdict]])


_ELSEWHERE = {"ipv4_addr": "198.51.100.9", "ipv6_addr": "2001:db8:9::9"}


def _other_verdicts(verdict: Json) -> Iterator[Json]:
    yield {"accept": None}
    yield {"drop": None}
    ((kind, content),) = verdict.items()
    yield {"jump" if kind == "goto" else "goto": content}
    yield {kind: {"target": "forward"}}


def _asks(item: Json, listed: Json) -> bool:
    """Whether a rule looks something up in a map."""
    rule = item.get("rule", {"family": "", "expr": []})
    return rule["family"] == listed["family"] and any(
        statement.get("vmap", {}).get("data") == f"@{listed['name']}" for statement in rule["expr"]
    )


def _chain(listed: Json | None) -> tuple[str, str] | None:
    return None if listed is None else (listed["family"], listed["name"])


def _chain_of(item: Json) -> tuple[str, str] | None:
    rule = item.get("rule")
    return None if rule is None else (rule["family"], rule["chain"])


def _ends_of_chain(items: list[Json], rules: list[int], place: int) -> Iterator[int]:
    """The first, the next and the last place of a rule's chain, where another rule stands."""
    same = [other for other in rules if _chain_of(items[other]) == _chain_of(items[place])]
    following = same[same.index(place) + 1 :][:1]
    for other in dict.fromkeys((same[0], *following, same[-1])):
        if other != place and items[other]["rule"]["expr"] != items[place]["rule"]["expr"]:
            yield other


def _other_chains(items: list[Json], place: int) -> Iterator[str]:
    """The chains of a rule's table that it is not in."""
    rule = items[place]["rule"]
    for item in items:
        chain = item.get("chain")
        if chain is not None and chain["family"] == rule["family"] and chain["name"] != rule["chain"]:
            yield chain["name"]


def _delete(items: list[Json], place: int) -> None:
    del items[place]


def _duplicate(items: list[Json], place: int) -> None:
    items.insert(place, copy.deepcopy(items[place]))


def _add(items: list[Json], place: int) -> None:
    """A rule before it that asks the same and does something else that libvirt's rules do."""
    added = copy.deepcopy(items[place])
    *_, last = added["rule"]["expr"]
    added["rule"]["expr"][-1] = {"reject": None} if "accept" in last else {"accept": None}
    items.insert(place, added)


def _move(items: list[Json], place: int, other: int) -> None:
    items.insert(other, items.pop(place))


def _replace(items: list[Json], place: int, position: int, new: Json | None) -> None:
    items[place]["rule"]["expr"][position : position + 1] = [] if new is None else [new]


def _set(items: list[Json], place: int, kind: str, key: str, value: object) -> None:
    items[place][kind][key] = value


def _rechain(items: list[Json], place: int, chain: str) -> None:
    """It comes to the end of that chain."""
    rule = items.pop(place)
    rule["rule"]["chain"] = chain
    items.append(rule)


def _insert(items: list[Json], place: int, statement: Json) -> None:
    items[place]["rule"]["expr"].insert(0, statement)


def _other_statements(statement: Json) -> Iterator[tuple[str, Code, Json | None]]:
    """What may stand in the place of a statement; None for nothing."""
    ((kind, content),) = statement.items()
    if kind == "match":
        for code, right in _other_operands(content):
            yield "change an operand", code, {"match": content | {"right": right}}
        operator = "==" if content["op"] == "!=" else "!="
        yield "change an operator", Code.CHANGED_RULE, {"match": content | {"op": operator}}
        yield "drop a condition", Code.CHANGED_RULE, None
    elif kind == "counter":
        yield "drop a counter", Code.CHANGED_RULE, None
    else:
        yield from _other_ends(kind, content)


def _other_ends(kind: str, content: Any) -> Iterator[tuple[str, Code, Json | None]]:  # noqa: ANN401 - JSON
    """What may stand in the place of what a rule does; None for nothing."""
    for verdict in _VERDICTS:
        if verdict != kind:
            yield "change a verdict", Code.CHANGED_RULE, {verdict: None}
    yield "drop a verdict", Code.CHANGED_RULE, None
    match kind:
        case "reject":
            yield "change a reason", Code.CHANGED_RULE, {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}
        case "jump" | "goto":
            yield "change a jump", Code.CHANGED_RULE, {kind: {"target": "elsewhere"}}
            yield "change a jump", Code.CHANGED_RULE, {"goto" if kind == "jump" else "jump": content}
        case "vmap":
            yield "change a lookup", Code.CHANGED_RULE, {"vmap": content | {"data": "@elsewhere"}}
        case "masquerade" | "snat":
            yield "change flags", Code.CHANGED_RULE, {kind: {**(content or {}), "flags": "random"}}
            yield "change ports", Code.CHANGED_RULE, {kind: {**(content or {}), "port": {"range": [2000, 3000]}}}


def _other_operands(match: Json) -> Iterator[tuple[Code, Any]]:
    left, right = match["left"], match["right"]
    match right:
        case {"prefix": {"addr": address, "len": length}}:
            yield Code.CHANGED_RULE, {"prefix": {"addr": address, "len": length - 1}}
            yield Code.CHANGED_RULE, address
        case list():
            yield Code.CHANGED_RULE, ["established"]
        case str() if left.get("meta", {}).get("key") == "l4proto":
            yield Code.CHANGED_RULE, "udp" if right == "tcp" else "tcp"
        case str() if left.get("meta", {}).get("key") in {"iif", "oif"}:
            yield Code.CHANGED_RULE, "other0"
            yield Code.STALE_INTERFACE, "4711"
        case str() if "meta" in left:
            yield Code.CHANGED_RULE, f"{right}x"
        case str():
            yield Code.CHANGED_RULE, "192.0.2.99" if "." in right else "2001:db8::99"


# iptables

_RULE = re.compile(r"^(\[\d+:\d+\] )?-A (\S+) (.*)$")
_OPTION = re.compile(r"(-[ios]|-d|--to-ports|--to-source|--dport|--ctstate|-p) (\S+)")
_OTHERS = {
    "-i": "other0",
    "-o": "other0",
    "--to-ports": "2000-3000",
    "--to-source": "192.0.2.98-192.0.2.99",
    "--dport": "4711",
    "--ctstate": "ESTABLISHED",
}


def iptables_mutations(saved: str) -> Iterator[Mutation]:
    """All of them for what iptables-save prints of nothing but what a plan makes."""
    lines = saved.splitlines()
    table = ""
    places: list[tuple[int, tuple[str, str]]] = []
    for number, line in enumerate(lines):
        if line.startswith("*"):
            table = line
        found = _RULE.match(line)
        if found is not None:
            places.append((number, (table, found[2])))
    for number, chain in places:
        yield _saved("delete a rule", Code.MISSING_RULE, lines, number, [])
        yield _saved("duplicate a rule", Code.DUPLICATE_RULE, lines, number, [lines[number]] * 2)
        target = lines[number].rpartition(" -j ")[0]
        if re.search(r" -[ios] ", target) is not None:
            yield _saved("add a rule", Code.EXTRA_RULE, lines, number, [f"{target} -j DROP", lines[number]])
        same = [other for other, of in places if of == chain and lines[other] != lines[number]]
        following = [other for other in same if other > number][:1]
        for other in dict.fromkeys((same[0], *following, same[-1])) if same else ():
            moved = [*lines[:number], *lines[number + 1 :]]
            moved.insert(other, lines[number])
            yield Mutation("move a rule", Code.MISPLACED_RULE, _text(moved))
        for kind, line in _other_lines(lines[number]):
            yield _saved(kind, Code.CHANGED_RULE, lines, number, [line])
    for number, line in enumerate(lines):
        name = line[1:].split(" ")[0]
        if line.startswith(":LIBVIRT_"):
            mentions = re.compile(rf"-[Aj] {name}\b")
            rest = [each for at, each in enumerate(lines) if at != number and not mentions.search(each)]
            yield Mutation("delete a chain", Code.MISSING_CHAIN, _text(rest))


def _other_lines(line: str) -> Iterator[tuple[str, str]]:
    for option in _OPTION.finditer(line):
        name, value = option.groups()
        if name in {"-s", "-d"}:
            other = "192.0.2.99/32" if "." in value else "2001:db8::99/128"
        elif name == "-p":
            continue
        else:
            other = _OTHERS[name]
        yield "change an operand", f"{line[: option.start(2)]}{other}{line[option.end(2) :]}"
        if name not in {"--to-ports", "--to-source", "--dport", "--ctstate"}:
            yield "drop a condition", f"{line[: option.start()]}{line[option.end() + 1 :]}".replace(" ! -j", " -j")
    target = re.search(r"-j (\S+)(.*)$", line)
    if target is not None:
        yield "add a condition", f"{line[: target.start()]}-m mark --mark 0x7 {line[target.start() :]}"
        if re.search(r" -[ios] ", line) is not None:
            # of a rule that asks nothing, nothing would be left
            yield "change a verdict", f"{line[: target.start()]}-g elsewhere"
        if target[1] == "REJECT":
            yield "change a reason", f"{line[: target.start()]}-j REJECT --reject-with icmp-admin-prohibited"
        for verdict in ("ACCEPT", "DROP"):
            if target[1] != verdict:
                yield "change a verdict", f"{line[: target.start()]}-j {verdict}"


def _saved(kind: str, code: Code, lines: list[str], number: int, new: list[str]) -> Mutation:
    return Mutation(kind, code, _text([*lines[:number], *new, *lines[number + 1 :]]))


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
