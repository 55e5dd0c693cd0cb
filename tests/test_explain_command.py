"""`fwplan explain`: what a network is, in words, as JSON, and as the XML that libvirt would write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from fwplan.cli.program import program
from fwplan.network.read import read_network

if TYPE_CHECKING:
    from click.testing import Result

EXAMPLES = Path(__file__).parent.parent / "examples"


def explain(*arguments: str, given: str | bytes = "") -> Result:
    return CliRunner().invoke(program, ["explain", *arguments], input=given)


def example(name: str) -> str:
    return str(EXAMPLES / f"{name}.xml")


def explained(part: str) -> dict[str, Any]:
    """What JSON says of a definition."""
    result = explain("--format", "json", "-", given=f"<network><name>lab</name>{part}</network>")
    assert (result.exit_code, result.stderr) == (0, "")
    (network,) = json.loads(result.stdout)["networks"]
    assert isinstance(network, dict)
    return network


# In words


def test_a_nat_network_in_words() -> None:
    result = explain("--width", "110", example("nat"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout
        == """\
network default
  kind       managed
  mode       nat: guests reach the outside under an address of the host; nobody outside reaches them first
  bridge     virbr0: libvirt makes it
  addresses  192.168.122.1/24
  devices    any: traffic leaves by whichever device the host routes it to
  services   DHCP, DNS, by libvirt's dnsmasq on the bridge
  filtered   yes, with source NAT: `fwplan plan` lists the rules
"""
    )


def test_an_open_network_is_served_and_not_filtered_and_the_reason_is_given() -> None:
    assert (
        explain("--width", "80", example("open")).stdout
        == """\
network lab
  kind       managed
  mode       open: libvirt makes the bridge and serves it, as for route, and
             leaves all filtering to others
  bridge     virbr7: libvirt makes it
  addresses  10.20.7.1/24, 2001:db8:7::1/64
  devices    any: traffic leaves by whichever device the host routes it to
  services   DHCP, DNS, by libvirt's dnsmasq on the bridge
  filtered   no: mode 'open' means that the administrator or another system owns
             the rules: libvirt adds none, whatever else the definition says
"""
    )


def test_several_networks_stand_apart_in_the_order_given() -> None:
    parts = explain(example("route"), example("bridge")).stdout.split("\n\n")
    assert [part.splitlines()[0] for part in parts] == ["network servers", "network office"]


@pytest.mark.parametrize("width", [40, 80, 160])
def test_no_line_is_wider_than_asked_for(width: int) -> None:
    shown = explain("--width", str(width), *map(str, sorted(EXAMPLES.glob("*.xml")))).stdout
    assert max(map(len, shown.splitlines())) <= width


def test_the_width_is_that_of_the_terminal_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert explain(example("nat")).stdout == explain("--width", "60", example("nat")).stdout


def test_there_is_no_colour_where_nobody_looks() -> None:
    assert "\x1b" not in explain(example("nat")).stdout


# As JSON


def test_json_says_everything_of_a_network() -> None:
    result = explain("--format", "json", example("nat-ipv6-ports"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "fwplan": 1,
        "networks": [
            {
                "name": "customers",
                "kind": "managed",
                "mode": "nat",
                "summary": "guests reach the outside under an address of the host; nobody outside reaches them first",
                "bridge": {"name": "virbr5", "maker": "libvirt makes it", "chosen_by_libvirt": False},
                "addresses": [
                    {"address": "10.20.5.1", "prefix": 24, "subnet": "10.20.5.0/24"},
                    {"address": "fd20:5::1", "prefix": 64, "subnet": "fd20:5::/64"},
                ],
                "devices": ["eth0"],
                "services": {"dhcp": True, "dns": True, "tftp": False},
                "filtered": True,
                "source_nat": True,
                "why_unfiltered": None,
            }
        ],
    }


@pytest.mark.parametrize(
    ("name", "kind", "mode", "filtered"),
    [
        ("isolated", "managed", "isolated", True),
        ("isolated-no-address", "managed", "isolated", True),
        ("nat", "managed", "nat", True),
        ("route", "managed", "route", True),
        ("open", "managed", "open", False),
        ("bridge", "existing-bridge", "bridge", False),
        ("bridge-openvswitch", "existing-bridge", "bridge", False),
        ("macvtap", "macvtap", "bridge", False),
        ("macvtap-vepa", "macvtap", "vepa", False),
        ("passthrough", "macvtap", "passthrough", False),
        ("hostdev", "sriov", "hostdev", False),
    ],
)
def test_each_example_is_of_its_kind_and_says_why_where_there_are_no_rules(
    name: str, kind: str, mode: str, *, filtered: bool
) -> None:
    (network,) = json.loads(explain("--format", "json", example(name)).stdout)["networks"]
    assert (network["kind"], network["mode"], network["filtered"]) == (kind, mode, filtered)
    assert (network["why_unfiltered"] is None) is filtered


@pytest.mark.parametrize(
    ("part", "served"),
    [
        ("", set()),
        ("<ip address='10.20.0.1'/>", {"dns"}),
        ("<ip address='10.20.0.1'/><dns enable='no'/>", set()),
        ("<ip address='10.20.0.1'><dhcp/></ip>", {"dns"}),
        ("<ip address='10.20.0.1'><dhcp><range start='10.20.0.2' end='10.20.0.9'/></dhcp></ip>", {"dns", "dhcp"}),
        ("<ip address='10.20.0.1'><tftp root='/srv'/></ip><dns enable='no'/>", {"tftp"}),
        ("<forward mode='open'/><ip address='10.20.0.1'/>", {"dns"}),
        ("<forward mode='bridge'/><bridge name='br0'/>", set()),
    ],
)
def test_the_services_are_those_that_libvirt_offers(part: str, served: set[str]) -> None:
    assert {service for service, is_served in explained(part)["services"].items() if is_served} == served


@pytest.mark.parametrize(
    ("part", "bridge"),
    [
        ("", ("virbr0", True)),
        ("<bridge name='lab%d'/>", ("lab0", True)),
        ("<bridge name='lab'/>", ("lab", False)),
        ("<forward mode='bridge'/><bridge name='br0'/>", ("br0", False)),
        ("<forward mode='private' dev='eth0'/>", (None, False)),
    ],
)
def test_the_bridge_is_that_of_the_definition_or_one_that_libvirt_chooses(
    part: str, bridge: tuple[str | None, bool]
) -> None:
    found = explained(part)["bridge"]
    assert (found["name"], found["chosen_by_libvirt"]) == bridge


@pytest.mark.parametrize(
    ("forward", "devices"),
    [
        ("<forward mode='vepa' dev='eth0'/>", ["eth0"]),
        ("<forward mode='vepa'><interface dev='eth0'/><interface dev='eth1'/></forward>", ["eth0", "eth1"]),
        ("<forward mode='vepa' dev='eth0'><interface dev='eth0'/></forward>", ["eth0"]),
        ("<forward mode='hostdev'><pf dev='eth0'/></forward>", ["eth0"]),
        ("<forward mode='hostdev'><address type='pci' bus='3' function='1'/></forward>", ["0000:03:00.1"]),
    ],
)
def test_the_devices_are_named_once_each(forward: str, devices: list[str]) -> None:
    assert explained(forward)["devices"] == devices


# As XML


def test_xml_is_what_libvirt_would_write_back() -> None:
    result = explain("--format", "xml", "-", given="<network><name>lab</name><mtu/><forward mode='open'/></network>")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout
        == """\
<network>
  <name>lab</name>
  <forward mode="open"/>
  <bridge stp="on" delay="0"/>
</network>
"""
    )


def test_xml_can_be_read_again_and_means_the_same() -> None:
    for file in sorted(EXAMPLES.glob("*.xml")):
        written = explain("--format", "xml", str(file)).stdout_bytes
        assert read_network(written).meaning == read_network(file.read_bytes()).meaning
        assert explain("--format", "xml", "-", given=written).stdout_bytes == written


# Trouble


@pytest.mark.parametrize("format_name", ["text", "json", "xml"])
def test_one_invalid_definition_among_others_is_status_1_and_nothing_on_standard_output(format_name: str) -> None:
    result = explain(
        "--format", format_name, example("nat"), "-", given="<network><name>x</name><uuid>5</uuid></network>"
    )
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("-:1: <uuid>: '5' is not a UUID; ")


@pytest.mark.parametrize("format_name", ["text", "json", "xml"])
def test_one_unreadable_file_among_others_is_status_2_and_nothing_on_standard_output(format_name: str) -> None:
    result = explain("--format", format_name, example("nat"), "/nowhere/lab.xml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "fwplan: cannot read /nowhere/lab.xml: No such file or directory\n"


def test_networks_that_cannot_be_on_one_host_are_not_explained_together() -> None:
    result = explain(example("nat"), example("nat"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "a network 'default' was given before" in result.stderr


def test_a_warning_is_told_on_standard_error_and_the_network_is_explained() -> None:
    result = explain("-", given="<network><name>lab</name><frwd/></network>")
    assert result.exit_code == 0
    assert result.stdout.startswith("network lab\n")
    assert result.stderr.startswith("-:1: warning: <frwd>: ")


@pytest.mark.parametrize("arguments", [[], ["--format", "nft", "-"], ["--width", "39", "-"]])
def test_a_wrong_use_is_status_2(arguments: list[str]) -> None:
    result = explain(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_name_cannot_move_the_cursor_or_make_a_line_of_its_own() -> None:
    text = "<network><name>lab&#x9b;2J&#x202e;&#13;kind</name></network>"
    shown = explain("-", given=text).stdout
    assert all(line.isprintable() for line in shown.splitlines())
    assert shown.count("\n") == explain("-", given="<network><name>lab</name></network>").stdout.count("\n")
