"""What is asked of a trace: from where to where, of which protocol, in which state of a connection."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Literal

from fwplan.errors import UnreadableError
from fwplan.nft.datatypes import DATATYPES

if TYPE_CHECKING:
    from fwplan.simulate.packet import Address, State

PROTOCOLS = DATATYPES["inet_proto"].words
"""The numbers of transport protocols, by nft's names for them."""
_HIGHEST_PORT = 65535
_FORM = "ADDRESS:PORT/PROTOCOL, such as 198.51.100.7:443/tcp, [2001:db8::1]:53/udp, guest/icmp or host"
_BRACKETS = re.compile(r"\[([^]]*)\](?::(.*))?")
_NUMBER = re.compile(r"[0-9]{1,5}")


class Role(enum.Enum):
    """Somebody whose address need not be said."""

    HOST = "host"
    GUEST = "guest"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a flow, as a person names it: `198.51.100.7:443/tcp`, `guest`, `host:53/udp`.

    Attributes:
        where: an address, or a role.
        port: of a transport protocol that has ports; None where it is not said.
        protocol: of the transport layer; None where it is not said.
    """

    where: Role | Address
    port: int | None = None
    protocol: str | None = None

    @property
    def address(self) -> Address | None:
        """The address; None for a role."""
        return None if isinstance(self.where, Role) else self.where


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        source: who sends.
        destination: to whom.
        state: of the packet in its connection.
        mark: of the packet, when it comes to the host or is sent by it.
        in_interface: by which it comes in; None to find it.
        out_interface: by which it leaves; None to find it.
        version: of IP; None for that of the ends, or else of the network.
    """

    source: Endpoint
    destination: Endpoint
    state: State = "new"
    mark: int = 0
    in_interface: str | None = None
    out_interface: str | None = None
    version: Literal[4, 6] | None = None


def read_endpoint(text: str) -> Endpoint:
    """Read one end of a flow.

    Raises:
        UnreadableError: it is none.
    """
    place, slash, protocol = text.rpartition("/")
    if not slash:
        place, protocol = text, ""
    elif protocol not in PROTOCOLS:
        subnet = ": give one address, not a subnet" if _NUMBER.fullmatch(protocol) else ""
        raise UnreadableError(f"{text!r}: there is no protocol {protocol!r}{subnet} (it is {_FORM})")
    where, port = _split(place)
    try:
        role_or_address: Role | Address = Role(where)
    except ValueError:
        role_or_address = _address(text, where)
    return Endpoint(role_or_address, None if port is None else _port(text, port), protocol or None)


def _split(place: str) -> tuple[str, str | None]:
    """Address and port: an IPv6 address with a port stands in brackets."""
    in_brackets = _BRACKETS.fullmatch(place)
    if in_brackets is not None:
        return in_brackets[1], in_brackets[2]
    if place.count(":") > 1:
        return place, None
    where, colon, port = place.partition(":")
    return where, port if colon else None


def _address(text: str, where: str) -> Address:
    try:
        address = ip_address(where)
    except ValueError:
        raise UnreadableError(f"{text!r}: there is no address {where!r} (it is {_FORM})") from None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise UnreadableError(f"{text!r}: name the interface with --in-interface or --out-interface instead")
        return address.ipv4_mapped or address
    return IPv4Address(address)


def _port(text: str, port: str) -> int:
    number = int(port) if _NUMBER.fullmatch(port) else -1
    if not 0 < number <= _HIGHEST_PORT:
        raise UnreadableError(f"{text!r}: there is no port {port!r} (they are 1 to {_HIGHEST_PORT})")
    return number
