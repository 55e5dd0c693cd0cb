"""What nft would list of a plan, for rulesets that are changed in one place."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from fwplan.nft import objects as nft
from fwplan.nft.json import chain_json, element_json, escaped, map_json, rule_json, table_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.plan.plan import Plan


def planned_items(plan: Plan) -> list[Any]:
    """What stands in the list `"nftables"` on a host on which nothing is but a plan of nftables."""
    return listed_items(operation.object for operation in plan.operations)


def listed_items(made: Iterable[object]) -> list[Any]:
    """The same of tables, chains, maps, elements and rules, each of which went to the head of its chain."""
    objects = list(made)
    elements: dict[tuple[nft.Table, str], list[Any]] = defaultdict(list)
    for each in objects:
        if isinstance(each, nft.Element):
            elements[each.table, each.map] += _element(each)
    items = [
        *({"table": table_json(each)} for each in objects if isinstance(each, nft.Table)),
        *({"chain": chain_json(each)} for each in objects if isinstance(each, nft.Chain)),
        *(
            {"map": map_json(each) | _elements(elements[each.table, each.name])}
            for each in objects
            if isinstance(each, nft.VerdictMap)
        ),
        *({"rule": rule_json(each, escaped)} for each in reversed(objects) if isinstance(each, nft.Rule)),
    ]
    return [_as_listed(item) for item in items]


def _elements(elements: list[Any]) -> dict[str, Any]:
    """nft lists none of an empty map, and takes no empty list."""
    return {"elem": elements} if elements else {}


def _element(element: nft.Element) -> list[Any]:
    """An element, with the name of an interface as it stands in a rule."""
    if not isinstance(element.key, str):
        return list(element_json(element)["elem"])
    [[_, verdict]] = element_json(replace(element, key="any"))["elem"]
    return [[escaped(nft.InterfaceMatch(nft.Meta.IIFNAME, element.key)), verdict]]


def _as_listed(written: Any) -> Any:  # noqa: ANN401 - JSON
    """nft lists a subnet of one address as an address."""
    match written:
        case {"prefix": {"addr": str() as address, "len": int() as length}} if (
            length == ip_address(address).max_prefixlen
        ):
            return address
        case dict():
            return {key: _as_listed(value) for key, value in written.items()}
        case list():
            return [_as_listed(value) for value in written]
        case _:
            return written
