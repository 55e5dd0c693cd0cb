"""Findings for programs: JSON of fwplan's own, SARIF for merge requests, and metrics for Prometheus.

Sources: SARIF 2.1.0 (OASIS); Prometheus' text format, as its node exporter reads it from files.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fwplan.audit.finding import Level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fwplan.audit.finding import Finding

JSON_VERSION = 1
_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_SURROGATES = re.compile("[\ud800-\udfff]")
"""What Python reads such bytes as; no encoding can write them."""


def findings_json(findings: Sequence[Finding], networks: Sequence[str]) -> str:
    """The findings as JSON of fwplan's own."""
    return _dumped(
        {
            "fwplan": JSON_VERSION,
            "networks": list(networks),
            "findings": [
                {
                    "code": finding.code.value,
                    "level": finding.level.value,
                    "title": finding.code.title,
                    "network": finding.network,
                    "place": finding.place,
                    "message": finding.message,
                    "details": list(finding.details),
                    "owner": None
                    if finding.owner is None
                    else {
                        "name": finding.owner.name,
                        "because": finding.owner.because,
                        "sure": finding.owner.is_sure,
                    },
                    "remedy": list(finding.remedy),
                }
                for finding in findings
            ],
        }
    )


def sarif(findings: Sequence[Finding], files: Mapping[str, str], version: str) -> str:
    """The findings as SARIF.

    Args:
        findings: in order.
        files: the definition of each network, by its name.
        version: of fwplan.
    """
    codes = list(dict.fromkeys(finding.code for finding in findings))
    rules = [
        {
            "id": code.value,
            "shortDescription": {"text": code.title},
            "help": {"text": f"docs/findings/{code.value}.md says how it comes about, and what to do."},
            "defaultConfiguration": {"level": code.level.value},
        }
        for code in codes
    ]
    driver = {"name": "fwplan", "version": version, "rules": rules}
    results = [_sarif_result(finding, codes.index(finding.code), files) for finding in findings]
    return _dumped({"$schema": _SARIF, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]})


def _sarif_result(finding: Finding, index: int, files: Mapping[str, str]) -> dict[str, Any]:
    text = "\n".join([finding.message, *finding.details, *finding.remedy])
    place: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": finding.place or "host"}]}
    # merge requests show only what is in a file: of what concerns the host, the first definition
    file = next(iter(files.values()), None) if finding.network is None else files.get(finding.network)
    if file is not None and file != "-":
        place["physicalLocation"] = {"artifactLocation": {"uri": _uri(file)}, "region": {"startLine": 1}}
    return {
        "ruleId": finding.code.value,
        "ruleIndex": index,
        "level": finding.level.value,
        "message": {"text": text},
        "locations": [place],
    }


def prometheus(findings: Sequence[Finding], networks: Sequence[str]) -> str:
    """The number of findings as metrics: of each network by level, and of each code."""
    by_network = Counter((finding.network, finding.level) for finding in findings)
    by_code = Counter((finding.network, finding.code) for finding in findings)
    lines = [
        "# HELP fwplan_audit_findings Findings of fwplan audit, by network and level.",
        "# TYPE fwplan_audit_findings gauge",
    ]
    for network in (None, *networks):
        lines.extend(
            f'fwplan_audit_findings{{network="{_label(network)}",level="{level.value}"}} {by_network[network, level]}'
            for level in Level
        )
    lines += [
        "# HELP fwplan_audit_finding Findings of fwplan audit, by network and code; only those that there are.",
        "# TYPE fwplan_audit_finding gauge",
    ]
    lines.extend(
        f'fwplan_audit_finding{{network="{_label(network)}",code="{code.value}"}} {number}'
        for (network, code), number in by_code.items()
    )
    return "".join(f"{line}\n" for line in lines)


def _uri(file: str) -> str:
    """The name of a file as part of a URI, whatever bytes are in it."""
    return quote(file.encode("utf-8", "surrogateescape"), safe="/")


def _label(network: str | None) -> str:
    text = _unicode(network or "")
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _dumped(document: object) -> str:
    return _unicode(f"{json.dumps(document, indent=2, ensure_ascii=False)}\n")


def _unicode(text: str) -> str:
    """The text, with a mark for each byte of a name on the host that is no UTF-8."""
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)
