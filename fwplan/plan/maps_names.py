"""What the layout `maps` calls its tables, maps and chains, and whose a chain is by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fwplan.nft.objects import Table
from fwplan.plan.intents import Family

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

TABLES = {Family.IPV4: Table("ip", "fwplan"), Family.IPV6: Table("ip6", "fwplan")}
ENTERING, LEAVING, TRANSLATED = "entering", "leaving", "translated"
"""The maps of each table."""
FORWARD, POSTROUTING, MASQUERADE = "forward", "postrouting", "host_address"
"""The chains that all networks share."""

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_OF_BRIDGE = re.compile(r"(?:to|from)-(.+)|nat-(.+)-\d+")
_OF_CODED_BRIDGE = re.compile(r"(?:to|from)x-([0-9a-f]+)|natx-([0-9a-f]+)-\d+")
_OVERLAP = "overlap-"


def entering_chain(bridge: str) -> str:
    """The chain that decides about what enters a bridge."""
    return _named("to", bridge)


def leaving_chain(bridge: str) -> str:
    """The chain that decides about what leaves a bridge, and enters no other."""
    return _named("from", bridge)


def translating_chain(bridge: str, number: int) -> str:
    """The chain that translates the sources of a network's subnet, of which it may have several."""
    return f"{_named('nat', bridge)}-{number}"


def _named(what: str, bridge: str) -> str:
    """A bridge may have a name that nft takes for no chain's; it is told by its bytes then."""
    return f"{what}-{bridge}" if _PLAIN.fullmatch(bridge) else f"{what}x-{bridge.encode().hex()}"


def overlap_chain(first: IPv4Address | IPv6Address) -> str:
    """The chain for addresses that are in subnets of several networks, by the first of them."""
    return f"{_OVERLAP}{str(first).replace(':', '.')}"


def bridge_of(chain: str) -> str | None:
    """The bridge whose chain it is; None for one that several networks share."""
    found = _OF_BRIDGE.fullmatch(chain)
    if found is not None:
        return found[1] or found[2]
    found = _OF_CODED_BRIDGE.fullmatch(chain)
    if found is None:
        return None
    try:
        return bytes.fromhex(found[1] or found[2]).decode()
    except ValueError:
        return None


def is_of_networks(chain: str) -> bool:
    """Whether a chain is there for some networks, and not for all."""
    return chain.startswith(_OVERLAP) or bridge_of(chain) is not None
