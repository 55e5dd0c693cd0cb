"""`fwplan prove`: what it prints, for people and for programs, and that a trace can be asked about what it found."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from apply_command import FWPLAN
from click.testing import CliRunner
from namespaces import Namespace, needs

from conformance.changes import changes
from conformance.listing import planned_items
from fwplan.cli.program import program
from fwplan.files import load
from fwplan.plan.plan import Layout, make_plan
from fwplan.preview.render import Format, render

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).parent.parent
NAT, ROUTE, OPEN = (str(ROOT / "examples" / f"{name}.xml") for name in ("nat", "route-dual-stack", "open"))
DOCKER = str(ROOT / "examples" / "hosts" / "docker.json")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(program, list(arguments))


def prove(*arguments: str) -> Result:
    return call("prove", *arguments)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """What nft lists of a host that has the plan of one network."""
    path = tmp_path / "host.json"
    save(path, planned_items(make_plan([load(NAT)])))
    return path


def save(path: Path, items: list[Any]) -> None:
    path.write_text(json.dumps({"nftables": [{"metainfo": {"version": "1.0.6"}}, *items]}), encoding="utf-8")


def words(result: Result) -> str:
    """What was printed, without where lines end."""
    return " ".join(result.stdout.split())


class TestText:
    """For people."""

    def test_two_layouts_are_proved_in_one_sentence(self) -> None:
        found = prove(NAT, ROUTE)
        assert (found.exit_code, found.stderr) == (0, "")
        assert "Proved: with all packets, libvirt's layout and the layout maps do the same." in words(found)
        assert "classes of packets (IPv4 " in found.stdout

    def test_the_iptables_backend_is_proved_too(self) -> None:
        found = prove("--backend", "iptables", NAT)
        assert found.exit_code == 0
        assert "Proved: with all packets, libvirt's layout, iptables and the layout maps do the same." in words(found)

    def test_a_host_that_has_the_plan_is_proved(self, saved: Path) -> None:
        found = prove("--ruleset", str(saved), NAT)
        assert found.exit_code == 0
        assert "Proved: with all packets, the plan and the saved host do the same." in words(found)

    def test_a_host_with_the_other_layout_is_proved_as_well(self, saved: Path) -> None:
        assert prove("--ruleset", str(saved), "--layout", "maps", NAT).exit_code == 0

    def test_a_counterexample_is_a_packet_with_its_two_fates_and_the_rules_that_decide(self) -> None:
        found = prove("--ruleset", DOCKER, NAT)
        assert found.exit_code == 1
        said = words(found)
        assert said.startswith("Not the same: with some packets, the plan and the saved host differ.")
        assert "tcp, new, 192.168.122.10:50000 → " in said
        assert "the plan: it passes under the host's address on outside0, port 1024 to 65535" in said
        assert "the saved host: it is dropped in silence" in said
        assert "ip filter FORWARD (Docker?): policy drop" in said

    def test_what_is_undecided_names_the_expression(self, saved: Path) -> None:
        items = json.loads(saved.read_text())["nftables"][1:]
        chain = {"family": "ip", "table": "other", "name": "c", "type": "filter", "hook": "forward", "prio": 0}
        limit = [{"limit": {"rate": 5, "per": "second", "burst": 5}}, {"drop": None}]
        items += [
            {"table": {"family": "ip", "name": "other"}},
            {"chain": chain},
            {"rule": {"family": "ip", "table": "other", "chain": "c", "expr": limit}},
        ]
        save(saved, items)
        found = prove("--ruleset", str(saved), NAT)
        assert found.exit_code == 1
        said = words(found)
        assert said.startswith("Undecided: it is not known whether the plan and the saved host do the same")
        assert "because of limit rate 5/second burst 5 packets in rule 1 of ip other c" in said

    def test_a_command_stands_on_one_line_so_that_it_can_be_copied(self) -> None:
        found = prove("--ruleset", DOCKER, NAT, "--width", "40")
        assert [line for line in found.stdout.splitlines() if line.lstrip().startswith("$ fwplan trace ")]

    def test_packets_of_others_can_be_left_out(self, saved: Path) -> None:
        items = json.loads(saved.read_text())["nftables"][1:]
        chain = {"family": "ip", "table": "other", "name": "c", "type": "filter", "hook": "forward", "prio": 0}
        oifname = {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "eth9"}}
        iifname = {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "eth8"}}
        items += [
            {"table": {"family": "ip", "name": "other"}},
            {"chain": chain},
            {"rule": {"family": "ip", "table": "other", "chain": "c", "expr": [iifname, oifname, {"drop": None}]}},
        ]
        save(saved, items)
        assert prove("--ruleset", str(saved), NAT).exit_code == 1
        found = prove("--ruleset", str(saved), "--packets", "networks", NAT)
        assert found.exit_code == 0
        assert "with all packets by a bridge of the networks" in words(found)

    def test_networks_without_rules_are_the_same_in_any_layout(self) -> None:
        assert prove(OPEN).exit_code == 0


class TestJson:
    """For programs."""

    def test_a_proof(self) -> None:
        document = json.loads(prove("--format", "json", NAT).stdout)
        assert document["fwplan"] == 1
        assert document["proved"] is True
        assert document["sides"] == ["libvirt's layout", "the layout maps"]
        assert document["networks"] == ["default"]
        assert document["classes"]["different"] == document["classes"]["undecided"] == 0
        assert [family["family"] for family in document["families"]] == ["ip", "ip6"]

    def test_a_counterexample(self) -> None:
        document = json.loads(prove("--format", "json", "--ruleset", DOCKER, NAT).stdout)
        assert document["proved"] is False
        example = document["families"][0]["counterexample"]
        assert example["packet"]["in_interface"] == "virbr0"
        plan, host = example["outcomes"]
        assert plan["possible"] == [
            {
                "verdict": "passes",
                "source": {
                    "kind": "masquerade",
                    "addresses": None,
                    "ports": [1024, 65535],
                    "random": False,
                    "netmap": False,
                    "persistent": False,
                    "known": True,
                },
            }
        ]
        assert host["possible"] == [{"verdict": "refused", "told": ""}]
        assert host["rules"][-1]["owner"] == "Docker?"


class TestTrouble:
    """What keeps from an answer."""

    def test_a_live_and_a_saved_host_are_two(self, saved: Path) -> None:
        found = prove("--live", "--ruleset", str(saved), NAT)
        assert found.exit_code == 2
        assert "give one of them" in found.stderr

    def test_a_file_that_is_no_ruleset(self) -> None:
        found = prove("--ruleset", NAT, NAT)
        assert found.exit_code == 2
        assert found.stderr.startswith("fwplan: ")

    def test_what_nft_lists_and_fwplan_does_not_know(self, saved: Path) -> None:
        save(saved, [*json.loads(saved.read_text())["nftables"], {"surprise": {"family": "ip"}}])
        found = prove("--ruleset", str(saved), NAT)
        assert found.exit_code == 2
        assert "nothing can be proved of a host that is not read as a whole: an entry 'surprise'" in found.stderr

    def test_a_saved_host_without_nftables_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "iptables"
        path.write_text(
            "# Generated by iptables-save v1.8.9\n*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n", encoding="ascii"
        )
        found = prove("--ruleset", str(path), NAT)
        assert found.exit_code == 1
        assert "has nothing of nftables" in found.stderr

    def test_a_definition_that_is_not_valid(self, tmp_path: Path) -> None:
        path = tmp_path / "bad.xml"
        path.write_text("<network/>", encoding="ascii")
        assert prove(str(path)).exit_code == 1


@pytest.mark.parametrize("layout", Layout)
def test_a_trace_takes_each_counterexample_and_says_the_same_of_it(tmp_path: Path, layout: Layout) -> None:
    items = planned_items(make_plan([load(NAT)], layout=layout))
    path = tmp_path / "host.json"
    asked = 0
    for change in list(changes(items))[::9]:
        save(path, change.items)
        document = json.loads(prove("--format", "json", "--ruleset", str(path), NAT).stdout)
        for family in document["families"]:
            example = family["counterexample"]
            if example is None:
                continue
            asked += 1
            found = call("trace", "--format", "json", "--ruleset", str(path), NAT, *example["trace"])
            assert found.exit_code in {0, 1}, found.stderr
            (of_host,) = example["outcomes"][1]["possible"]
            verdict = json.loads(found.stdout)["packet"]["verdict"]
            assert verdict["verdict"] == of_host["verdict"], (change, example)
            assert verdict.get("told") == of_host.get("told"), (change, example)
    assert asked > 3


class TestLive:
    """The host that the command runs on."""

    pytestmark = needs("nft")

    def test_a_host_is_proved_and_a_rule_too_much_is_found(self) -> None:
        with Namespace() as host:
            host.bridges(["virbr0"])
            host.run("nft", "-f", "-", given=render(make_plan([load(NAT)]), Format.NFT))
            proved = host.attempt(FWPLAN, "prove", "--live", NAT)
            assert (proved.returncode, proved.stderr) == (0, "")
            assert "the plan and this host do the same" in " ".join(proved.stdout.split())
            host.run("nft", "insert", "rule", "ip", "libvirt_network", "guest_output", "tcp", "dport", "25", "drop")
            found = host.attempt(FWPLAN, "prove", "--live", NAT)
            assert found.returncode == 1
            assert ":25" in found.stdout
            assert "$ fwplan trace " in found.stdout


def test_on_a_terminal_it_says_what_it_does() -> None:
    """On standard error, on one line that is gone at the end."""
    ours, theirs = pty.openpty()
    done = subprocess.run([FWPLAN, "prove", NAT], stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    said = os.read(ours, 65536).decode()
    os.close(ours)
    assert "IPv4: what libvirt's layout does with each packet ..." in said
    assert said.endswith("\r\033[K")
    assert b"Proved" in done.stdout
