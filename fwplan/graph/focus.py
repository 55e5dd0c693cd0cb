"""Where a network's packets go on a host: the chains that they come to, the rules that they meet or that name it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import TYPE_CHECKING

from fwplan.errors import UnanswerableError
from fwplan.nft.expressions import AnonymousSet, Element, Meta, Payload, Prefix, Range, Word
from fwplan.nft.statements import Match, VerdictMap
from fwplan.simulate.outcome import ChainEnded, ChainEntered, RuleBegun, RuleInDoubt, RuleMet, Undecided
from fwplan.trace.question import Endpoint, Question, Role
from fwplan.trace.trace import trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from ipaddress import IPv4Network, IPv6Network

    from fwplan.nft.expressions import Expression
    from fwplan.nft.ruleset import Place, Rule, Ruleset
    from fwplan.nft.statements import Statement
    from fwplan.plan.plan import NetworkPlan
    from fwplan.simulate.flow import Flow
    from fwplan.simulate.world import World

_GUEST, _OUTSIDE, _HOST = Endpoint(Role.GUEST), Endpoint(Role.OUTSIDE), Endpoint(Role.HOST)
_DNS, _DHCP = Endpoint(Role.HOST, 53, "udp"), Endpoint(Role.HOST, 67, "udp")
_WAYS = (
    (_GUEST, _OUTSIDE),
    (_GUEST, replace(_OUTSIDE, protocol="udp")),
    (_GUEST, replace(_OUTSIDE, protocol="icmp")),
    (_OUTSIDE, _GUEST),
    (_GUEST, _GUEST),
    (_GUEST, _DNS),
    (_GUEST, _DHCP),
    (_HOST, _GUEST),
)
"""Flows of which a network's traffic is made, each with its reply."""


@dataclass(frozen=True)
class Focus:
    """Where networks' packets go.

    Attributes:
        bridges: of the networks.
        subnets: of the networks.
        hooks: that their packets come to, each with its family.
        moves: from hook to hook, by kind of packet: `ip` for both versions.
        chains: that their packets come to.
        rules: that they meet, by identity.
        drops: base chains whose policy drops some of them.
    """

    bridges: frozenset[str]
    subnets: tuple[IPv4Network | IPv6Network, ...]
    hooks: set[tuple[str, str]] = field(default_factory=set)
    moves: set[tuple[str, str, str]] = field(default_factory=set)
    chains: set[Place] = field(default_factory=set)
    rules: set[int] = field(default_factory=set)
    drops: set[Place] = field(default_factory=set)

    def meets(self, rule: Rule) -> bool:
        """Whether their packets meet a rule."""
        return id(rule) in self.rules

    def concerns(self, rule: Rule) -> bool:
        """Whether a rule is about a network: its packets meet it, or it names the bridge or the subnet."""
        return self.meets(rule) or any(self._names(statement) for statement in rule.statements)

    def _names(self, statement: Statement) -> bool:
        match statement:
            case Match(left=Meta("iif" | "oif" | "iifname" | "oifname"), right=right):
                return any(isinstance(value, Word) and value.text in self.bridges for value in _values(right))
            case Match(left=Payload("ip" | "ip6", "saddr" | "daddr"), right=right):
                return any(self._is_within(value) for value in _values(right))
            case VerdictMap(key=Meta("iif" | "oif" | "iifname" | "oifname"), data=data):
                return any(isinstance(value, Word) and value.text in self.bridges for value in _values(data))
            case _:
                return False

    def _is_within(self, value: Expression) -> bool:
        """Whether an address, or all of a subnet, is of a network's."""
        match value:
            case Word(text):
                length = None
            case Prefix(Word(text), length):
                pass
            case Range(Word(text), _):
                length = None
            case _:
                return False
        try:
            there = ip_network(text if length is None else (text, length), strict=False)
        except ValueError:
            return False
        return any(
            there.version == subnet.version and there.subnet_of(subnet)  # type: ignore[arg-type]
            for subnet in self.subnets
        )


def focus_on(shares: Sequence[NetworkPlan], ruleset: Ruleset, world: World) -> Focus:
    """Where packets of networks go.

    Args:
        shares: the networks, each with its bridge.
        ruleset: of the host.
        world: the host besides its rules.
    """
    found = Focus(
        frozenset(share.bridge for share in shares if share.bridge is not None),
        tuple(ip.subnet for share in shares for ip in share.network.ips),
    )
    for share in shares:
        for question in _questions(share):
            try:
                answer = trace(question, [share], ruleset, world, {})
            except UnanswerableError:
                continue  # its guests have no address that is known, or no way to the host
            for flow in (answer.flow, answer.answer):
                if flow is not None:
                    _remember(found, flow)
    return found


def _questions(share: NetworkPlan) -> Iterator[Question]:
    """The flows of a network, in each version of IP that it has."""
    for version in dict.fromkeys(ip.address.version for ip in share.network.ips):
        for source, destination in _WAYS:
            yield Question(source, destination, version=version)


def _remember(found: Focus, flow: Flow) -> None:
    before: dict[str, str] = {}
    for outcome in flow.outcomes:
        lane = "ip" if outcome.family == "ip6" else outcome.family
        if lane in before:
            found.moves.add((lane, before[lane], outcome.hook))
        before[lane] = outcome.hook
        found.hooks.add((outcome.family, outcome.hook))
        for met in outcome.trace:
            match met:
                case ChainEntered(chain):
                    found.chains.add(chain.place)
                case ChainEnded(chain, "drop"):
                    found.drops.add(chain.place)
                case RuleMet(rule) | RuleBegun(rule):
                    found.chains.add(rule.place)
                    found.rules.add(id(rule))
                case RuleInDoubt(rule, _, doubt) if (
                    isinstance(flow.verdict, Undecided) and doubt in flow.verdict.because
                ):
                    found.chains.add(rule.place)
                    found.rules.add(id(rule))
                case _:
                    pass


def _values(right: Expression) -> Iterable[Expression]:
    match right:
        case AnonymousSet(elements):
            return [element.key for element in elements]
        case Element(key):
            return [key]
        case _:
            return [right]
