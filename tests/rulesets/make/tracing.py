"""What the kernel says about the rules that packets meet: the trace messages of nf_tables.

Unlike `nft monitor trace`, the messages name a rule by its handle, also one that iptables-nft made.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tracing_socket import TraceSocket

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tracing_socket import TraceEvent

TABLE = "fwplan_trace"
"""The table that switches tracing on. It is there only while packets are sent, and in no listing."""

_SWITCH = f"""
table inet {TABLE} {{
    chain prerouting {{ type filter hook prerouting priority -1000; meta nfproto ipv4 meta nftrace set 1; }}
    chain output {{ type filter hook output priority -1000; meta nfproto ipv4 meta nftrace set 1; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A rule that a packet met, or the policy that it came to at the end of a chain."""

    packet: int
    source: str
    """The source address of the packet, "" where the message does not have it."""
    family: str
    table: str
    chain: str
    handle: int | None
    """The rule, or None: the policy."""
    verdict: str

    @property
    def refuses(self) -> bool:
        """Whether the packet ends here."""
        return self.verdict == "drop"


class Tracer:
    """Listens to the traces of a namespace's packets; a context manager that switches tracing off again."""

    def __init__(self, run: Callable[..., str]) -> None:
        """Take what runs a program of the host."""
        self._run = run

    def __enter__(self) -> Self:
        self._run("nft", "-f", "-", given=_SWITCH)
        self._socket = TraceSocket()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        self._socket.__exit__()
        self._run("nft", "delete", "table", "inet", TABLE)

    def steps(self) -> tuple[Step, ...]:
        """Everything since the last call, in order, without the steps in the table that switches tracing on."""
        time.sleep(0.05)
        steps: list[Step] = []
        sources: dict[int, str] = {}
        for event in self._socket.events():
            if len(event.header) >= 20:
                # The kernel sends headers with the first message of each base chain. The number of a packet that is
                # gone may come again for another.
                sources[event.packet] = socket.inet_ntoa(event.header[12:16])
            # A message about a rule without a handle says that the end of a chain is reached.
            is_step = event.type == "policy" or (event.type == "rule" and event.handle is not None)
            if is_step and event.table != TABLE:
                steps.append(_step(event, sources.get(event.packet, "")))
        return tuple(steps)


def _step(event: TraceEvent, source: str) -> Step:
    verdict = f"{event.verdict} {event.target}" if event.target else event.verdict
    handle = event.handle if event.type == "rule" else None
    return Step(event.packet, source, event.table_family, event.table, event.chain, handle, verdict)


def first_packet(steps: tuple[Step, ...], source: str) -> list[Step]:
    """The steps of the first packet that comes from an address, up to where its number is used for another."""
    mine = [step for step in steps if step.source == source]
    met: list[Step] = []
    for step in mine:
        # A packet meets a rule once.
        if step.packet != mine[0].packet or step in met:
            break
        met.append(step)
    return met
