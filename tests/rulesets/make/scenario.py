"""What a fixture's `fixture.toml` says."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A fixture, as its folder describes it.

    Raises:
        TypeError: the file has a key that is not one of these.
    """

    title: str
    real: bool
    """The rules were made by the software itself; otherwise they were written after its source or documentation."""
    debian: Literal["bookworm", "trixie"]
    """The Debian in which the software runs, and whose nft and iptables list the rules."""
    packages: tuple[str, ...] = ()
    """Packages whose version matters."""
    variants: tuple[str, ...] = ("alone", "libvirt-nftables", "libvirt-iptables")
    """`alone`: without libvirt's rules. The others: with them beside, by that backend."""
    libvirt_first: bool = False
    """libvirt's rules are there, and the host forwards, before `setup.sh` runs."""
    network: Literal["maker", "software"] = "maker"
    """Who makes the bridge, its DHCP and DNS, and libvirt's rules: this program and fwplan, or `setup.sh`."""
    forwarding: bool = True
    """The host forwards IPv4 at the end. libvirt, or the software, switches that on."""
    legacy: bool = False
    """The rules are iptables-legacy's: `iptables-legacy-save` lists them."""
    settings: dict[str, str] = field(default_factory=dict)
    """Settings of the kernel (`net/bridge/bridge-nf-call-iptables`) before anything else."""


def read(folder: Path) -> Scenario:
    """Read a fixture's description."""
    values: dict[str, Any] = tomllib.loads((folder / "fixture.toml").read_text(encoding="utf-8"))
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return Scenario(**values | lists)
