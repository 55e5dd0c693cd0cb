"""From a definition to XML, in the order in which libvirt writes: reading it again gives the same definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from fwplan.errors import NotExpressibleError
from fwplan.network.element import NOTHING

if TYPE_CHECKING:
    from fwplan.network.definition import Network
    from fwplan.network.dns import Dns
    from fwplan.network.element import Element
    from fwplan.network.forward import Forward, Nat
    from fwplan.network.ip import Dhcp, Ip, Lease, Route
    from fwplan.network.port import Bandwidth, PortGroup, Rate, VirtualPort, Vlan

_VERBATIM = "fwplan-verbatim"


def write_network(network: Network) -> bytes:
    """Write a definition as UTF-8 XML.

    Raises:
        NotExpressibleError: a text has a character in it that XML cannot carry.
    """
    try:
        return _Writer().write(network)
    except (ValueError, TypeError, etree.XMLSyntaxError) as error:
        message = f"network '{network.name}' cannot be written as XML: {error}"
        raise NotExpressibleError(message) from error


def _word(value: object) -> str:
    match value:
        case True:
            return "yes"
        case False:
            return "no"
        case _:
            return str(value)


class _Writer:
    """One document while it is written; remembers which elements are to be kept letter by letter."""

    def __init__(self) -> None:
        self._verbatim: list[str] = []

    def write(self, network: Network) -> bytes:
        root = etree.Element("network")
        self._attributes(root, ("ipv6", network.ipv6), ("trustGuestRxFilters", network.trust_guest_rx_filters))
        for tag, text in (
            ("name", network.name),
            ("uuid", network.uuid),
            ("title", network.title),
            ("description", network.description),
        ):
            if text is not None:
                etree.SubElement(root, tag).text = text
        if network.metadata is not None:
            self._keep(root, network.metadata)
        self._forward(root, network.forward)
        if network.bridge is not None:
            bridge = network.bridge
            self._element(
                root,
                "bridge",
                bridge,
                ("name", bridge.name),
                ("zone", bridge.zone),
                ("stp", None if bridge.stp is None else "on" if bridge.stp else "off"),
                ("delay", bridge.delay),
                ("macTableManager", bridge.mac_table_manager),
            )
        if network.mtu is not None:
            self._element(root, "mtu", network.mtu, ("size", network.mtu.size))
        if network.mac is not None:
            self._element(root, "mac", network.mac, ("address", network.mac.address))
        if network.domain is not None:
            domain = network.domain
            self._element(
                root,
                "domain",
                domain,
                ("name", domain.name),
                ("localOnly", domain.local_only),
                ("register", domain.register),
            )
        self._dns(root, network.dns)
        self._vlan(root, network.vlan)
        self._bandwidth(root, network.bandwidth)
        if network.port is not None:
            self._element(root, "port", network.port, ("isolated", network.port.isolated))
        for ip in network.ips:
            self._ip(root, ip)
        for route in network.routes:
            self._element(root, "route", route, *self._route_attributes(route))
        self._virtual_port(root, network.virtual_port)
        for group in network.portgroups:
            self._portgroup(root, group)
        self._others(root, network)
        return self._finish(root)

    # Parts

    def _forward(self, root: etree._Element, forward: Forward | None) -> None:
        if forward is None:
            return
        node = self._open(
            root, "forward", ("dev", forward.dev), ("mode", forward.mode.value), ("managed", forward.managed)
        )
        if forward.driver is not None:
            driver = forward.driver
            self._element(node, "driver", driver, ("name", driver.name), ("model", driver.model))
        self._nat(node, forward.nat)
        for function in forward.physical_functions:
            self._element(node, "pf", function, ("dev", function.dev))
        for interface in forward.interfaces:
            self._element(node, "interface", interface, ("dev", interface.dev))
        for address in forward.addresses:
            self._element(
                node,
                "address",
                address,
                ("type", "pci"),
                ("domain", f"0x{address.domain:04x}"),
                ("bus", f"0x{address.bus:02x}"),
                ("slot", f"0x{address.slot:02x}"),
                ("function", f"0x{address.function:x}"),
            )
        self._others(node, forward)

    def _nat(self, parent: etree._Element, nat: Nat | None) -> None:
        if nat is None:
            return
        node = self._open(parent, "nat", ("ipv6", nat.ipv6))
        for tag, limits in (("address", nat.address), ("port", nat.port)):
            if limits is not None:
                self._element(node, tag, limits, ("start", limits.start), ("end", limits.end))
        self._others(node, nat)

    def _dns(self, root: etree._Element, dns: Dns | None) -> None:
        if dns is None:
            return
        node = self._open(root, "dns", ("enable", dns.enable), ("forwardPlainNames", dns.forward_plain_names))
        for forwarder in dns.forwarders:
            self._element(node, "forwarder", forwarder, ("domain", forwarder.domain), ("addr", forwarder.address))
        for txt in dns.txts:
            self._element(node, "txt", txt, ("name", txt.name), ("value", txt.value))
        for srv in dns.srvs:
            self._element(
                node,
                "srv",
                srv,
                ("service", srv.service),
                ("protocol", srv.protocol),
                ("domain", srv.domain),
                ("target", srv.target),
                ("port", srv.port),
                ("priority", srv.priority),
                ("weight", srv.weight),
            )
        for host in dns.hosts:
            place = self._open(node, "host", ("ip", host.ip))
            for name in host.names:
                etree.SubElement(place, "hostname").text = name
            self._others(place, host)
        self._others(node, dns)

    def _ip(self, root: etree._Element, ip: Ip) -> None:
        node = self._open(
            root,
            "ip",
            ("family", ip.family),
            ("address", ip.address),
            ("netmask", ip.netmask),
            ("prefix", ip.prefix),
            ("localPtr", ip.local_ptr),
        )
        if ip.tftp is not None:
            self._element(node, "tftp", ip.tftp, ("root", ip.tftp.root))
        self._dhcp(node, ip.dhcp)
        self._others(node, ip)

    def _dhcp(self, parent: etree._Element, dhcp: Dhcp | None) -> None:
        if dhcp is None:
            return
        node = self._open(parent, "dhcp")
        for given in dhcp.ranges:
            place = self._open(node, "range", ("start", given.start), ("end", given.end))
            self._lease(place, given.lease)
            self._others(place, given)
        for host in dhcp.hosts:
            place = self._open(node, "host", ("mac", host.mac), ("id", host.id), ("name", host.name), ("ip", host.ip))
            self._lease(place, host.lease)
            self._others(place, host)
        if dhcp.bootp is not None:
            self._element(node, "bootp", dhcp.bootp, ("file", dhcp.bootp.file), ("server", dhcp.bootp.server))
        self._others(node, dhcp)

    def _lease(self, parent: etree._Element, lease: Lease | None) -> None:
        if lease is not None:
            self._element(parent, "lease", lease, ("expiry", lease.expiry), ("unit", lease.unit))

    def _route_attributes(self, route: Route) -> tuple[tuple[str, object], ...]:
        return (
            ("family", route.family),
            ("address", route.address),
            ("netmask", route.netmask),
            ("prefix", route.prefix),
            ("gateway", route.gateway),
            ("metric", route.metric),
        )

    def _portgroup(self, root: etree._Element, group: PortGroup) -> None:
        node = self._open(
            root,
            "portgroup",
            ("name", group.name),
            ("default", group.default),
            ("trustGuestRxFilters", group.trust_guest_rx_filters),
        )
        self._vlan(node, group.vlan)
        self._virtual_port(node, group.virtual_port)
        self._bandwidth(node, group.bandwidth)
        self._others(node, group)

    def _vlan(self, parent: etree._Element, vlan: Vlan | None) -> None:
        if vlan is None:
            return
        node = self._open(parent, "vlan", ("trunk", vlan.trunk))
        for tag in vlan.tags:
            self._element(node, "tag", tag, ("id", tag.id), ("nativeMode", tag.native_mode))
        self._others(node, vlan)

    def _virtual_port(self, parent: etree._Element, port: VirtualPort | None) -> None:
        if port is None:
            return
        node = self._open(parent, "virtualport", ("type", port.type))
        if port.parameters is not None:
            given = port.parameters
            self._element(
                node,
                "parameters",
                given,
                ("managerid", given.manager_id),
                ("typeid", given.type_id),
                ("typeidversion", given.type_id_version),
                ("instanceid", given.instance_id),
                ("interfaceid", given.interface_id),
                ("profileid", given.profile_id),
            )
        self._others(node, port)

    def _bandwidth(self, parent: etree._Element, bandwidth: Bandwidth | None) -> None:
        if bandwidth is None:
            return
        node = self._open(parent, "bandwidth")
        for tag, rate in (("inbound", bandwidth.inbound), ("outbound", bandwidth.outbound)):
            if rate is not None:
                self._rate(node, tag, rate)
        self._others(node, bandwidth)

    def _rate(self, parent: etree._Element, tag: str, rate: Rate) -> None:
        self._element(
            parent,
            tag,
            rate,
            ("average", rate.average),
            ("peak", rate.peak),
            ("floor", rate.floor),
            ("burst", rate.burst),
        )

    # Elements

    def _open(self, parent: etree._Element, tag: str, *attributes: tuple[str, object]) -> etree._Element:
        node = etree.SubElement(parent, tag)
        self._attributes(node, *attributes)
        return node

    def _element(self, parent: etree._Element, tag: str, value: Element, *attributes: tuple[str, object]) -> None:
        self._others(self._open(parent, tag, *attributes), value)

    def _attributes(self, node: etree._Element, *attributes: tuple[str, object]) -> None:
        for name, value in attributes:
            if value is not None:
                node.set(name, _word(value))

    def _others(self, node: etree._Element, value: Element) -> None:
        if value.others is NOTHING:
            return
        for name, text in value.others.attributes:
            node.set(name, text)
        for xml in value.others.elements:
            self._keep(node, xml)

    def _keep(self, parent: etree._Element, xml: str) -> None:
        """Leave a mark where `xml` is to stand, so that neither its layout nor its prefixes change."""
        parent.append(etree.ProcessingInstruction(_VERBATIM))
        self._verbatim.append(etree.tostring(etree.fromstring(xml), encoding="unicode"))

    def _finish(self, root: etree._Element) -> bytes:
        etree.indent(root)
        # The marks are found in the order of the document, in which they were left; in a text `<` is written `&lt;`.
        before, *pieces = etree.tostring(root, encoding="unicode").split(f"<?{_VERBATIM} ?>")
        kept = (xml + piece for xml, piece in zip(self._verbatim, pieces, strict=True))
        return f"{before}{''.join(kept)}\n".encode()
