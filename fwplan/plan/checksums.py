"""The repair of DHCP checksums on bridges: what a host has of it, what it is to have, and what leads there.

A filter of tc computes the checksums. It hangs on the root queue of the bridge, which libvirt makes where there is
none.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.plan.difference import Difference, Step
from fwplan.plan.operations import ChecksumFilter, Queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fwplan.plan.plan import Plan


class ChecksumPolicy(enum.Enum):
    """Whether the checksums of DHCP replies are to be computed on bridges."""

    AUTO = "auto"
    """Where the host can; where it cannot, it goes on without, and that is said."""

    REQUIRE = "require"
    """A host that cannot is left as it is."""

    OFF = "off"
    """Nothing of the kind is to be there."""


class Root(enum.Enum):
    """What stands at the root of an interface's queues."""

    NOTHING = "nothing but what the kernel gives every interface"
    LIBVIRTS = "htb with handle 1:, as libvirt makes it"
    OTHER = "a queue of somebody else's"


@dataclass(frozen=True, slots=True)
class Queueing:
    """The queues of an interface, as far as they bear on checksums.

    Attributes:
        root: what stands at the root.
        filters: the handles of the filters on it that compute the checksums of DHCP replies.
        others: whether anything else hangs on it: other filters, or classes.
    """

    root: Root = Root.NOTHING
    filters: tuple[str, ...] = ()
    others: bool = False


@dataclass(frozen=True, slots=True)
class Repair:
    """What a bridge is to have.

    Attributes:
        queue: whether it is to have the queue; None where that is left as it is.
        filter: whether it is to have the filter; None where that is left as it is.
        index: of the bridge that is meant; None for whichever has the name. One that was made anew is another.
    """

    queue: bool | None
    filter: bool | None
    index: int | None = None


REPAIRED = Repair(queue=True, filter=True)
"""A bridge on which the checksums of DHCP replies are computed."""


@dataclass(frozen=True, slots=True)
class QueueEdit:
    """One step that tc takes.

    Attributes:
        step: the thing is added or deleted.
        object: a queue, or the filter on it.
        handle: of the filter that is deleted.
    """

    step: Step
    object: Queue | ChecksumFilter
    handle: str = ""

    @property
    def difference(self) -> Difference:
        """What it comes to."""
        return Difference(self.step, self.object)


@dataclass(frozen=True, slots=True)
class ChecksumsComparison:
    """What brings the queues of a host to what is wanted of them.

    Attributes:
        edits: in an order in which they can be made.
        blocked: bridges that cannot have the filter, as a queue of somebody else's is there.
    """

    edits: tuple[QueueEdit, ...]
    blocked: tuple[str, ...]

    @property
    def unrepaired(self) -> tuple[str, ...]:
        """The bridges that are to get the filter, for which the kernel has to be able to compute checksums."""
        return tuple(
            edit.object.bridge
            for edit in self.edits
            if edit.step is Step.ADD and isinstance(edit.object, ChecksumFilter)
        )

    @property
    def edits_without_repair(self) -> tuple[QueueEdit, ...]:
        """The edits, without the filters that are to be made and the queues that are to carry them."""
        unrepaired = set(self.unrepaired)
        return tuple(edit for edit in self.edits if edit.step is not Step.ADD or edit.object.bridge not in unrepaired)


def filtered_bridges(plan: Plan) -> tuple[str, ...]:
    """The bridges that a plan makes the filter on."""
    return tuple(
        operation.object.bridge for operation in plan.operations if isinstance(operation.object, ChecksumFilter)
    )


def compare_checksums(
    queueing: Mapping[str, Queueing], interfaces: Mapping[str, int], wanted: Mapping[str, Repair]
) -> ChecksumsComparison:
    """Hold what is wanted of bridges against a host.

    Args:
        queueing: the queues of the bridges; those that have none of their own may be missing.
        interfaces: the index of each interface of the host, by name. A bridge that is not there has nothing.
        wanted: what is wanted, by bridge.
    """
    edits: list[QueueEdit] = []
    blocked: list[str] = []
    for bridge, repair in wanted.items():
        if bridge not in interfaces or repair.index not in {None, interfaces[bridge]}:
            continue
        now = queueing.get(bridge, Queueing())
        if repair.filter and not now.filters and now.root is Root.OTHER:
            blocked.append(bridge)
            continue
        edits.extend(_edits(bridge, now, repair))
    return ChecksumsComparison(tuple(edits), tuple(blocked))


def _edits(bridge: str, now: Queueing, repair: Repair) -> Iterator[QueueEdit]:
    if repair.queue and now.root is Root.NOTHING:
        yield QueueEdit(Step.ADD, Queue(bridge))
    if repair.filter and not now.filters:
        yield QueueEdit(Step.ADD, ChecksumFilter(bridge))
    if repair.filter is False:
        for handle in now.filters:
            yield QueueEdit(Step.DELETE, ChecksumFilter(bridge), handle)
    if repair.queue is False and now.root is Root.LIBVIRTS and not now.others:
        yield QueueEdit(Step.DELETE, Queue(bridge))


def checksums_before(
    queueing: Mapping[str, Queueing], interfaces: Mapping[str, int], edits: Iterable[QueueEdit]
) -> dict[str, Repair]:
    """What is now on the bridges that edits change: to come back to it undoes them."""
    before = {}
    for edit in edits:
        bridge = edit.object.bridge
        now = queueing.get(bridge, Queueing())
        before[bridge] = Repair(now.root is Root.LIBVIRTS, bool(now.filters), interfaces[bridge])
    return before
