"""What the elements of a network definition have in common, each a value.

Each class of such a value is one element of the XML, each field one attribute or child; None or an empty tuple is "not
there". Source of all meanings: libvirt's network XML format (https://libvirt.org/formatnetwork.html).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Others:
    """What an element carries that libvirt would ignore: kept, so that writing loses nothing.

    Attributes:
        attributes: (name, value) in the order of the source; a name in a namespace is written `{namespace}name`.
        elements: each child as XML that stands alone, complete with its namespaces.
    """

    attributes: tuple[tuple[str, str], ...] = ()
    elements: tuple[str, ...] = ()


NOTHING = Others()


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """What all elements have in common."""

    others: Others = NOTHING
