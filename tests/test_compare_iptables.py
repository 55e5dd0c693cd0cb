"""What brings a host's iptables rules to a plan, and back: edits as values, and what they come to."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from strategies import FILTERED, networks, subnets_return

from fwplan import Backend, Network, NotExpressibleError, make_plan
from fwplan.host.iptables import IptablesPart
from fwplan.iptables.objects import Chain, InInterface, JumpTo, Masquerade, OutInterface, Rule, Source
from fwplan.iptables.saved import Saved, SavedRule, as_saved, read_saved
from fwplan.iptables.transaction import Delete, DeleteChain, Insert, NewChain, restore_input
from fwplan.network.problems import Severity
from fwplan.network.together import conflicts
from fwplan.plan.compare_iptables import compare_iptables, iptables_before
from fwplan.plan.difference import Difference, Step
from fwplan.plan.plan import set_up_plan
from fwplan.plan.share import SetUpMark, iptables_mark
from fwplan.plan.wanted import Wanted, combined, iptables_wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fwplan.iptables.transaction import Edit
    from fwplan.plan.share import Mark
    from fwplan.plan.wanted import IptablesWanted

FORWARD = Chain("iptables", "filter", "FORWARD")
LEAVING = Chain("iptables", "filter", "LIBVIRT_FWO")
ACCEPT, REJECT = JumpTo("ACCEPT"), JumpTo("REJECT")

ALLOWED = Rule(LEAVING, (Source(IPv4Network("10.20.7.0/24")), InInterface("virbr7")), ACCEPT)
REFUSED = Rule(LEAVING, (InInterface("virbr7"),), REJECT)
TO_LEAVING = Rule(FORWARD, (), JumpTo("LIBVIRT_FWO"))

ALLOWED_TEXT = "-A LIBVIRT_FWO -s 10.20.7.0/24 -i virbr7 -j ACCEPT"
REFUSED_TEXT = "-A LIBVIRT_FWO -i virbr7 -j REJECT --reject-with icmp-port-unreachable"
OTHERS_TEXT = "-A LIBVIRT_FWO -i virbr8 -j REJECT --reject-with icmp-port-unreachable"
UNKNOWN_TEXT = "-A LIBVIRT_FWO -i virbr7 -m limit --limit 1/sec -j ACCEPT"

VIRBR7: IptablesWanted = Wanted((), (), {(LEAVING, "virbr7"): (ALLOWED, REFUSED)})
"""One chain of one network, so that a test shows all of it."""


def host(*rules: str, private: Sequence[str] = ("LIBVIRT_FWO", "DOCKER-USER")) -> Saved:
    """A host with these rules in its table `filter`."""
    chains = [":FORWARD ACCEPT [0:0]", *(f":{name} - [0:0]" for name in private)]
    return read_saved("iptables", "".join(f"{line}\n" for line in ("*filter", *chains, *rules, "COMMIT")))


def made(saved: Saved, edits: Iterable[Edit]) -> Saved:
    """What edits come to, as iptables(8) says of each."""
    chains = dict(saved.chains)
    rules = {chain: list(entries) for chain, entries in saved.rules.items()}
    for edit in edits:
        match edit:
            case NewChain(chain):
                assert chain not in chains, "-N: the chain is there"
                chains[chain] = None
            case DeleteChain(chain):
                assert not rules.get(chain), "-X: the chain is not empty"
                del chains[chain]
            case Delete(rule):
                entries = rules[rule.chain]
                del entries[[entry.rule for entry in entries].index(as_saved(rule))]
            case Insert(rule, number, packets, octets):
                entries = rules.setdefault(rule.chain, [])
                assert number is None or 1 <= number <= len(entries) + 1, "-I: no such number"
                place = len(entries) if number is None else number - 1
                entries.insert(place, SavedRule(str(as_saved(rule)), as_saved(rule), packets, octets))
    return Saved(chains, {chain: entries for chain, entries in rules.items() if entries})


def test_where_all_is_as_it_is_to_be_there_is_nothing_to_do() -> None:
    change = compare_iptables(host(OTHERS_TEXT, ALLOWED_TEXT, UNKNOWN_TEXT, REFUSED_TEXT), VIRBR7)
    assert (change.edits, change.differences, change.unchanged) == ((), (), 2)


def test_matches_in_another_order_are_the_same_rule() -> None:
    turned = Rule(LEAVING, tuple(reversed(ALLOWED.matches)), ACCEPT)
    wanted: IptablesWanted = Wanted((), (), {(LEAVING, "virbr7"): (turned, REFUSED)})
    assert compare_iptables(host(ALLOWED_TEXT, REFUSED_TEXT), wanted).edits == ()


def test_a_rule_comes_as_it_is_planned() -> None:
    turned = Rule(LEAVING, tuple(reversed(ALLOWED.matches)), ACCEPT)
    wanted: IptablesWanted = Wanted((), (), {(LEAVING, "virbr7"): (turned, REFUSED)})
    assert compare_iptables(host(REFUSED_TEXT), wanted).differences == (Difference(Step.ADD, turned),)


def test_what_is_missing_comes_before_what_it_is_to_stand_before() -> None:
    assert compare_iptables(host(OTHERS_TEXT, REFUSED_TEXT), VIRBR7).edits == (Insert(ALLOWED, 2),)


def test_what_is_missing_at_the_end_comes_behind_what_is_there() -> None:
    assert compare_iptables(host(ALLOWED_TEXT, OTHERS_TEXT), VIRBR7).edits == (Insert(REFUSED, 2),)
    assert compare_iptables(host(OTHERS_TEXT, ALLOWED_TEXT), VIRBR7).edits == (Insert(REFUSED, None),)


def test_a_network_that_is_new_comes_to_the_head_of_the_chain() -> None:
    assert compare_iptables(host(OTHERS_TEXT), VIRBR7).edits == (Insert(ALLOWED, 1), Insert(REFUSED, 2))


def test_what_is_too_much_goes_by_what_it_says() -> None:
    extra = Rule(LEAVING, (InInterface("virbr7"),), ACCEPT)
    change = compare_iptables(host(ALLOWED_TEXT, "-A LIBVIRT_FWO -i virbr7 -j ACCEPT", REFUSED_TEXT), VIRBR7)
    assert change.edits == (Delete(extra),)
    assert change.differences == (Difference(Step.DELETE, extra),)


def test_a_rule_at_another_place_moves_with_its_counter() -> None:
    change = compare_iptables(host(f"[7:700] {REFUSED_TEXT}", f"[3:300] {ALLOWED_TEXT}"), VIRBR7)
    assert len(change.differences) == 1
    assert change.differences[0].step is Step.MOVE
    after = made(host(f"[7:700] {REFUSED_TEXT}", f"[3:300] {ALLOWED_TEXT}"), change.edits)
    assert [(entry.rule, entry.packets) for entry in after.rules[LEAVING]] == [(ALLOWED, 3), (REFUSED, 7)]


def test_a_rule_that_is_there_twice_is_there_once_then() -> None:
    change = compare_iptables(host(ALLOWED_TEXT, REFUSED_TEXT, REFUSED_TEXT), VIRBR7)
    assert change.differences == (Difference(Step.DELETE, REFUSED),)
    assert change.unchanged == 2


def test_where_the_second_of_two_equal_rules_is_to_go_the_first_comes_again_with_its_counter() -> None:
    saved = host(f"[3:300] {ALLOWED_TEXT}", OTHERS_TEXT, REFUSED_TEXT, f"[1:100] {ALLOWED_TEXT}")
    change = compare_iptables(saved, VIRBR7)
    assert change.edits == (Delete(ALLOWED), Delete(ALLOWED), Insert(ALLOWED, 1, 3, 300))
    assert change.differences == (Difference(Step.DELETE, ALLOWED),)


def test_a_rule_that_is_not_known_stays() -> None:
    change = compare_iptables(host(UNKNOWN_TEXT), Wanted((), (), {(LEAVING, "virbr7"): ()}))
    assert change.edits == ()


def test_jumps_behind_those_of_others_are_where_they_are_to_be() -> None:
    wanted: IptablesWanted = Wanted((), (), {(FORWARD, SetUpMark.SET_UP): (TO_LEAVING,)})
    assert compare_iptables(host("-A FORWARD -j DOCKER-USER", "-A FORWARD -j LIBVIRT_FWO"), wanted).edits == ()


def test_a_jump_that_is_missing_comes_to_the_head() -> None:
    wanted: IptablesWanted = Wanted((), (), {(FORWARD, SetUpMark.SET_UP): (TO_LEAVING,)})
    assert compare_iptables(host("-A FORWARD -j DOCKER-USER"), wanted).edits == (Insert(TO_LEAVING, 1),)


def test_chains_that_are_missing_are_made_first() -> None:
    wanted: IptablesWanted = Wanted((LEAVING,), (), {(FORWARD, SetUpMark.SET_UP): (TO_LEAVING,)})
    change = compare_iptables(host(private=()), wanted)
    assert change.edits == (NewChain(LEAVING), Insert(TO_LEAVING, None))
    assert [difference.step for difference in change.differences] == [Step.ADD, Step.ADD]


_NO_SET_UP: IptablesWanted = Wanted((), (LEAVING,), {(LEAVING, "virbr7"): (), (FORWARD, SetUpMark.SET_UP): ()})


def test_chains_that_are_empty_go_with_the_jumps_to_them() -> None:
    change = compare_iptables(host("-A FORWARD -j LIBVIRT_FWO", ALLOWED_TEXT), _NO_SET_UP)
    assert set(change.edits) == {Delete(TO_LEAVING), Delete(ALLOWED), DeleteChain(LEAVING)}
    assert change.edits[-1] == DeleteChain(LEAVING)


@pytest.mark.parametrize(
    "others", [OTHERS_TEXT, UNKNOWN_TEXT, "-A DOCKER-USER -i eth0 -g LIBVIRT_FWO", "-A FORWARD -i eth0 -j LIBVIRT_FWO"]
)
def test_a_chain_in_which_or_to_which_others_have_a_rule_stays_with_its_jump(others: str) -> None:
    change = compare_iptables(host("-A FORWARD -j LIBVIRT_FWO", ALLOWED_TEXT, others), _NO_SET_UP)
    assert change.edits == (Delete(ALLOWED),)


def test_a_network_of_all_addresses_is_in_the_way() -> None:
    chain = Chain("iptables", "nat", "LIBVIRT_PRT")
    everything = IPv4Network("0.0.0.0/0")
    wanted: IptablesWanted = Wanted((), (), {(chain, everything): (Rule(chain, (Source(everything),), Masquerade()),)})
    [obstacle] = compare_iptables(host(), wanted).obstacles
    assert "network of all addresses" in obstacle


def test_a_table_is_one_transaction_and_that_of_checksums_the_last() -> None:
    mangled = Chain("iptables", "mangle", "LIBVIRT_PRT")
    quoted = Rule(LEAVING, (OutInterface('br"7'),), ACCEPT)
    edits = (NewChain(mangled), Delete(ALLOWED), Insert(REFUSED, 3, 7, 700), Insert(quoted, None), DeleteChain(LEAVING))
    assert restore_input(edits) == (
        "*filter\n"
        "-D LIBVIRT_FWO --source 10.20.7.0/24 --in-interface virbr7 --jump ACCEPT\n"
        "[7:700] -I LIBVIRT_FWO 3 --in-interface virbr7 --jump REJECT\n"
        '-A LIBVIRT_FWO --out-interface "br\\"7" --jump ACCEPT\n'
        "-X LIBVIRT_FWO\n"
        "COMMIT\n"
        "*mangle\n"
        "-N LIBVIRT_PRT\n"
        "COMMIT\n"
    )


_DEFINITIONS = st.lists(networks(rows=FILTERED), min_size=1, max_size=3)
_FOREIGN = SavedRule("-m limit --limit 1/sec -j ACCEPT", None)


def _wanted(definitions: list[Network]) -> IptablesWanted:
    assume(not any(problem.severity is Severity.ERROR for _, problem in conflicts(definitions)))
    wanted = iptables_wanted(make_plan(definitions, backend=Backend.IPTABLES))
    change = compare_iptables(Saved(), wanted)
    assume(not change.obstacles)
    try:
        restore_input(change.edits)
    except NotExpressibleError:
        reject()
    return wanted


def _share(saved: Saved, chain: Chain, mark: Mark) -> list[Rule]:
    entries = saved.rules.get(chain, ())
    return [entry.rule for entry in entries if entry.rule is not None and iptables_mark(entry.rule) == mark]


def _agrees(saved: Saved, wanted: IptablesWanted) -> bool:
    return all(
        _share(saved, chain, mark) == [as_saved(rule) for rule in share]
        for (chain, mark), share in wanted.shares.items()
    )


@st.composite
def _damaged(draw: st.DrawFn, saved: Saved) -> Saved:
    """What others have made of a host: rules gone, moved, doubled, and some of their own."""
    rules = {chain: list(entries) for chain, entries in saved.rules.items()}
    for _ in range(draw(st.integers(1, 6))):
        entries = draw(st.sampled_from([entries for _, entries in sorted(rules.items(), key=str)]))
        place = draw(st.integers(0, len(entries)))
        match draw(st.sampled_from(["delete", "double", "move", "another's"])):
            case "delete" if entries:
                del entries[place % len(entries)]
            case "double" if entries:
                entries.insert(place, draw(st.sampled_from(entries)))
            case "move" if entries:
                entries.insert(place % len(entries), entries.pop(draw(st.integers(0, len(entries) - 1))))
            case _:
                entries.insert(place, _FOREIGN)
    return Saved(saved.chains, rules)


@given(_DEFINITIONS)
def test_rules_come_to_stand_as_the_plan_inserts_them_one_by_one(definitions: list[Network]) -> None:
    assume(not subnets_return(definitions))
    wanted = _wanted(definitions)
    after = made(Saved(), compare_iptables(Saved(), wanted).edits)
    chains: dict[Chain, list[Rule]] = {}
    for operation in make_plan(definitions, backend=Backend.IPTABLES).operations:
        if isinstance(operation.object, Rule):
            chains.setdefault(operation.object.chain, []).insert(0, as_saved(operation.object))
    assert {chain: [entry.rule for entry in entries] for chain, entries in after.rules.items()} == chains
    again = compare_iptables(after, wanted)
    assert (again.edits, again.unchanged) == ((), sum(map(len, chains.values())))


@given(_DEFINITIONS, st.data())
def test_any_damage_is_repaired_and_the_undo_brings_it_back(definitions: list[Network], data: st.DataObject) -> None:
    wanted = _wanted(definitions)
    damaged = data.draw(_damaged(made(Saved(), compare_iptables(Saved(), wanted).edits)))
    repaired = made(damaged, compare_iptables(damaged, wanted).edits)
    assert _agrees(repaired, wanted)
    assert compare_iptables(repaired, wanted).differences == ()

    before = IptablesPart.from_document(IptablesPart(iptables_before(damaged, wanted)).document()).wanted
    back = made(repaired, compare_iptables(repaired, before).edits)
    assert {place: _share(back, *place) for place in wanted.shares} == {
        place: _share(damaged, *place) for place in wanted.shares
    }
    assert {chain: entries.count(_FOREIGN) for chain, entries in back.rules.items()} == {
        chain: entries.count(_FOREIGN) for chain, entries in damaged.rules.items() if entries
    }


@given(_DEFINITIONS, st.data())
def test_what_is_unchanged_added_moved_and_deleted_adds_up(definitions: list[Network], data: st.DataObject) -> None:
    wanted = _wanted(definitions)
    damaged = data.draw(_damaged(made(Saved(), compare_iptables(Saved(), wanted).edits)))
    change = compare_iptables(damaged, wanted)
    steps = [difference.step for difference in change.differences]
    wanted_rules = sum(map(len, wanted.shares.values()))
    there = sum(len(_share(damaged, *place)) for place in wanted.shares)
    assert change.unchanged + steps.count(Step.ADD) + steps.count(Step.MOVE) == wanted_rules
    assert change.unchanged + steps.count(Step.DELETE) + steps.count(Step.MOVE) == there


@given(_DEFINITIONS)
def test_taking_everything_away_leaves_nothing(definitions: list[Network]) -> None:
    wanted = _wanted(definitions)
    after = made(Saved(), compare_iptables(Saved(), wanted).edits)
    away = combined(
        iptables_wanted(make_plan((), backend=Backend.IPTABLES)),
        gone=[wanted],
        set_up_gone=iptables_wanted(set_up_plan(Backend.IPTABLES)),
    )
    assert made(after, compare_iptables(after, away).edits) == Saved()
    undone = made(after, compare_iptables(after, iptables_before(Saved(), wanted)).edits)
    assert undone == Saved()
