"""The formats of a preview, and which backend each of them is for.

What only one format needs is imported when it is asked for: start-up is something that users feel.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from fwplan.errors import NotExpressibleError
from fwplan.plan.plan import Backend
from fwplan.preview.commands import commands
from fwplan.preview.explained import explained
from fwplan.preview.layout import DEFAULT_WIDTH, plain

if TYPE_CHECKING:
    from fwplan.plan.plan import Plan


class Format(enum.Enum):
    """How a plan is written."""

    TEXT = "text"
    COMMANDS = "commands"
    NFT = "nft"
    JSON = "json"
    RESTORE = "restore"

    @property
    def backend(self) -> Backend | None:
        """The backend that the format is for; None for both."""
        match self:
            case Format.TEXT | Format.COMMANDS:
                return None
            case Format.NFT | Format.JSON:
                return Backend.NFTABLES
            case Format.RESTORE:
                return Backend.IPTABLES


def render(plan: Plan, format: Format = Format.TEXT, *, width: int = DEFAULT_WIDTH) -> str:  # noqa: A002 - the field's word
    """Write a plan.

    Args:
        plan: what to write.
        format: how.
        width: columns of explained text; other formats are not broken.

    Raises:
        NotExpressibleError: the format's grammar cannot say what the plan means, or is for another backend.
    """
    if format.backend not in {None, plan.backend}:
        raise NotExpressibleError(f"format '{format.value}' is not for backend '{plan.backend.value}'")
    match format:
        case Format.TEXT:
            return plain(explained(plan, width))
        case Format.COMMANDS:
            return commands(plan)
        case Format.NFT:
            from fwplan.preview.nft_script import nft_script  # noqa: PLC0415

            return nft_script(plan)
        case Format.JSON:
            from fwplan.preview.nft_json import nft_json  # noqa: PLC0415

            return nft_json(plan)
        case Format.RESTORE:
            from fwplan.preview.restore import restore_file  # noqa: PLC0415

            return restore_file(plan)
