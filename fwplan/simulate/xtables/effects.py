"""What iptables' targets do, in nft's words.

Source: Linux, net/netfilter/xt_*.c, net/ipv4/netfilter/ipt_REJECT.c and net/ipv6/netfilter/ip6t_REJECT.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.iptables.target_text import target_text
from fwplan.iptables.targets import (
    Besides,
    ChangeSet,
    Classify,
    CopyMark,
    DoNotTrack,
    Goto,
    HashMark,
    Jump,
    Log,
    Masquerade,
    Queue,
    Redirect,
    Reject,
    SetDscp,
    SetHopLimit,
    SetMark,
    SetTos,
    Track,
    Translate,
    TranslateSubnet,
    TransparentProxy,
    Verdict,
)
from fwplan.nft import expressions as nft
from fwplan.nft import statements
from fwplan.nft.expressions import Ct, Element, Meta, Number, Numgen, Operation, Payload, Prefix, SetReference, Word
from fwplan.nft.statements import Nat, Notrack, Set, UpdateSet, XtTarget
from fwplan.simulate.xtables.of_host import set_key

if TYPE_CHECKING:
    from fwplan.iptables.matches import Range
    from fwplan.iptables.targets import Target
    from fwplan.nft.expressions import Expression
    from fwplan.nft.statements import Statement
    from fwplan.simulate.xtables.of_host import Context

_ALL = 0xFFFFFFFF
_VERDICTS = {
    Verdict.ACCEPT: nft.Verdict.ACCEPT,
    Verdict.DROP: nft.Verdict.DROP,
    Verdict.RETURN: nft.Verdict.RETURN,
}
ANY_NUMBER = Numgen("random", 1 << 32)
"""What is set to it is not known any longer."""
_USUAL_REASON = {"ip": "icmp-port-unreachable", "ip6": "icmp6-port-unreachable"}
_OTHERWISE = {
    "icmp-proto-unreachable": "prot-unreachable",
    "icmp6-adm-prohibited": "admin-prohibited",
}
"""Reasons that nft has another word for, besides the beginning."""


def done(target: Target, context: Context, chain: str) -> tuple[Statement, ...]:
    """The statements that do the same.

    Args:
        target: what is done.
        context: of the table.
        chain: in which it is done.
    """
    match target:
        case Verdict():
            return (_VERDICTS[target],)
        case Jump(to):
            return (nft.Jump(to),)
        case Goto(to):
            return (nft.Goto(to),)
        case Reject(reason):
            return (_reject(reason or _USUAL_REASON[context.family]),)
        case Translate() | Masquerade() | Redirect() | TranslateSubnet():
            return (_translation(target, chain),)
        case Log(prefix, group, _):
            return (statements.Log(prefix, () if group is None else (("group", group),)),)
        case Queue():
            return (XtTarget(target_text(target), (statements.Queue(),)),)
        case TransparentProxy():
            # it sets a mark, and accepts what it finds a socket for
            written = target_text(target)
            marked = XtTarget(written, (Set(Meta("mark"), ANY_NUMBER),))
            return (marked, XtTarget(written, (statements.Queue(),)))
        case Besides():
            return (XtTarget(target_text(target), ()),)
        case _:
            return _change(target, context)


def _reject(reason: str) -> statements.Reject:
    if reason == "tcp-reset":
        return statements.Reject("tcp reset")
    version, _, word = reason.partition("-")
    return statements.Reject("icmp" if version == "icmp" else "icmpv6", Word(_OTHERWISE.get(reason, word)))


# Translation


def _translation(target: Translate | Masquerade | Redirect | TranslateSubnet, chain: str) -> Nat:
    match target:
        case Translate(side, first, last, ports, base, options):
            address: Expression | None = None if first is None else Word(str(first))
            if first is not None and first != last:
                address = nft.Range(Word(str(first)), Word(str(last)))
            # nft cannot say that each port becomes one of its own
            port = _ports(ports) if base is None else ANY_NUMBER
            return Nat("snat" if side == "source" else "dnat", address, port, flags=_flags(options))
        case Masquerade(ports, options):
            return Nat("masquerade", port=_ports(ports), flags=_flags(options))
        case Redirect(ports, options):
            return Nat("redirect", port=_ports(ports), flags=_flags(options))
        case TranslateSubnet(subnet):
            kind = "dnat" if chain in {"PREROUTING", "OUTPUT"} else "snat"
            to = Prefix(Word(str(subnet.network_address)), subnet.prefixlen)
            return Nat("dnat" if kind == "dnat" else "snat", to, flags=("netmap",))


def _ports(ports: Range | None) -> Expression | None:
    if ports is None:
        return None
    first, last = Number(ports.first), Number(ports.last)
    return first if first == last else nft.Range(first, last)


def _flags(options: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("fully-random" if option == "random-fully" else option for option in options)


# Changes


def _change(target: Target, context: Context) -> tuple[Statement, ...]:
    family = context.family
    match target:
        case SetMark("packet", value, mask):
            return (Set(Meta("mark"), _flipped(Meta("mark"), value, mask)),)
        case SetMark(_, value, mask):
            return (_quietly(target, Set(Ct("mark"), _flipped(Ct("mark"), value, mask))),)
        case CopyMark():
            return (_quietly(target, _copy(target)),)
        case HashMark():
            return (_quietly(target, Set(Meta("mark"), ANY_NUMBER)),)
        case Classify(priority):
            return (Set(Meta("priority"), Number(priority)),)
        case SetDscp(value):
            return (Set(Payload(family, "dscp"), Number(value)),)
        case SetTos(value, mask):
            # the lower two bits are not the DSCP's
            dscp = Payload(family, "dscp")
            return (Set(dscp, _flipped(dscp, value >> 2, mask >> 2, full=0x3F)),)
        case SetHopLimit(how, value):
            hops = Payload(family, "ttl" if family == "ip" else "hoplimit")
            # nft does not count
            return (Set(hops, Number(value)) if how == "set" else _quietly(target, Set(hops, ANY_NUMBER)),)
        case DoNotTrack():
            return (Notrack(),)
        case Track(zone, _):
            return (_quietly(target, *(() if zone is None else (Set(Ct("zone"), ANY_NUMBER),))),)
        case ChangeSet():
            return (_change_set(target, context),)
        case _:
            return (XtTarget(target_text(target), None),)


def _quietly(target: Target, *changes: Statement) -> XtTarget:
    """What changes something where there is something to change, and goes on in any case."""
    return XtTarget(target_text(target), changes)


def _flipped(what: Expression, value: int, mask: int, *, full: int = _ALL) -> Expression:
    """Some bits go, and then those of a value flip."""
    if mask == full:
        return Number(value)
    left = Operation("&", (what, Number(~mask & full))) if mask else what
    return Operation("^", (left, Number(value))) if value else left


def _copy(target: CopyMark) -> Set:
    of_packet, of_connection = target.packet_mask, target.connection_mask
    to, source = (Meta("mark"), Ct("mark")) if target.to == "packet" else (Ct("mark"), Meta("mark"))
    goes, comes = (of_packet, of_connection) if target.to == "packet" else (of_connection, of_packet)
    coming: Expression = source if comes == _ALL else Operation("&", (source, Number(comes)))
    if goes == _ALL:
        return Set(to, coming)
    return Set(to, Operation("^", (Operation("&", (to, Number(~goes & _ALL))), coming)))


def _change_set(target: ChangeSet, context: Context) -> XtTarget:
    parts = context.sets.get(target.set)
    changes: tuple[Statement, ...] = ()
    if parts is not None:
        key = Element(set_key(parts, target.sides, context.family))
        changes = (UpdateSet(target.operation, SetReference(target.set), key),)
    if target.operation == "map":
        # it sets what the element stands for
        changes = (*changes, Set(Meta("mark"), ANY_NUMBER), Set(Meta("priority"), ANY_NUMBER))
    return XtTarget(target_text(target), changes)
