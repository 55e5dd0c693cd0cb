"""What libvirt refuses in a definition whose parts are each well written: rules that concern several settings.

Source of the rules: libvirt's `virNetworkDefParseXML` and `networkValidate`, confirmed against a running libvirt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.network.faults import NO_FAULTS
from fwplan.network.interface_name import interface_name_fault
from fwplan.network.modes import Devices, ForwardMode, Kind, Presence
from fwplan.network.problems import Problem, Severity
from fwplan.network.validate_address import address_problems, route_problems
from fwplan.network.validate_forward import forward_problems
from fwplan.network.validate_port import port_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.network.definition import Network
    from fwplan.network.faults import Faults

_LONGEST_NAME = 251
"""Bytes; libvirt keeps the definition in a file of that name with `.xml`, and NAME_MAX is 255."""
_MTUS = range(68, 65536)
"""What the kernel takes for a bridge: ETH_MIN_MTU to ETH_MAX_MTU."""


def validate(network: Network, faults: Faults = NO_FAULTS) -> list[Problem]:
    """All problems between the settings of a definition.

    Args:
        network: the definition, as far as it could be read.
        faults: what could not be read.
    """
    return list(_problems(network, faults))


def _problems(network: Network, faults: Faults) -> Iterator[Problem]:
    yield from _name_problems(network)
    yield from address_problems(network, faults)
    yield from route_problems(network, faults)
    if not faults.are_missing("forward"):
        yield from forward_problems(network, faults)
        yield from port_problems(network, faults)
        yield from _bridge_problems(network)
        yield from _mode_problems(network, faults)
    yield from _bridge_name_problems(network)


def _name_problems(network: Network) -> Iterator[Problem]:
    for character, spelled in (("/", "a slash"), ("\n", "a line break")):
        if character in network.name:
            yield Problem(Severity.ERROR, "name", f"the name has {spelled} in it", "choose a name without it")
    if len(network.name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME:
        yield Problem(
            Severity.ERROR, "name", "the name is too long for that of a file", f"use at most {_LONGEST_NAME} bytes"
        )
    if network.title is not None and "\n" in network.title:
        yield Problem(
            Severity.ERROR, "title", "the title has a line break in it", "put longer texts into <description>"
        )


def _bridge_name_problems(network: Network) -> Iterator[Problem]:
    name = network.bridge_name
    # libvirt puts a number in the place of %d.
    fault = None if name is None else interface_name_fault(name.replace("%d", "0", 1))
    if fault is not None:
        yield Problem(
            Severity.ERROR, "bridge", f"name='{name}' {fault}", "choose a name that the kernel takes, such as virbr0"
        )


def _bridge_problems(network: Network) -> Iterator[Problem]:
    bridge = network.bridge
    meaning = network.meaning
    if bridge is None or meaning.kind is Kind.MANAGED:
        return
    mode = network.mode.value
    if bridge.name is not None and meaning.bridge_name is Presence.REFUSED:
        yield Problem(
            Severity.ERROR,
            "bridge",
            f"mode '{mode}' has no bridge, and one is named",
            f"take name='{bridge.name}' out, or use mode 'bridge'",
        )
    if bridge.mac_table_manager is not None and network.mode is not ForwardMode.BRIDGE:
        yield Problem(
            Severity.ERROR, "bridge", f"mode '{mode}' has no bridge to manage a table of", "take macTableManager out"
        )
    made_elsewhere = f"with mode '{mode}' libvirt makes no bridge"
    for name, is_set in (
        ("stp", bridge.stp is not None),
        ("delay", bool(bridge.delay)),
        ("zone", bridge.zone is not None),
    ):
        if is_set:
            yield Problem(Severity.ERROR, "bridge", f"{made_elsewhere}, and '{name}' is set", f"take '{name}' out")
    if bridge.name is not None and meaning.kind is Kind.EXISTING_BRIDGE and network.forward is not None:
        forward = network.forward
        if forward.dev is not None or forward.interfaces or forward.physical_functions or forward.addresses:
            yield Problem(
                Severity.ERROR,
                "forward",
                f"the network names the bridge '{bridge.name}' and a device as well",
                "keep the bridge, or keep the device and have macvtap",
            )


def _mode_problems(network: Network, faults: Faults) -> Iterator[Problem]:
    mode = network.mode.value
    meaning = network.meaning
    if meaning.addresses is Presence.REQUIRED and not network.ips and not faults.are_missing("ip"):
        yield Problem(
            Severity.ERROR,
            "forward",
            f"mode '{mode}' forwards a subnet, and the network has none",
            "give the bridge an address: <ip address='…' prefix='…'/>",
        )
    if meaning.kind is Kind.MANAGED:
        if network.mtu is not None and network.mtu.size and network.mtu.size not in _MTUS:
            yield Problem(
                Severity.ERROR, "mtu", f"{network.mtu.size} is no MTU of a bridge", f"use {_MTUS[0]} to {_MTUS[-1]}"
            )
        if network.mac is not None and network.mac.address == "00:00:00:00:00:00":
            yield Problem(Severity.ERROR, "mac", "the address of all zeros is nobody's", "leave it out, or choose one")
        return
    advice = f"take it out: with mode '{mode}' libvirt makes no bridge and serves nothing"
    if network.ips:
        yield Problem(Severity.ERROR, "ip", f"mode '{mode}' takes no address", advice)
    if network.mac is not None and network.mac.address is not None:
        yield Problem(Severity.ERROR, "mac", f"mode '{mode}' takes no MAC address", advice)
    if network.domain is not None and network.domain.name is not None:
        yield Problem(Severity.ERROR, "domain", f"mode '{mode}' takes no DNS domain", advice)
    if network.dns is not None and (network.dns.txts or network.dns.hosts or network.dns.srvs):
        yield Problem(Severity.ERROR, "dns", f"mode '{mode}' takes no DNS records", advice)
    if network.mtu is not None and network.mtu.size:
        yield Problem(Severity.ERROR, "mtu", f"mode '{mode}' takes no MTU", advice)
    if not faults.within("forward"):
        yield from _uselessness(network)


def _uselessness(network: Network) -> Iterator[Problem]:
    forward = network.forward
    if forward is None or meaning_has_device(network):
        return
    match network.meaning.devices:
        case Devices.POOL:
            yield Problem(
                Severity.WARNING,
                "forward",
                "there is no device for macvtap, so that no guest can be attached",
                "name one: <interface dev='…'/>"
                + (" (or a bridge: <bridge name='…'/>)" if network.mode is ForwardMode.BRIDGE else ""),
            )
        case Devices.FUNCTIONS:
            yield Problem(
                Severity.WARNING,
                "forward",
                "there is no virtual function, so that no guest can be attached",
                "name the physical function: <pf dev='…'/>",
            )
        case Devices.NONE | Devices.ONE | Devices.IGNORED:
            return


def meaning_has_device(network: Network) -> bool:
    """Whether the definition names any device, or leaves the devices to Open vSwitch."""
    forward = network.forward
    if forward is None:
        return False
    by_switch = network.virtual_port is not None and network.virtual_port.type in {"openvswitch", "midonet"}
    return bool(forward.dev or forward.interfaces or forward.physical_functions or forward.addresses or by_switch)
