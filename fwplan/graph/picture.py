"""What a picture of a ruleset shows, before anybody draws it.

A ruleset becomes lanes (the rules of IP, those of bridges, ...), a lane hooks in the order in which packets come to
them, a hook base chains in the order in which it enters them, and each base chain a tree of the chains that it leads
to. What is alike in `ip` and `ip6` is one; many chains whose names begin alike are one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.owners import Owner

Outcome = Literal["accepts", "refuses", "translates", "leads", "returns", "other"]
"""What a rule does with a packet for which it holds."""


@dataclass(frozen=True, slots=True)
class ShownRule:
    """A rule that is written out.

    Attributes:
        text: in the syntax of its own program.
        does: what it does.
        is_met: whether packets of the network in question meet it; True where there is none in question.
        reason: the promise of a network that it keeps; empty for none.
    """

    text: str
    does: Outcome
    is_met: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A chain, or several of which one name stands for all.

    Attributes:
        key: what tells it from all others, and names it in other formats: `ip filter DOCKER`.
        name: in its table; with an ellipsis where it stands for several.
        owner: whose it is.
        chains: for how many it stands.
        rules: how many rules they have.
        shown: rules that are written out.
        children: chains that its rules lead to, in their order.
        is_met: whether packets of the network in question come to it.
        is_elsewhere: whether what is in it is shown where it is led to first.
    """

    key: str
    name: str
    owner: Owner
    chains: int = 1
    rules: int = 0
    shown: tuple[ShownRule, ...] = ()
    children: tuple[Node, ...] = ()
    is_met: bool = False
    is_elsewhere: bool = False

    @property
    def all(self) -> Iterator[Node]:
        """It, and all that it leads to."""
        yield self
        for child in self.children:
            yield from child.all


@dataclass(frozen=True, slots=True)
class Base:
    """A base chain.

    Attributes:
        table: families and name: `ip filter`, `ip ip6 libvirt_network`.
        node: the chain, and what it leads to.
        type: `filter`, `nat` or `route`.
        priority: order in its hook.
        policy: for what no rule decides.
        policy_owner: who set it.
        devices: of ingress and egress.
        drops: whether packets of the network in question end by its policy.
    """

    table: str
    node: Node
    type: str
    priority: int
    policy: Literal["accept", "drop"]
    policy_owner: Owner
    devices: tuple[str, ...] = ()
    drops: bool = False


@dataclass(frozen=True, slots=True)
class Hook:
    """A point in the way of packets, with what is hooked there.

    Attributes:
        name: `prerouting`, `input`, ...
        bases: in the order in which packets come to them.
        left_out: base chains that are not shown, since no packet of the network in question meets a rule of them.
        is_met: whether packets of the network in question come by.
    """

    name: str
    bases: tuple[Base, ...]
    left_out: int = 0
    is_met: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """Hooks of one kind of packets.

    Attributes:
        name: `ip`, `bridge`, `arp` or `netdev`.
        hooks: in the order of a packet's way.
        moves: from hook to hook, that packets of the network in question make.
    """

    name: str
    hooks: tuple[Hook, ...]
    moves: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture.

    Attributes:
        title: what it is of.
        subtitle: how much is in it.
        lanes: those that have anything, that of IP first.
        notes: what else is to be said.
        network: the network in question; empty for none.
    """

    title: str
    subtitle: str
    lanes: tuple[Lane, ...]
    notes: tuple[str, ...] = ()
    network: str = ""

    @property
    def nodes(self) -> Iterator[Node]:
        """All chains."""
        for lane in self.lanes:
            for hook in lane.hooks:
                for base in hook.bases:
                    yield from base.node.all

    @property
    def owners(self) -> dict[str, int]:
        """Whose chains there are: by name, how many chains each has; the most first."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            if not node.is_elsewhere:
                counts[node.owner.name] = counts.get(node.owner.name, 0) + node.chains
        return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
