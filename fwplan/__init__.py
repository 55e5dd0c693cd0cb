"""fwplan plans the firewall of libvirt networks: what rules a definition leads to, and why each is there.

    import fwplan

    network = fwplan.load("default.xml")
    print(fwplan.render(fwplan.make_plan([network])))
"""

from fwplan.errors import FwplanError, NotExpressibleError, UnreadableError
from fwplan.files import load
from fwplan.network.definition import Network
from fwplan.network.explanation import Explanation, explain
from fwplan.network.modes import MEANINGS, ForwardMode, Kind, Meaning
from fwplan.network.problems import InvalidDefinitionError, Problem, Severity
from fwplan.network.read import Reading, examine, read_network
from fwplan.network.write import write_network
from fwplan.plan.operations import Operation, Verb
from fwplan.plan.plan import Backend, Layout, NetworkPlan, Plan, make_plan
from fwplan.preview.render import Format, render

__all__ = [
    "MEANINGS",
    "Backend",
    "Explanation",
    "Format",
    "ForwardMode",
    "FwplanError",
    "InvalidDefinitionError",
    "Kind",
    "Layout",
    "Meaning",
    "Network",
    "NetworkPlan",
    "NotExpressibleError",
    "Operation",
    "Plan",
    "Problem",
    "Reading",
    "Severity",
    "UnreadableError",
    "Verb",
    "examine",
    "explain",
    "load",
    "make_plan",
    "read_network",
    "render",
    "write_network",
]
