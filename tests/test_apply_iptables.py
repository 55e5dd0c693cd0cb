"""`fwplan apply` and `fwplan remove` with the backend iptables, on the real kernel, for both kinds of iptables."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest
from apply_command import FWPLAN, Fwplan, definition
from iptables_kinds import KINDS, PROGRAMS, link_programs
from namespaces import Namespace, needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs("nft", "iptables-restore", "ip6tables-restore")

_BRIDGES = ("virbr1", "virbr2")
_COUNTERS = re.compile(r"^\[[0-9]+:[0-9]+\] ")
_OTHERS = """\
*filter
:DOCKER-USER - [0:0]
:ufw-user-input - [0:0]
[7:700] -A INPUT -m comment --comment "a \\"quoted\\" word" -j ufw-user-input
[8:800] -A FORWARD -j DOCKER-USER
[9:900] -A DOCKER-USER -o eth9 -m conntrack --ctstate NEW -j DROP
COMMIT
*nat
[5:500] -A POSTROUTING -o eth9 -j MASQUERADE
COMMIT
"""
"""Rules of Docker's, ufw's and an administrator's shape, with what they have counted."""


@pytest.fixture(params=KINDS)
def namespace(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Namespace]:
    links = tmp_path / "links"
    links.mkdir()
    with Namespace() as made:
        link_programs(made, request.param, links)
        made.bridges(_BRIDGES)
        monkeypatch.setenv("PATH", f"{links}:{os.environ['PATH']}")
        # the lock of iptables-legacy is one file for all network namespaces
        monkeypatch.setenv("XTABLES_LOCKFILE", str(tmp_path / "xtables.lock"))
        yield made


@pytest.fixture
def fwplan(namespace: Namespace, tmp_path: Path) -> Fwplan:
    return _Iptables(namespace, tmp_path / "state")


class _Iptables(Fwplan):
    """The commands with the backend iptables."""

    def __call__(self, command: str, *arguments: str, given: str = "") -> str:
        return super().__call__(command, *arguments, "--backend=iptables", given=given)


def _rules(namespace: Namespace, *, counted: bool = False) -> list[str]:
    """Private chains and rules, each with its program and table."""
    found = []
    for program in PROGRAMS:
        table = ""
        for line in namespace.run(f"{program}-save", "--counters").splitlines():
            if line.startswith("*"):
                table = line
            elif line.startswith("[") or line.split()[1:2] == ["-"]:
                found.append(f"{program} {table} {line if counted else _COUNTERS.sub('', line)}")
    return found


def _one_by_one(text: str) -> list[str]:
    """The rules that libvirt's own commands lead to, each run by itself."""
    with Namespace() as other:
        other.bridges(_BRIDGES)
        other.run(
            "sh", "-e", given=other.run(FWPLAN, "plan", "--format=commands", "--backend=iptables", "-", given=text)
        )
        return _rules(other)


@pytest.mark.parametrize("forward", ["", "<forward mode='nat'/>", "<forward mode='route'/>"])
def test_apply_comes_to_what_the_commands_come_to_one_by_one(
    forward: str, fwplan: Fwplan, namespace: Namespace
) -> None:
    text = definition(forward=forward)
    fwplan("apply", "-", given=text)
    assert _rules(namespace) == _one_by_one(text)
    assert fwplan("apply", "-", given=text).startswith("Nothing to do")
    assert _rules(namespace) == _one_by_one(text)


def test_rules_of_others_stay_byte_for_byte(fwplan: Fwplan, namespace: Namespace) -> None:
    for program in PROGRAMS:
        namespace.run(f"{program}-restore", "--noflush", "--counters", given=_OTHERS)
    before = _rules(namespace, counted=True)
    fwplan("apply", "-", given=definition())
    with_ours = _rules(namespace, counted=True)
    assert [line for line in with_ours if "LIBVIRT_" not in line] == before
    fwplan("apply", "-", given=definition(subnet="192.168.77", forward="<forward mode='route'/>"))
    assert [line for line in _rules(namespace, counted=True) if "LIBVIRT_" not in line] == before
    fwplan("remove", "lab")
    assert _rules(namespace, counted=True) == before


@pytest.mark.parametrize(
    "damage",
    [
        "iptables --table nat --flush LIBVIRT_PRT",
        "iptables --insert LIBVIRT_FWI --out-interface virbr1 --jump ACCEPT",
        "iptables --delete FORWARD --jump LIBVIRT_FWX",
        "ip6tables --delete INPUT --jump LIBVIRT_INP",
    ],
)
def test_damage_is_repaired(damage: str, fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", "-", given=definition())
    before = _rules(namespace)
    namespace.run(*damage.split())
    assert _rules(namespace) != before
    fwplan("apply", "-", given=definition())
    assert _rules(namespace) == before


def test_remove_by_name_takes_what_was_applied_though_the_definition_has_changed(
    fwplan: Fwplan, namespace: Namespace, tmp_path: Path
) -> None:
    file = tmp_path / "lab.xml"
    file.write_text(definition(), encoding="utf-8")
    fwplan("apply", str(file))
    file.write_text(definition(bridge="virbr2", subnet="192.168.77"), encoding="utf-8")
    fwplan("remove", "lab")
    assert _rules(namespace) == []


def test_a_run_that_was_killed_is_told_of_and_undone_by_the_next(
    fwplan: Fwplan, namespace: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fwplan("apply", "-", given=definition())
    before = _rules(namespace)
    programs = tmp_path / "killing"
    programs.mkdir()
    real = shutil.which("iptables-restore")
    (programs / "iptables-restore").write_text(f'#!/bin/sh\n{real} "$@"\nkill -KILL $PPID\n', encoding="utf-8")
    (programs / "iptables-restore").chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        assert fwplan.attempt("remove", "lab").returncode == -signal.SIGKILL
    assert _rules(namespace) != before
    left = _rules(namespace)
    shown = fwplan.attempt("remove", "lab", "--dry-run")
    assert "interrupted in 'remove lab': the next one that changes the host undoes it first" in shown.stderr
    assert _rules(namespace) == left
    other = definition("other", "virbr2", "192.168.10")
    done = fwplan.attempt("apply", "-", "--backend=iptables", given=other)
    assert "an earlier run was interrupted in 'remove lab': what it had done is undone" in done.stderr
    assert set(before) < set(_rules(namespace))


def test_the_lock_of_xtables_is_waited_for(fwplan: Fwplan, namespace: Namespace, tmp_path: Path) -> None:
    """iptables-nft knows no lock: it is not kept waiting."""
    held = 1.0
    ended: list[float] = []
    with (tmp_path / "xtables.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def end() -> None:
            time.sleep(held)
            ended.append(time.monotonic())
            fcntl.flock(lock, fcntl.LOCK_UN)

        holder = threading.Thread(target=end)
        holder.start()
        fwplan("apply", "-", given=definition())
        applied = time.monotonic()
        holder.join()
    legacy = "legacy" in namespace.run("iptables", "--version")
    assert not legacy or applied > ended[0]
    assert _rules(namespace) == _one_by_one(definition())


def test_a_network_that_changes_its_backend_moves_over(namespace: Namespace, tmp_path: Path) -> None:
    fwplan = Fwplan(namespace, tmp_path / "state")
    fwplan("apply", "-", given=definition())
    fwplan("apply", "-", "--backend=iptables", given=definition())
    assert _rules(namespace) == _one_by_one(definition())
    assert "libvirt_network" not in namespace.run("nft", "list", "tables")
    fwplan("apply", "-", given=definition())
    assert _rules(namespace) == []
    assert "libvirt_network" in namespace.run("nft", "list", "tables")


def test_without_the_target_checksum_is_done_or_refused_as_asked(fwplan: Fwplan, namespace: Namespace) -> None:
    """The kernel here may have the target, or not: the rule is there if it has, and what is said agrees."""
    done = fwplan.attempt("apply", "-", "--backend=iptables", given=definition())
    has_it = any("CHECKSUM" in line for line in _rules(namespace))
    assert ("target CHECKSUM" in done.stderr) == (not has_it)
    fwplan("remove", "lab")
    done = fwplan.attempt("apply", "-", "--backend=iptables", "--checksum=require", given=definition())
    assert (done.returncode == 0) == has_it
    fwplan("apply", "-", "--checksum=off", given=definition())
    assert not any("CHECKSUM" in line for line in _rules(namespace))
