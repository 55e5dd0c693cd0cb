"""Verdict maps, out of what `nft -j -a list ruleset` prints.

A range that is a subnet is listed as a subnet, and a range of one address as an address.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, get_args

from fwplan.nft.objects import AddressRange, Goto, Jump, KeyType, Table, Verdict, VerdictMap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fwplan.nft.objects import ElementKey, ElementVerdict

_KEY_TYPES: Mapping[object, KeyType] = {type_: type_ for type_ in get_args(KeyType)}
_VERDICTS = {verdict.value: verdict for verdict in (Verdict.ACCEPT, Verdict.DROP, Verdict.RETURN, Verdict.CONTINUE)}


def read_map(listed: Mapping[str, Any]) -> VerdictMap | None:
    """A map as it stands below `"map"`; None where it is of another kind than fwplan makes."""
    key = listed["type"]
    flags = listed.get("flags", [])
    if listed.get("map") != "verdict" or not isinstance(key, str) or key not in _KEY_TYPES or flags not in _FLAGS:
        return None
    table = Table(listed["family"], listed["table"])
    return VerdictMap(table, listed["name"], _KEY_TYPES[key], intervals=bool(flags))


_FLAGS: tuple[list[str], ...] = ([], ["interval"])


def read_elements(listed: Mapping[str, Any], made: VerdictMap) -> dict[ElementKey, ElementVerdict]:
    """The elements of a map that are understood."""
    return dict(_elements(listed.get("elem", ()), names=made.key == "ifname"))


def _elements(listed: list[Any], *, names: bool) -> Iterator[tuple[ElementKey, ElementVerdict]]:
    for key_listed, verdict_listed in listed:
        key = (_name if names else _addresses)(_without_comment(key_listed))
        verdict = read_verdict(verdict_listed)
        if key is not None and verdict is not None:
            yield key, verdict


def _without_comment(listed: object) -> object:
    match listed:
        case {"elem": {"val": value}}:
            return value
        case _:
            return listed


def _name(listed: object) -> str | None:
    if not isinstance(listed, str):
        return None
    return f"{listed[:-2]}*" if listed.endswith("\\*") else listed


def _addresses(listed: object) -> AddressRange | None:
    match listed:
        case str() as address:
            alone = ip_address(address)
            return AddressRange(alone, alone)
        case {"range": [str() as first, str() as last]}:
            return AddressRange(ip_address(first), ip_address(last))
        case {"prefix": {"addr": str() as address, "len": int() as length}}:
            subnet = ip_network(f"{address}/{length}")
            return AddressRange(subnet[0], subnet[-1])
        case _:
            return None


def read_verdict(listed: Mapping[str, Any]) -> ElementVerdict | None:
    """A verdict as it stands beside the key of an element; None where it is not understood."""
    match listed:
        case {"jump": {"target": str() as chain}}:
            return Jump(chain)
        case {"goto": {"target": str() as chain}}:
            return Goto(chain)
        case _ if len(listed) == 1:
            return _VERDICTS.get(next(iter(listed)))
        case _:
            return None
