"""Whatever fails, and wherever the process is killed: the host is as it was or as planned, never between.

Every call that fwplan makes to the kernel, to a program or to the disk is made to fail, before, in and after its work,
and to be the last one that the process makes, for every kind of run. (To be killed before a call is to be killed after
the one before it.) Zones of firewalld are in `test_faults_in_memory.py`, and checksums are there as well as here, where
another action may stand for that which computes them (`checksum_kernel.py`).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import nftables
import pytest
from checksum_kernel import repair_checksums
from faults import Fault, faulty
from hypothesis import settings
from namespaces import Namespace, needs

from fwplan.errors import HostError
from fwplan.host.executor import bring
from fwplan.host.forwarding import FORWARDING, SettingsPart
from fwplan.host.goal import goal_of_apply, goal_of_removal
from fwplan.host.recovery import confirm, recover, undo_pending
from fwplan.host.state import State
from fwplan.host.system import System
from fwplan.iptables.objects import PROGRAMS
from fwplan.network.read import read_network
from fwplan.plan.checksums import ChecksumPolicy, QueueEdit, Queueing
from fwplan.plan.difference import Step
from fwplan.plan.intents import Family
from fwplan.plan.operations import ChecksumFilter, Queue
from fwplan.plan.plan import Backend, Layout, make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fwplan.network.definition import Network

    Act = Callable[[System, State], None]

pytestmark = needs("nft", "tc", "iptables-restore", "ip6tables-restore")

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

_FOREIGN_OF_IPTABLES = """\
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING ! -o docker0 -j MASQUERADE
COMMIT
*filter
:DOCKER-USER - [0:0]
:ufw-user-forward - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -m comment --comment "by hand" -j ufw-user-forward
-A DOCKER-USER -j RETURN
COMMIT
"""
"""The same for iptables and ip6tables, which share tables of nftables' with nobody."""

_BRIDGES = ("virbr1", "virbr2")
_COUNTERS = re.compile(r"\[[0-9]+:[0-9]+\] ")
_DEADLINE = 10.0**9
_FAILURES = {Fault.FAILS, Fault.FAILS_WITHIN, Fault.FAILS_LATE}


def _network(name: str = "lab", bridge: str = "virbr1", subnet: str = "192.168.9", mode: str = "nat") -> Network:
    return read_network(_DEFINITION.format(name=name, mode=mode, bridge=bridge, subnet=subnet).encode())


_LAB = _network()
_EDITED = _network(subnet="192.168.77", mode="route")
_OTHER = _network("other", "virbr2", "192.168.10")
_AROUND = _network("lab", "virbr1", "192.168.10")


class _Machine(System):
    """The real machine; the guardian is not under test here, and would be one process for each fault."""

    def start_guardian(self, folder: Path, deadline: float) -> None:
        pass


@contextmanager
def _alone(system: System, state: State) -> Iterator[None]:
    with state.locked("test", 10, lambda _: None):
        recover(system, state)
        yield


def _apply(
    *networks: Network,
    backend: Backend = Backend.NFTABLES,
    layout: Layout = Layout.LIBVIRT,
    checksum: ChecksumPolicy = ChecksumPolicy.OFF,
    forwarding: bool = False,
    deadline: float | None = None,
) -> Act:
    def act(system: System, state: State) -> None:
        with _alone(system, state):
            plan = make_plan(networks, backend=backend, layout=layout)
            goal = goal_of_apply(plan, state.applied(), system.interfaces(), checksum=checksum)
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
    "a first network, with checksums": _Run(_nothing, _apply(_LAB, checksum=ChecksumPolicy.AUTO)),
    "a first network, by iptables": _Run(_nothing, _apply(_LAB, backend=Backend.IPTABLES)),
    "a second network": _Run(_apply(_LAB), _apply(_OTHER)),
    "an edited definition": _Run(_apply(_LAB, _OTHER), _apply(_EDITED)),
    "the removal of one of two": _Run(_apply(_LAB, _OTHER), _remove("lab")),
    "the removal of the last": _Run(_apply(_LAB, _OTHER), _remove("lab", "other")),
    "a change that is to be confirmed": _Run(_apply(_LAB), _apply(_EDITED, forwarding=True, deadline=_DEADLINE)),
    "its confirmation": _Run(_then(_apply(_LAB), _apply(_EDITED, deadline=_DEADLINE)), _confirm),
    "a network that changes to the layout maps": _Run(_apply(_LAB, _OTHER), _apply(_LAB, layout=Layout.MAPS)),
    "one of two that overlap, in the layout maps": _Run(
        _apply(_OTHER, layout=Layout.MAPS), _apply(_AROUND, layout=Layout.MAPS)
    ),
    "its undo": _Run(_then(_apply(_LAB), _apply(_EDITED, forwarding=True, deadline=_DEADLINE)), _undo),
}


if settings.get_current_profile_name() == "long":
    _RUNS |= {
        "a network that changes to iptables": _Run(_apply(_LAB), _apply(_LAB, backend=Backend.IPTABLES)),
        "a removal, with checksums": _Run(_apply(_LAB, _OTHER, checksum=ChecksumPolicy.AUTO), _remove("lab", "other")),
        "a network that changes to iptables, with checksums": _Run(
            _apply(_LAB, checksum=ChecksumPolicy.AUTO), _apply(_LAB, backend=Backend.IPTABLES)
        ),
        "a first network of the layout maps": _Run(_nothing, _apply(_LAB, layout=Layout.MAPS, forwarding=True)),
        "an edited definition in the layout maps": _Run(
            _apply(_AROUND, _OTHER, layout=Layout.MAPS), _apply(_EDITED, layout=Layout.MAPS, deadline=_DEADLINE)
        ),
        "a removal of the layout maps": _Run(_apply(_LAB, _OTHER, layout=Layout.MAPS), _remove("lab", "other")),
        "a first network of iptables": _Run(_nothing, _apply(_LAB, backend=Backend.IPTABLES)),
        "a removal of iptables": _Run(_apply(_LAB, _OTHER, backend=Backend.IPTABLES), _remove("lab")),
    }


class _Host:
    """A namespace with foreign rules, that comes back to where a run begins."""

    def __init__(self, folder: Path, bridges: tuple[str, ...]) -> None:
        """Keep fwplan's files below `folder`; look at the queues of `bridges`, which takes its time."""
        self._folder = folder
        self._bridges = bridges
        self._system = _Machine()

    def begin(self, run: _Run) -> None:
        """Do what was done earlier, and keep what came of it."""
        self._nft("flush ruleset")
        self._system.change_setting("net.ipv4.ip_forward", "0")
        self._make_foreign_rules()
        self.foreign = self._foreign()
        run.earlier(self._system, self.state("begun"))
        self._rules = self._rules_now()
        self._queueing = self._queues()
        self._forwarding = self._system.setting("net.ipv4.ip_forward")

    def again(self) -> None:
        """Come back to where the run begins."""
        self._bring_rules_back()
        if self._queues() != self._queueing:
            self._bring_queues_back()
        self._system.change_setting("net.ipv4.ip_forward", self._forwarding)
        shutil.rmtree(self._folder / "now", ignore_errors=True)
        shutil.copytree(self._folder / "begun", self._folder / "now")
        self.state("now")

    def state(self, name: str, system: System | None = None) -> State:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return State(system or self._system, folder)

    def shot(self) -> tuple[str, str, object, object]:
        """All that a run changes: rules, forwarding, queues, and what fwplan knows of it."""
        assert self._foreign() == self.foreign
        state = self.state("now")
        return (
            self._rules_shown(),
            self._system.setting("net.ipv4.ip_forward"),
            {bridge: (found.root, len(found.filters)) for bridge, found in self._queues().items()},
            (state.applied(), state.pending()),
        )

    def next_run(self) -> None:
        with _alone(self._system, self.state("now")):
            pass

    def _make_foreign_rules(self) -> None:
        self._nft(_FOREIGN)

    def _foreign(self) -> str:
        tables = ("inet firewalld", "ip nat", "ip filter")
        return "".join(self._nft(f"list table {table}") for table in tables)

    def _rules_now(self) -> str:
        return self._nft("list ruleset")

    def _rules_shown(self) -> str:
        return self._nft("list ruleset", stateless=True)

    def _bring_rules_back(self) -> None:
        self._nft(f"flush ruleset\n{self._rules}")

    def _bring_queues_back(self) -> None:
        gone = [QueueEdit(Step.DELETE, Queue(bridge)) for bridge in self._queues()]
        made = [QueueEdit(Step.ADD, kind(bridge)) for bridge in self._queueing for kind in (Queue, ChecksumFilter)]
        self._system.change_queueing([*gone, *made])
        self._queueing = self._queues()

    def _queues(self) -> dict[str, Queueing]:
        return self._system.queueing(self._bridges) if self._bridges else {}

    @staticmethod
    def _nft(commands: str, *, stateless: bool = False) -> str:
        """What nft prints; in this process, as there are hundreds of faults."""
        library = nftables.Nftables()
        library.set_stateless_output(stateless)
        status, output, errors = library.cmd(commands)
        assert status == 0, errors
        return str(output)


class _HostOfIptables(_Host):
    """The same with rules of iptables, which nft lists, and cannot load."""

    def begin(self, run: _Run) -> None:
        super().begin(run)
        self._saved = {program: self._run(f"{program}-save", "--counters") for program in PROGRAMS}

    def _make_foreign_rules(self) -> None:
        for program in PROGRAMS:
            self._run(f"{program}-restore", "--noflush", "--counters", given=_FOREIGN_OF_IPTABLES)
        self._now = list(self._lines())

    def shot(self) -> tuple[str, str, object, object]:
        self._now = list(self._lines())
        return super().shot()

    def _foreign(self) -> str:
        return "\n".join(line for line in self._now if "LIBVIRT_" not in line)

    def _rules_now(self) -> str:
        tables = {f"table {family} libvirt_network" for family in ("ip", "ip6")}
        return "".join(self._nft(f"list {table}") for table in self._nft("list tables").splitlines() if table in tables)

    def _rules_shown(self) -> str:
        return "\n".join([self._rules_now(), *(_COUNTERS.sub("", line) for line in self._now)])

    def _bring_rules_back(self) -> None:
        super()._bring_rules_back()
        for program, saved in self._saved.items():
            self._run(f"{program}-restore", "--counters", given=saved)

    def _lines(self) -> Iterator[str]:
        """Private chains and rules, each with its program and table; built-in chains come when a program first asks."""
        for program in PROGRAMS:
            table = ""
            for line in self._run(f"{program}-save", "--counters").splitlines():
                if line.startswith("*"):
                    table = line
                elif line.startswith("[") or line.split()[1:2] == ["-"]:
                    yield f"{program} {table} {line}"

    @staticmethod
    def _run(*command: str, given: str = "") -> str:
        return subprocess.run(command, input=given, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder; the test is in a namespace with bridges."""
    repair_checksums(monkeypatch, tmp_path)
    with Namespace() as namespace:
        namespace.bridges(_BRIDGES)
        with namespace.entered():
            yield tmp_path


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
    if fault in _FAILURES:
        assert os.waitstatus_to_exitcode(ended) in {0, 1}, "it ends with a message, or goes on without"
    else:
        assert os.waitstatus_to_exitcode(ended) == -signal.SIGKILL


@pytest.mark.parametrize("name", _RUNS)
def test_a_fault_leaves_the_host_as_it_was_or_as_planned(
    name: str, folder: Path, record_property: Callable[[str, object], None]
) -> None:
    run = _RUNS[name]
    kind = _HostOfIptables if "iptables" in name else _Host
    host = kind(folder, _BRIDGES if "checksums" in name else ())
    host.begin(run)
    host.again()
    before = host.shot()
    calls = _points(host, run)
    planned = host.shot()
    tried = 0
    for place, call in enumerate(calls):
        for fault in Fault:
            if not fault.befalls(call):
                continue
            tried += 1
            _befallen(host, run, fault, place)
            where = f"call {place} ({call}) {fault.value}"
            if fault in _FAILURES:
                assert host.shot()[:3] in (before[:3], planned[:3]), f"{where}: at once"
            host.next_run()
            assert host.shot() in (before, planned), where
    record_property("figure", f"faults: {name}: {len(calls)} calls, {tried} faults")
