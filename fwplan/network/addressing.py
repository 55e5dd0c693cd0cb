"""What addresses, netmasks and prefixes of a definition come to: the arithmetic of IP."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Subnet = IPv4Network | IPv6Network


@lru_cache(maxsize=8192)
def subnet_of(address: int, version: int, prefix: int) -> Subnet:
    """The subnet that an address is in; made once, as everybody asks for the subnets of a definition."""
    make = IPv4Network if version == 4 else IPv6Network
    return make((address, prefix), strict=False)


def mask_length(netmask: IPv4Address) -> int:
    """Number of leading ones of a netmask.

    Raises:
        ValueError: a one follows a zero.
    """
    inverted = int(netmask) ^ 0xFFFFFFFF
    if inverted & (inverted + 1):
        msg = f"netmask {netmask} is not contiguous"
        raise ValueError(msg)
    return 32 - inverted.bit_length()


def natural_prefix_length(address: Address) -> int:
    """Prefix length of an address that comes without one: its class for IPv4 (RFC 791), 64 for IPv6.

    Raises:
        ValueError: the address is of class D or E.
    """
    if int(address) == 0:
        return 0
    if isinstance(address, IPv6Address):
        return 64
    match int(address) >> 28:
        case 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7:
            return 8
        case 8 | 9 | 10 | 11:
            return 16
        case 12 | 13:
            return 24
        case _:
            msg = f"{address} belongs to no class that has a netmask"
            raise ValueError(msg)
