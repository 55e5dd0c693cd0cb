"""The hosts of tests/rulesets: what was seen of each, and what packets truly did there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

from fwplan.plan.plan import Backend

ROOT = Path(__file__).parent / "rulesets"

DEFINITION = b"""<network>
  <name>default</name>
  <forward mode='nat'/>
  <bridge name='virbr0'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp>
  </ip>
</network>
"""
"""The network that all of them have."""


@dataclass(frozen=True)
class SavedHost:
    """A host of a fixture: `docker/libvirt-nftables`."""

    folder: Path

    def __str__(self) -> str:
        return str(self.folder.relative_to(ROOT))

    @cached_property
    def truth(self) -> dict[str, Any]:
        """What packets did."""
        return self._read("truth.json")

    @property
    def backend(self) -> Backend:
        """What carries libvirt's rules on it."""
        return Backend(self.truth["rules of libvirt"])

    @cached_property
    def bundle(self) -> dict[str, Any]:
        """What `fwplan collect` would have written there."""
        host = self._read("host.json")
        found: dict[str, Any] = {
            "fwplan": 1,
            "collected": "2026-01-01T00:00:00+00:00",
            "looked_at": ["addresses", "ip6tables", "iptables", "nftables", "routes", "settings"],
            "nftables": self._read("ruleset.json"),
            "settings": host["settings"],
            "addresses": [_link(interface) for interface in host["interfaces"]],
            "routes": {
                "ip": [route for route in host["routes"] if ":" not in route["dst"]],
                "ip6": [route for route in host["routes"] if ":" in route["dst"]],
            },
        }
        for program in ("iptables", "ip6tables"):
            file = self.folder / f"{program}.save"
            if file.exists():
                text = file.read_text(encoding="utf-8")
                found[f"{program}-{'nft' if 'nf_tables' in text else 'legacy'}-save"] = text
        return found

    def _read(self, name: str) -> dict[str, Any]:
        document = json.loads((self.folder / name).read_text(encoding="utf-8"))
        assert isinstance(document, dict)
        return document


def _link(interface: dict[str, Any]) -> dict[str, Any]:
    """An interface as `ip -j -d address show` prints it."""
    flags = ["UP", "LOWER_UP"] if interface["up"] else []
    return {
        "ifindex": interface["index"],
        "ifname": interface["name"],
        "flags": flags,
        "operstate": "UP" if interface["up"] else "DOWN",
        "linkinfo": {"info_kind": interface["kind"]},
        "master": interface["bridge"],
        "link_type": "loopback" if interface["name"] == "lo" else "ether",
        "group": "default",
        "addr_info": [
            {"local": str(address.ip), "prefixlen": address.network.prefixlen}
            for address in map(ip_interface, interface["addresses"])
        ],
    }


SAVED_HOSTS = tuple(SavedHost(truth.parent) for truth in sorted(ROOT.glob("*/libvirt-*/truth.json")))
"""All of them that have libvirt's rules."""
HOSTS_WITHOUT_LIBVIRT = tuple(SavedHost(truth.parent) for truth in sorted(ROOT.glob("*/alone/truth.json")))
"""Those that have the network, and no rule of libvirt's."""
