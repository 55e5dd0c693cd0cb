"""A plan as the JSON that libnftables takes (`nft -j -f`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fwplan.nft import objects as nft
from fwplan.nft.json import chain_json, element_json, map_json, rule_json, table_json, table_place
from fwplan.plan.operations import Operation, Verb
from fwplan.plan.plan import Layout
from fwplan.preview.one_transaction import in_one_transaction
from fwplan.preview.removal import executable

if TYPE_CHECKING:
    from fwplan.plan.plan import Plan


def nft_json(plan: Plan) -> str:
    """A document for libnftables, one command a line; what is no business of nft is not in it.

    Raises:
        NotExpressibleError: JSON for libnftables cannot say what an operation means.
    """
    operations = executable(plan).operations
    if plan.layout is Layout.MAPS:
        operations = tuple(in_one_transaction(operations))
    commands = filter(None, map(_command, operations))
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
        case nft.VerdictMap() as made:
            return (
                {"add": {"map": map_json(made)}}
                if makes
                else {"delete": {"map": table_place(made.table) | {"name": made.name}}}
            )
        case nft.Element() as element:
            return {"add" if makes else "delete": {"element": element_json(element, with_verdict=makes)}}
        case nft.Rule() as rule if makes:
            return {"insert": {"rule": rule_json(rule)}}
        case nft.Rule(table, chain_name, _, handle):
            place = {"family": table.family, "table": table.name, "chain": chain_name, "handle": handle}
            return {"delete": {"rule": place}}
        case _:
            return None
