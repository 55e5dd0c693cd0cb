"""The hosts of `tests/rulesets` as `fwplan collect` would have saved them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fwplan.audit.read_observation import observation_of

if TYPE_CHECKING:
    from fwplan.audit.observation import Observation

FOLDER = Path(__file__).parent / "rulesets"
VARIANTS = [place.parent for place in sorted(FOLDER.glob("*/*/truth.json"))]


def named(place: Path) -> str:
    """What a variant is called: `docker/libvirt-nftables`."""
    return str(place.relative_to(FOLDER))


def flows(variant: Path) -> list[dict[str, Any]]:
    """The packets that were really sent, and what became of them."""
    found = json.loads((variant / "truth.json").read_text(encoding="utf-8"))["flows"]
    assert isinstance(found, list)
    return found


def observed(variant: Path) -> Observation:
    """A host, with all that was saved of it."""
    host = json.loads((variant / "host.json").read_text(encoding="utf-8"))
    return observation_of(
        {
            "nftables": (variant / "ruleset.json").read_text(encoding="utf-8"),
            "settings": host["settings"],
            "addresses": [_link(interface) for interface in host["interfaces"]],
            "routes": {"ip": host["routes"], "ip6": []},
            **dict(_saves(variant)),
        }
    )


def _link(interface: dict[str, Any]) -> dict[str, Any]:
    """An interface as `ip -j -d address show` lists it."""
    return {
        "ifindex": interface["index"],
        "ifname": interface["name"],
        "link_type": "loopback" if interface["name"] == "lo" else "ether",
        **({"linkinfo": {"info_kind": interface["kind"]}} if interface["kind"] else {}),
        **({"master": interface["bridge"]} if interface["bridge"] else {}),
        "addr_info": [
            {"local": address, "prefixlen": int(length)}
            for address, _, length in (each.partition("/") for each in interface["addresses"])
        ],
    }


def _saves(variant: Path) -> list[tuple[str, str]]:
    found = []
    for program in ("iptables", "ip6tables"):
        file = variant / f"{program}.save"
        if file.exists():
            text = file.read_text(encoding="utf-8")
            kind = "nft" if "(nf_tables)" in text.partition("\n")[0] else "legacy"
            found.append((f"{program}-{kind}-save", text))
    return found
