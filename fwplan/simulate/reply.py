"""The answer to a packet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fwplan.simulate.course import Bridged, Out, ToHost
from fwplan.simulate.packet import NO_INTERFACE, Connection, Packet

if TYPE_CHECKING:
    from fwplan.simulate.course import Course
    from fwplan.simulate.flow import Flow
    from fwplan.simulate.packet import Interface

_TCP = 6
_ECHO_REPLY = {8: 0, 128: 129}


def reply(found: Flow) -> Packet | None:
    """The answer to a packet that got through, as it comes to the host; None where it is not known whence."""
    packet = found.packet
    connection = packet.connection
    if connection is None or connection.reply is None or not isinstance(found.course, ToHost | Out | Bridged):
        return None
    back = connection.reply
    match found.course:
        case ToHost():
            interface: Interface | None = NO_INTERFACE
        case Out(out, port):
            interface = port or out
        case Bridged(port):
            interface = port
    answer = Packet(
        packet.family,
        interface,
        None,
        back.source,
        back.destination,
        packet.protocol,
        back.source_port,
        back.destination_port,
        connection=Connection(
            "established",
            "reply",
            None if connection.status is None else connection.status | {"seen-reply", "confirmed"},
            connection.mark,
            connection.original,
            connection.reply,
            connection.helper,
            connection.zone,
        ),
        type="host",
    )
    if packet.protocol == _TCP and packet.tcp_flags == frozenset({"syn"}):
        answer = replace(answer, tcp_flags=frozenset({"syn", "ack"}))
    if packet.icmp_type in _ECHO_REPLY:
        answer = replace(answer, icmp_type=_ECHO_REPLY[packet.icmp_type], icmp_code=0, icmp_id=packet.icmp_id)
    return answer


def way_back(came: Interface, course: Course | None, bridge: Interface | None) -> Course:
    """Where the answer to a packet goes: the way that the packet came by.

    Args:
        came: the interface by which it came; that without a name for a packet of the host's own.
        course: where it went; None where only IP has to say where the answer goes.
        bridge: whose port `came` is.
    """
    if not came.name:
        return ToHost()
    if isinstance(course, Bridged):
        return Bridged(came)
    return Out(came) if bridge is None else Out(bridge, came)
