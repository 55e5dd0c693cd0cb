"""The schema of a definition: a second net behind the reader, made independently of it.

The reader knows far better what is wrong, but only where somebody thought of it. The schema knows all that may stand
in a definition, so that it finds what nobody thought of: text between elements, an empty attribute, a word that
libvirt takes for "no" without saying so. None of that is refused by libvirt, which looks at a schema of its own only
when it is asked to (`virsh net-define --validate`): what is found here is a warning.

The schema is a file, `network.rng`, because editors and other validators can use it as well. This room opens no file:
`fwplan.files.network_schema` brings the bytes.

libxml2 judges whether a definition is valid, and is quick. What it says of one that is not is of little use: one fault
only, often on another element, in words of its own insides. So the faults of an invalid definition are looked for
anew, element by element, along the patterns of the same schema; only values are left to libxml2. For a very large
definition, where libxml2 is slow, that is the only way.
"""

from __future__ import annotations

import difflib
import re
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lxml import etree

from fwplan.network.node import element_at, path_of
from fwplan.network.problems import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_RNG = "{http://relaxng.org/ns/structure/1.0}"
_NOTE = "{http://relaxng.org/ns/compatibility/annotations/1.0}documentation"
_LONGEST_QUOTE = 40
_LARGEST = 2000
"""The most elements and attributes that libxml2 is given: its time grows with the square of their number."""
_SIZE = etree.XPath("count(descendant-or-self::*) + count(descendant-or-self::*/@*)")
_WORD = re.compile(r"\w(?:[\w.:-]*\w)?")


@dataclass(slots=True)
class _Content:
    """What a pattern lets stand in an element.

    Attributes:
        attributes: the pattern of each, by name. Those in a namespace may stand everywhere.
        elements: the pattern of each, by name.
        required: names of attributes that have to be there, and of elements in angle brackets.
        text: whether text may stand there.
        foreign: whether elements in a namespace may.
        anything: whether everything may.
    """

    attributes: dict[str, etree._Element] = field(default_factory=dict)
    elements: dict[str, etree._Element] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    text: bool = False
    foreign: bool = False
    anything: bool = False


@dataclass(frozen=True, slots=True)
class _Fault:
    """One thing that the schema does not allow.

    Attributes:
        element: where it is.
        subjects: the name and the value that it is about; a message with one of these words is about the same.
        message: what is wrong.
        advice: what to do about it.
    """

    element: etree._Element
    subjects: tuple[str, ...]
    message: str
    advice: str

    @property
    def problem(self) -> Problem:
        return Problem(Severity.WARNING, path_of(self.element), self.message, self.advice, self.element.sourceline)


class Schema:
    """A schema that definitions can be held against; made once, since that takes as long as ten definitions."""

    def __init__(self, text: bytes) -> None:
        """Compile the RELAX NG schema in `text`, the content of `network.rng`."""
        self._grammar = etree.fromstring(text)
        self._judge = etree.RelaxNG(self._grammar)
        self._defines = {str(define.get("name")): define for define in self._grammar.iterchildren(f"{_RNG}define")}
        # Filled for invalid definitions only.
        self._contents: dict[etree._Element, _Content] = {}
        self._value_judges: dict[etree._Element, etree.RelaxNG] = {}

    def problems(self, root: etree._Element, known: Iterable[Problem] = ()) -> tuple[Problem, ...]:
        """What the schema does not allow in a definition, in the order of the document.

        Args:
            root: the definition's `<network>`.
            known: what was found already; the schema does not say it again.
        """
        large = _SIZE(root) > _LARGEST
        if not large and self._judge.validate(root):
            return ()
        faults = list(self._faults(root, self._content(_start(self._grammar)).elements["network"]))
        if not faults and not large:
            faults = [self._verdict(root)]
        said = _said(root, known)
        return tuple(fault.problem for fault in faults if not _is_said(fault, said))

    def _verdict(self, root: etree._Element) -> _Fault:
        """What libxml2 says: only for a pattern that the search for faults cannot follow."""
        said = self._judge.error_log.last_error
        return _Fault(
            root,
            (),
            f"the schema does not allow it: {'' if said is None else f'{said.message} (line {said.line})'}",
            "compare it with the schema: `fwplan check --print-schema`",
        )

    # Faults

    def _faults(self, element: etree._Element, pattern: etree._Element) -> Iterator[_Fault]:
        content = self._content(pattern)
        if content.anything:
            return
        yield from self._attribute_faults(element, content)
        yield from self._text_faults(element, content, pattern)
        present = set()
        for child in element.iterchildren("*"):
            tag = str(child.tag)
            present.add(f"<{tag}>")
            if tag in content.elements:
                yield from self._faults(child, content.elements[tag])
            elif not (tag.startswith("{") and content.foreign):
                yield _element_fault(child, tag, content)
        for name in content.required:
            if name.startswith("<") and name not in present:
                yield _Fault(element, (name.strip("<>"),), f"{name} is missing", f"put {name} in")

    def _attribute_faults(self, element: etree._Element, content: _Content) -> Iterator[_Fault]:
        for key, text in element.attrib.items():
            name, value = str(key), str(text)
            pattern = content.attributes.get(name)
            if name.startswith("{"):
                continue
            if pattern is None:
                advice = _instead(name, content.attributes, "{}")
                yield _Fault(element, (name,), f"the schema has no attribute '{name}' here", advice)
            elif not self._accepts(pattern, value):
                message = f"{name}={_quoted(value)} is not what the schema has here"
                yield _Fault(element, (name, value), message, f"write {self._wanted(pattern)}")
        for name in content.required:
            if name in content.attributes and name not in element.attrib:
                advice = f"write {self._wanted(content.attributes[name])}: {name}='…'"
                yield _Fault(element, (name,), f"'{name}' is missing", advice)

    def _text_faults(self, element: etree._Element, content: _Content, pattern: etree._Element) -> Iterator[_Fault]:
        text = (element.text or "") + "".join(child.tail or "" for child in element)
        if not content.text:
            if text.strip():
                message = f"the text {_quoted(text.strip())} stands between elements, where libvirt reads none"
                yield _Fault(element, (text.strip(),), message, "take it out, or make it a comment: <!-- … -->")
        elif not self._accepts(pattern, text):
            message = f"{_quoted(text)} is not what the schema has here" if text else "the element is empty"
            yield _Fault(element, (str(element.tag), text), message, f"write {self._wanted(pattern)}")

    # Patterns

    def _content(self, pattern: etree._Element) -> _Content:
        content = self._contents.get(pattern)
        if content is None:
            content = self._contents[pattern] = _Content()
            self._collect(pattern, content, required=True)
        return content

    def _collect(self, pattern: etree._Element, content: _Content, *, required: bool) -> None:
        """Add what the patterns below `pattern` allow; those behind a choice are not required."""
        for part in pattern.iterchildren(f"{_RNG}*"):
            name = part.get("name")
            match str(part.tag).removeprefix(_RNG):
                case "attribute" if name is not None:
                    content.attributes[name] = part
                    content.required.extend([name] if required else [])
                case "element" if name is not None:
                    content.elements[name] = part
                    content.required.extend([f"<{name}>"] if required else [])
                case "element":
                    content.foreign = True
                    content.anything = content.anything or part.find(f"{_RNG}anyName/{_RNG}except") is None
                case "data" | "value" | "text":
                    content.text = True
                case "ref":
                    self._collect(self._defines[str(name)], content, required=required)
                case "optional" | "zeroOrMore" | "choice":
                    self._collect(part, content, required=False)
                case _:
                    continue

    def _accepts(self, pattern: etree._Element, value: str) -> bool:
        """Whether the pattern of an attribute, or of an element with nothing but text in it, allows a value."""
        judge = self._value_judges.get(pattern)
        if judge is None:
            judge = self._value_judges[pattern] = self._value_judge(pattern)
        element = etree.Element("value")
        element.text = value
        return bool(judge.validate(element))

    def _value_judge(self, pattern: etree._Element) -> etree.RelaxNG:
        """The same schema, for documents `<value>…</value>` that have the pattern's content."""
        grammar = deepcopy(self._grammar)
        start = _start(grammar)
        start.clear()
        element = etree.SubElement(start, f"{_RNG}element", name="value")
        parts = list(pattern.iterchildren(f"{_RNG}*"))
        element.extend(map(deepcopy, parts))
        if not parts:
            etree.SubElement(element, f"{_RNG}text")
        return etree.RelaxNG(grammar)

    def _wanted(self, pattern: etree._Element) -> str:
        """What to write where the pattern stands."""
        words = []
        for part in pattern.iter(f"{_RNG}value", f"{_RNG}ref"):
            if part.tag == f"{_RNG}value":
                words.append(part.text or "")
                continue
            define = self._defines[str(part.get("name"))]
            note = define.findtext(_NOTE)
            if note is not None:
                return note
            words.extend(value.text or "" for value in define.iter(f"{_RNG}value"))
        if not words:
            return "a text"
        return words[0] if len(words) == 1 else f"one of: {', '.join(words)}"


def _start(grammar: etree._Element) -> etree._Element:
    return next(grammar.iterchildren(f"{_RNG}start"))


def _element_fault(element: etree._Element, tag: str, content: _Content) -> _Fault:
    if tag.startswith("{"):
        return _Fault(element, (tag,), "only text stands here, also for other namespaces", "move it a level up")
    return _Fault(element, (tag,), f"the schema has no <{tag}> here", _instead(tag, content.elements, "<{}>"))


def _instead(name: str, names: Collection[str], written: str) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"was {written.format(near[0])} meant?"
    return f"it has: {', '.join(map(written.format, names))}" if names else "take it out"


def _quoted(text: str) -> str:
    return f"'{text}'" if len(text) <= _LONGEST_QUOTE else f"'{text[:_LONGEST_QUOTE]}…'"


def _said(root: etree._Element, known: Iterable[Problem]) -> dict[etree._Element, set[str]]:
    """The words of all that is known of each element."""
    said: dict[etree._Element, set[str]] = {}
    for problem in known:
        element = element_at(root, problem.path)
        if element is not None:
            words = _WORD.findall(f"{problem.message} {problem.advice}".lower())
            said.setdefault(element, set()).update(words)
    return said


def _is_said(fault: _Fault, said: dict[etree._Element, set[str]]) -> bool:
    """Whether the same is known of the element, or of the one around it."""
    places = (fault.element, fault.element.getparent())
    return any(
        subject.lower() in said.get(place, ()) for place in places if place is not None for subject in fault.subjects
    )
