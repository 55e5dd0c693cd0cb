"""`fwplan audit` and `fwplan collect` as their user runs them, on the real kernel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from apply_command import FWPLAN, Fwplan, definition
from namespaces import Namespace, needs

from fwplan.host.system import System

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

pytestmark = needs("nft", "iptables-restore", "ip6tables-restore")

DOCKER = """
table ip filter {
    chain DOCKER-USER { counter return; }
    chain FORWARD { type filter hook forward priority filter; policy drop; counter jump DOCKER-USER; }
}
"""


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A host that is ready for the network `lab`."""
    with Namespace() as made:
        made.bridges(["virbr1"])
        made.run("ip", "link", "set", "lo", "up")
        made.run("ip", "link", "set", "virbr1", "up")
        made.run("ip", "-4", "address", "add", "192.168.9.1/24", "dev", "virbr1")
        made.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        made.run("sh", "-c", "cd /proc/sys/net/bridge 2> /dev/null || exit 0; for each in *; do echo 0 > $each; done")
        yield made


@pytest.fixture
def lab(tmp_path: Path) -> str:
    file = tmp_path / "lab.xml"
    file.write_text(definition(), encoding="utf-8")
    return str(file)


@pytest.fixture
def applied(namespace: Namespace, lab: str, tmp_path: Path) -> Fwplan:
    """The rules of the network are there."""
    fwplan = Fwplan(namespace, tmp_path / "state")
    fwplan("apply", lab)
    return fwplan


def audit(namespace: Namespace, *arguments: str) -> CompletedProcess[str]:
    return namespace.attempt(FWPLAN, "audit", *arguments)


def codes(done: CompletedProcess[str]) -> list[str]:
    assert done.stderr == ""
    return [finding["code"] for finding in json.loads(done.stdout)["findings"]]


@pytest.mark.usefixtures("applied")
def test_a_host_as_planned_is_clean(namespace: Namespace, lab: str) -> None:
    done = audit(namespace, lab)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 network, 16 rules: nothing to find.\n", "")


@pytest.mark.usefixtures("applied")
def test_dockers_policy_is_found_and_what_is_told_to_do_helps(namespace: Namespace, lab: str) -> None:
    namespace.run("nft", "-f", "-", given=DOCKER)
    done = audit(namespace, lab, "--format", "json")
    assert (done.returncode, codes(done)) == (1, ["FW201"])
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["owner"]["name"], finding["place"]) == ("Docker", "ip filter FORWARD")
    for command in finding["remedy"]:
        if not command.startswith("#"):
            namespace.run("sh", "-ec", command)
    again = audit(namespace, lab)
    assert (again.returncode, again.stdout) == (0, "1 network, 16 rules: nothing to find.\n")


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        ("nft flush ruleset", {"FW107", "FW101", "FW202", "FW203"}),
        ("nft delete table ip libvirt_network", {"FW107", "FW101", "FW202", "FW203"}),
        ("nft flush chain ip libvirt_network guest_output", {"FW101", "FW202"}),
        ("nft chain ip libvirt_network forward '{ policy drop; }'", {"FW109"}),
        ("nft insert rule ip libvirt_network guest_input oif virbr1 counter accept", {"FW102"}),
        ("nft add rule inet filter input udp dport { 53, 67 } drop", {"FW204"}),
        ("nft add rule inet filter input iifname virbr1 drop", {"FW204"}),
        ("nft add rule inet filter forward ip saddr 192.168.9.0/24 reject", {"FW201"}),
        ("nft add rule inet filter forward ip saddr 192.168.9.64/26 tcp dport 25 drop", {"FW206"}),
        ("iptables -P FORWARD DROP", {"FW201"}),
        ("iptables -t raw -A PREROUTING -i virbr1 -p icmp -j DROP", {"FW201"}),
        ("iptables -t mangle -A FORWARD -o virbr1 -m conntrack --ctstate ESTABLISHED -j DROP", {"FW201"}),
        ("iptables -A OUTPUT -o virbr1 -j DROP", {"FW204"}),
        (
            "ip link delete virbr1 && ip link add virbr1 type bridge && ip link set virbr1 up",
            {"FW110", "FW202", "FW307"},
        ),
        ("ip link delete virbr1", {"FW110", "FW202", "FW302"}),
        ("echo 0 > /proc/sys/net/ipv4/ip_forward", {"FW301"}),
        ("echo 0 > /proc/sys/net/ipv4/conf/virbr1/forwarding", {"FW301"}),
    ],
)
@pytest.mark.usefixtures("applied")
def test_what_was_broken_is_found(namespace: Namespace, lab: str, break_it: str, told: set[str]) -> None:
    namespace.run(
        *("nft", "add table inet filter; add chain inet filter input { type filter hook input priority 0; };"),
        *("add chain inet filter forward { type filter hook forward priority 0; }",),
    )
    namespace.run("sh", "-ec", break_it)
    done = audit(namespace, lab, "--format", "json")
    assert done.returncode == 1
    assert set(codes(done)) >= told
    assert {code for code in codes(done) if code[:3] == "FW1"} <= told


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
def test_what_is_collected_is_audited_elsewhere_with_the_same_findings(
    namespace: Namespace, lab: str, tmp_path: Path, backend: str
) -> None:
    Fwplan(namespace, tmp_path / "state")("apply", "--backend", backend, lab)
    namespace.run(
        "nft",
        "insert",
        "rule",
        "ip",
        "libvirt_network" if backend == "nftables" else "filter",
        *(("guest_input", "drop") if backend == "nftables" else ("FORWARD", "drop")),
    )
    live = audit(namespace, lab)
    collected = namespace.run(FWPLAN, "collect")
    bundle = json.loads(collected)
    assert (bundle["fwplan"], set(bundle["looked_at"])) == (
        1,
        {"addresses", "ip6tables", "iptables", "nftables", "routes", "settings"},
    )
    file = tmp_path / "host.json"
    file.write_text(collected, encoding="utf-8")
    with Namespace() as elsewhere:
        offline = elsewhere.attempt(
            "setpriv", "--reuid=65534", "--clear-groups", FWPLAN, "audit", "-", "--ruleset", "/dev/fd/3"
        )
        del offline
        done = elsewhere.attempt(FWPLAN, "audit", lab, "--ruleset", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (live.returncode, live.stdout, live.stderr)
    assert live.returncode == 1


@pytest.mark.usefixtures("applied")
def test_collecting_and_auditing_change_nothing(namespace: Namespace, lab: str) -> None:
    def seen() -> list[str]:
        # without what is counted meanwhile: a bridge sends multicast of its own
        return [namespace.run(*command.split()) for command in ("nft -s -a list ruleset", "ip -4 address", "ip route")]

    before = seen()
    with namespace.entered():
        generation = System().generation()
    namespace.run(FWPLAN, "collect")
    audit(namespace, lab)
    assert seen() == before
    with namespace.entered():
        assert System().generation() == generation


def test_without_permission_it_is_trouble_with_what_to_do(namespace: Namespace, lab: str) -> None:
    for command in (["audit", lab], ["collect"]):
        done = namespace.attempt("setpriv", "--bounding-set=-all", "--inh-caps=-all", FWPLAN, *command)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "fwplan: reading a host's rules needs root, or CAP_NET_ADMIN: run it with sudo\n"
