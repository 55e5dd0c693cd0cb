"""What is known of iptables' extensions by their names alone, which is all that nft lists of them.

Where `iptables-save` of the same host is at hand, its rules say the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.simulate import actions
from fwplan.simulate.actions import Change, Translate
from fwplan.simulate.verdicts import ANYTHING

if TYPE_CHECKING:
    from typing import Literal

    from fwplan.simulate.actions import Result, Step
    from fwplan.simulate.state import State

_ALWAYS = frozenset(("comment",))
"""Matches that always hold."""
_GOES_ON = frozenset(
    (
        "AUDIT",
        "CHECKSUM",
        "CLASSIFY",
        "CONNSECMARK",
        "IDLETIMER",
        "LED",
        "LOG",
        "NFLOG",
        "RATEEST",
        "SECMARK",
        "TCPMSS",
        "TCPOPTSTRIP",
        "TEE",
        "TRACE",
        "ULOG",
    )
)
"""Targets after which the next rule follows, and that change nothing that rules ask for."""
_TRANSLATES: dict[str, Literal["snat", "dnat", "masquerade", "redirect"]] = {
    "SNAT": "snat",
    "DNAT": "dnat",
    "MASQUERADE": "masquerade",
    "REDIRECT": "redirect",
}
_FORGETS = {"MARK": "mark", "HMARK": "mark", "TTL": "ttl", "HL": "ttl", "DSCP": "dscp"}


def xt_step(kind: str, name: str) -> Step:
    """A match or target of iptables."""
    if kind == "match":
        always = True if name in _ALWAYS else None
        return lambda _: always
    if name in _GOES_ON:
        return lambda _: True
    if name in _TRANSLATES:
        translate = Translate(_TRANSLATES[name], None, None, known=False)
        return lambda _: translate
    if name == "REJECT":
        reject = actions.Reject("a message")
        return lambda _: reject
    if name in _FORGETS:
        return _forget(_FORGETS[name])
    if name == "CONNMARK":
        return _forget_marks
    return lambda _: ANYTHING


def _forget(attribute: str) -> Step:
    def step(state: State) -> Result:
        changed = state.copy()
        setattr(changed, attribute, None)
        return Change(changed, f"{attribute} → ?")

    return step


def _forget_marks(state: State) -> Result:
    """It saves the mark in that of the connection, or the other way."""
    changed = state.copy()
    changed.mark = None
    changed.ct = changed.tracked = state.ct._replace(mark=None)
    return Change(changed, "mark, ct mark → ?")
