"""Reads `<forward>`: the mode, source address translation, and the devices of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.network.forward import AddressRange, Driver, Forward, Interface, Nat, PciAddress, PortRange
from fwplan.network.modes import ForwardMode

if TYPE_CHECKING:
    from fwplan.network.node import Node

_HIGHEST_PORT = 65535


def read_forward(node: Node) -> Forward | None:
    """Read `<forward>`; None, and an error noted, when its mode is unknown."""
    mode = _read_mode(node)
    nats = node.children("nat")
    for extra in nats[1:]:
        extra.error("there is a second <nat>", "keep one")
    if mode is None:
        return None
    driver = node.child("driver")
    return Forward(
        mode=mode,
        dev=node.string("dev"),
        managed=_read_managed(node),
        driver=None if driver is None else _read_driver(driver),
        nat=_read_nat(nats[0]) if nats else None,
        interfaces=node.all("interface", _read_interface),
        physical_functions=node.all("pf", _read_interface),
        addresses=node.all("address", _read_pci_address),
        others=node.others(),
    )


def _read_mode(node: Node) -> ForwardMode | None:
    written = node.string("mode")
    if written is None:
        return ForwardMode.NAT
    try:
        return ForwardMode(written)
    except ValueError:
        node.error(
            f"forward mode '{written}' is unknown", f"use one of: {', '.join(mode.value for mode in ForwardMode)}"
        )
        return None


def _read_managed(node: Node) -> bool | None:
    written = node.string("managed")
    if written is None:
        return None
    # libvirt compares without regard to case and takes all else for no.
    return written.lower() == "yes"


def _read_driver(node: Node) -> Driver:
    return Driver(name=node.choice("name", ("kvm", "vfio")), model=node.string("model"), others=node.others())


def _read_interface(node: Node) -> Interface | None:
    name = node.required("dev", "name an interface of the host: dev='…'")
    return None if name is None else Interface(dev=name, others=node.others())


def _read_pci_address(node: Node) -> PciAddress | None:
    kind = node.required("type", "write type='pci'")
    if kind is None:
        return None
    if kind != "pci":
        node.error(f"type='{kind}' is not possible here", "write type='pci'")
        return None
    parts = {
        name: node.integer(name, maximum=maximum, base=0)
        for name, maximum in (("domain", 0xFFFF), ("bus", 0xFF), ("slot", 0x1F), ("function", 7))
    }
    multifunction = node.others()
    return PciAddress(
        domain=parts["domain"] or 0,
        bus=parts["bus"] or 0,
        slot=parts["slot"] or 0,
        function=parts["function"] or 0,
        others=multifunction,
    )


def _read_nat(node: Node) -> Nat:
    addresses = node.children("address")
    ports = node.children("port")
    for extra in (*addresses[1:], *ports[1:]):
        extra.error(f"there is a second <{extra.tag}>", "keep one")
    return Nat(
        ipv6=node.yes_no("ipv6"),
        address=_read_addresses(addresses[0]) if addresses else None,
        port=_read_ports(ports[0]) if ports else None,
        others=node.others(),
    )


def _read_addresses(node: Node) -> AddressRange | None:
    advice = "give both ends, the same twice for one address: start='…' end='…'"
    for name in ("start", "end"):
        if not node.has(name):
            node.error(f"'{name}' is missing", advice)
    start, end = node.ipv4_address("start"), node.ipv4_address("end")
    if start is None or end is None:
        return None
    return AddressRange(start=start, end=end, others=node.others())


def _read_ports(node: Node) -> PortRange | None:
    for name in ("start", "end"):
        if not node.has(name):
            node.error(f"'{name}' is missing", "give the first and the last port: start='…' end='…'")
    start, end = node.integer("start", maximum=_HIGHEST_PORT), node.integer("end", maximum=_HIGHEST_PORT)
    if start is None or end is None:
        return None
    return PortRange(start=start, end=end, others=node.others())
