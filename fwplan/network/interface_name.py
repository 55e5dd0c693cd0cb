"""Whether the kernel would take a name for a network interface."""

from __future__ import annotations

MAXIMUM_LENGTH = 15
"""Bytes; the kernel's IFNAMSIZ (16) less the ending zero byte."""

_WHITE_SPACE = frozenset(b"\t\n\v\f\r \xa0")
"""What `isspace` of the kernel's lib/ctype.c takes for white space. 0xa0 is Latin-1's no-break space, so that a
name in UTF-8 with that byte in it, such as `à`, is refused too."""


def interface_name_fault(name: str) -> str | None:
    """Say what is wrong with `name` as the name of an interface, or None when the kernel takes it.

    Source: `dev_valid_name` and `__dev_alloc_name` in the kernel's net/core/dev.c, and `sysctl_dev_name_is_allowed`.
    """
    octets = name.encode("utf-8", "surrogatepass")
    if not octets:
        return "is empty"
    if len(octets) > MAXIMUM_LENGTH:
        return f"is {len(octets)} bytes long, {MAXIMUM_LENGTH} is the most"
    if name in {".", ".."}:
        return "is the name of a directory"
    if name in {"all", "default"}:
        return "is what the kernel calls its settings of all interfaces"
    for character in "/:%":
        if character in name:
            return f"has a '{character}' in it"
    if "\0" in name:
        return "has a zero byte in it"
    if any(octet in _WHITE_SPACE for octet in octets):
        return "has white space in it (or a byte that the kernel takes for it)"
    return None
