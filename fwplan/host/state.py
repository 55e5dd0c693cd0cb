"""What fwplan keeps of its own changes to a host: the lock, the journal, what was applied, what awaits confirmation.

A network namespace has a folder of its own, named after the boot and the namespace, so that nothing in it can be about
a ruleset that is gone.

`lock`          held while a host is changed; says who holds it
`journal.json`  a change that is under way: what was there before it
`applied.json`  the networks that were applied, each with its definition
`pending.json`  a change that is undone unless it is confirmed: what was there before it
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fwplan.errors import HostError
from fwplan.plan.difference import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fwplan.host.part import Json
    from fwplan.host.system import System
    from fwplan.iptables.objects import Chain
    from fwplan.nft.objects import Table
    from fwplan.plan.difference import Difference

DEFAULT_FOLDER = Path("/run/fwplan")
DEFAULT_WAIT = 30.0
"""Seconds to wait for another run of fwplan to end."""

_VERSION = 1
_POLL = 0.05


@dataclass(frozen=True, slots=True)
class Record:
    """A network as it was applied last.

    Attributes:
        definition: in XML.
        backend: what carries its rules.
        layout: how its promises became rules.
        bridge: its bridge; None where it has no rules.
        index: of the bridge, by which the kernel knows it in rules; None where it was not there.
        subnets: that its rules name.
        zone: the zone of firewalld that its bridge was put in, and the bridge; None where it was put in none.
    """

    definition: str
    backend: str
    layout: str
    bridge: str | None
    index: int | None
    subnets: tuple[str, ...]
    zone: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Applied:
    """What fwplan has applied to a host.

    Attributes:
        networks: by name, in the order in which they came.
        set_up: the backends whose set-up fwplan made, and takes away with the last network.
        queues: the bridges whose root queue fwplan made, each with the index that it had.
        filters: the bridges on which fwplan made the filter for checksums, each with the index that it had.
    """

    networks: dict[str, Record] = field(default_factory=dict)
    set_up: tuple[str, ...] = ()
    queues: dict[str, int] = field(default_factory=dict)
    filters: dict[str, int] = field(default_factory=dict)

    def with_set_up(self, backend: str, differences: Iterable[Difference], of: type[Table | Chain]) -> Applied:
        """The same, when a change has made the set-up of a backend, or taken it away.

        Args:
            backend: of the change.
            differences: that it made.
            of: the kind of thing that nothing but set-up consists of.
        """
        steps = {difference.step for difference in differences if isinstance(difference.object, of)}
        made = set(self.set_up)
        if Step.ADD in steps:
            made.add(backend)
        elif Step.DELETE in steps:
            made.discard(backend)
        return replace(self, set_up=tuple(sorted(made)))


@dataclass(frozen=True, slots=True)
class Undo:
    """How to undo a change.

    Attributes:
        what: the change, as the end of a sentence: "apply default".
        before: parts of the host as they were before, in the order in which they were changed.
        applied: what was applied before.
        deadline: in seconds since the machine started, by when it has to be confirmed; None for a change under way.
    """

    what: str
    before: tuple[Json, ...]
    applied: Applied
    deadline: float | None = None


class State:
    """fwplan's own files about one network namespace."""

    def __init__(self, system: System, folder: Path = DEFAULT_FOLDER) -> None:
        """Files below `folder`; nothing is made before it is needed."""
        self._system = system
        self.parent = folder
        self._folder = folder / f"{system.boot()}-{system.namespace()}"

    @contextmanager
    def locked(self, what: str, wait: float, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Keep other runs of fwplan away.

        Args:
            what: what is done meanwhile, for those who wait.
            wait: seconds to wait for another run.
            on_wait: called once with who holds the lock, before waiting.

        Raises:
            HostError: the other run did not end in time, or the folder cannot be written.
        """
        system = self._system
        system.make_directory(self._folder)
        lock = self._folder / "lock"
        end = system.now() + wait
        told = False
        while (descriptor := system.lock(lock)) is None:
            holder = (system.read(lock) or b"").decode(errors="replace").strip() or "another fwplan"
            if system.now() >= end:
                raise HostError(f"{holder} is at work: it did not end in {wait:g} seconds (--wait SECONDS)")
            if not told:
                on_wait(holder)
                told = True
            system.sleep(_POLL)
        try:
            system.write(lock, f"{what} (process {system.process()})\n".encode())
            yield
        finally:
            system.unlock(descriptor)

    def applied(self) -> Applied:
        """What was applied.

        Raises:
            HostError: the file cannot be read.
        """
        document = self._read("applied.json")
        return Applied() if document is None else _applied(document)

    def set_applied(self, applied: Applied) -> None:
        """Keep what was applied.

        Raises:
            HostError: the file cannot be written.
        """
        self._write("applied.json", {"version": _VERSION, **_applied_json(applied)})

    def journal(self) -> Undo | None:
        """A change that was under way when its process ended; None when there is none.

        Raises:
            HostError: the file cannot be read.
        """
        return self._undo("journal.json")

    def set_journal(self, undo: Undo | None) -> None:
        """Keep how to undo the change that is about to be made; None when it is made, or undone.

        Raises:
            HostError: the file cannot be written.
        """
        self._set_undo("journal.json", undo)

    def pending(self) -> Undo | None:
        """A change that awaits its confirmation; None when there is none.

        Raises:
            HostError: the file cannot be read.
        """
        return self._undo("pending.json")

    def set_pending(self, undo: Undo | None) -> None:
        """Keep how to undo a change unless it is confirmed; None when it is, or is undone.

        Raises:
            HostError: the file cannot be written.
        """
        self._set_undo("pending.json", undo)

    def _undo(self, name: str) -> Undo | None:
        document = self._read(name)
        if document is None:
            return None
        return Undo(document["what"], tuple(document["before"]), _applied(document["applied"]), document["deadline"])

    def _set_undo(self, name: str, undo: Undo | None) -> None:
        if undo is None:
            self._system.remove(self._folder / name)
        else:
            document = {
                "what": undo.what,
                "before": undo.before,
                "applied": _applied_json(undo.applied),
                "deadline": undo.deadline,
            }
            self._write(name, {"version": _VERSION, **document})

    def _read(self, name: str) -> Any | None:  # noqa: ANN401 - JSON
        path = self._folder / name
        content = self._system.read(path)
        if content is None:
            return None
        try:
            document = json.loads(content)
            version = document["version"]
        except (ValueError, TypeError, KeyError):
            raise HostError(f"{path} is damaged: move it away, and look at the host's rules") from None
        if version != _VERSION:
            raise HostError(f"{path} was written by another version of fwplan: finish with that, or move it away")
        return document

    def _write(self, name: str, document: Json) -> None:
        """Write a file so that there is always the old one or the new one, whole."""
        path = self._folder / name
        new = path.with_suffix(".new")
        self._system.write(new, json.dumps(document, separators=(",", ":")).encode())
        self._system.rename(new, path)


def _applied_json(applied: Applied) -> Json:
    # Field by field: dataclasses.asdict copies all that is below as well, which takes a second for 1,000 networks.
    networks = {
        name: {key: getattr(record, key) for key in Record.__slots__} for name, record in applied.networks.items()
    }
    return {"networks": networks, "set_up": applied.set_up, "queues": applied.queues, "filters": applied.filters}


def _applied(document: Json) -> Applied:
    networks = {name: _record(record) for name, record in document["networks"].items()}
    return Applied(networks, tuple(document["set_up"]), document["queues"], document["filters"])


def _record(document: Json) -> Record:
    zone = document["zone"]
    subnets = tuple(document["subnets"])
    return Record(**{**document, "subnets": subnets, "zone": None if zone is None else (zone[0], zone[1])})
