"""`fwplan audit`: files in, findings out, in four formats, with an exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from audit_examples import EXAMPLES, ROOT
from click.testing import CliRunner
from listed import docker
from planned_hosts import host, saved
from prometheus_client.parser import text_string_to_metric_families
from sarif_form import faults

from fwplan.audit.finding import Code, Level
from fwplan.cli.program import program
from fwplan.network.read import read_network
from fwplan.plan.plan import Backend, make_plan

if TYPE_CHECKING:
    from audit_examples import Example
    from click.testing import Result

NAT = str(ROOT / "examples/nat.xml")
FORMATS = ("text", "json", "sarif", "prometheus")
HARD = "a \"b' \\ \t\u2028\u202e\u0085%s{}é"
"""A name that libvirt takes, and every format has to quote in its own way."""


def audit(*arguments: str, given: str | bytes = "") -> Result:
    return CliRunner().invoke(program, ["audit", *arguments], input=given)


def plan(*, backend: Backend = Backend.NFTABLES) -> Any:  # noqa: ANN401 - a plan
    return make_plan([read_network(Path(NAT).read_bytes())], backend=backend)


def written(folder: Path, name: str, content: object) -> str:
    """A file; what is no text as JSON."""
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(file)


@pytest.fixture
def clean(tmp_path: Path) -> str:
    """A host as planned."""
    return written(tmp_path, "clean.json", host(plan()))


@pytest.fixture
def with_docker(tmp_path: Path) -> str:
    """A host on which Docker refuses to forward."""
    return written(tmp_path, "docker.json", host(plan(), docker()))


def given(example: Example, folder: Path) -> list[str]:
    """The arguments that hold the host of an example against its definitions."""
    files = [written(folder, "lab 1%.xml", example.definition.decode())] if example.definition else []
    files = files or [str(ROOT / file) for file in example.files]
    return [*files, "--ruleset", written(folder, "host.json", example.bundle), "--backend", example.backend.value]


# Exit status


def test_a_clean_host_is_status_0(clean: str) -> None:
    result = audit(NAT, "--ruleset", clean)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "1 network, 16 rules: nothing to find.\n"


def test_notes_are_status_0(tmp_path: Path) -> None:
    seen = host(plan())
    seen["settings"]["net.bridge.bridge-nf-call-iptables"] = "1"
    result = audit(NAT, "--ruleset", written(tmp_path, "note.json", seen))
    assert result.exit_code == 0
    assert result.stdout.endswith("\n1 network, 16 rules: 1 note.\n")


@pytest.mark.parametrize("format_name", FORMATS)
def test_findings_are_status_1(with_docker: str, format_name: str) -> None:
    result = audit(NAT, "--ruleset", with_docker, "--format", format_name)
    assert (result.exit_code, result.stderr) == (1, "")


def test_a_warning_is_status_1(tmp_path: Path) -> None:
    example = next(example for example in EXAMPLES if example.code is Code.PARTLY_REFUSED)
    assert audit(NAT, "--ruleset", written(tmp_path, "host.json", example.bundle)).exit_code == 1


def test_a_definition_that_is_not_valid_is_status_1_and_told_with_its_line(clean: str, tmp_path: Path) -> None:
    file = written(tmp_path, "bad.xml", "<network>\n<name>bad</name>\n<forward mode='nowhere'/></network>")
    result = audit(file, "--ruleset", clean)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{file}:3:" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no-such.xml", "--ruleset", "CLEAN"), "fwplan: cannot read no-such.xml: No such file or directory"),
        ((NAT, "--ruleset", "no-such.json"), "fwplan: cannot read no-such.json: No such file or directory"),
        ((NAT, "--ruleset", "CLEAN", "--ruleset", "CLEAN"), "it has addresses, which CLEAN has too"),
        (("-", "--ruleset", "-"), "fwplan: standard input, which '-' stands for, can be read once only"),
        ((NAT, "--ruleset", "CLEAN", "--backend", "ebtables"), "'ebtables' is not one of 'nftables', 'iptables'"),
        ((), "Missing argument 'FILE…'"),
    ],
)
def test_trouble_is_status_2(clean: str, arguments: tuple[str, ...], message: str) -> None:
    result = audit(*(clean if argument == "CLEAN" else argument for argument in arguments))
    assert (result.exit_code, result.stdout) == (2, "")
    assert message.replace("CLEAN", clean) in result.stderr


# What is given


def test_a_host_and_a_definition_come_by_standard_input(with_docker: str) -> None:
    by_name = audit(NAT, "--ruleset", with_docker)
    by_input = audit(NAT, "--ruleset", "-", given=Path(with_docker).read_bytes())
    assert (by_input.exit_code, by_input.stdout) == (by_name.exit_code, by_name.stdout)
    definition = audit("-", "--ruleset", with_docker, given=Path(NAT).read_bytes())
    assert (definition.exit_code, definition.stdout) == (by_name.exit_code, by_name.stdout)


def test_what_nft_lists_is_a_host(tmp_path: Path) -> None:
    listing = written(tmp_path, "ruleset.json", host(plan(), docker())["nftables"])
    result = audit(NAT, "--ruleset", listing)
    assert result.exit_code == 1
    assert "Docker refuses it\n      (policy drop of FORWARD)" in result.stdout


def test_what_iptables_and_ip6tables_save_is_a_host_in_one_file_or_in_two(tmp_path: Path) -> None:
    of_iptables = plan(backend=Backend.IPTABLES)
    texts = [saved(of_iptables, "iptables", {"FORWARD": "DROP"}), saved(of_iptables, "ip6tables")]
    two = [written(tmp_path, f"{number}.save", text) for number, text in enumerate(texts)]
    one = written(tmp_path, "both.save", "".join(texts))
    by_two = audit(NAT, "--ruleset", two[0], "--ruleset", two[1])
    by_one = audit(NAT, "--ruleset", one)
    assert (by_one.exit_code, by_one.stdout) == (by_two.exit_code, by_two.stdout)
    assert "nothing of nftables was looked at: rules of others there may refuse" in by_one.stdout
    assert "FW1" not in by_one.stdout


def test_rules_of_ip6tables_that_do_not_say_so_are_known_by_their_addresses(tmp_path: Path) -> None:
    text = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -s 2001:db8::/32 -j ACCEPT\nCOMMIT\n"
    result = audit(NAT, "--ruleset", written(tmp_path, "rules.v6", text), "--format", "json")
    told = {finding["place"] for finding in json.loads(result.stdout)["findings"] if finding["code"] == "FW305"}
    assert told == {"nftables", "iptables", "addresses, routes, settings"}


# Formats


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.code.value)
def test_text_shows_each_code_in_80_columns(example: Example, tmp_path: Path) -> None:
    files = [written(tmp_path, "lab.xml", example.definition.decode())] if example.definition else []
    files = files or [str(ROOT / file) for file in example.files]
    result = audit(
        *files, "--ruleset", written(tmp_path, "host.json", example.bundle), "--backend", example.backend.value
    )
    assert f"\n{example.code.value} " in f"\n{result.stdout}"
    # a command stays in one line, so that it can be copied
    long = {line.strip().split(" ")[0] for line in result.stdout.splitlines() if len(line) > 80}
    assert long <= {"fwplan", "iptables", "nft"}


def test_all_details_are_shown_if_asked_for(tmp_path: Path) -> None:
    seen = host(plan())
    seen["nftables"]["nftables"] = seen["nftables"]["nftables"][:1]
    file = written(tmp_path, "host.json", seen)
    assert "and 4 more (--all)" in audit(NAT, "--ruleset", file).stdout
    assert "more (--all)" not in audit(NAT, "--ruleset", file, "--all").stdout


def test_what_is_told_of_many_networks_is_told_of_three_and_the_others_are_named(tmp_path: Path) -> None:
    text = Path(NAT).read_text(encoding="utf-8")
    files = [
        written(
            tmp_path,
            f"{n}.xml",
            text.replace("default", f"net{n}").replace("virbr0", f"virbr{n}").replace("122", str(n)),
        )
        for n in range(12)
    ]
    plans = make_plan([read_network(Path(file).read_bytes()) for file in files])
    seen = written(tmp_path, "host.json", host(plans, docker()))
    shown = audit(*files, "--ruleset", seen).stdout
    assert shown.count("Docker refuses it") == 3
    assert "FW201 the same of network 'net3', 'net4', 'net5', 'net6', 'net7', 'net8' and 3\n      more (--all)" in shown
    assert shown.endswith("12 networks, 126 rules: 12 errors.\n")
    assert audit(*files, "--ruleset", seen, "--all").stdout.count("Docker refuses it") == 12


def test_json_has_all_that_is_known_of_a_finding(with_docker: str) -> None:
    document = json.loads(audit(NAT, "--ruleset", with_docker, "--format", "json").stdout)
    assert (document["fwplan"], document["networks"]) == (1, ["default"])
    (finding,) = document["findings"]
    assert finding.keys() == {"code", "level", "title", "network", "place", "message", "details", "owner", "remedy"}
    assert (finding["code"], finding["level"], finding["network"]) == ("FW201", "error", "default")
    assert finding["owner"] == {
        "name": "Docker",
        "because": "Docker sets the policy of FORWARD to drop",
        "sure": False,
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.code.value)
def test_sarif_has_its_form(example: Example, tmp_path: Path) -> None:
    result = audit(*given(example, tmp_path), "--format", "sarif")
    document = json.loads(result.stdout)
    assert faults(document) == []
    (run,) = document["runs"]
    told = [finding.code.value for finding in example.findings]
    assert [each["ruleId"] for each in run["results"]] == told
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert [rules[each["ruleIndex"]] for each in run["results"]] == told
    assert [each["level"] for each in run["results"]] == [finding.level.value for finding in example.findings]
    assert all("physicalLocation" in each["locations"][0] for each in run["results"])


def test_prometheus_counts_findings_by_network_level_and_code(with_docker: str) -> None:
    text = audit(NAT, "--ruleset", with_docker, "--format", "prometheus").stdout
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families.keys() == {"fwplan_audit_findings", "fwplan_audit_finding"}
    counts = {tuple(sample.labels.values()): sample.value for sample in families["fwplan_audit_findings"].samples}
    assert counts == {
        **{("", level.value): 0 for level in Level},
        **{("default", level.value): int(level is Level.ERROR) for level in Level},
    }
    (sample,) = families["fwplan_audit_finding"].samples
    assert (sample.labels, sample.value) == ({"network": "default", "code": "FW201"}, 1)


@pytest.mark.parametrize("format_name", FORMATS)
def test_no_name_breaks_a_format(tmp_path: Path, format_name: str) -> None:
    network = Path(NAT).read_text(encoding="utf-8").replace("<name>default</name>", f"<name>{HARD}</name>")
    file = written(tmp_path, "a file.xml", network)
    comment = 'by \x1b[31m\u202e"me"\n# not a line'
    others = docker()
    others[1]["chain"]["comment"] = comment
    seen = host(make_plan([read_network(network.encode())]), others)
    result = audit(file, "--ruleset", written(tmp_path, "host.json", seen), "--format", format_name)
    assert (result.exit_code, result.stderr) == (1, "")
    match format_name:
        case "text":
            assert all(character.isprintable() or character == "\n" for character in result.stdout)
        case "json":
            assert json.loads(result.stdout)["networks"] == [HARD]
        case "sarif":
            assert faults(json.loads(result.stdout)) == []
        case _:
            (counted, _) = text_string_to_metric_families(result.stdout)
            assert {sample.labels["network"] for sample in counted.samples} == {"", HARD}
            assert all(line.startswith(("#", "fwplan_audit_")) for line in result.stdout.rstrip("\n").split("\n"))


@pytest.mark.parametrize("format_name", FORMATS)
def test_bytes_that_are_no_utf8_break_no_format(tmp_path: Path, format_name: str) -> None:
    of_iptables = plan(backend=Backend.IPTABLES)
    jump = "[0:0] -A FORWARD -j LIBVIRT_FWX"
    dropped = '[0:0] -A FORWARD -m comment --comment "X" -j DROP'
    text = saved(of_iptables, "iptables").replace(jump, f"{dropped}\n{jump}")
    file = tmp_path / "host.save"
    file.write_bytes(text.encode().replace(b'"X"', b'"\xff\xfe"'))
    result = audit(NAT, "--ruleset", str(file), "--format", format_name)
    assert result.exit_code == 1
    assert "DROP" in result.stdout or format_name == "prometheus"
    result.stdout.encode("utf-8")
