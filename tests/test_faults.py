"""Whatever fails, and wherever the process is killed: the host is as it was or as planned, never between.

Every call that fwplan makes to the kernel, to a program or to the disk is made to fail, before and after its work, and
to be the last one that the process makes, for every kind of run. (To be killed before a call is to be killed after the
one before it.)
"""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import nftables
import pytest
from faults import Fault, faulty
from namespaces import Namespace, needs

from fwplan.errors import HostError
from fwplan.host.executor import bring
from fwplan.host.forwarding import FORWARDING, SettingsPart
from fwplan.host.goal import goal_of_apply, goal_of_removal
from fwplan.host.recovery import confirm, recover, undo_pending
from fwplan.host.state import State
from fwplan.host.system import System
from fwplan.network.read import read_network
from fwplan.plan.intents import Family
from fwplan.plan.plan import Backend, make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fwplan.network.definition import Network

    Act = Callable[[System, State], None]

pytestmark = needs("nft")

_DEFINITION = """
<network ipv6='yes'>
  <name>{name}</name>
  <forward mode='{mode}'/>
  <bridge name='{bridge}'/>
  <ip address='{subnet}.1' netmask='255.255.255.0'><dhcp><range start='{subnet}.2' end='{subnet}.9'/></dhcp></ip>
</network>
"""

_FOREIGN = """
table inet firewalld {
    chain filter_FORWARD { type filter hook forward priority 10; counter packets 7 bytes 900 accept; }
}
table ip nat {
    chain DOCKER { counter return; }
    chain POSTROUTING {
        type nat hook postrouting priority 100;
        ip saddr 172.17.0.0/16 oifname != "docker0" counter masquerade
    }
}
table ip filter {
    chain DOCKER-USER { counter packets 1 bytes 2 return; }
    chain ufw-user-forward { ip daddr 10.0.0.9 accept; }
    chain FORWARD { type filter hook forward priority 0; policy drop; counter jump DOCKER-USER; }
}
"""
"""Tables in the shape of Docker's, firewalld's and ufw's."""

_DEADLINE = 10.0**9


def _network(name: str = "lab", bridge: str = "virbr1", subnet: str = "192.168.9", mode: str = "nat") -> Network:
    return read_network(_DEFINITION.format(name=name, mode=mode, bridge=bridge, subnet=subnet).encode())


_LAB = _network()
_EDITED = _network(subnet="192.168.77", mode="route")
_OTHER = _network("other", "virbr2", "192.168.10")


class _Machine(System):
    """The real machine; the guardian is not under test here, and would be one process for each fault."""

    def start_guardian(self, folder: Path, deadline: float) -> None:
        pass


@contextmanager
def _alone(system: System, state: State) -> Iterator[None]:
    with state.locked("test", 10, lambda _: None):
        recover(system, state)
        yield


def _apply(*networks: Network, forwarding: bool = False, deadline: float | None = None) -> Act:
    def act(system: System, state: State) -> None:
        with _alone(system, state):
            plan = make_plan(networks, backend=Backend.NFTABLES)
            goal = goal_of_apply(plan, state.applied(), system.interfaces())
            if forwarding:
                goal = replace(goal, parts=(*goal.parts, SettingsPart({FORWARDING[Family.IPV4]: "1"})))
            bring(system, state, goal, deadline=deadline)

    return act


def _remove(*names: str) -> Act:
    def act(system: System, state: State) -> None:
        with _alone(system, state):
            bring(system, state, goal_of_removal([], names, state.applied()))

    return act


def _confirm(system: System, state: State) -> None:
    with _alone(system, state):
        confirm(state)


def _undo(system: System, state: State) -> None:
    with _alone(system, state):
        undo_pending(system, state)


def _then(*acts: Act) -> Act:
    def act(system: System, state: State) -> None:
        for one in acts:
            one(system, state)

    return act


def _nothing(system: System, state: State) -> None:
    pass


@dataclass(frozen=True)
class _Run:
    """A kind of run: what was done before, and what is done now."""

    earlier: Act
    act: Act


_RUNS = {
    "a first network": _Run(_nothing, _apply(_LAB, forwarding=True)),
    "a second network": _Run(_apply(_LAB), _apply(_OTHER)),
    "an edited definition": _Run(_apply(_LAB, _OTHER), _apply(_EDITED)),
    "the removal of one of two": _Run(_apply(_LAB, _OTHER), _remove("lab")),
    "the removal of the last": _Run(_apply(_LAB, _OTHER), _remove("lab", "other")),
    "a change that is to be confirmed": _Run(_apply(_LAB), _apply(_EDITED, forwarding=True, deadline=_DEADLINE)),
    "its confirmation": _Run(_then(_apply(_LAB), _apply(_EDITED, deadline=_DEADLINE)), _confirm),
    "its undo": _Run(_then(_apply(_LAB), _apply(_EDITED, forwarding=True, deadline=_DEADLINE)), _undo),
}


class _Host:
    """A namespace with foreign rules, that comes back to where a run begins."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._system = _Machine()
        self.foreign = ""

    def begin(self, run: _Run) -> None:
        """Do what was done earlier, and keep what came of it."""
        self._nft("flush ruleset")
        self._system.change_setting("net.ipv4.ip_forward", "0")
        self._nft(_FOREIGN)
        self.foreign = self._foreign()
        run.earlier(self._system, self.state("begun"))
        self._rules = self._nft("list ruleset")
        self._forwarding = self._system.setting("net.ipv4.ip_forward")

    def again(self) -> None:
        """Come back to where the run begins."""
        self._nft(f"flush ruleset\n{self._rules}")
        self._system.change_setting("net.ipv4.ip_forward", self._forwarding)
        shutil.rmtree(self._folder / "now", ignore_errors=True)
        shutil.copytree(self._folder / "begun", self._folder / "now")
        self.state("now")

    def state(self, name: str, system: System | None = None) -> State:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return State(system or self._system, folder)

    def shot(self) -> tuple[str, str, object]:
        """All that a run changes: rules, forwarding, and what fwplan knows of it."""
        assert self._foreign() == self.foreign
        state = self.state("now")
        return (
            self._nft("list ruleset", stateless=True),
            self._system.setting("net.ipv4.ip_forward"),
            (state.applied(), state.pending()),
        )

    def next_run(self) -> None:
        with _alone(self._system, self.state("now")):
            pass

    def _foreign(self) -> str:
        tables = ("inet firewalld", "ip nat", "ip filter")
        return "".join(self._nft(f"list table {table}") for table in tables)

    @staticmethod
    def _nft(commands: str, *, stateless: bool = False) -> str:
        """What nft prints; in this process, as there are hundreds of faults."""
        library = nftables.Nftables()
        library.set_stateless_output(stateless)
        status, output, errors = library.cmd(commands)
        assert status == 0, errors
        return str(output)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[_Host]:
    with Namespace() as namespace:
        namespace.bridges(["virbr1", "virbr2"])
        with namespace.entered():
            yield _Host(tmp_path)


def _points(host: _Host, run: _Run) -> list[str]:
    """The calls that a run makes when all goes well."""
    host.again()
    system, calls = faulty(_Machine())
    run.act(system, host.state("now", system))
    return calls


def _befallen(host: _Host, run: _Run, fault: Fault, place: int) -> None:
    host.again()
    process = os.fork()
    if process == 0:
        status = 0
        try:
            system, _ = faulty(_Machine(), fault, place)
            run.act(system, host.state("now", system))
        except HostError:
            status = 1
        finally:
            os._exit(status)
    _, ended = os.waitpid(process, 0)
    if fault in {Fault.FAILS, Fault.FAILS_LATE}:
        assert os.waitstatus_to_exitcode(ended) in {0, 1}, "it ends with a message, or goes on without"
    else:
        assert os.waitstatus_to_exitcode(ended) == -signal.SIGKILL


@pytest.mark.parametrize("name", _RUNS)
def test_a_fault_leaves_the_host_as_it_was_or_as_planned(
    name: str, host: _Host, record_property: Callable[[str, object], None]
) -> None:
    run = _RUNS[name]
    host.begin(run)
    host.again()
    before = host.shot()
    calls = _points(host, run)
    planned = host.shot()
    tried = 0
    for place, call in enumerate(calls):
        for fault in Fault:
            if fault is Fault.DIES_WITHIN and call != "write":
                continue
            tried += 1
            _befallen(host, run, fault, place)
            where = f"call {place} ({call}) {fault.value}"
            if fault in {Fault.FAILS, Fault.FAILS_LATE}:
                assert host.shot()[:2] in (before[:2], planned[:2]), f"{where}: at once"
            host.next_run()
            assert host.shot() in (before, planned), where
    record_property("figure", f"faults: {name}: {len(calls)} calls, {tried} faults")
