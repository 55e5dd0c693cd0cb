"""Documents that mean harm: each gets a clear error, quickly, and nothing that they point to is touched."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from fwplan.cli.program import program
from fwplan.files import network_schema
from fwplan.network.document import MAXIMUM_BYTES
from fwplan.network.problems import InvalidDefinitionError
from fwplan.network.read import examine, read_network

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = "<network><name>lab</name></network>"


def refusal(document: bytes) -> list[tuple[int | None, str]]:
    """The line and message of what a document is refused for before anything in it is read."""
    with pytest.raises(InvalidDefinitionError) as caught:
        examine(document)
    return [(problem.line, problem.message) for problem in caught.value.problems]


def defined(part: str) -> bytes:
    return f"<network><name>lab</name>{part}</network>".encode()


# Entities and document types

BILLION_LAUGHS = f"""<?xml version="1.0"?>
<!DOCTYPE network [
  <!ENTITY a0 "ha">
  {"".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))}
]>
<network><name>&a9;</name></network>"""

QUADRATIC_BLOWUP = f"""<!DOCTYPE network [<!ENTITY a "{"a" * 100_000}">]>
<network><name>{"&a;" * 1000}</name></network>"""


@pytest.mark.parametrize(
    ("document", "line"),
    [
        (BILLION_LAUGHS, 2),
        (QUADRATIC_BLOWUP, 1),
        (f"<!DOCTYPE network>\n{NETWORK}", 1),
        (f"<!-- a comment -->\n\n<!DOCTYPE network SYSTEM 'network.dtd'>{NETWORK}", 3),
        (f"<!DOCTYPE network SYSTEM 'http://192.0.2.1/network.dtd'>{NETWORK}", 1),
        (f"<!DOCTYPE network PUBLIC '-//lab//network//EN' 'http://192.0.2.1/'>{NETWORK}", 1),
        (f"<!DOCTYPE network [<!ENTITY % all SYSTEM 'file:///etc/passwd'> %all;]>{NETWORK}", 1),
        ("<!DOCTYPE network [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><network><name>&a;</name></network>", 1),
        ("<!DOCTYPE network [<!ATTLIST bridge name CDATA 'virbr9'>]><network><name>a</name><bridge/></network>", 1),
    ],
    ids=[
        "billion laughs",
        "quadratic blow-up",
        "empty",
        "a DTD in a file",
        "a DTD from the network",
        "a public DTD",
        "a parameter entity",
        "a file as an entity",
        "an attribute by default",
    ],
)
def test_a_document_type_is_refused_at_its_line_whatever_is_in_it(document: str, line: int) -> None:
    assert refusal(document.encode()) == [(line, "the definition has a DOCTYPE")]


@pytest.mark.parametrize("document", [BILLION_LAUGHS.partition("\n")[2], f"<!DOCTYPE network>{NETWORK}"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_document_type_in_another_encoding_is_refused_as_well(document: str, encoding: str) -> None:
    """Here the bytes `<!DOCTYPE` are nowhere in the document."""
    declared = f"<?xml version='1.0' encoding='{encoding}'?>{document}".encode(encoding)
    assert b"<!DOCTYPE" not in declared
    assert refusal(declared) != []


def test_a_file_that_an_entity_names_comes_into_no_output(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the-secret")
    text = f"<!DOCTYPE network [<!ENTITY a SYSTEM '{secret.as_uri()}'>]><network><name>&a;</name></network>"
    for encoding in ("utf-8", "utf-16"):
        for command in (["check"], ["explain", "--format", "xml"], ["plan"]):
            result = CliRunner().invoke(program, [*command, "-"], input=text.encode(encoding))
            assert result.exit_code == 1
            assert "the-secret" not in result.output


def test_an_entity_that_nobody_declared_is_refused() -> None:
    assert refusal(defined("<title>&lab;</title>")) == [(1, "not well-formed XML: Entity 'lab' not defined")]


def test_the_five_entities_of_xml_and_characters_by_number_are_possible() -> None:
    assert read_network(defined("<title>&lt;&gt;&amp;&apos;&quot;&#228;&#x6a4b;</title>")).title == "<>&'\"ä橋"


def test_no_other_file_is_included() -> None:
    include = "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='/etc/passwd' parse='text'/>"
    network = read_network(defined(f"<metadata>{include}</metadata>"))
    assert "href" in str(network.metadata)
    assert "root:" not in str(network.metadata)


# What is no XML, or another document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "not well-formed XML: Document is empty"),
        (b" \n", "not well-formed XML: Start tag expected, '<' not found"),
        (b"[Unit]\nDescription=no XML", "not well-formed XML: Start tag expected, '<' not found"),
        (b"\x7fELF\x02\x01\x01\x00", "not well-formed XML: Start tag expected, '<' not found"),
        (b"<network>", "not well-formed XML: Premature end of data in tag network line 1"),
        (NETWORK.encode() * 2, "not well-formed XML: Extra content at the end of the document"),
        (b"<domain><name>lab</name></domain>", "the root element is <domain>, not <network>"),
        (b"<Network><name>lab</name></Network>", "the root element is <Network>, not <network>"),
        (b"<n:network xmlns:n='urn:n'/>", "the root element is <{urn:n}network>, not <network>"),
        (defined("<title>\x1b[2J</title>"), "not well-formed XML: PCDATA invalid Char value 27"),
        ("<network><name>ä</name></network>".encode("latin-1"), "not well-formed XML: Invalid bytes in character enc"),
        (b"<network><name>\xc0\xaf</name></network>", "not well-formed XML: Invalid bytes in character encoding"),
        (b"<?xml version='1.0' encoding='klingon'?><network/>", "not well-formed XML: Unsupported encoding: klingon"),
    ],
)
def test_what_is_no_definition_is_refused_in_the_words_of_the_parser(document: bytes, message: str) -> None:
    assert refusal(document)[0][1].startswith(message)


def test_a_document_cut_off_anywhere_is_refused_and_never_an_accident() -> None:
    document = defined("<forward mode='nat'/><bridge name='virbr0'/><ip address='10.20.0.1' prefix='24'/>")
    assert all(refusal(document[:end]) for end in range(len(document)))


def test_a_refusal_tells_nothing_of_documents_before() -> None:
    refusal(b"<network><first></network>")
    examine(defined("<first/>"), network_schema())
    assert refusal(b"<network>") == [(1, "not well-formed XML: Premature end of data in tag network line 1")]


# Size


def filled(size: int) -> bytes:
    """A valid definition of that many bytes."""
    return defined(f"<description>{'a' * (size - len(defined('<description></description>')))}</description>")


def test_the_largest_definition_that_libvirt_takes_is_taken_and_a_byte_more_is_refused() -> None:
    assert MAXIMUM_BYTES == 4 * 1024 * 1024
    assert len(filled(MAXIMUM_BYTES)) == MAXIMUM_BYTES
    assert read_network(filled(MAXIMUM_BYTES)).name == "lab"
    assert refusal(filled(MAXIMUM_BYTES + 1)) == [(1, "the definition is 4194305 bytes long, 4194304 is the most")]


def test_an_endless_file_is_read_no_further_than_the_bound() -> None:
    result = CliRunner().invoke(program, ["check", "/dev/zero"])
    assert result.exit_code == 1
    assert result.stdout.startswith("/dev/zero:1: <network>: the definition is 4194305 bytes long")


def test_depth_is_bounded() -> None:
    """At a depth at which no code that follows an element into its children comes to an end of its stack."""
    (line, message) = refusal(defined("<a>" * 100_000))[0]
    assert line == 1
    assert message.startswith("not well-formed XML: Excessive depth in document: 256")
    deep = 250
    assert read_network(defined(f"<metadata>{'<a>' * deep}{'</a>' * deep}</metadata>")).name == "lab"


# Time

MANY = {
    "unknown elements": ("", "<a/>", ""),
    "unknown attributes": ("<bridge", " a{}=''", "/>"),
    "elements of others": ("", "<o:a xmlns:o='urn:o'/>", ""),
    "elements a second time": ("", "<mtu a=''/>", ""),
    "comments": ("<title>", "a<!-- b -->", "</title>"),
    "addresses that are none": ("", "<ip address='x'/>", ""),
    "addresses with a fault": ("", "<ip address='10.0.0.1' prefix='33'/>", ""),
    "one address": ("", "<ip address='10.0.0.1' prefix='24'/>", ""),
    "ranges": ("<ip address='10.0.0.1'><dhcp>", "<range start='11.0.0.1' end='11.0.0.2'/>", "</dhcp></ip>"),
    "routes": ("<ip address='10.0.0.1' prefix='24'/>", "<route gateway='10.1.0.1'/>", ""),
    "portgroups of one name": ("", "<portgroup name='a' default='yes'/>", ""),
    "interfaces twice": ("<forward mode='private'>", "<interface dev='eth0'/>", "</forward>"),
    "tags": ("<vlan>", "<tag id='1' nativeMode='tagged'/>", "</vlan>"),
    "names of one address": ("<dns><host ip='10.0.0.1'>", "<hostname>a</hostname>", "</host></dns>"),
}
"""What stands before, what stands there many times, and what stands after it."""


@pytest.mark.parametrize("many", MANY)
def test_time_does_not_run_away_with_the_number_of_elements(many: str) -> None:
    """Four times as many may take four times as long, or somewhat more; work for each three of them would take 64."""

    def seconds(document: bytes) -> float:
        start = time.process_time()
        examine(document, network_schema())
        return time.process_time() - start

    before, part, after = MANY[many]
    few, more = (defined(before + "".join(map(part.format, range(count))) + after) for count in (300, 1200))
    examine(few, network_schema())  # what is made once is made before
    # The better of two: what else the machine does only adds.
    assert min(seconds(more), seconds(more)) < 24 * min(seconds(few), seconds(few))
