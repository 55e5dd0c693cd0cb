"""What a plan of nftables makes on a host that has nothing else, in the words of any ruleset."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from fwplan.nft import objects as nft
from fwplan.nft.json import chain_json, element_json, escaped, map_json, rule_json, table_json
from fwplan.nft.read_ruleset import read_ruleset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan import Plan
    from fwplan.nft.ruleset import Ruleset


def planned_ruleset(plan: Plan) -> Ruleset:
    """The ruleset that nft would list."""
    return ruleset_of([operation.object for operation in plan.operations])


def ruleset_of(made: Iterable[object]) -> Ruleset:
    """The ruleset of tables, chains, maps, elements and rules, each of which went to the head of its chain."""
    return read_ruleset(json.dumps(listing_of(made)))


def listing_of(made: Iterable[object]) -> dict[str, Any]:
    """The same as `nft -j list ruleset` prints it."""
    objects = list(made)
    elements: dict[tuple[nft.Table, str], list[Any]] = defaultdict(list)
    for each in objects:
        if isinstance(each, nft.Element):
            elements[each.table, each.map] += _listed(each)
    items = [
        *({"table": table_json(each)} for each in objects if isinstance(each, nft.Table)),
        *({"chain": chain_json(each)} for each in objects if isinstance(each, nft.Chain)),
        *(
            {"map": map_json(each) | {"elem": elements[each.table, each.name]}}
            for each in objects
            if isinstance(each, nft.VerdictMap)
        ),
        *({"rule": rule_json(each, escaped)} for each in reversed(objects) if isinstance(each, nft.Rule)),
    ]
    return {"nftables": [_as_listed(item) for item in items]}


def _listed(element: nft.Element) -> list[Any]:
    """An element as nft lists it, which writes the name of an interface bare."""
    if not isinstance(element.key, str):
        return list(element_json(element)["elem"])
    [[_, verdict]] = element_json(replace(element, key="any"))["elem"]
    return [[element.key, verdict]]


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
