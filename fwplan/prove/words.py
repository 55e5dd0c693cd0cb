"""What came of a proof, in words: what becomes of packets, which rules do it, and how to ask a trace about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.audit.owners import owner_of_policy, owner_of_rule
from fwplan.nft.rule_text import rule_text
from fwplan.prove.ending import Kind
from fwplan.simulate.fib import address_of
from fwplan.simulate.outcome import ChainEnded, RuleMet
from fwplan.simulate.packet import NO_INTERFACE
from fwplan.trace.words import endpoint_words, owner_words, protocol_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.nft.ruleset import Ruleset
    from fwplan.prove.dimensions import Family
    from fwplan.prove.ending import Ending
    from fwplan.prove.prove import Treatment
    from fwplan.simulate.actions import Translate
    from fwplan.simulate.packet import Packet

FAMILY_NAMES: dict[Family, str] = {"ip": "IPv4", "ip6": "IPv6"}
_DECIDE = frozenset(("accept", "drop", "snat", "dnat", "masquerade", "redirect"))
_TRACED_FLAGS = {True: frozenset({"syn"}), False: frozenset({"ack"})}


@dataclass(frozen=True, slots=True)
class Decider:
    """A rule, or a policy, that has decided about a packet.

    Attributes:
        where: the chain, and the number of the rule in it.
        text: the rule, or the policy.
        owner: whose it is, with a question mark where that is a guess.
    """

    where: str
    text: str
    owner: str


def deciders(treatment: Treatment, ruleset: Ruleset) -> Iterator[Decider]:
    """The rules and policies that decided about a packet, in order."""
    for met in treatment.met:
        match met:
            case RuleMet(rule, position, verdict) if verdict.partition(" ")[0] in _DECIDE or "reject" in verdict:
                where = f"{rule.place}, rule {position + 1}"
                yield Decider(where, rule_text(rule), owner_words(owner_of_rule(ruleset, rule)))
            case ChainEnded(chain, "drop"):
                yield Decider(str(chain.place), "policy drop", owner_words(owner_of_policy(ruleset, chain)))
            case _:
                continue


def treatment_words(treatment: Treatment, packet: Packet) -> str:
    """What a ruleset makes of a packet: `passes under the host's address on eth0`."""
    return ", or ".join(sorted(_ending_words(each, packet) for each in treatment.endings))


def _ending_words(ending: Ending, packet: Packet) -> str:
    if ending.kind is Kind.REFUSED:
        return f"is refused, and the sender is told {ending.told}" if ending.told else "is dropped in silence"
    if ending.translate is not None:
        return f"passes under {_source_words(ending.translate, packet)}"
    is_first = packet.connection is not None and packet.connection.state == "new"
    return "passes, and its source stays" if is_first else "passes"


def _source_words(translate: Translate, packet: Packet) -> str:
    """The source that a packet gets."""
    if not translate.known:
        return "another source, which is not known"
    out = packet.out_interface
    words = f"the host's address{'' if out is None else f' on {out.name}'}"
    if translate.addresses is not None:
        first, last = (str(address_of(each, packet.family)) for each in translate.addresses)
        words = first if first == last else f"one of {first} to {last}"
    if translate.kind not in {"masquerade", "snat"}:
        words += f" ({translate.kind})"
    words += ", by netmap" if translate.netmap else ", the same for each source" if translate.persistent else ""
    if translate.ports is not None:
        first_port, last_port = translate.ports
        words += f", port {first_port}" if first_port == last_port else f", port {first_port} to {last_port}"
    return f"{words}, port at random" if translate.random else words


def interface_words(packet: Packet) -> str:
    """By which interfaces a packet comes and goes."""
    came, leaves = packet.in_interface, packet.out_interface
    begin = "sent by the host itself" if came is None or came == NO_INTERFACE else f"in by {came.name}"
    return begin if leaves is None else f"{begin}, out by {leaves.name}"


def trace_options(packet: Packet) -> list[str]:
    """The options with which `fwplan trace` is asked about a packet."""
    has_ports = packet.destination_port is not None
    source = endpoint_words(packet.source, packet.source_port, has_port=has_ports)
    destination = endpoint_words(packet.destination, packet.destination_port, has_port=has_ports)
    options = ["--from", source, "--to", f"{destination}/{protocol_name(packet.protocol)}"]
    came, leaves, connection = packet.in_interface, packet.out_interface, packet.connection
    if came is not None and came != NO_INTERFACE:
        options += ["--in-interface", came.name]
    if leaves is not None:
        options += ["--out-interface", leaves.name]
    if connection is not None and connection.state not in {None, "new"}:
        options += ["--state", str(connection.state)]
    if packet.mark:
        options += ["--mark", f"{packet.mark:#x}"]
    return options


def beyond_trace(packet: Packet) -> list[str]:
    """What is so of a packet and cannot be asked of a trace."""
    connection = packet.connection
    is_first = connection is not None and connection.state == "new"
    found = []
    if packet.tcp_flags is not None and packet.tcp_flags != _TRACED_FLAGS[is_first]:
        found.append(f"its TCP flags are {', '.join(sorted(packet.tcp_flags)) or 'none'}")
    if packet.icmp_type is not None and (packet.icmp_type, packet.icmp_code) not in {(8, 0), (128, 0)}:
        found.append(f"its ICMP type and code are {packet.icmp_type} and {packet.icmp_code}")
    if connection is not None and connection.direction == "reply":
        found.append("it goes the way of replies")
    if connection is not None and connection.status:
        found.append("the destination of its connection was translated")
    if packet.protocol is not None and protocol_name(packet.protocol).isdigit():
        found.append("its protocol has no name")
    return found
