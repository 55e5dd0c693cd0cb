"""How a plan, a listing and a whole ruleset name the same places."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.iptables import objects as iptables
    from fwplan.nft.ruleset import Chain, Ruleset

LIBVIRT_TABLE = "libvirt_network"
"""Of libvirt's networks, in `ip` and in `ip6`."""
FWPLAN_TABLE = "fwplan"
"""Of the layout `maps`, in the same."""
FAMILIES: Mapping[iptables.Program, str] = {"iptables": "ip", "ip6tables": "ip6"}
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
