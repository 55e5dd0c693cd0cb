"""A rule out of its words: those of iptables-save, and those that administrators write in files for iptables-restore.

What is not understood is no error: it stays in its place, as an unknown match or target with its words.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from fwplan.iptables.extension_names import IMPLIED, OUT_OF_SIGHT
from fwplan.iptables.matches import Always, Comment, IsLaterFragment, OutOfSight, ReversePath, UnknownMatch
from fwplan.iptables.read_match import EXTENSIONS, OWN_OPTIONS
from fwplan.iptables.read_target import VERDICTS, read_target
from fwplan.iptables.ruleset import Rule
from fwplan.iptables.target_text import target_text
from fwplan.iptables.targets import Goto, Jump, UnknownTarget
from fwplan.iptables.text import restore_word
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
_HAVE_TEXT = frozenset(("--string", "--hex-string", "--name", "--hashlimit-name", "--helper", "--label", "--path"))
_MOST_KEPT = 50_000
"""How many segments are remembered."""


@lru_cache(maxsize=1 << 16)
def _own_match(option: str, negated: bool, *said: str) -> Match | None:  # noqa: FBT001 - what is remembered has no names
    """What an option of iptables itself asks, which other rules of a host ask as well; None where it is unknown."""
    try:
        return OWN_OPTIONS[option].says(said, negated=negated)
    except ValueError:
        return None


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
        self._known: dict[tuple[str, str | None], _Read | None] = {}

    def read(self, written: str, packets: int = 0, octets: int = 0) -> Rule:
        """The rule that follows the name of a chain."""
        matches: list[Match] = []
        target: Target | None = None
        protocol: str | None = None
        parts = segments(written)
        number = 0
        while number < len(parts):
            found, taken = self._next(parts, number, protocol)
            matches += found.matches
            if target is not None and found.target is not None:
                # iptables refuses two
                target = UnknownTarget("", f"{target_text(target)} {target_text(found.target)}")
            target, protocol = target or found.target, found.protocol
            number += taken
        return Rule(written, tuple(matches), target, packets, octets)

    def _next(self, parts: Sequence[str], number: int, protocol: str | None) -> tuple[_Read, int]:
        """What a segment says, and how many it is: an option's text may look like the beginning of another segment."""
        part = parts[number]
        found = self._segment(part, protocol)
        if found is None and number + 1 < len(parts):
            joined = self._segment(f"{part} {parts[number + 1]}", protocol)
            if joined is not None and not any(isinstance(match, UnknownMatch) for match in joined.matches):
                return joined, 2
        return found or _Read((UnknownMatch("", part),), None, protocol), 1

    def _segment(self, segment: str, protocol: str | None) -> _Read | None:
        """What a segment says; None where its last option lacks words."""
        key = (segment, protocol)
        if key not in self._known:
            if len(self._known) > _MOST_KEPT:
                self._known.clear()
            self._known[key] = self._read(segment, protocol)
        return self._known[key]

    def _read(self, segment: str, protocol: str | None) -> _Read | None:
        said = words(segment)
        match said:
            # the two commonest that are seldom the same as another
            case ["-m", "comment", "--comment", text]:
                return _Read((Comment(text),), None, protocol)
            case ["-j", chain] if chain in self._chains:
                return _Read((), Jump(chain), protocol)
        try:
            return _Segment(segment, said, protocol, self._chains).read()
        except IndexError:
            return None


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
        self._began = 0

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
        elif option.startswith("-"):
            self._skip(start)
        else:
            # a word that belongs to no option may be anything
            self._target = UnknownTarget("", " ".join(self._words[start:]))
            self._next = len(self._words)

    def _skip(self, start: int) -> None:
        """Past what is not understood: the option, and all words up to the next one."""
        while self._next < len(self._words) and not self._words[self._next].startswith(("-", "!")):
            self._next += 1
        self._matches.append(UnknownMatch(self._name, " ".join(map(restore_word, self._words[start : self._next]))))

    def _begin(self, name: str) -> None:
        self._join()
        self._name, self._extension, self._began = name, EXTENSIONS[name], len(self._matches)

    def _begin_match(self, name: str) -> None:
        if name in EXTENSIONS:
            self._begin(name)
            return
        self._join()
        start = self._next
        while self._next < len(self._words) and not self._is_own(self._next):
            self._next += 1
        rest = self._words[start : self._next]
        written = " ".join(map(restore_word, ("-m", name, *rest)))
        if name == "recent" and "--set" in rest and "!" not in rest:
            self._matches.append(Always(name, written))
        elif name in OUT_OF_SIGHT:
            self._matches.append(OutOfSight(name, written))
        else:
            self._matches.append(UnknownMatch(name, written))

    def _is_own(self, number: int) -> bool:
        """Whether an option of iptables itself begins with a word. Of an unseen extension, some options have a text."""
        word, after = self._words[number], self._words[number + 1 : number + 2]
        if self._words[number - 1] in _HAVE_TEXT:
            return False
        return word in OWN_OPTIONS or (word == "!" and bool(after) and after[0] in OWN_OPTIONS)

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
        said = self._take(OWN_OPTIONS[option].words)
        if option in _PROTOCOL and not negated:
            self._protocol = said[0].lower()
        match = _own_match(option, negated, *said)
        if match is None:
            self._skip(start)
        else:
            self._matches.append(match)
            # it is none of what the extension asks
            self._began += 1

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
        elif self._extension is not None and len(self._matches) == self._began:
            self._matches += _WITHOUT_OPTIONS.get(self._name) or (UnknownMatch(self._name, self._text),)
        self._extension, self._name, self._pieces = None, "", []
