"""Statements as functions of a packet: see `fwplan.simulate.actions` for what they give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.expression_text import expression_text
from fwplan.nft.expressions import (
    Ct,
    Goto,
    Jhash,
    Jump,
    Map,
    Meta,
    Numgen,
    Option,
    RawOption,
    Symhash,
    Unknown,
    Verdict,
    Word,
)
from fwplan.nft.statements import (
    ConnectionLimit,
    Counter,
    Duplicate,
    Forward,
    Last,
    Limit,
    Log,
    Match,
    Meter,
    Nat,
    Notrack,
    Offload,
    Queue,
    Quota,
    Reject,
    ResetOption,
    Set,
    SynProxy,
    TransparentProxy,
    UpdateSet,
    UseObject,
    VerdictMap,
    Xt,
    XtMatch,
    XtTarget,
)
from fwplan.simulate.actions import Either, End
from fwplan.simulate.changes import notrack, set_step, update_step
from fwplan.simulate.conditions import condition_test, target_step, why_unsure
from fwplan.simulate.lookup import ABSENT, MISS, Hit
from fwplan.simulate.matching import test_of
from fwplan.simulate.nat_statement import nat_step
from fwplan.simulate.values import key_getter
from fwplan.simulate.verdicts import ANYTHING, reject_step, result_of, vmap_step
from fwplan.simulate.xt import xt_step

if TYPE_CHECKING:
    from fwplan.nft.statements import Statement
    from fwplan.simulate.actions import Result, Step
    from fwplan.simulate.scope import Scope
    from fwplan.simulate.state import State

_TCP = 6
_BY_PROGRAM = Either((("accept", End.ACCEPT), ("drop", End.DROP)), "a program decides")
_ELSEWHERE = Either((("accept", End.ACCEPT), ("drop", End.DROP)), "it is sent elsewhere")


def is_neutral(statement: Statement) -> bool:
    """Whether a statement neither decides anything nor changes what rules ask for."""
    match statement:
        case Counter() | Log() | Last() | Duplicate() | Verdict.CONTINUE:
            return True
        case Set(Meta("nftrace" | "secmark" | "broute") | Ct("event" | "label" | "secmark"), _):
            return True
        case UseObject(kind, Word()):
            return kind not in {"limit", "quota", "synproxy"}
        case Meter(_, _, Counter() | Last()):
            return True
        case XtTarget(_, tuple() as statements):
            return all(map(is_neutral, statements))
        case _:
            return False


def only_asks(statement: Statement) -> bool:
    """Whether all that a statement may do is to let the rule end."""
    if isinstance(statement, Set):
        return isinstance(statement.key, Option | RawOption)
    return isinstance(
        statement, Match | XtMatch | Limit | Quota | ConnectionLimit | Meter | Offload | UseObject | ResetOption
    )


def step_of(statement: Statement, scope: Scope) -> Step:
    """A statement as a function."""
    match statement:
        case Match():
            return test_of(statement, scope)
        case XtMatch(_, condition):
            return condition_test(condition, scope)
        case Verdict() | Jump() | Goto():
            result = result_of(statement)
            return lambda _: result
        case VerdictMap():
            return vmap_step(statement, scope)
        case Reject():
            return reject_step(statement)
        case Nat():
            return nat_step(statement, scope)
        case Set(Option(protocol) | RawOption(protocol), _) | ResetOption(Option(protocol)):
            return _tcp_only if protocol == "tcp option" else lambda _: None
        case Set():
            return set_step(statement, scope)
        case UpdateSet(statements=statements) if any(map(_limits, statements)):
            return lambda _: None
        case UpdateSet():
            return update_step(statement, scope)
        case UseObject(_, Map() as name):
            return _use(name, scope)
        case _:
            return _rarer(statement, scope)


def _tcp_only(state: State) -> Result:
    """Options are only written where there is a header of TCP."""
    if state.protocol is None:
        return None
    return state.protocol == _TCP and not state.fragment_offset


def _limits(statement: Statement) -> bool:
    return isinstance(statement, Limit | Quota | ConnectionLimit | UseObject | Unknown)


def _use(name: Map, scope: Scope) -> Step:
    """An object that a map gives: where the map has none, the rule ends."""
    lookup = scope.lookup(name.data, name.key)
    if lookup is None:
        return lambda _: None
    read, find = key_getter(name.key, scope), lookup.find

    def step(state: State) -> Result:
        key = read(state)
        if key is ABSENT:
            return False
        found = find(key)
        return True if isinstance(found, Hit) else False if found is MISS else None

    return step


def _rarer(statement: Statement, scope: Scope) -> Step:
    match statement:
        case Notrack():
            return notrack
        case Xt(kind, name):
            return xt_step(kind, name)
        case XtTarget(_, tuple() as statements):
            return target_step([step_of(each, scope) for each in statements])
        case Queue():
            return lambda _: _BY_PROGRAM
        case Forward():
            return lambda _: _ELSEWHERE
        case SynProxy() | UseObject("synproxy"):
            return lambda state: True if state.protocol not in {None, _TCP} else _BY_PROGRAM
        case TransparentProxy() | Limit() | Quota() | ConnectionLimit() | Meter() | UseObject() | Offload():
            return lambda _: None
        case _:
            return lambda _: ANYTHING


def why(statement: Statement) -> str:
    """What is missing to know what a statement does."""
    match statement:
        case Limit() | Quota() | ConnectionLimit() | Meter() | UseObject():
            return "it depends on what came before"
        case Match(left=Numgen() | Jhash() | Symhash() as left):
            return f"{expression_text(left)} is not known beforehand"
        case Match(left=left) | VerdictMap(key=left):
            return f"{expression_text(left)} is not given"
        case XtMatch(_, condition):
            return why_unsure(condition)
        case Xt():
            return "nft does not list what it asks for"
        case Unknown():
            return "fwplan does not understand it"
        case _:
            return "it is not known what it does"
