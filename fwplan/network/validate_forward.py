"""What libvirt refuses in `<forward>`: devices and source address translation."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fwplan.network.address_range import range_fault
from fwplan.network.interface_name import interface_name_fault
from fwplan.network.modes import Devices, ForwardMode
from fwplan.network.problems import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fwplan.network.definition import Network
    from fwplan.network.faults import Faults
    from fwplan.network.forward import Forward

_FIRST_INTERFACE = frozenset({"forward/interface", "forward/interface[1]"})


def forward_problems(network: Network, faults: Faults) -> Iterator[Problem]:
    """All problems of `<forward>`."""
    forward = network.forward
    if forward is None:
        return
    yield from _nat_problems(forward)
    yield from _device_name_problems(forward, faults)
    yield from _device_list_problems(forward, faults)
    yield from _device_mode_problems(forward, network.meaning.devices)


def _nat_problems(forward: Forward) -> Iterator[Problem]:
    nat = forward.nat
    if nat is None:
        return
    if forward.mode is not ForwardMode.NAT:
        yield Problem(
            Severity.ERROR,
            "forward/nat",
            f"mode '{forward.mode.value}' translates no addresses",
            "take <nat> out, or use mode 'nat'",
        )
    if nat.address is not None:
        fault = range_fault(nat.address.start, nat.address.end)
        if fault is not None:
            yield Problem(Severity.ERROR, "forward/nat/address", fault, "correct start or end")
    if nat.port is not None and not (nat.port.start < nat.port.end or nat.port.start == nat.port.end == 0):
        yield Problem(
            Severity.ERROR,
            "forward/nat/port",
            f"the first port, {nat.port.start}, is not below the last, {nat.port.end}",
            "give a range of two ports at least",
        )


def _device_name_problems(forward: Forward, faults: Faults) -> Iterator[Problem]:
    named = [] if forward.dev is None else [("forward", forward.dev)]
    for tag, interfaces in (("interface", forward.interfaces), ("pf", forward.physical_functions)):
        names = [interface.dev for interface in interfaces]
        named.extend(zip(faults.places(f"forward/{tag}", len(names)), names, strict=True))
    for path, name in named:
        fault = interface_name_fault(name)
        if fault is not None:
            yield Problem(
                Severity.ERROR, path, f"dev='{name}' {fault}", "name an interface of the host, as `ip link` shows it"
            )


def _device_list_problems(forward: Forward, faults: Faults) -> Iterator[Problem]:
    if forward.dev is not None and (forward.addresses or forward.physical_functions):
        yield Problem(
            Severity.ERROR,
            "forward",
            f"dev='{forward.dev}' stands beside a <pf> or an <address>",
            "keep the one that is meant",
        )
    first = next(faults.places("forward/interface", len(forward.interfaces)), None)
    if forward.dev is not None and first in _FIRST_INTERFACE and forward.interfaces[0].dev != forward.dev:
        yield Problem(
            Severity.ERROR,
            "forward",
            f"dev='{forward.dev}' is not the first <interface>, '{forward.interfaces[0].dev}'",
            "make them the same, or take dev out",
        )
    for path, names in (
        ("forward/interface", [interface.dev for interface in forward.interfaces]),
        ("forward/address", [str(address) for address in forward.addresses]),
    ):
        for place, repeated in _repetitions(zip(faults.places(path, len(names)), names, strict=True)):
            yield Problem(Severity.ERROR, place, f"'{repeated}' is listed a second time", "list it once")
    if len(forward.physical_functions) > 1:
        yield Problem(Severity.ERROR, "forward/pf[2]", "there is a second <pf>", "keep one")
    lists = Counter({"interface": len(forward.interfaces), "pf": len(forward.physical_functions)})
    lists["address"] = len(forward.addresses)
    used = [f"<{name}>" for name, count in lists.items() if count]
    if len(used) > 1:
        yield Problem(
            Severity.ERROR,
            "forward",
            f"{' and '.join(used)} stand together",
            "list the devices in one way",
        )


def _repetitions(names: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Each (place, name) whose name stood before."""
    seen = set()
    for place, name in names:
        if name in seen:
            yield place, name
        seen.add(name)


def _device_mode_problems(forward: Forward, devices: Devices) -> Iterator[Problem]:
    mode = forward.mode.value
    named = len(forward.interfaces) or int(forward.dev is not None)
    if forward.addresses and devices is not Devices.FUNCTIONS:
        yield Problem(
            Severity.ERROR,
            "forward/address",
            f"mode '{mode}' takes no PCI address",
            "name the interface, or use mode 'hostdev'",
        )
    match devices:
        case Devices.NONE if named and forward.mode is ForwardMode.OPEN:
            yield Problem(
                Severity.ERROR,
                "forward",
                "mode 'open' takes no device: only firewall rules could hold traffic to it, and it has none",
                "take the device out, or use mode 'route'",
            )
        case Devices.ONE if named > 1:
            yield Problem(Severity.ERROR, "forward/interface[2]", f"mode '{mode}' takes one device at most", "keep one")
        case Devices.IGNORED if named:
            yield Problem(
                Severity.WARNING,
                "forward",
                "an isolated network forwards nothing: the device has no effect",
                "take it out",
            )
        case Devices.FUNCTIONS if named:
            yield Problem(
                Severity.ERROR,
                "forward",
                "mode 'hostdev' takes PCI addresses or a <pf>, and an interface is named",
                "list virtual functions: <address type='pci' …/>",
            )
        case _:
            return
