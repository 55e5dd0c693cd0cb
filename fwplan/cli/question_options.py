"""The options that ask about one packet, made one value."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, get_args

import click

from fwplan.cli.definitions import trouble
from fwplan.errors import FwplanError, UnreadableError
from fwplan.network.interface_name import interface_name_fault
from fwplan.simulate.packet import State
from fwplan.trace.question import Question, read_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

_HIGHEST_MARK = (1 << 32) - 1


class _Mark(click.ParamType[int]):
    """A number as nft lists marks, 0x1, or a decimal one."""

    name = "number"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        try:
            number = value if isinstance(value, int) else int(value, 0)
        except ValueError:
            number = -1
        if not 0 <= number <= _HIGHEST_MARK:
            self.fail(f"{value!r} is no number of 32 bits, such as 0x10", param, ctx)
        return number


_OPTIONS = (
    click.option("--from", "source", metavar="END", required=True, help="Who sends the packet, and from which port."),
    click.option(
        "--to", "destination", metavar="END", required=True, help="To whom, to which port, and of which protocol."
    ),
    click.option(
        "--state",
        type=click.Choice(get_args(State)),
        default="new",
        show_default=True,
        help="What connection tracking makes of the packet.",
    ),
    click.option("--mark", type=_Mark(), metavar="NUMBER", default=0, help="The mark that it has, such as 0x10."),
    click.option("--in-interface", metavar="NAME", help="By which interface it comes in.  [default: as the ends tell]"),
    click.option("--out-interface", metavar="NAME", help="By which it leaves.  [default: as routes and the ends tell]"),
    click.option("-6", "ipv6", is_flag=True, help="A packet of IPv6, where the ends leave that open."),
)


def question_options(function: Callable[..., None]) -> Callable[..., None]:
    """The options that ask about one packet; the command gets them as `question`."""

    @functools.wraps(function)
    def asked(
        *arguments: Any,  # noqa: ANN401 - the command's own
        source: str,
        destination: str,
        state: State,
        mark: int,
        in_interface: str | None,
        out_interface: str | None,
        ipv6: bool,
        **others: Any,  # noqa: ANN401 - the command's own
    ) -> None:
        try:
            ends = read_endpoint(source), read_endpoint(destination)
            for name in (in_interface, out_interface):
                fault = None if name is None else interface_name_fault(name)
                if fault is not None:
                    raise UnreadableError(f"{name!r} is no name of an interface: it {fault}")
        except FwplanError as error:
            trouble(error)
        else:
            question = Question(*ends, state, mark, in_interface, out_interface, 6 if ipv6 else None)
            function(*arguments, question=question, **others)

    for option in reversed(_OPTIONS):
        asked = option(asked)
    return asked
