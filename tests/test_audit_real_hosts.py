"""Real rulesets of other software, held against what packets truly did there: the audit names the true culprit."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import pytest
from saved_hosts import DEFINITION, HOSTS_WITHOUT_LIBVIRT, SAVED_HOSTS

from fwplan.audit.audit import audit, likely_backend
from fwplan.audit.finding import Code, Finding, Level
from fwplan.audit.read_observation import observation_of
from fwplan.network.read import read_network
from fwplan.plan.plan import Backend, make_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from saved_hosts import SavedHost

PROMISES = {Code.REFUSED, Code.PASSES, Code.OTHER_SOURCE, Code.SERVICE_REFUSED, Code.PARTLY_REFUSED, Code.PARTLY_PASSES}
CAUSES = {
    "net.ipv4.ip_forward is 0": Code.FORWARDING_OFF,
    "no rule refuses it": Code.PASSES,
    "no rule translates it": Code.OTHER_SOURCE,
}
OWNERS = {
    "docker": "Docker",
    "firewalld": "firewalld",
    "ufw": "ufw",
    "iptables": "iptables / administrator",
    "nftables-service": "nftables.service / administrator",
    "administrator": "nftables.service / administrator",
    "accept-and-drop": "unknown",
    "bridge-netfilter": "iptables / administrator",
}
"""Whose doing it is, by how the name of a fixture begins."""


@cache
def findings(host: SavedHost) -> tuple[Finding, ...]:
    return audit(observation_of(host.bundle), make_plan([read_network(DEFINITION)], backend=host.backend))


def broken(host: SavedHost) -> list[dict[str, Any]]:
    """The flows that fare otherwise than the network promises."""
    return [
        flow
        for flow in host.truth["flows"]
        if "promise" in flow
        and (
            flow["promise"] != flow["outcome"]
            or ("promised source" in flow and flow["promised source"] != flow.get("seen as"))
        )
    ]


def culprit(flow: dict[str, Any]) -> str | None:
    """The chain of the rule or policy that ended a flow that was to pass."""
    found = flow["culprit"]
    return f"{found['table']} {found['chain']}" if found and flow["promise"] == "passes" else None


each_host = pytest.mark.parametrize("host", SAVED_HOSTS, ids=str)


def has_lost_all_rules(host: SavedHost) -> bool:
    """Whether nothing of libvirt's was left when the host was looked at."""
    return str(host) == "firewalld-1-no-zone/libvirt-iptables" or str(host).startswith("nftables-service-restarted/")


@each_host
def test_what_carries_libvirts_rules_is_found_out(host: SavedHost) -> None:
    found = Backend.NFTABLES if has_lost_all_rules(host) else host.backend
    assert likely_backend(observation_of(host.bundle)) is found


@each_host
def test_each_broken_promise_is_told_with_its_culprit_and_nothing_else_is(
    host: SavedHost, record_property: Callable[[str, object], None]
) -> None:
    wanted = {culprit(flow) for flow in broken(host)} - {None}
    told = {finding.place for finding in findings(host) if finding.code in PROMISES and finding.owner is not None}
    assert told == wanted
    owner = next((name for begins, name in OWNERS.items() if str(host).startswith(begins)), None)
    assert {str(finding.owner) for finding in findings(host) if finding.place in wanted} == (
        {owner} if wanted else set()
    )
    record_property("culprit", len(wanted))


@each_host
def test_what_breaks_without_a_culprit_is_told_by_its_cause(host: SavedHost) -> None:
    without = [flow for flow in broken(host) if culprit(flow) is None]
    told = {finding.code for finding in findings(host) if finding.owner is None and finding.level is Level.ERROR}
    wanted = set()
    for flow in without:
        if flow["promise"] == flow["outcome"]:
            wanted.add(Code.OTHER_SOURCE)
        elif flow["outcome"] == "passes":
            wanted.add(Code.PASSES)
        else:
            wanted.add(Code.FORWARDING_OFF)
    assert {code for code in told if not code.is_drift} == wanted


@each_host
def test_drift_is_told_only_where_rules_are_gone_or_stale(host: SavedHost) -> None:
    told = Counter(finding.code for finding in findings(host) if finding.code.is_drift)
    if str(host) == "bridge-made-anew/libvirt-nftables":
        assert told == {Code.STALE_INTERFACE: 1}
    elif not has_lost_all_rules(host):
        assert not told
    elif host.backend is Backend.NFTABLES:
        assert told == {Code.MISSING_TABLE: 2, Code.MISSING_RULE: 1}
    else:
        assert told == {Code.MISSING_CHAIN: 6, Code.MISSING_RULE: 1}


@each_host
def test_every_packet_is_decided(host: SavedHost) -> None:
    assert not [finding for finding in findings(host) if finding.code is Code.UNDECIDED]


@each_host
def test_a_host_that_breaks_nothing_is_clean(host: SavedHost) -> None:
    if not broken(host):
        assert [finding for finding in findings(host) if finding.level is not Level.NOTE] == []


@each_host
def test_what_helps_is_a_command(host: SavedHost) -> None:
    for finding in findings(host):
        if finding.code in PROMISES:
            assert [line for line in finding.remedy if not line.startswith("#")], finding


OPEN = DEFINITION.replace(b"mode='nat'", b"mode='open'")


@pytest.mark.parametrize("host", HOSTS_WITHOUT_LIBVIRT, ids=str)
def test_an_open_network_is_clean_and_who_filters_it_is_told(host: SavedHost) -> None:
    found = audit(observation_of(host.bundle), make_plan([read_network(OPEN)]))
    assert [finding for finding in found if finding.level is not Level.NOTE] == []
    (told,) = (finding for finding in found if finding.code is Code.OPEN_FILTERED_BY)
    outcomes = {flow["flow"]: flow["outcome"] for flow in host.truth["flows"]}
    refused = [flow for flow in host.truth["flows"] if flow["outcome"] == "refused" and flow["culprit"]]
    assert told.message.endswith("filtered by nobody: all that was tried passes") == (not refused)
    # where rules are about some guests only, the first one of these stands for the guest of the fixtures
    guest = "192.168.122.8" if str(host).startswith("accept-and-drop") else "192.168.122.2"
    port = " port 443" if guest.endswith("8") else ""
    for name, beginning in (
        ("guest-outside-tcp", f"TCP{port} from a guest ({guest}) to the outside"),
        ("guest-outside-udp", "UDP from a guest (192.168.122.2) to the outside"),
        ("guest-outside-ping", f"ICMP echo from a guest ({guest}) to the outside"),
        ("outside-guest-tcp", f"TCP from the outside (198.51.100.7) to a guest ({guest})"),
        ("guest-host-dns-udp", "DNS over UDP"),
        ("guest-host-dhcp", "DHCP from a guest"),
    ):
        line = next(line for line in told.details if line.removeprefix("the reply to ").startswith(beginning))
        assert line.endswith("passes") == (outcomes[name] == "passes"), (name, line)
