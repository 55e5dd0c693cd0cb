"""The host that a command looks at: the one that it runs on, or one that was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from click.decorators import FC

    from fwplan.audit.observation import Observation


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


def start_observing(saved: Sequence[str], of_interfaces: Sequence[str] | None = None) -> Callable[[], Observation]:
    """Begin to look at the host, or to read what was saved of one.

    A host is looked at in the background: nft needs most of a second to list 10,000 rules, and no Python meanwhile.
    What a command imports only after this, it imports meanwhile.

    Args:
        saved: files; none for the host itself.
        of_interfaces: the settings that are looked at for each interface; None for all that an audit asks for.

    Returns:
        The function that gives what was seen.

        Raises UnreadableError if a file cannot be read or is none of those, HostError if the host cannot be looked at.
    """
    if saved:
        return lambda: _read(saved)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only a live host needs it

    from fwplan.host.collect import collect  # noqa: PLC0415
    from fwplan.host.system import System  # noqa: PLC0415

    executor = ThreadPoolExecutor(1)
    seen = executor.submit(collect, System(), of_interfaces)
    executor.shutdown(wait=False)
    return lambda: _seen(seen.result())


def _read(saved: Sequence[str]) -> Observation:
    from fwplan.files import load_host  # noqa: PLC0415 - a live host needs no file

    return load_host(*saved)


def _seen(bundle: dict[str, Any]) -> Observation:
    from fwplan.audit.read_observation import observation_of  # noqa: PLC0415 - it is looked at meanwhile

    return observation_of(bundle)
