"""What networks' promises make of a flow: whether it passes, under which source, and because of which promise.

This is libvirt's meaning of the promises, told without any rule, so that a kernel or a whole host's rules can be held
against it. The promises of all networks are taken together, in the order in which the networks were started, since that
order has effects:

- whether guests of one bridge talk is asked first, then what enters a bridge, then what leaves one. The first promise
  that is about a flow decides, so that what may enter one network may leave every other, also an isolated one;
- of two promises at one place the later one is asked first: of networks, the one that was started last, and of one
  network, multicast and broadcast before TCP and UDP before everything else.

What no promise is about passes, as far as the networks are concerned.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from fwplan.plan.intents import (
    SERVICE_PORTS,
    Family,
    GuestsTalk,
    KeepSource,
    MayEnter,
    MayLeave,
    ReachService,
    RefuseEntering,
    RefuseLeaving,
    RepliesReturn,
    TranslateSource,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fwplan.network.addressing import Address
    from fwplan.plan.intents import Intent

Transport = Literal["tcp", "udp", "icmp"]
"""What a flow is of; `icmp` is that of its family."""

_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Flow:
    """Packets in one direction, as the host forwards them, gets them or sends them.

    Attributes:
        source: where they come from. For replies to a translated source: still the other side.
        destination: where they go; for replies to a translated source the guest, to whom they are translated back.
        transport: TCP, UDP or ICMP.
        entered_by: the interface by which they come to the host; None for what the host itself sends.
        leaves_by: the interface by which they leave the host; None for what is for the host itself.
        source_port: of TCP and UDP, before any translation.
        destination_port: of TCP and UDP.
        belongs_to_connection: whether a connection was begun by the other side, or earlier; if not, this is its first
            packet.
    """

    source: Address
    destination: Address
    transport: Transport
    entered_by: str | None
    leaves_by: str | None
    source_port: int | None = None
    destination_port: int | None = None
    belongs_to_connection: bool = False

    @property
    def family(self) -> Family:
        """The version of IP."""
        return Family.IPV4 if self.destination.version == 4 else Family.IPV6


@dataclass(frozen=True, slots=True)
class Appearance:
    """The sources under which the other side may see a flow.

    Attributes:
        device: any address of this interface of the host; None when the addresses are given.
        addresses: the first and the last of the addresses, where they are given.
        ports: the lowest and the highest source port; None for ICMP.
    """

    device: str | None
    addresses: tuple[Address, Address] | None
    ports: tuple[int, int] | None

    def allows(self, address: Address, port: int | None, of_device: Iterable[Address]) -> bool:
        """Whether a source that was seen is one of these.

        Args:
            address: that was seen.
            port: that was seen; None for ICMP.
            of_device: the addresses of `device`.
        """
        if self.ports is not None and (port is None or not self.ports[0] <= port <= self.ports[1]):
            return False
        if self.addresses is None:
            return address in of_device
        first, last = self.addresses
        return address.version == first.version and int(first) <= int(address) <= int(last)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is to become of a flow.

    Attributes:
        passes: whether it does; what does not is refused.
        because: the promise that decides it; None when none is about it.
        appearance: the sources under which it may appear; None for what is refused, and for what belongs to a
            connection, whose first packet has settled that.
        appearance_because: the promise that settles the source; None when none is about it, and it stays as it is.
    """

    passes: bool
    because: Intent | None
    appearance: Appearance | None = None
    appearance_because: TranslateSource | KeepSource | None = None


@dataclass(frozen=True, slots=True)
class _BySubnet:
    """Promises about the source, found by an address without asking all of them.

    Attributes:
        found: by version and length of the prefix, then by the first bits: each with its place in the order of asking.
    """

    found: dict[tuple[int, int], dict[int, list[tuple[int, TranslateSource | KeepSource]]]]

    def add(self, place: int, intent: TranslateSource | KeepSource) -> None:
        """Add a promise that is asked at that place."""
        subnet = intent.subnet
        bits = int(subnet.network_address) >> (subnet.max_prefixlen - subnet.prefixlen)
        same_length = self.found.setdefault((subnet.version, subnet.prefixlen), {})
        same_length.setdefault(bits, []).append((place, intent))

    def about(self, source: Address) -> list[TranslateSource | KeepSource]:
        """Those whose subnet has the address, in the order of asking."""
        number, length = int(source), source.max_prefixlen
        about = [
            each
            for (version, prefix), by_bits in self.found.items()
            if version == source.version
            for each in by_bits.get(number >> (length - prefix), ())
        ]
        return [intent for _, intent in sorted(about, key=lambda each: each[0])]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Promises by where they are asked, each list in the order of asking."""

    talking: dict[tuple[str, Family], GuestsTalk] = field(default_factory=dict)
    entering: dict[tuple[str, Family], list[MayEnter | RepliesReturn | RefuseEntering]] = field(
        default_factory=lambda: defaultdict(list)
    )
    leaving: dict[tuple[str, Family], list[MayLeave | RefuseLeaving]] = field(default_factory=lambda: defaultdict(list))
    source: _BySubnet = field(default_factory=lambda: _BySubnet({}))
    services: dict[tuple[str, Family], list[ReachService]] = field(default_factory=lambda: defaultdict(list))


class Expectations:
    """The promises of all networks of a host, as something that can be asked about flows."""

    def __init__(self, promised: Sequence[Intent]) -> None:
        """Take the promises of all networks together, in the order in which the networks were started."""
        self._asked = _Asked()
        # What was promised later is asked first.
        for place, intent in enumerate(reversed(promised)):
            self._add(place, intent)

    def _add(self, place: int, intent: Intent) -> None:
        asked = self._asked
        match intent:
            case GuestsTalk(bridge, family):
                asked.talking[bridge, family] = intent
            case MayEnter(bridge, subnet) | RepliesReturn(bridge, subnet):
                asked.entering[bridge, Family.of(subnet)].append(intent)
            case RefuseEntering(bridge, family):
                asked.entering[bridge, family].append(intent)
            case MayLeave(bridge, subnet):
                asked.leaving[bridge, Family.of(subnet)].append(intent)
            case RefuseLeaving(bridge, family):
                asked.leaving[bridge, family].append(intent)
            case TranslateSource() | KeepSource():
                asked.source.add(place, intent)
            case ReachService(bridge, family):
                asked.services[bridge, family].append(intent)
            case _:
                pass  # about no flow

    def of(self, flow: Flow) -> Expectation:
        """What is to become of a flow."""
        because = self._decider(flow)
        if isinstance(because, RefuseEntering | RefuseLeaving):
            return Expectation(passes=False, because=because)
        if flow.belongs_to_connection:
            return Expectation(passes=True, because=because)
        settles = None if flow.leaves_by is None else self._settles_source(flow)
        return Expectation(
            passes=True, because=because, appearance=_appearance(flow, settles), appearance_because=settles
        )

    def _decider(self, flow: Flow) -> Intent | None:
        if flow.entered_by is None or flow.leaves_by is None:
            return self._service(flow)
        talks = self._asked.talking.get((flow.leaves_by, flow.family))
        if talks is not None and flow.entered_by == flow.leaves_by:
            return talks
        for entering in self._asked.entering.get((flow.leaves_by, flow.family), ()):
            if _is_about_entering(entering, flow):
                return entering
        for leaving in self._asked.leaving.get((flow.entered_by, flow.family), ()):
            if _is_about_leaving(leaving, flow):
                return leaving
        return None

    def _service(self, flow: Flow) -> ReachService | None:
        bridge = flow.entered_by or flow.leaves_by
        if bridge is None:
            return None
        for reach in self._asked.services.get((bridge, flow.family), ()):
            ports = SERVICE_PORTS[reach.service]
            port = ports.on_host if flow.leaves_by is None else ports.on_guest
            if flow.transport in ports.protocols and flow.destination_port == port:
                return reach
        return None

    def _settles_source(self, flow: Flow) -> TranslateSource | KeepSource | None:
        for intent in self._asked.source.about(flow.source):
            if intent.device not in {None, flow.leaves_by}:
                continue
            match intent:
                case KeepSource():
                    if flow.destination in intent.destination:
                        return intent
                case TranslateSource():
                    if flow.destination not in intent.subnet and intent.protocol in {None, flow.transport}:
                        return intent
        return None


def _is_about_entering(intent: MayEnter | RepliesReturn | RefuseEntering, flow: Flow) -> bool:
    if isinstance(intent, RefuseEntering):
        return True
    if isinstance(intent, RepliesReturn) and not flow.belongs_to_connection:
        return False
    return flow.destination in intent.subnet and intent.device in {None, flow.entered_by}


def _is_about_leaving(intent: MayLeave | RefuseLeaving, flow: Flow) -> bool:
    if isinstance(intent, RefuseLeaving):
        return True
    return flow.source in intent.subnet and intent.device in {None, flow.leaves_by}


def _appearance(flow: Flow, settles: TranslateSource | KeepSource | None) -> Appearance:
    if not isinstance(settles, TranslateSource):
        port = flow.source_port
        return Appearance(None, (flow.source, flow.source), None if port is None else (port, port))
    if flow.transport == "icmp":
        ports = None
    elif settles.ports is None:
        ports = (0, _HIGHEST_PORT)
    else:
        ports = (settles.ports.start, settles.ports.end)
    if settles.addresses is None:
        return Appearance(flow.leaves_by, None, ports)
    return Appearance(None, (settles.addresses.start, settles.addresses.end), ports)
