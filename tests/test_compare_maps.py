"""What brings fwplan's own tables to a plan, and back, on the machine in memory: for any networks, in any order."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from namespaces import fewer_examples
from strategies_crowded import crowded_hosts

from fwplan.errors import HostError
from fwplan.host.executor import bring
from fwplan.host.goal import goal_of_apply, goal_of_removal
from fwplan.host.maps import TABLES, MapsPart
from fwplan.host.memory import Machine, MemorySystem
from fwplan.host.state import State
from fwplan.network.definition import Bridge, Network
from fwplan.network.forward import Forward
from fwplan.network.ip import Ip
from fwplan.network.modes import ForwardMode
from fwplan.nft.objects import Chain, Counter, Element, Goto, Jump, Rule, Table, Verdict
from fwplan.nft.transaction import Append, Delete, Insert, Make, TakeAway
from fwplan.plan.checksums import ChecksumPolicy
from fwplan.plan.difference import Step
from fwplan.plan.maps_names import (
    ENTERING,
    LEAVING,
    TRANSLATED,
    bridge_of,
    entering_chain,
    leaving_chain,
    translating_chain,
)
from fwplan.plan.maps_wanted import maps_wanted
from fwplan.plan.plan import Layout, make_plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fwplan.nft.objects import ElementKey, ElementVerdict
    from fwplan.plan.plan import Plan

    Shape = tuple[object, ...]

_FOLDER = Path("/run/fwplan")
_HOSTS = crowded_hosts()


def _plan(networks: Sequence[Network]) -> Plan:
    return make_plan(networks, layout=Layout.MAPS, checked=True)


def _part(networks: Sequence[Network]) -> MapsPart:
    return MapsPart(maps_wanted(_plan(networks)))


def _shape(system: MemorySystem) -> Shape:
    """All that is in the machine's tables, but for handles, the order of making, and chains without rules."""
    machine = system.machine
    return (
        machine.tables,
        machine.chains,
        machine.maps,
        machine.elements,
        {key: [entry.rule for entry in rules] for key, rules in machine.rules.items() if rules},
    )


def _bring(system: MemorySystem, part: MapsPart) -> MapsPart:
    """The part as it was before, as the journal would keep it."""
    change = part.compare(system)
    assert not change.obstacles
    before = MapsPart.from_document(change.before.document())
    if change.differences:
        change.make(system)
    return before


def _system() -> MemorySystem:
    return MemorySystem(Machine())


# A plan, and what is there


@given(_HOSTS)
def test_a_plan_that_was_applied_leaves_nothing_to_do(networks: list[Network]) -> None:
    system = _system()
    part = _part(networks)
    _bring(system, part)
    change = part.compare(system)
    assert change.differences == ()
    assert change.unchanged == sum(len(rules) for rules in part.wanted.rules.values())


@given(_HOSTS)
def test_what_is_applied_is_what_the_operations_make_one_by_one(networks: list[Network]) -> None:
    plan = _plan(networks)
    applied, by_hand = _system(), _system()
    _bring(applied, MapsPart(maps_wanted(plan)))
    for kind in (Table, Chain, object):
        for operation in plan.operations:
            made = operation.object
            match made:
                case Rule() if kind is object:
                    by_hand.commit_nftables([Insert(made)])
                case Rule():
                    pass
                case _ if isinstance(made, kind) and hasattr(made, "table") | isinstance(made, Table):
                    by_hand.commit_nftables([Make(made)])  # type: ignore[arg-type]
    assert _shape(applied) == _shape(by_hand)


@given(_HOSTS)
def test_undoing_an_apply_leaves_nothing(networks: list[Network]) -> None:
    system = _system()
    before = _bring(system, _part(networks))
    _bring(system, before)
    assert _shape(system) == _shape(_system())


_STRANGERS = ("eth7", "eth8")
_VERDICTS: st.SearchStrategy[ElementVerdict] = st.sampled_from([Verdict.ACCEPT, Verdict.DROP, Verdict.RETURN])


def _damage(system: MemorySystem, data: st.DataObject) -> None:
    """Change something in fwplan's tables that somebody could."""
    listing = system.list_nftables(TABLES)
    what = data.draw(
        st.sampled_from(["delete", "double", "to the end", "another verdict", "element", "no element", "stranger"])
    )
    if what in {"element", "no element", "stranger"}:
        elements = [
            Element(*of, key, verdict)
            for of, of_map in listing.elements.items()
            for key, verdict in of_map.items()
            if key not in _STRANGERS
        ]
        assume(elements)
        element = data.draw(st.sampled_from(elements))
        match what:
            case "stranger" if isinstance(element.verdict, Verdict):
                pass  # it leads to no network's chain, so that it would be somebody else's
            case "stranger":
                free = [name for name in _STRANGERS if name not in listing.elements[element.table, element.map]]
                assume(free)
                stranger = replace(element, key=data.draw(st.sampled_from(free)))
                system.commit_nftables([Make(stranger)] if element.map in {ENTERING, LEAVING} else [])
            case "element":
                system.commit_nftables([TakeAway(element), Make(replace(element, verdict=data.draw(_VERDICTS)))])
            case _:
                system.commit_nftables([TakeAway(element)])
        return
    rules = [entry.rule for rules in listing.listed.values() for entry in rules if entry.rule is not None]
    assume(rules)
    rule = data.draw(st.sampled_from(rules))
    match what:
        case "delete":
            system.commit_nftables([Delete(rule)])
        case "double":
            system.commit_nftables([Append(rule)])
        case "to the end":
            system.commit_nftables([Append(rule), Delete(rule)])
        case _:
            other = replace(rule, statements=(*rule.statements[:-1], Counter(), Verdict.RETURN))
            system.commit_nftables([Insert(other)])


@given(_HOSTS, st.data())
def test_any_damage_is_repaired_and_the_undo_brings_it_back(networks: list[Network], data: st.DataObject) -> None:
    system = _system()
    part = _part(networks)
    _bring(system, part)
    right = _shape(system)
    for _ in range(data.draw(st.integers(1, 4))):
        _damage(system, data)
    damaged = _shape(system)
    before = _bring(system, part)
    assert _shape(system) == right
    _bring(system, before)
    assert _shape(system) == damaged


# Networks come and go


def _apply(system: MemorySystem, networks: Sequence[Network], layout: Layout = Layout.MAPS) -> None:
    state = State(system, _FOLDER)
    plan = make_plan(networks, layout=layout, checked=True)
    bring(system, state, goal_of_apply(plan, state.applied(), system.interfaces(), checksum=ChecksumPolicy.OFF))


def _remove(system: MemorySystem, names: Iterable[str]) -> None:
    state = State(system, _FOLDER)
    bring(system, state, goal_of_removal([], list(names), state.applied()))


def _at_once(networks: Sequence[Network]) -> Shape:
    system = _system()
    _bring(system, _part(networks))
    return _shape(system)


@given(_HOSTS, st.data())
def test_one_by_one_networks_come_to_what_they_come_to_at_once(networks: list[Network], data: st.DataObject) -> None:
    system = _system()
    for number, network in enumerate(networks, start=1):
        _apply(system, [network])
        assert _shape(system) == _at_once(networks[:number])
    left = list(networks)
    for network in data.draw(st.permutations(networks)):
        _remove(system, [network.name])
        left.remove(network)
        # The set-up stays until the last network that was applied with some goes.
        filtered = any(each.meaning.filtered for each in left)
        assert _shape(system) == (_at_once(left) if filtered else _shape(_system()))


@given(st.lists(_HOSTS.filter(bool), min_size=2, max_size=3))
def test_edited_definitions_come_to_what_they_would_have_come_to_at_first(versions: list[list[Network]]) -> None:
    """Networks are told by their place: the n-th of each version has the same name and bridge."""
    system = _system()
    now: dict[str, Network] = {}
    for version in versions:
        networks = [_renamed(network, place) for place, network in enumerate(version)]
        now.update({network.name: network for network in networks})
        _apply(system, networks)
        assert _shape(system) == _at_once(list(now.values()))
        generation = system.generation()
        _apply(system, networks)
        assert system.generation() == generation


def _renamed(network: Network, place: int) -> Network:
    bridge = None if network.bridge_name is None else replace(network.bridge or Bridge(), name=f"br{place}")
    return replace(network, name=f"net{place}", uuid=None, bridge=bridge)


@fewer_examples
@given(crowded_hosts(only_filtered=True).filter(bool), st.data())
def test_networks_move_from_one_layout_to_the_other_and_back(networks: list[Network], data: st.DataObject) -> None:
    machine = Machine(interfaces={name: index for index, name in enumerate(_bridges(networks), start=2)})
    system = MemorySystem(machine)
    _apply(system, networks, Layout.LIBVIRT)
    libvirts = _shape(system)
    moving = data.draw(st.permutations(networks))
    for number, network in enumerate(moving, start=1):
        _apply(system, [network], Layout.MAPS)
        order = [each for each in networks if each in moving[:number]]
        assert _only(system, "fwplan") == _at_once(order)
    assert _shape(system) == _at_once(networks)
    _apply(system, networks, Layout.LIBVIRT)
    assert _shape(system) == libvirts


def _bridges(networks: Iterable[Network]) -> list[str]:
    return [network.bridge_name for network in networks if network.bridge_name is not None]


def _only(system: MemorySystem, name: str) -> Shape:
    """What is in the tables of that name."""
    tables, *parts = _shape(system)
    kept: list[Any] = [{key: value for key, value in part.items() if key[0].name == name} for part in parts]  # type: ignore[attr-defined]
    return ({table for table in tables if table.name == name}, *kept)  # type: ignore[attr-defined]


# What is not fwplan's


def _nat(name: str, bridge: str, address: str, prefix: int = 24) -> Network:
    return Network(
        name=name,
        forward=Forward(mode=ForwardMode.NAT),
        bridge=Bridge(name=bridge),
        ips=(Ip(address=ip_address(address), prefix=prefix),),
    )


_LAB, _OTHER = _nat("lab", "virbr1", "10.0.0.1"), _nat("other", "virbr2", "10.0.1.1")
_IP = TABLES[0]


def _elements(system: MemorySystem, of: str) -> dict[ElementKey, ElementVerdict]:
    return system.machine.elements.get((_IP, of), {})


def test_networks_that_somebody_else_applied_stay() -> None:
    """Those of an fwplan that keeps its files elsewhere, say."""
    system = _system()
    _bring(system, _part([_OTHER]))
    others = _shape(system)
    _apply(system, [_LAB])
    assert _elements(system, ENTERING) == {"virbr1": Goto("to-virbr1"), "virbr2": Goto("to-virbr2")}
    _remove(system, ["lab"])
    assert _shape(system) == others


def test_a_chain_of_somebody_else_keeps_the_table() -> None:
    system = _system()
    _apply(system, [_LAB])
    system.commit_nftables([Make(Chain(_IP, "mine"))])
    _remove(system, ["lab"])
    assert _elements(system, ENTERING) == {}
    assert system.machine.tables == {_IP}
    assert {name for _, name in system.machine.chains} == {"mine", "forward", "postrouting", "host_address"}


def test_what_an_earlier_definition_left_goes() -> None:
    """fwplan's files are gone: what was applied is not known."""
    system = _system()
    _bring(system, _part([replace(_LAB, ips=(*_LAB.ips, *_OTHER.ips))]))
    assert (_IP, "nat-virbr1-2") in system.machine.chains
    _apply(system, [_LAB])
    assert _shape(system) == _at_once([_LAB])


def test_addresses_that_are_in_the_way_go() -> None:
    system = _system()
    _bring(system, _part([_nat("gone", "virbr9", "10.0.0.1", 16)]))
    _apply(system, [_LAB])
    assert list(_elements(system, TRANSLATED).values()) == [Jump("nat-virbr1-1")]


def test_a_map_of_another_kind_is_in_the_way() -> None:
    system = _system()
    _apply(system, [_LAB])
    made = system.machine.maps[_IP, ENTERING]
    system.machine.maps[_IP, ENTERING] = replace(made, key="ipv4_addr")
    with pytest.raises(HostError, match="map ip fwplan entering is of another kind"):
        _apply(system, [_LAB])


def test_of_a_network_that_is_added_nothing_of_others_is_changed() -> None:
    system = _system()
    _apply(system, [_LAB])
    change = MapsPart(maps_wanted(_plan([_OTHER]))).compare(system)
    assert {difference.step for difference in change.differences} == {Step.ADD}
    added = [difference.object for difference in change.differences]
    assert {bridge_of(each.name) for each in added if isinstance(each, Chain)} == {"virbr2"}
    assert [type(each) for each in added] == [Chain] * 3 + [Rule] * 6 + [Element] * 3


# Names


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=15), st.integers(1, 12))
@example("x-1", 1)
@example("virbr-1", 1)
@example("é", 1)
def test_a_chain_tells_its_bridge(bridge: str, number: int) -> None:
    assert bridge_of(entering_chain(bridge)) == bridge
    assert bridge_of(leaving_chain(bridge)) == bridge
    assert bridge_of(translating_chain(bridge, number)) == bridge
