"""`fwplan apply` and `fwplan remove` with nftables, on the real kernel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from apply_command import FWPLAN, Fwplan, definition
from namespaces import Namespace, needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs("nft")

_BRIDGES = ("virbr1", "virbr2", "virbr3")
_DOCKER = """
table ip filter {
    chain DOCKER-USER { counter packets 3 bytes 180 return; }
    chain FORWARD { type filter hook forward priority filter; policy drop; counter jump DOCKER-USER; }
}
"""


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with Namespace() as made:
        made.bridges(_BRIDGES)
        yield made


@pytest.fixture
def fwplan(namespace: Namespace, tmp_path: Path) -> Fwplan:
    return Fwplan(namespace, tmp_path / "state")


def _rules(namespace: Namespace) -> str:
    return namespace.run("nft", "-s", "list", "ruleset")


def _file(folder: Path, text: str, name: str = "lab.xml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def _one_by_one(text: str) -> str:
    """The ruleset that libvirt's own commands lead to, each run by itself."""
    with Namespace() as other:
        other.bridges(_BRIDGES)
        commands = other.run(FWPLAN, "plan", "--format=commands", "-", given=text)
        nft = "".join(f"{line}\n" for line in commands.splitlines() if line.startswith("nft "))
        other.run("sh", "-e", given=nft)
        return _rules(other)


@pytest.mark.parametrize(
    "forward",
    ["", "<forward mode='nat'/>", "<forward mode='route'/>", "<forward mode='nat' dev='eth0'/>"],
    ids=["isolated", "nat", "route", "nat by a device"],
)
def test_apply_comes_to_what_the_commands_come_to_one_by_one(
    forward: str, fwplan: Fwplan, namespace: Namespace
) -> None:
    text = definition(forward=forward)
    fwplan("apply", "-", given=text)
    assert _rules(namespace) == _one_by_one(text)


def test_a_second_apply_has_nothing_to_do(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", "-", given=definition())
    before = namespace.run("nft", "-a", "list", "ruleset")
    assert fwplan("apply", "-", given=definition()).startswith("Nothing to do")
    assert namespace.run("nft", "-a", "list", "ruleset") == before


@pytest.mark.parametrize("mode", ["open", "bridge"])
def test_open_and_bridge_networks_get_nothing(mode: str, fwplan: Fwplan, namespace: Namespace) -> None:
    text = f"<network><name>lab</name><forward mode='{mode}'/><bridge name='virbr1'/></network>"
    fwplan("apply", "-", given=text)
    assert not _rules(namespace)


def test_remove_leaves_nothing(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", "-", given=definition())
    fwplan("remove", "lab")
    assert not _rules(namespace)


def test_remove_leaves_what_it_did_not_make(fwplan: Fwplan, namespace: Namespace, tmp_path: Path) -> None:
    namespace.run("nft", "-f", "-", given=_DOCKER)
    before = namespace.run("nft", "-a", "list", "ruleset")
    fwplan("apply", _file(tmp_path, definition()))
    fwplan("remove", _file(tmp_path, definition()))
    assert namespace.run("nft", "-a", "list", "ruleset") == before


def test_tables_that_libvirt_made_stay(fwplan: Fwplan, namespace: Namespace) -> None:
    other = definition("other", "virbr2", "192.168.10")
    with_other = _one_by_one(other)
    namespace.run("nft", "-f", "-", given=with_other)
    fwplan("apply", "-", given=definition())
    fwplan("remove", "lab")
    assert _rules(namespace) == with_other


def test_rules_that_a_flush_took_away_come_back_as_they_were(fwplan: Fwplan, namespace: Namespace) -> None:
    text = definition(forward="<forward mode='route'/>")
    fwplan("apply", "-", given=text)
    before = _rules(namespace)
    namespace.flush()
    fwplan("apply", "-", given=text)
    assert _rules(namespace) == before


@pytest.mark.parametrize(
    "damage",
    [
        "flush chain ip libvirt_network guest_nat",
        "insert rule ip libvirt_network guest_input oif virbr1 counter accept",
        "add rule ip libvirt_network guest_output iif virbr1 counter accept",
        "delete table ip6 libvirt_network",
        "flush table ip libvirt_network",
    ],
)
def test_damage_is_repaired(damage: str, fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", "-", given=definition())
    before = _rules(namespace)
    namespace.run("nft", damage)
    assert _rules(namespace) != before
    fwplan("apply", "-", given=definition())
    assert _rules(namespace) == before


def test_what_is_right_keeps_its_counters(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", "-", given=definition())
    counted = namespace.run("nft", "list", "ruleset").replace("packets 0 bytes 0", "packets 5 bytes 500")
    namespace.flush()
    namespace.run("nft", "-f", "-", given=counted)
    namespace.run("nft", "flush", "chain", "ip", "libvirt_network", "guest_nat")
    fwplan("apply", "-", given=definition())
    after = namespace.run("nft", "list", "ruleset")
    assert after.count("packets 5 bytes 500") == counted.count("packets 5 bytes 500") - 5
    assert after.count("packets 0 bytes 0") == 5


def test_a_rule_of_somebody_else_stays_where_it_is(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", "-", given=definition())
    namespace.run("nft", "insert", "rule", "ip", "libvirt_network", "guest_output", "tcp", "dport", "25", "drop")
    before = namespace.run("nft", "-a", "list", "ruleset")
    assert fwplan("apply", "-", given=definition()).startswith("Nothing to do")
    assert namespace.run("nft", "-a", "list", "ruleset") == before
    fwplan("remove", "lab")
    assert "tcp dport 25 drop" in _rules(namespace)
    assert "virbr1" not in _rules(namespace)


def test_of_an_edited_definition_only_the_difference_is_changed(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", "-", given=definition())
    edited = definition(subnet="192.168.77")
    shown = fwplan("apply", "-", "--dry-run", given=edited)
    assert "- ip guest_output: ip saddr 192.168.9.0/24" in shown
    assert "+ ip guest_output: ip saddr 192.168.77.0/24" in shown
    fwplan("apply", "-", given=edited)
    assert _rules(namespace) == _one_by_one(edited)


def test_a_network_that_became_open_loses_its_rules(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", "-", given=definition())
    fwplan("apply", "-", given=definition(forward="<forward mode='open'/>"))
    assert "virbr1" not in _rules(namespace)


def test_a_network_is_removed_as_it_was_applied_even_if_its_file_has_changed(
    fwplan: Fwplan, namespace: Namespace, tmp_path: Path
) -> None:
    fwplan("apply", _file(tmp_path, definition()))
    fwplan("remove", _file(tmp_path, definition(bridge="virbr2", subnet="192.168.77")))
    assert not _rules(namespace)


def test_of_two_networks_with_one_subnet_each_keeps_its_translation(fwplan: Fwplan, namespace: Namespace) -> None:
    first, second = definition(), definition("other", "virbr2")
    fwplan("apply", "-", given=first)
    alone = _rules(namespace)
    fwplan("apply", "-", given=second)
    assert _rules(namespace).count("masquerade") == 6
    fwplan("remove", "other")
    assert _rules(namespace) == alone


def test_a_bridge_of_another_network_is_refused(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", "-", given=definition())
    before = _rules(namespace)
    done = fwplan.attempt("apply", "-", given=definition("other", subnet="192.168.10"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "belongs to network 'lab'" in done.stderr
    assert _rules(namespace) == before


def test_rules_of_a_bridge_that_was_made_anew_are_made_anew(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", "-", given=definition())
    before = _rules(namespace)
    namespace.run("ip", "link", "delete", "virbr1")
    namespace.run("ip", "link", "add", "virbr1", "type", "bridge")
    assert 'iif "virbr1"' not in _rules(namespace)
    fwplan("apply", "-", given=definition())
    assert _rules(namespace) == before


def test_a_dry_run_changes_nothing(fwplan: Fwplan, namespace: Namespace, tmp_path: Path) -> None:
    shown = fwplan("apply", "-", "--dry-run", given=definition())
    assert shown.splitlines()[0] == "+ table ip libvirt_network"
    assert shown.splitlines()[-1] == "Would add 2 tables, 10 chains, 16 rules; 0 rules unchanged."
    assert not _rules(namespace)
    assert not (tmp_path / "state").exists()


def test_json_says_what_is_done(fwplan: Fwplan) -> None:
    document = json.loads(fwplan("apply", "-", "--format=json", given=definition()))
    assert (document["fwplan"], document["dry_run"], document["unchanged"]) == (1, False, 0)
    assert [entry["step"] for entry in document["differences"]] == ["add"] * 28
    reject = document["differences"][-1]
    assert reject["kind"] == "rule"
    assert json.loads(fwplan("apply", "-", "--format=json", given=definition()))["differences"] == []


def test_what_is_missing_is_said_together_before_anything_changes(fwplan: Fwplan, namespace: Namespace) -> None:
    text = definition(bridge="virbr8")
    done = fwplan.attempt("apply", "-", given=text)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no bridge virbr8" in done.stderr
    assert "virsh net-start lab" in done.stderr
    assert "does not forward IPv4" in done.stderr
    assert not _rules(namespace)


def test_a_definition_that_names_no_bridge_is_sent_to_libvirt(fwplan: Fwplan) -> None:
    text = definition().replace("<bridge name='virbr1'/>", "")
    done = fwplan.attempt("apply", "-", given=text)
    assert done.returncode == 2
    assert "virsh net-dumpxml lab" in done.stderr


def test_forwarding_is_enabled_when_asked_for(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", "-", "--enable-forwarding", given=definition())
    assert namespace.run("cat", "/proc/sys/net/ipv4/ip_forward") == "1\n"


def test_a_chain_of_another_kind_is_in_the_way(fwplan: Fwplan, namespace: Namespace) -> None:
    namespace.run("nft", "add table ip libvirt_network; add chain ip libvirt_network forward")
    before = _rules(namespace)
    done = fwplan.attempt("apply", "-", given=definition())
    assert done.returncode == 2
    assert "chain ip libvirt_network forward is of another kind" in done.stderr
    assert _rules(namespace) == before


def test_an_unknown_name_is_refused(fwplan: Fwplan) -> None:
    done = fwplan.attempt("remove", "nothing")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no network 'nothing' was applied here" in done.stderr


def test_without_the_right_to_change_networking_nothing_is_tried(namespace: Namespace, tmp_path: Path) -> None:
    done = namespace.attempt(
        "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin",
        FWPLAN, "apply", "-", f"--state-dir={tmp_path}", given=definition(),
    )  # fmt: skip
    assert done.returncode == 2
    assert "needs root" in done.stderr
    assert not list(tmp_path.rglob("*.json"))
