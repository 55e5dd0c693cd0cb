"""Names full of what means something to nft, iptables or a shell: each reaches the kernel as that very name."""

from __future__ import annotations

import shlex
from collections import Counter
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given, reject
from hypothesis import strategies as st
from namespaces import Namespace, fewer_examples, needs

from fwplan import Backend, Format, ForwardMode, Network, NotExpressibleError, make_plan, render
from fwplan.iptables import objects as iptables
from fwplan.network.definition import Bridge
from fwplan.network.forward import Forward
from fwplan.network.interface_name import interface_name_fault
from fwplan.network.ip import Ip
from fwplan.nft.listing import read_listing
from fwplan.nft.objects import InterfaceMatch, Meta, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fwplan import Plan

pytestmark = needs("nft", "iptables-restore", "iptables-save")

SPECIALS = "\\\"'`$;&|<>(){}[]*?!#~@+,=^-_.0a漢\x01\x7f"

names = st.one_of(
    st.text(st.sampled_from(SPECIALS), min_size=1, max_size=15),
    st.text(st.sampled_from("\\*+@!\"'-a"), min_size=1, max_size=4),
    st.sampled_from(["accept", "ip", "saddr", "0x1", "1-2", "-j", "--jump", "vmap", "include", "anyone", "oifname"]),
).filter(lambda name: interface_name_fault(name) is None)


@pytest.fixture(scope="module")
def host() -> Iterator[Namespace]:
    with Namespace() as namespace:
        yield namespace


def planned(bridge: str, device: str, backend: Backend) -> Plan:
    """The plan of a network with a name in every place that there is for one."""
    network = Network(
        name=f"{bridge}\\{device}",
        forward=Forward(mode=ForwardMode.NAT, dev=device),
        bridge=Bridge(name=bridge),
        ips=(Ip(address=IPv4Address("10.20.0.1"), prefix=24),),
    )
    return make_plan([network], backend=backend)


def script(plan: Plan) -> str:
    return render(plan, Format.NFT)


def command_lines(plan: Plan) -> str:
    """What nft reads of the commands: it joins its arguments with blanks."""
    commands = (shlex.split(line) for line in render(plan, Format.COMMANDS).splitlines())
    return "".join(f"{' '.join(words)}\n" for program, *words in commands if program == "nft")


def loses_backslashes(device: str) -> bool:
    r"""Whether nft would take backslashes out of it: in a pattern that ends in `\*`, a star, it keeps none."""
    return device.endswith("*") and "\\" in device


def has_no_room(device: str) -> bool:
    """Whether nft has no room for the backslash before its star."""
    return device.endswith("*") and len(device.encode()) == 15


def has_no_escape(name: str) -> bool:
    """Whether nft's grammar of strings has no way to write it."""
    return '"' in name or not name.isprintable()


@fewer_examples
@given(bridge=names, device=names, written=st.sampled_from([script, command_lines]))
@example(bridge="a*", device="b", written=script)
@example(bridge="a", device="b*", written=script)
@example(bridge="a", device="0123456789abcd*", written=script)
@example(bridge="*", device="**", written=script)
@example(bridge="\\*", device="\\", written=script)
@example(bridge="a\\*", device="a\\*b", written=script)
@example(bridge="\\a*", device="\\0*", written=script)
@example(bridge="\\\\", device="a\\*", written=script)
@example(bridge="a", device="\\\\*", written=script)
@example(bridge="@a", device="@b", written=script)
@example(bridge="$a", device="-f", written=script)
@example(bridge="ip", device="a.b", written=command_lines)
def test_every_name_comes_back_from_nft(
    host: Namespace, bridge: str, device: str, written: Callable[[Plan], str]
) -> None:
    plan = planned(bridge, device, Backend.NFTABLES)
    try:
        given_to_nft = written(plan)
    except NotExpressibleError:
        assert any(map(has_no_escape, (bridge, device))) or loses_backslashes(device) or has_no_room(device)
        reject()
    host.flush()
    host.bridges([bridge, device])
    host.run("nft", "-f", "-", given=given_to_nft)

    assert_all_there(host, plan)


@fewer_examples
@given(bridge=names, device=names)
@example(bridge="a*", device="b")
@example(bridge="a", device="b*")
@example(bridge="**", device="*")
@example(bridge="\\*", device="\\")
@example(bridge="a", device="\\*")
@example(bridge="a", device="0123456789abcd*")
@example(bridge='a"b', device="a\x01")
def test_every_name_comes_back_from_nft_in_json(host: Namespace, bridge: str, device: str) -> None:
    plan = planned(bridge, device, Backend.NFTABLES)
    try:
        document = render(plan, Format.JSON)
    except NotExpressibleError:
        is_special = bridge == "*" or bridge.startswith("@") or device.startswith("@")
        assert is_special or loses_backslashes(device) or has_no_room(device)
        reject()
    host.flush()
    host.bridges([bridge, device])
    host.run("nft", "-j", "-f", "-", given=document)

    assert_all_there(host, plan)


def assert_all_there(host: Namespace, plan: Plan) -> None:
    """Each rule of the plan is in the kernel, with its very names, and no other."""
    rules = [operation.object for operation in plan.operations if isinstance(operation.object, Rule)]
    matches = Counter(match for rule in rules for match in rule.statements if isinstance(match, InterfaceMatch))
    listing = host.run("nft", "list", "ruleset")
    assert listing.count("counter packets") == len(rules)
    for match, times in matches.items():
        listed = match.interface
        if match.key in {Meta.IIFNAME, Meta.OIFNAME} and listed.endswith("*"):
            listed = f"{listed[:-1]}\\*"
        assert listing.count(f'{match.key.value} "{listed}" ') == times
    if not any('"' in match.interface for match in matches):
        # in JSON nft 1.0.6 ends a name where it has a `"`
        there = read_listing(host.run("nft", "-j", "-a", "list", "ruleset")).rules
        assert Counter(there) == Counter(rules)


@fewer_examples
@given(bridge=names, device=names)
def test_every_name_comes_back_from_iptables(host: Namespace, bridge: str, device: str) -> None:
    assume(bridge != device)
    plan = planned(bridge, device, Backend.IPTABLES)
    try:
        file = render(plan, Format.RESTORE)
    except NotExpressibleError:
        assert any(name.endswith("+") or name == "!" or not name.isprintable() for name in (bridge, device))
        reject()
    host.flush()
    host.run("iptables-restore", "--noflush", "--wait", given=file)
    saved = host.run("iptables-save").splitlines()

    rules = [
        operation.object
        for operation in plan.operations
        if isinstance(operation.object, iptables.Rule) and operation.object.chain.program == "iptables"
    ]
    assert len([line for line in saved if line.startswith("-A ")]) == len(rules)
    for option, match in (("-i", iptables.InInterface), ("-o", iptables.OutInterface)):
        for name in (bridge, device):
            expected = [rule for rule in rules if match(name) in rule.matches]
            assert len([line for line in saved if f" {option} {name} " in line]) == len(expected)
