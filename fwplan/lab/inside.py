"""The process inside, `python -m fwplan.lab.inside`: it reads an assignment, and writes the results of all probes.

Before it reads anything it goes into namespaces of its own. When the process that started it ends, the kernel ends it,
and with it go all that it has started and made.
"""

from __future__ import annotations

import os
import pickle
import resource
import sys
import traceback
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from fwplan.errors import FwplanError, HostError
from fwplan.lab.assignment import Failure
from fwplan.lab.namespaces import SCRATCH, NotPermittedError, die_with_parent, leave_the_machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fwplan.host.system import System
    from fwplan.lab.assignment import Assignment
    from fwplan.lab.exchange import Exchange
    from fwplan.lab.probes import Probe
    from fwplan.lab.rehearsal import Result

_AT_ONCE = 200
"""Probes that are under way together; each takes two or three descriptors."""

_QUIET = (0.03, 0.2, 0.5)
"""Seconds of quiet at the end of the first try, and of those for what turned out otherwise than promised."""


def main() -> int:
    """Be the process inside, or its keeper: the first child inside is process 1 there, whose end ends all others."""
    try:
        leave_the_machine()
    except NotPermittedError as error:
        _answer(Failure(str(error), not_permitted=True))
        return 2
    die_with_parent()
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    die_with_parent()
    answer = _worked()
    # Where nobody wants to know any more, there is nothing to be said.
    with suppress(BrokenPipeError):
        if answer is not None:
            _answer(answer)
    return 0


def _worked() -> tuple[Result, ...] | Failure | None:
    """What came of it; None where nobody asks."""
    try:
        # What takes long to import comes while the other side reads its files.
        from fwplan.lab import build, exchange  # noqa: F401, PLC0415

        assignment = _assignment()
        return None if assignment is None else _rehearse(assignment)
    except FwplanError as error:
        return Failure(str(error))
    except Exception:  # noqa: BLE001 - the other side tells, whatever it is
        return Failure(f"the lab failed:\n{traceback.format_exc()}")


def _assignment() -> Assignment | None:
    with suppress(EOFError):
        # From the process that started this one, by a pipe of the two.
        assignment: Assignment = pickle.load(sys.stdin.buffer)  # noqa: S301
        return assignment
    return None


def _answer(answer: tuple[Result, ...] | Failure) -> None:
    pickle.dump(answer, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _rehearse(assignment: Assignment) -> tuple[Result, ...]:
    from fwplan.host.system import System  # noqa: PLC0415
    from fwplan.lab.build import Built  # noqa: PLC0415
    from fwplan.lab.exchange import Exchange  # noqa: PLC0415

    _allow_many_descriptors()
    # Debian keeps nft's and iptables' programs where only root's PATH looks.
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    os.environ["XTABLES_LOCKFILE"] = str(SCRATCH / "xtables.lock")
    # Nothing here is the business of the machine's own services.
    os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={SCRATCH / 'no-bus'}"
    built = Built(assignment.world)
    system = System()
    if assignment.beside:
        _load_beside(assignment.beside)
    _apply(system, assignment)
    return _results(assignment, Exchange(assignment.world, built))


def _allow_many_descriptors() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _load_beside(script: str) -> None:
    import nftables  # noqa: PLC0415 - loads a library, which only this needs

    status, _, errors = nftables.Nftables().cmd(script)
    if status != 0:
        raise HostError(f"the rules of others cannot be loaded: {errors.strip()}")


def _apply(system: System, assignment: Assignment) -> None:
    """Do what `fwplan apply` does."""
    from fwplan.host.executor import bring  # noqa: PLC0415
    from fwplan.host.goal import goal_of_apply  # noqa: PLC0415
    from fwplan.host.preconditions import preconditions  # noqa: PLC0415
    from fwplan.host.state import State  # noqa: PLC0415
    from fwplan.host.zones import ZonePolicy  # noqa: PLC0415

    plan = assignment.plan
    state = State(system, SCRATCH / "fwplan")
    with state.locked("fwplan rehearse", 0, lambda _: None):
        interfaces = system.interfaces()
        missing = preconditions(system, plan, interfaces, zones=ZonePolicy.OFF).missing
        if missing:
            raise HostError("the plan cannot be applied in the lab:\n" + "\n".join(f"  {each}" for each in missing))
        bring(system, state, goal_of_apply(plan, state.applied(), interfaces))


def _results(assignment: Assignment, exchange: Exchange) -> tuple[Result, ...]:
    """Send all probes, and what turned out otherwise than promised again: slowness is no refusal."""
    from fwplan.lab.rehearsal import judged  # noqa: PLC0415

    results: dict[int, Result] = {}
    left = assignment.probes
    for quiet in _QUIET:
        for batch in _batches(left):
            outcomes = exchange.run(batch, quiet)
            for probe in batch:
                promise = assignment.promises[probe.number]
                results[probe.number] = judged(assignment.world, probe, promise, outcomes[probe.number])
        left = tuple(probe for probe in left if results[probe.number].different)
    return tuple(results[probe.number] for probe in assignment.probes)


def _batches(probes: Iterable[Probe]) -> Iterator[list[Probe]]:
    """Probes that can be under way together: the host sends to groups from the ports of its own services."""
    to_one: list[Probe] = []
    to_many: list[Probe] = []
    for probe in probes:
        (to_many if probe.receiver is None else to_one).append(probe)
    for kind in (to_one, to_many):
        remaining = iter(kind)
        while batch := list(islice(remaining, _AT_ONCE)):
            yield batch


if __name__ == "__main__":
    sys.exit(main())
