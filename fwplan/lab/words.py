"""Probes in words: what was sent, what was promised, what became of it, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.lab.matrix import Reach, got_of, promised_of
from fwplan.lab.probes import Kind
from fwplan.lab.promised import Part
from fwplan.preview.comment import one_line
from fwplan.preview.layout import Line, Piece, Style, paragraph, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.lab.rehearsal import Rehearsal, Result
    from fwplan.lab.world import World
    from fwplan.network.addressing import Address

SIGNS = {Reach.ANSWERED: "✓", Reach.ARRIVES: "→", Reach.REFUSED: "✗", Reach.SILENT: "…"}

_WORDS = {
    Reach.ANSWERED: "it arrives, and the answer comes back",
    Reach.ARRIVES: "it arrives, and no answer comes back",
    Reach.REFUSED: "it is refused",
    Reach.SILENT: "it does not arrive, and nobody is told",
}


def in_words(rehearsal: Rehearsal, results: Iterable[Result], width: int) -> list[Line]:
    """Each result in words, those of which the same is to be said together."""
    world = rehearsal.world
    groups: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for result in results:
        alike = groups.setdefault((_promised(world, result), _got(world, result), _why(result)), {})
        alike.setdefault(_sent(world, result), []).append(result.probe.transport.upper())
    lines: list[Line] = []
    for (promised, got, why), alike in groups.items():
        for sent, transports in alike.items():
            lines += paragraph(f"{sent}, {', '.join(transports)}", width, Style.HEADING)
        lines += paragraph(f"promised: {promised}", width, indent=2)
        lines += paragraph(f"became: {got}", width, Style.DELETED, indent=2)
        lines += [(Piece("  "), Piece(f"# {line}", Style.REASON)) for line in wrap(why, width - len("  # "))]
        lines.append(())
    return lines


def listed(rehearsal: Rehearsal, width: int) -> list[Line]:
    """Every probe: what became of it, the transport, and from where to where."""
    lines: list[Line] = []
    for result in rehearsal.results:
        probe = result.probe
        reach, _ = got_of(rehearsal.world, result)
        source_port, destination_port = probe.ports or (None, None)
        way = f"{_endpoint(probe.source, source_port)} to {_endpoint(probe.destination, destination_port)}"
        text = f"{SIGNS[reach]} {probe.transport.upper()} from {way}, {_sent(rehearsal.world, result)}"
        seen = dict.fromkeys(_endpoint(heard.source, heard.port) for heard in result.outcome.heard)
        if seen:
            text += f"; seen from {', '.join(seen)}"
        first, *rest = wrap(text, width)
        style = Style.DELETED if rehearsal.is_an_error(result) else Style.PLAIN
        lines.append((Piece(first, style),))
        lines += paragraph(" ".join(rest), width, style, indent=4) if rest else []
    return lines


def _endpoint(address: Address, port: int | None) -> str:
    if port is None:
        return str(address)
    return f"{address}:{port}" if address.version == 4 else f"[{address}]:{port}"


def _name(world: World, machine: int) -> str:
    return one_line(world.machines[machine].name)


def _sent(world: World, result: Result) -> str:
    """Who sent it, to whom."""
    probe = result.probe
    sender = _name(world, probe.sender)
    if probe.receiver is None:
        interface = one_line(world.segments[probe.segment].interface)
        return f"{sender} → {probe.kind.value} to {probe.destination} on {interface}"
    receiver = _name(world, probe.receiver)
    match probe.kind:
        case Kind.SPOOFED:
            return f"{sender}, under the source {probe.source} → {receiver}, {probe.family.value}"
        case Kind.BY_THE_HOST:
            return f"{sender} → {receiver} by way of the host, {probe.family.value}"
        case Kind.SERVICE:
            return f"{sender} → {probe.subject} on {receiver}, {probe.family.value}"
        case _:
            return f"{sender} → {receiver}, {probe.family.value}"


def _promised(world: World, result: Result) -> str:
    promise = result.promise
    reach, source = promised_of(world, result)
    text = _comes(result, reach)
    if result.probe.receiver is None:
        text = f"heard by {_all_of(world, promise.hearers)}"
    if promise.appearance is None or Part.SOURCE not in result.different:
        return text
    first, last = promise.appearance.ports or (None, None)
    return text + _under(source, f"{first}" if first == last else f"{first} to {last}")


def _got(world: World, result: Result) -> str:
    heard, probe = result.outcome.heard, result.probe
    reach, _ = got_of(world, result)
    text = _comes(result, reach)
    if probe.receiver is None or {each.machine for each in heard} - {probe.receiver}:
        text = f"heard by {_all_of(world, {each.machine for each in heard})}"
    if Part.SOURCE not in result.different:
        return text
    sources = ", ".join(dict.fromkeys(str(each.source) for each in heard))
    return text + _under(sources, ", ".join(dict.fromkeys(str(each.port) for each in heard)))


def _comes(result: Result, reach: Reach) -> str:
    return _WORDS[reach] if result.probe.asks or reach in {Reach.REFUSED, Reach.SILENT} else "it arrives"


def _under(source: str, ports: str) -> str:
    return f", under {source or 'its own address'}" + ("" if ports == "None" else f", source port {ports}")


def _all_of(world: World, machines: Iterable[int]) -> str:
    return ", ".join(_name(world, machine) for machine in sorted(machines)) or "nobody"


def _why(result: Result) -> str:
    """The promises that are broken."""
    reasons = dict.fromkeys(result.promise.reasons.get(part) for part in result.different)
    return "; ".join(
        "no promise is about it: it would pass, and as it is" if reason is None else one_line(reason.reason)
        for reason in reasons
    )
