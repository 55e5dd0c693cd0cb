"""Several networks on one host whose subnets overlap, nest, touch and coincide: few addresses, many sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from strategies import FILTERED, ROWS, hosts, networks

from fwplan.network.definition import Bridge
from fwplan.network.problems import Severity
from fwplan.network.together import conflicts

if TYPE_CHECKING:
    from fwplan import Network

names = st.from_regex("[a-z]{3,8}", fullmatch=True)
_few_addresses = st.ip_addresses(v=4, network="10.0.0.0/29") | st.ip_addresses(v=6, network="fd00::/125")


def crowded_hosts(
    *, max_size: int = 4, device_names: st.SearchStrategy[str] = names, only_filtered: bool = False
) -> st.SearchStrategy[list[Network]]:
    """Networks that can be on one host together, each with a bridge that has a name, if it has one."""
    rows = FILTERED if only_filtered else ROWS
    drawn = hosts(networks(rows=rows, names=device_names, of=_few_addresses), max_size=max_size)
    return drawn.map(_named).filter(_can_be_together)


def _named(networks: list[Network]) -> list[Network]:
    return [_with_bridge(network, f"br{place}") for place, network in enumerate(networks)]


def _with_bridge(network: Network, name: str) -> Network:
    if network.bridge_name is not None and "%d" not in network.bridge_name:
        return network
    if not network.meaning.filtered:
        return network
    return replace(network, bridge=replace(network.bridge or Bridge(), name=name))


def _can_be_together(networks: list[Network]) -> bool:
    return not any(problem.severity is Severity.ERROR for _, problem in conflicts(networks))
