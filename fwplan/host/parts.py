"""The kinds of parts, as the journal names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.errors import HostError

if TYPE_CHECKING:
    from fwplan.host.part import Json, Part


def part_of(document: Json) -> Part:
    """The part that the journal keeps; what its kind alone needs is imported here.

    Raises:
        HostError: the journal is not of this version of fwplan.
    """
    match document["kind"]:
        case "nftables":
            from fwplan.host.nftables import NftablesPart  # noqa: PLC0415

            return NftablesPart.from_document(document)
        case "maps":
            from fwplan.host.maps import MapsPart  # noqa: PLC0415

            return MapsPart.from_document(document)
        case "iptables":
            from fwplan.host.iptables import IptablesPart  # noqa: PLC0415

            return IptablesPart.from_document(document)
        case "checksums":
            from fwplan.host.checksums import ChecksumsPart  # noqa: PLC0415

            return ChecksumsPart.from_document(document)
        case "zones":
            from fwplan.host.zones import ZonesPart  # noqa: PLC0415

            return ZonesPart.from_document(document)
        case "settings":
            from fwplan.host.forwarding import SettingsPart  # noqa: PLC0415

            return SettingsPart.from_document(document)
        case kind:
            raise HostError(f"the journal names a kind of part that is unknown: {kind}")
