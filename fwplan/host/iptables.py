"""iptables' and ip6tables' rules as a part of a host: read with `-save`, compared, changed with `-restore`.

A table is changed in one transaction, and several tables in as many. What a failure leaves between two of them, the
journal undoes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from fwplan.errors import HostError, UnreadableError
from fwplan.host.part import ChangedMeanwhileError
from fwplan.host.places import anchor_from_json, anchor_json, mark_from_json, mark_json
from fwplan.iptables.objects import PROGRAMS, Chain, FillChecksum, Rule
from fwplan.iptables.saved import as_saved, merge, read_rule, read_saved
from fwplan.iptables.text import rule_arguments
from fwplan.iptables.transaction import chain_of, restore_input
from fwplan.plan.compare_iptables import IptablesChange, compare_iptables, iptables_before
from fwplan.plan.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fwplan.host.part import Json
    from fwplan.host.state import Applied
    from fwplan.host.system import Completed, System
    from fwplan.iptables.objects import Program, TableName
    from fwplan.iptables.saved import Saved
    from fwplan.plan.difference import Difference
    from fwplan.plan.plan import Plan
    from fwplan.plan.settle import Anchor
    from fwplan.plan.share import Mark
    from fwplan.plan.wanted import IptablesWanted

_LOCK_WAIT = 10
"""Seconds to wait for the lock of iptables-legacy, which other programs may hold."""

_NO_CHECKSUMS = (
    "the kernel does not repair the checksums of DHCP replies (target CHECKSUM of iptables); "
    "some DHCP clients drop such replies"
)
_LINE = re.compile(r"line:? ([0-9]+)")
_TRY_CHECKSUM = """\
*mangle
-A POSTROUTING -p udp --dport 68 -j CHECKSUM --checksum-fill
COMMIT
"""


@dataclass(frozen=True, slots=True)
class IptablesPart:
    """Rules of iptables and ip6tables as they are to be."""

    kind: ClassVar[str] = "iptables"

    wanted: IptablesWanted

    def compare(self, system: System) -> IptablesPartChange:
        """Read the host's rules, and find the edits that lead to those that are wanted.

        As libvirt does, it goes without the repair of checksums where the kernel cannot do that.

        Raises:
            HostError: the host's rules cannot be read.
        """
        saved = _read(system)
        wanted = self.wanted
        notes: tuple[str, ...] = ()
        if _lacks_checksums(saved, wanted) and not can_fill_checksums(system):
            wanted = _without_checksums(wanted)
            notes = (_NO_CHECKSUMS,)
        return IptablesPartChange(IptablesPart(wanted), saved, compare_iptables(saved, wanted), notes)

    def document(self) -> Json:
        """The part as the journal keeps it."""
        shares = [
            [
                _chain_json(chain),
                mark_json(mark),
                anchor_json(self.wanted.followed_by.get((chain, mark))),
                [rule_arguments(rule) for rule in share],
            ]
            for (chain, mark), share in self.wanted.shares.items()
        ]
        return {
            "kind": self.kind,
            "present": [_chain_json(chain) for chain in self.wanted.present],
            "absent": [_chain_json(chain) for chain in self.wanted.absent],
            "shares": shares,
        }

    @classmethod
    def from_document(cls, document: Json) -> IptablesPart:
        """What the journal keeps."""
        shares: dict[tuple[Chain, Mark], tuple[Rule, ...]] = {}
        followed_by: dict[tuple[Chain, Mark], Anchor] = {}
        for chain_words, mark, anchor, rules in document["shares"]:
            chain = Chain(*chain_words)
            place = chain, mark_from_json(mark)
            read = [read_rule(chain, words) for words in rules]
            shares[place] = tuple(rule for rule in read if rule is not None)
            if anchor is not None:
                followed_by[place] = anchor_from_json(anchor)
        present = tuple(Chain(*words) for words in document["present"])
        absent = tuple(Chain(*words) for words in document["absent"])
        return cls(Wanted(present, absent, shares, followed_by))


@dataclass(frozen=True, slots=True)
class IptablesPartChange:
    """Edits of the rules of both programs, and the rules that they were found for."""

    kind: ClassVar[str] = IptablesPart.kind

    part: IptablesPart
    saved: Saved
    change: IptablesChange
    notes: tuple[str, ...]

    @property
    def before(self) -> IptablesPart:
        """What is there now, where the change will be."""
        return IptablesPart(iptables_before(self.saved, self.part.wanted))

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What is not as it is wanted."""
        return self.change.differences

    @property
    def unchanged(self) -> int:
        """How many rules are as they are wanted."""
        return self.change.unchanged

    @property
    def obstacles(self) -> tuple[str, ...]:
        """What is in the way, and is not fwplan's to change."""
        return self.change.obstacles

    def make(self, system: System) -> None:
        """Make the edits, in one transaction a table.

        Raises:
            ChangedMeanwhileError: somebody else changed the rules since they were read.
            HostError: a program refused, or is not there; tables that came before are changed.
        """
        for program in PROGRAMS:
            edits = [edit for edit in self.change.edits if chain_of(edit).program == program]
            if edits:
                given = restore_input(edits)
                done = system.run(_restore(program), given)
                if done.status != 0:
                    raise self._failure(system, program, done, given)
        if compare_iptables(_read(system), self.part.wanted).edits:
            raise ChangedMeanwhileError("the rules of iptables changed beside the transaction", made=True)

    def credited(self, applied: Applied) -> Applied:
        """What was applied, with libvirt's chains if fwplan has made them."""
        return applied.with_set_up(self.kind, self.differences, Chain)

    def _failure(self, system: System, program: Program, done: Completed, given: str) -> HostError:
        """What a program's failure comes from: a table is still as it was read, or somebody else was there first."""
        now = _read(system)
        left = {chain_of(edit) for edit in compare_iptables(now, self.part.wanted).edits}
        tables = {(chain.program, chain.table) for chain in left}
        if _texts(now, tables) != _texts(self.saved, tables):
            return ChangedMeanwhileError("the rules of iptables changed before the transaction", made=False)
        return HostError(f"{program}: {_reason(done.errors, given)}")


def checksum_troubles(system: System, plan: Plan) -> Iterator[str]:
    """Why a host cannot repair the checksums that a plan of the iptables backend asks it to.

    Raises:
        HostError: there is no program to find out.
    """
    asked = any(
        isinstance(operation.object, Rule) and _fills_checksum(operation.object) for operation in plan.operations
    )
    if asked and not can_fill_checksums(system):
        yield (
            "the kernel does not repair the checksums of DHCP replies (target CHECKSUM of iptables): "
            "use a kernel that has it, or go on without (--checksum auto)"
        )


def can_fill_checksums(system: System) -> bool:
    """Whether the kernel has the target CHECKSUM: it is tried in a network namespace that is gone afterwards.

    Where no namespace can be made it is taken to be there.

    Raises:
        HostError: there is no program for it.
    """
    done = system.run(["unshare", "--net", *_restore("iptables")], _TRY_CHECKSUM)
    return done.status == 0 or done.errors.startswith("unshare:")


def _restore(program: Program) -> list[str]:
    return [f"{program}-restore", "--noflush", "--counters", f"--wait={_LOCK_WAIT}"]


def _read(system: System) -> Saved:
    found = []
    for program in PROGRAMS:
        done = system.run([f"{program}-save", "--counters"])
        if done.status != 0:
            raise HostError(f"{program}: {_reason(done.errors)}")
        try:
            found.append(read_saved(program, done.output))
        except UnreadableError as error:
            raise HostError(str(error)) from None
    return merge(found)


def _lacks_checksums(saved: Saved, wanted: IptablesWanted) -> bool:
    """Whether rules that repair checksums are wanted, and the host has none such yet."""
    asked = {as_saved(rule) for share in wanted.shares.values() for rule in share if _fills_checksum(rule)}
    chains = {rule.chain for rule in asked}
    return not asked <= {entry.rule for chain in chains for entry in saved.rules.get(chain, ())}


def _without_checksums(wanted: IptablesWanted) -> IptablesWanted:
    shares = {
        place: tuple(rule for rule in share if not _fills_checksum(rule)) for place, share in wanted.shares.items()
    }
    return replace(wanted, shares=shares)


def _fills_checksum(rule: Rule) -> bool:
    return isinstance(rule.target, FillChecksum)


def _texts(saved: Saved, tables: set[tuple[Program, TableName]]) -> dict[Chain, list[str]]:
    """The private chains and the rules of some tables, without their counters."""
    return {
        chain: [entry.text for entry in saved.rules.get(chain, ())]
        for chain, policy in saved.chains.items()
        if (chain.program, chain.table) in tables and (policy is None or chain in saved.rules)
    }


def _reason(errors: str, given: str = "") -> str:
    """What a program complains of, and the line of its input that it names."""
    complaint = " ".join(line.strip() for line in errors.splitlines() if line.strip() and not line.startswith("Try "))
    named = _LINE.search(complaint)
    lines = given.split("\n")
    if named is not None and 0 < int(named[1]) <= len(lines):
        return f"{complaint} ({lines[int(named[1]) - 1]})"
    return complaint or "it failed without a word"


def _chain_json(chain: Chain) -> Sequence[Any]:
    return [chain.program, chain.table, chain.name]
