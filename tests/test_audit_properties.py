"""What holds of every host and all definitions: a host as planned is clean, whatever it and they look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import assume, given, reject
from hypothesis import strategies as st
from listed import hook, table
from planned_hosts import host
from strategies import hosts

from fwplan.audit.audit import audit
from fwplan.audit.read_observation import observation_of
from fwplan.errors import NotExpressibleError
from fwplan.plan.plan import Backend, Plan, make_plan
from fwplan.preview.render import Format, render

if TYPE_CHECKING:
    from fwplan.audit.finding import Finding
    from fwplan.network.definition import Network

HARMLESS = table("inet", "others", {"forward": (hook("forward"), [])})
"""Somebody else's table, so that packets are walked."""


def planned(definitions: list[Network], backend: Backend) -> Plan:
    """The plan, if the backend can say all names in it, and no network leaves by the bridge of one."""
    plan = make_plan(definitions, backend=backend)
    bridges = {share.bridge for share in plan.networks if share.bridge}
    devices = {network.forward_device for network in definitions if network.forward_device}
    assume(not bridges & devices)
    # nft's JSON writes such names as it writes sets, and the index of no interface
    assume(not any(name.startswith("@") or name == "0" for name in bridges | devices))
    try:
        render(plan, Format.COMMANDS)
    except NotExpressibleError:
        reject()
    # iptables-save leaves out a subnet of all addresses, and with it what tells whose the rule is
    assume(backend is Backend.NFTABLES or all(ip.subnet.prefixlen for network in definitions for ip in network.ips))
    # a network whose bridge is not known is left out: a subnet that it shares would have all rules twice
    unnamed = {share.network.name for share in plan.networks if share.bridge != share.network.bridge_name}
    left_out = {ip.subnet for network in definitions if network.name in unnamed for ip in network.ips}
    audited = {ip.subnet for network in definitions if network.name not in unnamed for ip in network.ips}
    assume(not left_out & audited)
    return plan


def of_rules(findings: tuple[Finding, ...]) -> list[Finding]:
    return [finding for finding in findings if finding.code.value[:3] in {"FW1", "FW2"}]


@given(definitions=hosts(), backend=st.sampled_from(Backend))
def test_a_host_as_planned_has_no_drift_and_breaks_no_promise(definitions: list[Network], backend: Backend) -> None:
    plan = planned(definitions, backend)
    assert of_rules(audit(observation_of(host(plan, HARMLESS)), plan)) == []
