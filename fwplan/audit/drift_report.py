"""What drift of all chains comes to, told by network."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fwplan.audit.finding import Code, Finding
from fwplan.plan.plan import Layout
from fwplan.plan.share import SetUpMark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fwplan.audit.chain_drift import Drift
    from fwplan.audit.commands import Commands
    from fwplan.network.addressing import Subnet
    from fwplan.plan.plan import NetworkPlan, Plan
    from fwplan.plan.share import Mark

_SAID = {
    Code.EXTRA_RULE: "too many: the definition leads to no such rule",
    Code.MISPLACED_RULE: "not where packets are to meet {them}",
    Code.DUPLICATE_RULE: "there a second time",
}
"""What is so, after `1 rule is` or `2 rules are`."""


class DriftReport:
    """Drift of all chains, told by network.

    Args:
        plan: of the networks.
        commands: of fwplan, for remedies.
    """

    def __init__(self, plan: Plan, commands: Commands) -> None:
        self._commands = commands
        maps = plan.layout is Layout.MAPS
        self._shared = "rule that several networks need" if maps else "rule that leads to libvirt's chains"
        self._networks: dict[Mark, str] = {}
        subnets: Counter[Subnet] = Counter()
        for share in plan.networks:
            if share.bridge is not None and share.network.meaning.filtered:
                self._networks[share.bridge] = share.network.name
                for ip in share.network.ips:
                    self._networks.setdefault(ip.subnet, share.network.name)
                    subnets[ip.subnet] += 1
        self._ordered = [
            [ip.subnet for ip in reversed(share.network.ips)]
            for share in plan.networks
            if len(share.network.ips) > 1 and all(subnets[ip.subnet] == 1 for ip in share.network.ips)
        ]
        self._found: dict[tuple[Code, str | None], list[tuple[str, Drift]]] = {}
        self._wanted = {share.network.name: _count(share) for share in plan.networks}

    @property
    def repair(self) -> tuple[str, ...]:
        """What makes the rules of all networks right."""
        return self._commands.repair()

    @property
    def claimed(self) -> frozenset[tuple[str, int]]:
        """Place and position of the rules that something is said of."""
        return frozenset(
            (place, each.position)
            for found in self._found.values()
            for place, each in found
            if each.position is not None
        )

    def together(self, shares: Mapping[Mark, object]) -> Sequence[Sequence[Mark]]:
        """Marks of one network each, in the order of their rules: of its subnets the last one stands first."""
        there = ([mark for mark in marks if mark in shares] for marks in self._ordered)
        return [marks for marks in there if len(marks) > 1]

    def add(self, place: str, drifts: Iterable[Drift]) -> None:
        """Note the drift of a chain."""
        for each in drifts:
            network = None if isinstance(each.mark, SetUpMark) else self._networks.get(each.mark)
            self._found.setdefault((each.code, network), []).append((place, each))

    def findings(self) -> Iterator[Finding]:
        """One for each kind of drift of a network."""
        for (code, network), found in self._found.items():
            yield self._finding(code, network, found)

    def _finding(self, code: Code, network: str | None, found: list[tuple[str, Drift]]) -> Finding:
        return Finding(
            code,
            network,
            ", ".join(dict.fromkeys(place for place, _ in found)),
            self._message(code, network, len(found)),
            tuple(_details(found)),
            remedy=self._commands.repair(None if network is None else [network]),
        )

    def _message(self, code: Code, network: str | None, number: int) -> str:
        of_network = "" if network is None else f"network {network!r}: "
        what = "rule" if network is not None else self._shared
        rules = f"1 {what}" if number == 1 else f"{number} {what.replace('rule', 'rules', 1).replace('leads', 'lead')}"
        are = "is" if number == 1 else "are"
        match code:
            case Code.MISSING_RULE if network is not None:
                total = self._wanted[network]
                all_of_it = number == total and total > 1
                rules = f"all {total} rules" if all_of_it else f"{number} of its {total} rules"
                return f"{of_network}{rules} {are} missing"
            case Code.MISSING_RULE:
                return f"{rules} {are} missing"
            case Code.CHANGED_RULE:
                return f"{of_network}{rules} {'says' if number == 1 else 'say'} something else than planned"
            case Code.STALE_INTERFACE:
                names = "names" if number == 1 else "name"
                gone = "an interface that is gone: its bridge was made anew, and rules know it by its index"
                return f"{of_network}{rules} {names} {gone}"
            case _:
                said = _SAID[code].format(them="it" if number == 1 else "them")
                return f"{of_network}{rules} {are} {said}"


def _count(share: NetworkPlan) -> int:
    return sum(operation.object.noun[0] == "rule" for operation in share.operations)


def _details(found: list[tuple[str, Drift]]) -> Iterator[str]:
    for place, each in found:
        if each.seen and each.wanted and each.seen != each.wanted:
            yield f"{place}: {each.seen}"
            yield f"{place}: is to be: {each.wanted}"
        else:
            yield f"{place}: {each.seen or each.wanted}"
