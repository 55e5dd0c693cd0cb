"""What networks are, in writing: for people, and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fwplan.network.modes import Kind
from fwplan.preview.comment import one_line
from fwplan.preview.layout import Line, Piece, Style, columns, paragraph

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fwplan.network.explanation import Explanation

SHAPE = 1
"""Version of the JSON; it grows when a field changes its meaning or goes."""

_LABEL_WIDTH = 13


def explanation_lines(explanations: Sequence[Explanation], width: int) -> list[Line]:
    """The explanations as lines of at most `width` columns."""
    lines: list[Line] = []
    for explanation in explanations:
        if lines:
            lines.append(())
        lines += _lines(explanation, width)
    return lines


def _lines(explanation: Explanation, width: int) -> list[Line]:
    lines: list[Line] = [(Piece(f"network {one_line(explanation.network.name)}", Style.HEADING),)]
    for label, text in _facts(explanation):
        left: list[Line] = [(Piece(f"  {label}", Style.PROMISE),)]
        lines += columns(left, paragraph(one_line(text), width - _LABEL_WIDTH), _LABEL_WIDTH)
    return lines


def _facts(explanation: Explanation) -> Iterator[tuple[str, str]]:
    network = explanation.network
    meaning = network.meaning
    yield "kind", meaning.kind.value
    yield "mode", f"{network.mode.value if network.forward is not None else 'isolated'}: {meaning.summary}"
    yield "bridge", _bridge(explanation)
    if network.ips:
        yield "addresses", ", ".join(f"{ip.address}/{ip.prefix_length}" for ip in network.ips)
    if explanation.devices:
        yield "devices", ", ".join(explanation.devices)
    elif meaning.forwards:
        yield "devices", "any: traffic leaves by whichever device the host routes it to"
    yield "services", _services(explanation)
    yield "filtered", _filtered(explanation)


def _bridge(explanation: Explanation) -> str:
    maker = explanation.network.meaning.bridge
    if explanation.bridge is None:
        return maker
    chosen = ", and chooses the name" if explanation.bridge_is_chosen else ""
    return f"{explanation.bridge}: {maker}{chosen}"


def _services(explanation: Explanation) -> str:
    served = [
        name
        for name, is_served in (
            ("DHCP", explanation.serves_dhcp),
            ("DNS", explanation.serves_dns),
            ("TFTP", explanation.serves_tftp),
        )
        if is_served
    ]
    if served:
        return f"{', '.join(served)}, by libvirt's dnsmasq on the bridge"
    if explanation.network.kind is not Kind.MANAGED:
        return "none: libvirt serves only bridges that it makes"
    return "none: the bridge has no address" if not explanation.network.ips else "none: the definition asks for none"


def _filtered(explanation: Explanation) -> str:
    network = explanation.network
    meaning = network.meaning
    if not meaning.filtered:
        return f"no: {meaning.why_unfiltered}"
    how = "with source NAT" if meaning.source_nat else "without NAT"
    return f"yes, {how}: `fwplan plan` lists the rules" if meaning.forwards else "yes: nothing is forwarded"


def explanation_json(explanations: Sequence[Explanation]) -> str:
    """The explanations as JSON."""
    document = {"fwplan": SHAPE, "networks": [_document(explanation) for explanation in explanations]}
    return f"{json.dumps(document, indent=2, ensure_ascii=False)}\n"


def _document(explanation: Explanation) -> dict[str, Any]:
    network = explanation.network
    meaning = network.meaning
    return {
        "name": network.name,
        "kind": meaning.kind.value,
        "mode": network.mode.value if network.forward is not None else "isolated",
        "summary": meaning.summary,
        "bridge": {
            "name": explanation.bridge,
            "maker": meaning.bridge,
            "chosen_by_libvirt": explanation.bridge_is_chosen,
        },
        "addresses": [
            {"address": str(ip.address), "prefix": ip.prefix_length, "subnet": str(ip.subnet)} for ip in network.ips
        ],
        "devices": list(explanation.devices),
        "services": {
            "dhcp": explanation.serves_dhcp,
            "dns": explanation.serves_dns,
            "tftp": explanation.serves_tftp,
        },
        "filtered": meaning.filtered,
        "source_nat": meaning.source_nat,
        "why_unfiltered": meaning.why_unfiltered or None,
    }
