"""Rules that stand in libvirt's tables and chains and are none that libvirt or fwplan makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.audit.finding import Code, Finding
from fwplan.audit.owners import Owner
from fwplan.nft.expressions import Goto, Verdict
from fwplan.nft.objects import Table
from fwplan.nft.rule_text import rule_text
from fwplan.nft.statements import Counter, Log, Reject
from fwplan.plan.share import nft_mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.observation import Observation
    from fwplan.nft.ruleset import Chain, Place, Rule

LIBVIRT_TABLE = "libvirt_network"
STRANGER = Owner("unknown", "it stands in libvirt's table, and is no rule of libvirt's", is_sure=False)

_FINAL = frozenset((Verdict.ACCEPT, Verdict.DROP, Verdict.RETURN))


class Strangers:
    """Those of a host, in nftables."""

    def __init__(self, observation: Observation) -> None:
        """Look for them."""
        self._found: dict[Place, list[tuple[int, Rule]]] = {}
        self._chains: dict[Place, Chain] = {}
        for table in observation.ruleset.tables:
            if table.name != LIBVIRT_TABLE or table.family not in {"ip", "ip6"}:
                continue
            for chain in table.chains.values():
                key = Table("ip" if table.family == "ip" else "ip6", table.name), chain.name
                entries = observation.listing.listed.get(key, [])
                found = [
                    (position, rule)
                    for position, (entry, rule) in enumerate(zip(entries, chain.rules, strict=True))
                    if entry.rule is None or nft_mark(entry.rule) is None
                ]
                if found:
                    self._found[chain.place] = found
                    self._chains[chain.place] = chain

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._found)

    def includes(self, rule: Rule) -> bool:
        """Whether a rule of the host is one of them."""
        return any(rule is stranger for _, stranger in self._found.get(rule.place, ()))

    def unreachable(self) -> Iterator[Finding]:
        """Rules behind one of them that lets nothing by."""
        for place, found in self._found.items():
            position, rule = next(((at, each) for at, each in found if _catches_all(each)), (None, None))
            if position is None or rule is None:
                continue
            strange = {at for at, _ in found}
            behind = [
                (at, each) for at, each in enumerate(self._chains[place].rules) if at > position and at not in strange
            ]
            if behind:
                number = f"{len(behind)} {'rule' if len(behind) == 1 else 'rules'}"
                yield Finding(
                    Code.UNREACHABLE_RULE,
                    None,
                    str(place),
                    f"{number} of libvirt's never reached: {rule_text(rule)} stands before, and no packet passes it",
                    tuple(rule_text(each) for _, each in behind),
                    STRANGER,
                    () if rule.handle is None else (f"nft delete rule {place} handle {rule.handle}",),
                )


def _catches_all(rule: Rule) -> bool:
    """Whether a rule asks nothing, and no packet goes on after it."""
    last = [each for each in rule.statements if not isinstance(each, Counter | Log)]
    return len(last) == 1 and (isinstance(last[0], Reject | Goto) or last[0] in _FINAL)
