"""Makes the fixtures of real rulesets again: `python3 tests/rulesets/make [FIXTURE ...]`, as root.

Needs a Debian (or Ubuntu) machine with Python 3.11, debootstrap, iproute2 and util-linux; nothing of PyPI.
Everything happens in namespaces, and in file systems that are made for it once (`--chroots`, 2 GB): the machine's own
rules, interfaces, settings and services are not touched.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import chroots
import scenario

_HERE = Path(__file__).parent
_FIXTURES = _HERE.parent


def main() -> int:
    """Make the fixtures that are named, or all."""
    parser = argparse.ArgumentParser(prog="make", description=__doc__.splitlines()[0])
    parser.add_argument("fixtures", nargs="*", metavar="FIXTURE", help="a folder beside this program; none: all")
    parser.add_argument("--chroots", type=Path, default=Path("/var/cache/fwplan-chroots"), metavar="FOLDER")
    parser.add_argument("--variant", help="only this variant")
    options = parser.parse_args()
    names = options.fixtures or sorted(place.parent.name for place in _FIXTURES.glob("*/fixture.toml"))
    failures = 0
    for name in names:
        what = scenario.read(_FIXTURES / name)
        chroot = chroots.ready(options.chroots.resolve(), what)
        for variant in what.variants:
            if options.variant in (None, variant):
                failures += not _make(_FIXTURES / name, variant, chroot)
    return 2 if failures else 0


def _make(fixture: Path, variant: str, chroot: Path) -> bool:
    sys.stderr.write(f"{fixture.name}/{variant} ...\n")
    with tempfile.TemporaryDirectory(dir=fixture) as made:
        done = subprocess.run(
            (
                *("unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"),
                *(sys.executable, str(_HERE / "inside.py"), str(fixture), variant, str(chroot), made),
            ),
            # what the tests listen to the kernel with serves here as well
            env={**os.environ, "PYTHONPATH": str(_FIXTURES.parent)},
            check=False,
        )
        _take_control_groups_away()
        if done.returncode != 0:
            return False
        folder = fixture / variant
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for new in Path(made).iterdir():
            new.rename(folder / new.name)
    return True


def _take_control_groups_away() -> None:
    """Containers leave empty control groups, which are not in a namespace."""
    for top in Path("/sys/fs/cgroup").glob("*/fwplan-rulesets"):
        for folder, _, _ in os.walk(top, topdown=False):
            Path(folder).rmdir()


if __name__ == "__main__":
    sys.exit(main())
