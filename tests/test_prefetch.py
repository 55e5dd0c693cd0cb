"""The host's rules are read while definitions are; libnftables is not made for two threads at once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from fwplan.errors import HostError
from fwplan.host import system as system_module
from fwplan.host.prefetch import PrefetchingSystem
from fwplan.nft.objects import Table

if TYPE_CHECKING:
    from fwplan.host.system import System

_TABLES = (Table("ip", "first"), Table("ip6", "first"))


class _Library:
    """libnftables, as slow as for a long listing; counts the threads that are in it."""

    lock = threading.Lock()
    inside = 0
    most = 0
    asked: list[str]

    def __init__(self) -> None:
        with self.lock:
            _Library.inside += 1
            _Library.most = max(_Library.most, _Library.inside)

    def __del__(self) -> None:
        with self.lock:
            _Library.inside -= 1

    def set_json_output(self, _: object) -> None:
        pass

    set_handle_output = set_json_output

    def cmd(self, commands: str) -> tuple[int, str, str]:
        self.asked.append(commands)
        time.sleep(0.05)
        return 1, "", "Error: No such file or directory"


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> type[_Library]:
    _Library.inside, _Library.most, _Library.asked = 0, 0, []
    monkeypatch.setattr(system_module, "_nftables", _Library)
    monkeypatch.setattr(PrefetchingSystem, "generation", lambda _: 1)
    return _Library


def test_no_two_threads_are_in_libnftables(library: type[_Library]) -> None:
    system: System = PrefetchingSystem(_TABLES)
    system.load_nftables()
    system.list_nftables([Table("ip", "another")])
    system.list_nftables(_TABLES)
    assert library.most == 1
    assert len(library.asked) == 3


def test_what_was_read_is_read_again_when_the_ruleset_has_changed(
    library: type[_Library], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = PrefetchingSystem(_TABLES)
    system.list_nftables(_TABLES)
    assert len(library.asked) == 2
    monkeypatch.setattr(PrefetchingSystem, "generation", lambda _: 2)
    system.list_nftables(_TABLES)
    assert len(library.asked) == 4


def test_that_there_is_no_libnftables_is_told_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise HostError("libnftables cannot be loaded")

    monkeypatch.setattr(system_module, "_nftables", missing)
    monkeypatch.setattr(PrefetchingSystem, "generation", lambda _: 1)
    system = PrefetchingSystem(_TABLES)
    for ask in (system.load_nftables, lambda: system.list_nftables(_TABLES)):
        with pytest.raises(HostError, match="libnftables cannot be loaded"):
            ask()
