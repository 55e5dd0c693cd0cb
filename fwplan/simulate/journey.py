"""A packet under way: from hook to hook, as the kernel leads it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from fwplan.simulate.course import Bridged, Course, Out, ToHost
from fwplan.simulate.fib import address_of, address_type
from fwplan.simulate.outcome import Doubt, Refuse
from fwplan.simulate.packet import NO_INTERFACE
from fwplan.simulate.simulator import at_hook
from fwplan.simulate.state import CONFIRMED_EARLY, CT_STATUS, PACKET_TYPES, State, mac_number
from fwplan.simulate.ways import ACCEPTED, DROPPED, Leaf, after, ended, extended, parted

if TYPE_CHECKING:
    from collections.abc import Callable

    from fwplan.simulate.packet import Interface, Packet
    from fwplan.simulate.simulator import Part, Simulator
    from fwplan.simulate.ways import Event, Way


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
        framed: the packet in another frame than before.
        on_bridge: whether rules of IP see what a bridge carries, for which the frame is taken to be for the host.
        in_port: by which port of a bridge the rules of IP see it come in, empty for none; None for the same as before.
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
    framed: State | None = None
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
_REFUSED = _Stop(refused="")
_HOST, _OTHER_HOST = PACKET_TYPES["host"], PACKET_TYPES["other"]


class Journey:
    """A packet under way."""

    def __init__(self, simulator: Simulator, packet: Packet, course: Course | None, back: Course | None = None) -> None:
        self._simulator = simulator
        self._world = simulator.world
        self._family = packet.family
        self._course = course
        self._back = back
        self._beginner = _beginner(packet)
        self._destination = None if packet.destination is None else int(packet.destination)
        self._sender = packet.in_interface

    def ways(self, move: _Next, state: State) -> Way:
        """The ways on from a move."""
        match move:
            case _Move():
                here = self._simulator.ways(move.hook, self._at(move, state), move.family, move.part)
                entered: Event = ("hook", None, None, None, (move.family, move.hook), ())
                return after((entered,), extended(here, lambda leaf: self._on(move, state, leaf)))
            case _Fork(doubt, choices):
                return parted([(label, self.ways(choice, state)) for label, choice in choices], doubt)
            case _Stop(None, None):
                return ended(ACCEPTED, state, ())
            case _Stop(None, str() as told):
                return ended(Refuse(told), state, ())
            case _Stop(Doubt() as doubt):
                either = [("there is a way", ended(ACCEPTED, state, ())), ("there is none", ended(DROPPED, state, ()))]
                return parted(either, doubt)
            case _:
                raise AssertionError(move)

    def _on(self, move: _Move, came: State, leaf: Leaf) -> Way:
        """On from one of the ends at a hook."""
        state = self._left_hook(move, came, leaf.state)
        left: Event = ("left", None, None, Leaf(leaf.verdict, state), (), ())
        if leaf.verdict != ACCEPTED:
            return ended(leaf.verdict, state, (left,))
        return after((left,), self.ways(move.then(state), state))

    def _at(self, move: _Move, state: State) -> State:
        state = (move.framed or state).copy()
        state.iif, state.iifname = move.iif, None if move.iif is None else move.iif.name
        state.oif, state.oifname = move.oif, None if move.oif is None else move.oif.name
        if move.in_port is not None:
            state.in_port, state.out_port = move.in_port, ""
        if move.out_port is not None:
            state.out_port = move.out_port
        if move.family != "bridge":
            at_hook(state, move.hook)
        if move.hops and state.ttl is not None:
            state.ttl -= move.hops
        if move.on_bridge and state.pkttype == _OTHER_HOST:
            state.pkttype = _HOST
        return state

    def _left_hook(self, move: _Move, came: State, left: State) -> State:
        """After rules of IP have seen a frame of a bridge, it is as it was to the bridge."""
        if not move.on_bridge or came.pkttype != _OTHER_HOST or left.pkttype != _HOST:
            return left
        left = left.copy()
        left.pkttype = _OTHER_HOST
        return left

    # Where it goes

    def first(self, state: State) -> _Next:
        """The first hook."""
        arrived = self._sender
        if arrived is None:
            return _Stop(Doubt("in_interface", "it is not given by which interface the packet came"))
        if not arrived.name:
            return self._sent_by_host(state)
        if arrived.bridge:
            return self._in_by(arrived, self._into_bridge(arrived))
        return self._in_by(arrived, self._into_host(arrived))

    def _into_host(self, interface: Interface) -> _Next:
        """By an interface of IP, or of ARP, which has but one hook there."""
        if self._family == "arp":
            return _Move("arp", "input", interface, NO_INTERFACE, _arrived)
        return _Move(self._family, "prerouting", interface, NO_INTERFACE, self._routed, in_port="")

    def _in_by(self, device: Interface, then: _Next) -> _Next:
        """By a device, whose own chains come first."""
        if not self._simulator.has_chains("netdev", "ingress"):
            return then
        return _Move("netdev", "ingress", device, NO_INTERFACE, lambda _: then)

    def _out_by(self, device: Interface | None, then: _Next = _ARRIVED) -> _Next:
        """Out by a device, whose own chains come last."""
        if not self._simulator.has_chains("netdev", "egress"):
            return then
        return _Move("netdev", "egress", NO_INTERFACE, device, lambda _: then)

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
        filtered = self._world.bridge_netfilter and self._family != "arp"
        if filtered is None:
            doubt = Doubt("bridge-nf-call-iptables", "it is not known whether rules of IP see what a bridge carries")
            return _Fork(doubt, (("they do not", alone), ("they do", with_ip)))
        return with_ip if filtered else alone

    def _on_bridge(self, port: Interface, bridge: Interface) -> _Next:
        """After prerouting of the bridge alone."""
        if isinstance(self._course, Bridged):
            out = self._course.port
            leave = _Move("bridge", "postrouting", NO_INTERFACE, out, lambda _: self._out_by(out))
            return _Move("bridge", "forward", port, out, lambda _: leave)
        enter = self._in_by(bridge, self._into_host(bridge))
        return _Move("bridge", "input", port, NO_INTERFACE, lambda _: enter)

    def _filtered(self, state: State, port: Interface, bridge: Interface) -> _Next:
        """After prerouting of the bridge and of IP."""
        if state.daddr != self._destination:
            match self.course_of(state):
                case Out(interface, out) if interface.name == bridge.name:
                    # it does not leave the bridge, and goes back by no port that it came by
                    if out is None:
                        return _Stop(
                            Doubt("the new destination", "it is not known behind which port of the bridge it is")
                        )
                    return _REFUSED if out == port else self._bridged_through_ip(port, bridge, out)
                case None:
                    return self._nowhere(state)
            state.pkttype = _HOST
        elif isinstance(self._course, Bridged):
            return self._bridged_through_ip(port, bridge, self._course.port)
        elif state.pkttype not in {None, _HOST}:
            state.translated |= {CONFIRMED_EARLY}
        return _Move("bridge", "input", port, NO_INTERFACE, lambda now: self._routed(self._by(now, bridge)))

    def _bridged_through_ip(self, port: Interface, bridge: Interface, out: Interface) -> _Next:
        """From port to port, and the rules of IP see it."""
        leave_ip = _Move(self._family, "postrouting", NO_INTERFACE, bridge, lambda _: self._out_by(out), on_bridge=True)
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
        match self.course_of(state):
            case ToHost():
                return _Move(self._family, "input", state.iif, NO_INTERFACE, _arrived)
            case Out(interface, port):
                # the kernel forwards no frame that was sent to several, whatever rules made of its destination
                for_one = self._is_for_one_station(state)
                if for_one is None:
                    doubt = Doubt("meta pkttype", "it is not given, and frames to several stations are not forwarded")
                    return _Fork(
                        doubt, (("it is for others too", _REFUSED), ("host", self._on_out(state, interface, port)))
                    )
                return self._on_out(state, interface, port) if for_one else _REFUSED
            case _:
                return self._nowhere(state)

    def _is_for_one_station(self, state: State) -> bool | None:
        """Whether the frame was sent to the host alone; None where that is not given, and it went to several."""
        if state.pkttype is not None:
            return state.pkttype == _HOST
        if self._destination is None:
            return True
        kind = address_type(address_of(self._destination, self._family), self._world)
        return None if kind in {"broadcast", "multicast"} else True

    def _on_out(self, state: State, interface: Interface, port: Interface | None) -> _Next:
        leave = _Move(self._family, "postrouting", state.iif, interface, lambda now: self._left(now, interface, port))
        return _Move(self._family, "forward", state.iif, interface, lambda _: leave, hops=1)

    def _sent_by_host(self, state: State) -> _Next:
        if self._family == "arp":
            leaving = state.oif
            return _Move("arp", "output", NO_INTERFACE, leaving, lambda _: self._out_by(leaving))
        course = self.course_of(state)
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
        if state.daddr != self._destination:
            match self.course_of(state):
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
            (lambda now: self._looped(now, interface)) if back else (lambda now: self._left(now, interface, port)),
        )

    def _looped(self, state: State, loopback: Interface) -> _Next:
        """What the host sends to itself comes in again, and its connection is confirmed by then."""
        if state.ct.status is not None:
            state.ct = state.tracked = state.ct._replace(status=state.ct.status | CT_STATUS["confirmed"])
        enter = _Move(self._family, "input", loopback, NO_INTERFACE, _arrived)
        return _Move(self._family, "prerouting", loopback, NO_INTERFACE, lambda _: enter)

    def _nowhere(self, state: State) -> _Next:
        if state.daddr is not None and self._world.routes is not None and self._world.addresses is not None:
            return _Stop(refused="icmp net-unreachable" if self._family == "ip" else "icmpv6 no-route")
        there = "the destination" if state.daddr is None else str(address_of(state.daddr, self._family))
        return _Stop(Doubt(f"route to {there}", "it is not known which way it goes"))

    def course_of(self, state: State) -> Course | None:
        """Where a packet goes: as was given for its destination, or by addresses and routes."""
        if state.daddr == self._destination and self._course is not None:
            return self._course
        if state.daddr is None:
            return None
        if state.daddr == self._beginner and self._back is not None:
            return self._back
        address = address_of(state.daddr, self._family)
        match address_type(address, self._world):
            case "local" | "broadcast" | "multicast":
                return ToHost()
            case None:
                return None
        route = self._world.route_to(address)
        interface = None if route is None or route.type != "unicast" else self._world.interface(route.interface)
        if interface is None:
            return None
        neighbour = self._world.neighbours.get(address)
        port = None if neighbour is None or not neighbour.port else self._world.interface(neighbour.port)
        return Out(interface, port)

    def _left(self, state: State, interface: Interface, port: Interface | None) -> _Next:
        """After postrouting of IP: where the interface is a bridge, through that, in a frame of the host's."""
        if interface.kind != "bridge":
            return self._out_by(interface)
        framed = state.copy()
        framed.smac = mac_number(interface.mac)
        to = None if state.daddr is None else self._world.neighbours.get(address_of(state.daddr, self._family))
        framed.dmac = None if to is None else mac_number(to.mac)
        leave = _Move("bridge", "postrouting", NO_INTERFACE, port, lambda _: self._out_by(port))
        return self._out_by(interface, _Move("bridge", "output", NO_INTERFACE, port, lambda _: leave, framed=framed))


def _beginner(packet: Packet) -> int | None:
    """Who began the connection that a packet is a reply in."""
    connection = packet.connection
    if connection is None or connection.direction != "reply" or connection.original is None:
        return None
    source = connection.original.source
    return None if source is None else int(source)


def _arrived(_: State) -> _Next:
    return _ARRIVED
