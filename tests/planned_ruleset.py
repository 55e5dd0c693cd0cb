"""What a plan of nftables makes on a host that has nothing else, in the words of any ruleset."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
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
    return read_ruleset(json.dumps({"nftables": items}))


def _listed(element: nft.Element) -> list[Any]:
    """An element as nft lists it, which writes the name of an interface bare."""
    if not isinstance(element.key, str):
        return list(element_json(element)["elem"])
    [[_, verdict]] = element_json(replace(element, key="any"))["elem"]
    return [[element.key, verdict]]
