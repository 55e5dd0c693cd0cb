"""Commit confirmed: a change that goes by itself unless somebody keeps it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from apply_command import FWPLAN, Fwplan, definition
from namespaces import Namespace, needs

from fwplan.errors import HostError
from fwplan.host.executor import Goal, bring
from fwplan.host.forwarding import SettingsPart
from fwplan.host.guardian import guard
from fwplan.host.memory import Machine, MemorySystem
from fwplan.host.recovery import confirm, recover, refuse_while_pending, undo_pending
from fwplan.host.state import Applied, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SETTING = "net.ipv4.ip_forward"
_GOAL = Goal("enable forwarding", (SettingsPart({_SETTING: "1"}),), Applied())


@pytest.fixture
def machine() -> Machine:
    return Machine(settings={_SETTING: "0"})


@pytest.fixture
def state(machine: Machine, tmp_path: Path) -> State:
    return State(MemorySystem(machine), tmp_path)


def test_a_change_with_a_deadline_has_a_guardian_and_awaits_its_confirmation(machine: Machine, state: State) -> None:
    system = MemorySystem(machine)
    bring(system, state, _GOAL, deadline=system.now() + 60)
    assert machine.settings[_SETTING] == "1"
    assert machine.guardians == [(state.parent, system.now() + 60)]
    with pytest.raises(HostError, match=r"'enable forwarding' awaits its confirmation, for 60 seconds more"):
        refuse_while_pending(system, state)


def test_what_is_confirmed_stays(machine: Machine, state: State) -> None:
    system = MemorySystem(machine)
    bring(system, state, _GOAL, deadline=system.now() + 60)
    assert confirm(state) == "enable forwarding"
    refuse_while_pending(system, state)
    system.sleep(100)
    assert recover(system, state) is None
    assert machine.settings[_SETTING] == "1"


def test_what_is_not_confirmed_in_time_is_undone_by_the_next_run(machine: Machine, state: State) -> None:
    system = MemorySystem(machine)
    bring(system, state, _GOAL, deadline=system.now() + 60)
    system.sleep(59)
    assert recover(system, state) is None
    system.sleep(1)
    assert recover(system, state) == "'enable forwarding' was not confirmed in time: it is undone"
    assert machine.settings[_SETTING] == "0"
    assert confirm(state) is None


def test_the_guardian_undoes_at_the_deadline_and_not_before(machine: Machine, state: State) -> None:
    system = MemorySystem(machine)
    bring(system, state, _GOAL, deadline=system.now() + 60)
    before = system.now()
    guard(system, state, before + 60)
    assert system.now() == before + 60
    assert machine.settings[_SETTING] == "0"


def test_the_guardian_ends_when_the_change_is_confirmed(machine: Machine, state: State) -> None:
    class Confirming(MemorySystem):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            confirm(state)

    system = Confirming(machine)
    bring(system, state, _GOAL, deadline=system.now() + 60)
    before = system.now()
    guard(system, state, before + 60)
    assert system.now() < before + 2
    assert machine.settings[_SETTING] == "1"


def test_a_change_can_be_undone_before_its_time(machine: Machine, state: State) -> None:
    system = MemorySystem(machine)
    bring(system, state, _GOAL, deadline=system.now() + 60)
    assert undo_pending(system, state) == "enable forwarding"
    assert machine.settings[_SETTING] == "0"
    assert undo_pending(system, state) is None


def test_where_there_is_nothing_to_do_nothing_awaits_confirmation(machine: Machine, state: State) -> None:
    system = MemorySystem(machine)
    machine.settings[_SETTING] = "1"
    bring(system, state, _GOAL, deadline=system.now() + 60)
    assert machine.guardians == []
    assert confirm(state) is None


class TestOnTheKernel:
    """The command, its guardian and its terminal."""

    pytestmark = needs("nft")

    @pytest.fixture
    def namespace(self) -> Iterator[Namespace]:
        with Namespace() as made:
            made.bridges(["virbr1"])
            yield made

    @pytest.fixture
    def fwplan(self, namespace: Namespace, tmp_path: Path) -> Fwplan:
        return Fwplan(namespace, tmp_path / "state")

    def test_it_is_undone_when_nobody_confirms(self, fwplan: Fwplan, namespace: Namespace) -> None:
        done = fwplan.attempt("apply", "-", "--confirm=1", "--enable-forwarding", given=definition())
        assert done.returncode == 0
        assert "undone in 1 seconds, unless `fwplan confirm` comes first" in done.stderr
        assert "virbr1" in _rules(namespace)
        _wait(lambda: not _rules(namespace))
        assert namespace.run("cat", "/proc/sys/net/ipv4/ip_forward") == "0\n"
        _wait(lambda: fwplan.attempt("confirm").returncode == 2)

    def test_it_stays_when_it_is_confirmed(self, fwplan: Fwplan, namespace: Namespace) -> None:
        fwplan("apply", "-", "--confirm=2", given=definition())
        other = fwplan.attempt("apply", "-", given=definition(subnet="192.168.10"))
        assert other.returncode == 2
        assert "awaits its confirmation" in other.stderr
        assert fwplan("confirm") == "Kept: apply lab.\n"
        time.sleep(2.5)
        assert "virbr1" in _rules(namespace)

    def test_it_is_undone_at_once_when_asked_for(self, fwplan: Fwplan, namespace: Namespace) -> None:
        fwplan("apply", "-", "--confirm=60", given=definition())
        assert fwplan("confirm", "--undo") == "Undone: apply lab.\n"
        assert not _rules(namespace)

    def test_a_typed_yes_keeps_it(self, fwplan: Fwplan, namespace: Namespace, tmp_path: Path) -> None:
        said = _at_a_terminal(fwplan, namespace, _file(tmp_path), answer=b"yes\n")
        assert "Kept: apply lab." in said
        assert "virbr1" in _rules(namespace)

    def test_a_typed_no_undoes_it(self, fwplan: Fwplan, namespace: Namespace, tmp_path: Path) -> None:
        said = _at_a_terminal(fwplan, namespace, _file(tmp_path), answer=b"no\n")
        assert "Undone: apply lab." in said
        assert not _rules(namespace)

    def test_the_loss_of_the_terminal_does_not_keep_it(
        self, fwplan: Fwplan, namespace: Namespace, tmp_path: Path
    ) -> None:
        _at_a_terminal(fwplan, namespace, _file(tmp_path), answer=None)
        assert "virbr1" in _rules(namespace)
        _wait(lambda: not _rules(namespace))


def _rules(namespace: Namespace) -> str:
    return namespace.run("nft", "-s", "list", "ruleset")


def _file(folder: Path) -> str:
    path = folder / "lab.xml"
    path.write_text(definition(), encoding="utf-8")
    return str(path)


def _wait(until: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, f"it did not come in {seconds} seconds"
        time.sleep(0.1)


def _at_a_terminal(fwplan: Fwplan, namespace: Namespace, file: str, answer: bytes | None) -> str:
    """What apply says to a person who answers its question; None for one whose connection is lost."""
    ours, theirs = pty.openpty()
    with namespace.entered():
        process = subprocess.Popen(
            [FWPLAN, "apply", f"--state-dir={fwplan.folder}", "--confirm=3", file],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, close_fds=True,
        )  # fmt: skip
    os.close(theirs)
    said = b""
    while b"it is undone: " not in said:
        said += os.read(ours, 4096)
    if answer is None:
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        process.wait()
        return said.decode()
    os.write(ours, answer)
    try:
        while part := os.read(ours, 4096):
            said += part
    except OSError:  # the terminal's other end is closed
        pass
    os.close(ours)
    process.wait()
    return said.decode()
