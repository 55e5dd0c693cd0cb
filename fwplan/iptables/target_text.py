"""Targets as iptables-save writes them, for people. It reads them back as the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    UnknownTarget,
    Verdict,
)
from fwplan.iptables.text import restore_word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.iptables.matches import Address, Range
    from fwplan.iptables.targets import Target

_SIDE = {"source": "src", "destination": "dst"}


def target_text(target: Target) -> str:
    """One target, with its `-j` or `-g`."""
    match target:
        case Verdict():
            return f"-j {target.value}"
        case Jump(chain):
            return f"-j {chain}"
        case Goto(chain):
            return f"-g {chain}"
        case Reject(reason):
            return "-j REJECT" if reason is None else f"-j REJECT --reject-with {reason}"
        case Translate() | Masquerade() | Redirect() | TranslateSubnet():
            return _translation(target)
        case Log(prefix, group, options):
            return _log(prefix, group, options)
        case Queue(options):
            return _joined("NFQUEUE" if options else "QUEUE", options)
        case TransparentProxy(options):
            return _joined("TPROXY", options)
        case Besides(extension, options) | UnknownTarget(extension, options):
            return _joined(extension, options)
        case _:
            return _change(target)


def _joined(extension: str, *options: str) -> str:
    return " ".join(word for word in ("-j", extension, *options) if word)


def _translation(target: Translate | Masquerade | Redirect | TranslateSubnet) -> str:
    match target:
        case Translate(side, first, last, ports, base, options):
            extension, option = ("SNAT", "--to-source") if side == "source" else ("DNAT", "--to-destination")
            return _joined(extension, option, _where(first, last, ports, base), *_how(options))
        case Masquerade(ports, options):
            return _joined("MASQUERADE", _to_ports(ports), *_how(options))
        case Redirect(ports, options):
            return _joined("REDIRECT", _to_ports(ports), *_how(options))
        case TranslateSubnet(subnet):
            return f"-j NETMAP --to {subnet}"


def _where(first: Address | None, last: Address | None, ports: Range | None, base: int | None) -> str:
    addresses = "" if first is None else f"{first}" if first == last else f"{first}-{last}"
    if ports is None:
        return addresses
    shifted = "" if base is None else f"/{base}"
    return f"[{addresses}]:{_ports(ports)}{shifted}" if ":" in addresses else f"{addresses}:{_ports(ports)}{shifted}"


def _to_ports(ports: Range | None) -> str:
    return "" if ports is None else f"--to-ports {_ports(ports)}"


def _ports(ports: Range) -> str:
    return f"{ports.first}" if ports.first == ports.last else f"{ports.first}-{ports.last}"


def _how(options: Iterable[str]) -> list[str]:
    return [f"--{option}" for option in options]


def _log(prefix: str | None, group: int | None, options: str) -> str:
    extension, option = ("LOG", "--log-prefix") if group is None else ("NFLOG", "--nflog-prefix")
    told = "" if prefix is None else f"{option} {restore_word(prefix)}"
    return _joined(extension, told, f"--nflog-group {group}" if group else "", options)


def _change(target: Target) -> str:
    match target:
        case SetMark(what, value, mask):
            return f"-j {'MARK' if what == 'packet' else 'CONNMARK'} --set-xmark {value:#x}/{mask:#x}"
        case CopyMark(to, packet_mask, connection_mask):
            option = "--restore-mark" if to == "packet" else "--save-mark"
            return f"-j CONNMARK {option} --nfmask {packet_mask:#x} --ctmask {connection_mask:#x}"
        case HashMark(options):
            return _joined("HMARK", options)
        case Classify(priority):
            return f"-j CLASSIFY --set-class {priority >> 16:04x}:{priority & 0xFFFF:04x}"
        case SetDscp(value):
            return f"-j DSCP --set-dscp {value:#04x}"
        case SetTos(value, mask):
            return f"-j TOS --set-tos {value:#04x}/{mask:#04x}"
        case SetHopLimit(how, value, extension):
            return f"-j {extension.upper()} --{extension}-{how} {value}"
        case DoNotTrack():
            return "-j CT --notrack"
        case Track(zone, options):
            return _joined("CT", zone or "", options)
        case ChangeSet(operation, name, sides, options):
            of = ",".join(_SIDE[side] for side in sides)
            return _joined("SET", f"--{operation}-set {restore_word(name)} {of}", options)
        case _:
            return str(target)
