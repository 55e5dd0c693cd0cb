"""All rulesets of one host as one: what nft lists, and what iptables-save says of the same rules and of others.

Rules that iptables-nft has made are nftables' rules. nft lists them, but of many of their matches and targets only the
names; iptables-save writes them in full. The tables of iptables-legacy are beside nftables', and nft knows nothing of
them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fwplan.nft.expressions import Goto, Jump, Verdict
from fwplan.nft.ruleset import Chain, Rule, Ruleset, Table
from fwplan.nft.statements import Xt
from fwplan.simulate.xtables.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.iptables import ruleset as iptables
    from fwplan.iptables.sets import IpSet

_ALIASES = {"conntrack": ("conntrack", "state"), "CT": ("CT", "NOTRACK"), "NOTRACK": ("NOTRACK", "CT")}
"""Extensions that iptables-save writes by another name than nft lists."""


def host_ruleset(listed: Ruleset | None, saved: Iterable[iptables.Ruleset], sets: Iterable[IpSet] = ()) -> Ruleset:
    """One ruleset of several listings of a host.

    Where iptables-save and nft tell of the same rule, what iptables-save says is taken, at its place and with its
    handle. Where they do not agree, as when rules changed between the two, nft is believed: what it does not list of a
    rule is unknown then. Tables of iptables-legacy come first: of chains with the same hook and priority the kernel
    enters the one that was made last, and neither listing tells which that is.

    Args:
        listed: what nft lists; None where that is not at hand.
        saved: what iptables-save and ip6tables-save of each variant say.
        sets: those of ipset, as far as they are given.
    """
    sets = tuple(sets)
    legacy: list[Table] = []
    tables = {} if listed is None else {(table.family, table.name): table for table in listed.tables}
    for each in saved:
        for table in tables_of(each, sets):
            if table.program != "nft":
                legacy.append(table)
                continue
            key = (table.family, table.name)
            tables[key] = _readable(tables[key], table) if key in tables else table
    release, unknown = (None, ()) if listed is None else (listed.release, listed.unknown)
    return Ruleset((*legacy, *tables.values()), release, unknown)


def _readable(listed: Table, saved: Table) -> Table:
    """A table as nft lists it, with the rules that iptables-save can tell more of."""
    chains = {name: _readable_chain(chain, saved.chains.get(name)) for name, chain in listed.chains.items()}
    # iptables-save also names chains that it would make first, as built-in ones without rules
    missing = {
        name: chain
        for name, chain in saved.chains.items()
        if name not in chains and (chain.rules or chain.hook is None)
    }
    return replace(listed, chains={**chains, **missing}, sets={**saved.sets, **listed.sets})


def _readable_chain(listed: Chain, saved: Chain | None) -> Chain:
    if saved is None or len(saved.rules) != len(listed.rules):
        return listed
    rules = tuple([_readable_rule(*both) for both in zip(listed.rules, saved.rules, strict=True)])
    return replace(listed, rules=rules)


def _readable_rule(listed: Rule, saved: Rule) -> Rule:
    return replace(saved, handle=listed.handle) if _agree(listed, saved) else listed


def _agree(listed: Rule, saved: Rule) -> bool:
    """Whether two may be the same rule: by the extensions that nft lists, and by how it ends."""
    written = f" {saved.written} "
    for statement in listed.statements:
        if isinstance(statement, Xt):
            option = "-j" if statement.type == "target" else "-m"
            if not any(f" {option} {name} " in written for name in _ALIASES.get(statement.name, (statement.name,))):
                return False
    return _end(listed) in {None, _end(saved)}


def _end(rule: Rule) -> Verdict | Jump | Goto | None:
    last = rule.statements[-1] if rule.statements else None
    return last if isinstance(last, Verdict | Jump | Goto) else None
