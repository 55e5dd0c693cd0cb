"""`fwplan rehearse`: what it prints, how it ends, and that nothing is left of it, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from apply_command import FWPLAN
from rehearsal_cases import MODES, ROOT, needs_a_lab

from fwplan.lab.namespaces import SCRATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

pytestmark = needs_a_lab()

NAT = str(MODES / "nat.xml")
OPEN = str(MODES / "open.xml")
_PATIENCE = 60.0
"""Seconds until a test gives up waiting; nothing is measured."""


def run(*arguments: str, given: str = "", before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, FWPLAN, "rehearse", *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100"},
    )


def rehearsed(*arguments: str, status: int = 0) -> dict[str, Any]:
    """What a rehearsal tells to programs."""
    done = run(*arguments, "--format", "json")
    assert done.returncode == status, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def of(document: dict[str, Any], **wanted: str) -> list[dict[str, Any]]:
    """The probes with these fields."""
    return [probe for probe in document["probes"] if all(probe[key] == value for key, value in wanted.items())]


# What it says


def test_what_a_program_is_told_is_enough_to_draw_the_matrix() -> None:
    document = rehearsed(NAT)
    assert (document["fwplan"], document["as_promised"]) == (1, True)
    out = of(document, **{"from": "guest 1 of nat", "to": "the machine outside", "transport": "tcp"})
    assert [probe["source"] for probe in out] == ["10.20.1.2", "fd20:1::2"]
    for probe, source in zip(out, ("192.0.2.1", "fd20:1::2"), strict=True):
        assert probe["became"]["answered"]
        assert [heard["source"] for heard in probe["became"]["heard"]] == [source]
        assert probe["promised"]["because"]["first packet"].startswith("guests with an address of")
    back = of(document, **{"from": "the machine outside", "to": "guest 1 of nat", "transport": "udp"})
    assert [probe["became"]["refused"] for probe in back] == [True, False]


def test_the_picture_in_the_documentation_is_of_a_real_run() -> None:
    modes = [str(MODES / f"{mode}.xml") for mode in ("nat", "route", "isolated", "open")]
    drawn = run(*modes, "--format", "svg").stdout
    assert ET.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own
    assert (ROOT / "docs" / "rehearsal.svg").read_text(encoding="utf-8") == drawn


def test_every_probe_is_listed_if_wanted() -> None:
    said = run(OPEN, "--verbose").stdout
    assert "✓ TCP from 10.20.4.2:" in said
    assert "guest 1 of open → the machine outside, IPv4; seen from 10.20.4.2:" in " ".join(said.split())


def test_a_definition_may_come_by_standard_input() -> None:
    done = run("-", given=Path(OPEN).read_text(encoding="utf-8"))
    assert done.returncode == 0
    assert "open, no rules, on virbr4" in done.stdout


@pytest.mark.parametrize(
    ("example", "why"), [("macvtap", "by macvtap"), ("bridge", "exists already"), ("hostdev", "PCI")]
)
def test_a_network_without_a_bridge_of_libvirts_has_nothing_to_rehearse(example: str, why: str) -> None:
    done = run(f"examples/{example}.xml")
    assert (done.returncode, done.stdout) == (0, "")
    assert "has nothing to rehearse" in done.stderr
    assert why in done.stderr


def test_it_is_left_out_beside_others() -> None:
    done = run("examples/macvtap.xml", OPEN)
    assert done.returncode == 0
    assert "'direct' has nothing to rehearse" in done.stderr
    assert "neighbour" in done.stdout


def test_the_lab_has_no_firewalld_and_says_so() -> None:
    done = run("examples/open-zone.xml")
    assert done.returncode == 0
    assert "network 'dmz' asks for zone 'dmz': the lab has no firewalld, and leaves it out" in done.stderr


def test_an_invalid_definition_is_told_as_by_check() -> None:
    done = run("-", given="<network><name>lab</name><forward mode='nat'/></network>")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("-:1:")


def test_a_file_that_is_not_there_is_trouble() -> None:
    assert run("nowhere.xml").returncode == 2


# Rules of others


def beside(folder: Path, script: str) -> str:
    file = folder / "others.nft"
    file.write_text(script, encoding="utf-8")
    return str(file)


def test_a_drop_of_somebody_else_is_found(tmp_path: Path) -> None:
    others = beside(
        tmp_path,
        "table inet others {\n chain forward {\n type filter hook forward priority 10; policy accept;\n"
        "ip saddr 10.20.1.254 udp dport 20000-60000 drop\n }\n }\n",
    )
    done = run(NAT, "--beside", others)
    assert done.returncode == 1
    assert "! 1 of 6 not ✓ 192.0.2.1" in done.stdout
    assert "guest 2 of nat → the machine outside, IPv4, UDP\n  promised: it arrives" in done.stdout
    assert "# guests with an address of 10.20.1.0/24 may send to anywhere beyond the bridge" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Not as promised: 1 of ")


def test_another_source_is_found(tmp_path: Path) -> None:
    others = beside(
        tmp_path,
        "table ip others {\n chain nat {\n type nat hook postrouting priority 50; policy accept;\n"
        "ip saddr 10.20.1.0/24 oifname eth0 meta l4proto udp snat to 192.0.2.99\n }\n }\n",
    )
    document = rehearsed(NAT, "--beside", others, status=1)
    differing = [probe for probe in document["probes"] if probe["error"]]
    assert {(probe["transport"], *probe["differs"]) for probe in differing} == {("udp", "source")}


_CLOSED = """\
table ip filter {
    chain INPUT { type filter hook input priority 0; policy drop; }
}
"""


def test_what_nobody_promised_is_for_others_to_decide(tmp_path: Path) -> None:
    others = beside(tmp_path, _CLOSED)
    done = run(OPEN, "--beside", others)
    assert done.returncode == 0
    assert "The rules of others decided" in done.stdout


def test_iptables_opens_the_hosts_services_in_a_closed_host_and_nftables_does_not(tmp_path: Path) -> None:
    others = beside(tmp_path, _CLOSED)
    asked = rehearsed(NAT, "--beside", others, "--backend", "iptables")
    assert all(probe["became"]["answered"] for probe in of(asked, kind="service"))
    unasked = of(rehearsed(NAT, "--beside", others, "--backend", "nftables", status=1), kind="service")
    assert {probe["destination"] for probe in unasked if probe["error"]} == {"10.20.1.1"}


def test_a_script_that_nft_refuses_is_trouble(tmp_path: Path) -> None:
    done = run(NAT, "--beside", beside(tmp_path, "table ip others { chain forward { no such words } }"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "the rules of others cannot be loaded" in done.stderr
    assert run(NAT, "--beside", str(tmp_path / "nowhere")).returncode == 2


# Who may


def test_it_needs_no_rights() -> None:
    nobody = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    done = run(OPEN, before=nobody)
    assert done.returncode == 0, done.stderr


def test_where_namespaces_are_not_permitted_it_says_so_and_what_to_do() -> None:
    forbidden = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    done = run(OPEN, before=("unshare", "--user", "--map-root-user", "sh", "-c", forbidden, "sh"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs user and network namespaces" in done.stderr
    assert "sysctl user.max_user_namespaces=" in done.stderr


# Nothing is left


def children(process: int) -> list[int]:
    return list(map(int, Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()))


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(holds: Callable[[], bool]) -> None:
    """Look again and again until it holds."""
    end = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.002)


class Running:
    """A rehearsal with many guests, in the middle of which one is."""

    def __init__(self, folder: Path) -> None:
        """Start it, and wait until its world is being made."""
        # Of one network: a bridge that goes takes the kernel a while, in which nobody can make a namespace.
        subnets = "".join(f"<ip address='10.70.{number}.1' prefix='24'/>" for number in range(14))
        definition = folder / "large.xml"
        definition.write_text(
            f"<network><name>large</name><forward mode='route'/>{subnets}</network>", encoding="utf-8"
        )
        self.command = subprocess.Popen(
            [FWPLAN, "rehearse", str(definition)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for(lambda: bool(children(self.command.pid)))
        (self.keeper,) = children(self.command.pid)
        wait_for(lambda: bool(children(self.keeper)))
        (self.inside,) = children(self.keeper)
        wait_for(lambda: "vnet" in Path(f"/proc/{self.inside}/net/dev").read_text(encoding="ascii"))
        self.host = Path(f"/proc/{self.inside}/ns/net").readlink()

    def end(self, number: signal.Signals, *, of: int | None = None) -> tuple[int, str]:
        """Send a signal to the command, or to another process, and wait for the end: the status, and what was said."""
        os.kill(of or self.command.pid, number)
        _, said = self.command.communicate(timeout=_PATIENCE)
        return self.command.returncode, said

    def is_gone(self) -> bool:
        """Whether its processes have ended, and nobody is in the network namespace of its host."""
        return not is_alive(self.keeper) and not is_alive(self.inside) and self.host not in set(_namespaces_in_use())


def _namespaces_in_use() -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield (process / "ns/net").readlink()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    mounts = Path("/proc/mounts").read_text(encoding="utf-8")
    made = Running(tmp_path)
    yield made
    made.command.kill()
    wait_for(made.is_gone)
    assert Path("/proc/mounts").read_text(encoding="utf-8") == mounts
    assert not (SCRATCH / "fwplan").exists()


def test_nothing_is_left_after_ctrl_c(running: Running) -> None:
    status, said = running.end(signal.SIGINT)
    assert (status, said) == (130, "fwplan: interrupted; nothing is left of the rehearsal\n")
    assert running.is_gone()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_when_it_is_killed(running: Running, number: signal.Signals) -> None:
    status, _ = running.end(number)
    assert status == -number
    wait_for(running.is_gone)


def test_nothing_is_left_when_it_is_killed_before_it_knows_what_to_do() -> None:
    command = subprocess.Popen([FWPLAN, "rehearse", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: bool(children(command.pid)))
    (keeper,) = children(command.pid)
    command.kill()
    _, said = command.communicate()
    wait_for(lambda: not is_alive(keeper))
    assert said == ""


def test_a_lab_that_ends_is_trouble(running: Running) -> None:
    status, said = running.end(signal.SIGKILL, of=running.inside)
    assert (status, said) == (2, "fwplan: the lab ended without a word\n")
    assert running.is_gone()
