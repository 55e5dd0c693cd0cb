"""One XML element while it is being read.

A node hands out its attributes and children one by one. What nobody asked for in the end is what libvirt would
ignore: it is kept, and reported with the nearest name that would have meant something.
"""

from __future__ import annotations

import difflib
import re
from copy import deepcopy
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Literal, TypeVar

from lxml import etree

from fwplan.network.element import NOTHING, Others
from fwplan.network.problems import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from fwplan.network.addressing import Address

Word = TypeVar("Word", bound=str)
Value = TypeVar("Value")

_UNSIGNED_INT = 2**32 - 1
_MOST_DIGITS = 40
"""Of a number, with zeros before it."""
_NAME = re.compile(r"<[^\s/>]+")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})
"""What stands for itself in no attribute. The standard library has it too, beside 20 ms of other imports."""
_PREFIX = re.compile(r"([\w.-]+):")
_CONTENT = etree.XPath("descendant-or-self::*/text() | descendant-or-self::*/@*")
_LIVE_ONLY = frozenset({"connections"})
"""Attributes that `virsh net-dumpxml` shows of a running network; not part of a definition."""


class Node:
    """An element, its attributes and children that nobody has asked for yet, and the problems of the document."""

    __slots__ = ("_asked", "_attributes", "_children", "element", "missing", "problems")

    def __init__(self, element: etree._Element, problems: list[Problem], missing: list[str]) -> None:
        """Read `element`, adding what is wrong to `problems`, and paths of what cannot be read at all to `missing`."""
        self.element = element
        self.problems = problems
        self.missing = missing
        self._attributes: dict[str, str] = dict(element.attrib)
        self._children: dict[str, list[etree._Element]] = {}
        self._asked: list[str] = []
        for child in element.iterchildren("*"):
            self._children.setdefault(str(child.tag), []).append(child)

    @property
    def tag(self) -> str:
        """The name of the element."""
        return str(self.element.tag)

    # Places

    def error(self, message: str, advice: str) -> None:
        """Note that libvirt would refuse this element."""
        self._note(Severity.ERROR, self.element, message, advice)

    def warn(self, message: str, advice: str) -> None:
        """Note that libvirt accepts this element, but not as its author may think."""
        self._note(Severity.WARNING, self.element, message, advice)

    def _note(self, severity: Severity, element: etree._Element, message: str, advice: str) -> None:
        self.problems.append(Problem(severity, path_of(element), message, advice, element.sourceline))

    # Children

    def child(self, tag: str, *, with_attribute: str | None = None) -> Node | None:
        """The first child of that name. libvirt ignores any further one; it is left for `others`.

        Args:
            tag: the name.
            with_attribute: what libvirt looks for in all of them: the first that has it, if one has, is taken.
        """
        self._asked.append(tag)
        found = self._children.get(tag)
        if not found:
            return None
        if with_attribute is None:
            return self._below(found.pop(0))
        having = (place for place, element in enumerate(found) if with_attribute in element.attrib)
        return self._below(found.pop(next(having, 0)))

    def children(self, tag: str) -> list[Node]:
        """All children of that name."""
        self._asked.append(tag)
        return [self._below(element) for element in self._children.pop(tag, ())]

    def one(self, tag: str, read: Callable[[Node], Value | None], *, with_attribute: str | None = None) -> Value | None:
        """What `read` makes of the first child of that name; or of the first with an attribute, if one has it."""
        child = self.child(tag, with_attribute=with_attribute)
        return None if child is None else child.read_by(read)

    def all(self, tag: str, read: Callable[[Node], Value | None]) -> tuple[Value, ...]:
        """What `read` makes of each child of that name; without those of which it makes nothing."""
        values = (child.read_by(read) for child in self.children(tag))
        return tuple(value for value in values if value is not None)

    def read_by(self, read: Callable[[Node], Value | None]) -> Value | None:
        """What `read` makes of this element, which counts as missing when that is nothing."""
        value = read(self)
        if value is None:
            self.missing.append(path_of(self.element))
        return value

    def _below(self, element: etree._Element) -> Node:
        return Node(element, self.problems, self.missing)

    def text(self, tag: str) -> str | None:
        """Text of the first child of that name; None when it is empty or missing, as XPath's `string()` has it."""
        child = self.child(tag)
        if child is None:
            return None
        return child.content() or None

    def content(self) -> str:
        """The text in the element, that of its descendants included."""
        element = self.element
        return str(element.xpath("string()")) if len(element) else element.text or ""

    # Attributes

    def has(self, name: str) -> bool:
        """Whether there is such an attribute, not empty, that nobody asked for yet."""
        self._asked.append(name)
        return bool(self._attributes.get(name))

    def raw(self, name: str) -> str | None:
        """An attribute as it stands."""
        self._asked.append(name)
        return self._attributes.pop(name, None)

    def string(self, name: str) -> str | None:
        """An attribute that counts as missing when it is empty, as with XPath's `string()`."""
        return self.raw(name) or None

    def required(self, name: str, advice: str) -> str | None:
        """An attribute that has to be there; None, and an error noted, when it is not."""
        value = self.raw(name)
        if value is None:
            self.error(f"'{name}' is missing", advice)
        return value

    def yes_no(self, name: str) -> bool | None:
        """An attribute that is `yes` or `no`."""
        value = self.choice(name, ("yes", "no"))
        return None if value is None else value == "yes"

    def choice(self, name: str, words: tuple[Word, ...]) -> Word | None:
        """An attribute that is one of `words`."""
        value = self.raw(name)
        if value is None:
            return None
        for word in words:
            if word == value:
                return word
        self.error(f"{name}='{value}' means nothing", f"use one of: {', '.join(words)}")
        return None

    def integer(self, name: str, *, maximum: int = _UNSIGNED_INT, base: Literal[0, 10] = 10) -> int | None:
        """An attribute that is a whole number from 0 to `maximum`; base 0 as in C: `0x` leads hex digits, `0` octal."""
        value = self.raw(name)
        return None if value is None else self._number(name, value, maximum, base)

    def _number(self, name: str, value: str, maximum: int, base: Literal[0, 10]) -> int | None:
        digits, radix = value, 10
        if base == 0 and value[:2] in {"0x", "0X"}:
            digits, radix = value[2:], 16
        elif base == 0 and value[:1] == "0":
            radix = 8
        # int() alone would take signs, underscores and the digits of other scripts.
        if digits.isascii() and digits.isalnum() and len(digits) <= _MOST_DIGITS:
            try:
                number = int(digits, radix)
            except ValueError:
                pass
            else:
                if number <= maximum:
                    return number
        self.error(f"{name}='{value}' is not a whole number from 0 to {maximum}", "write the number in digits")
        return None

    def address(self, name: str) -> Address | None:
        """An attribute that is an IPv4 or IPv6 address."""
        value = self.string(name)
        return None if value is None else self.to_address(name, value)

    def to_address(self, name: str, value: str) -> Address | None:
        """`value` as an address; None, and an error noted, when it is none."""
        try:
            address = ip_address(value)
        except ValueError:
            self.error(
                f"{name}='{value}' is not an address",
                "write four numbers from 0 to 255 with dots, or an IPv6 address",
            )
            return None
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            self.error(f"{name}='{value}' carries a scope", f"leave out '%{address.scope_id}'")
            return None
        return address

    def ipv4_address(self, name: str) -> IPv4Address | None:
        """An attribute that is an IPv4 address."""
        address = self.address(name)
        if address is None or isinstance(address, IPv4Address):
            return address
        self.error(f"{name}='{address}' is not an IPv4 address", "IPv4 is the only family possible here")
        return None

    # The rest

    def others(self) -> Others:
        """What nobody asked for, with a warning for each; namespaces of others are theirs and raise none."""
        for name in _LIVE_ONLY.intersection(self._attributes):
            del self._attributes[name]
        left = {element for found in self._children.values() for element in found}
        if not self._attributes and not left:
            return NOTHING
        for name, value in self._attributes.items():
            if not value and name in self._asked:
                self.warn(f"attribute '{name}' is empty: libvirt takes it as missing", "give a value, or take it out")
            elif not name.startswith("{"):
                self._warn_unknown(self.element, f"attribute '{name}'", name)
        elements = [element for element in self.element.iterchildren("*") if element in left]
        for element in elements:
            tag = str(element.tag)
            if not tag.startswith("{"):
                self._warn_unknown(element, f"<{tag}>", tag)
        return Others(tuple(self._attributes.items()), tuple(standing_alone(element) for element in elements))

    def _warn_unknown(self, element: etree._Element, what: str, name: str) -> None:
        if name in self._asked:
            message, advice = f"{what} stands here more than once: libvirt ignores this one", "take one of them out"
        else:
            near = difflib.get_close_matches(name, self._asked, n=1)
            message = f"{what} is unknown here: libvirt ignores it"
            advice = f"was '{near[0]}' meant?" if near else "take it out, or look for its place"
        self._note(Severity.WARNING, element, message, advice)


def path_of(element: etree._Element) -> str:
    """The path of an element below the root, such as `ip[2]/dhcp`; empty for the root."""
    path: str = element.getroottree().getelementpath(element)
    return "" if path == "." else path


def element_at(root: etree._Element, path: str) -> etree._Element | None:
    """The first element at a path below the root, such as `ip[2]/dhcp`.

    By XPath, which counts siblings up to the one it looks for; ElementPath's `find` counts them all for each of them.
    """
    elements: list[etree._Element] = root.xpath(path or ".")
    return elements[0] if elements else None


def standing_alone(element: etree._Element) -> str:
    """An element as XML that means the same anywhere: with the namespaces that it uses, also those declared around it.

    A namespace is used by a name, or by content such as `type="o:rack"`.
    """
    alone = deepcopy(element)
    alone.tail = None
    content = "".join(_CONTENT(alone))
    named = {prefix: uri for prefix, uri in element.nsmap.items() if prefix and f"{prefix}:" in content}
    etree.cleanup_namespaces(alone, keep_ns_prefixes=_PREFIX.findall(content))
    written = etree.tostring(alone, encoding="unicode")
    name = _NAME.match(written)
    missing = [(prefix, uri) for prefix, uri in named.items() if alone.nsmap.get(prefix) != uri]
    if name is None or not missing:
        return written
    declared = "".join(f' xmlns:{prefix}="{uri.translate(_ESCAPES)}"' for prefix, uri in missing)
    return f"{name[0]}{declared}{written[name.end() :]}"
