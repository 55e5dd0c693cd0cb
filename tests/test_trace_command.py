"""`fwplan trace`: from definitions and a host, saved or live, to an answer and an exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from apply_command import FWPLAN
from click.testing import CliRunner
from listed import docker, listing
from namespaces import Namespace, needs

from fwplan.cli.program import program
from fwplan.network.read import read_network
from fwplan.plan.plan import make_plan

if TYPE_CHECKING:
    from click.testing import Result

EXAMPLES = Path(__file__).parent.parent / "examples"
NAT, OPEN, ROUTE = (str(EXAMPLES / f"{name}.xml") for name in ("nat", "open", "route"))


def trace(*arguments: str, given: str | bytes = "") -> Result:
    return CliRunner().invoke(program, ["trace", *arguments], input=given)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """What nft lists of a host with the network of examples/nat.xml, and Docker."""
    plan = make_plan([read_network(Path(NAT).read_bytes())])
    file = tmp_path / "host.json"
    file.write_text(listing(plan, docker()), encoding="utf-8")
    return file


def test_a_packet_that_passes_is_status_0_and_one_that_is_refused_status_1(saved: Path) -> None:
    passes = trace(NAT, "--ruleset", str(saved), "--from", "guest", "--to", "host:53/udp")
    assert (passes.exit_code, passes.stderr) == (0, "")
    assert "\nIt passes.\n" in passes.stdout
    refused = trace(NAT, "--ruleset", str(saved), "--from", "guest", "--to", "198.51.100.7:443/tcp")
    assert (refused.exit_code, refused.stderr) == (1, "")
    assert "It is refused by the policy of ip filter FORWARD (Docker?)." in refused.stdout


def test_a_saved_host_comes_by_standard_input_too(saved: Path) -> None:
    arguments = (NAT, "--from", "guest", "--to", "outside")
    by_name = trace(*arguments, "--ruleset", str(saved))
    by_input = trace(*arguments, "--ruleset", "-", given=saved.read_bytes())
    assert (by_input.exit_code, by_input.stdout) == (by_name.exit_code, by_name.stdout)


def test_a_definition_comes_by_standard_input_too(saved: Path) -> None:
    options = ("--ruleset", str(saved), "--from", "guest", "--to", "guest")
    assert trace("-", *options, given=Path(NAT).read_bytes()).stdout == trace(NAT, *options).stdout


def test_an_open_network_is_traced_too(saved: Path) -> None:
    found = trace(OPEN, "--ruleset", str(saved), "--from", "outside", "--to", "guest")
    assert found.exit_code == 1
    assert "Docker" in found.stdout


def document(*arguments: str) -> dict[str, Any]:
    found = json.loads(trace(*arguments, "--format", "json").stdout)
    assert isinstance(found, dict)
    return found


def test_json_tells_the_way_with_owners_and_reasons(saved: Path) -> None:
    found = document(NAT, "--ruleset", str(saved), "--from", "guest", "--to", "198.51.100.7:443/tcp")
    assert (found["fwplan"], found["passes"], found["reply"]) == (1, False, None)
    assert found["taken_for_granted"] == ["it leaves by outside0, which is not known (--out-interface says which)"]
    packet = found["packet"]
    assert packet["sent"]["destination_port"] == 443
    assert packet["verdict"] == {"verdict": "refused", "told": ""}
    assert packet["refused_by"]["owner"]["name"] == "Docker"
    assert packet["refused_by"]["policy"] == "drop"
    met = [each for hook in packet["hooks"] for each in hook["met"] if each["met"] == "rule"]
    leaving = next(each for each in met if each["chain"] == "guest_output")
    assert leaving["rule"] == 'ip saddr 192.168.122.0/24 iif "virbr0" counter accept'
    assert leaving["reason"] == "guests with an address of 192.168.122.0/24 may send to anywhere beyond the bridge"
    assert leaving["owner"]["sure"]


def test_json_of_a_packet_that_passes_tells_how_it_leaves(saved: Path) -> None:
    found = document(NAT, "--ruleset", str(saved), "--from", "guest:4321", "--to", "host:53/udp")
    assert found["packet"]["left"] == found["packet"]["sent"]
    assert found["packet"]["sent"]["source_port"] == 4321
    assert found["reply"]["verdict"] == {"verdict": "passes"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "guest", "--to", "nobody"), "fwplan: 'nobody': there is no address 'nobody'"),
        (("--from", "10.0.0.1", "--to", "2001:db8::1"), "fwplan: one address is of IPv4 and the other of IPv6"),
        (("--from", "guest", "--to", "host", "--mark", "many"), "'many' is no number of 32 bits"),
        (("--from", "guest"), "Missing option '--to'"),
        (("--from", "guest", "--to", "host", "--in-interface", "a/b"), "fwplan: 'a/b' is no name of an interface"),
    ],
)
def test_a_question_that_is_none_is_trouble(saved: Path, arguments: tuple[str, ...], message: str) -> None:
    found = trace(NAT, "--ruleset", str(saved), *arguments)
    assert (found.exit_code, found.stdout) == (2, "")
    assert message in found.stderr


def test_a_host_that_cannot_be_read_is_trouble(tmp_path: Path) -> None:
    file = tmp_path / "empty"
    file.write_bytes(b"")
    found = trace(NAT, "--ruleset", str(file), "--from", "guest", "--to", "host")
    assert (found.exit_code, found.stdout) == (2, "")
    assert "neither a bundle of `fwplan collect`" in found.stderr


def test_a_definition_that_is_not_valid_is_a_finding(saved: Path) -> None:
    found = trace("-", "--ruleset", str(saved), "--from", "guest", "--to", "host", given="<network/>")
    assert (found.exit_code, found.stdout) == (1, "")


def test_marks_are_written_as_nft_does(saved: Path) -> None:
    arguments = (NAT, "--ruleset", str(saved), "--from", "guest", "--to", "host")
    assert "mark 0x10" in trace(*arguments, "--mark", "0x10").stdout
    assert "mark 0x10" in trace(*arguments, "--mark", "16").stdout


def test_a_packet_is_of_ipv6_if_asked_for(saved: Path) -> None:
    ends = ("--ruleset", str(saved), "--from", "guest", "--to", "outside")
    assert "]:50000 → [2001:db8:ffff::7]:443" in trace(OPEN, *ends, "-6").stdout
    found = trace(NAT, *ends, "-6")
    assert (found.exit_code, found.stdout) == (2, "")
    assert "network 'default' has no IPv6 address of its own" in found.stderr
    assert "an address is not of IPv6" in trace(NAT, "--from", "10.0.0.1", *ends[:2], "--to", "host", "-6").stderr


class TestLive:
    """The host that the command runs on."""

    pytestmark = needs("nft")

    def test_a_live_host_is_looked_at(self, tmp_path: Path) -> None:
        with Namespace() as namespace:
            namespace.run("ip", "link", "add", "virbr0", "type", "bridge")
            namespace.run("ip", "address", "add", "192.168.122.1/24", "dev", "virbr0")
            namespace.run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "far")
            namespace.run("ip", "address", "add", "203.0.113.5/24", "dev", "uplink")
            for interface in ("lo", "virbr0", "far", "uplink"):
                namespace.run("ip", "link", "set", interface, "up")
            namespace.run("ip", "route", "add", "default", "via", "203.0.113.1")
            self._forward(namespace, "1")
            namespace.run(FWPLAN, "apply", f"--state-dir={tmp_path}", NAT)
            arguments = (FWPLAN, "trace", NAT, "--from", "guest", "--to", "198.51.100.7")
            found = namespace.run(*arguments)
            assert "to outside, by uplink" in found
            assert "It passes, as 203.0.113.5:50000 → 198.51.100.7:443." in found
            hooked = "type filter hook forward priority 5;"
            namespace.run("nft", f'table inet own {{ chain f {{ {hooked} oifname "uplink" tcp dport 443 drop; }}; }}')
            found = namespace.attempt(*arguments, "--width", "120").stdout
            assert 'by rule 1 of inet own f (owner unknown): oifname "uplink" tcp dport 443 drop.' in found
            self._forward(namespace, "0")
            done = namespace.attempt(FWPLAN, "trace", NAT, "--from", "guest", "--to", "198.51.100.7:80")
            assert done.returncode == 1
            assert "net.ipv4.ip_forward is 0" in done.stdout

    @staticmethod
    def _forward(namespace: Namespace, value: str) -> None:
        with namespace.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text(value, encoding="ascii")

    @pytest.mark.parametrize("bridge", ['a"b', "a'b", "$(x)", "a;b", "@a", "*", "ä"])
    def test_any_name_of_a_bridge_is_traced(self, bridge: str, tmp_path: Path) -> None:
        escaped = bridge.replace('"', "&quot;").replace("'", "&apos;")
        definition = Path(NAT).read_text(encoding="utf-8").replace("virbr0", escaped)
        file = tmp_path / "network.xml"
        file.write_text(definition, encoding="utf-8")
        with Namespace() as namespace:
            namespace.run("ip", "link", "add", "name", bridge, "type", "bridge")
            namespace.run("ip", "link", "set", "up", "dev", bridge)
            namespace.run("ip", "address", "add", "192.168.122.1/24", "dev", bridge)
            namespace.attempt(FWPLAN, "apply", f"--state-dir={tmp_path}/state", str(file))
            done = namespace.attempt(FWPLAN, "trace", str(file), "--from", "outside", "--to", "guest")
            assert done.returncode == 1, done.stderr
            assert f"to a guest of network default, by {bridge}" in done.stdout
