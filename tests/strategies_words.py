"""Words of a definition: names of interfaces, texts, and what belongs to other programs."""

from __future__ import annotations

from functools import cache
from typing import TypeVar
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st
from lxml import etree

from fwplan.network.element import NOTHING, Others
from fwplan.network.interface_name import MAXIMUM_LENGTH, interface_name_fault
from fwplan.network.node import standing_alone

T = TypeVar("T")

_SPECIALS = "\\\"'`$;&|<>(){}[]*?!#~@+,=^-_."
"""What means something to a shell, to nft or to iptables, and can be in the name of an interface."""
_BEYOND_ASCII = "ßé漢橋😀\u200b\u202e\u0301\ufeff\u2028\x7f\x85"
"""Letters of two to four bytes, and what prints nothing, or prints elsewhere."""
_MEANINGFUL = r"""
accept drop ip ip6 oif oifname saddr ct vmap counter include anyone COMMIT *nat :a # {
-j --jump -rf - -- ! * + eth+ eth* *eth @set $var 0x1 1-2 10.0.0.1 ... \ ' " a\ a"accept" a;accept ;reboot
$(reboot) `reboot` virbr0 virbr1 eth0 exactly-fifteen
"""
"""Words of nft, of iptables and of shells, and what looks like their syntax; one after the other."""

_TAME = "abz AZ09é"


@cache
def maybe(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """A value or none; made once, since making strategies takes longer than drawing from them."""
    return st.none() | strategy


@cache
def words(min_size: int = 0, max_size: int = 12, *, exclude: str = "") -> st.SearchStrategy[str]:
    """Texts of all that XML can carry, but for `exclude`; sizes in characters."""
    specials = "".join(one for one in _SPECIALS + _BEYOND_ASCII + "ab/:% \t\n\r" if one not in exclude)
    all_in_xml = st.characters(
        exclude_categories=["Cs", "Cc"],
        exclude_characters=f"\ufffe\uffff{exclude}",
        include_characters=specials,
    )
    alphabets = (_TAME if exclude != " ," else "abzAZ09é", specials, all_in_xml)
    return st.one_of([st.text(alphabet, min_size=min_size, max_size=max_size) for alphabet in alphabets])


def _cut(name: str) -> str:
    """The beginning of a name that has room in an interface, and is that of none of the kernel's own."""
    short = name.encode()[:MAXIMUM_LENGTH].decode(errors="ignore")
    return short if interface_name_fault(short) is None else "eth0"


plain_interface_names = st.builds(
    "{}{}".format, st.sampled_from(["eth", "virbr", "br-lab.", "en_"]), st.integers(0, 4095)
)
"""Names as most hosts have them, which every grammar can carry."""

hostile_interface_names = st.one_of(
    st.text(_SPECIALS + "ab01", min_size=1, max_size=MAXIMUM_LENGTH),
    st.text(_SPECIALS + _BEYOND_ASCII, min_size=1, max_size=MAXIMUM_LENGTH),
    st.sampled_from(_MEANINGFUL.split()),
    # around the longest, in bytes
    st.builds(str.__mul__, st.sampled_from(["a", "ß", "漢", "😀", '"', "\\"]), st.integers(1, MAXIMUM_LENGTH + 1)),
).map(_cut)
"""Names that the kernel takes and that mean something to somebody."""


interface_names = plain_interface_names | hostile_interface_names
"""Names of interfaces: all that the kernel takes and XML can carry."""

network_names = words(min_size=1, exclude="/\n")
"""Names of networks: those of files, but for their length."""

record_names = words(exclude=" ,")
"""Names of DNS records."""

host_names = st.builds(str.__add__, st.sampled_from("abzAZ09"), words())
"""Names of DHCP hosts."""

uuids = st.uuids().map(str)


def _mac(number: int) -> str:
    first, *rest = number.to_bytes(6, "big")
    return ":".join(f"{octet:02x}" for octet in (2 * first, *rest))


macs = st.integers(1, 2**47 - 1).map(_mac)
"""Addresses of one station, in lower case."""

written_macs = st.one_of(macs, macs.map(str.upper), macs.map(lambda mac: mac.replace(":0", ":")))
"""Addresses of one station, as people write them."""

# What belongs to other programs

_NAMESPACES = {"ns0": "http://example.org/inventory/1.0", "lab": "urn:lab:owner", "ns1": "urn:lab:odd?a='b'&c=%20"}
"""By prefix; two of the prefixes are such as lxml invents."""
_LOCAL_NAMES = ("owner", "rack", "network", "ip", "_é")

_prefixes = st.sampled_from(list(_NAMESPACES))
_local_names = st.sampled_from(_LOCAL_NAMES)


def _markup(prefix: str, name: str, attributes: dict[tuple[str, str], str], text: str, children: list[str]) -> str:
    declared = {prefix, *(attribute[0] for attribute in attributes)} - {""}
    said = {f"xmlns:{one}": _NAMESPACES[one] for one in sorted(declared)}
    said |= {":".join(filter(None, attribute)): value for attribute, value in attributes.items()}
    spelled = "".join(f" {key}={quoteattr(value)}" for key, value in said.items())
    inside = escape(text, {"\r": "&#13;"}) + "\n ".join(children)
    return f"<{prefix}:{name}{spelled}>{inside}</{prefix}:{name}>"


_attributes = st.dictionaries(st.tuples(st.just("") | _prefixes, _local_names), words(), max_size=2)
_comments = words(exclude="-\r").map("<!--{}-->".format)
_trees = st.recursive(
    st.builds(_markup, _prefixes, _local_names, _attributes, words(), st.lists(_comments, max_size=1)),
    lambda below: st.builds(_markup, _prefixes, _local_names, _attributes, words(), st.lists(below, max_size=2)),
    max_leaves=3,
)


def _standing_alone(markup: str) -> str:
    return standing_alone(etree.fromstring(markup))


foreign_names = st.builds("{{{}}}{}".format, st.sampled_from(list(_NAMESPACES.values())), _local_names)
"""Names in a namespace that is not libvirt's, as lxml writes them."""

foreign_elements = _trees.map(_standing_alone)
"""Elements of other programs, as XML that stands alone."""

metadata = st.lists(_trees, max_size=2).map(lambda trees: _standing_alone(f"<metadata>{' '.join(trees)}</metadata>"))
"""`<metadata>` as XML that stands alone."""

_NOTHING_ELSE = st.just(NOTHING)
_foreign_parts = st.builds(
    Others,
    attributes=st.dictionaries(foreign_names, words(), max_size=2).map(lambda found: tuple(found.items())),
    elements=st.lists(foreign_elements, max_size=1).map(tuple),
)
others = st.integers(0, 15).flatmap(lambda number: _foreign_parts if number == 15 else _NOTHING_ELSE)
"""Attributes and elements of other programs: on one element in sixteen, since most of them have none."""
