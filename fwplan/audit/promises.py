"""Promises held against all rules of a host, whoever made them.

What fares otherwise than promised is told with the rule, or policy, that does it, whose that is, and what helps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.audit.finding import Code, Finding
from fwplan.audit.owners import UNKNOWN
from fwplan.audit.probes import Way, probes
from fwplan.audit.remedies import Commands, Hindered, deletion, let_pass, let_reach
from fwplan.audit.strangers import STRANGER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from fwplan.audit.court import Broken, Court
    from fwplan.audit.deciding import Culprit
    from fwplan.audit.probes import Probe
    from fwplan.plan.plan import NetworkPlan

_PARTIAL = {Code.REFUSED: Code.PARTLY_REFUSED, Code.PASSES: Code.PARTLY_PASSES}
"""What is told where it is so for some addresses or ports only, which somebody may have meant."""
_OF_REFUSAL = frozenset((Code.REFUSED, Code.SERVICE_REFUSED, Code.PARTLY_REFUSED))
_ADMINISTRATOR = "administrator"
"""In the names of owners who are no program."""
_OWN = frozenset(("libvirt", "fwplan"))


@dataclass(frozen=True)
class Promises:
    """The promises of a plan's networks.

    Attributes:
        court: that judges packets.
        commands: of fwplan, for remedies.
        blind: versions of IP of which the networks' own rules were not seen: there only what others refuse is told.
    """

    court: Court
    commands: Commands
    blind: Collection[int] = ()

    def findings(self) -> Iterator[Finding]:
        """Which promises are broken on the host, network after network."""
        shares = [share for share in self.commands.plan.networks if share.network.meaning.filtered]
        for number, share in enumerate(shares):
            neighbour = shares[(number + 1) % len(shares)] if len(shares) > 1 else None
            yield from self._of_network(share, neighbour)

    def _of_network(self, share: NetworkPlan, neighbour: NetworkPlan | None) -> Iterator[Finding]:
        """One finding for each way in which something breaks promises of a network."""
        usual = list(self._judged(probes(share, self.court.around, neighbour)))
        grouped: dict[tuple[Code, Culprit | None], list[Broken]] = {}
        for broken in usual:
            grouped.setdefault((broken.code, broken.culprit), []).append(broken)
        known = frozenset(grouped)
        for broken in self._judged(self.court.special(share)):
            code = _PARTIAL.get(broken.code, broken.code)
            if (broken.code, broken.culprit) not in known:
                grouped.setdefault((code, broken.culprit), []).append(broken)
        for (code, culprit), all_broken in grouped.items():
            if not self._is_blind(code, all_broken[0]):
                yield self._finding(share, code, culprit, all_broken)

    def _judged(self, tried: Iterable[Probe]) -> Iterator[Broken]:
        for probe in tried:
            broken = self.court.judge(probe)
            if broken is not None:
                yield broken

    def _is_blind(self, code: Code, broken: Broken) -> bool:
        destination = broken.probe.packet.destination
        return destination is not None and destination.version in self.blind and code not in _OF_REFUSAL

    def _finding(self, share: NetworkPlan, code: Code, culprit: Culprit | None, broken: Sequence[Broken]) -> Finding:
        return Finding(
            code,
            share.network.name,
            "" if culprit is None else culprit.place,
            _message(share, code, culprit, broken),
            tuple(dict.fromkeys(each.what for each in broken)),
            None if culprit is None else culprit.owner,
            tuple(self._remedy(share, code, culprit, broken)),
        )

    def _remedy(
        self, share: NetworkPlan, code: Code, culprit: Culprit | None, broken: Sequence[Broken]
    ) -> Iterator[str]:
        """Commands that make a promise hold again; a comment begins with `#`."""
        owner = "" if culprit is None or culprit.owner is None else culprit.owner.name
        ruleset = self.court.deciders.ruleset
        if code is Code.UNDECIDED:
            return
        if culprit is None or owner in _OWN:
            yield from self.commands.repair([share.network.name])
        elif culprit.owner is STRANGER and culprit.rule is not None:
            yield from deletion(ruleset, culprit.rule)
        elif code in _OF_REFUSAL:
            ways = frozenset(each.probe.way for each in broken)
            services = tuple(dict.fromkeys(port for each in broken for port in _service(each)))
            hindered = Hindered(ruleset, share, culprit, ways, services)
            if code is Code.PARTLY_REFUSED:
                yield "# if it is not meant so:"
            yield from let_reach(hindered) if code is Code.SERVICE_REFUSED else let_pass(hindered)
        elif culprit.rule is not None and _ADMINISTRATOR in owner:
            yield "# if it is not meant so; or let it leave out the network's subnets:"
            yield from deletion(ruleset, culprit.rule)
        elif code is Code.OTHER_SOURCE:
            yield f"# {owner} has to leave out the network's subnets: it translates before the network's own rules do"
        else:
            yield f"# {owner} has to leave out the network: packets pass its rule before the network's own are asked"


def _service(broken: Broken) -> Iterator[tuple[str, int]]:
    port = broken.probe.packet.destination_port
    if broken.probe.service and port is not None:
        yield broken.probe.flow.transport, port


def _message(share: NetworkPlan, code: Code, culprit: Culprit | None, broken: Sequence[Broken]) -> str:
    guests = f"guests of network {share.network.name!r}"
    ways = list(dict.fromkeys(each.probe.way for each in broken))
    passes, refused = _joined([way.passes for way in ways]), _joined([way.refused for way in ways])
    services = list(dict.fromkeys(each.probe.service for each in broken if each.probe.service))
    back = ", as replies do not come back" if all(each.is_reply for each in broken) else ""
    match code:
        case Code.SERVICE_REFUSED:
            what = f"{guests} do not reach {_joined(services)} of the host{back}"
        case Code.REFUSED:
            what = f"{guests} {refused}{back}"
        case Code.PARTLY_REFUSED:
            what = f"{guests} at some addresses or ports {refused}{back}"
        case Code.PASSES:
            what = f"{guests} {passes}, which is to be refused"
        case Code.PARTLY_PASSES:
            what = f"{guests} at some addresses or ports {passes}, which is to be refused"
        case Code.OTHER_SOURCE:
            what = f"{guests} leave the host under another source than they are to"
            if ways == [Way.GROUP]:
                what = f"the host's multicast to {guests} leaves under another source than its own"
        case _:
            told = f"reach {_joined(services)} of the host" if services else passes
            what = f"whether {guests} {told} cannot be told"
    return f"{what}: {_doing(code, culprit)}"


def _doing(code: Code, culprit: Culprit | None) -> str:
    """Who does it, and by what."""
    if code in _OF_REFUSAL:
        nobody, verb, passive = "there is no way", "refuses it", "it is refused"
    elif code is Code.OTHER_SOURCE:
        nobody, verb, passive = "no rule translates it", "translates it", "it is translated"
    else:
        nobody, verb, passive = "no rule refuses it", "lets it pass", "it is let pass"
    if culprit is None:
        return nobody
    if culprit.owner is None:
        return f"it depends on {culprit.says}"
    who = "the administrator" if _ADMINISTRATOR in culprit.owner.name else culprit.owner.name
    return f"{passive if who == UNKNOWN else f'{who} {verb}'} ({culprit.says})"


def _joined(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
