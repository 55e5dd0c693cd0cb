"""What `fwplan apply` comes to on the real kernel, held against libvirt's own commands run one by one.

It runs in a network namespace of its own: `python -m conformance.host DIR` flushes the rules of where it is run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.comparison import Comparison, report
from conformance.data import firewall_cases, set_up_commands
from conformance.drift import with_changes, without_change
from fwplan.host.executor import bring
from fwplan.host.goal import goal_of_apply, goal_of_removal
from fwplan.host.maps import TABLES
from fwplan.host.state import State
from fwplan.host.system import System
from fwplan.network.read import read_network
from fwplan.plan.plan import Backend, Layout, make_plan
from fwplan.preview.render import Format, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.data import Command, FirewallCase

_PROGRAMS = {Backend.NFTABLES: {"nft"}, Backend.IPTABLES: {"iptables", "ip6tables"}}


def _run(*command: str, given: str = "", may_fail: bool = False) -> str:
    return subprocess.run(command, input=given, check=not may_fail, capture_output=True, text=True).stdout


def _ruleset(backend: Backend) -> str:
    """The rules, without what they have counted."""
    match backend:
        case Backend.NFTABLES:
            return _run("nft", "-s", "list", "ruleset")
        case Backend.IPTABLES:
            return "".join(f"{line}\n" for program in ("iptables", "ip6tables") for line in _rules_of(program))


def _rules_of(program: str) -> Iterator[str]:
    """Private chains, and the rules of all chains, each with its table."""
    table = ""
    for line in _run(f"{program}-save").splitlines():
        if line.startswith("*"):
            table = line
        elif line.startswith("-A") or (line.startswith(":") and line.split()[1] == "-"):
            yield f"{program} {table} {line.partition(' [')[0]}"


def _flush(backend: Backend) -> None:
    match backend:
        case Backend.NFTABLES:
            _run("nft", "flush", "ruleset")
        case Backend.IPTABLES:
            for program in _PROGRAMS[backend]:
                for table in ("filter", "nat", "mangle"):
                    _run(program, "--table", table, "--flush")
                    _run(program, "--table", table, "--delete-chain")


def _one_by_one(commands: list[Command], backend: Backend) -> str:
    for command in commands:
        if command[0] in _PROGRAMS[backend]:
            # libvirt goes on without the repair of checksums where the kernel does not have it
            _run(*command, may_fail="CHECKSUM" in command)
    return _ruleset(backend)


def _case(case: FirewallCase, set_up: list[Command]) -> Iterator[tuple[str, str | None]]:
    """(what was looked at, how it differs) of one definition."""
    system = System()
    network = read_network(case.definition)
    if network.bridge_name is not None and network.bridge_name not in system.interfaces():
        _run("ip", "link", "add", network.bridge_name, "type", "bridge")
    _flush(case.backend)
    clean = _ruleset(case.backend)
    expected = _one_by_one([*(set_up if case.commands else ()), *case.commands], case.backend)
    _flush(case.backend)
    with tempfile.TemporaryDirectory() as folder:
        state = State(system, Path(folder))
        plan = make_plan([network], backend=case.backend)
        with state.locked("conformance", 0, lambda _: None):
            bring(system, state, goal_of_apply(plan, state.applied(), system.interfaces()))
            actual = _ruleset(case.backend)
            yield "applied", None if actual == expected else f"is\n{actual}and should be\n{expected}"
            yield "audited", without_change(system, plan)
            for what, missed in with_changes(system, plan):
                yield "mutated", None if missed is None else f"{what}: {missed}"
            before = system.generation()
            again = bring(system, state, goal_of_apply(plan, state.applied(), system.interfaces()))
            still = not again.differences and system.generation() == before and _ruleset(case.backend) == actual
            yield "again", None if still else "a second apply changes something"
            bring(system, state, goal_of_removal([], [network.name], state.applied()))
            left = _ruleset(case.backend)
            yield "removed", None if left == clean else f"leaves\n{left}"


def _maps_case(case: FirewallCase) -> Iterator[tuple[str, str | None]]:
    """(what was looked at, how it differs) of one definition in the layout maps, for which no bridge is needed."""
    system = System()
    network = read_network(case.definition)
    _flush(Backend.NFTABLES)
    clean = _ruleset(Backend.NFTABLES)
    plan = make_plan([network], layout=Layout.MAPS)
    _run("nft", "--file", "-", given=render(plan, Format.NFT))
    expected = _listed(system)
    _flush(Backend.NFTABLES)
    with tempfile.TemporaryDirectory() as folder:
        state = State(system, Path(folder))
        with state.locked("conformance", 0, lambda _: None):
            bring(system, state, goal_of_apply(plan, state.applied(), system.interfaces()))
            yield "applied", None if _listed(system) == expected else "is not what the preview leads to"
            yield "audited", without_change(system, plan)
            for what, missed in with_changes(system, plan):
                yield "mutated", None if missed is None else f"{what}: {missed}"
            again = bring(system, state, goal_of_apply(plan, state.applied(), system.interfaces()))
            yield "again", "a second apply changes something" if again.differences else None
            bring(system, state, goal_of_removal([], [network.name], state.applied()))
            left = _ruleset(Backend.NFTABLES)
            yield "removed", None if left == clean else f"leaves\n{left}"


def _listed(system: System) -> object:
    """What the tables hold, in whatever order it was made."""
    listing = system.list_nftables(TABLES)
    rules = {key: [entry.rule for entry in entries] for key, entries in listing.listed.items()}
    return listing.tables, listing.chains, rules, listing.maps, listing.elements


def main(arguments: list[str]) -> int:
    """Apply every definition of libvirt's firewall suite."""
    tests = Path(arguments[0]) / "tests"
    titles = {
        "applied": "apply, {}: as by libvirt's commands one by one",
        "again": "apply, {}: nothing to do a second time",
        "removed": "apply, {}: nothing left",
        "audited": "audit, {}: nothing to find in what was applied",
        "mutated": "audit, {}: every single change found, under its code",
    }
    comparisons = {
        (backend, what): Comparison(title.format(backend.value))
        for backend in Backend
        for what, title in titles.items()
    }
    maps = {
        what: Comparison(title.format("layout maps").replace("by libvirt's commands one by one", "the preview"))
        for what, title in titles.items()
    }
    for setting in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        System().change_setting(setting, "1")
    set_up = set_up_commands(tests)
    for case in firewall_cases(tests):
        for what, difference in _case(case, set_up[case.backend]):
            comparisons[case.backend, what].note(case.name, difference)
        if case.backend is Backend.NFTABLES:
            for what, difference in _maps_case(case):
                maps[what].note(case.name, difference)
    return report([*comparisons.values(), *maps.values()])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
