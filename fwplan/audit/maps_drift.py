"""fwplan's own tables, held against what its networks are to have there.

A chain is one network's, or all networks', so that it is held against the plan as a whole: also a rule that fwplan does
not understand is too much in it.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from fwplan.audit.chain_drift import Drift
from fwplan.audit.finding import Code, Finding
from fwplan.audit.objects_drift import NftTexts, nft_text, objects_drift
from fwplan.nft import objects as nft
from fwplan.nft.text import key_text, map_text, verdict_words
from fwplan.plan.maps_names import ENTERING, LEAVING, TABLES, bridge_of
from fwplan.plan.maps_wanted import is_shared, maps_wanted, resolved
from fwplan.plan.share import SetUpMark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fwplan.audit.drift_report import DriftReport
    from fwplan.audit.observation import Observation
    from fwplan.nft.listing import Name
    from fwplan.nft.objects import ElementVerdict
    from fwplan.plan.maps_wanted import ElementPlace, MapsWanted
    from fwplan.plan.plan import Plan
    from fwplan.plan.share import Mark

_SAID = {
    Code.MISSING_ELEMENT: ("is missing", "are missing"),
    Code.EXTRA_ELEMENT: ("is too much", "are too many"),
    Code.CHANGED_ELEMENT: ("leads elsewhere", "lead elsewhere"),
}


def maps_drift(observation: Observation, plan: Plan, report: DriftReport) -> Iterator[Finding]:
    """In what fwplan's own tables differ from a plan, as far as they were seen; rules are noted in the report."""
    if "nftables" not in observation.seen:
        return
    listing = observation.listing
    whole = maps_wanted(plan)
    wanted = resolved(listing, whole)
    names = {share.bridge: share.network.name for share in plan.networks if share.bridge is not None}
    yield from objects_drift(observation, [made for made in wanted.present if is_shared(made)], report.repair)
    yield from _maps(observation, wanted, report)
    yield from _chains(observation, wanted, names, report)
    for key, rules in whole.rules.items():
        if key in listing.chains:
            yield from _rules(observation, key, rules, report)
    yield from _elements(observation, wanted, names, report)


def _maps(observation: Observation, wanted: MapsWanted, report: DriftReport) -> Iterator[Finding]:
    listing = observation.listing
    for made in wanted.present:
        if not isinstance(made, nft.VerdictMap) or made.table not in listing.tables:
            continue
        place = f"{made.table.family} {made.table.name} {made.name}"
        if (made.table, made.name) not in listing.maps:
            message = f"map {place} is missing, with the elements of all networks in it"
            yield Finding(Code.MISSING_MAP, None, place, message, remedy=report.repair)
        elif listing.maps[made.table, made.name] != made:
            message = f"map {place} is of another kind, and is to be {map_text(made)}"
            remedy = (
                "# a map has to be made anew, with what all networks have in it, also those that are not given here:",
                f"nft delete table {made.table.family} {made.table.name}",
                *report.repair[1:],
            )
            yield Finding(Code.CHANGED_MAP, None, place, message, remedy=remedy)


def _chains(
    observation: Observation, wanted: MapsWanted, names: dict[str, str], report: DriftReport
) -> Iterator[Finding]:
    """Chains of networks that are missing, or too much."""
    listing = observation.listing
    for made in wanted.present:
        if isinstance(made, nft.Chain) and not is_shared(made) and made.table in listing.tables:
            place = f"{made.table.family} {made.table.name} {made.name}"
            network = names.get(bridge_of(made.name) or "")
            if (made.table, made.name) not in listing.chains:
                whose = "" if network is None else f"network {network!r}: "
                message = f"{whose}chain {place} is missing, with its rules"
                yield Finding(Code.MISSING_CHAIN, network, place, message, remedy=report.repair)
            elif listing.chains[made.table, made.name].hook is not None:
                message = f"chain {place} is a base chain, and is to be none"
                yield Finding(Code.CHANGED_CHAIN, network, place, message, remedy=report.repair)
    for stray in wanted.absent:
        if isinstance(stray, nft.Chain):
            place = f"{stray.table.family} {stray.table.name} {stray.name}"
            network = names.get(bridge_of(stray.name) or "")
            message = f"network {network!r}: chain {place} is too much: the definition leads to no such chain"
            yield Finding(Code.EXTRA_CHAIN, network, place, message, remedy=report.repair)


# Rules


def _rules(observation: Observation, key: Name, wanted: Sequence[nft.Rule], report: DriftReport) -> Iterator[Finding]:
    table, chain = key
    place = f"{table.family} {table.name} {chain}"
    seen = [entry.rule for entry in observation.listing.listed.get(key, [])]
    if seen == list(wanted):
        return
    text = NftTexts(observation, (table.family, table.name, chain))
    mark: Mark = bridge_of(chain) or SetUpMark.SET_UP
    drifts = list(_chain(seen, wanted, mark, text))
    report.add(place, (drift for drift in drifts if drift.code is not Code.STRANGE_RULE))
    strange = [drift.seen for drift in drifts if drift.code is Code.STRANGE_RULE]
    if strange:
        rules = "1 rule" if len(strange) == 1 else f"{len(strange)} rules"
        message = f"in a chain of fwplan's {'stands' if len(strange) == 1 else 'stand'} {rules} of somebody else's"
        remedy = (
            "# with the handle that `nft -a list chain` shows:",
            f"nft delete rule {table.family} {table.name} {chain} handle …",
        )
        yield Finding(Code.STRANGE_RULE, None, place, message, tuple(strange), remedy=remedy)


def _chain(
    seen: Sequence[nft.Rule | None], wanted: Sequence[nft.Rule], mark: Mark, text: Callable[[int], str]
) -> Iterator[Drift]:
    """Rules in the place of others were changed; what is left over and missing as well was moved."""
    pairs, extra, missing = _aligned(seen, wanted)
    moved = _moved(seen, wanted, pairs, extra, missing)
    for place, there in moved:
        yield Drift(Code.MISPLACED_RULE, mark, nft_text(wanted[there]), text(place), place)
    for place, there in pairs:
        yield Drift(Code.CHANGED_RULE, mark, nft_text(wanted[there]), text(place), place)
    for there in missing:
        yield Drift(Code.MISSING_RULE, mark, nft_text(wanted[there]), "")
    for place in extra:
        if seen[place] is None:
            yield Drift(Code.STRANGE_RULE, mark, "", text(place), place)
        else:
            code = Code.DUPLICATE_RULE if seen[place] in wanted else Code.EXTRA_RULE
            yield Drift(code, mark, "", text(place), place)


def _aligned(
    seen: Sequence[nft.Rule | None], wanted: Sequence[nft.Rule]
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Places in both of rules that stand for each other; places of what is too much, and of what is missing."""
    # what is not understood is like nothing
    matcher = SequenceMatcher(None, [rule or place for place, rule in enumerate(seen)], wanted, autojunk=False)
    pairs: list[tuple[int, int]] = []
    extra: list[int] = []
    missing: list[int] = []
    for _, first, last, there, end in (each for each in matcher.get_opcodes() if each[0] != "equal"):
        both = min(last - first, end - there)
        pairs += [(first + number, there + number) for number in range(both)]
        extra += range(first + both, last)
        missing += range(there + both, end)
    return pairs, extra, missing


def _moved(
    seen: Sequence[nft.Rule | None],
    wanted: Sequence[nft.Rule],
    pairs: list[tuple[int, int]],
    extra: list[int],
    missing: list[int],
) -> list[tuple[int, int]]:
    """Takes out of all three what is there, and not where it is to be."""
    found: list[tuple[int, int]] = []
    for there in [*missing, *(there for _, there in pairs)]:
        for place in [*extra, *(place for place, _ in pairs)]:
            if seen[place] != wanted[there]:
                continue
            found.append((place, there))
            for pair in [pair for pair in pairs if pair[0] == place or pair[1] == there]:
                pairs.remove(pair)
                extra.append(pair[0])
                missing.append(pair[1])
            extra.remove(place)
            missing.remove(there)
            break
    return found


# Elements


def _elements(
    observation: Observation, wanted: MapsWanted, names: dict[str, str], report: DriftReport
) -> Iterator[Finding]:
    found: dict[tuple[Code, str | None], list[tuple[str, str]]] = {}
    listing = observation.listing
    for place, verdict, there in _differing(observation, wanted):
        table, name, key = place
        if (table, name) not in listing.maps:
            continue
        code = (
            Code.MISSING_ELEMENT if there is None else Code.EXTRA_ELEMENT if verdict is None else Code.CHANGED_ELEMENT
        )
        network = names.get(_bridge(place, verdict or there) or "")
        texts = [f"{key_text(key)} : {' '.join(verdict_words(each))}" for each in (there, verdict) if each is not None]
        at = f"{table.family} {table.name} {name}"
        found.setdefault((code, network), []).append((at, " is to be: ".join(texts)))
    for (code, network), elements in found.items():
        whose = "" if network is None else f"network {network!r}: "
        number = len(elements)
        message = f"{whose}{number} element{'s' if number > 1 else ''} {_SAID[code][number > 1]}"
        places = ", ".join(dict.fromkeys(at for at, _ in elements))
        remedy = report.repair
        if code is Code.EXTRA_ELEMENT:
            remedy = tuple(f"nft 'delete element {at} {{ {text.rpartition(' : ')[0]} }}'" for at, text in elements)
        yield Finding(code, network, places, message, tuple(f"{at}: {text}" for at, text in elements), remedy=remedy)


def _differing(
    observation: Observation, wanted: MapsWanted
) -> Iterator[tuple[ElementPlace, ElementVerdict | None, ElementVerdict | None]]:
    """(place, verdict that is to be, verdict that is) of each element that is not as it is to be."""
    listing = observation.listing
    for place, verdict in wanted.elements.items():
        table, name, key = place
        there = listing.elements.get((table, name), {}).get(key)
        if there != verdict:
            yield place, verdict, there
    for (table, name), of_map in listing.elements.items():
        if table in TABLES.values():
            for key, there in of_map.items():
                # an element of fwplan's leads to a chain; those to chains of networks that are not given are theirs
                if isinstance(there, nft.Verdict) and (table, name, key) not in wanted.elements:
                    yield (table, name, key), None, there


def _bridge(place: ElementPlace, verdict: ElementVerdict | None) -> str | None:
    _, name, key = place
    if name in {ENTERING, LEAVING} and isinstance(key, str):
        return key
    return bridge_of(verdict.chain) if isinstance(verdict, nft.Jump | nft.Goto) else None
