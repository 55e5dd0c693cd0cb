"""Whether two addresses make a range that libvirt takes."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fwplan.network.addressing import Address, Subnet

_LARGEST_BITS = 16
"""A range may differ in the last 16 bits of its addresses, no more (`virSocketAddrGetRange`)."""


def range_fault(start: Address, end: Address, subnet: Subnet | None = None) -> str | None:
    """Say what is wrong with a range of addresses, which lies in `subnet` if that is given; None when nothing is."""
    if start.version != end.version:
        return f"{start} and {end} are not of one family"
    if subnet is not None:
        if start.version != subnet.version:
            return f"the range is of IPv{start.version}, the address that it belongs to of IPv{subnet.version}"
        if start not in subnet or end not in subnet:
            outside = start if start not in subnet else end
            return f"{outside} lies outside {subnet}"
        if isinstance(start, IPv4Address) and start == subnet.network_address:
            return f"{start} is the address of the network itself"
        if isinstance(end, IPv4Address) and end == subnet.broadcast_address:
            return f"{end} is the broadcast address of {subnet}"
    if int(start) >> _LARGEST_BITS != int(end) >> _LARGEST_BITS:
        return f"the range from {start} to {end} spans more than {2**_LARGEST_BITS} addresses"
    if int(start) > int(end):
        return f"the range runs backwards, from {start} down to {end}"
    return None
