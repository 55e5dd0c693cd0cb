"""fwplan plans the firewall of libvirt networks: what rules a definition leads to, and why each is there.

import fwplan

network = fwplan.load("default.xml")
print(fwplan.render(fwplan.make_plan([network])))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fwplan.errors import FwplanError as FwplanError
    from fwplan.errors import NotExpressibleError as NotExpressibleError
    from fwplan.errors import UnreadableError as UnreadableError
    from fwplan.files import load as load
    from fwplan.files import network_schema as network_schema
    from fwplan.lab.rehearsal import Rehearsal as Rehearsal
    from fwplan.lab.rehearse import rehearse as rehearse
    from fwplan.network.definition import Network as Network
    from fwplan.network.explanation import Explanation as Explanation
    from fwplan.network.explanation import explain as explain
    from fwplan.network.modes import MEANINGS as MEANINGS
    from fwplan.network.modes import ForwardMode as ForwardMode
    from fwplan.network.modes import Kind as Kind
    from fwplan.network.modes import Meaning as Meaning
    from fwplan.network.problems import InvalidDefinitionError as InvalidDefinitionError
    from fwplan.network.problems import Problem as Problem
    from fwplan.network.problems import Severity as Severity
    from fwplan.network.read import Reading as Reading
    from fwplan.network.read import examine as examine
    from fwplan.network.read import read_network as read_network
    from fwplan.network.schema import Schema as Schema
    from fwplan.network.write import write_network as write_network
    from fwplan.plan.operations import Operation as Operation
    from fwplan.plan.operations import Verb as Verb
    from fwplan.plan.plan import Backend as Backend
    from fwplan.plan.plan import Layout as Layout
    from fwplan.plan.plan import NetworkPlan as NetworkPlan
    from fwplan.plan.plan import Plan as Plan
    from fwplan.plan.plan import make_plan as make_plan
    from fwplan.preview.render import Format as Format
    from fwplan.preview.render import render as render

# Where each public name lives: it is imported when it is first used, so that a command pays for what it needs.
_HOMES = {
    "fwplan.errors": ("FwplanError", "NotExpressibleError", "UnreadableError"),
    "fwplan.files": ("load", "network_schema"),
    "fwplan.lab.rehearsal": ("Rehearsal",),
    "fwplan.lab.rehearse": ("rehearse",),
    "fwplan.network.definition": ("Network",),
    "fwplan.network.explanation": ("Explanation", "explain"),
    "fwplan.network.modes": ("MEANINGS", "ForwardMode", "Kind", "Meaning"),
    "fwplan.network.problems": ("InvalidDefinitionError", "Problem", "Severity"),
    "fwplan.network.read": ("Reading", "examine", "read_network"),
    "fwplan.network.schema": ("Schema",),
    "fwplan.network.write": ("write_network",),
    "fwplan.plan.operations": ("Operation", "Verb"),
    "fwplan.plan.plan": ("Backend", "Layout", "NetworkPlan", "Plan", "make_plan"),
    "fwplan.preview.render": ("Format", "render"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - a list of names, made from the one that is kept


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'fwplan' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return list(__all__)
