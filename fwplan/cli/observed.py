"""The host that a command looks at: the one that it runs on, or one that was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fwplan.audit.read_observation import observation_of, read_observation
from fwplan.errors import UnreadableError
from fwplan.files import read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from click.decorators import FC

    from fwplan.audit.observation import Observation

_LARGEST = 512 * 1024 * 1024
"""Bytes of a saved host: ten times what 100,000 rules take."""


def ruleset_option(function: FC) -> FC:
    """The option that names what was saved of a host."""
    option: Callable[[FC], FC] = click.option(
        "--ruleset",
        "saved",
        metavar="SAVED",
        multiple=True,
        type=click.Path(),
        help="Look at a saved host instead of this one: a file of `fwplan collect`, or what `nft -j -a list ruleset`, "
        "`iptables-save` or `ip6tables-save` printed. May be given several times; '-' is standard input.",
    )
    return option(function)


def start_observing(saved: Sequence[str]) -> Callable[[], Observation]:
    """Begin to look at the host, or to read what was saved of one.

    A host is looked at in the background: nft needs most of a second to list 10,000 rules, and no Python meanwhile.

    Returns:
        The function that gives what was seen.

        Raises UnreadableError if a file cannot be read or is none of those, HostError if the host cannot be looked at.
    """
    if saved:
        return lambda: read_observation([(name, _content(name)) for name in saved])
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only a live host needs it

    from fwplan.host.collect import collect  # noqa: PLC0415
    from fwplan.host.system import System  # noqa: PLC0415

    executor = ThreadPoolExecutor(1)
    seen = executor.submit(collect, System())
    executor.shutdown(wait=False)
    return lambda: observation_of(seen.result())


def _content(name: str) -> bytes:
    content = read_bytes(name, _LARGEST)
    if len(content) > _LARGEST:
        raise UnreadableError(f"{name} is larger than {_LARGEST >> 20} MiB")
    return content
