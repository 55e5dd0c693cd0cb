"""Addresses of stations (MAC addresses) and UUIDs, checked as libvirt does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fwplan.network.node import Node

_MAC = re.compile(r"[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}")
_UUID = re.compile(r"[0-9a-fA-F]{32}")


def check_unicast_mac(node: Node, name: str, written: str) -> str | None:
    """`written` as the MAC address of one station, in lower case; None, and an error noted, when it is none."""
    if not _MAC.fullmatch(written):
        node.error(f"{name}='{written}' is not a MAC address", "write six octets with colons, as in 52:54:00:12:34:56")
        return None
    octets = [int(octet, 16) for octet in written.split(":")]
    if octets[0] & 1:
        node.error(f"{name}='{written}' is a multicast address", "make the first octet even")
        return None
    return ":".join(f"{octet:02x}" for octet in octets)


def check_uuid(node: Node, written: str) -> str | None:
    """`written` as a UUID, in lower case with hyphens; None, and an error noted, when it is none."""
    digits = written.strip().replace("-", "").lower()
    if not _UUID.fullmatch(digits):
        node.error(f"'{written}' is not a UUID", "write 32 hexadecimal digits, or leave it out: libvirt makes one")
        return None
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
