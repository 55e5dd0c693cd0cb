"""The repair of DHCP checksums as a part of a host: queues and filters on bridges, which tc makes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from fwplan.plan.checksums import Repair, Root, checksums_before, compare_checksums, filtered_bridges
from fwplan.plan.difference import Step
from fwplan.plan.operations import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fwplan.host.part import Json
    from fwplan.host.state import Applied
    from fwplan.host.system import System
    from fwplan.plan.checksums import QueueEdit
    from fwplan.plan.difference import Difference
    from fwplan.plan.plan import Plan

_NO_PROGRAM = "there is no program tc (Debian: iproute2)"
_NO_ACTION = "the kernel cannot do it (module act_csum)"
_NO_PLACE = "a root queue that somebody else made is there (tc qdisc show)"


@dataclass(frozen=True, slots=True)
class ChecksumsPart:
    """What bridges are to have for the sake of checksums.

    Attributes:
        wanted: by bridge.
    """

    kind: ClassVar[str] = "checksums"

    wanted: Mapping[str, Repair]

    def compare(self, system: System) -> ChecksumsChange:
        """Read the queues of the bridges, and find what is to be done of what the host is able to.

        Raises:
            HostError: the host cannot be read.
        """
        interfaces = system.interfaces()
        if not system.has_program("tc"):
            repaired = [bridge for bridge, repair in self.wanted.items() if repair.filter]
            return ChecksumsChange(self, ChecksumsPart({}), (), interfaces, tuple(_notes(repaired, _NO_PROGRAM)))
        going = {bridge for bridge, repair in self.wanted.items() if repair.queue is False}
        queueing = system.queueing(self.wanted, going)
        found = compare_checksums(queueing, interfaces, self.wanted)
        edits = found.edits
        notes = list(_notes(found.blocked, _NO_PLACE))
        if found.unrepaired and not system.can_compute_checksums():
            edits = found.edits_without_repair
            notes.extend(_notes(found.unrepaired, _NO_ACTION))
        before = ChecksumsPart(checksums_before(queueing, interfaces, edits))
        return ChecksumsChange(self, before, edits, interfaces, tuple(notes))

    def document(self) -> Json:
        """The part as the journal keeps it."""
        return {"kind": self.kind, "wanted": {bridge: asdict(repair) for bridge, repair in self.wanted.items()}}

    @classmethod
    def from_document(cls, document: Json) -> ChecksumsPart:
        """What the journal keeps."""
        return cls({bridge: Repair(**repair) for bridge, repair in document["wanted"].items()})


@dataclass(frozen=True, slots=True)
class ChecksumsChange:
    """Queues and filters that are to be made or taken away."""

    kind: ClassVar[str] = ChecksumsPart.kind
    unchanged: ClassVar[int] = 0
    obstacles: ClassVar[tuple[str, ...]] = ()

    part: ChecksumsPart
    before: ChecksumsPart
    edits: tuple[QueueEdit, ...]
    interfaces: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What is not as it is wanted."""
        return tuple(edit.difference for edit in self.edits)

    def make(self, system: System) -> None:
        """Make the edits, one after the other.

        Raises:
            HostError: the kernel refused; edits before the one that it refused are made.
        """
        system.change_queueing(self.edits)

    def credited(self, applied: Applied) -> Applied:
        """What was applied, with the queues and filters that fwplan has made: only those it takes away one day."""
        queues, filters = dict(applied.queues), dict(applied.filters)
        for made in (queues, filters):
            for bridge, repair in self.part.wanted.items():
                if not repair.filter or made.get(bridge) != self.interfaces.get(bridge):
                    made.pop(bridge, None)
        for edit in self.edits:
            if edit.step is Step.ADD:
                bridge = edit.object.bridge
                (queues if isinstance(edit.object, Queue) else filters)[bridge] = self.interfaces[bridge]
        return replace(applied, queues=queues, filters=filters)


def checksum_troubles(system: System, plan: Plan) -> Iterator[str]:
    """Why a host cannot compute the checksums that a plan of the nftables backend asks for.

    Raises:
        HostError: the host cannot be read.
    """
    bridges = filtered_bridges(plan)
    if not bridges:
        return
    if not system.has_program("tc"):
        yield _trouble(bridges, _NO_PROGRAM, "install it")
    elif not system.can_compute_checksums():
        yield _trouble(bridges, _NO_ACTION, "use a kernel that has it")
    else:
        queueing = system.queueing(bridges)
        blocked = [bridge for bridge, now in queueing.items() if now.root is Root.OTHER]
        if blocked:
            yield _trouble(blocked, _NO_PLACE, "take it away (tc qdisc del dev BRIDGE root)")


def _notes(bridges: Sequence[str], reason: str) -> Iterator[str]:
    if bridges:
        yield f"{_unrepaired(bridges, reason)}; some DHCP clients drop such replies"


def _trouble(bridges: Sequence[str], reason: str, remedy: str) -> str:
    return f"{_unrepaired(bridges, reason)}: {remedy}, or go on without (--checksum auto)"


def _unrepaired(bridges: Sequence[str], reason: str) -> str:
    more = f" and {len(bridges) - 1} more" if len(bridges) > 1 else ""
    return f"the checksums of DHCP replies are not repaired on {bridges[0]}{more}: {reason}"
