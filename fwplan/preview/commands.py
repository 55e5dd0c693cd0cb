"""A plan as commands, one a line: for a shell, and for comparison with what libvirt runs."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Protocol

from fwplan.plan.plan import Backend
from fwplan.preview.removal import executable

if TYPE_CHECKING:
    from fwplan.plan.operations import Operation
    from fwplan.plan.plan import Plan


class Syntax(Protocol):
    """How the operations of a backend are written."""

    def command(self, operation: Operation, /) -> list[str]:
        """The command that does an operation."""

    def syntax(self, operation: Operation, /) -> tuple[str, str]:
        """Where an operation takes place, and what is there."""


def syntax_of(backend: Backend) -> Syntax:
    """The syntax of a backend; the other one is not imported."""
    match backend:
        case Backend.NFTABLES:
            from fwplan.preview import nftables_syntax  # noqa: PLC0415

            return nftables_syntax
        case Backend.IPTABLES:
            from fwplan.preview import iptables_syntax  # noqa: PLC0415

            return iptables_syntax


def commands(plan: Plan) -> str:
    """One command a line, quoted for a POSIX shell, in order; nothing for a plan without operations.

    Raises:
        NotExpressibleError: a command cannot say what an operation means.
    """
    syntax = syntax_of(plan.backend)
    return "".join(f"{shlex.join(syntax.command(operation))}\n" for operation in executable(plan).operations)
