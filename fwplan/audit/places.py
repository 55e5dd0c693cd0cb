"""How a plan, a listing and a whole ruleset name the same places and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.iptables.objects import PROGRAMS
from fwplan.nft.rule_text import rule_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.iptables import objects as iptables
    from fwplan.nft.ruleset import Chain, Rule, Ruleset

FAMILIES: Mapping[iptables.Program, str] = dict(zip(PROGRAMS, ("ip", "ip6"), strict=True))
"""nftables' name of the packets that each program of iptables is for."""


def iptables_place(chain: iptables.Chain) -> str:
    """`iptables filter LIBVIRT_FWI`."""
    return f"{chain.program} {chain.table} {chain.name}"


def chain_of_iptables(ruleset: Ruleset, chain: iptables.Chain, rules: int) -> Chain | None:
    """A chain of iptables in the whole ruleset of a host, with its rules in nft's words.

    Args:
        ruleset: of the host.
        chain: which.
        rules: how many it has. A host may have two of that name, of iptables-nft and of iptables-legacy.
    """
    for table in ruleset.tables:
        if (table.family, table.name) == (FAMILIES[chain.program], chain.table):
            found = table.chains.get(chain.name)
            if found is not None and len(found.rules) == rules:
                return found
    return None


def said(rule: Rule) -> str:
    """A rule as its own program writes it, in nft's syntax or in that of iptables."""
    return f"-A {rule.place.chain} {rule.written}" if rule.written else rule_text(rule)
