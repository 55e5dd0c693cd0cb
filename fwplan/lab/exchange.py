"""Sends probes, and finds out what becomes of each: one loop, with the sockets of all machines.

Everything runs on one CPU, where the kernel passes packets on in the order in which they were sent, whatever namespace
they are in. Once a later packet, the *control*, has gone from hand to hand as often as any probe does, an earlier one
that nobody has heard was not passed on: nothing has to be waited for that does not come.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from fwplan.lab import sockets
from fwplan.lab.build import GUEST_INTERFACE, VIA_HOST
from fwplan.lab.packets import Message, Token, echo_request, message_in, opening_in, quoted_opening, token_in
from fwplan.lab.probes import DHCP_PORTS, Kind
from fwplan.lab.rehearsal import Heard, Outcome
from fwplan.lab.world import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fwplan.lab.build import Built
    from fwplan.lab.probes import Probe
    from fwplan.lab.world import World
    from fwplan.network.addressing import Address
    from fwplan.plan.intents import Family

_HOPS = 8
"""How often a control is passed on: a probe comes by three machines, and so does an answer."""

_PATIENCE = 10.0
"""Seconds after which no more is waited, whatever may still come."""

_LONGEST = 2048
_ANSWER = b"answer"


@dataclass(slots=True)
class _Found:
    """What is known of a probe so far."""

    heard: dict[int, Heard] = field(default_factory=dict)
    answered: bool = False
    refused: bool = False

    def outcome(self) -> Outcome:
        return Outcome(tuple(self.heard[machine] for machine in sorted(self.heard)), self.answered, self.refused)


class Exchange:
    """The ears of all machines, and what they hear."""

    def __init__(self, world: World, built: Built) -> None:
        """Open the ears; they are open until the process ends."""
        os.sched_setaffinity(0, {_current_cpu()})
        self._world = world
        self._built = built
        self._selector = selectors.DefaultSelector()
        self._pingers: dict[tuple[int, Family], socket.socket] = {}
        self._batch: dict[int, Probe] = {}
        self._found: dict[int, _Found] = {}
        self._openings: dict[tuple[Address, int], int] = {}
        self._hops_left = 0
        self._attempt = 0
        for machine in world.machines:
            built.enter(machine)
            for family in world.families:
                self._open_ears(machine.number, family)
        built.enter_control()
        self._control = sockets.udp_to_itself()
        self._register(self._control, self._pass_control_on)
        built.enter(world.machines[HOST])

    def _open_ears(self, machine: int, family: Family) -> None:
        """What a machine listens with all the time."""
        pinger = self._pingers[machine, family] = sockets.raw_icmp(family)
        self._register(pinger, partial(self._hear_icmp, machine, family, pinger))
        segments = sockets.raw_tcp(family)
        self._register(segments, partial(self._hear_opening, machine, family, segments))
        for port in DHCP_PORTS[family]:
            group = sockets.udp(family, None, port)
            self._register(group, partial(self._hear_datagram, machine, group))

    def run(self, probes: Sequence[Probe], quiet: float) -> dict[int, Outcome]:
        """Send probes, each for the first time or once more.

        Args:
            probes: not more than there may be sockets.
            quiet: seconds without any packet after which nothing more comes, once the control has arrived.
        """
        self._attempt += 1
        self._batch = {probe.number: probe for probe in probes}
        self._found = {probe.number: _Found() for probe in probes}
        self._openings = {
            (probe.destination, probe.ports[1]): probe.number
            for probe in probes
            if probe.transport == "tcp" and probe.ports is not None
        }
        with ExitStack() as opened:
            senders = self._open(opened)
            for probe in probes:
                self._send(probe, senders.get(probe.number))
            self._hops_left = _HOPS
            self._control.send(_ANSWER)
            self._wait(quiet)
        return {number: found.outcome() for number, found in self._found.items()}

    def _wait(self, quiet: float) -> None:
        end = time.monotonic() + _PATIENCE
        while (left := end - time.monotonic()) > 0:
            ready = self._selector.select(left if self._hops_left else quiet)
            if not ready and not self._hops_left:
                return
            for key, _ in ready:
                key.data()

    def _open(self, opened: ExitStack) -> dict[int, socket.socket]:
        """The sockets of a batch: receivers are ready, and senders have their addresses, before anything is sent."""
        senders: dict[int, socket.socket] = {}
        for machine in self._world.machines:
            self._built.enter(machine)
            for probe in self._batch.values():
                if probe.receiver == machine.number:
                    self._open_receiver(opened, probe)
                if probe.sender == machine.number:
                    self._open_sender(opened, probe, senders)
        self._built.enter(self._world.machines[HOST])
        return senders

    def _open_receiver(self, opened: ExitStack, probe: Probe) -> None:
        if probe.ports is None or probe.receiver is None:
            return
        port = probe.ports[1]
        if probe.transport == "udp":
            receiver = sockets.udp(probe.family, probe.destination, port)
            self._register(receiver, partial(self._hear_datagram, probe.receiver, receiver), opened)
        else:
            listener = sockets.tcp(probe.family, probe.destination, port)
            listener.listen()
            self._register(listener, partial(_answer_connection, listener, opened), opened)

    def _open_sender(self, opened: ExitStack, probe: Probe, senders: dict[int, socket.socket]) -> None:
        if probe.ports is None:
            return
        port = probe.ports[0]
        if probe.transport == "tcp":
            sender = sockets.tcp(probe.family, probe.source, port)
        else:
            sender = sockets.udp(
                probe.family,
                probe.source,
                port,
                spoofed=probe.kind is Kind.SPOOFED,
                mark=VIA_HOST if probe.kind is Kind.BY_THE_HOST else 0,
                device="" if probe.receiver is not None else self._device(probe),
            )
        senders[probe.number] = sender
        self._register(sender, partial(self._hear_answer, probe.number, sender), opened)

    def _device(self, probe: Probe) -> str:
        """The interface of the sender on the segment that it sends on."""
        return self._world.segments[probe.segment].interface if probe.sender == HOST else GUEST_INTERFACE

    def _send(self, probe: Probe, sender: socket.socket | None) -> None:
        token = Token(probe.number, self._attempt)
        try:
            if sender is None or probe.ports is None:
                pinger = self._pingers[probe.sender, probe.family]
                packet = echo_request(probe.family, token)
                sockets.send_under(pinger, probe.family, probe.source, probe.destination, packet)
            elif probe.transport == "tcp":
                sender.connect_ex((str(probe.destination), probe.ports[1]))
            else:
                sender.sendto(bytes(token), (str(probe.destination), probe.ports[1]))
        except OSError:
            # The sender's own rules refuse what it sends.
            self._found[probe.number].refused = True

    def _pass_control_on(self) -> None:
        self._control.recv(_LONGEST)
        self._hops_left -= 1
        if self._hops_left:
            self._control.send(_ANSWER)

    def _hear_icmp(self, machine: int, family: Family, pinger: socket.socket) -> None:
        for packet, source, _ in _all_from(pinger):
            message = message_in(family, packet)
            number = self._probe_of(family, packet, message)
            if number not in self._found:
                continue
            found, is_sender = self._found[number], machine == self._batch[number].sender
            if message is Message.REQUEST:
                found.heard.setdefault(machine, Heard(machine, source, None))
            elif is_sender:
                found.answered |= message is Message.REPLY
                found.refused |= message is Message.ERROR

    def _probe_of(self, family: Family, packet: bytes, message: Message) -> int:
        """The number of the probe that an ICMP message is about; -1 when it is about none."""
        token = token_in(packet)
        if token is not None:
            return token.number if token.attempt == self._attempt else -1
        opening = quoted_opening(family, packet) if message is Message.ERROR else None
        return -1 if opening is None else self._openings.get((opening.destination, opening.destination_port), -1)

    def _hear_opening(self, machine: int, family: Family, raw: socket.socket) -> None:
        for packet, source, destination in _all_from(raw):
            opening = opening_in(family, packet, destination)
            number = None if opening is None else self._openings.get((opening.destination, opening.destination_port))
            if opening is not None and number is not None:
                self._found[number].heard.setdefault(machine, Heard(machine, source, opening.source_port))

    def _hear_datagram(self, machine: int, receiver: socket.socket) -> None:
        with suppress(BlockingIOError):
            while True:
                packet, sender = receiver.recvfrom(_LONGEST)
                token = token_in(packet)
                if token is None or token.attempt != self._attempt or token.number not in self._found:
                    continue
                if machine == self._batch[token.number].sender:
                    continue  # a broadcast comes back to its sender
                heard = Heard(machine, ip_address(sender[0].partition("%")[0]), sender[1])
                self._found[token.number].heard.setdefault(machine, heard)
                if self._batch[token.number].asks:
                    with suppress(OSError):  # the receiver's own rules refuse what it answers
                        receiver.sendto(packet, sender)

    def _hear_answer(self, number: int, sender: socket.socket) -> None:
        found = self._found[number]
        try:
            if sender.recv(_LONGEST):
                found.answered = True
        except BlockingIOError:
            # TCP was told of a refusal, and would try again after a second.
            if not sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return
            found.refused = True
        except OSError:
            found.refused = True
        self._selector.unregister(sender)

    def _register(self, made: socket.socket, heard: Callable[[], None], opened: ExitStack | None = None) -> None:
        """Wait for what comes by a socket; with `opened`, until that is closed."""
        self._selector.register(made, selectors.EVENT_READ, heard)
        if opened is not None:
            opened.callback(self._close, made)

    def _close(self, made: socket.socket) -> None:
        with suppress(KeyError):
            self._selector.unregister(made)
        made.close()


def _answer_connection(listener: socket.socket, opened: ExitStack) -> None:
    """Send something to whoever has connected."""
    with suppress(BlockingIOError):
        while True:
            connection, _ = listener.accept()
            opened.callback(connection.close)
            connection.settimeout(0)
            with suppress(OSError):
                connection.send(_ANSWER)


def _all_from(raw: socket.socket) -> Iterator[tuple[bytes, Address, Address | None]]:
    with suppress(BlockingIOError):
        while True:
            yield sockets.receive(raw)


def _current_cpu() -> int:
    fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[36])  # proc(5): the 39th, of which the first two are before the bracket
