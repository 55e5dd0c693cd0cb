"""Rules that stand among libvirt's and are none of a network's: somebody else's, and those of bridges that are gone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fwplan.audit.finding import Code, Finding
from fwplan.audit.owners import LIBVIRT_TABLE, Owner, owner_of_rule
from fwplan.audit.places import chain_of_iptables, iptables_place, said
from fwplan.audit.remedies import deletion
from fwplan.nft.expressions import Goto, Verdict
from fwplan.nft.objects import Table
from fwplan.nft.statements import Counter, Log, Match, Reject, XtMatch
from fwplan.plan.share import SetUpMark, iptables_mark, nft_mark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from fwplan.audit.observation import Observation
    from fwplan.nft.ruleset import Rule
    from fwplan.nft.statements import Statement
    from fwplan.plan.plan import Plan
    from fwplan.plan.share import Mark

STRANGER = Owner("unknown", "it stands among libvirt's rules, and is none of libvirt's", is_sure=False)

_FINAL = frozenset((Verdict.ACCEPT, Verdict.DROP, Verdict.RETURN))


@dataclass(frozen=True, slots=True)
class _Chain:
    """A chain in which libvirt has rules.

    Attributes:
        place: in words.
        rules: all of them.
        marks: of each, what it belongs to; None for somebody else's.
        is_libvirts: whether nobody else has any business there.
    """

    place: str
    rules: Sequence[Rule]
    marks: Sequence[Mark | None]
    is_libvirts: bool


class Strangers:
    """Rules among libvirt's that are none of a network's."""

    def __init__(
        self, observation: Observation, plan: Plan, claimed: Collection[tuple[str, int]] = frozenset()
    ) -> None:
        """Take a host, and the plan of its networks.

        Args:
            observation: the host.
            plan: of its networks.
            claimed: place and position of rules that are told of already, as changed ones of a network.
        """
        self._observation = observation
        self._plan = plan
        self._claimed = claimed

    @cached_property
    def _chains(self) -> tuple[_Chain, ...]:
        return (*_chains_of_nft(self._observation), *_chains_of_iptables(self._observation))

    @cached_property
    def _strange(self) -> dict[int, Rule]:
        """Somebody else's rules, by identity."""
        return {
            id(rule): rule
            for chain in self._chains
            if chain.is_libvirts
            for position, (rule, mark) in enumerate(zip(chain.rules, chain.marks, strict=True))
            if mark is None and (chain.place, position) not in self._claimed
        }

    def includes(self, rule: Rule) -> bool:
        """Whether a rule of the host is somebody else's, and stands in a chain of libvirt's."""
        return id(rule) in self._strange

    def findings(self) -> Iterator[Finding]:
        """Somebody else's rules, what they leave no packet for, and rules of bridges that are gone."""
        for chain in self._chains:
            yield from self._strange_in(chain)
            yield from self._unreachable_in(chain)
        yield from self._left_behind()

    def _strange_in(self, chain: _Chain) -> Iterator[Finding]:
        found = [rule for rule in chain.rules if id(rule) in self._strange]
        if found:
            rules = "1 rule that is" if len(found) == 1 else f"{len(found)} rules that are"
            yield Finding(
                Code.STRANGE_RULE,
                None,
                chain.place,
                f"among libvirt's rules {'stands' if len(found) == 1 else 'stand'} {rules} none of libvirt's",
                tuple(said(rule) for rule in found),
                STRANGER,
                tuple(line for rule in found for line in deletion(self._observation.ruleset, rule)),
            )

    def _unreachable_in(self, chain: _Chain) -> Iterator[Finding]:
        blocked: set[int] = set()
        for position, (rule, mark) in enumerate(zip(chain.rules, chain.marks, strict=True)):
            asked = None if mark is not None else _asked(rule)
            if asked is None:
                continue
            behind = [
                place
                for place in range(position + 1, len(chain.rules))
                if place not in blocked and chain.marks[place] is not None and _asks(chain.rules[place], asked)
            ]
            blocked.update(behind)
            if behind:
                yield self._unreachable(chain, rule, [chain.rules[place] for place in behind])

    def _unreachable(self, chain: _Chain, blocking: Rule, behind: Sequence[Rule]) -> Finding:
        rules = "1 rule of libvirt's is" if len(behind) == 1 else f"{len(behind)} rules of libvirt's are"
        remedy = list(deletion(self._observation.ruleset, blocking))
        owner = STRANGER
        if not chain.is_libvirts:
            owner = owner_of_rule(self._observation.ruleset, blocking)
            remedy = [
                "# it belongs behind libvirt's:",
                *remedy,
                *(line.replace(" -D ", " -A ", 1) for line in remedy),
            ]
        return Finding(
            Code.UNREACHABLE_RULE,
            None,
            chain.place,
            f"{rules} never reached: {said(blocking)!r} stands before, and lets no such packet go on",
            tuple(map(said, behind)),
            owner,
            tuple(remedy),
        )

    def _left_behind(self) -> Iterator[Finding]:
        """Rules of bridges that are neither there nor in any of the definitions."""
        if "addresses" not in self._observation.seen:
            return
        known = {*self._observation.world.by_name, *(share.bridge for share in self._plan.networks)}
        found: dict[str, list[tuple[str, Rule]]] = {}
        for chain in self._chains:
            for position, (rule, mark) in enumerate(zip(chain.rules, chain.marks, strict=True)):
                if isinstance(mark, str) and mark not in known and (chain.place, position) not in self._claimed:
                    found.setdefault(mark, []).append((chain.place, rule))
        for bridge, rules in found.items():
            number = "1 rule is" if len(rules) == 1 else f"{len(rules)} rules are"
            # nft lists the number of an interface that is gone
            which = f"a bridge that had index {bridge}" if bridge.isdigit() else f"the bridge {bridge}"
            yield Finding(
                Code.LEFT_BEHIND,
                None,
                ", ".join(dict.fromkeys(place for place, _ in rules)),
                f"{number} there for {which}, which is gone, and which no definition here has",
                tuple(f"{place}: {said(rule)}" for place, rule in rules),
                remedy=tuple(line for _, rule in rules for line in deletion(self._observation.ruleset, rule)),
            )


def _chains_of_nft(observation: Observation) -> Iterator[_Chain]:
    for table in observation.ruleset.tables:
        if table.name != LIBVIRT_TABLE or table.family not in {"ip", "ip6"} or table.program != "nft":
            continue
        for chain in table.chains.values():
            key = Table("ip" if table.family == "ip" else "ip6", table.name), chain.name
            entries = observation.listing.listed.get(key, [])
            marks = [None if entry.rule is None else nft_mark(entry.rule) for entry in entries]
            yield _Chain(str(chain.place), chain.rules, marks, is_libvirts=True)


def _chains_of_iptables(observation: Observation) -> Iterator[_Chain]:
    for chain, entries in observation.saved.rules.items():
        marks = [None if entry.rule is None else iptables_mark(entry.rule) for entry in entries]
        is_libvirts = chain.name.startswith("LIBVIRT_")
        if not is_libvirts and SetUpMark.SET_UP not in marks:
            continue
        whole = chain_of_iptables(observation.ruleset, chain, len(entries))
        if whole is not None:
            yield _Chain(iptables_place(chain), whole.rules, marks, is_libvirts=is_libvirts)


def _asked(rule: Rule) -> frozenset[Statement] | None:
    """What a rule asks for that lets no packet go on for which it holds; None for one that does."""
    said_so = [each for each in rule.statements if not isinstance(each, Counter | Log)]
    if not said_so:
        return None
    *before, last = said_so
    if not (isinstance(last, Reject | Goto) or last in _FINAL):
        return None
    return frozenset(before) if all(isinstance(each, Match | XtMatch) for each in before) else None


def _asks(rule: Rule, asked: frozenset[Statement]) -> bool:
    """Whether a rule asks for all of that, and perhaps more."""
    return asked.issubset(rule.statements)
