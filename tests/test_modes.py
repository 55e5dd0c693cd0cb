"""The one table of forward modes: what each mode means, and that reading and refusing follow the table."""

from __future__ import annotations

import pytest

from fwplan.network.modes import MEANINGS, Devices, ForwardMode, Kind, Presence, kind_of
from fwplan.network.read import examine, read_network

REQUIRED, OPTIONAL, REFUSED = Presence.REQUIRED, Presence.OPTIONAL, Presence.REFUSED

ROWS = {
    (ForwardMode.ISOLATED, Kind.MANAGED): (OPTIONAL, OPTIONAL, Devices.IGNORED, "served", "filtered", "no NAT"),
    (ForwardMode.NAT, Kind.MANAGED): (REQUIRED, OPTIONAL, Devices.ONE, "served", "filtered", "NAT"),
    (ForwardMode.ROUTE, Kind.MANAGED): (REQUIRED, OPTIONAL, Devices.ONE, "served", "filtered", "no NAT"),
    (ForwardMode.OPEN, Kind.MANAGED): (OPTIONAL, OPTIONAL, Devices.NONE, "served", "unfiltered", "no NAT"),
    (ForwardMode.BRIDGE, Kind.EXISTING_BRIDGE): (REFUSED, REQUIRED, Devices.NONE, "unserved", "unfiltered", "no NAT"),
    (ForwardMode.BRIDGE, Kind.MACVTAP): (REFUSED, REFUSED, Devices.POOL, "unserved", "unfiltered", "no NAT"),
    (ForwardMode.PRIVATE, Kind.MACVTAP): (REFUSED, REFUSED, Devices.POOL, "unserved", "unfiltered", "no NAT"),
    (ForwardMode.VEPA, Kind.MACVTAP): (REFUSED, REFUSED, Devices.POOL, "unserved", "unfiltered", "no NAT"),
    (ForwardMode.PASSTHROUGH, Kind.MACVTAP): (REFUSED, REFUSED, Devices.POOL, "unserved", "unfiltered", "no NAT"),
    (ForwardMode.HOSTDEV, Kind.SRIOV): (REFUSED, REFUSED, Devices.FUNCTIONS, "unserved", "unfiltered", "no NAT"),
}
"""What libvirt documents of each mode: addresses, bridge name, devices, DHCP and DNS, rules, translation."""

DEVICES = {
    Devices.NONE: "",
    Devices.ONE: "<interface dev='eth0'/>",
    Devices.IGNORED: "",
    Devices.POOL: "<interface dev='eth0'/><interface dev='eth1'/>",
    Devices.FUNCTIONS: "<pf dev='eth0'/>",
}
"""What a definition may name below `<forward>`, by what its mode takes."""

IP = "<ip address='10.20.0.1' prefix='24'/>"
BRIDGE = "<bridge name='br0'/>"

by_row = pytest.mark.parametrize(
    ("mode", "kind"), [pytest.param(*row, id=f"{row[0].value}-{row[1].value}") for row in ROWS]
)


def defined(rest: str) -> bytes:
    return f"<network><name>lab</name>{rest}</network>".encode()


def errors(rest: str) -> list[str]:
    return [f"{problem.element}: {problem.message}" for problem in examine(defined(rest)).errors]


def minimal(mode: ForwardMode, kind: Kind, *, without: str = "") -> str:
    """A definition of that mode with no more than it needs, less the parts in `without`."""
    meaning = MEANINGS[mode, kind]
    parts = {
        "forward": f"<forward mode='{mode.value}'>{DEVICES[meaning.devices]}</forward>",
        "bridge": BRIDGE if meaning.bridge_name is REQUIRED else "",
        "ip": IP if meaning.addresses is REQUIRED else "",
    }
    return "".join(part for name, part in parts.items() if name != without)


# What the table says


@by_row
def test_each_mode_means_what_libvirt_says(mode: ForwardMode, kind: Kind) -> None:
    meaning = MEANINGS[mode, kind]
    assert meaning.kind is kind
    assert ROWS[mode, kind] == (
        meaning.addresses,
        meaning.bridge_name,
        meaning.devices,
        "served" if meaning.services else "unserved",
        "filtered" if meaning.filtered else "unfiltered",
        "NAT" if meaning.source_nat else "no NAT",
    )


def test_the_table_has_a_row_for_all_that_a_network_can_be_and_no_other() -> None:
    possible = {(mode, kind_of(mode, names_bridge=named)) for mode in ForwardMode for named in (False, True)}
    assert set(MEANINGS) == possible == set(ROWS)


@by_row
def test_a_mode_without_rules_says_why_and_one_with_rules_has_nothing_to_say(mode: ForwardMode, kind: Kind) -> None:
    meaning = MEANINGS[mode, kind]
    assert bool(meaning.why_unfiltered) is not meaning.filtered


def test_only_networks_whose_bridge_libvirt_makes_are_served() -> None:
    for meaning in MEANINGS.values():
        assert meaning.services is (meaning.kind is Kind.MANAGED)
        assert meaning.services is (meaning.bridge == "libvirt makes it")


def test_the_modes_that_forward_are_nat_route_and_open() -> None:
    forwarding = {mode for (mode, _), meaning in MEANINGS.items() if meaning.forwards}
    assert forwarding == {ForwardMode.NAT, ForwardMode.ROUTE, ForwardMode.OPEN}


def test_open_differs_from_route_in_filtering_and_what_follows_from_it() -> None:
    """No device, since only rules could hold traffic to one; and no need of a subnet, since no rule needs it."""
    by_open, by_route = (MEANINGS[mode, Kind.MANAGED] for mode in (ForwardMode.OPEN, ForwardMode.ROUTE))
    differing = {
        name
        for name in ("kind", "bridge", "addresses", "bridge_name", "devices", "services", "forwards", "filtered")
        if getattr(by_open, name) != getattr(by_route, name)
    }
    assert differing == {"addresses", "devices", "filtered"}


# What a definition is


@pytest.mark.parametrize(
    ("forward", "mode"),
    [
        ("", ForwardMode.ISOLATED),
        ("<forward/>", ForwardMode.NAT),
        ("<forward mode=''/>", ForwardMode.NAT),
        *((f"<forward mode='{mode.value}'/>", mode) for mode in ForwardMode),
    ],
)
def test_the_mode_is_nat_unless_forward_says_another_and_isolated_without_it(forward: str, mode: ForwardMode) -> None:
    assert examine(defined(forward)).network.mode is mode


@by_row
def test_the_kind_of_a_definition_is_that_of_its_row(mode: ForwardMode, kind: Kind) -> None:
    network = read_network(defined(minimal(mode, kind)))
    assert network.kind is kind
    assert network.meaning is MEANINGS[mode, kind]


def test_mode_bridge_is_macvtap_until_a_bridge_is_named() -> None:
    macvtap = "<forward mode='bridge' dev='eth0'/>"
    assert read_network(defined(macvtap)).kind is Kind.MACVTAP
    assert read_network(defined(f"{macvtap}<bridge macTableManager='kernel'/>")).kind is Kind.MACVTAP
    assert read_network(defined(f"<forward mode='bridge'/>{BRIDGE}")).kind is Kind.EXISTING_BRIDGE


# What is refused follows from the row


@by_row
def test_a_definition_with_no_more_than_its_row_requires_is_accepted(mode: ForwardMode, kind: Kind) -> None:
    assert examine(defined(minimal(mode, kind))).problems == ()


@by_row
def test_an_address_is_taken_or_refused_as_the_row_says(mode: ForwardMode, kind: Kind) -> None:
    absent, present = minimal(mode, kind, without="ip"), minimal(mode, kind, without="ip") + IP
    match MEANINGS[mode, kind].addresses:
        case Presence.REQUIRED:
            missing = f"<forward>: mode '{mode.value}' forwards a subnet, and the network has none"
            assert (errors(absent), errors(present)) == ([missing], [])
        case Presence.OPTIONAL:
            assert (errors(absent), errors(present)) == ([], [])
        case Presence.REFUSED:
            assert (errors(absent), errors(present)) == ([], [f"<ip>: mode '{mode.value}' takes no address"])


@pytest.mark.parametrize("mode", [mode for mode, kind in ROWS if kind is Kind.MANAGED])
def test_a_managed_network_may_name_its_bridge_or_not(mode: ForwardMode) -> None:
    assert errors(minimal(mode, Kind.MANAGED)) == []
    assert errors(minimal(mode, Kind.MANAGED) + BRIDGE) == []


@pytest.mark.parametrize(
    ("mode", "kind"), [row for row in ROWS if row[1] in {Kind.MACVTAP, Kind.SRIOV} and row[0] is not ForwardMode.BRIDGE]
)
def test_a_network_without_a_bridge_may_not_name_one(mode: ForwardMode, kind: Kind) -> None:
    assert errors(minimal(mode, kind) + BRIDGE) == [f"<bridge>: mode '{mode.value}' has no bridge, and one is named"]


@by_row
def test_two_interfaces_are_taken_or_refused_as_the_row_says(mode: ForwardMode, kind: Kind) -> None:
    interfaces = f"<forward mode='{mode.value}'>{DEVICES[Devices.POOL]}</forward>"
    expected = {
        ForwardMode.NAT: ["<interface>: mode 'nat' takes one device at most"],
        ForwardMode.ROUTE: ["<interface>: mode 'route' takes one device at most"],
        ForwardMode.OPEN: [
            "<forward>: mode 'open' takes no device: only firewall rules could hold traffic to it, and it has none"
        ],
        ForwardMode.HOSTDEV: ["<forward>: mode 'hostdev' takes PCI addresses or a <pf>, and an interface is named"],
    }
    if kind is Kind.EXISTING_BRIDGE:
        expected[mode] = ["<forward>: the network names the bridge 'br0' and a device as well"]
    assert errors(minimal(mode, kind, without="forward") + interfaces) == expected.get(mode, [])


@by_row
def test_a_network_that_lacks_the_device_it_lives_on_is_told_so(mode: ForwardMode, kind: Kind) -> None:
    """libvirt accepts it, and then no guest can be attached."""
    reading = examine(defined(minimal(mode, kind, without="forward") + f"<forward mode='{mode.value}'/>"))
    useless = MEANINGS[mode, kind].devices in {Devices.POOL, Devices.FUNCTIONS}
    assert reading.errors == ()
    assert [problem.message.endswith("no guest can be attached") for problem in reading.problems] == [True] * useless
