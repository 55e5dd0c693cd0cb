"""What a plan makes on a host that has nothing else, as a ruleset."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fwplan.nft import objects as nft
from fwplan.nft.json import chain_json, element_json, escaped, map_json, rule_json, table_json
from fwplan.nft.read_ruleset import read_items
from fwplan.plan.plan import Backend

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fwplan.iptables import objects as iptables
    from fwplan.nft.ruleset import Ruleset
    from fwplan.plan.plan import Plan


def planned_ruleset(plan: Plan) -> Ruleset:
    """The ruleset of a host on which nothing is but a plan: each rule went to the head of its chain."""
    return _of_iptables(plan) if plan.backend is Backend.IPTABLES else read_items(planned_items(plan))


def planned_items(plan: Plan) -> list[Any]:
    """The same as nft lists it, for a plan of nftables: what stands in the list `"nftables"`."""
    objects = [operation.object for operation in plan.operations]
    elements = _elements(each for each in objects if isinstance(each, nft.Element))
    return [
        *({"table": table_json(each)} for each in objects if isinstance(each, nft.Table)),
        *({"chain": chain_json(each)} for each in objects if isinstance(each, nft.Chain)),
        *(
            {"map": map_json(each) | {"elem": elements[each.table, each.name]}}
            for each in objects
            if isinstance(each, nft.VerdictMap)
        ),
        *({"rule": rule_json(each, escaped)} for each in reversed(objects) if isinstance(each, nft.Rule)),
    ]


def _elements(elements: Iterable[nft.Element]) -> dict[tuple[nft.Table, str], list[Any]]:
    """What is in each map, as nft lists it: the name of an interface is written as in a rule."""
    found: dict[tuple[nft.Table, str], list[Any]] = defaultdict(list)
    for each in elements:
        name = each.key if isinstance(each.key, str) else None
        [[key, verdict]] = element_json(each if name is None else replace(each, key="interface"))["elem"]
        if name is not None:
            key = escaped(nft.InterfaceMatch(nft.Meta.IIFNAME, name))
        found[each.table, each.map].append([key, verdict])
    return found


def _of_iptables(plan: Plan) -> Ruleset:
    from fwplan.iptables import objects as iptables  # noqa: PLC0415 - each backend needs its own
    from fwplan.iptables.read_ruleset import read_ruleset  # noqa: PLC0415
    from fwplan.simulate.xtables.host import host_ruleset  # noqa: PLC0415

    objects = [operation.object for operation in plan.operations]
    chains = [each for each in objects if isinstance(each, iptables.Chain)]
    rules = [each for each in reversed(objects) if isinstance(each, iptables.Rule)]
    return host_ruleset(
        None,
        [read_ruleset("".join(_saved(program, chains, rules)), program) for program in iptables.PROGRAMS],
    )


def _saved(program: iptables.Program, chains: list[iptables.Chain], rules: list[iptables.Rule]) -> Iterator[str]:
    """What iptables-save or ip6tables-save would print, but for built-in chains that the plan leaves alone."""
    from fwplan.iptables.text import saved_text  # noqa: PLC0415

    for table in ("filter", "nat", "mangle"):
        own = [chain.name for chain in chains if (chain.program, chain.table) == (program, table)]
        of_table = [rule for rule in rules if (rule.chain.program, rule.chain.table) == (program, table)]
        used = {rule.chain.name for rule in of_table}
        if own or of_table:
            yield f"*{table}\n"
            yield from (f":{name} ACCEPT [0:0]\n" for name in _BUILT_IN if name in used)
            yield from (f":{name} - [0:0]\n" for name in own)
            yield from (f"-A {rule.chain.name} {saved_text(rule)}\n" for rule in of_table)
            yield "COMMIT\n"


_BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
