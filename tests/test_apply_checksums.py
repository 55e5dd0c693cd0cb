"""The repair of DHCP checksums, with the real tc on the real kernel.

Where the kernel has no act_csum another action stands for it (`checksum_kernel.py`): that a packet gets its checksum is
not tested there. What a kernel without it leads to is tested as it is, and on a machine in memory.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from apply_command import FWPLAN, Fwplan, definition
from checksum_kernel import refuse_checksums, repair_checksums
from namespaces import Namespace, needs

from fwplan.errors import HostError
from fwplan.host.executor import Outcome, bring
from fwplan.host.goal import goal_of_apply, goal_of_removal
from fwplan.host.memory import Machine, MemorySystem
from fwplan.host.preconditions import preconditions
from fwplan.host.state import State
from fwplan.network.read import read_network
from fwplan.plan.checksums import ChecksumPolicy, Queueing, Root
from fwplan.plan.plan import Backend, make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_QUEUE = ("tc", "qdisc", "add", "dev", "virbr1", "root", "handle", "1:", "htb", "default", "2")
_OTHER_MATCH = ("u32", "match", "ip", "dport", "69", "ffff", "action", "mirred", "egress", "mirror", "dev", "lo")


class TestOnTheKernel:
    """The commands apply and remove."""

    pytestmark = needs("nft", "tc")

    @pytest.fixture
    def namespace(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Namespace]:
        programs = tmp_path / "programs"
        programs.mkdir()
        repair_checksums(monkeypatch, programs)
        with Namespace() as made:
            made.bridges(["virbr1", "virbr2"])
            yield made

    @pytest.fixture
    def fwplan(self, namespace: Namespace, tmp_path: Path) -> Fwplan:
        return Fwplan(namespace, tmp_path / "state")

    def test_apply_makes_what_the_commands_make_one_by_one(self, fwplan: Fwplan, namespace: Namespace) -> None:
        fwplan("apply", "-", given=definition())
        commands = fwplan.namespace.run(FWPLAN, "plan", "--format=commands", "-", given=definition())
        with Namespace() as other:
            other.bridges(["virbr1", "virbr2"])
            other.run("sh", "-e", given="".join(f"{line}\n" for line in commands.splitlines() if line[:3] == "tc "))
            assert _tc(namespace) == _tc(other)
        assert "match 00000044/0000ffff at 20" in _tc(namespace)

    def test_a_second_apply_has_nothing_to_do(self, fwplan: Fwplan) -> None:
        done = fwplan("apply", "-", given=definition())
        assert done == "Added 2 tc steps, 2 tables, 10 chains, 16 rules; 0 rules unchanged.\n"
        assert fwplan("apply", "-", given=definition()).startswith("Nothing to do")

    def test_the_difference_is_shown(self, fwplan: Fwplan) -> None:
        shown = fwplan("apply", "-", "--dry-run", given=definition())
        assert "+ tc qdisc dev virbr1 root handle 1: htb default 2\n" in shown
        fwplan("apply", "-", given=definition())
        shown = fwplan("remove", "lab", "--dry-run")
        assert "- tc filter dev virbr1 prio 2 protocol ip parent 1: u32 match ip dport 68 ffff" in shown

    def test_remove_takes_away_what_apply_made(self, fwplan: Fwplan, namespace: Namespace) -> None:
        before = _tc(namespace)
        fwplan("apply", "-", given=definition())
        assert _tc(namespace) != before
        fwplan("remove", "lab")
        assert _tc(namespace) == before

    def test_what_libvirt_made_is_right_and_stays(self, fwplan: Fwplan, namespace: Namespace) -> None:
        commands = namespace.run(FWPLAN, "plan", "--format=commands", "-", given=definition())
        namespace.run("sh", "-e", given=commands)
        before = _tc(namespace)
        assert fwplan("apply", "-", given=definition()).startswith("Nothing to do")
        fwplan("remove", "lab")
        assert _tc(namespace) == before

    def test_on_a_queue_that_is_there_only_the_filter_is_made_and_taken_away(
        self, fwplan: Fwplan, namespace: Namespace
    ) -> None:
        namespace.run(*_QUEUE)
        before = _tc(namespace)
        assert "Added 1 tc step," in fwplan("apply", "-", given=definition())
        fwplan("remove", "lab")
        assert _tc(namespace) == before

    def test_what_is_gone_comes_back(self, fwplan: Fwplan, namespace: Namespace) -> None:
        fwplan("apply", "-", given=definition())
        before = _tc(namespace)
        namespace.run("tc", "filter", "del", "dev", "virbr1", "parent", "1:")
        fwplan("apply", "-", given=definition())
        assert _tc(namespace) == before
        namespace.run("tc", "qdisc", "del", "dev", "virbr1", "root")
        fwplan("apply", "-", given=definition())
        assert _tc(namespace) == before

    def test_a_queue_of_somebody_else_is_not_touched(self, fwplan: Fwplan, namespace: Namespace) -> None:
        namespace.run(
            "tc", "qdisc", "add", "dev", "virbr1", "root", "tbf", "rate", "1mbit", "burst", "9k", "limit", "9k"
        )
        before = _tc(namespace)
        done = fwplan.attempt("apply", "-", given=definition())
        assert done.returncode == 0
        assert "not repaired on virbr1: a root queue that somebody else made is there" in done.stderr
        fwplan("remove", "lab")
        assert _tc(namespace) == before
        done = fwplan.attempt("apply", "-", "--checksum=require", given=definition())
        assert (done.returncode, done.stdout) == (2, "")
        assert "take it away (tc qdisc del dev BRIDGE root), or go on without (--checksum auto)" in done.stderr
        assert not namespace.run("nft", "list", "ruleset")

    @pytest.mark.parametrize(
        "command",
        [
            ("tc", "class", "add", "dev", "virbr1", "parent", "1:", "classid", "1:2", "htb", "rate", "1mbit"),
            ("tc", "filter", "add", "dev", "virbr1", "parent", "1:", "protocol", "ip", "prio", "2", *_OTHER_MATCH),
            ("tc", "filter", "add", "dev", "virbr1", "parent", "1:", "protocol", "ip", "prio", "3", *_OTHER_MATCH),
        ],
        ids=["a class", "a filter of the same priority", "another filter"],
    )
    def test_a_queue_on_which_others_build_stays(
        self, command: tuple[str, ...], fwplan: Fwplan, namespace: Namespace
    ) -> None:
        fwplan("apply", "-", given=definition())
        namespace.run(*command)
        fwplan("remove", "lab")
        left = _tc(namespace)
        assert "qdisc htb 1:" in left
        assert "match 00000044" not in left
        assert left.count("match 00000045") == ("filter" in command)
        assert namespace.run("tc", "class", "show", "dev", "virbr1").count("class") == ("class" in command)

    def test_classes_are_told_of_each_bridge(self, fwplan: Fwplan, namespace: Namespace) -> None:
        fwplan("apply", "-", given=definition())
        fwplan("apply", "-", given=definition("other", "virbr2", "192.168.10"))
        namespace.run("tc", "class", "add", "dev", "virbr2", "parent", "1:", "classid", "1:2", "htb", "rate", "1mbit")
        namespace.run("tc", "qdisc", "add", "dev", "virbr2", "parent", "1:2", "handle", "5:", "pfifo")
        fwplan("remove", "lab", "other")
        assert "htb" not in _tc(namespace, "virbr1")
        assert "htb" in _tc(namespace, "virbr2")

    def test_a_bridge_that_was_made_anew_keeps_what_others_put_on_it(
        self, fwplan: Fwplan, namespace: Namespace
    ) -> None:
        fwplan("apply", "-", given=definition())
        namespace.run("ip", "link", "delete", "virbr1")
        namespace.run("ip", "link", "add", "virbr1", "type", "bridge")
        namespace.run(*_QUEUE)
        before = _tc(namespace)
        fwplan("remove", "lab")
        assert _tc(namespace) == before

    def test_an_edited_definition_moves_the_repair_to_its_bridge(self, fwplan: Fwplan, namespace: Namespace) -> None:
        before = _tc(namespace, "virbr1")
        fwplan("apply", "-", given=definition())
        fwplan("apply", "-", given=definition(bridge="virbr2"))
        assert _tc(namespace, "virbr1") == before
        assert "match 00000044" in _tc(namespace, "virbr2")

    def test_a_network_that_became_open_loses_the_repair(self, fwplan: Fwplan, namespace: Namespace) -> None:
        before = _tc(namespace)
        fwplan("apply", "-", given=definition())
        fwplan("apply", "-", given=definition(forward="<forward mode='open'/>"))
        assert _tc(namespace) == before

    def test_off_leaves_it_out_and_takes_away_what_fwplan_made(self, fwplan: Fwplan, namespace: Namespace) -> None:
        before = _tc(namespace)
        fwplan("apply", "-", "--checksum=off", given=definition())
        assert _tc(namespace) == before
        fwplan("apply", "-", given=definition())
        assert _tc(namespace) != before
        fwplan("apply", "-", "--checksum=off", given=definition())
        assert _tc(namespace) == before

    def test_the_backend_iptables_has_no_use_for_it(self, fwplan: Fwplan, namespace: Namespace) -> None:
        before = _tc(namespace)
        fwplan("apply", "-", given=definition())
        fwplan("apply", "-", "--backend=iptables", given=definition())
        assert _tc(namespace) == before

    def test_names_that_a_batch_of_tc_cannot_carry(self, fwplan: Fwplan, namespace: Namespace) -> None:
        names = ["a#b", "c'd", "e\\f", "g$h"]
        namespace.bridges(names)
        before = _tc(namespace)
        texts = {
            name: definition(f"n{place}", name.replace("'", "&apos;"), f"192.168.{place + 20}")
            for place, name in enumerate(names)
        }
        for text in texts.values():
            fwplan("apply", "-", given=text)
        for name, text in texts.items():
            assert "match 00000044" in _tc(namespace, name)
            assert fwplan("apply", "-", given=text).startswith("Nothing to do")
        fwplan("remove", *(f"n{place}" for place in range(len(names))))
        assert _tc(namespace) == before


class TestWithoutTheAction:
    """A kernel that has no act_csum."""

    pytestmark = needs("nft", "tc")

    def test_apply_says_so_and_goes_on(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        refuse_checksums(monkeypatch, tmp_path)
        with Namespace() as namespace:
            namespace.bridges(["virbr1"])
            fwplan = Fwplan(namespace, tmp_path / "state")
            done = fwplan.attempt("apply", "-", "--format=json", given=definition())
            said = "the checksums of DHCP replies are not repaired on virbr1: the kernel cannot do it (module act_csum)"
            assert done.returncode == 0
            assert said in done.stderr
            assert [said in note for note in json.loads(done.stdout)["notes"]] == [True]
            assert "htb" not in _tc(namespace, "virbr1")
            assert fwplan("apply", "-", given=definition()).startswith("Nothing to do")

    def test_what_is_required_and_missing_is_said_with_all_else_before_anything_changes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refuse_checksums(monkeypatch, tmp_path)
        with Namespace() as namespace:
            fwplan = Fwplan(namespace, tmp_path / "state")
            done = fwplan.attempt("apply", "-", "--checksum=require", given=definition())
            assert (done.returncode, done.stdout) == (2, "")
            assert "use a kernel that has it, or go on without (--checksum auto)" in done.stderr
            assert "there is no bridge virbr1" in done.stderr
            assert not namespace.run("nft", "list", "ruleset")

    def test_without_tc_apply_goes_on_and_says_so(self, tmp_path: Path) -> None:
        machine = Machine(interfaces={"virbr1": 5}, programs=set())
        outcome = _applied(machine, tmp_path)
        assert ["there is no program tc (Debian: iproute2)" in note for note in outcome.notes] == [True]
        assert machine.queueing == {}
        assert machine.tables

    @pytest.mark.parametrize("programs", [{"tc"}, set()], ids=["without act_csum", "without tc"])
    def test_what_is_required_is_missing(self, programs: set[str]) -> None:
        machine = Machine(interfaces={"virbr1": 5}, programs=programs, computes_checksums=False)
        plan = make_plan([read_network(definition().encode())])
        system = MemorySystem(machine)
        assert not preconditions(system, plan, machine.interfaces).missing
        found = preconditions(system, plan, machine.interfaces, checksum=ChecksumPolicy.REQUIRE)
        assert ["go on without (--checksum auto)" in missing for missing in found.missing] == [True]

    def test_the_kernel_is_asked_only_when_a_filter_is_missing(self, tmp_path: Path) -> None:
        machine = Machine(interfaces={"virbr1": 5})
        asked: list[str] = []

        class Asked(MemorySystem):
            def can_compute_checksums(self) -> bool:
                asked.append("asked")
                return super().can_compute_checksums()

        _applied(machine, tmp_path, Asked(machine))
        assert asked == ["asked"]
        _applied(machine, tmp_path, Asked(machine))
        assert asked == ["asked"]


class TestInMemory:
    """What a machine in memory tells more simply."""

    def test_one_of_two_networks_keeps_its_own(self, tmp_path: Path) -> None:
        machine = Machine(interfaces={"virbr1": 5, "virbr2": 6})
        system, state = MemorySystem(machine), State(MemorySystem(machine), tmp_path)
        both = [read_network(definition().encode()), read_network(definition("other", "virbr2", "192.168.10").encode())]
        bring(system, state, goal_of_apply(make_plan(both), state.applied(), machine.interfaces))
        bring(system, state, goal_of_removal([], ["lab"], state.applied()))
        assert list(machine.queueing) == ["virbr2"]

    def test_a_step_that_fails_half_way_is_undone(self, tmp_path: Path) -> None:
        machine = Machine(interfaces={"virbr1": 5, "virbr2": 6}, computes_checksums=False)

        class Mistaken(MemorySystem):
            def can_compute_checksums(self) -> bool:
                return True

        with pytest.raises(HostError, match="Failed to load TC action module"):
            _applied(machine, tmp_path, Mistaken(machine))
        assert machine.queueing == {}
        assert not machine.tables

    def test_fwplan_counts_a_queue_as_its_own_only_on_the_bridge_that_it_made_it_on(self, tmp_path: Path) -> None:
        machine = Machine(interfaces={"virbr1": 5})
        state = State(MemorySystem(machine), tmp_path)
        _applied(machine, tmp_path)
        assert (state.applied().queues, state.applied().filters) == ({"virbr1": 5}, {"virbr1": 5})
        machine.interfaces["virbr1"] = 9
        machine.queueing["virbr1"] = Queueing(Root.LIBVIRTS)
        _applied(machine, tmp_path)
        assert (state.applied().queues, state.applied().filters) == ({}, {"virbr1": 9})
        bring(MemorySystem(machine), state, goal_of_removal([], ["lab"], state.applied()))
        assert machine.queueing == {"virbr1": Queueing(Root.LIBVIRTS)}
        assert (state.applied().queues, state.applied().filters) == ({}, {})


def _applied(machine: Machine, folder: Path, system: MemorySystem | None = None) -> Outcome:
    state = State(MemorySystem(machine), folder)
    plan = make_plan([read_network(definition().encode())], backend=Backend.NFTABLES)
    return bring(system or MemorySystem(machine), state, goal_of_apply(plan, state.applied(), machine.interfaces))


def _tc(namespace: Namespace, *bridges: str) -> str:
    """The queues and filters of bridges, as tc lists them."""
    devices = bridges or ("virbr1", "virbr2")
    return "".join(
        namespace.run("tc", what, "show", "dev", device) for what in ("qdisc", "filter") for device in devices
    )
