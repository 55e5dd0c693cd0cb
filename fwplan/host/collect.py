"""What a host shows of itself to an audit, as the parts of a bundle; nothing is changed."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fwplan.errors import HostError
from fwplan.host.iptables import can_fill_checksums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.host.system import System

HOST_SETTINGS = (
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.forwarding",
    "net.ipv4.conf.all.rp_filter",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.bridge.bridge-nf-filter-vlan-tagged",
)
"""Settings of the kernel that bear on every network."""

INTERFACE_SETTINGS = ("net.ipv4.conf.{}.rp_filter", "net.ipv4.conf.{}.forwarding", "net.ipv6.conf.{}.forwarding")
"""Those that each interface has; `{}` is its name, with `/` for a dot in it, as sysctl(8) has it."""

_IN_USE = {"iptables": Path("/proc/net/ip_tables_names"), "ip6tables": Path("/proc/net/ip6_tables_names")}
"""The tables of iptables-legacy that a family has."""
_TABLE_OF_IPTABLES = re.compile(r'"table": *{"family": *"(ip6?)", *"name": *"(?:filter|nat|mangle|raw|security)"')
"""A table of nftables that is one of iptables-nft, or has its name."""
_FAMILIES = {"iptables": "ip", "ip6tables": "ip6"}


def collect(system: System) -> dict[str, Any]:
    """Look at a host.

    Returns:
        The parts of a bundle, by name; what `nft` lists as text.

    Raises:
        HostError: nftables cannot be read.
    """
    with ThreadPoolExecutor(1) as executor:
        # nft needs most of a second to list 10,000 rules: the rest is looked at meanwhile
        listing = executor.submit(system.list_ruleset)
        addresses = _listed(system, "ip", "-j", "-d", "address", "show")
        names = [link["ifname"] for link in addresses or () if "ifname" in link]
        others: dict[str, Any] = {
            "addresses": addresses,
            "routes": {
                "ip": _listed(system, "ip", "-j", "-4", "route", "show"),
                "ip6": _listed(system, "ip", "-j", "-6", "route", "show"),
            },
            "settings": _settings(system, names),
        }
        nftables = listing.result()
    saves = _saves(system, nftables)
    parts = {"nftables": nftables, **saves, "kernel": _kernel(system, saves), **others}
    return {name: part for name, part in parts.items() if part is not None}


def _saves(system: System, nftables: str) -> dict[str, str]:
    """What iptables has, by the program that printed it; each is only asked where it has anything."""
    saves = {}
    families = set(_TABLE_OF_IPTABLES.findall(nftables))
    for program, names in _IN_USE.items():
        ways = []
        if (system.read(names) or b"").strip():
            ways.append(f"{program}-legacy-save")
        if _FAMILIES[program] in families:
            ways.append(f"{program}-nft-save")
        for way in ways:
            command = way if system.has_program(way) else f"{program}-save"
            if system.has_program(command):
                done = system.run([command, "-c"])
                if done.status == 0:
                    saves[way] = done.output
    return saves


def _kernel(system: System, saves: Mapping[str, str]) -> dict[str, bool] | None:
    """What the kernel can do; None where that bears on nothing."""
    if not any("LIBVIRT_PRT" in saved for saved in saves.values()):
        return None
    return {"fills_checksums": can_fill_checksums(system)}


def _listed(system: System, *command: str) -> Any | None:  # noqa: ANN401 - JSON
    """What a program lists as JSON; None where it is not there, or does not."""
    try:
        done = system.run(command)
        return json.loads(done.output or "[]") if done.status == 0 else None
    except (HostError, ValueError):
        return None


def _settings(system: System, interfaces: list[str]) -> dict[str, str]:
    names = [
        *HOST_SETTINGS,
        *(form.format(name.replace(".", "/")) for name in interfaces for form in INTERFACE_SETTINGS),
    ]
    found = {name: system.setting(name) for name in names}
    return {name: value for name, value in found.items() if value}
