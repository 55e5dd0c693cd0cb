"""The whole way of a packet through a host, hook after hook, and the reply to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from fwplan.simulate.fib import address_of, address_type, find_route
from fwplan.simulate.outcome import Doubt, Outcome, Refuse, Undecided
from fwplan.simulate.packet import NO_INTERFACE, Connection, Packet
from fwplan.simulate.simulator import at_hook
from fwplan.simulate.state import PACKET_TYPES, State
from fwplan.simulate.tracing import Gone, common, verdict_of
from fwplan.simulate.walk import ACCEPTED, DROPPED, Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fwplan.simulate.outcome import Verdict
    from fwplan.simulate.packet import Interface
    from fwplan.simulate.simulator import Part, Simulator


@dataclass(frozen=True, slots=True)
class ToHost:
    """The packet is for the host itself."""


@dataclass(frozen=True, slots=True)
class Out:
    """The packet leaves by an interface.

    Attributes:
        interface: by which IP sends it.
        port: of the bridge that the interface is, where it is one; None where that is not known.
    """

    interface: Interface
    port: Interface | None = None


@dataclass(frozen=True, slots=True)
class Bridged:
    """The frame stays on its bridge, and leaves it by a port."""

    port: Interface


Course = ToHost | Out | Bridged


@dataclass(frozen=True)
class Flow:
    """A packet's way through a host.

    Attributes:
        sent: the packet as it came.
        course: where it went, as far as it is known.
        verdict: of all hooks together.
        outcomes: at each hook, in order; for an undecided one up to the first statement that decides.
        packet: as it left the host, or came to its own programs; what is not known of it any longer is None.
    """

    sent: Packet
    course: Course | None
    verdict: Verdict
    outcomes: tuple[Outcome, ...]
    packet: Packet


class _Leg(NamedTuple):
    """The way through one hook."""

    family: str
    hook: str
    ending: Ending


class _Way(NamedTuple):
    """One of the ways through the host. It is an ending of all hooks together."""

    verdict: object
    state: State
    events: tuple[_Leg, ...]
    choices: tuple[tuple[Doubt, str], ...]
    course: Course | None


class _Move(NamedTuple):
    """What comes next: a hook.

    Attributes:
        family: whose hook.
        hook: which.
        iif: by which interface the packet is seen to come in.
        oif: by which it is seen to leave.
        then: what comes after it.
        part: of the stages of the hook.
        hops: that the packet has made since the hook before.
        on_bridge: whether rules of IP see what a bridge carries, for which the frame is taken to be for the host.
        in_port: by which port of a bridge the rules of IP see it come in; None for the same as before.
        out_port: by which they see it leave.
    """

    family: str
    hook: str
    iif: Interface | None
    oif: Interface | None
    then: Callable[[State], _Next]
    part: Part = "all"
    hops: int = 0
    on_bridge: bool = False
    in_port: str | None = None
    out_port: str | None = None


class _Stop(NamedTuple):
    """The way ends, outside of all rules: it arrived, or there is no way."""

    doubt: Doubt | None = None
    refused: str | None = None


class _Fork(NamedTuple):
    """What comes next is one of several things, and it is not known which."""

    doubt: Doubt
    choices: tuple[tuple[str, _Next], ...]


_Next = _Move | _Stop | _Fork
_ARRIVED = _Stop()
_HOST, _OTHER_HOST = PACKET_TYPES["host"], PACKET_TYPES["other"]


def flow(simulator: Simulator, packet: Packet, course: Course | None = None) -> Flow:
    """The way of a packet through a host.

    Args:
        simulator: the host.
        packet: as it comes in by its interface, a port of a bridge or any other, or as the host itself sends it.
        course: where routing sends it, as far as rules do not change its destination; None to find it by the host's
            addresses and routes.
    """
    state = State(packet)
    journey = _Journey(simulator, packet, course)
    ways = list(journey.ways(journey.first(state), state, ()))
    return _flow(packet, ways)


def _flow(packet: Packet, ways: list[_Way]) -> Flow:
    endings = [Ending(way.verdict, way.state, way.events, way.choices) for way in ways]  # type: ignore[arg-type]
    verdict = verdict_of(endings)
    way = ways[0]
    legs: Sequence[_Leg] = way.events
    first = verdict.because[0] if isinstance(verdict, Undecided) else None
    if first is not None:
        legs = _common_legs(ways)
    outcomes = []
    for number, leg in enumerate(legs):
        last = number == len(legs) - 1
        doubt = first if last else None
        found: Verdict = leg.ending.verdict if doubt is None else verdict
        outcomes.append(Outcome(leg.family, leg.hook, found, Gone(leg.ending.state, leg.ending.events, doubt)))
    return Flow(packet, way.course, verdict, tuple(outcomes), way.state.as_packet())


def _common_legs(ways: list[_Way]) -> list[_Leg]:
    """The legs that all ways have in common, and of the next one what they have in common."""
    shared: list[_Leg] = []
    for legs in zip(*[way.events for way in ways], strict=False):
        first = legs[0]
        if all(leg.ending.events == first.ending.events and leg[:2] == first[:2] for leg in legs[1:]):
            shared.append(first)
            continue
        if all(leg[:2] == first[:2] for leg in legs[1:]):
            events = common([leg.ending for leg in legs])
            shared.append(first._replace(ending=first.ending._replace(events=events)))
        break
    return shared


class _Journey:
    """A packet under way."""

    def __init__(self, simulator: Simulator, packet: Packet, course: Course | None) -> None:
        self._simulator = simulator
        self._world = simulator.world
        self._family = packet.family
        self._course = course
        self._destinations = frozenset(_destinations(packet))
        self._sender = packet.in_interface

    def ways(self, move: _Next, state: State, before: tuple[_Leg, ...]) -> Iterator[_Way]:
        """All ways on from a move."""
        while isinstance(move, _Move):
            endings = self._simulator.ways(move.hook, self._at(move, state), move.family, move.part)
            if len(endings) > 1:
                yield from self._after(endings, move, state, before)
                return
            ending = endings[0]
            before = (*before, _Leg(move.family, move.hook, ending))
            state = self._left_hook(move, state, ending.state)
            if ending.verdict != ACCEPTED:
                yield _Way(ending.verdict, state, before, (), self._found(state))
                return
            move = move.then(state)
        if isinstance(move, _Fork):
            for label, choice in move.choices:
                for way in self.ways(choice, state, before):
                    yield way._replace(choices=((move.doubt, label), *way.choices))
        else:
            yield from self._stopped(move, state, before)

    def _at(self, move: _Move, state: State) -> State:
        state = state.copy()
        state.iif, state.iifname = move.iif, None if move.iif is None else move.iif.name
        state.oif, state.oifname = move.oif, None if move.oif is None else move.oif.name
        if move.in_port is not None:
            state.in_port, state.out_port = move.in_port, ""
        if move.out_port is not None:
            state.out_port = move.out_port
        if move.family in {"ip", "ip6"}:
            at_hook(state, move.hook)
        if move.hops and state.ttl is not None:
            state.ttl -= move.hops
        if move.on_bridge and state.pkttype == _OTHER_HOST:
            state.pkttype = _HOST
        return state

    def _after(self, endings: list[Ending], move: _Move, came: State, before: tuple[_Leg, ...]) -> Iterator[_Way]:
        """On from each of the endings at a hook; from those that are alike but once."""
        further: dict[tuple[object, ...], list[_Way]] = {}
        for ending in endings:
            state = ending.state
            legs = (*before, _Leg(move.family, move.hook, ending))
            if ending.verdict != ACCEPTED:
                yield _Way(ending.verdict, state, legs, ending.choices, self._found(state))
                continue
            key = (state.key(), state.assumed)
            if key not in further:
                on = self._left_hook(move, came, state)
                further[key] = list(self.ways(move.then(on), on, ()))
            for way in further[key]:
                yield way._replace(events=legs + way.events, choices=(*ending.choices, *way.choices))

    def _left_hook(self, move: _Move, came: State, left: State) -> State:
        """After rules of IP have seen a frame of a bridge, it is as it was to the bridge."""
        if not move.on_bridge or came.pkttype != _OTHER_HOST or left.pkttype != _HOST:
            return left
        left = left.copy()
        left.pkttype = _OTHER_HOST
        return left

    def _stopped(self, stop: _Stop, state: State, legs: tuple[_Leg, ...]) -> Iterator[_Way]:
        course = self._found(state)
        if stop.refused is not None:
            yield _Way(Refuse(stop.refused), state, legs, (), course)
        elif stop.doubt is not None:
            yield _Way(ACCEPTED, state, legs, ((stop.doubt, "there is a way"),), course)
            yield _Way(DROPPED, state, legs, ((stop.doubt, "there is none"),), course)
        else:
            yield _Way(ACCEPTED, state, legs, (), course)

    # Where it goes

    def first(self, state: State) -> _Next:
        """The first hook."""
        arrived = self._sender
        if arrived is None:
            return _Stop(Doubt("in_interface", "it is not given by which interface the packet came"))
        if not arrived.name:
            return self._sent_by_host(state)
        if arrived.bridge:
            return self._into_bridge(arrived)
        return _Move(self._family, "prerouting", arrived, NO_INTERFACE, self._routed, in_port="")

    def _into_bridge(self, port: Interface) -> _Next:
        """By a port of a bridge, whose frames may have to pass the rules of IP there already."""
        bridge = self._world.interface(port.bridge) or replace(
            NO_INTERFACE, name=port.bridge, index=None, kind="bridge"
        )
        alone = _Move("bridge", "prerouting", port, NO_INTERFACE, lambda _: self._on_bridge(port, bridge))
        late = _Move("bridge", "prerouting", port, NO_INTERFACE, lambda now: self._filtered(now, port, bridge), "late")
        with_ip = _Move(
            self._family, "prerouting", bridge, NO_INTERFACE, lambda _: late, on_bridge=True, in_port=port.name
        )
        early = _Move("bridge", "prerouting", port, NO_INTERFACE, lambda _: with_ip, "early")
        return self._if_netfilter(early, alone)

    def _if_netfilter(self, with_ip: _Next, alone: _Next) -> _Next:
        filtered = self._world.bridge_netfilter
        if filtered is None:
            doubt = Doubt("bridge-nf-call-iptables", "it is not known whether rules of IP see what a bridge carries")
            return _Fork(doubt, (("they do not", alone), ("they do", with_ip)))
        return with_ip if filtered else alone

    def _on_bridge(self, port: Interface, bridge: Interface) -> _Next:
        """After prerouting of the bridge alone."""
        if isinstance(self._course, Bridged):
            out = self._course.port
            leave = _Move("bridge", "postrouting", NO_INTERFACE, out, _arrived)
            return _Move("bridge", "forward", port, out, lambda _: leave)
        enter = _Move(self._family, "prerouting", bridge, NO_INTERFACE, self._routed, in_port="")
        return _Move("bridge", "input", port, NO_INTERFACE, lambda _: enter)

    def _filtered(self, state: State, port: Interface, bridge: Interface) -> _Next:
        """After prerouting of the bridge and of IP."""
        if state.daddr not in self._destinations:
            course = self._found(state)
            if course is None or (isinstance(course, Out) and course.interface.name == bridge.name):
                return _Stop(Doubt("the new destination", "fwplan does not follow a bridged frame that rules redirect"))
            state.pkttype = _HOST
        elif isinstance(self._course, Bridged):
            return self._bridged_through_ip(port, bridge, self._course.port)
        return _Move("bridge", "input", port, NO_INTERFACE, lambda now: self._routed(self._by(now, bridge)))

    def _bridged_through_ip(self, port: Interface, bridge: Interface, out: Interface) -> _Next:
        """From port to port, and the rules of IP see it."""
        leave_ip = _Move(self._family, "postrouting", NO_INTERFACE, bridge, _arrived, on_bridge=True)
        leave = _Move("bridge", "postrouting", NO_INTERFACE, out, lambda _: leave_ip)
        late = _Move("bridge", "forward", port, out, lambda _: leave, "late")
        with_ip = _Move(self._family, "forward", bridge, bridge, lambda _: late, on_bridge=True, out_port=out.name)
        return _Move("bridge", "forward", port, out, lambda _: with_ip, "early")

    def _by(self, state: State, interface: Interface) -> State:
        state = state.copy()
        state.iif, state.iifname = interface, interface.name
        return state

    def _routed(self, state: State) -> _Next:
        """After prerouting: to the host, or on."""
        course = self._found(state)
        match course:
            case ToHost():
                return _Move(self._family, "input", state.iif, NO_INTERFACE, _arrived)
            case Out() if state.pkttype not in {None, _HOST}:
                # the kernel forwards no frame that was sent to several, whatever rules made of its destination
                return _Stop(refused="")
            case Out(interface, port):
                leave = _Move(
                    self._family, "postrouting", state.iif, interface, lambda now: _left(now, interface, port)
                )
                return _Move(self._family, "forward", state.iif, interface, lambda _: leave, hops=1)
            case _:
                return self._nowhere(state)

    def _sent_by_host(self, state: State) -> _Next:
        course = self._found(state)
        if isinstance(course, Out):
            interface, port = course.interface, course.port
        elif isinstance(course, ToHost):
            interface, port = self._world.interface("lo") or replace(NO_INTERFACE, name="lo", index=1), None
        else:
            return self._nowhere(state)
        leave = lambda now: self._out_of_host(now, interface, port)  # noqa: E731 - as all that comes next is written
        return _Move(self._family, "output", NO_INTERFACE, interface, leave, in_port="")

    def _out_of_host(self, state: State, interface: Interface, port: Interface | None) -> _Next:
        """After output, where rules may have sent it elsewhere."""
        if state.daddr not in self._destinations:
            match self._found(state):
                case Out(elsewhere, its_port):
                    interface, port = elsewhere, its_port
                case ToHost():
                    interface, port = self._world.interface("lo") or replace(NO_INTERFACE, name="lo", index=1), None
                case _:
                    return self._nowhere(state)
        back = interface.name == "lo"
        return _Move(
            self._family,
            "postrouting",
            NO_INTERFACE,
            interface,
            (lambda _: self._looped(interface)) if back else (lambda now: _left(now, interface, port)),
        )

    def _looped(self, loopback: Interface) -> _Next:
        """What the host sends to itself comes in again."""
        enter = _Move(self._family, "input", loopback, NO_INTERFACE, _arrived)
        return _Move(self._family, "prerouting", loopback, NO_INTERFACE, lambda _: enter)

    def _nowhere(self, state: State) -> _Next:
        if state.daddr is not None and self._world.routes is not None and self._world.addresses is not None:
            return _Stop(refused="icmp net-unreachable" if self._family == "ip" else "icmpv6 no-route")
        there = "the destination" if state.daddr is None else str(address_of(state.daddr, self._family))
        return _Stop(Doubt(f"route to {there}", "it is not known which way it goes"))

    def _found(self, state: State) -> Course | None:
        """Where a packet goes: as was given for its destination, or by addresses and routes."""
        if state.daddr in self._destinations and self._course is not None:
            return self._course
        if state.daddr is None:
            return None
        address = address_of(state.daddr, self._family)
        match address_type(address, self._world):
            case "local" | "broadcast" | "multicast":
                return ToHost()
            case None:
                return None
        route = find_route(address, self._world)
        interface = None if route is None or route.type != "unicast" else self._world.interface(route.interface)
        port = self._world.ports.get(address)
        return None if interface is None else Out(interface, None if port is None else self._world.interface(port))


def _destinations(packet: Packet) -> Iterator[int | None]:
    """Where a packet is for; a reply is for whoever began, whatever address it comes to."""
    yield None if packet.destination is None else int(packet.destination)
    connection = packet.connection
    if connection is not None and connection.direction == "reply" and connection.original is not None:
        source = connection.original.source
        yield from () if source is None else (int(source),)


def _arrived(_: State) -> _Next:
    return _ARRIVED


def _left(_: State, interface: Interface, port: Interface | None) -> _Next:
    """After postrouting of IP: where the interface is a bridge, through that."""
    if interface.kind != "bridge":
        return _ARRIVED
    leave = _Move("bridge", "postrouting", NO_INTERFACE, port, _arrived)
    return _Move("bridge", "output", NO_INTERFACE, port, lambda _: leave)


def reply(found: Flow) -> Packet | None:
    """The answer to a packet that got through, as it comes to the host; None where it is not known whence."""
    packet = found.packet
    connection = packet.connection
    if connection is None or connection.reply is None or not isinstance(found.course, ToHost | Out | Bridged):
        return None
    back = connection.reply
    match found.course:
        case ToHost():
            interface: Interface | None = NO_INTERFACE
        case Out(out, port):
            interface = port or out
        case Bridged(port):
            interface = port
    answer = Packet(
        packet.family,
        interface,
        None,
        back.source,
        back.destination,
        packet.protocol,
        back.source_port,
        back.destination_port,
        connection=Connection(
            "established",
            "reply",
            None if connection.status is None else connection.status | {"seen-reply", "confirmed"},
            connection.mark,
            connection.original,
            connection.reply,
            connection.helper,
            connection.zone,
        ),
        type="host",
    )
    if packet.protocol == _TCP and packet.tcp_flags == frozenset({"syn"}):
        answer = replace(answer, tcp_flags=frozenset({"syn", "ack"}))
    if packet.icmp_type in _ECHO_REPLY:
        answer = replace(answer, icmp_type=_ECHO_REPLY[packet.icmp_type], icmp_code=0, icmp_id=packet.icmp_id)
    return answer


_TCP = 6
_ECHO_REPLY = {8: 0, 128: 129}
