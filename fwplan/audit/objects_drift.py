"""Tables and chains of nftables that are not as they are to be, and what rules say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.audit.finding import Code, Finding
from fwplan.nft import objects as nft
from fwplan.nft.grammar import quoted_interface
from fwplan.nft.rule_text import rule_text
from fwplan.nft.text import hook_text, statements_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from fwplan.audit.observation import Observation

_ALONE = "libvirt is taken to use nftables here; if it uses iptables: --backend iptables"


def objects_drift(observation: Observation, present: Collection[object], repair: tuple[str, ...]) -> Iterator[Finding]:
    """Tables, and chains that all networks share, that are not there, or not as they are to be.

    Args:
        observation: the host.
        present: what is to be there.
        repair: what makes the rules of all networks right.
    """
    listing = observation.listing
    for made in present:
        match made:
            case nft.Table(family, name) if made not in listing.tables:
                message = f"table {family} {name} is missing, and with it all rules of all networks for {_said(family)}"
                details = () if listing.tables & set(present) else (_ALONE,)
                yield Finding(Code.MISSING_TABLE, None, f"{family} {name}", message, details, remedy=repair)
            case nft.Table(family, name) if made in listing.dormant:
                message = f"table {family} {name} is dormant: its chains see no packet"
                remedy = (f"nft add table {family} {name}",)
                yield Finding(Code.CHANGED_CHAIN, None, f"{family} {name}", message, remedy=remedy)
            case nft.Chain(table, name, hook) if table in listing.tables:
                place = f"{table.family} {table.name} {name}"
                there = listing.chains.get((table, name))
                if there is None:
                    message = f"chain {place} is missing, with the rules of all networks in it"
                    yield Finding(Code.MISSING_CHAIN, None, place, message, remedy=repair)
                elif there.hook != hook:
                    yield _changed_chain(observation, made, place, repair)


def _said(family: str) -> str:
    return {"ip": "IPv4", "ip6": "IPv6"}.get(family, family)


def _changed_chain(observation: Observation, chain: nft.Chain, place: str, repair: tuple[str, ...]) -> Finding:
    table = observation.ruleset.by_name.get((chain.table.family, chain.table.name))
    there = None if table is None or chain.name not in table.chains else table.chains[chain.name].hook
    seen = (
        "is no base chain"
        if there is None
        else f"is {{ type {there.type} hook {there.hook} priority {there.priority}; policy {there.policy}; }}"
    )
    wanted = "no base chain" if chain.hook is None else hook_text(chain.hook)
    only_policy = (
        there is not None
        and chain.hook is not None
        and (there.type, there.hook, there.priority) == (chain.hook.type, chain.hook.hook, chain.hook.priority)
    )
    remedy = (
        (f"nft 'chain {place} {{ policy {'accept' if chain.hook is None else chain.hook.policy}; }}'",)
        if only_policy
        else (
            "# a chain has to be made anew, with the rules of all networks, also of those that are not given here:",
            f"nft delete table {chain.table.family} {chain.table.name}",
            *repair[1:],
        )
    )
    return Finding(Code.CHANGED_CHAIN, None, place, f"chain {place} {seen}, and is to be {wanted}", remedy=remedy)


@dataclass(frozen=True)
class NftTexts:
    """What the rules of a chain say, by their place; only those that are asked for are written."""

    observation: Observation
    key: tuple[str, str, str]

    def __call__(self, place: int) -> str:
        """The rule at a place, from 0."""
        family, table, chain = self.key
        rules = self.observation.ruleset.by_name[family, table].chains[chain].rules
        return rule_text(rules[place])


def nft_text(rule: nft.Rule) -> str:
    """A rule that is to be there."""
    return " ".join(statements_words(rule, quoted_interface))
