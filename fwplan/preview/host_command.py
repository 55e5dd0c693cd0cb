"""The commands for what belongs to neither nftables nor iptables: tc, firewalld and settings of the kernel."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from fwplan.errors import NotExpressibleError
from fwplan.plan.operations import ChecksumFilter, Queue, Setting, Verb, ZoneMember
from fwplan.preview.comment import one_line

if TYPE_CHECKING:
    from fwplan.plan.operations import Object


def host_command(verb: Verb, object_: Object) -> list[str]:
    """The command that makes or takes away a queue, a filter or a membership, or changes a setting.

    Raises:
        NotExpressibleError: the object is of a backend.
    """
    makes = verb is Verb.MAKE
    match object_:
        case Queue(bridge):
            default = ["default", "2"] if makes else []
            return ["tc", "qdisc", "add" if makes else "del", "dev", bridge, "root", "handle", "1:", "htb", *default]
        case ChecksumFilter(bridge):
            where = ["dev", bridge, "prio", "2", "protocol", "ip", "parent", "1:"]
            match_ = ["u32", "match", "ip", "dport", "68", "ffff"]
            action = ["action", "csum", "ip", "and", "udp"]
            return ["tc", "filter", "add" if makes else "del", *where, *match_, *action]
        case ZoneMember(zone, bridge):
            return ["firewall-cmd", f"--zone={zone}", f"--{'change' if makes else 'remove'}-interface={bridge}"]
        case Setting(name, value):
            return ["sysctl", "--write", f"{name}={value}"]
        case _:
            raise NotExpressibleError("the plan mixes operations of two backends")


def host_thing(object_: Object) -> tuple[str, str]:
    """What kind of thing it is, and which, whatever is done with it.

    Raises:
        NotExpressibleError: the object is of a backend.
    """
    match object_:
        case ZoneMember(zone, bridge):
            return "firewalld zone", one_line(f"{zone}: {bridge}")
        case Setting(name, value):
            return "sysctl", f"{name} = {value}"
        case _:
            program, noun, _, *words = host_command(Verb.MAKE, object_)
            return f"{program} {noun}", one_line(shlex.join(words))


def host_syntax(verb: Verb, object_: Object) -> tuple[str, str]:
    """The program, and its arguments as a shell takes them."""
    program, *arguments = host_command(verb, object_)
    return program, one_line(shlex.join(arguments))
