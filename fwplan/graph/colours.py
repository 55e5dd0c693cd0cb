"""A colour for each owner: the same one in every picture, unless two would look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.audit.owners import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

_SLATE, _GREY = "#475569", "#8a94a3"
_USUAL = {
    "libvirt": "#2563eb",
    "fwplan": "#7c3aed",
    "Docker": "#0891b2",
    "firewalld": "#a16207",
    "ufw": "#ea580c",
    "Podman (netavark)": "#c026d3",
    "kube-proxy": "#4f46e5",
    "Incus": "#4d7c0f",
    "LXD": "#4d7c0f",
    "fail2ban": "#be185d",
    "iptables / administrator": _SLATE,
    "nftables.service / administrator": "#1f2937",
    UNKNOWN: _GREY,
}
_OTHERS = ("#0d9488", "#be185d", "#4f46e5", "#4d7c0f", "#c026d3", "#ea580c", "#a16207", "#0891b2", "#7c3aed", "#2563eb")


def colours(owners: Iterable[str]) -> dict[str, str]:
    """A colour for each of the owners, as `#rrggbb`."""
    found: dict[str, str] = {}
    left = list(owners)
    for owner in left:
        usual = _USUAL.get(owner)
        if usual is not None and usual not in found.values():
            found[owner] = usual
    for number, owner in enumerate(left):
        if owner not in found:
            free = [colour for colour in _OTHERS if colour not in found.values()]
            found[owner] = free[0] if free else _OTHERS[number % len(_OTHERS)]
    return {owner: found[owner] for owner in left}


def mixed(colour: str, with_colour: str, share: float) -> str:
    """A colour mixed with another, of which it keeps `share`."""
    parts = [
        round(int(colour[at : at + 2], 16) * share + int(with_colour[at : at + 2], 16) * (1 - share))
        for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)
