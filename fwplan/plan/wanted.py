"""The state that a host is to come to, as far as one change is concerned: what a plan makes, in its final order.

The same value says how things were before a change, so that coming to a plan, taking it away and undoing either are one
thing: bringing a host to a wanted state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from fwplan.iptables import objects as iptables
from fwplan.nft import objects as nft
from fwplan.plan.share import IPTABLES_BRIDGE_CHAINS, NFT_BRIDGE_CHAINS, iptables_mark, nft_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fwplan.plan.operations import Operation
    from fwplan.plan.plan import Plan
    from fwplan.plan.settle import Anchor
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
        followed_by: for the shares of a state that was, where in the chain each stood.
    """

    present: tuple[S, ...]
    absent: tuple[S, ...]
    shares: Mapping[tuple[C, Mark], tuple[R, ...]]
    followed_by: Mapping[tuple[C, Mark], Anchor] = field(default_factory=dict)

    def by_chain(self) -> Mapping[C, Mapping[Mark, tuple[R, ...]]]:
        """The shares of each chain."""
        chains: dict[C, dict[Mark, tuple[R, ...]]] = {}
        for (chain, mark), share in self.shares.items():
            chains.setdefault(chain, {})[mark] = share
        return chains


NftChainKey = tuple[nft.Table, str]
NftWanted = Wanted[nft.Table | nft.Chain, NftChainKey, nft.Rule]
IptablesWanted = Wanted[iptables.Chain, iptables.Chain, iptables.Rule]


def nft_wanted(plan: Plan) -> NftWanted:
    """The state that a plan of the nftables backend leads to: a filtered network has its rules and no others."""
    rules = _objects(plan.operations, nft.Rule)
    setting_up = (operation.object for operation in plan.set_up)
    shares = _shares(rules, lambda rule: (rule.table, rule.chain), nft_mark)
    bridges = _filtered_bridges(plan)
    for key in NFT_BRIDGE_CHAINS:
        for bridge in bridges:
            shares.setdefault((key, bridge), ())
    return Wanted(
        present=tuple(made for made in setting_up if isinstance(made, nft.Table | nft.Chain)),
        absent=(),
        shares=shares,
    )


def iptables_wanted(plan: Plan, *, checksum: bool = True) -> IptablesWanted:
    """The state that a plan of the iptables backend leads to: a filtered network has its rules and no others.

    Args:
        plan: what is planned.
        checksum: whether it is to have the rules that libvirt does without where the kernel cannot have them.
    """
    rules = _objects((each for each in plan.operations if checksum or not each.may_fail), iptables.Rule)
    setting_up = (operation.object for operation in plan.set_up)
    shares = _shares(rules, lambda rule: rule.chain, iptables_mark)
    bridges = _filtered_bridges(plan)
    for chain in IPTABLES_BRIDGE_CHAINS:
        for bridge in bridges:
            shares.setdefault((chain, bridge), ())
    return Wanted(
        present=tuple(made for made in setting_up if isinstance(made, iptables.Chain)),
        absent=(),
        shares=shares,
    )


def combined(
    now: Wanted[S, C, R],
    *,
    gone: Iterable[Wanted[S, C, R]] = (),
    staying: Iterable[Wanted[S, C, R]] = (),
    set_up_gone: Wanted[S, C, R] | None = None,
) -> Wanted[S, C, R]:
    """What is wanted after a change that has several sides.

    Args:
        now: what is planned.
        gone: what was planned earlier and no longer is.
        staying: what is planned besides and stays; it matters where it shares a place, as two networks may translate
            one subnet.
        set_up_gone: what is needed once on a host, if that is to go.
    """
    shares: dict[tuple[C, Mark], tuple[R, ...]] = {}
    absent: tuple[S, ...] = ()
    if set_up_gone is not None:
        shares.update(dict.fromkeys(set_up_gone.shares, ()))
        absent = tuple(reversed(set_up_gone.present))
    for old in gone:
        shares.update(dict.fromkeys(old.shares, ()))
    shares.update(now.shares)
    for other in staying:
        for place, share in other.shares.items():
            if place in shares:
                shares[place] = (*shares[place], *share)
    return Wanted(now.present, absent, shares)


def _filtered_bridges(plan: Plan) -> list[str]:
    return [share.bridge for share in plan.networks if share.bridge is not None and share.network.meaning.filtered]


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
