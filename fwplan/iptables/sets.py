"""Sets of ipset, out of what `ipset save` prints. Rules name them (`-m set --match-set NAME src`), and say no more.

Source: ipset(8), release 7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from fwplan.errors import UnreadableError

Method = Literal["bitmap", "hash", "list"]

_CREATE = re.compile(r'create ("?)([^ "]+)\1 (bitmap|hash|list):(\S+)((?: .*)?)')
_ADD = re.compile(r'add ("?)([^ "]+)\1 (\S+)((?: .*)?)')
_FAMILY = re.compile(r" family (inet6?)(?= |$)")


@dataclass(frozen=True, slots=True)
class Entry:
    """An element: `10.0.0.1,tcp:80`.

    Attributes:
        parts: of the element.
        options: what else there is to it: `nomatch`, `timeout 300`, `comment "…"`.
    """

    parts: tuple[str, ...]
    options: str = ""


@dataclass(frozen=True, slots=True)
class IpSet:
    """A set.

    Attributes:
        name: of the set.
        method: how it is kept; a `list` has other sets in it.
        parts: of an element: `ip`, `net`, `port`, `mac`, `iface`, `mark`, `set`.
        family: whose addresses are in it; None where it has none, or ones of IPv4 alone.
        options: as they were saved.
        entries: what is in it.
    """

    name: str
    method: Method
    parts: tuple[str, ...]
    family: Literal["ip", "ip6"] | None = None
    options: str = ""
    entries: tuple[Entry, ...] = field(default=(), repr=False)


def read_sets(text: str) -> tuple[IpSet, ...]:
    """Read what `ipset save` has printed.

    Raises:
        UnreadableError: it is no such thing.
    """
    sets: dict[str, tuple[Method, tuple[str, ...], str]] = {}
    entries: dict[str, list[Entry]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        added = _ADD.fullmatch(line)
        if added is not None and added[2] in entries:
            entries[added[2]].append(Entry(tuple(added[3].split(",")), added[4].strip()))
            continue
        created = _CREATE.fullmatch(line)
        if created is None or created[2] in sets:
            raise UnreadableError(f"line {number} is none that ipset save prints")
        method: Method = "bitmap" if created[3] == "bitmap" else "list" if created[3] == "list" else "hash"
        sets[created[2]] = (method, tuple(created[4].split(",")), created[5].strip())
        entries[created[2]] = []
    return tuple(
        IpSet(name, method, parts, _family(method, options), options, tuple(entries[name]))
        for name, (method, parts, options) in sets.items()
    )


def _family(method: Method, options: str) -> Literal["ip", "ip6"] | None:
    found = _FAMILY.search(f" {options}")
    if method != "hash" or found is None:
        return None
    return "ip6" if found[1] == "inet6" else "ip"
