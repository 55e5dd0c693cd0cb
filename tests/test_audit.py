"""What an audit says of a host: an example for each code, and what it does not say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from audit_examples import EXAMPLES, ROOT, Example, rules_of
from listed import ACCEPT, COUNTER, DROP, docker, hook, meta, table
from listed import field as payload
from planned_hosts import host, saved

from fwplan.audit.audit import audit, likely_backend
from fwplan.audit.finding import Code, Finding, Level
from fwplan.audit.read_observation import observation_of
from fwplan.iptables.objects import PROGRAMS
from fwplan.network.read import read_network
from fwplan.plan.plan import Backend, make_plan

if TYPE_CHECKING:
    from listed import Item

    from fwplan.plan.plan import Plan

NAT = (ROOT / "examples/nat.xml").read_bytes()
CAMPUS = (ROOT / "examples/route-dual-stack.xml").read_bytes()
each_backend = pytest.mark.parametrize("backend", Backend, ids=lambda backend: backend.value)


def plan_of(*definitions: bytes, backend: Backend = Backend.NFTABLES) -> Plan:
    return make_plan([read_network(each) for each in definitions], backend=backend)


def found(seen: dict[str, Any], plan: Plan) -> tuple[Finding, ...]:
    return audit(observation_of(seen), plan)


def codes(findings: tuple[Finding, ...]) -> set[Code]:
    return {finding.code for finding in findings}


def one(findings: tuple[Finding, ...], code: Code) -> Finding:
    (only,) = (finding for finding in findings if finding.code is code)
    return only


# An example for each code


def test_each_code_has_an_example() -> None:
    assert [example.code for example in EXAMPLES] == list(Code)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.code.value)
def test_the_example_of_a_code_leads_to_it_and_to_nothing_unexpected(example: Example) -> None:
    assert codes(example.findings) == {example.code} | example.others_too


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.code.value)
def test_each_finding_says_what_is_so_and_what_helps(example: Example) -> None:
    for finding in example.findings:
        assert finding.message
        assert not finding.message.endswith(".")
        if finding.level is Level.ERROR:
            assert [line for line in finding.remedy if not line.startswith("#")]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.code.value)
def test_a_host_on_which_it_had_not_happened_is_clean(example: Example) -> None:
    before = replace(example, happens=lambda _: None, others=[])
    known = {Code.OTHER_ROUTE, Code.BRIDGE_NOT_NAMED, Code.OPEN_FILTERED_BY}
    assert codes(before.findings) <= known


# What was not seen is unknown


def test_where_nothing_of_nftables_was_seen_no_rule_is_missing() -> None:
    plan = plan_of(NAT)
    seen = host(plan, policies={"FORWARD": "ACCEPT"})
    del seen["nftables"], seen["looked_at"]
    findings = found(seen, plan)
    assert codes(findings) == {Code.NOT_SEEN}
    assert one(findings, Code.NOT_SEEN).level is Level.WARNING
    assert one(findings, Code.NOT_SEEN).message == (
        "nothing of nftables was looked at, where the rules of these networks are: they are not judged"
    )


def test_what_others_refuse_is_told_even_where_the_networks_own_rules_were_not_seen() -> None:
    plan = plan_of(NAT)
    seen = host(plan, policies={"FORWARD": "DROP"})
    del seen["nftables"], seen["looked_at"]
    assert codes(found(seen, plan)) == {Code.NOT_SEEN, Code.REFUSED}


@pytest.mark.parametrize("unseen", ["iptables", "ip6tables"])
def test_where_one_program_of_iptables_was_not_seen_only_the_others_rules_are_judged(unseen: str) -> None:
    plan = plan_of(CAMPUS, backend=Backend.IPTABLES)
    seen = host(plan)
    seen["looked_at"].remove(unseen)
    del seen[f"{unseen}-nft-save"]
    findings = found(seen, plan)
    assert not [finding for finding in findings if finding.code.is_drift]
    assert one(findings, Code.NOT_SEEN).level is Level.WARNING
    assert unseen in one(findings, Code.NOT_SEEN).message
    # and what was seen is judged
    other = "ip6tables" if unseen == "iptables" else "iptables"
    seen[f"{other}-nft-save"] = seen[f"{other}-nft-save"].replace("-j REJECT", "-j DROP", 1)
    assert Code.CHANGED_RULE in codes(found(seen, plan))


def test_what_nft_lists_is_enough_for_an_exit_status_of_0() -> None:
    plan = plan_of(NAT)
    findings = found({"nftables": host(plan)["nftables"]}, plan)
    assert {(finding.code, finding.level) for finding in findings} == {(Code.NOT_SEEN, Level.NOTE)}


def test_tables_of_iptables_that_could_not_be_read_are_told() -> None:
    plan = plan_of(NAT)
    seen = host(plan) | {"not_read": {"iptables-legacy": "there is no program iptables-legacy-save"}}
    finding = one(found(seen, plan), Code.NOT_UNDERSTOOD)
    assert finding.level is Level.WARNING
    assert "there is no program iptables-legacy-save" in finding.message


def test_that_iptables_save_speaks_of_more_tables_is_told() -> None:
    plan = plan_of(NAT, backend=Backend.IPTABLES)
    seen = host(plan)
    seen["iptables-nft-save"] += "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n"
    assert "iptables-legacy has tables too" in one(found(seen, plan), Code.NOT_UNDERSTOOD).message
    both = seen | {"iptables-legacy-save": saved(None, "iptables").replace("nf_tables", "legacy")}
    assert Code.NOT_UNDERSTOOD not in codes(found(both, plan))


# The backend


@each_backend
def test_what_carries_libvirts_rules_is_found_out(backend: Backend) -> None:
    assert likely_backend(observation_of(host(plan_of(NAT, backend=backend)))) is backend


def test_a_host_that_has_both_kinds_of_iptables_has_libvirts_chains_in_one_of_them() -> None:
    plan = plan_of(NAT, backend=Backend.IPTABLES)
    seen = host(plan)
    legacy = {f"{program}-legacy-save": saved(None, program).replace("nf_tables", "legacy") for program in PROGRAMS}
    assert found(seen | legacy, plan) == ()


def test_a_command_that_helps_names_the_file_and_the_backend() -> None:
    plan = plan_of(NAT, backend=Backend.IPTABLES)
    seen = host(plan)
    reject = "-o virbr0 -j REJECT --reject-with icmp-port-unreachable"
    seen["iptables-nft-save"] = seen["iptables-nft-save"].replace(reject, "-o virbr0 -j DROP", 1)
    (finding,) = audit(observation_of(seen), plan, {"default": "my networks/default.xml"})
    assert finding.remedy[-1] == "fwplan apply --backend iptables 'my networks/default.xml'"
    (finding,) = audit(observation_of(seen), plan)
    assert finding.remedy[-1] == "fwplan apply --backend iptables DEFINITION…"


# Whose rules they are


def strangers(backend: Backend) -> tuple[Finding, ...]:
    """Of a host on which somebody has put a rule into libvirt's chain."""
    plan = plan_of(NAT, backend=backend)
    seen = host(plan)
    if backend is Backend.NFTABLES:
        place = {"family": "ip", "table": "libvirt_network", "chain": "guest_input", "handle": 77}
        items = seen["nftables"]["nftables"]
        items.insert(items.index(rules_of(seen, "guest_input")[0]), {"rule": {**place, "expr": [COUNTER, DROP]}})
    else:
        first = "[0:0] -A LIBVIRT_FWI -d 192.168.122.0/24"
        assert first in seen["iptables-nft-save"]
        seen["iptables-nft-save"] = seen["iptables-nft-save"].replace(first, f"[0:0] -A LIBVIRT_FWI -j DROP\n{first}")
    return found(seen, plan)


@each_backend
def test_a_rule_of_somebody_elses_among_libvirts_is_told_with_all_that_comes_of_it(backend: Backend) -> None:
    findings = strangers(backend)
    assert codes(findings) == {Code.STRANGE_RULE, Code.UNREACHABLE_RULE, Code.REFUSED}
    delete = {
        Backend.NFTABLES: "nft delete rule ip libvirt_network guest_input handle 77",
        Backend.IPTABLES: "iptables -D LIBVIRT_FWI -j DROP",
    }[backend]
    for finding in findings:
        assert str(finding.owner) == "unknown"
        assert finding.remedy == (delete,)
    assert "do not reach the outside: it is refused" in one(findings, Code.REFUSED).message


def test_rules_of_networks_that_are_not_given_are_none_of_the_audits_business() -> None:
    plan = plan_of(NAT, CAMPUS)
    only = plan_of(NAT)
    seen = host(plan)
    assert found(seen, only) == ()


@each_backend
def test_rules_of_a_bridge_that_is_gone_are_told_unless_a_definition_has_it(backend: Backend) -> None:
    plan = plan_of(NAT, CAMPUS, backend=backend)
    seen = host(plan)
    seen["addresses"] = [link for link in seen["addresses"] if "virbr4" not in {link["ifname"], link.get("master")}]
    findings = found(seen, plan_of(NAT, backend=backend))
    assert codes(findings) == {Code.LEFT_BEHIND}
    assert "virbr4" in one(findings, Code.LEFT_BEHIND).message
    assert codes(found(seen, plan)) >= {Code.BRIDGE_MISSING}
    assert Code.LEFT_BEHIND not in codes(found(seen, plan))


# Promises


def others(*rules: list[Item], policy: str = "accept", priority: int = 5, name: str = "forward") -> list[Item]:
    """A base chain of an administrator's."""
    return table("inet", "filter", {name: (hook(name, priority, policy), list(rules))})


def test_an_accept_in_another_table_does_not_let_pass_what_libvirt_refuses() -> None:
    plan = plan_of(NAT)
    assert found(host(plan, others([meta("oifname", "virbr0"), ACCEPT])), plan) == ()


@pytest.mark.parametrize("priority", [-5, 5])
def test_a_drop_in_another_table_is_final_whenever_it_comes(priority: int) -> None:
    plan = plan_of(NAT)
    findings = found(host(plan, others([meta("iifname", "virbr0"), DROP], priority=priority)), plan)
    assert codes(findings) == {Code.REFUSED}
    assert one(findings, Code.REFUSED).place == "inet filter forward"


def test_one_port_that_is_refused_is_told_as_that() -> None:
    plan = plan_of(NAT)
    mail = others([payload("tcp dport", {"set": [25, 587]}), DROP])
    finding = one(found(host(plan, mail), plan), Code.PARTLY_REFUSED)
    assert finding.level is Level.WARNING
    assert "TCP port 25 from a guest (192.168.122.2) to the outside (198.51.100.7)" in finding.details
    assert "TCP port 587 from a guest (192.168.122.2) to the outside (198.51.100.7)" in finding.details
    assert not [detail for detail in finding.details if "port 26" in detail]


def test_one_guest_that_is_refused_is_told_as_that() -> None:
    plan = plan_of(NAT)
    finding = one(found(host(plan, others([payload("ip saddr", "192.168.122.77"), DROP])), plan), Code.PARTLY_REFUSED)
    assert all("192.168.122.77" in detail for detail in finding.details)


def test_a_rate_that_is_limited_keeps_no_promise_from_being_kept() -> None:
    plan = plan_of(NAT)
    limit = {"limit": {"rate": 100, "per": "second", "inv": True}}
    assert found(host(plan, others([limit, DROP])), plan) == ()


def test_what_guests_of_another_network_send_is_judged_too() -> None:
    plan = plan_of(NAT, CAMPUS)
    refuses = others([meta("iifname", "virbr0"), meta("oifname", "virbr4"), DROP])
    findings = [finding for finding in found(host(plan, refuses), plan) if finding.code is Code.REFUSED]
    assert {finding.network: finding.message.partition(":")[0] for finding in findings} == {
        "default": "guests of network 'default' do not reach guests of another network",
        "campus": "guests of network 'campus' are not reached by guests of another network",
    }


def test_the_hosts_answer_to_a_guest_is_judged_too() -> None:
    plan = plan_of(NAT)
    output = others([meta("oifname", "virbr0"), DROP], name="output")
    findings = found(host(plan, output), plan)
    finding = one(findings, Code.SERVICE_REFUSED)
    assert "the reply to DNS over UDP from a guest (192.168.122.2) to the host (192.168.122.1)" in finding.details
    assert "DHCP from the host to a guest" in finding.details
    assert finding.remedy[0].startswith("nft insert rule inet filter output oifname virbr0 udp dport")


def test_a_route_mode_network_is_to_be_reached_from_outside() -> None:
    plan = plan_of(CAMPUS)
    seen = host(plan, others([meta("oifname", "virbr4"), DROP]))
    messages = [finding.message for finding in found(seen, plan) if finding.code is Code.REFUSED]
    assert any("are not reached from the outside" in message for message in messages)


def test_docker_beside_a_network_of_mode_route_is_told_to_let_new_connections_in() -> None:
    plan = plan_of(CAMPUS)
    finding = next(finding for finding in found(host(plan, docker()), plan) if finding.code is Code.REFUSED)
    assert "iptables -I DOCKER-USER -o virbr4 -j ACCEPT" in finding.remedy


# Prerequisites


def campus(**settings: str) -> dict[str, Any]:
    """A host that is ready for the network `campus`."""
    seen = host(plan_of(CAMPUS))
    seen["routes"]["ip"].append({"dst": "10.99.0.0/16", "gateway": "10.20.4.2", "dev": "virbr4"})
    seen["routes"]["ip6"].append({"dst": "2001:db8:99::/48", "gateway": "2001:db8:4::2", "dev": "virbr4"})
    seen["settings"] |= settings
    return seen


def test_a_host_that_is_ready_has_nothing_to_be_told() -> None:
    assert found(campus(), plan_of(CAMPUS)) == ()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("net.ipv4.ip_forward", "0", {Code.FORWARDING_OFF}),
        ("net.ipv6.conf.all.forwarding", "0", {Code.FORWARDING_OFF}),
        ("net.ipv4.conf.virbr4.forwarding", "0", {Code.FORWARDING_OFF}),
        ("net.ipv4.conf.virbr4.rp_filter", "1", set()),
        ("net.ipv4.conf.all.rp_filter", "1", set()),
        ("net.bridge.bridge-nf-call-ip6tables", "1", {Code.BRIDGED_FRAMES_FILTERED}),
    ],
)
def test_settings_of_the_kernel(name: str, value: str, told: set[Code]) -> None:
    assert codes(found(campus(**{name: value}), plan_of(CAMPUS))) == told


def test_an_isolated_network_needs_no_forwarding() -> None:
    plan = plan_of((ROOT / "examples/isolated.xml").read_bytes())
    seen = host(plan)
    seen["settings"] = {"net.ipv4.ip_forward": "0", "net.ipv6.conf.all.forwarding": "0"}
    assert found(seen, plan) == ()


@pytest.mark.parametrize(("value", "dropped"), [("0", set()), ("1", {Code.REVERSE_PATH_FILTER}), ("2", set())])
def test_strict_reverse_paths_drop_what_has_no_way_back(value: str, dropped: set[Code]) -> None:
    seen = campus(**{"net.ipv4.conf.all.rp_filter": value})
    seen["routes"]["ip"] = [route for route in seen["routes"]["ip"] if route["dst"] != "10.99.0.0/16"]
    assert codes(found(seen, plan_of(CAMPUS))) == {Code.OTHER_ROUTE} | dropped


def test_a_bridge_that_nobody_is_plugged_into_yet_is_only_noted() -> None:
    plan = plan_of(NAT)
    seen = host(plan)
    seen["addresses"] = [link for link in seen["addresses"] if link.get("master") != "virbr0"]
    bridge = next(link for link in seen["addresses"] if link["ifname"] == "virbr0")
    bridge |= {"flags": [], "addr_info": []}
    finding = one(found(seen, plan), Code.BRIDGE_NOT_READY)
    assert finding.level is Level.NOTE
    assert finding.message.endswith("it is switched off; it has no address 192.168.122.1/24")
    assert finding.remedy[:2] == ("ip link set virbr0 up", "ip address replace 192.168.122.1/24 dev virbr0")


def test_an_interface_that_is_no_bridge_is_none() -> None:
    plan = plan_of(NAT)
    seen = host(plan)
    next(link for link in seen["addresses"] if link["ifname"] == "virbr0")["linkinfo"] = {"info_kind": "veth"}
    assert "which is no bridge but of kind veth" in one(found(seen, plan), Code.BRIDGE_MISSING).message


def test_an_existing_bridge_has_to_exist() -> None:
    plan = plan_of((ROOT / "examples/bridge.xml").read_bytes())
    seen = host(plan)
    assert found(seen, plan) == ()
    seen["addresses"] = []
    finding = one(found(seen, plan), Code.BRIDGE_MISSING)
    assert finding.message == "network 'office' uses the bridge br0 of the host, which does not exist"


# Networks without rules


def test_an_open_network_beside_one_that_is_filtered_has_no_rules_of_it() -> None:
    plan = plan_of(NAT, (ROOT / "examples/open.xml").read_bytes())
    assert codes(found(host(plan), plan)) == {Code.OPEN_FILTERED_BY}


@each_backend
@pytest.mark.parametrize("file", ["open", "bridge"])
def test_rules_of_libvirts_for_a_network_without_any_are_an_error(file: str, backend: Backend) -> None:
    text = (ROOT / f"examples/{file}.xml").read_bytes()
    plan = plan_of(text, backend=backend)
    bridge = b"virbr7" if file == "open" else b"br0"
    was = NAT.replace(b"virbr0", bridge)
    seen = host(plan_of(was, backend=backend))
    finding = one(found(seen, plan), Code.OPEN_HAS_RULES)
    assert finding.level is Level.ERROR
    assert len(finding.details) >= 3
    assert all(bridge.decode() in detail for detail in finding.details)
