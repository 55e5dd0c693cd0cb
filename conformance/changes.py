"""Every single change of a ruleset that a proof has to see: of a rule, of an element of a map, of a policy.

Each is one that nft would take, so that the kernel can be asked about it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Json = dict[str, Any]

_VERDICTS = ("accept", "drop", "return", "continue")
_OTHER_INTERFACE = "outside0"
"""One that no definition names; whoever loads the rules has to have it."""
_OTHER_KEY = {"iifname": "oifname", "oifname": "iifname", "saddr": "daddr", "daddr": "saddr"}


@dataclass(frozen=True, slots=True)
class Change:
    """A ruleset with one change.

    Attributes:
        kind: what was done: `delete a rule`, `redirect an element`, ...
        items: the ruleset, as nft lists it below `"nftables"`.
        before: what was changed.
        after: what stands there instead; None for nothing.
    """

    kind: str
    items: list[Json]
    before: object
    after: object


def changes(items: Sequence[Json]) -> Iterator[Change]:
    """All of them, for a listing of what a plan makes."""
    names = _interfaces(items)
    for place, item in enumerate(items):
        ((kind, content),) = item.items()
        match kind:
            case "rule":
                yield from _of_rule(items, place, content, names)
            case "map":
                yield from _of_map(items, place, content)
            case "chain" if content.get("policy") == "accept":
                changed: Json = {kind: content | {"policy": "drop"}}
                yield Change("change a policy", _with(items, place, changed), item, changed)


def _with(items: Sequence[Json], place: int, *new: Json) -> list[Json]:
    return [*items[:place], *new, *items[place + 1 :]]


def _interfaces(items: Sequence[Json]) -> list[str]:
    """All names that rules compare interfaces with."""
    rights = [
        statement["match"]["right"]
        for item in items
        for statement in item.get("rule", {}).get("expr", ())
        if "match" in statement and "meta" in statement["match"]["left"]
    ]
    protocols = {"tcp", "udp"}
    return sorted({right for right in rights if isinstance(right, str)} - protocols | {_OTHER_INTERFACE})


# Rules


def _of_rule(items: Sequence[Json], place: int, rule: Json, names: Sequence[str]) -> Iterator[Change]:
    item, statements = items[place], rule["expr"]
    yield Change("delete a rule", _with(items, place), item, None)
    yield Change("duplicate a rule", _with(items, place, item, item), item, [item, item])
    for other in _ends_of_chain(items, rule):
        if other != place and items[other] != item:
            moved = _with(items, place)
            moved.insert(other, item)
            yield Change("move a rule", moved, item, f"to where {items[other]} is")
    for number, statement in enumerate(statements):
        for kind, new in _other_statements(statement, rule, items, names):
            exprs = [*statements[:number], *([] if new is None else [new]), *statements[number + 1 :]]
            changed = {"rule": rule | {"expr": exprs}}
            yield Change(kind, _with(items, place, changed), item, changed)


def _ends_of_chain(items: Sequence[Json], rule: Json) -> list[int]:
    """The first and the last place of a rule's chain."""
    where = [
        number
        for number, item in enumerate(items)
        if "rule" in item and all(item["rule"][key] == rule[key] for key in ("family", "table", "chain"))
    ]
    return [where[0], where[-1]]


def _other_statements(
    statement: Json, rule: Json, items: Sequence[Json], names: Sequence[str]
) -> Iterator[tuple[str, Json | None]]:
    """What may stand in the place of a statement; None for nothing."""
    ((kind, content),) = statement.items()
    match kind:
        case "match":
            for right in _other_operands(content, names):
                yield "change an operand", {"match": content | {"right": right}}
            if content["left"].get("meta", {}).get("key") == "l4proto":
                # nft takes ports only of a protocol that has any
                return
            if content["op"] in {"==", "!="}:
                yield "change an operator", {"match": content | {"op": "==" if content["op"] == "!=" else "!="}}
            yield "drop a condition", None
        case "counter":
            pass
        case "vmap":
            yield "change the key of a lookup", {"vmap": content | {"key": _other_lookup(content["key"])}}
            yield "change a verdict", {"accept": None}
        case _:
            for verdict in _VERDICTS:
                if verdict != kind:
                    yield "change a verdict", {verdict: None}
            for new in _other_targets(kind, content, rule, items):
                yield "change an operand", new


def _other_lookup(key: Json) -> Json:
    match key:
        case {"meta": {"key": name}}:
            return {"meta": {"key": _OTHER_KEY[name]}}
        case {"payload": {"protocol": protocol, "field": name}}:
            return {"payload": {"protocol": protocol, "field": _OTHER_KEY[name]}}
        case _:
            return key


def _other_targets(kind: str, content: Any, rule: Json, items: Sequence[Json]) -> Iterator[Json]:  # noqa: ANN401 - JSON
    match kind:
        case "jump" | "goto":
            for chain in _chains_beside(items, rule, content["target"]):
                yield {kind: {"target": chain}}
            yield {"goto" if kind == "jump" else "jump": content}
        case "masquerade" | "snat":
            written = content or {}
            ports = written.get("port")
            if ports is not None:
                first, last = ports["range"]
                yield {kind: written | {"port": {"range": [first + 1, last]}}}
                rest = {key: value for key, value in written.items() if key != "port"}
                yield {kind: rest or None}
            if "addr" in written:
                yield {kind: written | {"addr": _one_more(written["addr"])}}
                yield {"masquerade": None if ports is None else {"port": ports}}


def _one_more(addresses: Any) -> Any:  # noqa: ANN401 - JSON
    """A range of addresses that is one longer; a subnet as a range without its first."""
    match addresses:
        case {"range": [first, last]}:
            return {"range": [first, str(ip_address(last) + 1)]}
        case {"prefix": {"addr": address, "len": length}}:
            network = ip_network((address, length))
            return {"range": [str(network[1]), str(network[-1])]}
        case _:
            return str(ip_address(addresses) + 1)


def _chains_beside(items: Sequence[Json], rule: Json, target: str) -> list[str]:
    """Other chains of the table that are jumped to, lead nowhere themselves, and stand in no other type of chain."""
    rejecting = {
        item["rule"]["chain"]
        for item in items
        if "rule" in item and any("reject" in each for each in item["rule"]["expr"])
    }
    leading = {
        item["rule"]["chain"]
        for item in items
        if "rule" in item and any({"jump", "goto", "vmap"} & each.keys() for each in item["rule"]["expr"])
    }
    return [
        item["chain"]["name"]
        for item in items
        if "chain" in item
        and all(item["chain"][key] == rule[key] for key in ("family", "table"))
        and "hook" not in item["chain"]
        and item["chain"]["name"] not in {*leading, rule["chain"], target}
        and (item["chain"]["name"] in rejecting) == (target in rejecting)
    ][:2]


def _other_operands(match: Json, names: Sequence[str]) -> Iterator[Any]:
    left, right = match["left"], match["right"]
    match right:
        case {"prefix": {"addr": address, "len": length}}:
            network = ip_network((address, length))
            for other in (network.supernet(), next(network.subnets())):
                yield _subnet(other)
        case list():
            yield from ([each] for each in right)
        case str() if left.get("meta", {}).get("key") == "l4proto":
            yield "udp" if right == "tcp" else "tcp"
        case str() if "meta" in left:
            others = [name for name in names if name != right]
            yield from dict.fromkeys((others[0], others[-1]))
        case str():
            address = ip_address(right)
            yield str(type(address)(int(address) ^ 1))


def _subnet(network: Any) -> Any:  # noqa: ANN401 - of either version
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}}


# Maps


def _of_map(items: Sequence[Json], place: int, listed: Json) -> Iterator[Change]:
    elements = listed.get("elem", [])
    verdicts = [verdict for _, verdict in elements]
    for number, element in enumerate(elements):
        key, verdict = element
        for kind, new in (
            ("delete an element", None),
            *(("redirect an element", [key, other]) for other in _other_verdicts(verdict, verdicts)),
            *(("change the key of an element", [other, verdict]) for other in _other_keys(key)),
        ):
            left = [*elements[:number], *([] if new is None else [new]), *elements[number + 1 :]]
            changed = {key: value for key, value in (listed | {"elem": left}).items() if value != []}
            yield Change(kind, _with(items, place, {"map": changed}), element, new)


def _other_verdicts(verdict: Json, verdicts: Sequence[Json]) -> list[Json]:
    ((kind, content),) = verdict.items()
    found = [{verdict_: None} for verdict_ in _VERDICTS]
    if kind in {"jump", "goto"}:
        found.append({"goto" if kind == "jump" else "jump": content})
    return [*found, *[other for other in verdicts if other != verdict][:2]]


def _other_keys(key: object) -> Iterator[object]:
    """Keys that overlap with no other element."""
    match key:
        case {"prefix": {"addr": str() as address, "len": int() as length}}:
            for half in ip_network((address, length)).subnets():
                yield _subnet(half)
        case {"range": [str() as first, str() as last]} if ip_address(first) + 1 != ip_address(last):
            yield {"range": [first, str(ip_address(last) - 1)]}
        case str() if not key[0].isdigit() and ":" not in key:
            yield _OTHER_INTERFACE
