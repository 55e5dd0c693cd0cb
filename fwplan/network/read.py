"""From XML to a definition: reads everything, and notes everything that is wrong, before it gives an answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fwplan.network.definition import Bridge, Domain, Mac, Mtu, Network
from fwplan.network.document import parse_document
from fwplan.network.faults import Faults
from fwplan.network.node import Node, element_at, standing_alone
from fwplan.network.port import Port, VirtualPort
from fwplan.network.problems import InvalidDefinitionError, Problem, Severity
from fwplan.network.read_address import read_ip, read_route
from fwplan.network.read_dns import read_dns
from fwplan.network.read_forward import read_forward
from fwplan.network.read_port import read_bandwidth, read_portgroup, read_virtual_port, read_vlan
from fwplan.network.station import check_unicast_mac, check_uuid
from fwplan.network.validate import validate

if TYPE_CHECKING:
    from lxml import etree

    from fwplan.network.schema import Schema

_UNSIGNED_LONG = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Reading:
    """A definition and all that is to be said of it.

    Attributes:
        network: the definition; where there are errors, as much of it as could be read.
        problems: errors and warnings, in the order of the document.
        root: the document.
    """

    network: Network
    problems: tuple[Problem, ...]
    root: etree._Element = field(repr=False, compare=False)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What libvirt would refuse the definition for."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    def line_of(self, path: str) -> int | None:
        """The line of the element at `path`, or of the nearest element around it."""
        while path:
            element = element_at(self.root, path)
            if element is not None:
                return element.sourceline
            path = path.rpartition("/")[0]
        return self.root.sourceline


def read_network(data: bytes) -> Network:
    """Read a definition that has to be valid.

    Raises:
        InvalidDefinitionError: libvirt would refuse it; carries all problems, warnings included.
    """
    reading = examine(data)
    if reading.errors:
        raise InvalidDefinitionError(reading.problems)
    return reading.network


def examine(data: bytes, schema: Schema | None = None) -> Reading:
    """Read a definition, valid or not, and say all that is wrong with it.

    Args:
        data: the definition.
        schema: a second net; what it finds and the reader did not is a warning.

    Raises:
        InvalidDefinitionError: it is no `<network>` document at all.
    """
    root = parse_document(data)
    problems: list[Problem] = []
    missing: list[str] = []
    network = _read(Node(root, problems, missing))
    faulty = (problem.path for problem in problems if problem.severity is Severity.ERROR)
    faults = Faults(frozenset(faulty), frozenset(missing))
    reading = Reading(network, (), root)
    problems.extend(replace(problem, line=reading.line_of(problem.path)) for problem in validate(network, faults))
    if schema is not None:
        problems.extend(schema.problems(root, problems))
    problems.sort(key=lambda problem: problem.line or 0)
    return replace(reading, problems=tuple(problems))


def _read(node: Node) -> Network:
    name = node.text("name")
    if name is None:
        node.error("the network has no name", "give it one: <name>…</name>")
    metadata = node.child("metadata")
    return Network(
        name=name or "",
        uuid=_read_uuid(node),
        title=node.text("title"),
        description=node.text("description"),
        metadata=None if metadata is None else standing_alone(metadata.element),
        ipv6=node.yes_no("ipv6") if node.has("ipv6") else None,
        trust_guest_rx_filters=node.yes_no("trustGuestRxFilters"),
        forward=node.one("forward", read_forward),
        bridge=node.one("bridge", _read_bridge),
        mtu=node.one("mtu", _read_mtu, with_attribute="size"),
        mac=node.one("mac", _read_mac),
        domain=node.one("domain", _read_domain),
        dns=node.one("dns", read_dns),
        vlan=node.one("vlan", read_vlan),
        bandwidth=node.one("bandwidth", read_bandwidth),
        port=node.one("port", _read_port),
        ips=node.all("ip", read_ip),
        routes=node.all("route", read_route),
        virtual_port=node.one("virtualport", _read_typed_virtual_port),
        portgroups=node.all("portgroup", read_portgroup),
        others=node.others(),
    )


def _read_uuid(node: Node) -> str | None:
    child = node.child("uuid")
    if child is None:
        return None
    written = child.content()
    return check_uuid(child, written) if written else None


def _read_bridge(node: Node) -> Bridge:
    # libvirt takes anything but `off` for on.
    stp = node.string("stp")
    if stp not in {None, "on", "off"}:
        node.warn(f"stp='{stp}' means nothing: libvirt takes it for on", "write on or off")
    return Bridge(
        name=node.string("name"),
        zone=node.string("zone"),
        stp=None if stp is None else stp != "off",
        delay=node.integer("delay", maximum=_UNSIGNED_LONG) if node.has("delay") else None,
        mac_table_manager=node.choice("macTableManager", ("kernel", "libvirt"))
        if node.has("macTableManager")
        else None,
        others=node.others(),
    )


def _read_mtu(node: Node) -> Mtu:
    return Mtu(size=node.integer("size") if node.has("size") else None, others=node.others())


def _read_mac(node: Node) -> Mac:
    written = node.string("address")
    return Mac(address=None if written is None else check_unicast_mac(node, "address", written), others=node.others())


def _read_domain(node: Node) -> Domain:
    domain = Domain(
        name=node.raw("name"),
        local_only=node.yes_no("localOnly"),
        register=node.yes_no("register"),
        others=node.others(),
    )
    if domain.register and not domain.local_only:
        node.error(
            "register='yes' stands without localOnly='yes'", "add it: only a domain of its own can be registered"
        )
    return domain


def _read_port(node: Node) -> Port:
    return Port(isolated=node.yes_no("isolated"), others=node.others())


def _read_typed_virtual_port(node: Node) -> VirtualPort:
    return read_virtual_port(node, needs_type=True)
