"""A machine in memory: what a `System` does, done to values, for tests and for tools that only try something.

It keeps the rules of the real one where the executor depends on them: a transaction takes effect whole or not at all,
moves the generation by one, gives each new rule a handle, and refuses a rule that names an interface by index where
there is none. Edits of queues are made one by one, as by tc. The same contract is tested on both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

from fwplan.errors import HostError
from fwplan.host.memory_nftables import make, need
from fwplan.host.system import Completed, System
from fwplan.nft.listing import Listing
from fwplan.plan.checksums import Queueing, Root
from fwplan.plan.difference import Step
from fwplan.plan.operations import ChecksumFilter, Queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from fwplan.host.firewalld import Firewalld
    from fwplan.nft.listing import ListedRule, Name
    from fwplan.nft.objects import Chain, ElementKey, ElementVerdict, Table, VerdictMap
    from fwplan.nft.transaction import Edit
    from fwplan.plan.checksums import QueueEdit


@dataclass
class Machine:
    """What a machine in memory has, and keeps when a process on it ends."""

    tables: set[Table] = field(default_factory=set)
    chains: dict[Name, Chain] = field(default_factory=dict)
    rules: dict[Name, list[ListedRule]] = field(default_factory=dict)
    maps: dict[Name, VerdictMap] = field(default_factory=dict)
    elements: dict[Name, dict[ElementKey, ElementVerdict]] = field(default_factory=dict)
    generation: int = 1
    interfaces: dict[str, int] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    files: dict[Path, bytes] = field(default_factory=dict)
    programs: set[str] = field(default_factory=lambda: {"tc"})
    queueing: dict[str, Queueing] = field(default_factory=dict)
    computes_checksums: bool = True
    firewalld: Firewalld | None = None
    locks: dict[int, Path] = field(default_factory=dict)
    guardians: list[tuple[Path, float]] = field(default_factory=list)
    clock: float = 1000.0
    handles: Iterator[int] = field(default_factory=lambda: count(1))

    def crash(self) -> None:
        """The process that worked on the machine has ended, wherever it was: its locks are free."""
        self.locks.clear()


class MemorySystem(System):
    """One process on a machine in memory."""

    def __init__(self, machine: Machine) -> None:
        """Work on `machine`, which other processes may work on as well."""
        self.machine = machine

    def load_nftables(self) -> None:
        """Nothing is needed."""

    def list_nftables(self, tables: Iterable[Table]) -> Listing:
        """What those of the tables hold that there are."""
        machine = self.machine
        there = {table for table in tables if table in machine.tables}
        return Listing(
            frozenset(there),
            {key: chain for key, chain in machine.chains.items() if key[0] in there},
            {key: list(rules) for key, rules in machine.rules.items() if key[0] in there and rules},
            maps={key: made for key, made in machine.maps.items() if key[0] in there},
            elements={key: dict(of_map) for key, of_map in machine.elements.items() if key[0] in there},
        )

    def list_nftables_outline(self, tables: Iterable[Table], maps: Iterable[str]) -> Listing:
        """Only the chains of those of the tables that there are, and maps of these names with their elements."""
        listing = self.list_nftables(tables)
        names = set(maps)
        return replace(
            listing,
            listed={},
            maps={key: made for key, made in listing.maps.items() if key[1] in names},
            elements={key: of_map for key, of_map in listing.elements.items() if key[1] in names},
        )

    def list_nftables_rules(self, outline: Listing, chains: Iterable[Name]) -> Listing:
        """An outline with the rules of those of the chains that there are."""
        asked = set(chains)
        return replace(
            outline, listed={key: list(rules) for key, rules in self.machine.rules.items() if key in asked and rules}
        )

    def commit_nftables(self, edits: Iterable[Edit]) -> None:
        """Make edits, all or none of them."""
        machine = self.machine
        after = replace(
            machine,
            tables=set(machine.tables),
            chains=dict(machine.chains),
            rules={key: list(rules) for key, rules in machine.rules.items()},
            maps=dict(machine.maps),
            elements={key: dict(of_map) for key, of_map in machine.elements.items()},
        )
        for edit in edits:
            make(after, edit)
        machine.tables, machine.chains, machine.rules = after.tables, after.chains, after.rules
        machine.maps, machine.elements = after.maps, after.elements
        machine.generation += 1

    def generation(self) -> int:
        """The number of the ruleset."""
        return self.machine.generation

    def run(self, command: Sequence[str], given: str = "") -> Completed:  # noqa: ARG002 - there are no programs
        """There are no programs here."""
        raise HostError(f"there is no program {command[0]}")

    def has_program(self, name: str) -> bool:
        """Whether there is a program of that name."""
        return name in self.machine.programs

    def queueing(self, bridges: Iterable[str], going: AbstractSet[str] = frozenset()) -> dict[str, Queueing]:  # noqa: ARG002
        """The queues of those of the bridges that have some of their own."""
        return {bridge: self.machine.queueing[bridge] for bridge in bridges if bridge in self.machine.queueing}

    def change_queueing(self, edits: Iterable[QueueEdit]) -> None:
        """Make edits of queues, one after the other."""
        for edit in edits:
            _edit_queueing(self.machine, edit)

    def can_compute_checksums(self) -> bool:
        """Whether it was given a kernel that can."""
        return self.machine.computes_checksums

    def firewalld(self) -> Firewalld | None:
        """What its firewalld knows; None where it was given none."""
        return self.machine.firewalld

    def change_zone(self, zone: str, interface: str) -> None:
        """Put an interface in a zone, out of any that it is in."""
        firewalld = self._running()
        need(zone in firewalld.zones, f"firewalld: INVALID_ZONE: {zone}")
        self.machine.firewalld = replace(firewalld, zone_of={**firewalld.zone_of, interface: zone})

    def leave_zone(self, zone: str, interface: str) -> None:
        """Take an interface out of its zone."""
        firewalld = self._running()
        need(firewalld.zone_of.get(interface) == zone, f"firewalld: UNKNOWN_INTERFACE: '{interface}' not in '{zone}'")
        left = {name: where for name, where in firewalld.zone_of.items() if name != interface}
        self.machine.firewalld = replace(firewalld, zone_of=left)

    def _running(self) -> Firewalld:
        firewalld = self.machine.firewalld
        if firewalld is None:
            raise HostError("firewalld does not run")
        return firewalld

    def interfaces(self) -> dict[str, int]:
        """The index of each interface, by name."""
        return dict(self.machine.interfaces)

    def may_change_networking(self) -> bool:
        """Whoever has the machine may do everything."""
        return True

    def setting(self, name: str) -> str:
        """A setting of the kernel; empty where there is none."""
        return self.machine.settings.get(name, "")

    def change_setting(self, name: str, value: str) -> None:
        """Change a setting of the kernel."""
        if name not in self.machine.settings:
            raise HostError(f"there is no setting {name}")
        self.machine.settings[name] = value

    def read(self, path: Path) -> bytes | None:
        """The content of a file; None when there is none."""
        return self.machine.files.get(path)

    def write(self, path: Path, content: bytes) -> None:
        """Write a file."""
        self.machine.files[path] = content

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name."""
        if old not in self.machine.files:
            raise HostError(f"cannot rename {old}: no such file")
        self.machine.files[new] = self.machine.files.pop(old)

    def remove(self, path: Path) -> None:
        """Delete a file, if it is there."""
        self.machine.files.pop(path, None)

    def make_directory(self, path: Path) -> None:
        """Folders are there when they are needed."""

    def lock(self, path: Path) -> int | None:
        """Lock a file; None while another process has it."""
        if path in self.machine.locks.values():
            return None
        descriptor = next(self.machine.handles)
        self.machine.locks[descriptor] = path
        return descriptor

    def unlock(self, descriptor: int) -> None:
        """Give a lock back."""
        del self.machine.locks[descriptor]

    def boot(self) -> str:
        """It was started once."""
        return "memory"

    def namespace(self) -> str:
        """There is one network namespace."""
        return "net-memory"

    def start_guardian(self, folder: Path, deadline: float) -> None:
        """Note that a guardian was started: whoever has the machine lets it act."""
        self.machine.guardians.append((folder, deadline))

    def process(self) -> int:
        """All processes are one."""
        return 1

    def now(self) -> float:
        """Seconds since the machine started; only sleep passes any."""
        return self.machine.clock

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.machine.clock += seconds


def _edit_queueing(machine: Machine, edit: QueueEdit) -> None:
    bridge = edit.object.bridge
    need(bridge in machine.interfaces, f'tc: Cannot find device "{bridge}"')
    now = machine.queueing.get(bridge, Queueing())
    match edit.step, edit.object:
        case Step.ADD, Queue():
            need(now.root is Root.NOTHING, "tc: Error: Exclusivity flag on, cannot modify.")
            machine.queueing[bridge] = Queueing(Root.LIBVIRTS)
        case Step.ADD, ChecksumFilter():
            need(now.root is Root.LIBVIRTS, "tc: Error: Parent Qdisc doesn't exists.")
            need(machine.computes_checksums, "tc: Error: Failed to load TC action module.")
            machine.queueing[bridge] = replace(now, filters=(*now.filters, f"800::{next(machine.handles)}"))
        case _, Queue():
            need(now.root is not Root.NOTHING, "tc: Error: Invalid handle.")
            del machine.queueing[bridge]
        case _:
            need(edit.handle in now.filters, "tc: Error: Cannot find specified filter chain.")
            left = tuple(handle for handle in now.filters if handle != edit.handle)
            machine.queueing[bridge] = replace(now, filters=left)
