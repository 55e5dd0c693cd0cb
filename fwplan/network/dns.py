"""`<dns>` of a definition as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.network.element import Element

if TYPE_CHECKING:
    from fwplan.network.addressing import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsForwarder(Element):
    """`<forwarder>`: the server that is asked, for one domain or for all."""

    address: Address | None = None
    domain: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsTxt(Element):
    """`<txt>`: a TXT record."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsHost(Element):
    """`<host>` below `<dns>`: the names of one address."""

    ip: Address
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsSrv(Element):
    """`<srv>`: an SRV record (RFC 2782)."""

    service: str
    protocol: str
    domain: str | None = None
    target: str | None = None
    port: int | None = None
    priority: int | None = None
    weight: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns(Element):
    """`<dns>`: the DNS service of the bridge."""

    enable: bool | None = None
    forward_plain_names: bool | None = None
    forwarders: tuple[DnsForwarder, ...] = ()
    txts: tuple[DnsTxt, ...] = ()
    srvs: tuple[DnsSrv, ...] = ()
    hosts: tuple[DnsHost, ...] = ()
