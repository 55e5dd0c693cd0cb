"""A plan as one nft script, each rule with its reason as a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.grammar import quoted_interface
from fwplan.plan.plan import Layout
from fwplan.preview.comment import one_line
from fwplan.preview.host_command import host_syntax
from fwplan.preview.nftables_syntax import nft_words
from fwplan.preview.one_transaction import in_one_transaction
from fwplan.preview.removal import executable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fwplan.plan.operations import Operation
    from fwplan.plan.plan import NetworkPlan, Plan


def nft_script(plan: Plan) -> str:
    """A script for `nft -f`; what is no business of nft, such as tc, stands in it as a comment.

    Raises:
        NotExpressibleError: nft's syntax cannot say what an operation means.
    """
    return "".join(f"{line}\n" for line in _lines(executable(plan)))


def _lines(plan: Plan) -> Iterator[str]:
    if plan.layout is Layout.MAPS:
        yield from (f"# network {one_line(each.network.name)}: {_what(each)}" for each in plan.networks)
        yield from _operation_lines(in_one_transaction(plan.operations))
        return
    if plan.set_up and not plan.removal:
        yield "# once on a host"
        yield from _operation_lines(plan.set_up)
    for network in plan.networks:
        yield f"# network {one_line(network.network.name)}"
        if network.why_empty:
            yield f"# no rules: {one_line(network.why_empty)}"
        yield from _operation_lines(network.operations)
    if plan.set_up and plan.removal:
        yield "# libvirt's tables, with all that is in them"
        yield from _operation_lines(plan.set_up)


def _what(share: NetworkPlan) -> str:
    return f"no rules: {one_line(share.why_empty)}" if share.why_empty else f"bridge {one_line(share.bridge or '')}"


def _operation_lines(operations: Iterable[Operation]) -> Iterator[str]:
    said = ""
    for operation in operations:
        reason = one_line(operation.intent.reason)
        if reason != said:
            yield f"# {reason}"
            said = reason
        yield _line(operation)


def _line(operation: Operation) -> str:
    words = nft_words(operation, quoted_interface)
    if words is None:
        program, arguments = host_syntax(operation.verb, operation.object)
        return f"#   not for nft: {program} {arguments}"
    return " ".join(words)
