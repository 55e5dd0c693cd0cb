"""Lines of iptables-save taken apart: into rules, rules into segments, segments into words.

A segment is what one extension is told, from its `-m` or `-j` to the next; the first is what iptables itself asks. Most
segments of a host are the same as others, so that they are worth being read once. What options of extensions say stands
in quotes where it is more than a plain word, within which a backslash keeps the next character as it is, and which may
go on in the next line. Names of interfaces and chains stand as they are, even with a quotation mark. Source:
`xtables_save_string` and `add_param_to_argv` of iptables (1.4.21 to 1.8.11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fwplan.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_HAS_TEXT = "--(?:comment|log-prefix|nflog-prefix|string)"
"""An option with a text, which iptables-save does not put in quotes where it looks like another option."""
_TOKEN = re.compile(rf' *(?:{_HAS_TEXT} -[^ ]*|-[Agijo] [^ ]+|{_QUOTED}(?= |$)|[^" ][^ ]*)', re.DOTALL)
_ONE_QUOTED = re.compile(r'([^"\\\0]* )(?<!-[Agijo] )"([^"\\\0]*)"((?: [^"\\\0]*)?)')
"""The commonest rule with a quoted text: it has one, in which nothing needs a backslash."""
_LIKE_OPTION = re.compile(rf"(?:^| )(?:{_HAS_TEXT}|-[io]) -")
"""A name of an interface, or a text, that may be taken for the option that begins a segment."""
_REST_OF_QUOTED = re.compile(r'(?:[^"\\]|\\.)*"')
_BEGINS = re.compile(r" +(?=-(?:[mjg]|-match|-jump|-goto) )")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_FIRST = frozenset(("-m", "-j", "-g", "--match", "--jump", "--goto"))


def rules_of(text: str) -> Iterator[tuple[int, str]]:
    """The lines with their numbers; a rule whose quoted text goes on in the next line is one.

    Raises:
        UnreadableError: a quoted text does not end.
    """
    begun: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not begun and ('"' not in line or line.startswith("#") or _ONE_QUOTED.fullmatch(line)):
            yield number, line
            continue
        # each line is looked at once, however many there are
        is_open = _ends_in_quotes(line, within=bool(begun))
        begun.append(line)
        if not is_open:
            yield number, "\n".join(begun)
            begun = []
    if begun:
        raise UnreadableError(f"a quoted text does not end: {begun[0]}")


def _ends_in_quotes(line: str, *, within: bool) -> bool:
    rest = line
    if within:
        end = _REST_OF_QUOTED.match(line)
        if end is None:
            return True
        rest = line[end.end() :]
    return _tokens(rest) is None


def segments(rule: str) -> list[str]:
    """What iptables itself and each of the extensions is told."""
    may_split = _LIKE_OPTION.search(rule) is None
    if may_split and '"' not in rule:
        return _BEGINS.split(rule)
    if may_split and (one := _ONE_QUOTED.fullmatch(rule)) is not None:
        before, quoted, after = one.groups()
        return [
            part.replace("\0", f'"{quoted}"') if "\0" in part else part for part in _BEGINS.split(f"{before}\0{after}")
        ]
    found: list[str] = []
    for token in _tokens(rule) or ():
        word = token.lstrip(" ")
        if found and word.partition(" ")[0] not in _FIRST:
            found[-1] += token
        else:
            found.append(word)
    return found


def words(segment: str) -> list[str]:
    """The words of a segment, without quotes."""
    if '"' not in segment:
        return segment.split()
    if (one := _ONE_QUOTED.fullmatch(segment)) is not None:
        before, quoted, after = one.groups()
        return [*before.split(), quoted, *after.split()]
    found: list[str] = []
    for token in _tokens(segment) or ():
        word = token.lstrip(" ")
        if word.startswith('"'):
            found.append(_ESCAPED.sub(r"\1", word[1:-1]))
        else:
            found += word.split(" ")
    return found


def _tokens(text: str) -> list[str] | None:
    """The words as they stand, each with the blanks before it; None where a quoted text does not end."""
    text = text.rstrip(" ")
    found = _TOKEN.findall(text)
    return found if sum(map(len, found)) == len(text) else None
