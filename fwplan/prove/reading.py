"""What a statement asks for, so that a diagram can be made of it.

A statement is asked about single packets, by the simulator's own function of it; here is only said at which packets it
has to be asked, so that no packet can have an answer that none of these has:

- every dimension that it compares with constants, cut at each of these constants: whether two numbers are equal or in
  order is the same for all numbers between two cuts;
- every small dimension that it asks for in whatever way, value by value.

All other attributes of the packet are not given when it is asked, and the simulator then says that it does not know.
Where a dimension is compared with constants and also computed with, it is not given either.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fwplan.nft.datatypes import DATATYPES, Form, datatype_of
from fwplan.nft.expressions import (
    AnonymousSet,
    Concatenation,
    Ct,
    ExtensionHeader,
    Flags,
    Map,
    Meta,
    Number,
    Operation,
    Payload,
    SetReference,
    Word,
)
from fwplan.nft.statements import (
    AllOf,
    AnyOf,
    Match,
    Nat,
    Not,
    Notrack,
    Reject,
    Set,
    SynProxy,
    Unsure,
    UpdateSet,
    UseObject,
    VerdictMap,
    Xt,
    XtMatch,
    XtTarget,
)
from fwplan.prove.dimensions import SMALL, Dimension
from fwplan.simulate.lookup import beginning, in_span, part_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.nft.datatypes import Datatype
    from fwplan.nft.expressions import Expression
    from fwplan.nft.ruleset import Table
    from fwplan.nft.statements import Condition, Statement
    from fwplan.prove.dimensions import Family

_NUMBERS = DATATYPES["inet_proto"].words
_OF_TRANSPORT = ("tcp", "udp", "sctp", "dccp", "udplite", "icmp", "icmpv6", "igmp", "esp", "ah", "comp")
_WITH_PORTS = tuple(_NUMBERS[name] for name in ("tcp", "udp", "sctp", "dccp", "udplite"))
_META = {
    "iif": Dimension.IN,
    "iifname": Dimension.IN,
    "oif": Dimension.OUT,
    "oifname": Dimension.OUT,
    "l4proto": Dimension.PROTOCOL,
    "mark": Dimension.MARK,
    "pkttype": Dimension.PACKET_TYPE,
}
_OF_IP = {
    ("ip", "saddr"): Dimension.SOURCE,
    ("ip", "daddr"): Dimension.DESTINATION,
    ("ip", "protocol"): Dimension.PROTOCOL,
    ("ip6", "saddr"): Dimension.SOURCE,
    ("ip6", "daddr"): Dimension.DESTINATION,
    ("ip6", "nexthdr"): Dimension.PROTOCOL,
}
_OF_HEADER = {
    "sport": Dimension.SOURCE_PORT,
    "dport": Dimension.DESTINATION_PORT,
    "flags": Dimension.TCP_FLAGS,
    "type": Dimension.ICMP_TYPE,
    "code": Dimension.ICMP_CODE,
}
_LARGE = frozenset(Dimension) - SMALL.keys()
_WRITTEN_BY_NAME = {"MARK": Dimension.MARK, "HMARK": Dimension.MARK, "CONNMARK": Dimension.MARK}
_FORGOTTEN = {
    "nh": frozenset((Dimension.SOURCE, Dimension.DESTINATION)),
    "th": frozenset(
        (
            Dimension.SOURCE_PORT,
            Dimension.DESTINATION_PORT,
            Dimension.TCP_FLAGS,
            Dimension.ICMP_TYPE,
            Dimension.ICMP_CODE,
        )
    ),
}
"""What bits of a header that are written without a name may be."""
Cut = int | str
"""The first number of a span, or the name of an interface; one that stands for its beginning ends in `BEGINNING`."""
BEGINNING = "*"
_NOT_TOLD_APART = "fwplan does not tell packets apart by it"
_COMES_AND_GOES = "the elements of the set come and go"


@dataclass
class Reading:
    """What a statement asks for.

    Attributes:
        cuts: by dimension, where its answer may change.
        hidden: dimensions that it also asks for in another way than by comparing them with constants.
        writes: dimensions that it may change.
        unsure: why it may turn out either way, whatever the packet; empty where that depends on the packet.
    """

    cuts: dict[Dimension, set[Cut]] = field(default_factory=dict)
    hidden: set[Dimension] = field(default_factory=set)
    writes: set[Dimension] = field(default_factory=set)
    unsure: str = ""

    @property
    def dimensions(self) -> list[Dimension]:
        """Those that are given when the statement is asked, in order."""
        return sorted(self.cuts.keys() - self.hidden - self.writes)


def read(statement: Statement, table: Table, family: Family, changing: frozenset[str] = frozenset()) -> Reading:
    """What a statement asks for.

    Args:
        statement: which.
        table: that its rule is in.
        family: of the packets.
        changing: sets of the table whose elements come and go while packets pass.
    """
    reader = _Reader(table, family, changing)
    reader.statement(statement)
    return reader.found


class _Reader:
    """Reads one statement."""

    def __init__(self, table: Table, family: Family, changing: frozenset[str]) -> None:
        self._table = table
        self._family = family
        self._changing = changing
        self.found = Reading()

    def statement(self, statement: Statement) -> None:
        match statement:
            case Match():
                self._match(statement)
            case XtMatch(_, condition):
                self._condition(condition)
            case XtTarget(_, tuple() as statements):
                for each in statements:
                    self.statement(each)
            case VerdictMap(key, data) | Nat(address=Map(key, data)) | UseObject(name=Map(key, data)):
                self._lookup(key, data)
            case Reject("tcp reset") | SynProxy() | UseObject("synproxy"):
                self._cut(Dimension.PROTOCOL, (_NUMBERS["tcp"], _NUMBERS["tcp"]))
            case Notrack():
                self._whole(Dimension.STATE)
                self.found.writes.add(Dimension.STATE)
            case _:
                self._change(statement)

    def _change(self, statement: Statement) -> None:
        """A statement that writes. What it writes it does not compare."""
        match statement:
            case Set(key, value):
                self._written(key)
                self._there(key)
                self._mention(value)
            case UpdateSet(element=element):
                for part in _parts(element.key):
                    self._there(part)
            case Xt("target", name) if name in _WRITTEN_BY_NAME:
                self.found.writes.add(_WRITTEN_BY_NAME[name])
            case _:
                pass

    def _written(self, key: Expression) -> None:
        match key:
            case Meta(name) if name in _META:
                self.found.writes.add(_META[name])
            case Payload(protocol, name, None):
                dimension = _OF_IP.get((protocol, name)) or _OF_HEADER.get(name)
                self.found.writes |= set() if dimension is None else {dimension}
            case _:
                base = getattr(key, "base", None)
                self.found.writes |= _FORGOTTEN.get(base, frozenset()) if isinstance(base, str) else frozenset()

    # Comparisons

    def _condition(self, condition: Condition) -> None:
        match condition:
            case Match():
                self._match(condition)
            case Not(inner):
                self._condition(inner)
            case AllOf(conditions) | AnyOf(conditions):
                for each in conditions:
                    self._condition(each)
            case Unsure():
                pass

    def _match(self, match: Match) -> None:
        left, right = match.left, match.right
        if isinstance(right, AnonymousSet | SetReference) or isinstance(left, Concatenation):
            self._lookup(left, right)
        elif match.operator in {"in", "!"}:
            self._bits(left, right)
        else:
            self._compared(left, [right])

    def _bits(self, left: Expression, right: Expression) -> None:
        """Flags, any of which may be set."""
        if left == Ct("status") and right in {Word("dnat"), Flags((Word("dnat"),))}:
            self._whole(Dimension.REDIRECTED)
            self._whole(Dimension.STATE)
        else:
            self._mention(left)

    def _lookup(self, key: Expression, data: Expression) -> None:
        keys = self._keys(data)
        parts = _parts(key)
        if keys is None:
            for part in parts:
                self._mention(part)
            return
        for number, part in enumerate(parts):
            self._compared(part, [_part(each, number, len(parts)) for each in keys])

    def _keys(self, data: Expression) -> list[Expression] | None:
        """All that a set, or a map, may hold; None where that is not known."""
        match data:
            case AnonymousSet(elements):
                return [element.key for element in elements]
            case SetReference(name) if name in self._table.sets:
                if name in self._changing:
                    self.found.unsure = _COMES_AND_GOES
                return [element.key for element in self._table.sets[name].elements]
            case SetReference():
                return None
            case _:
                return [data]

    def _compared(self, left: Expression, values: Iterable[Expression]) -> None:
        """A comparison with constants; what is no constant makes it one of another kind."""
        dimension = self._dimension(left)
        if dimension is None:
            self._mention(left)
            return
        self._there(left)
        if dimension in SMALL:
            self._whole(dimension)
            return
        datatype = datatype_of(left)
        self.found.cuts.setdefault(dimension, set())
        for value in values:
            if value != Word("*"):
                self._constant(dimension, value, datatype)

    def _constant(self, dimension: Dimension, value: Expression, datatype: Datatype | None) -> None:
        part = part_of(value, datatype)
        span = in_span(part)
        if span is not None:
            self._cut(dimension, span)
        elif (text := beginning(part)) is not None:
            self.found.cuts[dimension].add(text + BEGINNING)
        elif isinstance(part, str):
            of_index = datatype is not None and datatype.form is Form.INTERFACE_INDEX
            if not (of_index and part.isdigit()):
                self.found.cuts[dimension].add(_plain(part))
        else:
            self.found.hidden.add(dimension)

    def _cut(self, dimension: Dimension, span: tuple[int, int]) -> None:
        self.found.cuts.setdefault(dimension, set()).update((span[0], span[1] + 1))

    def _whole(self, dimension: Dimension) -> None:
        """A small dimension, value by value."""
        self.found.cuts.setdefault(dimension, set()).update(range(SMALL[dimension]))

    # Expressions

    def _dimension(self, expression: Expression) -> Dimension | None:
        """The dimension that an expression is; None where it is none, or none of this family."""
        match expression:
            case Meta(key):
                return _META.get(key)
            case Payload("ip" | "ip6" as protocol, name, None):
                return _OF_IP.get((protocol, name)) if protocol == self._family else None
            case Payload("tcp" | "udp" | "sctp" | "dccp" | "udplite" | "th", "sport" | "dport" as name, None):
                return _OF_HEADER[name]
            case Payload("tcp", "flags", None) | Payload("icmp" | "icmpv6", "type" | "code", None):
                return _OF_HEADER[expression.field]
            case Ct("state"):
                return Dimension.STATE
            case Ct("direction"):
                return Dimension.DIRECTION
            case _:
                return None

    def _there(self, expression: Expression) -> None:
        """What it depends on whether there is such a thing in a packet at all."""
        match expression:
            case Payload("th", _, None):
                for number in _WITH_PORTS:
                    self._cut(Dimension.PROTOCOL, (number, number))
            case Payload(protocol, name, None):
                if protocol in _OF_TRANSPORT:
                    number = _NUMBERS[protocol]
                    self._cut(Dimension.PROTOCOL, (number, number))
                if protocol == "vlan" or (protocol, name) in {("ether", "type"), ("ip", "frag-off")}:
                    self.found.unsure = _NOT_TOLD_APART
            case ExtensionHeader():
                self.found.unsure = _NOT_TOLD_APART
            case Ct(key) if key != "state":
                self._whole(Dimension.STATE)
            case _:
                pass

    def _mention(self, expression: Expression) -> None:
        """An expression that is not compared with constants alone."""
        self._there(expression)
        dimension = self._dimension(expression)
        match expression:
            case Ct("status"):
                # of its flags, only the one is known
                self.found.hidden.add(Dimension.REDIRECTED)
            case Ct("protocol"):
                self.found.hidden.add(Dimension.PROTOCOL)
            case Payload("icmp" | "icmpv6", "id"):
                # only an echo has one
                self.found.hidden.add(Dimension.ICMP_TYPE)
            case _ if dimension is not None:
                if dimension in SMALL:
                    self._whole(dimension)
                else:
                    self.found.hidden.add(dimension)
            case Operation(_, parts) | Concatenation(parts):
                for part in parts:
                    self._mention(part)
            case Map(key, data):
                self._lookup(key, data)
            case Meta() | Payload() | Ct() | Word() | Number() | Flags():
                # none of the dimensions, or it would have been found above
                pass
            case _:
                self.found.hidden |= _LARGE


def _parts(key: Expression) -> tuple[Expression, ...]:
    return key.parts if isinstance(key, Concatenation) else (key,)


def _part(key: Expression, number: int, count: int) -> Expression:
    """One part of the key of an element."""
    if isinstance(key, Concatenation) and len(key.parts) == count:
        return key.parts[number]
    return key


def _plain(name: str) -> str:
    """A name that ends in what stands for a beginning is told from one by a backslash."""
    return f"{name[:-1]}\\{BEGINNING}" if name.endswith(BEGINNING) else name
