"""The state that a host is to come to, as far as one change is concerned: what a plan makes, in its final order.

The same value says how things were before a change, so that coming to a plan, taking it away and undoing either are one
thing: bringing a host to a wanted state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from fwplan.iptables import objects as iptables
from fwplan.nft import objects as nft
from fwplan.plan.share import iptables_mark, nft_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fwplan.plan.operations import Operation
    from fwplan.plan.plan import Plan
    from fwplan.plan.share import Mark

R = TypeVar("R")
C = TypeVar("C")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Wanted(Generic[S, C, R]):
    """What is to be there, and what is not.

    Attributes:
        present: tables and chains that are to be there, in the order of their making.
        absent: tables and chains that are not, in the order in which they go.
        shares: for each chain and mark, its rules from first to last; none for a mark that is to have none there.
    """

    present: tuple[S, ...]
    absent: tuple[S, ...]
    shares: Mapping[tuple[C, Mark], tuple[R, ...]]


NftChainKey = tuple[nft.Table, str]
NftWanted = Wanted[nft.Table | nft.Chain, NftChainKey, nft.Rule]
IptablesWanted = Wanted[iptables.Chain, iptables.Chain, iptables.Rule]


def nft_wanted(plan: Plan) -> NftWanted:
    """The state that a plan of the nftables backend leads to."""
    rules = _objects(plan.operations, nft.Rule)
    setting_up = (operation.object for operation in plan.set_up)
    return Wanted(
        present=tuple(made for made in setting_up if isinstance(made, nft.Table | nft.Chain)),
        absent=(),
        shares=_shares(rules, lambda rule: (rule.table, rule.chain), nft_mark),
    )


def iptables_wanted(plan: Plan) -> IptablesWanted:
    """The state that a plan of the iptables backend leads to."""
    rules = _objects(plan.operations, iptables.Rule)
    setting_up = (operation.object for operation in plan.set_up)
    return Wanted(
        present=tuple(made for made in setting_up if isinstance(made, iptables.Chain)),
        absent=(),
        shares=_shares(rules, lambda rule: rule.chain, iptables_mark),
    )


def _objects(operations: Iterable[Operation], kind: type[R]) -> Iterable[R]:
    return (operation.object for operation in operations if isinstance(operation.object, kind))


def _shares(
    rules: Iterable[R], chain_of: Callable[[R], C], mark_of: Callable[[R], Mark | None]
) -> dict[tuple[C, Mark], tuple[R, ...]]:
    """Each rule is made at the head of its chain: the last one made is the first of its share."""
    made: dict[tuple[C, Mark], list[R]] = {}
    for rule in rules:
        mark = mark_of(rule)
        if mark is None:
            raise ValueError(f"a rule of a plan belongs to nothing: {rule}")
        made.setdefault((chain_of(rule), mark), []).append(rule)
    return {place: tuple(reversed(share)) for place, share in made.items()}
