"""What the real nft and the real kernel make of a plan for nftables, in network namespaces of the tests' own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from namespaces import Namespace, fewer_examples, needs
from strategies import networks

from fwplan import Format, InvalidDefinitionError, NotExpressibleError, load, make_plan, render
from fwplan.nft.listing import read_listing
from fwplan.nft.objects import Rule
from fwplan.plan.handles import with_handles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan import Network, Plan

pytestmark = needs("nft", "tc")

EXAMPLES = [load(file) for file in sorted((Path(__file__).parent.parent / "examples").glob("*.xml"))]
FILTERED = [network for network in EXAMPLES if network.meaning.filtered]
UNFILTERED = [network for network in EXAMPLES if not network.meaning.filtered]

OTHERS = """
table inet administrator {
    set friends { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.2 }; }
    chain input { type filter hook input priority filter; policy drop; iif "lo" accept; ip saddr @friends accept; }
}
table ip libvirt_network {
    chain guest_output { ip daddr 198.51.100.7 counter drop comment "by hand"; }
}
"""
"""What other software has put on a host, also into libvirt's own table."""

RULES = ("nft", "list", "ruleset")
HANDLES = ("nft", "-j", "-a", "list", "ruleset")

each_filtered = pytest.mark.parametrize("network", FILTERED, ids=lambda network: network.name)
each_unfiltered = pytest.mark.parametrize("network", UNFILTERED, ids=lambda network: network.name)


@pytest.fixture(scope="module")
def shared() -> Iterator[Namespace]:
    with Namespace() as made:
        yield made


@pytest.fixture
def host(shared: Namespace) -> Namespace:
    """A host without rules; bridges that an earlier test made are still there."""
    shared.flush()
    return shared


def planned(host: Namespace, *networks: Network, set_up: bool = True) -> Plan:
    """The plan, on a host where libvirt has made the bridges: `iif` and `oif` need them."""
    plan = make_plan(networks, set_up=set_up)
    host.bridges(share.bridge for share in plan.networks if share.bridge is not None)
    return plan


def nft_commands(plan: Plan) -> str:
    """The commands of a plan that are nft's. What tc is told has a test of its own."""
    lines = render(plan, Format.COMMANDS).splitlines(keepends=True)
    return "set -e\n" + "".join(line for line in lines if line.startswith("nft "))


def load_script(host: Namespace, plan: Plan) -> None:
    host.run("nft", "-f", "-", given=render(plan, Format.NFT))


def load_json(host: Namespace, plan: Plan) -> None:
    host.run("nft", "-j", "-f", "-", given=render(plan, Format.JSON))


def run_commands(host: Namespace, plan: Plan) -> None:
    host.run("sh", given=nft_commands(plan))


Loader = Callable[[Namespace, "Plan"], None]
LOADERS: tuple[Loader, ...] = (load_script, load_json, run_commands)
each_loader = pytest.mark.parametrize("carry_out", LOADERS)


def rules_in_order(plan: Plan) -> dict[str, list[Rule]]:
    """The rules of each chain as a packet meets them: each was put at the head."""
    chains: dict[str, list[Rule]] = {}
    for operation in plan.operations:
        if isinstance(operation.object, Rule):
            rule = operation.object
            chains.setdefault(f"{rule.table.family} {rule.chain}", []).insert(0, rule)
    return chains


def rules_of(host: Namespace) -> dict[str, list[Rule]]:
    """The rules of each chain, as the kernel gives them back."""
    chains: dict[str, list[Rule]] = {}
    for rule in read_listing(host.run(*HANDLES)).rules:
        chains.setdefault(f"{rule.table.family} {rule.chain}", []).append(rule)
    return chains


@each_filtered
def test_nft_finds_nothing_wrong_with_a_script(host: Namespace, network: Network) -> None:
    host.run("nft", "--check", "-f", "-", given=render(planned(host, network), Format.NFT))

    assert host.run(*RULES) == ""


@each_filtered
def test_nft_finds_nothing_wrong_with_json(host: Namespace, network: Network) -> None:
    host.run("nft", "-j", "--check", "-f", "-", given=render(planned(host, network), Format.JSON))

    assert host.run(*RULES) == ""


@each_filtered
def test_script_json_and_commands_one_by_one_lead_to_the_same_rules(host: Namespace, network: Network) -> None:
    plan = planned(host, network)
    listings = []
    for carry_out in LOADERS:
        host.flush()
        carry_out(host, plan)
        listings.append(host.run(*RULES))

    assert "chain guest_cross" in listings[0]
    assert listings == [listings[0]] * len(LOADERS)


@each_filtered
def test_the_kernel_gives_back_the_very_rules_of_the_plan(host: Namespace, network: Network) -> None:
    plan = planned(host, network)
    load_script(host, plan)

    assert rules_of(host) == rules_in_order(plan)


def test_all_networks_of_a_host_come_in_one_script(host: Namespace) -> None:
    plan = planned(host, *EXAMPLES)
    load_script(host, plan)

    assert rules_of(host) == rules_in_order(plan)


@each_filtered
def test_networks_that_come_one_after_the_other_are_those_that_come_together(host: Namespace, network: Network) -> None:
    others = [other for other in FILTERED if other is not network]
    load_script(host, planned(host, *others, network))
    together = host.run(*RULES)
    host.flush()
    load_script(host, planned(host, *others))
    load_script(host, planned(host, network, set_up=False))

    assert host.run(*RULES) == together


@each_filtered
def test_a_plan_and_its_inverse_leave_nothing(host: Namespace, network: Network) -> None:
    plan = planned(host, network)
    load_script(host, plan)
    load_script(host, plan.inverse)

    assert host.run(*RULES) == ""


@each_loader
def test_the_inverse_leaves_nothing_in_every_format(host: Namespace, carry_out: Loader) -> None:
    plan = planned(host, *FILTERED)
    load_script(host, plan)
    carry_out(host, plan.inverse)

    assert host.run(*RULES) == ""


@each_filtered
def test_a_removal_by_handles_leaves_nothing(host: Namespace, network: Network) -> None:
    plan = planned(host, network)
    load_script(host, plan)
    load_script(host, with_handles(plan.inverse, read_listing(host.run(*HANDLES))))

    assert host.run(*RULES) == ""


@each_loader
def test_a_removal_by_handles_leaves_nothing_in_every_format(host: Namespace, carry_out: Loader) -> None:
    plan = planned(host, *FILTERED[:2])
    load_script(host, plan)
    carry_out(host, with_handles(plan.inverse, read_listing(host.run(*HANDLES))))

    assert host.run(*RULES) == ""


@each_filtered
def test_a_removal_by_handles_leaves_every_byte_of_others(host: Namespace, network: Network) -> None:
    load_script(host, planned(host, *(other for other in FILTERED if other is not network)))
    host.run("nft", "-f", "-", given=OTHERS)
    before = host.run("nft", "-a", "list", "ruleset")
    plan = planned(host, network, set_up=False)
    load_script(host, plan)
    assert host.run("nft", "-a", "list", "ruleset") != before

    load_script(host, with_handles(plan.inverse, read_listing(host.run(*HANDLES))))

    assert host.run("nft", "-a", "list", "ruleset") == before


@each_loader
def test_set_up_stays_while_rules_of_others_build_on_it(host: Namespace, carry_out: Loader) -> None:
    first, second = FILTERED[:2]
    load_script(host, planned(host, first))
    before = host.run(*RULES)
    plan = planned(host, second)
    load_script(host, planned(host, second, set_up=False))

    carry_out(host, with_handles(plan.inverse, read_listing(host.run(*HANDLES))))

    assert host.run(*RULES) == before


@each_loader
@each_unfiltered
def test_no_rule_comes_of_open_and_the_bridge_modes(host: Namespace, network: Network, carry_out: Loader) -> None:
    host.run("nft", "-f", "-", given=OTHERS)
    before = host.run("nft", "-a", "list", "ruleset")
    carry_out(host, planned(host, network))

    assert host.run("nft", "-a", "list", "ruleset") == before


@each_unfiltered
def test_no_queue_comes_of_open_and_the_bridge_modes(host: Namespace, network: Network) -> None:
    plan = planned(host, network)
    before = host.run("tc", "qdisc", "show")
    host.run("sh", "-e", given=render(plan, Format.COMMANDS))

    assert host.run("tc", "qdisc", "show") == before


def test_tc_makes_the_queue_and_the_filter_and_takes_them_away() -> None:
    [network] = (network for network in FILTERED if network.name == "default")
    with Namespace() as host:
        plan = planned(host, network)
        queue, repair = tc_commands(plan)
        host.run("sh", given=queue)
        made = host.attempt("sh", given=repair)

        assert "qdisc htb 1: " in host.run("tc", "qdisc", "show", "dev", "virbr0")
        if made.returncode != 0:
            # a kernel without act_csum, which is where libvirt cannot start the network either
            assert "Failed to load TC action module" in made.stderr
        else:
            assert "csum (iph, udp)" in host.run("tc", "filter", "show", "dev", "virbr0")

        no_repair, no_queue = tc_commands(plan.inverse)
        host.attempt("sh", given=no_repair)
        assert host.run("tc", "filter", "show", "dev", "virbr0") == ""
        host.run("sh", given=no_queue)
        assert "htb" not in host.run("tc", "qdisc", "show", "dev", "virbr0")


def tc_commands(plan: Plan) -> list[str]:
    return [line for line in render(plan, Format.COMMANDS).splitlines() if line.startswith("tc ")]


def written(plan: Plan, format_: Format) -> str:
    """The plan in a format, unless a name has what the format cannot say or two definitions exclude each other."""
    try:
        return render(plan, format_)
    except NotExpressibleError:
        reject()


def planned_together(host: Namespace, definitions: list[Network]) -> Plan:
    try:
        return planned(host, *definitions)
    except InvalidDefinitionError:
        reject()


some_networks = st.lists(networks(), min_size=1, max_size=3)


@fewer_examples
@given(definitions=some_networks)
def test_nft_and_the_kernel_take_any_plan_and_its_inverse(shared: Namespace, definitions: list[Network]) -> None:
    plan = planned_together(shared, definitions)
    script = written(plan, Format.NFT)
    shared.flush()
    shared.run("nft", "--check", "-f", "-", given=script)
    shared.run("nft", "-f", "-", given=script)
    assert rules_of(shared) == rules_in_order(plan)

    removal = with_handles(plan.inverse, read_listing(shared.run(*HANDLES)))
    shared.run("nft", "-f", "-", given=render(removal, Format.NFT))
    assert shared.run(*RULES) == ""


@fewer_examples
@given(definitions=some_networks)
def test_json_of_any_plan_is_what_its_script_is(shared: Namespace, definitions: list[Network]) -> None:
    plan = planned_together(shared, definitions)
    script, document = written(plan, Format.NFT), written(plan, Format.JSON)
    listings = []
    for options, content in (([], script), (["-j"], document)):
        shared.flush()
        shared.run("nft", *options, "--check", "-f", "-", given=content)
        shared.run("nft", *options, "-f", "-", given=content)
        listings.append(shared.run(*RULES))

    assert listings[0] == listings[1]
