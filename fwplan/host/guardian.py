"""The process that undoes what nobody confirms: `python -m fwplan.host.guardian FOLDER DEADLINE`.

It is started before the change is made, and outlives the process that makes it, the terminal and the connection.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fwplan.errors import HostError
from fwplan.host.recovery import recover
from fwplan.host.state import State
from fwplan.host.system import System

_POLL = 0.5
_PATIENCE = 60.0
"""Seconds: how long a run of fwplan that is at work at the deadline may take to end."""


def guard(system: System, state: State, deadline: float) -> None:
    """Wait for the deadline, or for the change to be confirmed or undone, and undo what is left.

    Raises:
        HostError: the change could not be undone; the next run of fwplan tries again.
    """
    seen = False
    while system.now() < deadline:
        waiting = (pending := state.pending()) is not None and pending.deadline == deadline
        if seen and not waiting:
            return
        seen = waiting
        system.sleep(min(_POLL, max(deadline - system.now(), 0)))
    with state.locked("undo what was not confirmed", _PATIENCE, lambda _: None):
        recover(system, state)


def main() -> int:
    """Guard as the command line says; nobody reads what this process prints."""
    folder, deadline = sys.argv[1:]
    system = System()
    try:
        guard(system, State(system, Path(folder)), float(deadline))
    except HostError:
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
