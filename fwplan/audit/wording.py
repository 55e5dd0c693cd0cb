"""What rules say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.rule_text import rule_text

if TYPE_CHECKING:
    from fwplan.nft.ruleset import Rule


def said(rule: Rule) -> str:
    """A rule as its own program writes it, in nft's syntax or in that of iptables."""
    return f"-A {rule.place.chain} {rule.written}" if rule.written else rule_text(rule)
