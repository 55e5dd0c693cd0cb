"""From a ruleset to a picture of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from fwplan.audit.owners import owner_of_chain, owner_of_policy
from fwplan.graph.picture import Base, Hook, Lane, Node, Picture, ShownRule
from fwplan.nft.expressions import AnonymousSet, Goto, Jump, SetReference, Verdict
from fwplan.nft.rule_text import rule_text
from fwplan.nft.statements import Counter, Nat, Reject, VerdictMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fwplan.graph.focus import Focus
    from fwplan.graph.picture import Outcome
    from fwplan.nft import ruleset
    from fwplan.nft.expressions import Element
    from fwplan.nft.ruleset import Chain, Rule, Ruleset, Table

Rules = Literal["auto", "all", "none"]
"""Which rules are written out: `auto` those that are about a network in question, or all where they are few."""

_IP_HOOKS = ("ingress", "prerouting", "forward", "input", "output", "postrouting")
_HOOKS = {"ip": _IP_HOOKS, "bridge": _IP_HOOKS[1:], "arp": ("input", "output"), "netdev": ("ingress", "egress")}
"""The hooks of each lane in the order of a packet's way."""
_LANES = {"ip": "ip", "ip6": "ip", "inet": "ip", "bridge": "bridge", "arp": "arp", "netdev": "netdev"}
_FEW = 30
"""Rules that are written out without being asked for."""
_MANY = 60
"""Chains from which on those whose names begin alike are shown as one."""
_MOST_RULES = 8
"""That are written out of one chain."""
_ALIKE = 4
"""As many chains whose names begin alike are shown as one."""
_MOST_SIBLINGS = 16
_DEEPEST = 16
"""Jumps within each other, as the kernel allows."""
_STEM = re.compile(r"(.+?[-_.])[^-_.]*$", re.DOTALL)


def build(
    ruleset: Ruleset,
    title: str,
    *,
    focus: Focus | None = None,
    everything: bool = True,
    rules: Rules = "auto",
    reason_of: Callable[[Rule], str] = lambda _: "",
) -> Picture:
    """A picture of a ruleset.

    Args:
        ruleset: of a host, or of a plan.
        title: of the picture.
        focus: where the packets of networks in question go; None where it is about none.
        everything: whether what they do not meet is shown too.
        rules: which are written out.
        reason_of: the promise that a rule keeps, in words; empty for none.
    """
    return _Builder(ruleset, focus, rules, reason_of, everything=everything).picture(title)


@dataclass(frozen=True)
class _Twins:
    """Tables of one name in `ip` and `ip6`, or one table alone."""

    tables: tuple[Table, ...]

    @property
    def families(self) -> str:
        return " ".join(table.family for table in self.tables)

    def having(self, name: str) -> tuple[Chain, ...]:
        """The chains of a name."""
        return tuple(table.chains[name] for table in self.tables if name in table.chains)


class _Builder:
    """One picture while it is made."""

    def __init__(
        self, ruleset: Ruleset, focus: Focus | None, rules: Rules, reason_of: Callable[[Rule], str], *, everything: bool
    ) -> None:
        self._ruleset = ruleset
        self._focus = focus
        self._everything = everything or focus is None
        self._reason_of = reason_of
        count = sum(1 for _ in ruleset.rules)
        self._all_rules = rules == "all" or (rules == "auto" and focus is None and count <= _FEW)
        self._no_rules = rules == "none"
        self._collapses = self._everything and sum(len(table.chains) for table in ruleset.tables) > _MANY
        self._seen: set[str] = set()
        self._reached: set[int] = set()

    def picture(self, title: str) -> Picture:
        """The picture."""
        lanes = [lane for name in _HOOKS if (lane := self._lane(name)) is not None]
        tables, chains = self._ruleset.tables, [chain for table in self._ruleset.tables for chain in table.chains]
        rules = sum(1 for _ in self._ruleset.rules)
        counts = f"{_counted(len(tables), 'table')}, {_counted(len(chains), 'chain')}, {_counted(rules, 'rule')}"
        bridges = "" if self._focus is None else ", ".join(sorted(self._focus.bridges))
        return Picture(title, counts, tuple(lanes), tuple(self._notes(lanes)), bridges)

    def _notes(self, lanes: Iterable[Lane]) -> Iterator[str]:
        left_out = sum(hook.left_out for lane in lanes for hook in lane.hooks)
        if left_out:
            let = "lets them by, and is not shown" if left_out == 1 else "let them by, and are not shown"
            yield f"{_counted(left_out, 'base chain')} without a rule about these packets {let}"
        dormant = [table for table in self._ruleset.tables if table.is_dormant]
        if dormant:
            yield f"dormant, and not shown: {', '.join(f'{table.family} {table.name}' for table in dormant)}"
        if self._everything:
            lone = sum(
                1
                for table in self._ruleset.tables
                for chain in table.chains.values()
                if not table.is_dormant and id(chain) not in self._reached
            )
            if lone:
                yield f"{_counted(lone, 'chain')} that nothing leads to {'is' if lone == 1 else 'are'} not shown"

    # Lanes and hooks

    def _all_twins(self) -> list[_Twins]:
        """All tables whose chains see packets, those of one name in `ip` and `ip6` together."""
        groups: dict[tuple[str, str, str], list[Table]] = {}
        for table in self._ruleset.tables:
            if not table.is_dormant:
                family = "ip" if table.family == "ip6" else table.family
                groups.setdefault((family, table.name, table.program), []).append(table)
        return [_Twins(tuple(sorted(tables, key=lambda table: table.family))) for tables in groups.values()]

    def _lane(self, name: str) -> Lane | None:
        twins = [each for each in self._all_twins() if _LANES[each.tables[0].family] == name]
        hooks = []
        for hook in _HOOKS[name]:
            found = [each for number, group in enumerate(twins) for each in _hooked(number, group, hook)]
            # chains that several lead to are drawn where the first one does
            bases = [self._base(group, chain) for _, _, group, chain in sorted(found, key=lambda each: each[:2])]
            shown = [base for base in map(self._kept, bases) if base is not None]
            hooks.append(Hook(hook, tuple(shown), len(bases) - len(shown), self._comes_to(name, hook)))
        moves = () if self._focus is None else self._focus.moves
        made = frozenset((begin, end) for lane, begin, end in moves if lane == name)
        return Lane(name, tuple(hooks), made) if any(hook.bases or hook.left_out for hook in hooks) else None

    def _comes_to(self, lane: str, hook: str) -> bool:
        if self._focus is None:
            return False
        families = ("ip", "ip6") if lane == "ip" else (lane,)
        return any((family, hook) in self._focus.hooks for family in families)

    def _base(self, twins: _Twins, name: str) -> Base:
        chain = twins.having(name)[0]
        hook = chain.hook
        assert hook is not None  # noqa: S101 - only base chains come here
        table = f"{twins.families} {chain.place.table}"
        setter = owner_of_policy(self._ruleset, chain)
        node = self._node(twins, name, 0)
        drops = self._focus is not None and any(each.place in self._focus.drops for each in twins.having(name))
        return Base(table, node, hook.type, hook.priority, hook.policy, setter, hook.devices, drops)

    def _kept(self, base: Base) -> Base | None:
        """A base chain as far as it is shown; None where it is not."""
        if self._everything:
            return base
        node = _only_about(base.node)
        if node is None and base.policy == "drop" and base.node.is_met:
            node = replace(base.node, children=())
        return None if node is None else replace(base, node=node)

    # Chains

    def _node(self, twins: _Twins, name: str, depth: int) -> Node:
        """A chain, and what it leads to."""
        chains = twins.having(name)
        key = f"{twins.families} {chains[0].place.table} {name}"
        owner = owner_of_chain(self._ruleset, chains[0].place)
        rules = [rule for chain in chains for rule in chain.rules]
        focus = self._focus
        is_met = focus is not None and any(chain.place in focus.chains for chain in chains)
        is_known = key in self._seen
        self._seen.add(key)
        self._reached |= {id(chain) for chain in chains}
        led = self._led_to(twins, rules) if depth < _DEEPEST else []
        if is_known:
            return Node(key, name, owner, 1, len(rules), is_met=is_met, is_elsewhere=bool(rules))
        children = [self._node(twins, target, depth + 1) for target in led if twins.having(target)]
        shown = () if self._no_rules else tuple(self._shown(rules))
        if self._collapses:
            children = _collapsed(children, _ALIKE)
        return Node(key, name, owner, 1, len(rules), shown, tuple(children), is_met)

    def _shown(self, rules: Sequence[Rule]) -> Iterator[ShownRule]:
        """The rules that are written out; a jump that asks nothing is drawn, and not written."""
        focus = self._focus
        chosen = [
            rule
            for rule in rules
            if (self._all_rules or (focus is not None and focus.concerns(rule))) and not _only_leads(rule)
        ]
        for rule in chosen[:_MOST_RULES]:
            met = focus is None or focus.meets(rule)
            yield ShownRule(_text(rule), _outcome(rule), met, self._reason_of(rule))

    def _led_to(self, twins: _Twins, rules: Iterable[Rule]) -> list[str]:
        """The chains that rules lead to, each once."""
        found: dict[str, None] = {}
        for rule in rules:
            for statement in rule.statements:
                match statement:
                    case Jump(chain) | Goto(chain):
                        found.setdefault(chain)
                    case VerdictMap(data=AnonymousSet(elements)):
                        found |= dict.fromkeys(_targets(elements))
                    case VerdictMap(data=SetReference(name)):
                        for table in twins.tables:
                            if name in table.sets:
                                found |= dict.fromkeys(_targets(table.sets[name].elements))
                    case _:
                        pass
        return list(found)


def _hooked(number: int, twins: _Twins, hook: str) -> Iterator[tuple[int, int, _Twins, str]]:
    """The base chains of tables at a hook: priority, order among those of one, tables, name.

    Of chains with the same priority, the kernel enters the one that was made last first.
    """
    for order, name in enumerate(dict.fromkeys(name for table in twins.tables for name in table.chains)):
        variants: dict[ruleset.Hook, list[Table]] = {}
        for table in twins.tables:
            chain = table.chains.get(name)
            if chain is not None and chain.hook is not None and chain.hook.hook == hook:
                variants.setdefault(chain.hook, []).append(table)
        for place, tables in variants.items():
            yield place.priority, -(number * 1_000_000 + order), _Twins(tuple(tables)), name


def _targets(elements: Iterable[Element]) -> Iterator[str]:
    for element in elements:
        if isinstance(element.data, Jump | Goto):
            yield element.data.chain


def _text(rule: Rule) -> str:
    """A rule; that it counts is not worth the room."""
    if rule.written:
        return rule_text(rule)
    kept = tuple(statement for statement in rule.statements if not isinstance(statement, Counter))
    return rule_text(replace(rule, statements=kept))


def _only_leads(rule: Rule) -> bool:
    """Whether a rule asks nothing, and leads elsewhere or back."""
    return all(
        isinstance(statement, Counter | Jump | Goto) or statement is Verdict.RETURN for statement in rule.statements
    )


def _outcome(rule: Rule) -> Outcome:
    for statement in reversed(rule.statements):
        match statement:
            case Verdict.ACCEPT:
                return "accepts"
            case Verdict.DROP | Reject():
                return "refuses"
            case Verdict.RETURN:
                return "returns"
            case Nat():
                return "translates"
            case Jump() | Goto() | VerdictMap():
                return "leads"
            case _:
                continue
    return "other"


def _only_about(node: Node) -> Node | None:
    """A chain with only what is about the network in question; None where nothing is."""
    children = tuple(found for child in node.children if (found := _only_about(child)) is not None)
    return replace(node, children=children) if children or node.shown else None


def _collapsed(nodes: Sequence[Node], alike: int) -> list[Node]:
    """Chains, of which those whose names begin alike stand together, and of very many the last ones."""
    groups: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        matched = _STEM.match(node.name)
        groups.setdefault((node.owner.name, matched[1] if matched else node.name), []).append(node)
    found = []
    for (_, stem), group in groups.items():
        found += [_merged(group, f"{stem}…")] if len(group) >= alike else group
    if len(found) > _MOST_SIBLINGS:
        rest = found[_MOST_SIBLINGS - 1 :]
        found = [*found[: _MOST_SIBLINGS - 1], _merged(rest, "…")]
    return found


def _merged(group: Sequence[Node], name: str) -> Node:
    """Several chains as one."""
    first = group[0]
    led_to: dict[str, Node] = {}
    for child in (child for node in group for child in node.children):
        if child.key not in led_to or led_to[child.key].is_elsewhere:
            led_to[child.key] = child
    children = _collapsed(tuple(led_to.values()), 2)
    return Node(
        f"{first.key}…",
        name,
        first.owner,
        sum(node.chains for node in group),
        sum(node.rules for node in group),
        (),
        tuple(children),
        is_met=any(node.is_met for node in group),
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
