"""Every single change of every rule of a host is found, under the right code; and a host as planned is clean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from apply_command import Fwplan
from namespaces import Namespace, needs

from conformance.drift import with_changes, without_change
from fwplan.host.system import System
from fwplan.network.read import read_network
from fwplan.plan.plan import Backend, make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = needs("nft", "iptables-restore", "ip6tables-restore")

EXAMPLES = Path(__file__).parent.parent / "examples"
FILTERED = [path for path in sorted(EXAMPLES.rglob("*.xml")) if read_network(path.read_bytes()).meaning.filtered]
FIGURE = "drift: {total} single changes of {tests} rulesets, each found under its code"


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with Namespace() as made:
        for setting in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"):
            made.run("sh", "-c", f"echo 1 > /proc/sys/{setting}")
        yield made


@pytest.mark.parametrize("backend", Backend, ids=lambda backend: backend.value)
@pytest.mark.parametrize("file", FILTERED, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_each_change_of_a_ruleset_is_found(
    file: Path,
    backend: Backend,
    namespace: Namespace,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    network = read_network(file.read_bytes())
    assert network.bridge_name is not None
    namespace.bridges([network.bridge_name])
    Fwplan(namespace, tmp_path)("apply", "--backend", backend.value, str(file))
    plan = make_plan([network], backend=backend)
    with namespace.entered():
        assert without_change(System(), plan) is None
        found = list(with_changes(System(), plan))
    assert [f"{what}: {missed}" for what, missed in found if missed is not None] == []
    assert len({what for what, _ in found}) >= 8
    record_property("tally", (FIGURE, len(found)))
