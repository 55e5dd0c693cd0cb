"""Tables and chains, whose rules are, and what stood behind them, as the journal keeps it."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, cast

from fwplan.nft.json import chain_json, table_json
from fwplan.nft.listing import read_chain
from fwplan.nft.objects import Chain, Table
from fwplan.plan.settle import Anchor
from fwplan.plan.share import SetUpMark

if TYPE_CHECKING:
    from fwplan.host.part import Json
    from fwplan.plan.share import Mark


def mark_json(mark: Mark) -> Json:
    """Whose a rule is."""
    match mark:
        case SetUpMark():
            return {"set-up": None}
        case str():
            return {"bridge": mark}
        case _:
            return {"subnet": str(mark)}


def mark_from_json(document: Json) -> Mark:
    """Whose a rule is, as the journal keeps it."""
    match document:
        case {"bridge": str() as bridge}:
            return bridge
        case {"subnet": str() as subnet}:
            return ip_network(subnet)
        case _:
            return SetUpMark.SET_UP


def anchor_json(anchor: Anchor | None) -> Json | None:
    """What stood behind the rules of a mark; None where that is not known."""
    if anchor is None:
        return None
    return {"rule": anchor.name} if anchor.mark is None else {"mark": mark_json(cast("Mark", anchor.mark))}


def anchor_from_json(document: Json) -> Anchor:
    """What stood behind the rules of a mark, as the journal keeps it."""
    return Anchor(name=document["rule"]) if "rule" in document else Anchor(mark=mark_from_json(document["mark"]))


def made_json(made: Table | Chain) -> Json:
    """A table or chain of nftables."""
    match made:
        case Table():
            return {"table": table_json(made)}
        case Chain():
            return {"chain": chain_json(made)}


def made_from_json(document: Json) -> Table | Chain:
    """A table or chain of nftables, as the journal keeps it."""
    if "table" in document:
        return Table(document["table"]["family"], document["table"]["name"])
    return read_chain(document["chain"])
