"""Packets and what became of them, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.audit.owners import UNKNOWN
from fwplan.nft.rule_text import rule_text
from fwplan.simulate.outcome import RuleMet
from fwplan.trace.question import PROTOCOLS

if TYPE_CHECKING:
    from fwplan.audit.owners import Owner
    from fwplan.simulate.flow import Flow
    from fwplan.simulate.outcome import Refuse
    from fwplan.simulate.packet import Address, Packet
    from fwplan.trace.trace import Decided

_NAMES = {number: name for name, number in reversed(tuple(PROTOCOLS.items()))}
_ICMP_TYPES = {0: "echo reply", 8: "echo request", 128: "echo request", 129: "echo reply"}
_UNKNOWN = "?"
_NOT_SURE = "?"


def owner_words(owner: Owner) -> str:
    """Whose something is, with a question mark where that is a guess."""
    if owner.name == UNKNOWN:
        return "owner unknown"
    return owner.name if owner.is_sure else f"{owner.name}?"


def protocol_name(number: int | None) -> str:
    """nft's name of a transport protocol, or its number."""
    return _UNKNOWN if number is None else _NAMES.get(number, str(number))


def endpoint_words(address: Address | None, port: int | None, *, has_port: bool) -> str:
    """An address with its port: `198.51.100.7:443`, `[2001:db8::1]:53`."""
    if not has_port:
        return _UNKNOWN if address is None else str(address)
    where = _UNKNOWN if address is None else f"[{address}]" if address.version == 6 else str(address)
    return f"{where}:{_UNKNOWN if port is None else port}"


def ends_words(packet: Packet, *, has_ports: bool) -> str:
    """From where to where."""
    source = endpoint_words(packet.source, packet.source_port, has_port=has_ports)
    destination = endpoint_words(packet.destination, packet.destination_port, has_port=has_ports)
    return f"{source} → {destination}"


def packet_words(packet: Packet) -> str:
    """What kind of packet it is, and from where to where: `tcp, new, 192.168.122.10:50000 → 198.51.100.7:443`."""
    words = [protocol_name(packet.protocol)]
    if packet.icmp_type is not None:
        words = [f"{words[0]} {_ICMP_TYPES.get(packet.icmp_type, packet.icmp_type)}"]
    if packet.connection is not None and packet.connection.state is not None:
        words.append(packet.connection.state)
    if packet.mark:
        words.append(f"mark {packet.mark:#x}")
    words.append(ends_words(packet, has_ports=packet.destination_port is not None))
    return ", ".join(words)


def end_words(flow: Flow) -> str:
    """How a packet leaves the host, where that is not as it came."""
    has_ports = flow.sent.destination_port is not None
    before, after = ends_words(flow.sent, has_ports=has_ports), ends_words(flow.packet, has_ports=has_ports)
    if before == after:
        return ""
    return f", as {after}{' (? is not known)' if _UNKNOWN in after else ''}"


def refusal_words(who: str, refused: Refuse, decided: Decided | None, flow: Flow) -> str:
    """Why a packet does not get through, and what the sender learns."""
    if decided is None:
        by = f": there is no way to {flow.packet.destination}" if refused.told else ""
    elif isinstance(decided.by, RuleMet):
        rule = decided.by.rule
        by = f" by rule {decided.by.position + 1} of {rule.place} ({owner_words(decided.owner)}): {rule_text(rule)}"
    else:
        by = f" by the policy of {decided.by.chain.place} ({owner_words(decided.owner)})"
    return f"{who} is refused{by}. {_told(refused.told)}"


def _told(told: str) -> str:
    if told == _NOT_SURE:
        return "It is not known whether the sender is told."
    return f"The sender is told: {told}." if told else "The sender is told nothing."
