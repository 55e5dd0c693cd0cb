"""What was not seen of a host, or not understood, and so counts as unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.audit.finding import Code, Finding, Level
from fwplan.iptables import objects as iptables
from fwplan.plan.intents import Family
from fwplan.plan.plan import Backend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.observation import Observation
    from fwplan.plan.plan import Plan

_COMMANDS = {
    "nftables": "nft -j -a list ruleset",
    "iptables": "iptables-save",
    "ip6tables": "ip6tables-save",
}
_VERSIONS: dict[iptables.Program, int] = {"iptables": 4, "ip6tables": 6}
_SURROUNDINGS = {
    "addresses": "the host's interfaces",
    "routes": "its routes",
    "settings": "the settings of its kernel",
}


_COLLECT = ("# the whole of a host, in one file:", "fwplan collect > HOST.json")


def sight_findings(observation: Observation, plan: Plan) -> Iterator[Finding]:
    """What was not seen, and what was not understood.

    Args:
        observation: the host.
        plan: of its networks.
    """
    by_message: dict[tuple[str, Level | None], list[str]] = {}
    for part in _COMMANDS:
        if part not in observation.seen and part not in observation.doubts:
            by_message.setdefault(_unseen(part, plan), []).append(part)
    for (message, level), unseen in by_message.items():
        commands = [f"{_COMMANDS[part]} > {part}.saved" for part in unseen]
        yield Finding(
            Code.NOT_SEEN,
            None,
            ", ".join(unseen),
            f"nothing of {_listed(unseen)} was looked at{message}",
            remedy=(*_COLLECT, "# or, besides what was given:", *commands),
            other_level=level,
        )
    lacking = [words for part, words in _SURROUNDINGS.items() if part not in observation.seen]
    if lacking:
        yield Finding(
            Code.NOT_SEEN,
            None,
            ", ".join(part for part in _SURROUNDINGS if part not in observation.seen),
            f"{_listed(lacking)} were not looked at: whether the host is ready for its networks is not told",
            remedy=_COLLECT,
            other_level=Level.NOTE,
        )
    for part, why in observation.doubts.items():
        yield Finding(Code.NOT_UNDERSTOOD, None, part, f"{part} could not be read, and its rules are not judged: {why}")


def blind_versions(observation: Observation, plan: Plan) -> frozenset[int]:
    """The versions of IP of which a plan's own rules were not seen."""
    understood = observation.seen - observation.doubts.keys()
    if plan.backend is Backend.NFTABLES:
        return frozenset() if "nftables" in understood else frozenset(_VERSIONS.values())
    return frozenset(version for program, version in _VERSIONS.items() if program not in understood)


def _unseen(part: str, plan: Plan) -> tuple[str, Level | None]:
    """What it means that a part was not seen, and how bad that is."""
    carries, matters = _bears_on(part, plan)
    if carries:
        return ", where the rules of these networks are: they are not judged", None
    if matters:
        return ": rules of others there may refuse what is to pass", None
    if plan.backend is Backend.NFTABLES:
        return ": the host is taken to have no rules but those that nft lists", Level.NOTE
    return ": these networks have nothing there", Level.NOTE


def _bears_on(part: str, plan: Plan) -> tuple[bool, bool]:
    """Whether the networks' own rules are there, and whether those of others there matter."""
    filtered = [share for share in plan.networks if share.network.meaning.filtered]
    if part == "nftables":
        return plan.backend is Backend.NFTABLES and bool(filtered), True
    if plan.backend is not Backend.IPTABLES:
        # nft lists what iptables-nft has made; only the rules of iptables-legacy are nowhere else
        return False, False
    own = any(
        isinstance(operation.object, iptables.Rule) and operation.object.chain.program == part
        for share in filtered
        for operation in share.operations
    )
    family = Family.IPV4 if part == "iptables" else Family.IPV6
    concerned = any(Family.of(ip.subnet) is family for share in plan.networks for ip in share.network.ips)
    return own, own or concerned


def _listed(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
