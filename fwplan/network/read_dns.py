"""Reads `<dns>`: forwarders and the records that the bridge's DNS service answers with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fwplan.network.dns import Dns, DnsForwarder, DnsHost, DnsSrv, DnsTxt

if TYPE_CHECKING:
    from fwplan.network.node import Node

_LONGEST_SERVICE = 482
"""Bytes; a DNS message over UDP (512), less its head and the rest of the record (DNS_RECORD_LENGTH_SRV)."""
_SERVICE = re.compile(r"[A-Za-z0-9_+/*-]*")
_PROTOCOL = re.compile(r"[A-Za-z0-9+/-]*")
_SIXTEEN_BITS = 65535


def read_dns(node: Node) -> Dns:
    """Read `<dns>`."""
    dns = Dns(
        enable=node.yes_no("enable"),
        forward_plain_names=node.yes_no("forwardPlainNames"),
        forwarders=node.all("forwarder", _read_forwarder),
        txts=node.all("txt", _read_txt),
        srvs=node.all("srv", _read_srv),
        hosts=node.all("host", _read_host),
        others=node.others(),
    )
    if dns.enable is False and (dns.forwarders or dns.txts or dns.srvs or dns.hosts):
        node.error("DNS is off, and yet there is something for it to answer with", "take out enable='no' or the rest")
    return dns


def _read_forwarder(node: Node) -> DnsForwarder:
    written = node.raw("addr")
    domain = node.raw("domain")
    if written is None and domain is None:
        node.error("nothing tells whom to ask", "give it an addr, a domain or both")
    return DnsForwarder(
        address=None if written is None else node.to_address("addr", written), domain=domain, others=node.others()
    )


def _read_txt(node: Node) -> DnsTxt | None:
    name = node.required("name", "name the record: name='…'")
    value = node.required("value", "say what it answers: value='…'")
    if name is not None and (" " in name or "," in name):
        node.error(f"name='{name}' has a blank or a comma in it", "take it out")
    _refuse_line_breaks(node, "value", value)
    others = node.others()
    return None if name is None or value is None else DnsTxt(name=name, value=value, others=others)


def _read_srv(node: Node) -> DnsSrv | None:
    service = node.required("service", "name the service: service='…'")
    protocol = node.required("protocol", "name the protocol: protocol='tcp'")
    if service is not None and len(service.encode()) > _LONGEST_SERVICE:
        node.error(f"service='{service[:20]}…' is too long", f"use at most {_LONGEST_SERVICE} bytes")
    for name, value, allowed in (("service", service, _SERVICE), ("protocol", protocol, _PROTOCOL)):
        if value is not None and not allowed.fullmatch(value):
            node.error(f"{name}='{value}' has a character in it that no record can carry", "use letters and digits")
    domain, target = node.raw("domain"), node.raw("target")
    _refuse_line_breaks(node, "domain", domain)
    _refuse_line_breaks(node, "target", target)
    numbers = {name: _read_srv_number(node, name, has_target=target is not None) for name in _SRV_NUMBERS}
    others = node.others()
    if service is None or protocol is None:
        return None
    return DnsSrv(
        service=service,
        protocol=protocol,
        domain=domain,
        target=target,
        port=numbers["port"],
        priority=numbers["priority"],
        weight=numbers["weight"],
        others=others,
    )


def _refuse_line_breaks(node: Node, name: str, value: str | None) -> None:
    # dnsmasq would take what follows for another of its options.
    if value is not None and ("\n" in value or "\r" in value):
        node.error(f"'{name}' has a line break in it", "take it out")


_SRV_NUMBERS = ("port", "priority", "weight")


def _read_srv_number(node: Node, name: str, *, has_target: bool) -> int | None:
    number = node.integer(name, maximum=_SIXTEEN_BITS) if node.has(name) else None
    if number is not None and not has_target:
        node.error(f"'{name}' stands without a target", "name the target: target='…'")
    if name == "port" and number == 0:
        node.error("port='0' is no port", "use 1 to 65535")
    return number


def _read_host(node: Node) -> DnsHost | None:
    written = node.required("ip", "give the address: ip='…'")
    ip = None if written is None else node.to_address("ip", written)
    names = tuple(child.content() for child in node.children("hostname"))
    if not names or not all(names):
        node.error("a <hostname> is missing", "give the address a name: <hostname>…</hostname>")
    others = node.others()
    return None if ip is None else DnsHost(ip=ip, names=names, others=others)
