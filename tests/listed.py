"""What nft lists of a host, made without one: a plan's rules as they come to stand, and those of others."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

from conformance.listing import planned_items

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.plan.plan import Plan

    Item = dict[str, Any]

ACCEPT: Item = {"accept": None}
DROP: Item = {"drop": None}
COUNTER: Item = {"counter": {"packets": 7, "bytes": 588}}


def jump(chain: str) -> Item:
    """`jump CHAIN`."""
    return {"jump": {"target": chain}}


def meta(key: str, value: object, operator: str = "==") -> Item:
    """`iifname "eth0"` and the like."""
    return {"match": {"op": operator, "left": {"meta": {"key": key}}, "right": value}}


def field(name: str, value: object, operator: str = "==") -> Item:
    """`tcp dport 22` and the like."""
    protocol, _, of_it = name.partition(" ")
    return {"match": {"op": operator, "left": {"payload": {"protocol": protocol, "field": of_it}}, "right": value}}


def state(*states: str) -> Item:
    """`ct state established,related`."""
    return {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": list(states)}}


def table(
    family: str, name: str, chains: dict[str, tuple[Item | None, list[list[Item]]]], **attributes: object
) -> list[Item]:
    """A table of somebody's.

    Args:
        family: of the table.
        name: of the table.
        chains: by name: what makes it a base chain, or None, and its rules.
        attributes: of the table besides.
    """
    place: Item = {"family": family, "table": name}
    made: list[Item] = [{"table": {"family": family, "name": name, **attributes}}]
    made += [{"chain": {**place, "name": chain, **(hook or {})}} for chain, (hook, _) in chains.items()]
    made += [
        {"rule": {**place, "chain": chain, "expr": statements}}
        for chain, (_, rules) in chains.items()
        for statements in rules
    ]
    return made


def hook(name: str, priority: int = 0, policy: str = "accept", kind: str = "filter") -> Item:
    """What makes a chain a base chain."""
    return {"type": kind, "hook": name, "prio": priority, "policy": policy}


def docker() -> list[Item]:
    """What Docker leaves in a table of iptables, in short: a policy that drops, and accepts for its own bridge."""
    return table(
        "ip",
        "filter",
        {
            "FORWARD": (
                hook("forward", policy="drop"),
                [[COUNTER, jump("DOCKER-USER")], [COUNTER, jump("DOCKER-FORWARD")]],
            ),
            "DOCKER-USER": (None, [[COUNTER, {"return": None}]]),
            "DOCKER-FORWARD": (None, [[meta("iifname", "docker0"), COUNTER, ACCEPT]]),
        },
    )


def listing(plan: Plan | None, *others: Iterable[Item]) -> str:
    """What `nft -j list ruleset` prints where others have tables, and a plan is applied after that.

    Each rule of a plan goes to the head of its chain.
    """
    items: list[Item] = [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}]
    items += [item for other in others for item in other]
    items += [] if plan is None else planned_items(plan)
    handles = count(1)
    for item in items[1:]:
        for content in item.values():
            content["handle"] = next(handles)
    return json.dumps({"nftables": items})
