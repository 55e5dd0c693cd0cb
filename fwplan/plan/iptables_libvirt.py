"""Promises as iptables operations in libvirt's own layout: private chains, each entered from a built-in one.

Every rule is put at the head of its chain, so that the last one made is the first that a packet meets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.iptables.objects import (
    BelongsToConnection,
    Chain,
    Destination,
    FillChecksum,
    InInterface,
    JumpTo,
    Masquerade,
    OutInterface,
    Ports,
    ProtocolIs,
    Rule,
    Snat,
    Source,
)
from fwplan.plan.intents import (
    SERVICE_PORTS,
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
    Service,
    SetUp,
    TranslateSource,
)
from fwplan.plan.operations import Operation, Verb, ZoneMember

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fwplan.iptables.objects import Match, Program, TableName, Target
    from fwplan.network.forward import PortRange

_PROGRAMS: dict[Family, Program] = {Family.IPV4: "iptables", Family.IPV6: "ip6tables"}
_ACCEPT, _REJECT, _RETURN = JumpTo("ACCEPT"), JumpTo("REJECT"), JumpTo("RETURN")
_INPUT, _OUTPUT = "LIBVIRT_INP", "LIBVIRT_OUT"
_FORWARD_OUT, _FORWARD_IN, _FORWARD_CROSS = "LIBVIRT_FWO", "LIBVIRT_FWI", "LIBVIRT_FWX"
_POSTROUTING = "LIBVIRT_PRT"

_PRIVATE_CHAINS: tuple[tuple[TableName, str, str, str], ...] = (
    ("filter", _INPUT, "INPUT", "what guests send to the host"),
    ("filter", _OUTPUT, "OUTPUT", "what the host sends to guests"),
    ("filter", _FORWARD_OUT, "FORWARD", "what leaves a bridge"),
    ("filter", _FORWARD_IN, "FORWARD", "what enters a bridge"),
    ("filter", _FORWARD_CROSS, "FORWARD", "what stays on a bridge"),
    ("nat", _POSTROUTING, "POSTROUTING", "the translation of source addresses"),
    ("mangle", _POSTROUTING, "POSTROUTING", "the repair of checksums"),
)


def set_up() -> tuple[Operation, ...]:
    """libvirt's private chains and the jumps to them, for both families."""
    return tuple(operation for family in Family for operation in _set_up(_PROGRAMS[family]))


def _set_up(program: Program) -> Iterator[Operation]:
    for table, private, built_in, what in _PRIVATE_CHAINS:
        yield Operation(Verb.MAKE, Chain(program, table, private), SetUp(f"rules of all networks for {what}"))
        entry = Rule(Chain(program, table, built_in), (), JumpTo(private))
        yield Operation(Verb.MAKE, entry, SetUp(f"asks {private} first"))


def lower(promised: Sequence[Sequence[Intent]]) -> list[tuple[Operation, ...]]:
    """The operations that keep the promises of each network, in libvirt's order: the repair of checksums comes last."""
    ordered = [sorted(intents, key=lambda intent: isinstance(intent, RepairChecksums)) for intents in promised]
    return [tuple(operation for intent in intents for operation in _operations(intent)) for intents in ordered]


def _operations(intent: Intent) -> Iterable[Operation]:
    match intent:
        case JoinZone(bridge, zone):
            return (Operation(Verb.MAKE, ZoneMember(zone, bridge), intent),)
        case RepairChecksums(bridge, serves_dhcp):
            return _checksum_operations(intent, bridge) if serves_dhcp else ()
        case SetUp():
            return ()
        case ReachService():
            return _service_operations(intent)
        case RefuseLeaving(bridge, family):
            return (_filter(intent, family, _FORWARD_OUT, [InInterface(bridge)], _REJECT),)
        case RefuseEntering(bridge, family):
            return (_filter(intent, family, _FORWARD_IN, [OutInterface(bridge)], _REJECT),)
        case GuestsTalk(bridge, family):
            return (_filter(intent, family, _FORWARD_CROSS, [InInterface(bridge), OutInterface(bridge)], _ACCEPT),)
        case MayLeave(bridge, subnet, device):
            leaving: list[Match] = [Source(subnet), InInterface(bridge), *_to(device)]
            return (_filter(intent, Family.of(subnet), _FORWARD_OUT, leaving, _ACCEPT),)
        case MayEnter(bridge, subnet, device):
            entering: list[Match] = [Destination(subnet), *_by(device), OutInterface(bridge)]
            return (_filter(intent, Family.of(subnet), _FORWARD_IN, entering, _ACCEPT),)
        case RepliesReturn(bridge, subnet, device):
            replies: list[Match] = [Destination(subnet), *_by(device), OutInterface(bridge), BelongsToConnection()]
            return (_filter(intent, Family.of(subnet), _FORWARD_IN, replies, _ACCEPT),)
        case TranslateSource():
            return (_translation(intent),)
        case KeepSource(subnet, device, group):
            return (_nat(intent, Family.of(subnet), [*_to(device), Source(subnet), Destination(group)], _RETURN),)


def _checksum_operations(intent: RepairChecksums, bridge: str) -> Iterable[Operation]:
    chain = Chain("iptables", "mangle", _POSTROUTING)
    matches = (OutInterface(bridge), ProtocolIs("udp", SERVICE_PORTS[Service.DHCP].on_guest))
    return (Operation(Verb.MAKE, Rule(chain, matches, FillChecksum()), intent, may_fail=True),)


def _service_operations(intent: ReachService) -> Iterator[Operation]:
    ports = SERVICE_PORTS[intent.service]
    for protocol in ports.protocols:
        asked: list[Match] = [InInterface(intent.bridge), ProtocolIs(protocol, ports.on_host)]
        yield _filter(intent, intent.family, _INPUT, asked, _ACCEPT)
    for protocol in ports.protocols:
        answered: list[Match] = [OutInterface(intent.bridge), ProtocolIs(protocol, ports.on_guest)]
        yield _filter(intent, intent.family, _OUTPUT, answered, _ACCEPT)


def _translation(intent: TranslateSource) -> Operation:
    subnet = intent.subnet
    ports = _ports(intent.ports)
    addresses = intent.addresses
    matches: list[Match] = [
        Source(subnet),
        *([] if intent.protocol is None else [ProtocolIs(intent.protocol)]),
        Destination(subnet, negated=True),
        *_to(intent.device),
    ]
    target = Masquerade(ports) if addresses is None else Snat(addresses.start, addresses.end, ports)
    return _nat(intent, Family.of(subnet), matches, target)


def _filter(intent: Intent, family: Family, chain: str, matches: list[Match], target: Target) -> Operation:
    return Operation(Verb.MAKE, Rule(Chain(_PROGRAMS[family], "filter", chain), tuple(matches), target), intent)


def _nat(intent: Intent, family: Family, matches: list[Match], target: Target) -> Operation:
    return Operation(Verb.MAKE, Rule(Chain(_PROGRAMS[family], "nat", _POSTROUTING), tuple(matches), target), intent)


def _to(device: str | None) -> tuple[OutInterface, ...]:
    return () if device is None else (OutInterface(device),)


def _by(device: str | None) -> tuple[InInterface, ...]:
    return () if device is None else (InInterface(device),)


def _ports(ports: PortRange | None) -> Ports | None:
    return None if ports is None else Ports(ports.start, ports.end)
