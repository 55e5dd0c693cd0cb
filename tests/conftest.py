"""What holds for the whole run: how many examples a property is tried with, and that no test is left out unseen.

`FWPLAN_PROFILE=long pytest` tries each property with twenty times as many examples.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of a property: neither a slow example nor slow drawing of examples fails a test.
settings.register_profile(
    "default", max_examples=100, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", settings.get_profile("default"), max_examples=2000)
# a change is not refused for an example that it did not bring; others are drawn by `make test`, and many by `make long`
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.load_profile(os.environ.get("FWPLAN_PROFILE", "default"))


def _skipped(config: pytest.Config) -> Counter[str]:
    """How many tests were skipped, by reason. Empty in a worker of xdist: the controller gets all reports."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return Counter()
    reasons = (report.longrepr[2] for report in reporter.stats.get("skipped", ()))
    return Counter(reason.removeprefix("Skipped: ") for reason in reasons)


def _figures(reporter: pytest.TerminalReporter) -> list[str]:
    """What tests counted, and left as their property `figure`; or, several of them together, as `tally`.

    A tally is a sentence with places for the `total` of a number and how many `tests` left one, and the number.
    """
    reports = (report for report in reporter.stats.get("passed", ()) if isinstance(report, pytest.TestReport))
    left = [(name, value) for report in reports for name, value in report.user_properties]
    tallies: dict[str, list[int]] = {}
    for name, value in left:
        if name == "tally" and isinstance(value, list | tuple):
            tallies.setdefault(str(value[0]), []).append(int(value[1]))
    return sorted(
        [str(value) for name, value in left if name == "figure"]
        + [sentence.format(total=sum(numbers), tests=len(numbers)) for sentence, numbers in tallies.items()]
    )


def _is_ci() -> bool:
    return os.environ.get("CI") == "true"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _is_ci() and exitstatus == pytest.ExitCode.OK and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for figure in _figures(terminalreporter):
        terminalreporter.write_line(figure)
    skipped = _skipped(config)
    for reason, count in skipped.most_common():
        terminalreporter.write_line(f"skipped: {count} {'test' if count == 1 else 'tests'}: {reason}", yellow=True)
    if skipped and _is_ci():
        terminalreporter.write_line("CI=true: a skipped test fails the run; CI can run them all", red=True)
