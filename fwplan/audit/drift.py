"""The rules that a host has, held against those that its networks are to have."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fwplan.audit.chain_drift import ChainSeen, Drift, chain_drift
from fwplan.audit.finding import Code, Finding
from fwplan.iptables import objects as iptables
from fwplan.iptables.saved import as_saved
from fwplan.iptables.text import saved_text
from fwplan.nft import objects as nft
from fwplan.nft.grammar import quoted_interface
from fwplan.nft.rule_text import rule_text
from fwplan.nft.text import hook_text, statements_words
from fwplan.plan.plan import Backend
from fwplan.plan.share import SetUpMark, iptables_mark, nft_mark
from fwplan.plan.wanted import iptables_wanted, nft_wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fwplan.audit.observation import Observation
    from fwplan.network.definition import Subnet
    from fwplan.plan.plan import NetworkPlan, Plan
    from fwplan.plan.share import Mark
    from fwplan.plan.wanted import Wanted

    Shares = dict[Mark, Sequence[Any]]
    """The rules of a chain by whose they are, from first to last."""


def drift(observation: Observation, plan: Plan) -> tuple[Finding, ...]:
    """In what the rules of a host differ from a plan."""
    if not any(share.network.meaning.filtered for share in plan.networks):
        return ()
    match plan.backend:
        case Backend.NFTABLES:
            return tuple(_nftables_drift(observation, plan))
        case Backend.IPTABLES:
            return tuple(_iptables_drift(observation, plan))


# nftables


def _nftables_drift(observation: Observation, plan: Plan) -> Iterator[Finding]:
    listing = observation.listing
    wanted = nft_wanted(plan)
    for made in wanted.present:
        match made:
            case nft.Table(family, name) if made not in listing.tables:
                message = f"table {family} {name} is missing, and with it all rules of all networks for {family}"
                yield Finding(Code.MISSING_TABLE, None, f"{family} {name}", message, remedy=_REPAIR)
            case nft.Table(family, name) if made in listing.dormant:
                message = f"table {family} {name} is dormant: its chains see no packet"
                remedy = (f"nft add table {family} {name}",)
                yield Finding(Code.CHANGED_CHAIN, None, f"{family} {name}", message, remedy=remedy)
            case nft.Chain(table, name, hook) if table in listing.tables:
                place = f"{table.family} {table.name} {name}"
                there = listing.chains.get((table, name))
                if there is None:
                    yield Finding(Code.MISSING_CHAIN, None, place, f"chain {place} is missing", remedy=_REPAIR)
                elif there.hook != hook:
                    yield _changed_chain(observation, nft.Chain(table, name, hook), place)
    report = _Report(plan)
    for (table, chain), shares in _by_chain(wanted).items():
        entries = listing.listed.get((table, chain), [])
        rules = [entry.rule for entry in entries]
        marks = [None if rule is None else nft_mark(rule) for rule in rules]
        handles = [entry.handle for entry in entries]
        place = f"{table.family} {table.name} {chain}"
        texts = _NftTexts(observation, (table.family, table.name, chain), handles)
        report.add(place, chain_drift(ChainSeen(rules, marks, texts), shares, _nft_text, report.together(shares)))
    yield from report.findings()


def _changed_chain(observation: Observation, chain: nft.Chain, place: str) -> Finding:
    table = observation.ruleset.by_name.get((chain.table.family, chain.table.name))
    there = None if table is None or chain.name not in table.chains else table.chains[chain.name].hook
    seen = (
        "is no base chain"
        if there is None
        else f"is {{ type {there.type} hook {there.hook} priority {there.priority}; policy {there.policy}; }}"
    )
    wanted = "no base chain" if chain.hook is None else hook_text(chain.hook)
    return Finding(
        Code.CHANGED_CHAIN,
        None,
        place,
        f"chain {place} {seen}, and is to be {wanted}",
        remedy=(f"nft delete table {chain.table.family} {chain.table.name}", *_REPAIR),
    )


@dataclass(frozen=True)
class _NftTexts:
    """What the rules of a chain say, by their place; only those that are asked for are written."""

    observation: Observation
    key: tuple[str, str, str]
    handles: Sequence[int | None]

    def __call__(self, place: int) -> str:
        family, table, chain = self.key
        rules = self.observation.ruleset.by_name[family, table].chains[chain].rules
        return rule_text(rules[place])


def _nft_text(rule: nft.Rule) -> str:
    return " ".join(statements_words(rule, quoted_interface))


# iptables


def _iptables_drift(observation: Observation, plan: Plan) -> Iterator[Finding]:
    saved = observation.saved
    wanted = iptables_wanted(plan, checksum=_repairs_checksums(observation))
    report = _Report(plan)
    for chain in wanted.present:
        if chain not in saved.chains:
            place = _iptables_place(chain)
            yield Finding(Code.MISSING_CHAIN, None, place, f"chain {place} is missing", remedy=_REPAIR)
    for chain, shares in _by_chain(wanted).items():
        entries = saved.rules.get(chain, [])
        rules = [entry.rule for entry in entries]
        marks = [None if rule is None else iptables_mark(rule) for rule in rules]
        as_read = {mark: tuple(map(as_saved, share)) for mark, share in shares.items()}
        seen = ChainSeen(rules, marks, [entry.text for entry in entries].__getitem__)
        report.add(_iptables_place(chain), chain_drift(seen, as_read, saved_text, report.together(shares)))
    yield from report.findings()


def _repairs_checksums(observation: Observation) -> bool:
    """Whether the kernel can repair checksums, which is seen where any rule does: libvirt does without it otherwise."""
    return observation.fills_checksums is True or any(
        isinstance(entry.rule.target, iptables.FillChecksum)
        for entries in observation.saved.rules.values()
        for entry in entries
        if entry.rule is not None
    )


def _iptables_place(chain: iptables.Chain) -> str:
    return f"{chain.program} {chain.table} {chain.name}"


# Both


_REPAIR = ("# puts back what is missing, and takes away what is too much:", "fwplan apply DEFINITION…")


def _by_chain(wanted: Wanted[Any, Any, Any]) -> Mapping[Any, Shares]:
    chains: dict[Any, Shares] = {}
    for (chain, mark), share in wanted.shares.items():
        chains.setdefault(chain, {})[mark] = share
    return chains


class _Report:
    """Drift of all chains, told by network."""

    def __init__(self, plan: Plan) -> None:
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
        self._wanted = _rule_counts(plan)

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
        places = list(dict.fromkeys(place for place, _ in found))
        whose = "of the set-up" if network is None else f"of network {network!r}"
        number = len(found)
        rules = f"{number} {'rule' if number == 1 else 'rules'}"
        message = {
            Code.MISSING_RULE: f"{rules} {whose} missing",
            Code.EXTRA_RULE: f"{rules} {whose} too much: its definition leads to no such rule",
            Code.CHANGED_RULE: f"{rules} {whose} changed",
            Code.MISPLACED_RULE: f"{rules} {whose} not at the place where packets are to meet them",
            Code.DUPLICATE_RULE: f"{rules} {whose} there a second time",
            Code.STALE_INTERFACE: f"{rules} {whose} for an interface that is gone: the bridge was made anew since",
        }.get(code, f"{rules} {whose}")
        if code is Code.MISSING_RULE and network is not None and number == self._wanted[network]:
            message = f"all {rules} of network {network!r} are missing"
        return Finding(code, network, ", ".join(places), message, tuple(_details(found)), remedy=_REPAIR)


def _rule_counts(plan: Plan) -> Mapping[str, int]:
    return {share.network.name: _count(share) for share in plan.networks}


def _count(share: NetworkPlan) -> int:
    return sum(isinstance(operation.object, nft.Rule | iptables.Rule) for operation in share.operations)


def _details(found: list[tuple[str, Drift]]) -> Iterator[str]:
    for place, each in found:
        if each.seen:
            yield f"{place}: {each.seen}"
        if each.wanted and each.wanted != each.seen:
            yield f"{place}: {'to be: ' if each.seen else ''}{each.wanted}"
