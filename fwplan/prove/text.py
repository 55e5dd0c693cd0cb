"""A proof for people: one sentence, and where it does not hold a packet with its two fates."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from fwplan.preview.comment import one_line
from fwplan.preview.layout import Line, Piece, Style, paragraph
from fwplan.prove.words import (
    FAMILY_NAMES,
    beyond_trace,
    deciders,
    interface_words,
    trace_options,
    treatment_words,
)
from fwplan.trace.words import packet_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fwplan.prove.prove import Example, FamilyResult, Proof

_INDENT = 2


def proof_lines(proof: Proof, what: str, seconds: float, trace: Sequence[str], width: int) -> list[Line]:
    """A proof as lines of at most `width` columns, commands excepted.

    Args:
        proof: what came of it.
        what: the packets in question: `all packets`.
        seconds: how long it took.
        trace: the command that asks about a packet, without its options for one; empty where there is none.
        width: columns.
    """
    page = _Page(proof, trace, width)
    left, right = (side.name for side in proof.sides)
    classes = proof.classes
    if proof.holds:
        lines = paragraph(f"Proved: with {what}, {left} and {right} do the same.", width, Style.HEADING)
    elif classes.different:
        lines = paragraph(f"Not the same: with some packets, {left} and {right} differ.", width, Style.DELETED)
    else:
        lines = paragraph(
            f"Undecided: it is not known whether {left} and {right} do the same with {what}.", width, Style.REFUSAL
        )
    lines += [line for result in proof.results if not result.is_proved for line in ((), *page.family(result))]
    counts = ", ".join(f"{FAMILY_NAMES[result.family]} {result.classes.all:,}" for result in proof.results)
    gap: list[Line] = [] if proof.holds else [()]
    text = f"{classes.all:,} classes of packets ({counts}), in {_duration(seconds)}"
    return [*lines, *gap, *paragraph(text, width, Style.NUMBER)]


def _duration(seconds: float) -> str:
    return "less than a second" if seconds < 1 else f"{seconds:.0f} s"


class _Page:
    """One proof while it is laid out."""

    def __init__(self, proof: Proof, trace: Sequence[str], width: int) -> None:
        self._proof = proof
        self._trace = trace
        self._width = width

    def family(self, result: FamilyResult) -> Iterator[Line]:
        """What was found for one version of IP."""
        name, classes = FAMILY_NAMES[result.family], result.classes
        if result.counterexample is not None:
            share = f"{classes.different:,} of {classes.all:,} classes differ"
            yield from self._say(f"{name}: {share}; for example", Style.PROMISE)
            yield from self._example(result.counterexample)
        if result.undecided:
            share = f"{classes.undecided:,} of {classes.all:,} classes are undecided"
            yield from self._say(f"{name}: {share}; for example", Style.PROMISE)
            for example in result.undecided:
                yield from self._example(example)

    def _example(self, example: Example) -> Iterator[Line]:
        packet = example.packet
        yield from self._say(packet_words(packet), Style.HEADING, _INDENT)
        yield from self._say(interface_words(packet), indent=2 * _INDENT)
        for side, treatment in zip(self._proof.sides, example.treatments, strict=True):
            style = Style.REFUSAL if treatment.because else Style.PLAIN
            yield from self._say(f"{side.name}: it {treatment_words(treatment, packet)}", style, 2 * _INDENT)
            for doubt in treatment.because:
                where = "" if doubt.place is None else f" in rule {(doubt.position or 0) + 1} of {doubt.place}"
                text = f"because of {doubt.statement}{where}: {doubt.why}"
                yield from self._say(text, Style.REFUSAL, 3 * _INDENT)
            found = [] if treatment.because else list(deciders(treatment, side.ruleset))
            for decider in found:
                yield from self._say(f"{decider.where} ({decider.owner}):", Style.PLACE, 3 * _INDENT)
                yield from self._say(decider.text, Style.RULE, 4 * _INDENT)
            if not found and not treatment.because:
                yield from self._say("no rule is about it", Style.NUMBER, 3 * _INDENT)
        if self._trace:
            words = one_line(shlex.join([*self._trace, *trace_options(packet)]))
            yield (Piece(" " * 2 * _INDENT), Piece(f"$ {words}", Style.RULE))
            missing = beyond_trace(packet)
            if missing:
                yield from self._say(f"# beyond that, {' and '.join(missing)}", Style.REASON, 2 * _INDENT)

    def _say(self, text: str, style: Style = Style.PLAIN, indent: int = 0) -> list[Line]:
        return paragraph(one_line(text), self._width, style, indent=indent)
