"""What becomes of a change after the run that made it: confirmed, or undone, also when that run was interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.errors import HostError
from fwplan.host.executor import revert

if TYPE_CHECKING:
    from fwplan.host.state import State
    from fwplan.host.system import System


def recover(system: System, state: State) -> str | None:
    """Complete what an earlier run left: undo a change that was interrupted, or that nobody confirmed in time.

    Returns:
        What happened, for people; None when nothing was left.

    Raises:
        HostError: it cannot be completed.
    """
    journal = state.journal()
    if journal is not None:
        revert(system, state, journal)
        return f"an earlier run was interrupted in '{journal.what}': what it had done is undone"
    pending = state.pending()
    if pending is not None and pending.deadline is not None and pending.deadline <= system.now():
        revert(system, state, pending)
        return f"'{pending.what}' was not confirmed in time: it is undone"
    return None


def refuse_while_pending(system: System, state: State) -> None:
    """See that no change awaits its confirmation: another one on top of it could not be undone on its own.

    Raises:
        HostError: one does.
    """
    pending = state.pending()
    if pending is not None and pending.deadline is not None:
        left = max(pending.deadline - system.now(), 0)
        raise HostError(
            f"'{pending.what}' awaits its confirmation, for {left:.0f} seconds more: "
            "keep it with `fwplan confirm`, or undo it with `fwplan confirm --undo`"
        )


def confirm(state: State) -> str | None:
    """Keep the change that awaits its confirmation.

    Returns:
        The change, in words; None when none awaits it.

    Raises:
        HostError: fwplan's files cannot be read or written.
    """
    pending = state.pending()
    if pending is None:
        return None
    state.set_pending(None)
    return pending.what


def undo_pending(system: System, state: State) -> str | None:
    """Undo the change that awaits its confirmation.

    Returns:
        The change, in words; None when none awaits it.

    Raises:
        HostError: it cannot be undone.
    """
    pending = state.pending()
    if pending is None:
        return None
    revert(system, state, pending)
    return pending.what
