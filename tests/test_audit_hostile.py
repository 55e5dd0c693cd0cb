"""Saved hosts that are broken, cut off or made to do harm: a clear error and status 2, never a traceback."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from audit_examples import ROOT
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from listed import docker
from planned_hosts import host, saved
from saved_hosts import SAVED_HOSTS

from fwplan.audit.audit import audit
from fwplan.audit.read_observation import read_observation
from fwplan.cli.program import program
from fwplan.errors import UnreadableError
from fwplan.network.read import read_network
from fwplan.plan.plan import Backend, make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

NAT = ROOT / "examples/nat.xml"
PLAN = make_plan([read_network(NAT.read_bytes())])
OF_IPTABLES = make_plan([read_network(NAT.read_bytes())], backend=Backend.IPTABLES)
BUNDLE = host(PLAN, docker(), policies={"FORWARD": "ACCEPT"})
LISTING = json.dumps(BUNDLE["nftables"]).encode()
SAVED = saved(OF_IPTABLES, "iptables").encode()
CHAIN = {"family": "ip", "table": "libvirt_network", "chain": "guest_input"}
LARGE = 2_000_000
"""Bytes."""


def run(folder: Path, content: bytes) -> Result:
    file = folder / "saved"
    file.write_bytes(content)
    return CliRunner().invoke(program, ["audit", str(NAT), "--ruleset", str(file)], catch_exceptions=False)


def bundle(**parts: object) -> bytes:
    return json.dumps({"fwplan": 1, "collected": "now", **parts}).encode()


def rule(*statements: object, **others: object) -> bytes:
    items = [*BUNDLE["nftables"]["nftables"], {"rule": {**CHAIN, "expr": list(statements), **others}}]
    return json.dumps({"nftables": items}).encode()


BROKEN = {
    "nothing": b"",
    "white space": b" \n\t ",
    "zeros": bytes(1000),
    "binary": bytes(range(256)) * 100,
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "XML": NAT.read_bytes(),
    "text of nft": b"table ip filter {\n}\n",
    "a list": b"[]",
    "another document": b'{"hello": 1}',
    "UTF-16": json.dumps(BUNDLE).encode("utf-16"),
    "cut off": LISTING[: len(LISTING) // 2],
    "cut off within a word": LISTING[:-40],
    "two documents": LISTING + LISTING,
    "no JSON after a good start": b'{"nftables": [}',
    "not a number": b'{"nftables": NaN}',
    "nested lists": b'{"nftables": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested objects": b'{"nftables": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
    "no list": b'{"nftables": {}}',
    "a list of numbers": b'{"nftables": [1, 2]}',
    "a list of lists": b'{"nftables": [[]]}',
    "an empty object": b'{"nftables": [{}]}',
    "a rule of nothing": b'{"nftables": [{"rule": {}}]}',
    "a rule that is a text": b'{"nftables": [{"rule": "accept"}]}',
    "a table that is a number": b'{"nftables": [{"table": 7}]}',
    "a chain of no table": b'{"nftables": [{"chain": {"family": "ip", "name": "x"}}]}',
    "a chain whose name is a list": b'{"nftables": [{"chain": {"family": "ip", "table": "t", "name": []}}]}',
    "a rule whose chain is an object": rule({"accept": None}, chain={}),
    "a rule whose statements are a text": json.dumps({"nftables": [{"rule": {**CHAIN, "expr": "x"}}]}).encode(),
    "a rule of two chains": LISTING[:-2]
    + b', {"rule": {"family": "ip", "table": "t", "chain": "nowhere", "expr": []}}, 5]}',
    "a bundle of another version": json.dumps({**BUNDLE, "fwplan": 2}).encode(),
    "a bundle whose ruleset is a number": bundle(nftables=5),
    "a bundle whose ruleset is cut off": bundle(nftables=LISTING.decode()[:-10]),
    "a bundle whose settings are a list": bundle(settings=[1]),
    "a bundle whose settings are numbers": bundle(settings={"net.ipv4.ip_forward": 1}),
    "a bundle whose addresses are a text": bundle(addresses="eth0"),
    "a bundle with an interface of nothing": bundle(addresses=[{"x": 1}]),
    "a bundle with an address that is none": bundle(
        addresses=[{"ifname": "eth0", "ifindex": 1, "addr_info": [{"local": "1.2.3", "prefixlen": 24}]}]
    ),
    "a bundle with a huge prefix": bundle(
        addresses=[{"ifname": "eth0", "ifindex": 1, "addr_info": [{"local": "192.0.2.1", "prefixlen": 10**400}]}]
    ),
    "a bundle with an endless index": bundle(addresses=[{"ifname": "a", "ifindex": float("inf")}]),
    "a bundle whose routes are a list": bundle(routes=[]),
    "a bundle whose routes are texts": bundle(routes={"ip": ["default"]}),
    "a bundle with a route to nowhere": bundle(routes={"ip": [{"dst": "nowhere"}]}),
    "a bundle whose iptables are a list": bundle(**{"iptables-nft-save": []}),
    "a bundle that looked at a number": bundle(looked_at=[1]),
    "a bundle that did not read a list": bundle(not_read=[]),
    "iptables cut off": SAVED[: len(SAVED) // 2],
    "iptables without COMMIT": SAVED.replace(b"COMMIT\n", b""),
    "iptables without a table": SAVED.replace(b"*filter\n", b""),
    "iptables with a table twice": SAVED + SAVED,
    "iptables with a rule for no chain": SAVED.replace(b":LIBVIRT_FWI - [0:0]\n", b""),
    "iptables with a table of its own": SAVED.replace(b"*mangle", b"*nowhere"),
    "iptables with a quotation that does not end": SAVED.replace(
        b"COMMIT", b'-A FORWARD -m comment --comment "x\nCOMMIT', 1
    ),
    "iptables of zeros": b"*filter\n" + bytes(1000),
    "only a remark": b"# Generated by iptables-save v1.8.9 (nf_tables) on Thu\n:FORWARD",
}

STRANGE = {
    "a huge number": rule({"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 10**400}}, {"drop": None}),
    "a negative number": rule({"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": -1}}, {"drop": None}),
    "an unknown statement": rule({"frobnicate": {"with": [1, {"x": None}]}}),
    "an unknown match": rule({"match": {"op": "~", "left": {"soul": 1}, "right": "x"}}, {"drop": None}),
    "a jump to nowhere": rule({"jump": {"target": "nowhere"}}),
    "a jump to itself": rule({"jump": {"target": "guest_input"}}),
    "a set that is not there": rule(
        {"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": "@x"}}, {"drop": None}
    ),
    "a prefix that is too long": rule(
        {
            "match": {
                "op": "==",
                "left": {"payload": {"protocol": "ip", "field": "saddr"}},
                "right": {"prefix": {"addr": "192.0.2.0", "len": 10**9}},
            }
        },
        {"drop": None},
    ),
    "a range the wrong way round": rule(
        {
            "match": {
                "op": "==",
                "left": {"payload": {"protocol": "tcp", "field": "dport"}},
                "right": {"range": [90, 80]},
            }
        },
        {"drop": None},
    ),
    "a very long name": rule({"jump": {"target": "x" * LARGE}}),
    "a comment with everything in it": rule({"drop": None}, comment="\x00\x1b[2J\r\n\u2028\u202e\ufeff"),
    "an unknown object": LISTING[:-2] + b', {"soul": {"family": "ip"}}]}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_trouble_with_a_message_that_names_the_file(name: str, tmp_path: Path) -> None:
    result = run(tmp_path, BROKEN[name])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"fwplan: {tmp_path / 'saved'}: ")
    assert result.stderr.count("\n") == 1
    assert len(result.stderr) < 400


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_strange_is_unknown_and_not_trouble(name: str, tmp_path: Path) -> None:
    result = run(tmp_path, STRANGE[name])
    assert (result.exit_code, result.stderr) == (1, "")
    assert "FW" in result.stdout


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fwplan.files._LARGEST_HOST", 1000)
    result = run(tmp_path, LISTING)
    assert result.exit_code == 2
    assert "is larger than" in result.stderr


def test_a_folder_is_no_host(tmp_path: Path) -> None:
    result = CliRunner().invoke(program, ["audit", str(NAT), "--ruleset", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is a folder" in result.stderr


def outcome(content: bytes) -> None:
    """Read and audit a host: findings, or an error of fwplan's own, and nothing else."""
    with suppress(UnreadableError):
        observation = read_observation([("saved", content)])
        audit(observation, PLAN)
        audit(observation, OF_IPTABLES)


@given(st.binary(max_size=300))
def test_no_bytes_are_a_traceback(content: bytes) -> None:
    outcome(content)


WORDS = (
    *("table", "chain", "rule", "set", "map", "family", "name", "handle", "expr", "type", "hook", "prio", "policy"),
    *("match", "op", "left", "right", "payload", "meta", "key", "ct", "counter", "jump", "target", "vmap", "elem"),
    *("nftables", "addresses", "routes", "settings", "kernel", "looked_at", "ifname", "addr_info", "dst", "dev"),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["ip", "ip6", "inet", "filter", "forward", "accept", "@x", "192.0.2.1", "virbr0", "guest_input"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)


def places(document: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    """All places in a document."""
    yield place
    if isinstance(document, dict):
        for key, value in document.items():
            yield from places(value, (*place, key))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from places(value, (*place, number))


PLACES = [place for place in places(BUNDLE) if place]


@given(place=st.sampled_from(PLACES), value=JSON)
def test_no_value_anywhere_in_a_bundle_is_a_traceback(place: tuple[Any, ...], value: object) -> None:
    changed = copy.deepcopy(BUNDLE)
    inner = changed
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    outcome(json.dumps(changed).encode())


@given(data=st.data())
def test_no_change_of_what_iptables_saves_is_a_traceback(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SAVED)))
    end = data.draw(st.integers(start, min(start + 40, len(SAVED))))
    outcome(SAVED[:start] + data.draw(st.binary(max_size=20)) + SAVED[end:])


@given(host=st.sampled_from(SAVED_HOSTS), cut=st.floats(0, 1))
def test_no_real_ruleset_that_is_cut_off_is_taken_for_a_whole_one(host: Any, cut: float) -> None:  # noqa: ANN401
    text = json.dumps(host.bundle["nftables"]).encode()
    content = text[: int((len(text) - 1) * cut)]
    with pytest.raises(UnreadableError, match=r"^saved: "):
        audit(read_observation([("saved", content)]), PLAN)
