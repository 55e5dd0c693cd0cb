"""The options that say how promises become rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fwplan.plan.plan import Backend, Layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

    from click.decorators import FC

OF_THE_HOST = "what the host has"
"""The default of commands that look at a host."""


def backend_option(help: str = "What carries the rules.", *, default: str | None = None) -> Callable[[FC], FC]:  # noqa: A002
    """The option for the backend.

    Args:
        help: what it is asked for.
        default: what happens without it, in words; nftables is the default where none are given.
    """
    return _choice("--backend", Backend.NFTABLES, help, default)


def layout_option(help: str = "How promises become rules.", *, default: str | None = None) -> Callable[[FC], FC]:  # noqa: A002
    """The option for the layout.

    Args:
        help: what it is asked for.
        default: what happens without it, in words; libvirt's is the default where none are given.
    """
    return _choice("--layout", Layout.LIBVIRT, help, default)


def _choice(name: str, usual: Enum, help: str, default: str | None) -> Callable[[FC], FC]:  # noqa: A002 - click's
    return click.option(
        name,
        type=click.Choice([each.value for each in type(usual)]),
        default=usual.value if default is None else None,
        show_default=True if default is None else default,
        help=help,
    )
