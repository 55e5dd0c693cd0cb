"""Every call that fwplan makes to a machine, made to fail, or to be the last that its process makes."""

from __future__ import annotations

import enum
import os
import signal
from typing import TYPE_CHECKING, Any, cast

from fwplan.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import NoReturn

    from fwplan.host.system import System
    from fwplan.plan.checksums import QueueEdit


class Fault(enum.Enum):
    """What befalls a call."""

    FAILS = "fails, and has done nothing"
    FAILS_LATE = "fails, though it has done its work"
    FAILS_WITHIN = "fails half-way: a file is written in part, or a step of several is made"
    DIES_AFTER = "is the last: the process is killed"
    DIES_WITHIN = "is cut off half-way: the process is killed then"

    def befalls(self, call: str) -> bool:
        """Whether it can befall a call of that name: only some have a middle."""
        return call in _HALVES or self not in {Fault.FAILS_WITHIN, Fault.DIES_WITHIN}


def _half_a_file(path: Path, content: bytes) -> tuple[Path, bytes]:
    return path, content[: len(content) // 2]


def _half_the_edits(edits: Iterable[QueueEdit]) -> tuple[list[QueueEdit]]:
    made = list(edits)
    return (made[: len(made) // 2],)


def _half_the_tables(command: Sequence[str], given: str = "") -> tuple[Sequence[str], str]:
    """iptables-restore makes a transaction of each table."""
    tables = given.split("COMMIT\n")
    return command, "".join(f"{table}COMMIT\n" for table in tables[: (len(tables) - 1) // 2])


_HALVES: dict[str, Callable[..., tuple[Any, ...]]] = {
    "write": _half_a_file,
    "change_queueing": _half_the_edits,
    "run": _half_the_tables,
}
"""What is left of a call's arguments when it is cut off half-way."""


class Died(BaseException):
    """The process has ended, on a machine in memory."""


def killed() -> NoReturn:
    """End this process as nothing can prevent."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class _Faulty:
    """Hands calls on to a system, and counts them; lets one fault happen."""

    def __init__(self, system: System, fault: Fault | None, place: int, end: Callable[[], NoReturn]) -> None:
        self._system = system
        self._fault = fault
        self._place = place
        self._end = end
        self._dead = False
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the system has
        method = getattr(self._system, name)

        def call(*arguments: object, **named: object) -> object:
            if self._dead:
                self._end()
            self.calls.append(name)
            if len(self.calls) - 1 != self._place:
                return method(*arguments, **named)
            return self._befall(name, method, arguments, named)

        return call

    def _befall(
        self, name: str, method: Callable[..., object], arguments: tuple[object, ...], named: dict[str, object]
    ) -> object:
        match self._fault:
            case Fault.FAILS:
                raise HostError(f"{name} was made to fail")
            case Fault.FAILS_LATE:
                method(*arguments, **named)
                raise HostError(f"{name} was made to fail after its work")
            case Fault.FAILS_WITHIN:
                method(*_HALVES[name](*arguments), **named)
                raise HostError(f"{name} was made to fail half-way")
            case Fault.DIES_WITHIN:
                method(*_HALVES[name](*arguments), **named)
            case Fault.DIES_AFTER:
                method(*arguments, **named)
        self._dead = True
        self._end()


def faulty(
    system: System, fault: Fault | None = None, place: int = -1, end: Callable[[], NoReturn] = killed
) -> tuple[System, list[str]]:
    """A system one of whose calls meets with a fault, and the names of the calls that were made so far.

    Args:
        system: where calls go.
        fault: what befalls the call.
        place: which call it befalls, from 0; -1 for none.
        end: ends the process.
    """
    made = _Faulty(system, fault, place, end)
    return cast("System", made), made.calls
