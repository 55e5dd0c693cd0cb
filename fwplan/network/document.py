"""From bytes to an XML tree, when the bytes may come from anybody.

No entity is expanded, no DTD is taken, nothing is fetched, and the size is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from fwplan.network.problems import InvalidDefinitionError, Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

MAXIMUM_BYTES = 4 * 1024 * 1024
"""The largest definition that libvirt's own protocol carries (REMOTE_STRING_MAX)."""

_DOCTYPE_ADVICE = "take the <!DOCTYPE …> out: a definition needs neither a DTD nor entities"


def parse_document(data: bytes) -> etree._Element:
    """Parse a definition and return its root element.

    Raises:
        InvalidDefinitionError: too large, not well-formed, with a DOCTYPE, or with another root than `<network>`.
    """
    if len(data) > MAXIMUM_BYTES:
        raise _refusal(
            f"the definition is {len(data)} bytes long, {MAXIMUM_BYTES} is the most",
            "take out what is not needed, such as large metadata",
        )
    if b"<!DOCTYPE" in data:
        line = data[: data.index(b"<!DOCTYPE")].count(b"\n") + 1
        raise _refusal("the definition has a DOCTYPE", _DOCTYPE_ADVICE, line)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise InvalidDefinitionError(_syntax_problems(error, parser.error_log)) from None
    except ValueError as error:
        raise _refusal(f"not XML: {error}", "check that this is the right file") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise _refusal("the definition has a DOCTYPE", _DOCTYPE_ADVICE)
    if root.tag != "network":
        raise _refusal(
            f"the root element is <{root.tag!s}>, not <network>",
            "give the file of a virtual network, such as `virsh net-dumpxml NAME` writes",
            root.sourceline,
        )
    return root


def _refusal(message: str, advice: str, line: int | None = 1) -> InvalidDefinitionError:
    return InvalidDefinitionError((Problem(Severity.ERROR, "", message, advice, line),))


def _syntax_problems(error: etree.XMLSyntaxError, log: Iterable[etree._LogEntry]) -> tuple[Problem, ...]:
    """Every complaint of the parser, once each; the parser stops at the first that it cannot pass over.

    `log` is that of the parser: that of the error holds the complaints about documents before as well.
    """
    complaints = dict.fromkeys((entry.line, entry.message) for entry in log)
    if not complaints:
        complaints = {(error.lineno or 1, error.msg): None}
    return tuple(
        Problem(
            Severity.ERROR,
            "",
            f"not well-formed XML: {message}",
            "correct the XML; `xmllint` shows the place",
            line or 1,
        )
        for line, message in complaints
    )
