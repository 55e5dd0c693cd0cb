"""The simulator against the kernel, for rulesets of iptables: of iptables-nft, of iptables-legacy, and of both at once.

What nftables keeps, the kernel traces. What iptables-legacy keeps tells by its counters what it has met: those of each
rule, and of each policy.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from namespaces import needs
from small_world import SmallWorld
from strategies_iptables import HOOKS, SETS, Restored, rulesets
from strategies_packets import sendings
from strategies_rulesets import rulesets as nft_rulesets
from test_kernel_simulation import TRACER, Case, Host, Step, Tally, happened, kernel_word, try_packet

from fwplan.iptables.read_ruleset import read_ruleset as read_saved
from fwplan.iptables.sets import read_sets
from fwplan.nft.read_ruleset import read_ruleset
from fwplan.simulate.outcome import ChainEnded, RuleInDoubt, RuleMet
from fwplan.simulate.simulator import Simulator
from fwplan.simulate.xtables.host import host_ruleset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from strategies_packets import Sending

    from fwplan.iptables.objects import Program
    from fwplan.iptables.ruleset import Ruleset
    from fwplan.simulate.flow import Flow
    from fwplan.simulate.packet import Connection

pytestmark = needs("nft", "bridge", "iptables-nft", "iptables-legacy")

Backend = Literal["nft", "legacy"]
PROGRAMS: tuple[Program, ...] = ("iptables", "ip6tables")
FAMILIES = {"iptables": "ip", "ip6tables": "ip6"}
HAS_SETS = shutil.which("ipset") is not None

Counted = Counter[tuple[str, str, str, int | None]]
"""Family, table, chain and position of a rule, or none for the policy: how often a packet met it."""

EMPTY = {
    table: "\n".join([f"*{table}", *(f":{hook} ACCEPT [0:0]" for hook in hooks), "COMMIT"])
    for table, hooks in HOOKS.items()
}
GUARD = """
table inet tracer {
  chain answers { type filter hook output priority -440
    meta skuid 0 accept
    drop
  }
}
"""
"""What the kernel itself sends is no packet of a case, and would be counted."""


@pytest.fixture(scope="module")
def xtables_world() -> Iterator[SmallWorld]:
    with SmallWorld() as made:
        if HAS_SETS:
            made.host.run("ipset", "restore", given=SETS)
        for program in PROGRAMS:
            # whatever nft makes later, the kernel enters first
            made.host.run(f"{program}-legacy-restore", given="\n".join(EMPTY.values()) + "\n")
        yield made


@dataclass(frozen=True)
class Rules:
    """What is loaded.

    Attributes:
        nft: for iptables-nft.
        legacy: for iptables-legacy.
        script: for nft itself.
    """

    nft: Restored | None = None
    legacy: Restored | None = None
    script: str = ""

    @property
    def by_backend(self) -> dict[Backend, Restored]:
        """What there is for programs of iptables."""
        given: dict[Backend, Restored | None] = {"nft": self.nft, "legacy": self.legacy}
        return {backend: text for backend, text in given.items() if text is not None}


class XtablesHost(Host):
    """The host of the small world with rulesets of iptables, and with one of nft beside them."""

    def __init__(self, world: SmallWorld, rules: Rules) -> None:
        self.world = world
        parts = [f"# iptables-{name}\n{text.iptables}\n{text.ip6tables}" for name, text in rules.by_backend.items()]
        self.script = "\n".join([rules.script, *parts])
        guard = "" if rules.legacy is None else GUARD
        world.host.run("nft", "-f", "-", given=f"flush ruleset\n{TRACER}\n{guard}\n{rules.script}\n")
        self._restore("legacy", rules.legacy or Restored("", ""))
        self._restore("nft", rules.nft or Restored("", ""))
        self.listing = world.host.run("nft", "-j", "-a", "list", "ruleset")
        saved = [self._saved(backend, program) for backend in rules.by_backend for program in PROGRAMS]
        sets = read_sets(world.host.run("ipset", "save")) if HAS_SETS else ()
        self.ruleset = host_ruleset(read_ruleset(self.listing), saved, sets)
        self.simulator = Simulator(self.ruleset, replace(world.world, bridge_netfilter=world.bridge_netfilter))

    def _restore(self, backend: Backend, text: Restored) -> None:
        for program, of_program in zip(PROGRAMS, (text.iptables, text.ip6tables), strict=True):
            # tables of iptables-legacy stay where nobody empties them
            left = [table for table in EMPTY if backend == "legacy" and f"*{table}\n" not in of_program]
            given_text = "\n".join([*(EMPTY[table] for table in left), of_program])
            if given_text:
                self.world.host.run(f"{program}-{backend}-restore", given=given_text)

    def _saved(self, backend: Backend, program: Program) -> Ruleset:
        return read_saved(self.world.host.run(f"{program}-{backend}-save", "-c"), program)

    def counters(self) -> Counted:
        """How often each rule and policy of iptables-legacy has been met."""
        found: Counted = Counter()
        for program in PROGRAMS:
            for table in self._saved("legacy", program).tables.values():
                for chain in table.chains.values():
                    found[FAMILIES[program], table.name, chain.name, None] = chain.packets
                    for position, rule in enumerate(chain.rules):
                        found[FAMILIES[program], table.name, chain.name, position] = rule.packets
        return found


class CountedCase(Case):
    """One packet, foretold and sent, that meets rules of nftables and of iptables-legacy."""

    def __init__(self, host: Host, tally: Tally, sending: Sending, connection: Connection, kind: str) -> None:
        before = cast("XtablesHost", host).counters()
        super().__init__(host, tally, sending, connection, kind)
        self.counted = cast("XtablesHost", host).counters() - before

    def check_way(self) -> None:
        """The rules that were met."""
        steps, counted, is_open = foretold_both(self.expected)
        met = happened(self.events)
        if is_open:
            self.tally.cases["with a rule left open"] += 1
            assert counted <= self.counted, self.explain([*met, self.counted], [*steps, counted])
            met = met[: len(steps)]
        else:
            assert counted == self.counted, self.explain([*met, self.counted], [*steps, counted])
        assert met == steps, self.explain(met, steps)


def foretold_both(expected: Flow) -> tuple[list[Step], Counted, bool]:
    """What the simulator says that the packet meets, up to the first rule of which it leaves open whether it holds."""
    steps: list[Step] = []
    counted: Counted = Counter()
    for outcome in expected.outcomes:
        for met in outcome.trace:
            match met:
                case RuleMet(rule, position, verdict) if rule.place.table != "tracer":
                    place = rule.place
                    if rule.handle is None:
                        counted[outcome.family, place.table, place.chain, position] += 1
                    else:
                        steps.append((outcome.family, place.table, place.chain, rule.handle, kernel_word(verdict)))
                case ChainEnded(chain, str() as policy) if chain.place.table != "tracer":
                    place = chain.place
                    if chain.handle is None:
                        counted[outcome.family, place.table, place.chain, None] += 1
                    else:
                        steps.append((outcome.family, place.table, place.chain, None, policy))
                case RuleInDoubt():
                    return steps, counted, True
                case _:
                    pass
    return steps, counted, False


def try_rulesets(
    world: SmallWorld,
    record_property: Callable[[str, object], None],
    rules: st.SearchStrategy[Rules],
    case: type[Case],
    divisor: int,
) -> None:
    tally = Tally(Counter())

    @settings(max_examples=max(settings().max_examples // divisor, 1), suppress_health_check=list(HealthCheck))
    @given(rules, st.lists(sendings, min_size=8, max_size=8), st.sampled_from([False, True]))
    def foretells(drawn: Rules, packets: list[Sending], filtered: object) -> None:
        world.bridge_netfilter = filtered is True
        host = XtablesHost(world, drawn)
        for sending in packets:
            try_packet(host, tally, sending, case)

    foretells()
    record_property("figure", tally.figure())


def test_rules_of_iptables_nft_do_what_the_simulator_says(
    xtables_world: SmallWorld, record_property: Callable[[str, object], None]
) -> None:
    try_rulesets(xtables_world, record_property, st.builds(Rules, rulesets(sets=HAS_SETS)), Case, 6)


def test_rules_of_iptables_legacy_do_what_the_simulator_says(
    xtables_world: SmallWorld, record_property: Callable[[str, object], None]
) -> None:
    rules = st.builds(Rules, st.none(), rulesets(sets=HAS_SETS))
    try_rulesets(xtables_world, record_property, rules, CountedCase, 6)


def test_rules_of_all_three_meet_a_packet_in_the_order_that_the_simulator_says(
    xtables_world: SmallWorld, record_property: Callable[[str, object], None]
) -> None:
    rules = st.builds(Rules, rulesets(sets=HAS_SETS), rulesets(sets=HAS_SETS), nft_rulesets)
    try_rulesets(xtables_world, record_property, rules, CountedCase, 12)
