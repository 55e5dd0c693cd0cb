"""Queues and filters through tc: a few processes for any number of bridges.

tc prints queues and filters as JSON, and classes only as text. Its batches know no quoting that carries all names: a
command with a name that they cannot carry is run by itself.
"""

from __future__ import annotations

import json
import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from fwplan.errors import HostError
from fwplan.plan.checksums import Queueing, Root
from fwplan.plan.difference import Step
from fwplan.plan.operations import ChecksumFilter, Verb
from fwplan.preview.host_command import host_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from fwplan.host.system import Completed
    from fwplan.plan.checksums import QueueEdit

    Json = dict[str, Any]
    Run = Callable[[Sequence[str], str], Completed]
    """Runs a program to its end, with its standard input."""

_FITS_BATCH = re.compile(r"[^\s\"'#\\]+")
_TO_DHCP_CLIENTS = {"value": "44", "mask": "ffff", "off": 20}
"""UDP port 68, where a header without options has it."""
_TRY = ("tc", "actions", "add", "action", "csum", "ip", "and", "udp")


def read_queueing(run: Run, bridges: Iterable[str], going: AbstractSet[str]) -> dict[str, Queueing]:
    """The queues of those of the bridges that have some of their own.

    Args:
        run: runs a program.
        bridges: the bridges that are asked about.
        going: those whose queue may be taken away, so that classes on it matter.

    Raises:
        HostError: tc is not there, or cannot tell.
    """
    queues = next(_arrays(_tc(run, [["qdisc", "show"]], "-json")), [])
    roots = {queue["dev"]: _root(queue) for queue in queues if queue.get("root") and queue["handle"] != "0:"}
    found = {bridge: roots[bridge] for bridge in bridges if bridge in roots}
    carrying = [bridge for bridge, root in found.items() if root is Root.LIBVIRTS]
    listed = _arrays(_tc(run, [["filter", "show", "dev", bridge] for bridge in carrying], "-json"))
    filters = dict(zip(carrying, listed, strict=True))
    with_classes = _with_classes(run, [bridge for bridge in carrying if bridge in going])
    return {
        bridge: _queueing(root, filters.get(bridge, ()), has_classes=bridge in with_classes)
        for bridge, root in found.items()
    }


def make_edits(run: Run, edits: Iterable[QueueEdit]) -> None:
    """Make edits, one after the other; those before one that fails are made.

    Raises:
        HostError: tc is not there, or the kernel refused.
    """
    _tc(run, [_command(edit) for edit in edits])


def can_compute_checksums(run: Run) -> bool:
    """Whether the kernel has act_csum: it is tried in a network namespace that is gone afterwards.

    Where no namespace can be made it is taken to be there.

    Raises:
        HostError: there is no program for it.
    """
    done = run(["unshare", "--net", *_TRY], "")
    return done.status == 0 or done.errors.startswith("unshare:")


def _root(queue: Json) -> Root:
    return Root.LIBVIRTS if (queue["kind"], queue["handle"]) == ("htb", "1:") else Root.OTHER


def _queueing(root: Root, filters: Iterable[Json], *, has_classes: bool) -> Queueing:
    ours: list[str] = []
    others = has_classes
    for each in filters:
        options = each.get("options")
        if _computes_checksums(each):
            ours.append(each["options"]["fh"])
        elif options is not None and "ht_divisor" not in options:
            # what has no options, or only a table of hashes, stands for filters that follow
            others = True
    return Queueing(root, tuple(ours), others)


def _computes_checksums(each: Json) -> bool:
    match each:
        case {
            "kind": "u32",
            "parent": "1:",
            "protocol": "ip",
            "pref": 2,
            "options": {"match": [match], "actions": [{"kind": "csum", "csum": "iph, udp"}]},
        }:
            return bool(_TO_DHCP_CLIENTS.items() <= match.items())
        case _:
            return False


def _with_classes(run: Run, bridges: Sequence[str]) -> set[str]:
    """The bridges that have classes.

    Classes are listed without their interface. If there are any, each bridge is asked again with its queues before its
    classes, which tells whose they are; for that the kernel lists all queues of the host each time.
    """
    if "class " not in _tc(run, [["class", "show", "dev", bridge] for bridge in bridges]):
        return set()
    asked = [[what, "show", "dev", bridge] for bridge in bridges for what in ("qdisc", "class")]
    of_each = iter(bridges)
    bridge = ""
    found = set()
    for line in _tc(run, asked).splitlines():
        if line.startswith("qdisc htb 1: root "):
            bridge = next(of_each, "")
        elif line.startswith("class "):
            found.add(bridge)
    return found


def _command(edit: QueueEdit) -> list[str]:
    match edit:
        case _ if edit.step is Step.ADD:
            return host_command(Verb.MAKE, edit.object)[1:]
        case _ if isinstance(edit.object, ChecksumFilter):
            # Without its handle, all filters of the same priority would go.
            where = ["dev", edit.object.bridge, "parent", "1:", "protocol", "ip", "prio", "2"]
            return ["filter", "del", *where, "handle", edit.handle, "u32"]
        case _:
            return host_command(Verb.TAKE_AWAY, edit.object)[1:]


def _tc(run: Run, commands: Iterable[list[str]], *options: str) -> str:
    printed = []
    for fits, group in groupby(commands, lambda words: all(map(_FITS_BATCH.fullmatch, words))):
        if fits:
            batch = "".join(f"{' '.join(words)}\n" for words in group)
            printed.append(_output(run(["tc", *options, "-batch", "-"], batch)))
        else:
            printed.extend(_output(run(["tc", *options, *words], "")) for words in group)
    return "".join(printed)


def _output(done: Completed) -> str:
    if done.status == 0:
        return done.output
    raise HostError(f"tc: {' '.join(done.errors.split()) or 'it failed without a word'}")


def _arrays(text: str) -> Iterator[list[Json]]:
    """What tc prints: an array after the other."""
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        try:
            array, place = decoder.raw_decode(text, place)
        except ValueError:
            raise HostError(
                "tc prints what is no JSON: its iproute2 is too old (--checksum off does without)"
            ) from None
        yield array


def _object(pairs: list[tuple[str, Any]]) -> Json:
    """tc repeats the name `match` for each match of a filter."""
    found = dict(pairs)
    if "match" in found:
        found["match"] = [value for name, value in pairs if name == "match"]
    return found
