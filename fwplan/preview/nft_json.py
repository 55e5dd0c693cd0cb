"""A plan as the JSON that libnftables takes (`nft -j -f`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fwplan.nft import objects as nft
from fwplan.nft.json import chain_json, rule_json, table_json
from fwplan.plan.operations import Operation, Verb
from fwplan.preview.removal import executable

if TYPE_CHECKING:
    from fwplan.plan.plan import Plan


def nft_json(plan: Plan) -> str:
    """A document for libnftables, one command a line; what is no business of nft is not in it.

    Raises:
        NotExpressibleError: JSON for libnftables cannot say what an operation means.
    """
    commands = filter(None, map(_command, executable(plan).operations))
    write = json.JSONEncoder(ensure_ascii=False).encode
    lines = ",\n".join(map(write, ({"metainfo": {"json_schema_version": 1}}, *commands)))
    return f'{{"nftables": [\n{lines}\n]}}\n'


def _command(operation: Operation) -> dict[str, Any] | None:
    makes = operation.verb is Verb.MAKE
    match operation.object:
        case nft.Table() as table:
            return {"add" if makes else "delete": {"table": table_json(table)}}
        case nft.Chain() as chain:
            bare = chain if makes else nft.Chain(chain.table, chain.name)
            return {"add" if makes else "delete": {"chain": chain_json(bare)}}
        case nft.Rule() as rule if makes:
            return {"insert": {"rule": rule_json(rule)}}
        case nft.Rule(table, chain_name, _, handle):
            place = {"family": table.family, "table": table.name, "chain": chain_name, "handle": handle}
            return {"delete": {"rule": place}}
        case _:
            return None
