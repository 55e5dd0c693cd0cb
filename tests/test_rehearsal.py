"""The rehearsal: on the real kernel, every mode does what it promises, with every backend and layout."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from rehearsal_cases import CASES, FOLDER, needs_a_lab, networks
from strategies import ROWS, hosts
from strategies import networks as definitions

from fwplan import MEANINGS, Backend, Layout, Network
from fwplan.lab.rehearse import Lab, plan_with_neighbour, rehearse
from fwplan.lab.text import rehearsal_lines
from fwplan.network.problems import Severity
from fwplan.network.together import conflicts
from fwplan.network.validate import validate
from fwplan.plan.intents import MayEnter, ReachService, RepairChecksums
from fwplan.plan.plan import WAYS
from fwplan.preview.layout import plain
from fwplan.preview.way import way_text

if TYPE_CHECKING:
    from fwplan import Plan
    from fwplan.lab.rehearsal import Rehearsal
    from fwplan.network.ip import Ip
    from fwplan.plan.intents import Intent

pytestmark = needs_a_lab()

WIDTH = 100


def text(rehearsal: Rehearsal) -> str:
    return plain(rehearsal_lines(rehearsal, WIDTH))


# Every mode, backend and layout


@pytest.mark.parametrize(("backend", "layout"), WAYS)
@pytest.mark.parametrize("case", CASES)
def test_the_kernel_does_what_is_promised(case: str, backend: Backend, layout: Layout) -> None:
    rehearsal = rehearse(networks(case), backend=backend, layout=layout)
    actual = text(rehearsal)
    assert not rehearsal.differing, actual
    # Promises know nothing of backends and layouts: all of them do the same.
    actual = actual.replace(way_text(rehearsal.plan), "BACKEND in LAYOUT's layout")
    golden = FOLDER / f"{case}.txt"
    if os.environ.get("FWPLAN_GOLDEN") == "write":
        golden.write_text(actual, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == actual


def test_no_golden_file_is_of_a_case_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(CASES)


_SERVED = [row for row in ROWS if MEANINGS[row].services]
_PRIVATE = (
    st.ip_addresses(v=4, network="10.0.0.0/8")
    | st.ip_addresses(v=4, network="192.168.0.0/16")
    | st.ip_addresses(v=6, network="fd00::/8")
)
_NAMES = st.from_regex("[a-z]{5,15}", fullmatch=True)


# Each example takes a second: a smaller one that fails is not looked for.
@settings(max_examples=max(settings().max_examples // 30, 1), phases=set(Phase) - {Phase.shrink, Phase.explain})
@given(hosts(definitions(rows=_SERVED, names=_NAMES, of=_PRIVATE)).filter(bool), st.sampled_from(WAYS))
def test_the_kernel_does_what_any_networks_promise(drawn: list[Network], way: tuple[Backend, Layout]) -> None:
    """Nested and overlapping subnets, devices, port ranges, isolated ports, all modes on one host."""
    together = [_sound(network) for network in drawn]
    problems = [*chain.from_iterable(map(validate, together)), *(problem for _, problem in conflicts(together))]
    assume(all(problem.severity is not Severity.ERROR for problem in problems))
    rehearsal = rehearse(together, backend=way[0], layout=way[1])
    assert not rehearsal.differing, text(rehearsal)


def _sound(network: Network) -> Network:
    """The network without what the lab cannot serve: a zone of firewalld, or NAT under addresses of its machines."""
    ips = tuple(filter(_is_sound, network.ips))
    forward = network.forward
    if forward is not None and forward.nat is not None:
        forward = replace(forward, nat=replace(forward.nat, address=None))
    bridge = None if network.bridge is None else replace(network.bridge, zone=None)
    return replace(network, ips=ips, routes=(), forward=forward, bridge=bridge)


def _is_sound(ip: Ip) -> bool:
    """Whether a host can be reached under it: it is not the address of all, and the kernel makes a route for it."""
    subnet = ip.subnet
    of_all = {subnet.network_address, subnet.broadcast_address} if subnet.prefixlen <= 30 else set()
    return ip.address.version == 6 or (subnet.prefixlen >= 8 and ip.address not in of_all)


# What is not as promised is found


def _plan(case: str, backend: Backend) -> tuple[Plan, str | None]:
    return plan_with_neighbour(networks(case), backend=backend, layout=Layout.LIBVIRT)


def _decisive(case: str, backend: Backend, *kinds: type[Intent]) -> list[tuple[str, Backend, Intent]]:
    """The promises of a case's network, or those of some kinds, for each of which there is one rule.

    Services are not among them: nothing refuses them in a lab.
    """
    plan, _ = _plan(case, backend)
    intents = dict.fromkeys(
        operation.intent for operation in plan.networks[0].operations if operation.object.noun[0] == "rule"
    )
    return [
        (case, backend, intent)
        for intent in intents
        if not isinstance(intent, ReachService | RepairChecksums) and (not kinds or isinstance(intent, kinds))
    ]


_LONG = settings().max_examples > 100
_PROMISES = [
    promise
    for backend in (Backend if _LONG else [Backend.NFTABLES])
    for promise in (*_decisive("nat-device", backend), *_decisive("route", backend, MayEnter))
    if _LONG or "fd22::/64" not in promise[2].reason
]


@pytest.mark.parametrize(
    ("case", "backend", "intent"),
    _PROMISES,
    ids=[f"{backend.value}: {intent.reason}" for _, backend, intent in _PROMISES],
)
def test_a_rule_that_is_left_out_is_noticed(case: str, backend: Backend, intent: Intent) -> None:
    plan, labs_own = _plan(case, backend)
    share = plan.networks[0]
    without = replace(share, operations=tuple(each for each in share.operations if each.intent != intent))
    with Lab() as lab:
        rehearsal = lab.rehearse(replace(plan, networks=(without, *plan.networks[1:])), labs_own=labs_own)
    assert intent in {
        reason for result in rehearsal.differing for part in result.broken for reason in [result.promise.reasons[part]]
    }
    assert "Not as promised" in text(rehearsal)
