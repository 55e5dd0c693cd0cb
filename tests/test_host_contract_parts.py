"""What the executor counts on, of queues and zones: of the real tc, a real firewalld, and the machine in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from checksum_kernel import repair_checksums
from namespaces import Namespace, needs
from real_firewalld import RealFirewalld, needs_firewalld

from fwplan.errors import HostError
from fwplan.host.firewalld import Firewalld
from fwplan.host.memory import Machine, MemorySystem
from fwplan.host.system import System
from fwplan.plan.checksums import QueueEdit, Queueing, Root
from fwplan.plan.difference import Step
from fwplan.plan.operations import ChecksumFilter, Queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BRIDGES = ("virbr1", "virbr2")
_MAKE_QUEUE = QueueEdit(Step.ADD, Queue("virbr1"))
_MAKE_FILTER = QueueEdit(Step.ADD, ChecksumFilter("virbr1"))
_DELETE_QUEUE = QueueEdit(Step.DELETE, Queue("virbr1"))


class TestQueues:
    """Queues and filters."""

    @pytest.fixture(params=[pytest.param("kernel", marks=needs("tc")), "memory"])
    def system(
        self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> Iterator[System]:
        if request.param == "memory":
            yield MemorySystem(Machine(interfaces={"lo": 1, "virbr1": 2, "virbr2": 3}))
            return
        repair_checksums(monkeypatch, tmp_path)
        with Namespace() as namespace, namespace.entered():
            namespace.bridges(_BRIDGES)
            yield System()

    def test_there_is_none_at_first(self, system: System) -> None:
        assert system.queueing(_BRIDGES, set(_BRIDGES)) == {}
        assert system.queueing(()) == {}

    def test_what_is_made_is_there(self, system: System) -> None:
        system.change_queueing([_MAKE_QUEUE])
        assert system.queueing(_BRIDGES, set(_BRIDGES)) == {"virbr1": Queueing(Root.LIBVIRTS)}
        system.change_queueing([_MAKE_FILTER])
        found = system.queueing(_BRIDGES, set(_BRIDGES))["virbr1"]
        assert (found.root, len(found.filters), found.others) == (Root.LIBVIRTS, 1, False)

    def test_only_the_bridges_that_are_asked_for_are_told(self, system: System) -> None:
        system.change_queueing([_MAKE_QUEUE])
        assert system.queueing(["virbr2"]) == {}

    def test_several_edits_are_made_in_their_order(self, system: System) -> None:
        edits = [QueueEdit(Step.ADD, kind(bridge)) for bridge in _BRIDGES for kind in (Queue, ChecksumFilter)]
        system.change_queueing(edits)
        assert [len(found.filters) for found in system.queueing(_BRIDGES).values()] == [1, 1]

    def test_a_filter_is_deleted_by_handle(self, system: System) -> None:
        system.change_queueing([_MAKE_QUEUE, _MAKE_FILTER, _MAKE_FILTER])
        first, second = system.queueing(["virbr1"])["virbr1"].filters
        system.change_queueing([QueueEdit(Step.DELETE, ChecksumFilter("virbr1"), first)])
        assert system.queueing(["virbr1"])["virbr1"].filters == (second,)
        with pytest.raises(HostError, match="tc: "):
            system.change_queueing([QueueEdit(Step.DELETE, ChecksumFilter("virbr1"), first)])

    def test_a_queue_goes_with_the_filters_on_it(self, system: System) -> None:
        system.change_queueing([_MAKE_QUEUE, _MAKE_FILTER])
        system.change_queueing([_DELETE_QUEUE])
        assert system.queueing(_BRIDGES) == {}
        with pytest.raises(HostError, match="tc: "):
            system.change_queueing([_DELETE_QUEUE])

    def test_there_is_one_root_queue(self, system: System) -> None:
        system.change_queueing([_MAKE_QUEUE])
        with pytest.raises(HostError, match="Exclusivity"):
            system.change_queueing([_MAKE_QUEUE])

    def test_a_filter_needs_a_queue(self, system: System) -> None:
        with pytest.raises(HostError, match="tc: "):
            system.change_queueing([_MAKE_FILTER])

    def test_an_interface_that_is_not_there_has_no_queue(self, system: System) -> None:
        assert system.queueing(["nowhere0"], {"nowhere0"}) == {}
        with pytest.raises(HostError, match='Cannot find device "nowhere0"'):
            system.change_queueing([QueueEdit(Step.ADD, Queue("nowhere0"))])

    def test_what_comes_before_an_edit_that_fails_is_made(self, system: System) -> None:
        with pytest.raises(HostError):
            system.change_queueing([_MAKE_QUEUE, _MAKE_QUEUE, _MAKE_FILTER])
        assert system.queueing(_BRIDGES) == {"virbr1": Queueing(Root.LIBVIRTS)}

    def test_edits_of_several_bridges_are_taken_back_as_well(self, system: System) -> None:
        edits = [QueueEdit(Step.ADD, kind(bridge)) for bridge in _BRIDGES for kind in (Queue, ChecksumFilter)]
        system.change_queueing(edits)
        found = system.queueing(_BRIDGES, set(_BRIDGES))
        assert [queueing.others for queueing in found.values()] == [False, False]
        deletes = [
            QueueEdit(Step.DELETE, ChecksumFilter(bridge), queueing.filters[0]) for bridge, queueing in found.items()
        ]
        system.change_queueing([*deletes, *(QueueEdit(Step.DELETE, Queue(bridge)) for bridge in _BRIDGES)])
        assert system.queueing(_BRIDGES) == {}

    def test_checksums_can_be_computed(self, system: System) -> None:
        assert system.can_compute_checksums()
        assert system.queueing(_BRIDGES) == {}


@pytest.fixture(scope="module")
def real() -> Iterator[tuple[Namespace, RealFirewalld]]:
    with Namespace() as namespace, RealFirewalld(namespace) as firewalld:
        yield namespace, firewalld


class TestZones:
    """Zones of firewalld."""

    @pytest.fixture(params=[pytest.param("firewalld", marks=needs_firewalld()), "memory"])
    def system(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
        if request.param == "memory":
            zones = frozenset({"libvirt", "libvirt-routed", "public"})
            yield MemorySystem(Machine(firewalld=Firewalld(zones, frozenset({"libvirt-routed-out"}))))
            return
        namespace, firewalld = request.getfixturevalue("real")
        firewalld.reset()
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", firewalld.address)
        with namespace.entered():
            yield System()

    def test_it_has_zones_and_policies_and_nobody_is_in_a_zone(self, system: System) -> None:
        found = system.firewalld()
        assert found is not None
        assert found.zones >= {"libvirt", "libvirt-routed", "public"}
        assert "libvirt-routed-out" in found.policies
        assert found.zone_of == {}

    def test_an_interface_joins_a_zone_changes_it_and_leaves_it(self, system: System) -> None:
        system.change_zone("libvirt", "virbr1")
        system.change_zone("libvirt", "virbr2")
        system.change_zone("public", "virbr1")
        assert _zone_of(system) == {"virbr1": "public", "virbr2": "libvirt"}
        system.leave_zone("public", "virbr1")
        assert _zone_of(system) == {"virbr2": "libvirt"}

    def test_to_join_a_zone_twice_changes_nothing(self, system: System) -> None:
        system.change_zone("libvirt", "virbr1")
        system.change_zone("libvirt", "virbr1")
        assert _zone_of(system) == {"virbr1": "libvirt"}

    def test_a_zone_that_is_not_there_is_refused(self, system: System) -> None:
        with pytest.raises(HostError, match="firewalld: INVALID_ZONE"):
            system.change_zone("nowhere", "virbr1")
        assert _zone_of(system) == {}

    def test_who_is_in_no_zone_cannot_leave_it(self, system: System) -> None:
        with pytest.raises(HostError, match="firewalld: UNKNOWN_INTERFACE"):
            system.leave_zone("libvirt", "virbr1")


def _zone_of(system: System) -> dict[str, str]:
    found = system.firewalld()
    assert found is not None
    return dict(found.zone_of)
