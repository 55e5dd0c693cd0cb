"""What a real shell makes of `--format commands`: the commands of the plan, word for word, whatever a definition says.

In the place of nft, iptables, tc and firewall-cmd stands a program that writes down what it was called with.
"""

from __future__ import annotations

import shutil
import subprocess
from ipaddress import IPv4Address
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from fwplan import (
    Backend,
    Format,
    ForwardMode,
    InvalidDefinitionError,
    Network,
    NotExpressibleError,
    make_plan,
    read_network,
    render,
)
from fwplan.network.definition import Bridge
from fwplan.network.forward import Forward
from fwplan.network.interface_name import interface_name_fault
from fwplan.network.ip import Ip
from fwplan.preview.commands import syntax_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fwplan import Plan

pytestmark = pytest.mark.program

PROGRAMS = ("nft", "iptables", "ip6tables", "tc", "firewall-cmd")
RECORDER = """\
#!/bin/sh
printf '%s\\0' "$#" "${0##*/}" "$@" >>"$RECORD"
"""

SHELL = " \t\n'\"\\`$(){}[]<>|&;*?!#~=%+-^:/.,@\x7fa0é漢\u2028\u202e"
"""What means something to a shell, and something that does not."""

words = st.one_of(
    st.text(st.sampled_from(SHELL), max_size=15),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=15),
    st.sampled_from(
        [
            "$(reboot)",
            "`reboot`",
            "; reboot",
            "\nreboot\n",
            "' ; reboot #",
            '"$HOME"',
            "a&&reboot",
            "-rf",
            "~root",
            "\\",
        ]
    ),
)
names = words.filter(lambda word: interface_name_fault(word) is None)


PLACES = {
    "name": "lab",
    "mode": "nat",
    "dev": "eth0",
    "nat_start": "192.0.2.1",
    "nat_end": "192.0.2.9",
    "port_start": "2000",
    "port_end": "3000",
    "bridge": "virbr7",
    "zone": "lab",
    "address": "10.20.0.1",
    "prefix": "24",
    "address6": "2001:db8::1",
    "prefix6": "64",
    "range_start": "10.20.0.2",
    "range_end": "10.20.0.9",
}
"""Where a definition says something that may come into a command, and what is to be there."""


def definition(settings: Mapping[str, str]) -> bytes:
    quoted = {place: quoteattr(value) for place, value in settings.items()}
    return """
<network>
  <name>{text}</name>
  <forward mode={mode} dev={dev}>
    <nat ipv6='yes'><address start={nat_start} end={nat_end}/><port start={port_start} end={port_end}/></nat>
  </forward>
  <bridge name={bridge} zone={zone}/>
  <ip address={address} prefix={prefix}><dhcp><range start={range_start} end={range_end}/></dhcp></ip>
  <ip family='ipv6' address={address6} prefix={prefix6}/>
</network>
""".format(text=escape(settings["name"]), **quoted).encode()


class Shell:
    """A shell that finds only the recording programs."""

    def __init__(self, name: str, folder: Path) -> None:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"there is no program {name}")
        self._shell = found
        self._record = folder / "record"
        self._programs = folder / "programs"
        self._programs.mkdir()
        for program in PROGRAMS:
            recorder = self._programs / program
            recorder.write_text(RECORDER)
            recorder.chmod(0o755)

    def commands(self, text: str) -> list[list[str]]:
        """What the programs were called with, each command with its name first."""
        self._record.write_bytes(b"")
        done = subprocess.run(
            [self._shell, "-e"],
            input=text,
            capture_output=True,
            encoding="utf-8",
            check=False,
            env={"PATH": str(self._programs), "RECORD": str(self._record), "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"},
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), text
        recorded = self._record.read_text("utf-8").split("\0")
        found = []
        while len(recorded) > 1:
            end = int(recorded[0]) + 2
            found.append(recorded[1:end])
            del recorded[:end]
        return found


@pytest.fixture(scope="module", params=["sh", "bash"])
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(request.param, tmp_path_factory.mktemp("shell"))


def planned(network: Network, backend: Backend) -> Plan:
    """The plan without set-up, which has no word of the definition's in it."""
    return make_plan([network], backend=backend, firewalld=True, set_up=False)


def planned_words(plan: Plan) -> list[list[str]]:
    syntax = syntax_of(plan.backend)
    return [syntax.command(operation) for operation in plan.operations]


@settings(deadline=None)
@given(name=words.filter(bool), bridge=names, device=names, zone=words.filter(bool), backend=st.sampled_from(Backend))
@example(name="x", bridge="a;b", device="$(c)", zone="d\ne", backend=Backend.NFTABLES)
@example(name="x", bridge="a;b", device="$(c)", zone="d\ne", backend=Backend.IPTABLES)
def test_a_shell_runs_the_commands_of_the_plan_and_no_others(
    shell: Shell, name: str, bridge: str, device: str, zone: str, backend: Backend
) -> None:
    network = Network(
        name=name.replace("/", "").replace("\n", "") or "x",
        forward=Forward(mode=ForwardMode.NAT, dev=device),
        bridge=Bridge(name=bridge, zone=zone),
        ips=(Ip(address=IPv4Address("10.20.0.1"), prefix=24),),
    )
    plan = planned(network, backend)
    try:
        commands = render(plan, Format.COMMANDS)
    except NotExpressibleError:
        reject()

    assert shell.commands(commands) == planned_words(plan)


@settings(deadline=None)
@given(
    place=st.sampled_from(sorted(PLACES)),
    word=words,
    beside=st.sampled_from(["before", "after", "alone"]),
    backend=st.sampled_from(Backend),
)
@example(place="address6", word="%$(reboot)", beside="after", backend=Backend.NFTABLES)
@example(place="address6", word="%;reboot", beside="after", backend=Backend.IPTABLES)
@example(place="prefix", word="\nreboot", beside="after", backend=Backend.IPTABLES)
@example(place="zone", word="\nreboot", beside="after", backend=Backend.NFTABLES)
def test_a_definition_with_anything_anywhere_is_refused_or_runs_as_planned(
    shell: Shell, place: str, word: str, beside: str, backend: Backend
) -> None:
    usual = PLACES[place]
    value = {"before": word + usual, "after": usual + word, "alone": word}[beside]
    try:
        network = read_network(definition({**PLACES, place: value}))
        plan = planned(network, backend)
        commands = render(plan, Format.COMMANDS)
    except (InvalidDefinitionError, NotExpressibleError):
        return

    assert shell.commands(commands) == planned_words(plan)


@pytest.mark.parametrize("backend", Backend)
def test_the_usual_definition_runs_as_planned(shell: Shell, backend: Backend) -> None:
    plan = make_plan([read_network(definition(PLACES))], backend=backend, firewalld=True)
    ran = shell.commands(render(plan, Format.COMMANDS))

    assert ran == planned_words(plan)
    assert ["firewall-cmd", "--zone=lab", "--change-interface=virbr7"] in ran


@pytest.mark.parametrize("place", ["address", "prefix", "address6", "prefix6", "nat_start", "nat_end", "port_end"])
@pytest.mark.parametrize("word", [";reboot", "$(reboot)", "%eth0", "%;reboot", "\n", "'", "/24", ",1", "\u0661"])
def test_an_address_is_an_address_and_nothing_else(place: str, word: str) -> None:
    with pytest.raises(InvalidDefinitionError):
        read_network(definition({**PLACES, place: PLACES[place] + word}))
