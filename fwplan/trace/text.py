"""A trace for people: the hooks, the chains and rules that mattered, whose they are, and what became of the packet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fwplan.audit.owners import owner_of_chain, owner_of_policy, owner_of_rule, table_of
from fwplan.nft.rule_text import rule_text
from fwplan.preview.comment import one_line
from fwplan.preview.layout import Line, Piece, Style, paragraph, wrap
from fwplan.simulate.outcome import Accept, Refuse, RuleBegun, RuleInDoubt, RuleMet, Undecided
from fwplan.trace.tree import visits
from fwplan.trace.words import end_words, owner_words, packet_words, refusal_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fwplan.audit.owners import Owner
    from fwplan.nft.ruleset import Chain, Place
    from fwplan.simulate.flow import Flow
    from fwplan.trace.trace import Trace
    from fwplan.trace.tree import Step, Visit

_NUMBER = 5
"""Columns of a rule's number."""
_DEEPER = 2
_HANGING = 4


def trace_lines(trace: Trace, width: int, *, everything: bool = False, with_reply: bool = False) -> list[Line]:
    """A trace as lines of at most `width` columns.

    Args:
        trace: what came of a question.
        width: columns.
        everything: whether chains and rules are shown of which nothing came.
        with_reply: whether the way of the reply is shown as well.
    """
    page = _Page(trace, width, everything=everything)
    lines = [*page.heading(), (), *page.way(trace.flow), *page.verdict()]
    if trace.answer is not None:
        if with_reply:
            lines += [(), *page.title("reply", trace.answer), (), *page.way(trace.answer)]
        lines += page.reply()
    return lines


class _Page:
    """One trace while it is laid out."""

    def __init__(self, trace: Trace, width: int, *, everything: bool) -> None:
        self._trace = trace
        self._width = width
        self._everything = everything

    # The packet

    def heading(self) -> Iterator[Line]:
        """The packet, who sends it to whom, and what was taken for granted."""
        asked = self._trace.asked
        yield from self.title("packet", self._trace.flow)
        yield from paragraph(f"from {one_line(asked.sender)}", self._width, indent=2)
        yield from paragraph(f"to {one_line(asked.receiver)}", self._width, indent=2)
        for taken in asked.taken:
            yield from paragraph(f"taken for granted: {one_line(taken)}", self._width, Style.REFUSAL, indent=2)

    def title(self, name: str, flow: Flow) -> Iterator[Line]:
        """What kind of packet it is, and from where to where."""
        first, *more = wrap(f"{name} · {packet_words(flow.sent)}", self._width)
        yield (Piece(first[: len(name)], Style.HEADING), Piece(first[len(name) :]))
        yield from (paragraph(" ".join(more), self._width, indent=_HANGING) if more else ())

    # Its way

    def way(self, flow: Flow) -> list[Line]:
        """What it met at each hook."""
        lines: list[Line] = []
        quiet = 0
        for outcome in flow.outcomes:
            found = visits(outcome.trace, self._length)
            shown = [visit for visit in found if self._everything or visit.matters or self._is_in_doubt(visit, flow)]
            quiet += sum(visit.chain is not None for visit in found) - sum(visit.chain is not None for visit in shown)
            if shown:
                of_bridge = "bridge " if outcome.family == "bridge" else ""
                lines.append((Piece(f"{of_bridge}{outcome.hook}", Style.PROMISE),))
                lines += [line for visit in shown for line in self._visit(visit, flow)]
        if quiet:
            what = "1 chain let" if quiet == 1 else f"{quiet} chains let"
            besides = "besides, " if lines else ""
            lines += paragraph(f"({besides}{what} it by without a rule that is about it)", self._width, Style.NUMBER)
        return [*lines, ()] if lines else []

    def _length(self, place: Place) -> int:
        table = table_of(self._trace.ruleset, place)
        return 0 if table is None or place.chain not in table.chains else len(table.chains[place.chain].rules)

    def _is_in_doubt(self, visit: Visit, flow: Flow) -> bool:
        """Whether what is not known of the packet's fate is in this chain."""
        return any(self._decides(step, flow) for step in _all_steps(visit.steps))

    @staticmethod
    def _decides(step: Step, flow: Flow) -> bool:
        met = step.met
        return (
            isinstance(met, RuleInDoubt) and isinstance(flow.verdict, Undecided) and met.doubt in flow.verdict.because
        )

    def _visit(self, visit: Visit, flow: Flow) -> Iterator[Line]:
        chain = visit.chain
        if chain is None:
            yield from paragraph("connection tracking, as for the first packet", self._width, indent=2)
        else:
            owner = owner_of_chain(self._trace.ruleset, chain.place)
            yield from self._owned(f"{chain.place}{_hooked(chain)}", owner, 2, Style.PLACE)
            yield from self._steps(visit.steps, flow, 2, owner)
        if visit.policy is not None and chain is not None and (visit.policy == "drop" or self._everything):
            owner = owner_of_policy(self._trace.ruleset, chain)
            style = Style.DELETED if visit.policy == "drop" else Style.PLAIN
            shown = owner if visit.policy == "drop" else None
            yield from self._owned(f"policy {visit.policy}", shown, 2 + _NUMBER + 2, style)
            if visit.policy == "drop":
                yield from self._comment(owner.because, 2 + _NUMBER + 2)
        for change in visit.changes:
            yield from paragraph(f"→ {change}", self._width, Style.HEADING, indent=2 + _NUMBER + 2)

    def _steps(self, steps: Iterable[Step], flow: Flow, indent: int, whose: Owner) -> Iterator[Line]:
        for step in steps:
            if self._everything or step.matters or any(self._decides(each, flow) for each in _all_steps([step])):
                yield from self._step(step, flow, indent, whose)

    def _step(self, step: Step, flow: Flow, indent: int, whose: Owner) -> Iterator[Line]:
        """A rule; its owner is named where that is not the chain's."""
        met, margin = step.met, indent + _NUMBER + 2
        owner = owner_of_rule(self._trace.ruleset, met.rule)
        number = Piece(f"{met.position + 1:>{indent + _NUMBER}}  ", Style.NUMBER)
        text = one_line(rule_text(met.rule))
        style = Style.RULE
        if isinstance(met, RuleInDoubt):
            style = Style.REFUSAL
        elif isinstance(met, RuleMet) and (met.verdict == "drop" or met.verdict.startswith("reject")):
            style = Style.DELETED
        yield from self._owned(text, None if owner.name == whose.name else owner, margin, style, number)
        intent = self._trace.reasons.of(met.rule)
        if intent is not None and not step.inside:
            yield from self._comment(intent.reason, margin)
        yield from self._outcome(met, margin)
        if step.inside and step.steps:
            owner = owner_of_chain(self._trace.ruleset, replace(met.rule.place, chain=step.inside))
            yield from self._owned(step.inside, owner, indent + _DEEPER, Style.PLACE)
            yield from self._steps(step.steps, flow, indent + _DEEPER, owner)

    def _outcome(self, met: RuleMet | RuleBegun | RuleInDoubt, margin: int) -> Iterator[Line]:
        if isinstance(met, RuleInDoubt):
            doubt = f"not known: {met.doubt.statement}: {met.doubt.why}"
            yield from paragraph(one_line(doubt), self._width, Style.REFUSAL, indent=margin)
            return
        for change in met.changes:
            yield from paragraph(f"→ {one_line(change)}", self._width, Style.HEADING, indent=margin)
        if isinstance(met, RuleBegun):
            yield from paragraph("and what it asks for after that does not hold", self._width, indent=margin)
            return
        for assumed in met.assumed:
            yield from paragraph(f"taken to hold: {one_line(assumed)}", self._width, Style.REFUSAL, indent=margin)

    def _owned(
        self, text: str, owner: Owner | None, indent: int, style: Style, number: Piece | None = None
    ) -> Iterator[Line]:
        """A text, and whose it is behind it."""
        whose = "" if owner is None else f" · {owner_words(owner)}"
        whole = wrap(f"{one_line(text)}{whose.replace(' ', _STICKY)}", self._width - indent)
        first, rest = whole[0], whole[1:]
        if rest:
            rest = wrap(" ".join(rest), self._width - indent - _HANGING)
        lines = [(number or Piece(" " * indent), first), *((Piece(" " * (indent + _HANGING)), line) for line in rest)]
        for margin, line in lines:
            begin, dot, end = line.rpartition(f"{_STICKY}·{_STICKY}")
            if dot and line is lines[-1][1]:
                tail = Piece(f" · {end.replace(_STICKY, ' ')}", Style.NUMBER)
                yield (margin, Piece(begin, style), tail)
            else:
                yield (margin, Piece(line, style))

    def _comment(self, text: str, margin: int) -> Iterator[Line]:
        for line in wrap(one_line(text), self._width - margin - len("# ")):
            yield (Piece(" " * margin), Piece(f"# {line}", Style.REASON))

    # What became of it

    def verdict(self) -> Iterator[Line]:
        """What became of the packet, and why."""
        trace = self._trace
        match trace.flow.verdict:
            case Accept():
                if trace.hindrances:
                    yield from paragraph("Rules let it pass, and it does not pass:", self._width, Style.DELETED)
                    for hindrance in trace.hindrances:
                        yield from paragraph(f"{one_line(hindrance)}.", self._width, Style.DELETED, indent=2)
                else:
                    words = f"It passes{end_words(trace.flow)}."
                    yield from paragraph(one_line(words), self._width, Style.HEADING)
            case Refuse() as refused:
                words = refusal_words("It", refused, trace.decided, trace.flow)
                yield from paragraph(one_line(words), self._width, Style.DELETED)
            case Undecided() as undecided:
                yield from self._undecided("What becomes of it is not known", undecided)

    def _undecided(self, begin: str, undecided: Undecided) -> Iterator[Line]:
        yield from paragraph(f"{begin}; it depends on", self._width, Style.REFUSAL)
        for doubt in undecided.because:
            where = "" if doubt.place is None else f" in rule {(doubt.position or 0) + 1} of {doubt.place}"
            yield from paragraph(
                one_line(f"{doubt.statement}{where}: {doubt.why}"), self._width, Style.REFUSAL, indent=2
            )

    def reply(self) -> Iterator[Line]:
        """What becomes of the reply."""
        trace = self._trace
        if trace.answer is None:
            return
        match trace.answer.verdict:
            case Accept():
                yield from paragraph("The reply comes back.", self._width, Style.HEADING)
            case Refuse() as refused:
                words = refusal_words("The reply", refused, trace.decided_of_reply, trace.answer)
                yield from paragraph(one_line(words), self._width, Style.DELETED)
            case Undecided() as undecided:
                yield from self._undecided("What becomes of the reply is not known", undecided)


_STICKY = "\N{NO-BREAK SPACE}"
"""Keeps a name together: what is broken at blanks does not break there."""


def _hooked(chain: Chain) -> str:
    if chain.hook is None:
        return ""
    type_ = "" if chain.hook.type == "filter" else f" {chain.hook.type},"
    policy = "" if chain.hook.policy == "accept" else f", policy {chain.hook.policy}"
    return f",{type_} priority {chain.hook.priority}{policy}"


def _all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _all_steps(step.steps)
