"""What is said of a packet of which less is given: it may be less, and must not be something else."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from kernel_cases import tracked_as

from fwplan.simulate.flow import flow
from fwplan.simulate.outcome import Undecided
from fwplan.simulate.packet import Packet

if TYPE_CHECKING:
    from kernel_cases import Host
    from strategies_packets import Sending

    from fwplan.simulate.outcome import Verdict

_MAY_LACK = [
    field.name
    for field in fields(Packet)
    if field.name not in {"family", "in_interface", "vlan", "fragment_offset", "more_fragments"}
]


def is_possible(known: Verdict, less: Verdict) -> bool:
    """Whether a verdict that knows less does not contradict one that knows all."""
    if isinstance(less, Undecided):
        return isinstance(known, Undecided) or type(known) in {type(each) for each in less.possible}
    return type(known) is type(less)


def check_less_known(host: Host, sending: Sending, data: st.DataObject, rules: object) -> None:
    """Hold what is said of a packet against what is said where some of it is not given."""
    packet, course = host.packet(sending, tracked_as(sending.datagram)), host.course(sending)
    known = flow(host.simulator, packet, course)
    lacking = data.draw(st.lists(st.sampled_from(_MAY_LACK), min_size=1, max_size=3, unique=True))
    nothing: dict[str, Any] = dict.fromkeys(lacking)
    less = flow(host.simulator, replace(packet, **nothing), course)
    assert is_possible(known.verdict, less.verdict), (rules, packet, lacking, known.verdict, less.verdict)
