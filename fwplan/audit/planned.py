"""What a plan makes on a host that has nothing else, as a ruleset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.plan.as_ruleset import ruleset_of
from fwplan.plan.plan import Backend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.iptables import objects as iptables
    from fwplan.nft.ruleset import Ruleset
    from fwplan.plan.plan import Plan

_BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")


def planned_ruleset(plan: Plan) -> Ruleset:
    """The ruleset of a host on which nothing is but a plan: each rule went to the head of its chain."""
    if plan.backend is Backend.IPTABLES:
        return _of_iptables(plan)
    return ruleset_of(plan)


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
