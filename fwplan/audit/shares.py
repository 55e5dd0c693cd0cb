"""What a chain is to hold, by whose the rules are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fwplan.plan.share import SetUpMark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fwplan.plan.share import Mark

    Shares = Mapping[Mark, Sequence[Any]]
    """The rules of a chain by whose they are, from first to last."""


def leading_somewhere(
    shares: Shares, rules: Sequence[object], is_there: Callable[[Any], bool], target_of: Callable[[Any], object]
) -> Shares:
    """Without rules that are missing since the chain is that they lead to: that is said already.

    Args:
        shares: what a chain is to hold.
        rules: what it holds.
        is_there: whether a chain is there.
        target_of: the chain that a rule of the set-up leads to.
    """
    if SetUpMark.SET_UP not in shares:
        return shares
    leading = [rule for rule in shares[SetUpMark.SET_UP] if is_there(target_of(rule)) or rule in rules]
    return {**shares, SetUpMark.SET_UP: leading}
