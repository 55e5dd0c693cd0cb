"""`fwplan graph`: of a host, live or saved, of a plan, and of a network's packets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from apply_command import FWPLAN
from click.testing import CliRunner
from lxml import etree
from namespaces import Namespace, needs

from fwplan.cli.program import program

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).parent.parent
NAT, OPEN = (str(ROOT / "examples" / f"{name}.xml") for name in ("nat", "open"))
HOST = str(ROOT / "examples" / "hosts" / "docker.json")


def graph(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(program, ["graph", *arguments], input=given)


@pytest.mark.parametrize(
    ("picture", "arguments"),
    [("graph.svg", ("--network", NAT)), ("graph-host.svg", ())],
)
def test_the_pictures_of_the_documentation_are_what_the_command_draws(picture: str, arguments: tuple[str, ...]) -> None:
    found = graph("--ruleset", HOST, *arguments)
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout == (ROOT / "docs" / picture).read_text(encoding="utf-8")


@pytest.mark.parametrize("format_name", ["svg", "dot", "mermaid"])
def test_a_plan_is_drawn_in_each_format(format_name: str) -> None:
    found = graph("--format", format_name, NAT)
    assert found.exit_code == 0
    assert "What network default leads to" in found.stdout
    assert "guest_output" in found.stdout


def test_a_plan_of_iptables_is_drawn() -> None:
    assert "LIBVIRT_FWI" in graph("--format", "mermaid", "--backend", "iptables", NAT).stdout


def test_a_network_without_rules_has_an_empty_picture() -> None:
    assert "There is no base chain: rules see no packet." in graph(OPEN).stdout


def test_a_title_is_what_is_asked_for() -> None:
    assert '<title id="title">&lt;Mine&gt;</title>' in graph("--title", "<Mine>", NAT).stdout


def test_a_plan_and_a_host_are_two_pictures() -> None:
    found = graph("--ruleset", HOST, NAT)
    assert found.exit_code == 2
    assert "name networks with --network" in found.stderr


def test_a_host_that_cannot_be_read_is_trouble(tmp_path: Path) -> None:
    found = graph("--ruleset", str(tmp_path / "none"))
    assert (found.exit_code, found.stdout) == (2, "")
    assert "cannot read" in found.stderr


def test_a_definition_that_is_not_valid_is_a_finding() -> None:
    found = graph("-", given="<network/>")
    assert (found.exit_code, found.stdout) == (1, "")


class TestLive:
    """The host that the command runs on."""

    pytestmark = needs("nft")

    def test_a_live_host_is_drawn(self) -> None:
        with Namespace() as namespace:
            namespace.run("nft", "table inet own { chain mine { type filter hook input priority 7; policy drop; }; }")
            found = namespace.run(FWPLAN, "graph")
        texts = ["".join(each.itertext()) for each in etree.fromstring(found.encode()).iter("{*}text")]
        assert "The rules of this host" in texts
        assert "inet own · priority 7 · no rules" in texts
