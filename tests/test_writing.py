"""Writing: a definition as XML again, equivalent to what came in, and in the form that libvirt would give it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from fwplan.errors import NotExpressibleError
from fwplan.network.definition import Bridge, Network
from fwplan.network.element import Others
from fwplan.network.forward import Forward, Interface
from fwplan.network.libvirt_form import libvirt_form
from fwplan.network.modes import ForwardMode
from fwplan.network.read import read_network
from fwplan.network.write import write_network

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.xml"))

IP = "<ip address='10.20.0.1' prefix='24'/>"

by_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)


def read(part: str) -> Network:
    return read_network(f"<network><name>lab</name>{part}</network>".encode())


def written(part: str) -> str:
    """The parts of a definition after its name, as written back."""
    return _parts(write_network(read(part)))


def as_libvirt_writes(part: str) -> str:
    return _parts(write_network(libvirt_form(read(part))))


def _parts(document: bytes) -> str:
    head, parts = document.decode().split("</name>\n")
    assert head == "<network>\n  <name>lab"
    return parts.removesuffix("</network>\n")


# Equivalent to what came in


def test_a_definition_is_written_in_the_order_in_which_libvirt_writes() -> None:
    """Whatever the order that it came in."""
    definition = """\
<network ipv6="yes">
  <name>lab</name>
  <title>Lab</title>
  <forward mode="nat">
    <nat>
      <port start="1024" end="2047"/>
    </nat>
  </forward>
  <bridge name="virbr7" stp="on" delay="0"/>
  <mtu size="9000"/>
  <domain name="lab.example"/>
  <ip address="10.20.7.1" prefix="24">
    <dhcp>
      <range start="10.20.7.100" end="10.20.7.199"/>
    </dhcp>
  </ip>
  <portgroup name="staff"/>
</network>
"""
    root = etree.fromstring(definition)
    for child in list(root):
        root.insert(0, child)  # the last first
    assert write_network(read_network(etree.tostring(root))).decode() == definition


@by_example
def test_each_example_is_the_same_definition_after_being_written(example: Path) -> None:
    network = read_network(example.read_bytes())
    assert read_network(write_network(network)) == network


@by_example
def test_what_is_written_once_is_written_the_same_again(example: Path) -> None:
    once = write_network(read_network(example.read_bytes()))
    assert write_network(read_network(once)) == once


@by_example
def test_each_element_and_value_of_an_example_comes_back(example: Path) -> None:
    """What was read is compared as XML too: a field that nobody reads or writes would be missing on both sides."""
    root = etree.fromstring(example.read_bytes())
    assert contents(etree.fromstring(write_network(read_network(example.read_bytes())))) == contents(root)


def contents(root: etree._Element) -> list[tuple[str, str, dict[str, str]]]:
    """Each element below `root`, in an order that does not depend on that of the document."""
    tree = root.getroottree()
    return sorted(
        (
            tree.getpath(element),
            (element.text or "").strip(),
            {str(name): str(value) for name, value in element.attrib.items()},
        )
        for element in root.iter("*")
    )


# Kept beside what libvirt knows


def test_unknown_elements_and_attributes_come_back_where_they_were() -> None:
    assert written('<bridge name="virbr0" colour="red"><rack row="3"/></bridge>') == (
        '  <bridge name="virbr0" colour="red">\n    <rack row="3"/>\n  </bridge>\n'
    )


def test_foreign_namespaces_come_back_with_their_prefixes() -> None:
    part = '<o:rack xmlns:o="urn:ours" o:row="3"><o:slot/></o:rack>'
    assert written(part) == f"  {part}\n"


def test_metadata_comes_back_letter_by_letter() -> None:
    part = '<metadata><o:a xmlns:o="urn:ours">  text\n<!-- and comment -->\t<o:b c="d"/></o:a></metadata>'
    assert written(part) == f"  {part}\n"


def test_a_second_element_that_libvirt_ignores_still_comes_second() -> None:
    network = read('<mtu size="1400"/><mtu size="9000"/>')
    assert [mtu.get("size") for mtu in etree.fromstring(write_network(network)).iter("mtu")] == ["1400", "9000"]
    assert read_network(write_network(network)) == network


@pytest.mark.parametrize("text", ["a & b", "<name>", "]]>", "'\"", "Prüfstand 橋 🌉", "a\u00a0b"])
def test_texts_and_attributes_are_escaped(text: str) -> None:
    network = Network(name=text, description=text, bridge=Bridge(name="virbr0", zone=text))
    assert read_network(write_network(network)) == network


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "\ud800", "\ufffe"], ids=ascii)
def test_what_xml_cannot_carry_is_refused_and_not_left_out(text: str) -> None:
    with pytest.raises(NotExpressibleError, match="cannot be written as XML"):
        write_network(Network(name="lab", description=text))


@pytest.mark.parametrize("xml", ["<open>", "two words", "<a/><b/>", ""])
def test_what_is_to_be_kept_and_is_no_element_is_refused(xml: str) -> None:
    with pytest.raises(NotExpressibleError):
        write_network(Network(name="lab", others=Others(elements=(xml,))))


# As libvirt itself would write it


@pytest.mark.parametrize(
    ("part", "filled_in"),
    [
        ("", '  <bridge stp="on" delay="0"/>\n'),
        ("<bridge name='virbr7'/>", '  <bridge name="virbr7" stp="on" delay="0"/>\n'),
        ("<bridge stp='off' delay='4'/>", '  <bridge stp="off" delay="4"/>\n'),
        ("<forward mode='none'/>", '  <bridge stp="on" delay="0"/>\n'),
        (
            f"<forward dev='eth0'><nat/></forward>{IP}",
            (
                '  <forward dev="eth0" mode="nat">\n    <interface dev="eth0"/>\n  </forward>\n'
                '  <bridge stp="on" delay="0"/>\n  <ip address="10.20.0.1" prefix="24"/>\n'
            ),
        ),
        (
            "<forward mode='bridge'/><bridge name='br0'/>",
            '  <forward mode="bridge"/>\n  <bridge name="br0"/>\n',
        ),
        (
            "<forward mode='vepa'><interface dev='eth1'/></forward>",
            '  <forward dev="eth1" mode="vepa">\n    <interface dev="eth1"/>\n  </forward>\n',
        ),
        (
            "<forward mode='hostdev'><pf dev='eth1'/></forward>",
            '  <forward mode="hostdev" managed="no">\n    <pf dev="eth1"/>\n  </forward>\n',
        ),
        (
            "<forward mode='passthrough' dev='e'/><vlan><tag id='1'/><tag id='2'/></vlan>",
            (
                '  <forward dev="e" mode="passthrough">\n    <interface dev="e"/>\n  </forward>\n'
                '  <vlan trunk="yes">\n    <tag id="1"/>\n    <tag id="2"/>\n  </vlan>\n'
            ),
        ),
        (
            "<mtu/><mac/><domain/><dns/><bandwidth/><port/><ip address='10.20.0.1' prefix='0'><tftp/><dhcp/></ip>",
            '  <bridge stp="on" delay="0"/>\n  <ip address="10.20.0.1"/>\n',
        ),
    ],
)
def test_libvirt_fills_in_defaults_and_leaves_out_what_has_no_effect(part: str, filled_in: str) -> None:
    assert as_libvirt_writes(part) == filled_in


@by_example
def test_the_form_that_libvirt_writes_is_its_own_form(example: Path) -> None:
    form = libvirt_form(read_network(example.read_bytes()))
    assert libvirt_form(form) == form
    assert read_network(write_network(form)) == form


@by_example
def test_the_form_that_libvirt_writes_means_the_same(example: Path) -> None:
    network = read_network(example.read_bytes())
    form = libvirt_form(network)
    assert (form.mode, form.kind, form.bridge_name) == (network.mode, network.kind, network.bridge_name)
    assert form.forward_device == network.forward_device
    assert [ip.subnet for ip in form.ips] == [ip.subnet for ip in network.ips]


def test_a_definition_made_by_a_program_is_written_as_well() -> None:
    network = Network(
        name="lab",
        forward=Forward(mode=ForwardMode.PRIVATE, interfaces=(Interface(dev="eth0"),)),
        bridge=None,
    )
    assert read_network(write_network(network)) == network
    assert read_network(write_network(replace(network, name="other"))).name == "other"
