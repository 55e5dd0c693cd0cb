"""What the real iptables, of both kinds, make of a plan for iptables, in network namespaces of the tests' own.

iptables-nft and iptables-legacy are two programs of one syntax: all that holds is to hold for both, under the names
that commands call them by.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from iptables_kinds import KINDS, PROGRAMS, link_programs
from namespaces import Namespace, fewer_examples, needs
from strategies import networks

from fwplan import Backend, Format, InvalidDefinitionError, NotExpressibleError, load, make_plan, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan import Network, Plan

pytestmark = needs("iptables-restore", "ip6tables-restore")

EXAMPLES = [load(file) for file in sorted((Path(__file__).parent.parent / "examples").glob("*.xml"))]
FILTERED = [network for network in EXAMPLES if network.meaning.filtered]
UNFILTERED = [network for network in EXAMPLES if not network.meaning.filtered]

TABLES = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
}
EMPTY = "".join(
    f"*{table}\n" + "".join(f":{chain} ACCEPT [0:0]\n" for chain in chains) + "COMMIT\n"
    for table, chains in TABLES.items()
)
"""Every table as it is where nobody has made a rule, for iptables-restore without --noflush."""

OTHERS = """\
*filter
:friends - [0:0]
-A INPUT -i lo -j ACCEPT
-A FORWARD -j friends
-A friends -o eth9 -m comment --comment "by hand" -j DROP
COMMIT
*nat
-A POSTROUTING -o eth9 -j MASQUERADE
COMMIT
"""
"""What other software has put on a host."""

each_filtered = pytest.mark.parametrize("network", FILTERED, ids=lambda network: network.name)
each_unfiltered = pytest.mark.parametrize("network", UNFILTERED, ids=lambda network: network.name)

Rules = dict[tuple[str, str], list[str]]
"""Private chains and rules by program and table, as iptables-save writes them; no entry for a table without any."""


class Host:
    """A host with iptables of one kind, which its programs are named without: as a distribution links them."""

    def __init__(self, namespace: Namespace, kind: str, links: Path) -> None:
        self._namespace = namespace
        self._links = links
        link_programs(namespace, kind, links)

    def restore(self, content: str, *options: str) -> None:
        """Give one file to both programs."""
        for program in PROGRAMS:
            self._namespace.run(f"{self._links}/{program}-restore", "--wait", *options, given=content)

    def run_commands(self, commands: str) -> None:
        """One after the other, up to the first that fails, by a shell that finds this kind of iptables."""
        self._namespace.run("sh", "-e", given=f'PATH="{self._links}:$PATH"\n{commands}')

    def clear(self) -> None:
        self.restore(EMPTY)

    def rules(self) -> Rules:
        found: Rules = {}
        for program in PROGRAMS:
            table = ""
            for line in self._namespace.run(f"{self._links}/{program}-save").splitlines():
                if line.startswith("*"):
                    table = line[1:]
                elif line.startswith("-A") or (line.startswith(":") and line.split()[1] == "-"):
                    found.setdefault((program, table), []).append(line)
        return found


CarryOut = Callable[[Host, "Plan"], None]


@pytest.fixture(scope="module", params=KINDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with Namespace() as namespace:
        yield Host(namespace, request.param, tmp_path_factory.mktemp("iptables"))


@pytest.fixture
def host(shared: Host) -> Host:
    """A host without rules."""
    shared.clear()
    return shared


def planned(*networks: Network, set_up: bool = True) -> Plan:
    return make_plan(networks, backend=Backend.IPTABLES, set_up=set_up)


def restore(host: Host, plan: Plan) -> None:
    host.restore(render(plan, Format.RESTORE), "--noflush")


def run_commands(host: Host, plan: Plan) -> None:
    host.run_commands(render(plan, Format.COMMANDS))


@each_filtered
def test_iptables_restore_finds_nothing_wrong(host: Host, network: Network) -> None:
    host.restore(render(planned(network), Format.RESTORE), "--noflush", "--test")

    assert host.rules() == {}


@each_filtered
def test_iptables_restore_finds_nothing_wrong_with_a_network_that_comes_later(host: Host, network: Network) -> None:
    restore(host, planned(*(other for other in FILTERED if other is not network)))
    before = host.rules()
    host.restore(render(planned(network, set_up=False), Format.RESTORE), "--noflush", "--test")

    assert host.rules() == before


@each_filtered
def test_a_restore_file_and_commands_one_by_one_lead_to_the_same_rules(host: Host, network: Network) -> None:
    plan = planned(network)
    restore(host, plan)
    restored = host.rules()
    host.clear()
    run_commands(host, plan)

    assert ("iptables", "filter") in restored
    assert host.rules() == restored


@each_filtered
def test_every_rule_of_the_plan_is_there_once(host: Host, network: Network) -> None:
    plan = planned(network)
    restore(host, plan)

    assert sum(map(len, host.rules().values())) == len(plan.operations)


def test_all_networks_of_a_host_come_in_one_file(host: Host) -> None:
    plan = planned(*EXAMPLES)
    restore(host, plan)

    assert sum(map(len, host.rules().values())) == len(plan.operations)


@each_filtered
def test_a_plan_and_its_inverse_leave_nothing(host: Host, network: Network) -> None:
    plan = planned(network)
    restore(host, plan)
    restore(host, plan.inverse)

    assert host.rules() == {}


def test_the_inverse_of_commands_leaves_nothing(host: Host) -> None:
    plan = planned(max(FILTERED, key=lambda network: len(planned(network).operations)))
    run_commands(host, plan)
    run_commands(host, plan.inverse)

    assert host.rules() == {}


@pytest.mark.parametrize("carry_out", [restore, run_commands])
def test_a_removal_leaves_the_rules_of_others(host: Host, carry_out: CarryOut) -> None:
    first, *rest = FILTERED
    host.restore(OTHERS, "--noflush")
    restore(host, planned(*rest))
    before = host.rules()
    plan = planned(first, set_up=False)
    restore(host, plan)
    assert host.rules() != before

    carry_out(host, plan.inverse)

    assert host.rules() == before


@pytest.mark.parametrize("carry_out", [restore, run_commands])
@each_unfiltered
def test_no_rule_comes_of_open_and_the_bridge_modes(host: Host, network: Network, carry_out: CarryOut) -> None:
    host.restore(OTHERS, "--noflush")
    before = host.rules()
    carry_out(host, planned(network))

    assert host.rules() == before


@fewer_examples
@given(definitions=st.lists(networks(), min_size=1, max_size=3))
def test_iptables_restore_takes_any_plan_and_its_inverse(shared: Host, definitions: list[Network]) -> None:
    try:
        plan = planned(*definitions)
        content = render(plan, Format.RESTORE)
    except (InvalidDefinitionError, NotExpressibleError):
        reject()
    shared.clear()
    shared.restore(content, "--noflush", "--test")
    assert shared.rules() == {}

    shared.restore(content, "--noflush")
    assert sum(map(len, shared.rules().values())) == len(plan.operations)
    restore(shared, plan.inverse)
    assert shared.rules() == {}
