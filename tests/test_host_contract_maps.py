"""What the executor counts on in the layout maps, of the real kernel and of the machine in memory alike."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from namespaces import Namespace, needs

from fwplan.errors import HostError
from fwplan.host.memory import Machine, MemorySystem
from fwplan.host.system import System
from fwplan.nft.objects import (
    AddressRange,
    Chain,
    Element,
    Field,
    Goto,
    InterfaceMatch,
    Jump,
    Meta,
    Rule,
    Table,
    Verdict,
    VerdictMap,
    VerdictMapLookup,
)
from fwplan.nft.transaction import Append, Make, TakeAway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.nft.listing import Listing
    from fwplan.nft.objects import ElementKey, ElementVerdict
    from fwplan.nft.transaction import Edit

_TABLE = Table("ip", "contract")
_OTHER = Table("ip6", "contract")
_NAMES = VerdictMap(_TABLE, "names", "ifname")
_RANGES = VerdictMap(_TABLE, "ranges", "ipv4_addr", intervals=True)
_ONE, _TWO, _ASKING = Chain(_TABLE, "one"), Chain(_TABLE, "two"), Chain(_TABLE, "asking")
_ACCEPT = Rule(_TABLE, "one", (InterfaceMatch(Meta.IIFNAME, "eth0"), Verdict.ACCEPT))
_LOOKUPS = (
    Rule(_TABLE, "asking", (VerdictMapLookup(Meta.OIFNAME, "names"),)),
    Rule(_TABLE, "asking", (VerdictMapLookup(Field.SADDR, "ranges"),)),
)


@pytest.fixture(params=[pytest.param("kernel", marks=needs("nft")), "memory"])
def system(request: pytest.FixtureRequest) -> Iterator[System]:
    """A host with two maps, a chain that asks both, and two others."""
    made: tuple[Table | Chain | VerdictMap, ...] = (_TABLE, _ONE, _TWO, _ASKING, _NAMES, _RANGES)
    edits: list[Edit] = [*map(Make, made), Append(_ACCEPT), *map(Append, _LOOKUPS)]
    if request.param == "memory":
        in_memory = MemorySystem(Machine())
        in_memory.commit_nftables(edits)
        yield in_memory
    else:
        with Namespace() as namespace, namespace.entered():
            real = System()
            real.commit_nftables(edits)
            yield real


def _name(name: str, verdict: ElementVerdict) -> Element:
    return Element(_TABLE, "names", name, verdict)


def _range(first: str, last: str, verdict: ElementVerdict) -> Element:
    return Element(_TABLE, "ranges", AddressRange(ip_address(first), ip_address(last)), verdict)


def _elements(system: System, of: str) -> dict[ElementKey, ElementVerdict]:
    return _listed(system).elements[_TABLE, of]


def _listed(system: System) -> Listing:
    return system.list_nftables([_TABLE])


def _refused(system: System, *edits: Make | TakeAway) -> None:
    before, generation = _listed(system), system.generation()
    with pytest.raises(HostError):
        system.commit_nftables(edits)
    assert _listed(system) == before
    assert system.generation() == generation


def test_maps_and_lookups_are_listed_as_they_were_made(system: System) -> None:
    listing = _listed(system)
    assert listing.maps == {(_TABLE, "names"): _NAMES, (_TABLE, "ranges"): _RANGES}
    assert listing.elements == {(_TABLE, "names"): {}, (_TABLE, "ranges"): {}}
    assert [entry.rule for entry in listing.listed[_TABLE, "asking"]] == list(_LOOKUPS)


@pytest.mark.parametrize("verdict", [Goto("one"), Jump("two"), Verdict.ACCEPT, Verdict.DROP, Verdict.RETURN])
def test_elements_are_listed_as_they_were_made(verdict: ElementVerdict, system: System) -> None:
    made = [
        *(_name(name, verdict) for name in ("virbr0", "a.b-c:d", "*", "v*", "v*b")),
        _range("10.0.0.0", "10.0.0.255", verdict),
        _range("10.0.1.0", "10.0.1.0", verdict),
        _range("10.0.1.1", "10.0.3.17", verdict),
        _range("240.0.0.0", "255.255.255.255", verdict),
    ]
    system.commit_nftables([Make(element) for element in made])
    assert _elements(system, "names") == {each.key: each.verdict for each in made[:5]}
    assert _elements(system, "ranges") == {each.key: each.verdict for each in made[5:]}


def test_a_range_may_be_all_addresses(system: System) -> None:
    everything = _range("0.0.0.0", "255.255.255.255", Jump("one"))  # noqa: S104 - addresses, to nobody
    system.commit_nftables([Make(everything)])
    assert _elements(system, "ranges") == {everything.key: Jump("one")}


def test_an_element_that_is_there_may_be_made_again_but_not_with_another_verdict(system: System) -> None:
    element = _name("virbr0", Goto("one"))
    system.commit_nftables([Make(element)])
    system.commit_nftables([Make(element)])
    _refused(system, Make(_name("virbr0", Goto("two"))))


def test_ranges_do_not_overlap(system: System) -> None:
    system.commit_nftables([Make(_range("10.0.0.0", "10.0.0.255", Jump("one")))])
    for first, last in (("10.0.0.0", "10.0.0.127"), ("10.0.0.255", "10.0.1.0"), ("9.0.0.0", "11.0.0.0")):
        _refused(system, Make(_range(first, last, Jump("one"))))


def test_an_element_goes_and_comes_as_another_in_one_transaction(system: System) -> None:
    old = [_name("virbr0", Goto("one")), _range("10.0.0.0", "10.0.0.255", Jump("one"))]
    new = [
        _name("virbr0", Goto("two")),
        _range("10.0.0.0", "10.0.0.99", Jump("one")),
        _range("10.0.0.100", "10.0.1.1", Jump("two")),
    ]
    system.commit_nftables([Make(element) for element in old])
    system.commit_nftables([*map(TakeAway, old), *map(Make, new)])
    assert _elements(system, "names") == {"virbr0": Goto("two")}
    assert list(_elements(system, "ranges").values()) == [Jump("one"), Jump("two")]


def test_an_element_that_is_not_there_cannot_be_taken_away(system: System) -> None:
    _refused(system, TakeAway(_name("virbr0", Goto("one"))))


def test_an_element_needs_its_chain_and_its_map(system: System) -> None:
    _refused(system, Make(_name("virbr0", Goto("nowhere"))))
    _refused(system, Make(Element(_TABLE, "nothing", "virbr0", Goto("one"))))


def test_a_rule_needs_what_it_leads_to(system: System) -> None:
    for statement in (Jump("nowhere"), VerdictMapLookup(Meta.IIFNAME, "nothing")):
        with pytest.raises(HostError):
            system.commit_nftables([Append(Rule(_TABLE, "one", (statement,)))])


def test_a_chain_goes_with_its_rules_once_nothing_leads_to_it(system: System) -> None:
    element = _name("virbr0", Goto("one"))
    system.commit_nftables([Make(element), Append(Rule(_TABLE, "two", (Jump("one"),)))])
    _refused(system, TakeAway(_ONE))
    _refused(system, TakeAway(element), TakeAway(_ONE))
    system.commit_nftables([TakeAway(element), TakeAway(_TWO), TakeAway(_ONE)])
    assert _listed(system).chains.keys() == {(_TABLE, "asking")}
    assert _listed(system).listed.keys() == {(_TABLE, "asking")}


def test_a_map_goes_once_nothing_asks_it(system: System) -> None:
    _refused(system, TakeAway(_NAMES))
    system.commit_nftables([Make(_name("virbr0", Goto("one")))])
    system.commit_nftables([TakeAway(_ASKING), TakeAway(_NAMES)])
    assert _listed(system).maps.keys() == {(_TABLE, "ranges")}


def test_a_table_goes_with_its_maps(system: System) -> None:
    system.commit_nftables([Make(_name("virbr0", Goto("one"))), Make(_range("10.0.0.0", "10.0.0.9", Jump("two")))])
    system.commit_nftables([TakeAway(_TABLE)])
    listing = system.list_nftables([_TABLE])
    assert (listing.tables, listing.chains, listing.maps, listing.elements) == (frozenset(), {}, {}, {})


def test_everything_is_made_in_one_transaction(system: System) -> None:
    """nft before 1.1 has to find the chains of a map of ranges before the map."""
    ranges = VerdictMap(_OTHER, "ranges", "ipv6_addr", intervals=True)
    chain = Chain(_OTHER, "one")
    element = Element(_OTHER, "ranges", AddressRange(ip_address("fd00::"), ip_address("fd00::ffff")), Jump("one"))
    system.commit_nftables(
        [Make(_OTHER), Make(chain), Make(ranges), Append(Rule(_OTHER, "one", (Verdict.ACCEPT,))), Make(element)]
    )
    assert system.list_nftables([_OTHER]).elements == {(_OTHER, "ranges"): {element.key: Jump("one")}}


# How much is read


def test_an_outline_has_chains_maps_and_elements(system: System) -> None:
    system.commit_nftables([Make(_name("virbr0", Goto("one")))])
    whole = _listed(system)
    outline = system.list_nftables_outline([_TABLE, _OTHER], ["names"])
    assert (outline.tables, outline.chains) == (whole.tables, whole.chains)
    assert outline.maps == {(_TABLE, "names"): _NAMES}
    assert outline.elements == {(_TABLE, "names"): {"virbr0": Goto("one")}}


@pytest.mark.parametrize("others", [0, 40])
def test_rules_of_the_chains_that_are_asked_for_are_read_into_an_outline(others: int, system: System) -> None:
    more = [Chain(_TABLE, f"other{number}") for number in range(others)]
    system.commit_nftables([Make(chain) for chain in more])
    outline = system.list_nftables_outline([_TABLE, _OTHER], ["names", "ranges"])
    listing = system.list_nftables_rules(outline, [(_TABLE, "one"), (_TABLE, "nowhere"), (_OTHER, "one")])
    assert listing.listed[_TABLE, "one"] == _listed(system).listed[_TABLE, "one"]
    assert (listing.chains, listing.maps, listing.elements) == (outline.chains, outline.maps, outline.elements)


def test_a_table_without_chains_is_there(system: System) -> None:
    system.commit_nftables([Make(_OTHER)])
    assert system.list_nftables_outline([_TABLE, _OTHER], []).tables == {_TABLE, _OTHER}
