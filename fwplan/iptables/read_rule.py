"""A rule out of its words: those of iptables-save, and those that administrators write in files for iptables-restore.

What is not understood is no error: it stays in its place, as an unknown match or target with its words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fwplan.iptables.matches import Always, Comment, IsLaterFragment, OutOfSight, ReversePath, UnknownMatch
from fwplan.iptables.read_match import EXTENSIONS, IMPLIED, OUT_OF_SIGHT, OWN_OPTIONS
from fwplan.iptables.read_target import VERDICTS, read_target
from fwplan.iptables.ruleset import Rule
from fwplan.iptables.targets import Goto, Jump
from fwplan.iptables.words import segments, words

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from fwplan.iptables.extension import Extension
    from fwplan.iptables.matches import Match
    from fwplan.iptables.targets import Target

_MATCH = frozenset(("-m", "--match"))
_JUMP = frozenset(("-j", "--jump"))
_GOTO = frozenset(("-g", "--goto"))
_PROTOCOL = frozenset(("-p", "--protocol", "--proto"))
_WITHOUT_OPTIONS: Mapping[str, tuple[Match, ...]] = {
    "rpfilter": (ReversePath(),),
    # a later fragment has no header of the transport protocol
    **dict.fromkeys(IMPLIED.values(), (IsLaterFragment(negated=True),)),
}
"""What extensions ask that are told nothing."""
_MOST_KEPT = 50_000
"""How many segments are remembered."""


class _Read(NamedTuple):
    """What a segment says.

    Attributes:
        matches: that it asks.
        target: that it names, if it does.
        protocol: that it asks for, whose options may follow without a `-m`.
    """

    matches: tuple[Match, ...]
    target: Target | None
    protocol: str | None


class RuleReader:
    """Reads the rules of one table.

    Args:
        chains: the table's, which rules jump to.
    """

    def __init__(self, chains: Container[str]) -> None:
        self._chains = chains
        self._known: dict[tuple[str, str | None], _Read] = {}

    def read(self, written: str, packets: int = 0, octets: int = 0) -> Rule:
        """The rule that follows the name of a chain."""
        matches: list[Match] = []
        target: Target | None = None
        protocol: str | None = None
        waiting = ""
        parts = segments(written)
        for number, part in enumerate(parts):
            segment = f"{waiting} {part}" if waiting else part
            found = self._known.get((segment, protocol))
            if found is None:
                try:
                    found = self._segment(segment, protocol)
                except IndexError:
                    # an option lacks its words: they are what looked like the beginning of the next segment
                    if number + 1 < len(parts):
                        waiting = segment
                        continue
                    found = _Read((UnknownMatch("", segment),), None, protocol)
            waiting = ""
            matches += found.matches
            # of two targets, which iptables refuses, the packet may meet either
            matches += () if target is None or found.target is None else (UnknownMatch("", segment),)
            target = found.target or target
            protocol = found.protocol
        return Rule(written, tuple(matches), target, packets, octets)

    def _segment(self, segment: str, protocol: str | None) -> _Read:
        if len(self._known) > _MOST_KEPT:
            self._known.clear()
        said = words(segment)
        match said:
            # the two commonest that are seldom the same as another
            case ["-m", "comment", "--comment", text]:
                found = _Read((Comment(text),), None, protocol)
            case ["-j", chain] if chain in self._chains:
                found = _Read((), Jump(chain), protocol)
            case _:
                found = _Segment(segment, said, protocol, self._chains).read()
        self._known[segment, protocol] = found
        return found


class _Segment:
    """Reads one segment.

    Args:
        text: of it.
        said: its words.
        protocol: that the rule has asked for before.
        chains: of the table.
    """

    def __init__(self, text: str, said: Sequence[str], protocol: str | None, chains: Container[str]) -> None:
        self._text = text
        self._words = said
        self._protocol = protocol
        self._chains = chains
        self._next = 0
        self._matches: list[Match] = []
        self._target: Target | None = None
        self._name = ""
        self._extension: Extension[Any, tuple[Match, ...]] | None = None
        self._pieces: list[Any] = []

    def read(self) -> _Read:
        """What it says.

        Raises:
            IndexError: words are missing at its end.
        """
        while self._next < len(self._words):
            self._option()
        self._join()
        return _Read(tuple(self._matches), self._target, self._protocol)

    def _take(self, count: int = 1) -> Sequence[str]:
        taken = self._words[self._next : self._next + count]
        if len(taken) < count:
            raise IndexError(self._text)
        self._next += count
        return taken

    def _option(self) -> None:
        start = self._next
        [option] = self._take()
        negated = option == "!"
        if negated:
            [option] = self._take()
        if option in _MATCH and not negated:
            self._begin_match(*self._take())
        elif option in _GOTO and not negated:
            self._target = Goto(*self._take())
        elif option in _JUMP and not negated:
            self._jump(*self._take())
        elif self._extension is not None and option in self._extension.options:
            self._of_extension(start, option, negated=negated)
        elif option in OWN_OPTIONS:
            self._own(start, option, negated=negated)
        elif (implied := IMPLIED.get(self._protocol or "")) and option in EXTENSIONS[implied].options:
            if self._name != implied:
                self._begin(implied)
            self._of_extension(start, option, negated=negated)
        else:
            self._skip(start)

    def _skip(self, start: int) -> None:
        """Past what is not understood: the option, and all words up to the next one."""
        while self._next < len(self._words) and not self._words[self._next].startswith(("-", "!")):
            self._next += 1
        self._matches.append(UnknownMatch(self._name, " ".join(self._words[start : self._next])))

    def _begin(self, name: str) -> None:
        self._join()
        self._name, self._extension = name, EXTENSIONS[name]

    def _begin_match(self, name: str) -> None:
        if name in EXTENSIONS:
            self._begin(name)
            return
        self._join()
        rest = self._words[self._next :]
        self._next = len(self._words)
        if name == "recent" and "--set" in rest and "!" not in rest:
            self._matches.append(Always(name, self._text))
        elif name in OUT_OF_SIGHT:
            self._matches.append(OutOfSight(name, self._text))
        else:
            self._matches.append(UnknownMatch(name, self._text))

    def _jump(self, name: str) -> None:
        self._join()
        if name in VERDICTS:
            self._target = VERDICTS[name]
        elif name in self._chains:
            self._target = Jump(name)
        else:
            self._target, rest = read_target(name, self._words[self._next :])
            self._next = len(self._words) - len(rest)

    def _own(self, start: int, option: str, *, negated: bool) -> None:
        known = OWN_OPTIONS[option]
        said = self._take(known.words)
        if option in _PROTOCOL and not negated:
            self._protocol = said[0].lower()
        try:
            self._matches.append(known.says(said, negated=negated))
        except ValueError:
            self._skip(start)

    def _of_extension(self, start: int, option: str, *, negated: bool) -> None:
        known = EXTENSIONS[self._name].options[option]
        said = self._take(known.words)
        try:
            self._pieces.append(known.says(said, negated=negated))
        except ValueError:
            self._skip(start)

    def _join(self) -> None:
        """What the options of an extension come to."""
        if self._extension is not None and self._pieces:
            try:
                self._matches += self._extension.join(self._pieces)
            except ValueError:
                self._matches.append(UnknownMatch(self._name, self._text))
        elif self._extension is not None:
            self._matches += _WITHOUT_OPTIONS.get(self._name) or (UnknownMatch(self._name, self._text),)
        self._extension, self._name, self._pieces = None, "", []
