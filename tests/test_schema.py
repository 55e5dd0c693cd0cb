"""The schema: what it takes, what it finds, and that it never says in other words what the reader has said."""

from __future__ import annotations

import dataclasses
import time
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from fwplan.cli.program import program
from fwplan.files import network_schema, schema_text
from fwplan.network import definition, dns, forward, ip, port
from fwplan.network.element import Element
from fwplan.network.libvirt_form import libvirt_form
from fwplan.network.problems import Severity
from fwplan.network.read import examine, read_network
from fwplan.network.schema import Schema
from fwplan.network.write import write_network

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.xml"))

ALL_BUT_DEVICES = b"""\
<network ipv6='yes' trustGuestRxFilters='no' connections='2'>
  <name>all</name>
  <uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid>
  <title>Everything</title>
  <description>All that a managed
network may have.</description>
  <metadata><any:thing xmlns:any='urn:x'>goes<here/></any:thing></metadata>
  <forward mode='nat' dev='eth0'>
    <nat ipv6='yes'>
      <address start='192.0.2.1' end='192.0.2.9'/>
      <port start='500' end='1000'/>
    </nat>
    <interface dev='eth0' connections='1'/>
  </forward>
  <bridge name='virbr%d' zone='lab' stp='on' delay='0' macTableManager='libvirt'/>
  <mtu size='9000'/>
  <mac address='52:54:00:12:34:56'/>
  <domain name='lab.example' localOnly='yes' register='yes'/>
  <dns enable='yes' forwardPlainNames='no'>
    <forwarder domain='example' addr='2001:db8::53'/>
    <txt name='example' value='some text'/>
    <srv service='ldap' protocol='tcp' domain='d' target='t' port='389' priority='0' weight='65535'/>
    <host ip='192.168.122.5'><hostname>five</hostname><hostname>cinq</hostname></host>
  </dns>
  <bandwidth>
    <inbound average='1000' peak='5000' floor='200' burst='1024'/>
    <outbound average='1000'/>
  </bandwidth>
  <port isolated='yes'/>
  <ip family='ipv4' address='192.168.122.1' netmask='255.255.255.0' localPtr='yes'>
    <tftp root='/srv/tftp'/>
    <dhcp>
      <range start='192.168.122.100' end='192.168.122.200'><lease expiry='1' unit='hours'/></range>
      <host mac='52:54:0:0:0:1' name='one' ip='192.168.122.10'><lease expiry='0'/></host>
      <bootp file='pxelinux.0' server='192.168.122.1'/>
    </dhcp>
  </ip>
  <ip family='ipv6' address='2001:db8:1::1' prefix='64'>
    <dhcp>
      <host id='0:4:7e:7d' ip='2001:db8:1::10'/>
    </dhcp>
  </ip>
  <route family='ipv4' address='10.9.0.0' prefix='16' gateway='192.168.122.9' metric='2'/>
  <route address='10.8.0.0' netmask='255.255.0.0' gateway='192.168.122.8'/>
</network>
"""

FUNCTIONS = b"""\
<network>
  <name>functions</name>
  <forward mode='hostdev' managed='yes'>
    <driver name='vfio' model='vfio_pci'/>
    <pf dev='eth3' connections='0'/>
    <address type='pci' domain='0x0000' bus='0x03' slot='0x1f' function='0x7'/>
    <address type='pci' bus='3' slot='4' function='1'/>
  </forward>
  <vlan trunk='yes'>
    <tag id='42' nativeMode='untagged'/>
    <tag id='43'/>
  </vlan>
  <virtualport type='802.1Qbg'>
    <parameters managerid='11' typeid='1193047' typeidversion='2' instanceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/>
  </virtualport>
  <portgroup name='staff' default='YES' trustGuestRxFilters='yes'>
    <vlan><tag id='44'/></vlan>
    <virtualport>
      <parameters profileid='staff' interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/>
    </virtualport>
    <bandwidth><inbound average='1'/></bandwidth>
  </portgroup>
</network>
"""

WHOLE = (ALL_BUT_DEVICES, FUNCTIONS)
"""Definitions that have, between them, everything that fwplan knows."""


def root_of(text: bytes | str) -> etree._Element:
    return etree.fromstring(text)


def said(root: etree._Element) -> list[str]:
    return [f"{problem.path}: {problem.message}" for problem in network_schema().problems(root)]


def named(tag: str, rest: str = "") -> str:
    return f"<network>\n<name>n</name>\n{tag}\n{rest}</network>"


# What it takes


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_valid_as_they_stand_and_as_written(example: Path) -> None:
    network = read_network(example.read_bytes())
    for text in (example.read_bytes(), write_network(network), write_network(libvirt_form(network))):
        assert said(root_of(text)) == []


@pytest.mark.parametrize("text", WHOLE)
def test_everything_that_fwplan_knows_is_valid_as_it_stands_and_as_written(text: bytes) -> None:
    assert said(root_of(text)) == []
    assert said(root_of(write_network(examine(text).network))) == []


def test_everything_is_everything() -> None:
    """The two definitions above leave no field of any element empty."""
    kinds = {
        kind
        for module in (definition, dns, forward, ip, port)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Element) and kind is not Element
    }
    all_fields = {(kind, field.name) for kind in kinds for field in dataclasses.fields(kind) if field.name != "others"}
    used = {pair for text in WHOLE for pair in used_fields(examine(text).network)}
    assert all_fields - used == set()


def used_fields(value: object) -> Iterator[tuple[type, str]]:
    if isinstance(value, tuple):
        for part in value:
            yield from used_fields(part)
    elif isinstance(value, Element):
        for field in dataclasses.fields(value):
            content = getattr(value, field.name)
            if content not in (None, ()):
                yield type(value), field.name
                yield from used_fields(content)


def test_the_schema_knows_nothing_that_fwplan_does_not() -> None:
    """Every attribute and element of the schema stands somewhere in the definitions above."""
    grammar = root_of(schema_text())
    rng = "{http://relaxng.org/ns/structure/1.0}"
    for kind, used in (
        ("element", {str(element.tag) for text in WHOLE for element in root_of(text).iter("*")}),
        ("attribute", {str(name) for text in WHOLE for element in root_of(text).iter("*") for name in element.attrib}),
    ):
        assert {part.get("name") for part in grammar.iter(f"{rng}{kind}")} - {None} <= used


def test_each_value_of_the_schema_says_what_to_write() -> None:
    """No message ends in "write a text" where the schema wants something in particular."""
    grammar = root_of(schema_text())
    namespaces = {
        "r": "http://relaxng.org/ns/structure/1.0",
        "a": "http://relaxng.org/ns/compatibility/annotations/1.0",
    }
    silent = grammar.xpath("//r:define[r:data or r:choice/r:data][not(a:documentation)]/@name", namespaces=namespaces)
    assert silent == []


@pytest.mark.parametrize(
    "text",
    [
        named("<q:anything xmlns:q='urn:q' x='y'>text<network/><name/></q:anything>"),
        named("<ip xmlns:q='urn:q' address='192.0.2.1' q:note='x'><q:a/><dhcp><q:b/></dhcp></ip>"),
        named("<bridge xmlns:q='urn:q' q:note='x' name='b'><q:a/></bridge>"),
        named("<metadata x='y'>text<name/><network z='1'><ip/></network><!-- so --></metadata>"),
        named("<uuid/>"),
        named("<!-- a comment --><?and an instruction?><port><!-- in here --></port>"),
        "<network><uuid/><ip address='2001:db8::1' family='ipv6'/><name>last</name></network>",
        "<network><name>a<!-- comment -->b</name></network>",
        "<network><name><![CDATA[a]]></name></network>",
    ],
)
def test_order_comments_metadata_and_foreign_namespaces_are_free(text: str) -> None:
    assert said(root_of(text)) == []


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "255.255.255.255", "::", "::1", "1::", "2001:db8::", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1", "1:2::3"],  # noqa: S104
)
def test_addresses_in_all_their_forms_are_valid(address: str) -> None:
    assert said(root_of(named(f"<ip address='{address}'/>"))) == []


# What it finds

SEEN_BY_BOTH = [
    ("<frwd/>", "frwd", "no <frwd> here", "was <forward> meant?"),
    ("<zzz/>", "zzz", "no <zzz> here", "it has: <uuid>, <title>"),
    ("<dhcp/>", "dhcp", "no <dhcp> here", "it has:"),
    ("<bridge nam='b'/>", "bridge", "no attribute 'nam' here", "was name meant?"),
    ("<port isolated='yes' zzz=''/>", "port", "no attribute 'zzz' here", "it has: isolated"),
    ("<port isolated='true'/>", "port", "isolated='true' is not", "write one of: yes, no"),
    ("<forward mode='bridged'/>", "forward", "mode='bridged' is not", "write one of: none, nat, route, open"),
    ("<bridge delay='-1'/>", "bridge", "delay='-1' is not", "write a whole number from 0 to 18446744073709551615"),
    ("<bridge delay=''/>", "bridge", "delay='' is not", "write a whole number"),
    ("<bridge name='much-too-long-for-it'/>", "bridge", "name='much", "write the name of a bridge"),
    ("<mtu size='67'/>", "mtu", "size='67' is not", "write a whole number from 68 to 65535"),
    ("<mac address='01:00:00:00:00:00'/>", "mac", "address='01:", "write six octets"),
    ("<uuid>1234</uuid>", "uuid", "'1234' is not", "write a UUID"),
    ("<title>two\nlines</title>", "title", "'two\nlines' is not", "write a text without line breaks"),
    ("<ip/>", "ip", "'address' is missing", "write an IPv4 or IPv6 address"),
    ("<ip address='1.2.3.256'/>", "ip", "address='1.2.3.256' is not", "write an IPv4 or IPv6 address"),
    ("<ip address='1.2.3.04'/>", "ip", "address='1.2.3.04' is not", "write an IPv4 or IPv6 address"),
    ("<ip address='fe80::1%eth0'/>", "ip", "address='fe80::1%eth0' is not", "write an IPv4 or IPv6 address"),
    ("<vlan/>", "vlan", "<tag> is missing", "put <tag> in"),
    ("<vlan><tag id='4096'/></vlan>", "vlan/tag", "id='4096' is not", "write a whole number from 0 to 4095"),
    ("<dns><host ip='1.2.3.4'/></dns>", "dns/host", "<hostname> is missing", "put <hostname> in"),
    ("<dns><host ip='1.2.3.4'><hostname/></host></dns>", "dns/host/hostname", "the element is empty", "write a text"),
    (f"<domain localOnly='{'y' * 99}'/>", "domain", f"localOnly='{'y' * 40}…' is not", "write one of: yes, no"),
]

PASSED_OVER_BY_THE_READER = [
    ("<forward mode='hostdev' managed='maybe'/>", "forward", "managed='maybe' is not", "write yes or no"),
    ("<bridge zone=''/>", "bridge", "zone='' is not", "write a text that is not empty"),
    ("<ip address='192.0.2.1'>text</ip>", "ip", "the text 'text' stands between", "take it out, or make it a comment"),
    ("<port/> text", "", "the text 'text' stands between", "take it out, or make it a comment"),
    ("<ip address='192.0.2.1'><tftp root=''/></ip>", "ip/tftp", "root='' is not", "write a text that is not empty"),
    ("<portgroup name='a' default='true'/>", "portgroup", "default='true' is not", "write yes or no"),
    ("<description><b>x</b></description>", "description/b", "no <b> here", "take it out"),
    ("<title><q:b xmlns:q='urn:q'/></title>", "title/{urn:q}b", "only text stands here", "move it a level up"),
]


@pytest.mark.parametrize(("tag", "path", "message", "advice"), SEEN_BY_BOTH + PASSED_OVER_BY_THE_READER)
def test_one_fault_is_one_warning_with_its_place_and_what_to_do(tag: str, path: str, message: str, advice: str) -> None:
    (problem,) = network_schema().problems(root_of(named(tag)))
    assert problem.severity is Severity.WARNING
    assert problem.path == path
    assert problem.line == (3 if path else 1)
    assert message in problem.message
    assert problem.advice.startswith(advice)


def test_all_faults_are_found_in_the_order_of_the_document() -> None:
    tags = [tag for tag, *_ in SEEN_BY_BOTH if "\n" not in tag]
    problems = network_schema().problems(root_of(named("\n".join(tags))))
    assert [problem.line for problem in problems] == list(range(3, 3 + len(tags)))


def test_a_missing_name_is_found() -> None:
    assert said(root_of("<network><bridge/></network>")) == [": <name> is missing"]


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "4294967296000000000000", "٣", "yes ", "\n"])
@pytest.mark.parametrize("text", WHOLE)
def test_it_finds_whatever_value_the_reader_refuses(text: bytes, value: str) -> None:
    names = {str(name) for element in root_of(text).iter("*") for name in element.attrib}
    for name in sorted(names):
        root = root_of(text)
        for element in root.iter("*"):
            if name in element.attrib:
                element.set(name, value)
        refused = [
            problem for problem in examine(etree.tostring(root)).errors if f"{name}='{value}' is not" in str(problem)
        ]
        assert not refused or said(root)


# Beside the reader


@pytest.mark.parametrize(("tag", "path", "message", "advice"), PASSED_OVER_BY_THE_READER)
def test_it_finds_what_the_reader_passes_over(tag: str, path: str, message: str, advice: str) -> None:
    text = named(tag).encode()
    alone, both = examine(text), examine(text, network_schema())
    (found,) = [problem for problem in both.problems if problem not in alone.problems]
    assert found.path == path
    assert message in found.message
    assert found.advice.startswith(advice)
    assert both.network == alone.network


@pytest.mark.parametrize("tag", [tag for tag, *_ in SEEN_BY_BOTH])
def test_it_does_not_say_again_what_the_reader_has_said(tag: str) -> None:
    text = named(tag).encode()
    alone = examine(text)
    assert alone.problems
    assert examine(text, network_schema()).problems == alone.problems


def test_two_faults_of_one_element_are_two_problems() -> None:
    text = named("<bridge stp='perhaps' zone=''/>").encode()
    messages = [problem.message for problem in examine(text, network_schema()).problems]
    assert len(messages) == 2
    assert messages[0].startswith("stp='perhaps' means nothing")
    assert messages[1].startswith("zone=''")


# Two ways to the same answer

VALUES = st.sampled_from(
    ["", "0", "1", "yes", "no", "nat", "x", "10.0.0.1", "::1", "99999", "a b", "52:54:00:00:00:01"]
)


@st.composite
def changed(draw: st.DrawFn) -> etree._Element:
    """A definition with one to three changes."""
    root = root_of(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 3))):
        elements = list(root.iterdescendants("*"))
        element = draw(st.sampled_from(elements))
        other = draw(st.sampled_from([root, *elements]))
        match draw(st.sampled_from(["value", "attribute", "less", "text", "tail", "tag", "remove", "copy", "comment"])):
            case "value" if element.attrib:
                element.set(draw(st.sampled_from(sorted(map(str, element.attrib)))), draw(VALUES))
            case "attribute":
                element.set(draw(st.sampled_from(["name", "dev", "type", "{urn:x}a", "zzz"])), draw(VALUES))
            case "less" if element.attrib:
                del element.attrib[draw(st.sampled_from(sorted(map(str, element.attrib))))]
            case "text":
                element.text = draw(VALUES)
            case "tail":
                element.tail = draw(VALUES)
            case "tag":
                element.tag = str(other.tag)
            case "remove":
                next(element.iterancestors()).remove(element)
            case "copy":
                other.append(deepcopy(element))
            case "comment":
                element.insert(0, etree.Comment("so"))
            case _:
                pass
    return root


@given(root=changed())
def test_libxml2_and_the_search_for_faults_agree(root: etree._Element) -> None:
    judge = etree.RelaxNG(root_of(schema_text()))
    problems = network_schema().problems(root)
    assert bool(problems) != judge.validate(root)
    assert not any("the schema does not allow it" in problem.message for problem in problems)


@given(root=changed())
def test_a_large_definition_is_held_against_the_schema_in_the_same_way(root: etree._Element) -> None:
    before = said(root)
    metadata = etree.SubElement(root, "metadata")
    for _ in range(2000):
        etree.SubElement(metadata, "entry")
    assert said(root) == before


def test_a_pattern_that_the_search_cannot_follow_leaves_what_libxml2_says() -> None:
    text = schema_text().replace(b'<zeroOrMore><ref name="networkPart"/></zeroOrMore>', b"<notAllowed/>")
    (problem,) = Schema(text).problems(root_of(named("<port/>")))
    assert problem.message.startswith("the schema does not allow it: ")
    assert "--print-schema" in problem.advice


@pytest.mark.parametrize("many", ["<metadata>{}</metadata>", "<x:y xmlns:x='urn:x'>{}</x:y>"])
def test_many_elements_take_no_more_than_their_number(many: str) -> None:
    """libxml2 alone takes minutes."""
    root = root_of(named(many.format("<a b='c'>d</a>" * 200_000)))
    start = time.perf_counter()
    assert said(root) == []
    assert time.perf_counter() - start < 5


# On the command line


def test_check_prints_the_schema() -> None:
    result = CliRunner().invoke(program, ["check", "--print-schema"])
    assert result.exit_code == 0
    assert result.stdout_bytes == schema_text()
    assert etree.RelaxNG(root_of(result.stdout_bytes)).validate(root_of(EXAMPLES[0].read_bytes()))


def test_check_tells_what_only_the_schema_finds_and_plan_does_not_pay_for_it(tmp_path: Path) -> None:
    file = tmp_path / "lab.xml"
    file.write_text(named("<port>isolated</port>"))
    line = f"{file}:3: warning: <port>: the text 'isolated' stands between elements, where libvirt reads none"
    check = CliRunner().invoke(program, ["check", str(file)])
    assert check.exit_code == 0
    assert check.stdout.startswith(line)
    assert CliRunner().invoke(program, ["check", "--strict", str(file)]).exit_code == 1
    plan = CliRunner().invoke(program, ["plan", str(file)])
    assert plan.exit_code == 0
    assert plan.stderr == ""
