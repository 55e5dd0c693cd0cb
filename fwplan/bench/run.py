"""Measures all cases, in rounds: what is held against each other is measured within seconds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fwplan.bench.cases import Case, Metric, cases
from fwplan.bench.figures import Machine, Report
from fwplan.bench.rulesets import loads
from fwplan.bench.traffic import measure
from fwplan.bench.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def bench(sizes: Sequence[int], *, rounds: int, seconds: int, on_progress: Callable[[str], None]) -> Report:
    """Measure every kind of rules for each number of networks.

    Args:
        sizes: numbers of networks.
        rounds: how often; medians are told.
        seconds: that each measurement takes.
        on_progress: is told what comes next.

    Raises:
        HostError: the machine does not let this process measure.
    """
    machine = Machine(os.uname().release, len(os.sched_getaffinity(0)), os.getloadavg()[0])
    all_cases = list(cases(sizes))
    on_progress(f"making a host with {max(sizes)} bridges")
    with World(max(sizes), {case.number for case in all_cases}) as world:
        measured = [
            _round(world, all_cases, seconds, f"round {number} of {rounds}", on_progress)
            for number in range(1, rounds + 1)
        ]
    return Report(machine, seconds, measured)


def _round(
    world: World, all_cases: Sequence[Case], seconds: int, name: str, on_progress: Callable[[str], None]
) -> dict[tuple[Case, Metric], float]:
    found: dict[tuple[Case, Metric], float] = {}
    loaded = None
    for case in all_cases:
        if loaded != (case.rules, case.networks):
            on_progress(f"{name}: {case.rules.words}, {case.networks} networks")
            world.load(loads(case.rules, case.networks))
            loaded = (case.rules, case.networks)
        for metric in Metric:
            found[case, metric] = measure(world, case.number, metric, seconds)
    return found
