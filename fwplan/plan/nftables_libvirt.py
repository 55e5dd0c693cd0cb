"""Promises as nftables operations in libvirt's own layout: its tables, chains, rules and order.

Every rule is put at the head of its chain, so that the last one made is the first that a packet meets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.objects import (
    AddressMatch,
    Chain,
    Counter,
    Field,
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
    Statement,
    Table,
    Verdict,
)
from fwplan.plan.intents import (
    Family,
    GuestsTalk,
    Intent,
    JoinZone,
    KeepSource,
    MayEnter,
    MayLeave,
    ReachService,
    RefuseEntering,
    RefuseLeaving,
    RepairChecksums,
    RepliesReturn,
    SetUp,
    TranslateSource,
)
from fwplan.plan.operations import ChecksumFilter, Operation, Queue, Verb, ZoneMember

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fwplan.network.forward import PortRange

_TABLES = {Family.IPV4: Table("ip", "libvirt_network"), Family.IPV6: Table("ip6", "libvirt_network")}
_OUT, _IN, _CROSS, _NAT = "guest_output", "guest_input", "guest_cross", "guest_nat"
_COUNTER = Counter()
_STATE = StateMatch()


def set_up() -> tuple[Operation, ...]:
    """libvirt's tables and chains, for both families."""
    return tuple(operation for family in Family for operation in _set_up(family))


def _set_up(family: Family) -> Iterator[Operation]:
    table = _TABLES[family]
    forward = Chain(table, "forward", Hook("filter", "forward", 0, "accept"))
    name = family.value
    yield _make(table, SetUp(f"libvirt's own {name} table: what others do to theirs does not touch it"))
    yield _make(forward, SetUp(f"every forwarded {name} packet comes by here"))
    for chain, what in (
        (_OUT, "what leaves a bridge"),
        (_IN, "what enters a bridge"),
        (_CROSS, "what stays on a bridge"),
    ):
        yield _make(Chain(table, chain), SetUp(f"rules of all networks for {what}"))
        yield _make(Rule(table, forward.name, (_COUNTER, Jump(chain))), SetUp(f"asks {chain} about the packet"))
    yield _make(
        Chain(table, _NAT, Hook("nat", "postrouting", 100, "accept")),
        SetUp(f"source addresses of {name} packets are translated here"),
    )


def _make(made: Table | Chain | Rule, intent: Intent) -> Operation:
    return Operation(Verb.MAKE, made, intent)


def lower(promised: Sequence[Sequence[Intent]]) -> list[tuple[Operation, ...]]:
    """The operations that keep the promises of each network, in libvirt's order."""
    return [tuple(operation for intent in intents for operation in _operations(intent)) for intents in promised]


def host_operations(intent: Intent) -> Iterable[Operation]:
    """What keeps a promise besides rules, in any layout."""
    match intent:
        case JoinZone(bridge, zone):
            return (Operation(Verb.MAKE, ZoneMember(zone, bridge), intent),)
        case RepairChecksums(bridge):
            return (
                Operation(Verb.MAKE, Queue(bridge), intent),
                Operation(Verb.MAKE, ChecksumFilter(bridge), intent),
            )
        case _:
            return ()


def _operations(intent: Intent) -> Iterable[Operation]:
    match intent:
        case JoinZone() | RepairChecksums():
            return host_operations(intent)
        case ReachService() | SetUp():
            # libvirt's own table accepts what goes to the host itself.
            return ()
        case RefuseLeaving(bridge, family):
            return (_rule(intent, family, _OUT, _iif(bridge), _COUNTER, Verdict.REJECT),)
        case RefuseEntering(bridge, family):
            return (_rule(intent, family, _IN, _oif(bridge), _COUNTER, Verdict.REJECT),)
        case GuestsTalk(bridge, family):
            return (_rule(intent, family, _CROSS, _iif(bridge), _oif(bridge), _COUNTER, Verdict.ACCEPT),)
        case MayLeave(bridge, subnet, device):
            source = AddressMatch(Field.SADDR, subnet)
            family = Family.of(subnet)
            return (_rule(intent, family, _OUT, source, _iif(bridge), *_to(device), _COUNTER, Verdict.ACCEPT),)
        case MayEnter(bridge, subnet, device):
            destination = AddressMatch(Field.DADDR, subnet)
            family = Family.of(subnet)
            return (_rule(intent, family, _IN, destination, *_by(device), _oif(bridge), _COUNTER, Verdict.ACCEPT),)
        case RepliesReturn(bridge, subnet, device):
            destination = AddressMatch(Field.DADDR, subnet)
            family = Family.of(subnet)
            return (
                _rule(intent, family, _IN, *_by(device), _oif(bridge), destination, _STATE, _COUNTER, Verdict.ACCEPT),
            )
        case TranslateSource():
            return (_translation(intent),)
        case KeepSource(subnet, device, group):
            source, destination = AddressMatch(Field.SADDR, subnet), AddressMatch(Field.DADDR, group)
            family = Family.of(subnet)
            return (_rule(intent, family, _NAT, *_to(device), source, destination, _COUNTER, Verdict.RETURN),)


def _translation(intent: TranslateSource) -> Operation:
    subnet = intent.subnet
    ports = _ports(intent.ports)
    addresses = intent.addresses
    return _rule(
        intent,
        Family.of(subnet),
        _NAT,
        *(() if intent.protocol is None else (ProtocolMatch(intent.protocol),)),
        AddressMatch(Field.SADDR, subnet),
        AddressMatch(Field.DADDR, subnet, negated=True),
        *_to(intent.device),
        _COUNTER,
        Masquerade(ports) if addresses is None else Snat(addresses.start, addresses.end, ports),
    )


def _rule(intent: Intent, family: Family, chain: str, *statements: Statement) -> Operation:
    return Operation(Verb.MAKE, Rule(_TABLES[family], chain, statements), intent)


def _iif(bridge: str) -> InterfaceMatch:
    return InterfaceMatch(Meta.IIF, bridge)


def _oif(bridge: str) -> InterfaceMatch:
    return InterfaceMatch(Meta.OIF, bridge)


def _to(device: str | None) -> tuple[InterfaceMatch, ...]:
    return () if device is None else (InterfaceMatch(Meta.OIFNAME, device),)


def _by(device: str | None) -> tuple[InterfaceMatch, ...]:
    return () if device is None else (InterfaceMatch(Meta.IIFNAME, device),)


def _ports(ports: PortRange | None) -> Ports | None:
    return None if ports is None else Ports(ports.start, ports.end)
