"""Promises as nftables operations in the layout `maps`: the same verdicts as in libvirt's layout, at a constant cost.

Each family has a table of fwplan's own. A forwarded packet is looked up twice at most: by the name of the interface by
which it leaves the host, in the map of what enters a bridge, then by that by which it came, in the map of what leaves
one. Each network has an element in both, and a chain for each, which always decides. That is libvirt's order of asking.

The first packet of a connection is looked up by its source in a map of disjoint ranges of addresses, which leads to the
chain of the subnet that it is in. Where subnets of several networks overlap, a range leads to all of them, the network
that was started last first, as packets meet their rules in libvirt's layout.

As in libvirt's layout every rule is put at the head of its chain, so that the last one made is the first that is met.

Interfaces are named, and not known by their index: bridges need not exist beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from fwplan.nft.objects import (
    AddressMatch,
    AddressRange,
    Chain,
    Element,
    Field,
    Goto,
    Hook,
    InterfaceMatch,
    Jump,
    Masquerade,
    Meta,
    Ports,
    ProtocolMatch,
    Rule,
    Snat,
    StateMatch,
    Verdict,
    VerdictMap,
    VerdictMapLookup,
)
from fwplan.plan.intents import (
    Family,
    GuestsTalk,
    Intent,
    MayEnter,
    MayLeave,
    RefuseEntering,
    RefuseLeaving,
    RepliesReturn,
    SetUp,
    TranslateSource,
)
from fwplan.plan.maps_names import (
    ENTERING,
    FORWARD,
    LEAVING,
    MASQUERADE,
    POSTROUTING,
    TABLES,
    TRANSLATED,
    entering_chain,
    leaving_chain,
    overlap_chain,
    translating_chain,
)
from fwplan.plan.nftables_libvirt import host_operations
from fwplan.plan.operations import Operation, Verb
from fwplan.plan.promises import LINK_GROUPS, UNPRIVILEGED_PORTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fwplan.network.addressing import Subnet
    from fwplan.nft.objects import KeyType, Statement, Table

_ADDRESS: dict[Family, KeyType] = {Family.IPV4: "ipv4_addr", Family.IPV6: "ipv6_addr"}
_PROTOCOLS: tuple[ProtocolMatch, ...] = (ProtocolMatch("tcp"), ProtocolMatch("udp"))


# What is needed once on a host


def set_up() -> tuple[Operation, ...]:
    """Tables, maps and the chains that all networks share, for both families."""
    return tuple(operation for family in Family for operation in _set_up(family))


def _set_up(family: Family) -> Iterator[Operation]:
    table, name = TABLES[family], family.value
    forward = Chain(table, FORWARD, Hook("filter", "forward", 0, "accept"))
    postrouting = Chain(table, POSTROUTING, Hook("nat", "postrouting", 100, "accept"))
    yield _make(table, SetUp(f"fwplan's own {name} table: what others do to theirs does not touch it"))
    what = SetUp("one element a network: the chain that decides about what enters its bridge")
    yield _make(VerdictMap(table, ENTERING, "ifname"), what)
    what = SetUp("one element a network: the chain that decides about what leaves its bridge and enters no other")
    yield _make(VerdictMap(table, LEAVING, "ifname"), what)
    what = SetUp("one element a subnet: the chain that translates its source addresses")
    yield _make(VerdictMap(table, TRANSLATED, _ADDRESS[family], intervals=True), what)
    yield _make(forward, SetUp(f"every forwarded {name} packet comes by here"))
    what = SetUp("then: the network whose bridge it comes from decides")
    yield _make(Rule(table, FORWARD, (VerdictMapLookup(Meta.IIFNAME, LEAVING),)), what)
    what = SetUp("first: the network whose bridge it enters decides")
    yield _make(Rule(table, FORWARD, (VerdictMapLookup(Meta.OIFNAME, ENTERING),)), what)
    yield _make(postrouting, SetUp(f"source addresses of the first {name} packet of a connection are translated here"))
    what = SetUp("last: the subnet that the source is in decides")
    yield _make(Rule(table, POSTROUTING, (VerdictMapLookup(Field.SADDR, TRANSLATED),)), what)
    kept = SetUp("broadcast and multicast on the link never go further: they keep their source")
    for group in LINK_GROUPS[family]:
        yield _make(Rule(table, POSTROUTING, (AddressMatch(Field.DADDR, group), Verdict.ACCEPT)), kept)
    what = SetUp("what most networks ask for: the host's address, and for TCP and UDP an unprivileged port")
    yield _make(Chain(table, MASQUERADE), what)
    yield _make(Rule(table, MASQUERADE, (Masquerade(),)), what)
    ports = Ports(UNPRIVILEGED_PORTS.start, UNPRIVILEGED_PORTS.end)
    for protocol in reversed(_PROTOCOLS):
        yield _make(Rule(table, MASQUERADE, (protocol, Masquerade(ports))), what)


def _make(made: Table | Chain | Rule | VerdictMap | Element, intent: Intent) -> Operation:
    return Operation(Verb.MAKE, made, intent)


# Networks


def lower(promised: Sequence[Sequence[Intent]]) -> list[tuple[Operation, ...]]:
    """The operations that keep the promises of each network, in the order in which networks are started."""
    translators = [list(_translators(intents)) for intents in promised]
    by_owner: dict[str, list[_Range]] = {}
    for each in _ranges([translator for of_network in translators for translator in of_network]):
        by_owner.setdefault(each.translators[0].chain, []).append(each)
    return [
        (
            *(operation for intent in intents for operation in host_operations(intent)),
            *_filter_operations(intents),
            *_translation_operations(of_network, by_owner),
        )
        for intents, of_network in zip(promised, translators, strict=True)
    ]


_DIRECTIONS = (
    (RefuseEntering, GuestsTalk | MayEnter | RepliesReturn, ENTERING, entering_chain),
    (RefuseLeaving, MayLeave, LEAVING, leaving_chain),
)
"""Of what enters a bridge, as its own guests do, and of what leaves it: what refuses, what allows, map and chain."""


def _filter_operations(intents: Sequence[Intent]) -> Iterator[Operation]:
    """A chain a family and direction, and the element that leads to it."""
    for family in Family:
        of_family = [intent for intent in intents if _family_of(intent) is family]
        for refusal, permission, name, chain_of in _DIRECTIONS:
            for refusing in of_family:
                if not isinstance(refusing, refusal):
                    continue
                table, chain = TABLES[family], chain_of(refusing.bridge)
                yield _make(Chain(table, chain), refusing)
                yield _make(Rule(table, chain, (Verdict.REJECT,)), refusing)
                # what comes from elsewhere is met first: it is the most
                for intent in sorted(of_family, key=lambda each: not isinstance(each, GuestsTalk)):
                    if isinstance(intent, permission):
                        yield _make(Rule(table, chain, _filter_statements(intent)), intent)
                yield _make(Element(table, name, refusing.bridge, Goto(chain)), refusing)


def _family_of(intent: Intent) -> Family | None:
    match intent:
        case GuestsTalk() | RefuseEntering() | RefuseLeaving():
            return intent.family
        case MayLeave() | MayEnter() | RepliesReturn():
            return Family.of(intent.subnet)
        case _:
            return None


def _filter_statements(intent: Intent) -> tuple[Statement, ...]:
    match intent:
        case MayLeave(_, subnet, device):
            return (*_to_device(device), AddressMatch(Field.SADDR, subnet), Verdict.ACCEPT)
        case MayEnter(_, subnet, device):
            return (*_by_device(device), AddressMatch(Field.DADDR, subnet), Verdict.ACCEPT)
        case RepliesReturn(_, subnet, device):
            return (*_by_device(device), AddressMatch(Field.DADDR, subnet), StateMatch(), Verdict.ACCEPT)
        case GuestsTalk(bridge):
            return (*_by_device(bridge), Verdict.ACCEPT)
        case _:
            return ()


def _by_device(device: str | None) -> tuple[InterfaceMatch, ...]:
    return () if device is None else (InterfaceMatch(Meta.IIFNAME, device),)


def _to_device(device: str | None) -> tuple[InterfaceMatch, ...]:
    return () if device is None else (InterfaceMatch(Meta.OIFNAME, device),)


# Translation


@dataclass(frozen=True, slots=True)
class _Translator:
    """What translates one subnet of a network.

    Attributes:
        chain: that does it.
        subnet: whose packets.
        intents: TCP's, UDP's and that for everything else.
    """

    chain: str
    subnet: Subnet
    intents: tuple[TranslateSource, ...]


def _translators(intents: Sequence[Intent]) -> Iterator[_Translator]:
    bridge = next((intent.bridge for intent in intents if isinstance(intent, RefuseLeaving)), "")
    by_subnet: dict[Subnet, list[TranslateSource]] = {}
    for intent in intents:
        if isinstance(intent, TranslateSource):
            by_subnet.setdefault(intent.subnet, []).append(intent)
    for number, (subnet, of_subnet) in enumerate(by_subnet.items(), start=1):
        # The general one was promised first, and is asked last. A subnet that is given twice is translated alike.
        yield _Translator(translating_chain(bridge, number), subnet, tuple(reversed(of_subnet[:3])))


def _translation_operations(
    translators: Sequence[_Translator], by_owner: Mapping[str, Sequence[_Range]]
) -> Iterator[Operation]:
    """The chains of a network's subnets, and the ranges in which it is asked first, by the chain that is."""
    for translator in translators:
        table = TABLES[Family.of(translator.subnet)]
        yield _make(Chain(table, translator.chain), translator.intents[0])
        for statements, intent in reversed(list(_translation_rules(translator))):
            yield _make(Rule(table, translator.chain, statements), intent)
    for owner in translators:
        table, intent = TABLES[Family.of(owner.subnet)], owner.intents[0]
        for each in by_owner.get(owner.chain, ()):
            target = owner.chain
            if len(each.translators) > 1:
                target = overlap_chain(each.addresses.first)
                yield _make(Chain(table, target), intent)
                for translator in reversed(each.translators):
                    yield _make(Rule(table, target, (Jump(translator.chain),)), translator.intents[0])
            yield _make(Element(table, TRANSLATED, each.addresses, Jump(target)), intent)


def _translation_rules(translator: _Translator) -> Iterator[tuple[tuple[Statement, ...], TranslateSource]]:
    first = translator.intents[0]
    device = _to_device(first.device)
    elsewhere = AddressMatch(Field.DADDR, translator.subnet, negated=True)
    if all(_is_usual(intent) for intent in translator.intents):
        yield (*device, elsewhere, Goto(MASQUERADE)), translator.intents[-1]
        return
    for intent in translator.intents:
        protocol = () if intent.protocol is None else (ProtocolMatch(intent.protocol),)
        ports = None if intent.ports is None else Ports(intent.ports.start, intent.ports.end)
        addresses = intent.addresses
        target = Masquerade(ports) if addresses is None else Snat(addresses.start, addresses.end, ports)
        yield (*device, elsewhere, *protocol, target), intent


def _is_usual(intent: TranslateSource) -> bool:
    """Whether the chain that networks share does it."""
    return intent.addresses is None and intent.ports == (None if intent.protocol is None else UNPRIVILEGED_PORTS)


@dataclass(frozen=True, slots=True)
class _Range:
    """Addresses that are in the same subnets, and what translates those, in the order of asking."""

    addresses: AddressRange
    translators: tuple[_Translator, ...]


def _ranges(translators: Sequence[_Translator]) -> list[_Range]:
    """Disjoint ranges that cover all subnets; of the networks of a range the one that was started last comes first."""
    found: list[_Range] = []
    for make, version in ((IPv4Address, 4), (IPv6Address, 6)):
        events: list[tuple[int, int, int]] = []
        for place, translator in enumerate(translators):
            if translator.subnet.version == version:
                first = int(translator.subnet.network_address)
                events += [(first, 1, place), (first + translator.subnet.num_addresses, 0, place)]
        events.sort()
        inside: set[int] = set()
        start = 0
        for address, begins, place in events:
            if inside and address > start:
                found.append(_range(make(start), make(address - 1), inside, translators))
            start = address
            (inside.add if begins else inside.discard)(place)
    return found


def _range(
    first: IPv4Address | IPv6Address,
    last: IPv4Address | IPv6Address,
    inside: Iterable[int],
    translators: Sequence[_Translator],
) -> _Range:
    return _Range(AddressRange(first, last), tuple(translators[place] for place in sorted(inside, reverse=True)))
