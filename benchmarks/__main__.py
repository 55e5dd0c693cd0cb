"""`python -m benchmarks`: measures, and prints each figure as a ratio within the run."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest

_RATIOS = (
    ("fwplan plan, 1,000 files / nft -c -f", "test_preview_of_1000_networks", "test_nft_checks_the_script", 3.0),
    (
        "fwplan plan, 1 file / python3 -c 'import lxml.etree'",
        "test_preview_of_1_network",
        "test_python_imports_lxml",
        5.0,
    ),
    ("fwplan apply, 1,000 files / nft -f", "test_apply_1000_networks", "test_nft_loads_the_ruleset", 2.5),
    ("fwplan apply, nothing to do / nft -j list ruleset", "test_apply_again", "test_nft_lists_the_ruleset", 3.0),
    (
        "fwplan apply, 1 more beside 1,000 / nft -j list ruleset",
        "test_apply_one_more",
        "test_nft_lists_the_ruleset",
        3.0,
    ),
    (
        "fwplan trace, 1,000 networks / nft -j list ruleset",
        "test_trace_on_1000_networks",
        "test_nft_lists_1000_networks",
        2.2,
    ),
    ("fwplan prove, 100 files / 1 file", "test_proof_of_100_networks", "test_proof_of_1_network", 10.0),
    (
        "fwplan audit, 1,000 networks / nft -j list ruleset",
        "test_audit_of_1000_networks",
        "test_nft_lists_what_is_audited",
        4.0,
    ),
    (
        "fwplan audit beside Docker / nft -j list ruleset",
        "test_audit_of_1000_networks_beside_docker",
        "test_nft_lists_what_is_audited_beside_docker",
        4.0,
    ),
    ("fwplan apply, 200 files / one process a rule", "test_apply_200_networks", "test_one_process_a_rule", 1.0),
    ("reading 10,000 rules / nft -j list ruleset", "test_read_10000_rules", "test_nft_lists_the_ruleset", 1.0),
    (
        "20 packets for each of 1,000 networks / nft -j list ruleset",
        "test_20_packets_for_each_of_1000_networks",
        "test_nft_lists_the_ruleset",
        2.0,
    ),
    ("reading 19,000 rules / iptables-nft-save", "test_read_saved_rules", "test_iptables_saves_the_ruleset", 3.0),
    (
        "2 packets for each of 1,000 networks / iptables-nft-save",
        "test_walk_through_saved_rules",
        "test_iptables_saves_the_ruleset",
        5.0,
    ),
)


def main() -> int:
    """Run the benchmarks, and hold their medians against each other."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        arguments = [
            str(Path(__file__).parent),
            "--benchmark-only",
            f"--benchmark-json={report}",
            "-q",
            "-rs",
            "-p",
            "no:randomly",
        ]
        status = pytest.main([*arguments, "-p", "no:xdist"])
        if status != pytest.ExitCode.OK or not report.exists():
            return int(status) or 2
        measured = json.loads(report.read_text(encoding="utf-8"))["benchmarks"]
    medians = {entry["name"]: entry["stats"]["median"] for entry in measured}
    print()
    for title, ours, theirs, goal in _RATIOS:
        if ours in medians and theirs in medians:
            ratio = medians[ours] / medians[theirs]
            print(
                f"{title:<56} {medians[ours] * 1000:6.0f} ms / {medians[theirs] * 1000:6.0f} ms"
                f" = {ratio:5.2f}  (goal: {goal:g})"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
