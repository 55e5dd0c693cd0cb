"""`fwplan bench`: what it measures, what it makes of figures, and that packets come through under all rules."""

from __future__ import annotations

import json
from ipaddress import IPv4Address

import pytest
from click.testing import CliRunner
from lxml import etree

from fwplan.bench.cases import Case, Guest, Metric, Rules, cases
from fwplan.bench.figures import Machine, Report
from fwplan.bench.plot import plot_svg
from fwplan.bench.report import report_json, report_lines
from fwplan.bench.rulesets import MOST_NETWORKS, gateway, network
from fwplan.cli.program import program
from fwplan.network.together import conflicts
from fwplan.network.validate import validate
from fwplan.preview.layout import plain

_SIZES = (1, 10, 1000)


def _figures(factor: float) -> dict[tuple[Case, Metric], float]:
    """In libvirt's layout the first network of a thousand gets a tenth of what others get."""
    found = {}
    for case in cases(_SIZES):
        slow = case.rules is Rules.LIBVIRT and case.networks == 1000 and case.guest is Guest.FIRST
        for metric in Metric:
            found[case, metric] = factor * (10_000 if slow else 100_000) * (2 if case.rules is Rules.NONE else 1)
    return found


_REPORT = Report(Machine("6.1.0", 2, 0.25), 1, [_figures(1.0), _figures(3.0), _figures(1.1)])


def test_no_case_is_measured_twice() -> None:
    found = list(cases(_SIZES))
    assert len(found) == len(set(found)) == 5 + 8 + 8
    assert {case.guest for case in found if case.networks == 1} == {Guest.FIRST}
    assert [case.number for case in found if case.networks == 1000 and case.rules is Rules.MAPS] == [0, 999]


def test_the_networks_can_be_on_one_host() -> None:
    networks = [network(number) for number in range(300)]
    assert not [problem for each in networks for problem in validate(each)]
    assert conflicts(networks) == ()
    assert gateway(MOST_NETWORKS - 1).ip < IPv4Address("11.0.0.0")


def test_medians_are_told_and_ratios_are_those_within_a_round() -> None:
    case = Case(Rules.LIBVIRT, 1000, Guest.FIRST)
    assert _REPORT.value(case, Metric.PACKETS) == 11_000
    assert _REPORT.ratio(case, Metric.PACKETS) == pytest.approx(0.1)
    assert _REPORT.value(Case(Rules.NONE, 1000, Guest.LAST), Metric.PACKETS) is None


def test_a_table_fits_a_terminal_and_shows_each_metric() -> None:
    text = plain(report_lines(_REPORT))
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "Linux 6.1.0, 2 processors, load 0.2 before" in text
    assert text.count("1,000, the first") == len(Metric)
    assert "11 (0.10)" in text


def test_json_has_all_figures_of_all_rounds() -> None:
    document = json.loads(report_json(_REPORT))
    assert (document["fwplan"], document["seconds"], document["machine"]["processors"]) == (1, 1, 2)
    assert len(document["figures"]) == 3 * len(Metric) * len(list(cases(_SIZES)))
    assert {
        "round": 2,
        "rules": "libvirt",
        "networks": 1000,
        "guest": "first",
        "metric": "packets",
        "a_second": 30_000,
    } in (document["figures"])


def test_the_plot_has_a_line_for_each_kind_of_rules_and_says_the_same_in_words() -> None:
    root = etree.fromstring(plot_svg(_REPORT).encode())
    name = "{http://www.w3.org/2000/svg}"
    lines = root.findall(f"{name}polyline")
    assert len(lines) == 8
    assert all(len(line.get("points", "").split()) == len(_SIZES) for line in lines)
    described = root.findtext(f"{name}desc") or ""
    assert "libvirt, first network: 110, 110, 11" in described
    lowest = max(float(point.split(",")[1]) for line in lines for point in line.get("points", "").split())
    assert lowest < float(root.get("viewBox", "").split()[3])


def test_one_number_of_networks_can_be_drawn() -> None:
    alone = {key: value for key, value in _figures(1.0).items() if key[0].networks == 1}
    assert etree.fromstring(plot_svg(Report(Machine("6.1.0", 1, 0.0), 1, [alone])).encode()) is not None


@pytest.mark.parametrize("given", ["0", "1,", "a", "1,60000", ""])
def test_what_is_no_list_of_networks_is_refused(given: str) -> None:
    done = CliRunner().invoke(program, ["bench", "--networks", given])
    assert done.exit_code == 2
    assert "is no list of numbers from 1 to 50000" in done.output
