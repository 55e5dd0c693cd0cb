"""Whose a table, a chain, a rule or a policy is: which program put it there, as far as names tell.

The kernel does not keep who made a rule. Programs give their tables and chains names of their own. Where they share a
chain with others, they put jumps to their own, which tell whose they are, and a few rules besides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fwplan.audit.programs import Program, program_of
from fwplan.nft.expressions import AnonymousSet, Ct, Goto, Jump, Meta, Payload, Verdict, Word
from fwplan.nft.statements import Counter, Match, Nat, Reject, VerdictMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.nft.ruleset import Chain, Place, Rule, Ruleset, Table


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose something is.

    Attributes:
        name: of the program, as people say it; `iptables / administrator` and the like where nobody else is known to
            put anything there; `unknown`.
        because: what tells it, in words: `the table is named docker-bridges`.
        is_sure: whether the name is of a kind that nobody else uses; False where it is a guess.
    """

    name: str
    because: str
    is_sure: bool = True

    def __str__(self) -> str:
        return self.name


UNKNOWN = "unknown"
LIBVIRT_TABLE = "libvirt_network"
"""Of libvirt's networks, in `ip` and in `ip6`."""
NFT_ADMINISTRATOR = "nftables.service / administrator"
_IPTABLES = {"ip": "iptables", "ip6": "iptables", "bridge": "ebtables", "arp": "arptables"}
_IPTABLES_TABLES = frozenset(("filter", "nat", "mangle", "raw", "security", "broute"))
BUILT_IN_CHAINS = frozenset(("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING", "BROUTING"))
"""The chains that iptables, ebtables and arptables have by themselves."""
_USUAL_TABLES = frozenset(("filter", "nat", "mangle", "raw", "firewall", "global", "fw"))
"""What examples and distributions name tables in /etc/nftables.conf."""
_FORWARD = "FORWARD"
_OF_UFW = frozenset(("INPUT", _FORWARD, "OUTPUT"))
"""The chains whose policy ufw sets."""


def is_of_iptables(table: Table) -> bool:
    """Whether iptables, ip6tables, ebtables or arptables made a table, which all programs that use them share."""
    if table.program == "iptables-legacy":
        return True
    if table.family not in _IPTABLES or table.name not in _IPTABLES_TABLES:
        return False
    names = [chain.name for chain in table.chains.values() if chain.hook is not None]
    return BUILT_IN_CHAINS.issuperset(names) if names else any(map(_chain_program, table.chains))


def owner_of_table(table: Table) -> Owner:
    """Whose a table is; one of iptables is everybody's."""
    program = program_of("tables", f"{table.family} {table.name}")
    if program is not None:
        note = "; fwplan puts the same rules there" if table.name == LIBVIRT_TABLE else ""
        return Owner(program.name, f"the table is named {table.name}{note}")
    if is_of_iptables(table):
        tool = _IPTABLES[table.family]
        return Owner(_administrator(table), f"{tool} made the table, and all that use it share it", is_sure=False)
    if "owner" in table.flags:
        return Owner(UNKNOWN, "a running program keeps the table: it has the flag owner", is_sure=False)
    if table.name in _USUAL_TABLES:
        return Owner(NFT_ADMINISTRATOR, f"files for nft often name a table {table.name}", is_sure=False)
    note = "" if table.comment is None else f"; its comment is {table.comment!r}"
    return Owner(UNKNOWN, f"fwplan knows no program that names a table {table.name}{note}", is_sure=False)


def owner_of_chain(ruleset: Ruleset, place: Place) -> Owner:
    """Whose a chain is; a built-in one of iptables is everybody's."""
    return _owner_of_chain(table_of(ruleset, place), place)


def _owner_of_chain(table: Table | None, place: Place) -> Owner:
    of_table = None if table is None else owner_of_table(table)
    if of_table is not None and of_table.is_sure:
        return of_table
    by_name = _chain_owner(place.chain)
    if by_name is not None:
        return by_name
    if table is None or of_table is None:
        return Owner(UNKNOWN, f"there is no table {place.family} {place.table}", is_sure=False)
    if not is_of_iptables(table):
        return of_table
    if place.chain in BUILT_IN_CHAINS:
        return Owner(of_table.name, f"{place.chain} is a chain of {_IPTABLES[place.family]} itself", is_sure=False)
    return Owner(of_table.name, f"fwplan knows no program that names a chain {place.chain}", is_sure=False)


def owner_of_rule(ruleset: Ruleset, rule: Rule) -> Owner:
    """Whose a rule is: of whom its chain is, or the chain that it jumps to, or what else it names."""
    table = table_of(ruleset, rule.place)
    of_chain = _owner_of_chain(table, rule.place)
    if of_chain.is_sure:
        program = _chain_program(rule.place.chain)
        if program is not None and rule.place.chain in program.set_aside and not _only_returns(rule):
            what = f"{program.name} leaves {rule.place.chain} to the administrator"
            return Owner(_administrator(table), what, is_sure=False)
        if rule.place.table == LIBVIRT_TABLE and not _has_libvirts_form(rule):
            return Owner(UNKNOWN, "it stands in libvirt's table, and is no rule of libvirt's", is_sure=False)
        return of_chain
    return next(_told_by(rule), of_chain)


def owner_of_policy(ruleset: Ruleset, chain: Chain) -> Owner:
    """Who set the policy of a base chain."""
    table = table_of(ruleset, chain.place)
    of_chain = _owner_of_chain(table, chain.place)
    if of_chain.is_sure or table is None or not is_of_iptables(table) or chain.place.table != "filter":
        return of_chain
    drops = chain.hook is not None and chain.hook.policy == "drop"
    known = {program.name for program in map(_chain_program, _chains_beside(ruleset, chain.place)) if program}
    docker = drops and chain.name == _FORWARD and "Docker" in known
    if chain.name in _OF_UFW and "ufw" in known:
        also = ", as Docker does" if docker else ""
        return Owner("ufw", f"ufw sets the policy of {chain.name}{also}", is_sure=False)
    if docker:
        return Owner("Docker", f"Docker sets the policy of {chain.name} to drop", is_sure=False)
    if not drops:
        return replace(of_chain, because=f"accept is the policy of {chain.name} until somebody sets another")
    return replace(of_chain, because=f"no program that fwplan knows of here sets the policy of {chain.name}")


def table_of(ruleset: Ruleset, place: Place) -> Table | None:
    """The table of a chain: where nft and iptables-legacy have one of that name each, that which has the chain."""
    found = ruleset.by_name.get((place.family, place.table))
    if found is not None and place.chain in found.chains:
        return found
    for table in ruleset.tables:
        if (table.family, table.name) == (place.family, place.table) and place.chain in table.chains:
            return table
    return found


def _chains_beside(ruleset: Ruleset, place: Place) -> Iterator[str]:
    """All chains in tables of that name."""
    for table in ruleset.tables:
        if (table.family, table.name) == (place.family, place.table):
            yield from table.chains


def _administrator(table: Table | None) -> str:
    if table is None or not is_of_iptables(table):
        return NFT_ADMINISTRATOR
    return f"{_IPTABLES[table.family]} / administrator"


def _chain_program(name: str) -> Program | None:
    return program_of("chains", name) or program_of("chains_perhaps", name)


def _chain_owner(name: str) -> Owner | None:
    program = _chain_program(name)
    if program is None:
        return None
    return Owner(program.name, f"the chain is named {name}", is_sure=program is program_of("chains", name))


def _told_by(rule: Rule) -> Iterator[Owner]:
    """Whose a rule is by what it says, the surest first."""
    for chain in _chains_named(rule):
        owner = _chain_owner(chain)
        if owner is not None:
            yield replace(owner, because=f"it leads to the chain {chain}")
    program = None if rule.comment is None else program_of("comments", rule.comment)
    if program is not None:
        yield Owner(program.name, f"its comment is {rule.comment!r}")
    for interface in _interfaces_named(rule):
        program = program_of("interfaces", interface)
        if program is not None:
            yield Owner(program.name, f"it names {interface}, an interface as {program.name} has", is_sure=False)


def _chains_named(rule: Rule) -> Iterator[str]:
    """The chains that a rule leads to."""
    for statement in rule.statements:
        match statement:
            case Jump(chain) | Goto(chain):
                yield chain
            case VerdictMap(data=AnonymousSet(elements)):
                for element in elements:
                    if isinstance(element.data, Jump | Goto):
                        yield element.data.chain
            case _:
                pass


def _interfaces_named(rule: Rule) -> Iterator[str]:
    for statement in rule.statements:
        match statement:
            case Match(left=Meta("iif" | "iifname" | "oif" | "oifname"), right=Word(name)):
                yield name
            case _:
                pass


def _has_libvirts_form(rule: Rule) -> bool:
    """Whether a rule is made of what libvirt's rules are made of: jumps, or what a bridge or subnet is asked for."""
    asks = False
    for statement in rule.statements:
        match statement:
            case Match(left=Meta("iif" | "oif" | "iifname" | "oifname") | Payload("ip" | "ip6", "saddr" | "daddr")):
                asks = True
            case Jump():
                asks = rule.place.chain == "forward"
            case Match("in", Ct("state")) | Match("==", Meta("l4proto")) | Counter() | Reject():
                pass
            case Verdict.ACCEPT | Verdict.RETURN | Nat("masquerade" | "snat"):
                pass
            case _:
                return False
    return asks


def _only_returns(rule: Rule) -> bool:
    return all(isinstance(statement, Counter) or statement is Verdict.RETURN for statement in rule.statements)
