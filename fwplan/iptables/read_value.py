"""What options are told: numbers, ranges, addresses. Each function raises ValueError for what it is not."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING

from fwplan.iptables.matches import Masked, Range

if TYPE_CHECKING:
    from fwplan.iptables.matches import Address, Side, Subnet

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20}")
_SIDES: dict[str, Side] = {"src": "source", "dst": "destination"}


def number(text: str, most: int = 0xFFFFFFFF) -> int:
    """`22`, `0x16`."""
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(text)
    found = int(text, 16 if text[:2] in {"0x", "0X"} else 10)
    if found > most:
        raise ValueError(text)
    return found


def numbers(text: str, separator: str = ":", most: int = 0xFFFFFFFF) -> Range:
    """`1024:65535`, `22`; an end that is left out is the least or the most there is."""
    first, found, last = text.partition(separator)
    if not found:
        only = number(first, most)
        return Range(only, only)
    span = Range(number(first, most) if first else 0, number(last, most) if last else most)
    if span.first > span.last:
        raise ValueError(text)
    return span


def ports(text: str) -> Range:
    """`1024:65535`."""
    return numbers(text, ":", 0xFFFF)


def several_ports(text: str) -> tuple[Range, ...]:
    """`22,80:90`."""
    return tuple(ports(each) for each in text.split(","))


def masked_number(text: str, most: int = 0xFFFFFFFF) -> tuple[int, int]:
    """`0x1/0xff`, `0x1`: value and mask."""
    value, found, mask = text.partition("/")
    return number(value, most), number(mask, most) if found else most


def sides(text: str) -> tuple[Side, ...]:
    """`src,dst`."""
    try:
        return tuple(_SIDES[each] for each in text.split(","))
    except KeyError:
        raise ValueError(text) from None


def address(text: str) -> Address:
    """`10.0.0.1`, `fd00::1`."""
    return IPv6Address(text) if ":" in text else IPv4Address(text)


@lru_cache(maxsize=8192)
def addresses(text: str) -> Subnet | Masked:
    """`10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.0.0.1`. A mask is one, never the opposite of one."""
    start, found, mask = text.partition("/")
    first = address(start)
    bits: int = first.max_prefixlen
    if not found:
        length = bits
    elif mask.isascii() and mask.isdigit():
        length = number(mask, bits)
    else:
        given = address(mask)
        if given.version != first.version:
            raise ValueError(text)
        ones = int(given)
        length = ones.bit_count()
        if ones != ((1 << length) - 1) << (bits - length):
            return Masked(first, given)
    if isinstance(first, IPv4Address):
        return IPv4Network((first, length), strict=False)
    return IPv6Network((first, length), strict=False)


def several_addresses(text: str) -> tuple[Address, Address]:
    """`10.0.0.1-10.0.0.9`, `10.0.0.1`: the first and the last."""
    start, found, end = text.partition("-")
    first = address(start)
    last = address(end) if found else first
    if first.version != last.version or int(first) > int(last):
        raise ValueError(text)
    return first, last
