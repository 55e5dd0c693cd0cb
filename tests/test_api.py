"""`import fwplan`: three lines do what a command does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fwplan

_ROOT = Path(__file__).parent.parent
_NAT = _ROOT / "examples" / "nat.xml"


def test_three_lines_do_what_plan_does() -> None:
    network = fwplan.load(_NAT)
    text = fwplan.render(fwplan.make_plan([network]))
    command = [str(Path(sys.executable).with_name("fwplan")), "plan", "--width=80", str(_NAT)]
    assert text == subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_three_lines_do_what_check_does() -> None:
    reading = fwplan.examine(_NAT.read_bytes().replace(b"virbr0", b"much-too-long-a-name"))
    assert [problem.severity for problem in reading.problems] == [fwplan.Severity.ERROR]
    assert "15 is the most" in reading.problems[0].message


def test_three_lines_do_what_explain_does() -> None:
    (explanation,) = fwplan.explain([fwplan.load(_NAT)])
    assert (explanation.network.kind, explanation.bridge) == (fwplan.Kind.MANAGED, "virbr0")
    assert explanation.serves_dhcp


def test_three_lines_do_what_audit_does() -> None:
    host = fwplan.load_host(_ROOT / "examples/hosts/docker.json")
    plan = fwplan.make_plan([fwplan.load(_NAT)], backend=fwplan.likely_backend(host))
    (finding,) = fwplan.audit_host(host, plan)
    assert (finding.code, finding.level) == (fwplan.Code.REFUSED, fwplan.Level.ERROR)
    assert finding.owner == fwplan.Owner("Docker", "Docker sets the policy of FORWARD to drop", is_sure=False)


def test_every_operation_says_why() -> None:
    plan = fwplan.make_plan([fwplan.load(_NAT)])
    assert all(operation.intent.reason for operation in plan.operations)


def test_what_is_wrong_raises_one_kind_of_error(tmp_path: Path) -> None:
    with pytest.raises(fwplan.FwplanError, match="No such file"):
        fwplan.load(tmp_path / "missing.xml")
    with pytest.raises(fwplan.InvalidDefinitionError) as refused:
        fwplan.read_network(b"<network><name>a</name><forward mode='nat'/></network>")
    assert isinstance(refused.value, fwplan.FwplanError)
    assert refused.value.problems


@pytest.mark.parametrize("name", fwplan.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(fwplan, name) is not None
    assert name in dir(fwplan)
    if callable(getattr(fwplan, name)):
        assert getattr(fwplan, name).__doc__


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = fwplan.nothing


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(fwplan.__file__).parent / "py.typed").exists()


def test_importing_fwplan_imports_no_room() -> None:
    code = "import sys, fwplan; print([name for name in sys.modules if name.startswith(('fwplan.', 'lxml'))])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
