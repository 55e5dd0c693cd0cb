"""SARIF's form, as far as fwplan writes it: which properties an object may have, which it must, and of what kind.

Source: SARIF 2.1.0 (OASIS), sections 3.13 to 3.49. The kinds are Python's.
"""

from __future__ import annotations

import re
from typing import Any

_LEVELS = {"none", "note", "warning", "error"}
_URI = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

_FORM: dict[str, dict[str, Any]] = {
    "log": {"$schema": str, "version!": {"2.1.0"}, "runs!": ["run"]},
    "run": {"tool!": "tool", "results": ["result"]},
    "tool": {"driver!": "driver"},
    "driver": {"name!": str, "version": str, "informationUri": "uri", "rules": ["rule"]},
    "rule": {
        "id!": str,
        "shortDescription": "message",
        "help": "message",
        "helpUri": "uri",
        "defaultConfiguration": "configuration",
    },
    "configuration": {"level": _LEVELS},
    "result": {"ruleId": str, "ruleIndex": int, "level": _LEVELS, "message!": "message", "locations": ["location"]},
    "message": {"text!": str},
    "location": {"physicalLocation": "physical", "logicalLocations": ["logical"]},
    "physical": {"artifactLocation": "artifact", "region": "region"},
    "artifact": {"uri": "uri"},
    "region": {"startLine": int},
    "logical": {"fullyQualifiedName": str},
}


def faults(value: Any, form: Any = "log", place: str = "log") -> list[str]:  # noqa: ANN401 - JSON
    """What is not as SARIF has it."""
    if form == "uri":
        right = isinstance(value, str) and _URI.fullmatch(value) and not _ESCAPE.search(value)
        return [] if right else [f"{place}: {value!r} is no URI"]
    if isinstance(form, set):
        return [] if value in form else [f"{place}: {value!r}"]
    if isinstance(form, list):
        if not isinstance(value, list):
            return [f"{place}: no list"]
        return [fault for number, each in enumerate(value) for fault in faults(each, form[0], f"{place}[{number}]")]
    if isinstance(form, type):
        return [] if type(value) is form else [f"{place}: {value!r}"]
    if not isinstance(value, dict):
        return [f"{place}: no object"]
    properties = _FORM[form]
    known = {name.rstrip("!"): kind for name, kind in properties.items()}
    found = [f"{place}: unknown {name}" for name in value.keys() - known.keys()]
    found += [f"{place}: no {name[:-1]}" for name in properties if name.endswith("!") and name[:-1] not in value]
    for name in value.keys() & known.keys():
        found += faults(value[name], known[name], f"{place}.{name}")
    return found
