"""What is written on a chain, in formats that lay out for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.preview.comment import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.graph.picture import Base, Hook, Lane, Node, Picture

WAYS = (
    ("ingress", "prerouting"),
    ("prerouting", "forward"),
    ("prerouting", "input"),
    ("forward", "postrouting"),
    ("input", "output"),
    ("output", "postrouting"),
)
"""From hook to hook; from input to output by way of the host's programs."""
LANES = {"ip": "packets of IP", "bridge": "frames on bridges", "arp": "ARP", "netdev": "frames of a device"}


def counted(rules: int) -> str:
    """How many rules, in words."""
    return "no rules" if rules == 0 else "1 rule" if rules == 1 else f"{rules:,} rules"


def base_meta(base: Base) -> tuple[str, str]:
    """What there is to a base chain besides its name: whose table, and the rest."""
    type_ = "" if base.type == "filter" else f"{base.type} · "
    devices = f" · {one_line(', '.join(base.devices))}" if base.devices else ""
    return one_line(base.table), f"{type_}priority {base.priority} · {counted(base.node.rules)}{devices}"


def policy_words(base: Base) -> str:
    """A policy that drops, and who set it if that is not whose the chain is; empty for one that accepts."""
    if base.policy == "accept":
        return ""
    return "drop" if base.policy_owner.name == base.node.owner.name else f"drop · {base.policy_owner.name}"


def base_lines(base: Base) -> list[str]:
    """What is written on a base chain, line by line."""
    policy = policy_words(base)
    policies = [f"policy {policy}"] if policy else []
    return [one_line(base.node.name), " · ".join(base_meta(base)), *policies, *_rule_lines(base.node)]


def node_lines(node: Node) -> list[str]:
    """What is written on any other chain."""
    many = f"{node.chains:,} chains, " if node.chains > 1 else ""
    return [one_line(node.name), f"{many}{counted(node.rules)}", *_rule_lines(node)]


def _rule_lines(node: Node) -> list[str]:
    more = node.rules - len(node.shown)
    rest = [f"… {more:,} more"] if node.shown and more else []
    return [*(one_line(rule.text) for rule in node.shown), *rest]


def hooks_of(picture: Picture) -> Iterator[tuple[str, Lane, Hook]]:
    """The hooks that are drawn, each with what it is called."""
    for lane in picture.lanes:
        for hook in lane.hooks:
            if hook.bases or hook.name != "ingress":
                yield hook.name if lane.name == "ip" else f"{lane.name} {hook.name}", lane, hook
