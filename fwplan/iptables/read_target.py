"""The targets that fwplan understands, by their name.

Source: iptables-extensions(8), and the functions `*_save` of iptables (1.4.21 to 1.8.11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from fwplan.iptables.matches import Masked
from fwplan.iptables.read_value import address, addresses, masked_number, number, numbers, several_addresses, sides
from fwplan.iptables.targets import (
    Besides,
    ChangeSet,
    Classify,
    CopyMark,
    DoNotTrack,
    HashMark,
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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fwplan.iptables.matches import Range, Side
    from fwplan.iptables.targets import Target

    Said = Mapping[str, Sequence[str]]
    """The words of each option that was given."""


class _Extension(NamedTuple):
    """A target.

    Attributes:
        read: what its options come to; raises ValueError where they say something else than they may.
        options: how many words each takes; None where all words are taken as they are.
    """

    read: Callable[[Said], Target]
    options: Mapping[str, int] | None = None


VERDICTS: Mapping[str, Verdict] = {verdict.value: verdict for verdict in Verdict}
_REASONS = frozenset(
    (
        "icmp-net-unreachable",
        "icmp-host-unreachable",
        "icmp-proto-unreachable",
        "icmp-port-unreachable",
        "icmp-net-prohibited",
        "icmp-host-prohibited",
        "icmp-admin-prohibited",
        "icmp6-no-route",
        "icmp6-adm-prohibited",
        "icmp6-addr-unreachable",
        "icmp6-port-unreachable",
        "icmp6-policy-fail",
        "icmp6-reject-route",
        "tcp-reset",
    )
)
_CLASS_HALF = 16


def _reject(said: Said) -> Target:
    reason = _last(said, "--reject-with")
    if reason is not None and reason not in _REASONS:
        raise ValueError(reason)
    return Reject(reason)


def _last(said: Said, option: str) -> str | None:
    return said[option][0] if option in said else None


# Translation

_HOW = {"--random": 0, "--random-fully": 0, "--persistent": 0}


def _how(said: Said) -> tuple[str, ...]:
    return tuple(option.removeprefix("--") for option in _HOW if option in said)


def _ports(text: str | None) -> Range | None:
    return None if text is None else numbers(text, "-", 0xFFFF)


def _translation(side: Side, option: str) -> _Extension:
    def read(said: Said) -> Target:
        where, ports = _where(said[option][0])
        first, last = several_addresses(where) if where else (None, None)
        new, shifted, base = ports.partition("/")
        old = number(base, 0xFFFF) if shifted else None
        return Translate(side, first, last, _ports(new or None), old, _how(said))

    return _Extension(read, {option: 1, **_HOW})


def _where(text: str) -> tuple[str, str]:
    """Addresses and ports: `10.0.0.2:80`, `:80`, `[fd00::2-fd00::5]:80`, `fd00::2`."""
    if text.startswith("["):
        where, found, ports = text[1:].partition("]")
        if not found or (ports and not ports.startswith(":")):
            raise ValueError(text)
        return where, ports[1:]
    if text.count(":") > 1:
        return text, ""
    where, _, ports = text.partition(":")
    return where, ports


def _subnet(said: Said) -> Target:
    subnet = addresses(said["--to"][0])
    if isinstance(subnet, Masked):
        raise ValueError(said)  # noqa: TRY004 - the type of a text is not what is wrong
    return TranslateSubnet(subnet)


# Changes


def _set_mark(of: Literal["packet", "connection"], said: Said) -> Target:
    match said:
        case {"--set-xmark": [text]}:
            return SetMark(of, *masked_number(text))
        case {"--set-mark": [text]}:
            value, mask = masked_number(text)
            return SetMark(of, value, mask | value)
        case {"--and-mark": [text]}:
            return SetMark(of, 0, ~number(text) & 0xFFFFFFFF)
        case {"--or-mark": [text]}:
            return SetMark(of, number(text), number(text))
        case {"--xor-mark": [text]}:
            return SetMark(of, number(text), 0)
        case _:
            raise ValueError(said)


_SETS_MARK = dict.fromkeys(("--set-xmark", "--set-mark", "--and-mark", "--or-mark", "--xor-mark"), 1)


def _mark(said: Said) -> Target:
    return _set_mark("packet", said)


def _connection_mark(said: Said) -> Target:
    to: Literal["packet", "connection"] | None = (
        "connection" if "--save-mark" in said else "packet" if "--restore-mark" in said else None
    )
    if to is None:
        return _set_mark("connection", said)
    both = _last(said, "--mask")
    of_packet, of_connection = (_last(said, option) or both or "0xffffffff" for option in ("--nfmask", "--ctmask"))
    return CopyMark(to, number(of_packet), number(of_connection))


def _classify(said: Said) -> Target:
    major, _, minor = said["--set-class"][0].partition(":")
    return Classify(number(f"0x{major}", 0xFFFF) << _CLASS_HALF | number(f"0x{minor}", 0xFFFF))


def _tos(said: Said) -> Target:
    match said:
        case {"--set-tos": [text]}:
            value, mask = masked_number(text, 255)
            return SetTos(value, mask)
        case _:
            raise ValueError(said)


def _hop_limit(prefix: Literal["ttl", "hl"]) -> _Extension:
    hows: tuple[Literal["set", "inc", "dec"], ...] = ("set", "inc", "dec")

    def read(said: Said) -> Target:
        for how in hows:
            text = _last(said, f"--{prefix}-{how}")
            if text is not None and len(said) == 1:
                return SetHopLimit(how, number(text, 255), prefix)
        raise ValueError(said)

    return _Extension(read, {f"--{prefix}-{how}": 1 for how in hows})


def _track(said: Said) -> Target:
    if "--notrack" in said:
        return DoNotTrack()
    zones = [" ".join((option, *said[option])) for option in _ZONES if option in said]
    options = [" ".join((option, *words)) for option, words in said.items() if option not in _ZONES]
    return Track(" ".join(zones) or None, " ".join(options))


_ZONES = {"--zone": 1, "--zone-orig": 1, "--zone-reply": 1}


def _change_set(said: Said) -> Target:
    operations: tuple[Literal["add", "del", "map"], ...] = ("add", "del", "map")
    given = [operation for operation in operations if f"--{operation}-set" in said]
    if len(given) != 1:
        raise ValueError(said)
    name, of = said[f"--{given[0]}-set"]
    options = [" ".join((option, *words)) for option, words in said.items() if not option.endswith("-set")]
    return ChangeSet(given[0], name, sides(of), " ".join(options))


# The rest


def _log(prefix: str, group: str | None, options: Mapping[str, int]) -> _Extension:
    def read(said: Said) -> Target:
        rest = [" ".join((option, *words)) for option, words in said.items() if option not in {prefix, group}]
        of_group = None if group is None else number(_last(said, group) or "0")
        return Log(_last(said, prefix), of_group, " ".join(rest))

    return _Extension(read, {prefix: 1, **({} if group is None else {group: 1}), **options})


def _besides(name: str) -> _Extension:
    return _Extension(lambda said: Besides(name, " ".join(said.get("", ()))))


_SIMPLE = ("AUDIT", "CHECKSUM", "CONNSECMARK", "ECN", "IDLETIMER", "LED", "RATEEST", "SECMARK", "TCPMSS", "TCPOPTSTRIP")
_TARGETS: Mapping[str, _Extension] = {
    "REJECT": _Extension(_reject, {"--reject-with": 1}),
    "DNAT": _translation("destination", "--to-destination"),
    "SNAT": _translation("source", "--to-source"),
    "MASQUERADE": _Extension(
        lambda said: Masquerade(_ports(_last(said, "--to-ports")), _how(said)), {"--to-ports": 1, **_HOW}
    ),
    "REDIRECT": _Extension(
        lambda said: Redirect(_ports(_last(said, "--to-ports")), _how(said)), {"--to-ports": 1, **_HOW}
    ),
    "NETMAP": _Extension(_subnet, {"--to": 1}),
    "MARK": _Extension(_mark, _SETS_MARK),
    "CONNMARK": _Extension(
        _connection_mark,
        {**_SETS_MARK, "--save-mark": 0, "--restore-mark": 0, "--nfmask": 1, "--ctmask": 1, "--mask": 1},
    ),
    "HMARK": _Extension(lambda said: HashMark(" ".join(said.get("", ())))),
    "CLASSIFY": _Extension(_classify, {"--set-class": 1}),
    "DSCP": _Extension(lambda said: SetDscp(number(said["--set-dscp"][0], 63)), {"--set-dscp": 1}),
    "TOS": _Extension(_tos, {"--set-tos": 1}),
    "TTL": _hop_limit("ttl"),
    "HL": _hop_limit("hl"),
    "NOTRACK": _Extension(lambda _: DoNotTrack(), {}),
    "CT": _Extension(
        _track, {"--notrack": 0, "--helper": 1, "--ctevents": 1, "--expevents": 1, "--timeout": 1, **_ZONES}
    ),
    "SET": _Extension(
        _change_set,
        {
            "--add-set": 2,
            "--del-set": 2,
            "--map-set": 2,
            "--timeout": 1,
            "--exist": 0,
            "--map-mark": 0,
            "--map-prio": 0,
            "--map-queue": 0,
        },
    ),
    "LOG": _log(
        "--log-prefix",
        None,
        {
            "--log-level": 1,
            "--log-tcp-sequence": 0,
            "--log-tcp-options": 0,
            "--log-ip-options": 0,
            "--log-uid": 0,
            "--log-macdecode": 0,
        },
    ),
    "NFLOG": _log("--nflog-prefix", "--nflog-group", {"--nflog-size": 1, "--nflog-range": 1, "--nflog-threshold": 1}),
    "ULOG": _log("--ulog-prefix", "--ulog-nlgroup", {"--ulog-cprange": 1, "--ulog-qthreshold": 1}),
    "TRACE": _Extension(lambda _: Besides("TRACE"), {}),
    "TEE": _Extension(lambda said: Besides("TEE", f"--gateway {address(said['--gateway'][0])}"), {"--gateway": 1}),
    "QUEUE": _Extension(lambda _: Queue(), {}),
    "NFQUEUE": _Extension(lambda said: Queue(" ".join(said.get("", ())))),
    "TPROXY": _Extension(lambda said: TransparentProxy(" ".join(said.get("", ())))),
    **{name: _besides(name) for name in _SIMPLE},
}


def read_target(name: str, words: Sequence[str]) -> tuple[Target, Sequence[str]]:
    """A target that is not a verdict or a chain, and the words after its options.

    Raises:
        IndexError: words are missing.
    """
    extension = _TARGETS.get(name)
    if extension is None:
        return UnknownTarget(name, " ".join(words)), ()
    said: dict[str, Sequence[str]] = {}
    rest = words
    if extension.options is None:
        said[""], rest = words, ()
    while rest and extension.options is not None and (count := extension.options.get(rest[0])) is not None:
        if len(rest) <= count:
            raise IndexError(rest)
        if rest[0] in said:
            return UnknownTarget(name, " ".join(words)), ()
        said[rest[0]], rest = rest[1 : count + 1], rest[count + 1 :]
    try:
        return extension.read(said), rest
    except (ValueError, KeyError):
        return UnknownTarget(name, " ".join(words)), ()
