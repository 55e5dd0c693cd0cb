"""Whose a rule is: what in libvirt's chains marks it as part of one network's share, or of the set-up."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from fwplan.iptables import objects as iptables
from fwplan.nft import objects as nft

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network


class SetUpMark(enum.Enum):
    """The mark of what is needed once on a host."""

    SET_UP = "set-up"


if TYPE_CHECKING:
    Mark = str | IPv4Network | IPv6Network | SetUpMark
    """The name of a bridge, a subnet that is translated, or the set-up."""

_NFT_BRIDGE = {"guest_output": nft.Meta.IIF, "guest_input": nft.Meta.OIF, "guest_cross": nft.Meta.IIF}
_IPTABLES_BRIDGE: dict[tuple[iptables.TableName, str], type[iptables.InInterface | iptables.OutInterface]] = {
    ("filter", "LIBVIRT_INP"): iptables.InInterface,
    ("filter", "LIBVIRT_OUT"): iptables.OutInterface,
    ("filter", "LIBVIRT_FWO"): iptables.InInterface,
    ("filter", "LIBVIRT_FWI"): iptables.OutInterface,
    ("filter", "LIBVIRT_FWX"): iptables.InInterface,
    ("mangle", "LIBVIRT_PRT"): iptables.OutInterface,
}

NFT_BRIDGE_CHAINS = tuple(
    (nft.Table(family, "libvirt_network"), chain) for family in nft.FAMILIES for chain in _NFT_BRIDGE
)
"""The chains in which a rule belongs to a bridge."""

IPTABLES_BRIDGE_CHAINS = tuple(
    iptables.Chain(program, table, chain)
    for program in iptables.PROGRAMS
    for table, chain in _IPTABLES_BRIDGE
    if program == "iptables" or table != "mangle"
)
"""The chains in which a rule belongs to a bridge; checksums are repaired for IPv4 only."""


def nft_mark(rule: nft.Rule) -> Mark | None:
    """What a rule of libvirt's tables belongs to; None when it is none of libvirt's."""
    key = _NFT_BRIDGE.get(rule.chain)
    if key is not None:
        for statement in rule.statements:
            if isinstance(statement, nft.InterfaceMatch) and statement.key is key:
                return statement.interface
        return None
    if rule.chain == "guest_nat":
        for statement in rule.statements:
            if isinstance(statement, nft.AddressMatch) and statement.field is nft.Field.SADDR and not statement.negated:
                return statement.subnet
        return None
    jumps = rule.chain == "forward" and any(isinstance(statement, nft.Jump) for statement in rule.statements)
    return SetUpMark.SET_UP if jumps else None


def iptables_mark(rule: iptables.Rule) -> Mark | None:
    """What a rule of libvirt's chains belongs to, or the jump to one of them; None when it is none of libvirt's."""
    chain = rule.chain
    side = _IPTABLES_BRIDGE.get((chain.table, chain.name))
    if side is not None:
        return next((match.name for match in rule.matches if isinstance(match, side)), None)
    if chain.name == "LIBVIRT_PRT":
        return next((match.subnet for match in rule.matches if isinstance(match, iptables.Source)), None)
    match rule.target:
        case iptables.JumpTo(target) if target.startswith("LIBVIRT_") and not rule.matches:
            return SetUpMark.SET_UP
        case _:
            return None
