"""Makes one variant of a fixture. It is started in new namespaces of every kind, in which it is the host.

    inside.py FIXTURE VARIANT CHROOT OUTPUT
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import flows
import scenario
import world
from listing import Root, dump, host
from spaces import run
from tracing import Step, Tracer, first_packet

_PROJECT = Path(__file__).parents[3]


def main(fixture: Path, variant: str, chroot: Path, output: Path) -> None:
    """Build the host, run the software, list the rules, send packets, and write all down."""
    what = scenario.read(fixture)
    root = Root(_mount(chroot, fixture), what.legacy)
    world.make_host()
    _mount_late(root.place)
    for name, value in what.settings.items():
        world.set_system(name, value)
    if what.network == "maker":
        world.make_bridge()
        world.make_guests()
    steps = [lambda: _script(root, variant, "setup.sh"), lambda: _libvirt(root, what, variant)]
    for step in reversed(steps) if what.libvirt_first else steps:
        step()
    if what.network == "software":
        world.make_guests()
    if (fixture / "afterwards.sh").exists():
        _script(root, variant, "afterwards.sh")
    world.wait_for_ports()
    root.save_all(output)
    output.joinpath("host.json").write_text(dump(host(root, what.packages)), encoding="utf-8")
    output.joinpath("truth.json").write_text(dump(_truth(root, variant), levels=3), encoding="utf-8")


def _mount(chroot: Path, fixture: Path) -> Path:
    """The host's file system: the prepared one, with everything that is written kept in memory and lost afterwards."""
    top = Path("/mnt")
    run("mount", "-t", "tmpfs", "none", str(top))
    upper, work, root = top / "upper", top / "work", top / "root"
    for folder in (upper, work, root):
        folder.mkdir()
    run("mount", "-t", "overlay", "none", "-o", f"lowerdir={chroot},upperdir={upper},workdir={work}", str(root))
    run("mount", "-t", "proc", "proc", str(root / "proc"))
    run("mount", "-t", "sysfs", "sysfs", str(root / "sys"))
    run("mount", "--rbind", "/sys/fs/cgroup", str(root / "sys/fs/cgroup"))
    run("mount", "--rbind", "/dev", str(root / "dev"))
    (root / "project").mkdir()
    run("mount", "--bind", "-o", "ro", str(_PROJECT), str(root / "project"))
    shutil.copytree(fixture, root / "fixture")
    # Nobody is asked about names: a DNS service answers at once that it does not know.
    (root / "etc/resolv.conf").write_text("", encoding="ascii")
    return root


def _mount_late(root: Path) -> None:
    """The host's /run is the one that holds the names of the namespaces."""
    run("mount", "--rbind", "/run", str(root / "run"))


def _script(root: Root, variant: str, name: str) -> None:
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "LIBVIRT": variant.removeprefix("libvirt-"),
    }
    log = root.place / "setup.log"
    with log.open("a") as output:
        done = subprocess.run(
            ("chroot", str(root.place), "sh", "-eu", f"/fixture/{name}"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",
            check=False,
        )
    if done.returncode != 0 or "SHOW" in os.environ:
        sys.stderr.write(log.read_text(errors="replace"))
    if done.returncode != 0:
        raise RuntimeError(f"{name} ended with status {done.returncode}")


def _libvirt(root: Root, what: scenario.Scenario, variant: str) -> None:
    """What libvirt does for a network that starts: forwarding, DHCP and DNS, rules."""
    if what.forwarding:
        world.set_system("net/ipv4/ip_forward", "1")
    if what.network == "software":
        return
    root.run(
        *("dnsmasq", "--conf-file=/dev/null", "--strict-order", "--except-interface=lo", "--bind-dynamic"),
        *(f"--interface={world.BRIDGE}", "--dhcp-range=192.168.122.2,192.168.122.254,255.255.255.0"),
        *("--dhcp-no-override", "--dhcp-authoritative", "--dhcp-lease-max=253", "--no-ping", "--no-resolv"),
        *("--pid-file=/run/dnsmasq.pid", "--dhcp-leasefile=/run/dnsmasq.leases", "--user=root"),
    )
    if variant != "alone":
        # With the host's own libnftables: an older one may not be able to read what a newer nft has put there.
        root.run(
            *("env", "PYTHONPATH=/project", "PYTHONDONTWRITEBYTECODE=1"),
            *("python3", "-c", "from fwplan.cli import main; main()"),
            *("apply", "/project/examples/nat.xml", "--backend", variant.removeprefix("libvirt-")),
        )


def _truth(root: Root, variant: str) -> dict[str, Any]:
    with Tracer(root.run) as tracer:
        return {
            "network": "default",
            "rules of libvirt": variant.removeprefix("libvirt-") if variant != "alone" else "none",
            "flows": [_true(root, flow, tracer, promised=variant != "alone") for flow in flows.flows()],
        }


def _true(root: Root, flow: flows.Flow, tracer: Tracer, *, promised: bool) -> dict[str, Any]:
    tracer.steps()
    before = _legacy_counters(root)
    result = flow.send()
    steps = tracer.steps()
    passes = result.answer == "answered"
    return {
        "flow": flow.name,
        "from": flow.source,
        "to": flow.destination,
        **({"promise": flow.promise} if promised and flow.promise else {}),
        **({"promised source": flow.promised_source} if promised and flow.promised_source else {}),
        "outcome": "passes" if passes else "refused",
        "answer": result.answer,
        **({"seen as": result.seen_as} if result.seen_as else {}),
        "culprit": None if passes else _culprit(root, flow, steps) or _legacy_culprit(root, before),
        **_cause(flow, steps, passes=passes, promised=promised),
        "met": [_met(step) for step in first_packet(steps, flow.source.split(":")[0])],
    }


def _met(step: Step) -> str:
    place = f"{step.family} {step.table} {step.chain}"
    return f"{place} policy: {step.verdict}" if step.handle is None else f"{place} {step.handle}: {step.verdict}"


def _culprit(root: Root, flow: flows.Flow, steps: tuple[Step, ...]) -> dict[str, Any] | None:
    step = next((step for step in steps if step.refuses), None)
    if step is None:
        return None
    native, iptables = root.rule(step)
    return {
        "table": f"{step.family} {step.table}",
        "chain": step.chain,
        "handle": step.handle,
        "rule": native,
        **({"iptables": iptables} if iptables else {}),
        "packet": "request" if step.source == flow.source.split(":")[0] else f"answer, from {step.source}",
    }


def _legacy_counters(root: Root) -> list[str]:
    return root.save("ip").splitlines() if root.legacy else []


def _legacy_culprit(root: Root, before: list[str]) -> dict[str, Any] | None:
    """The rule, or policy, of iptables-legacy that refuses and whose counter has moved; nf_tables cannot trace it."""
    table = ""
    for old, new in zip(before, _legacy_counters(root), strict=True):
        table = new[1:] if new.startswith("*") else table
        if old == new or new.startswith("#"):
            continue
        refusing_rule = re.search(r"-j (?:DROP|REJECT)", new)
        if refusing_rule or re.match(r":\S+ DROP ", new):
            rule = re.sub(r"^\[\d+:\d+\] | \[\d+:\d+\]$", "", new)
            chain = rule.split()[1] if refusing_rule else rule.split()[0][1:]
            return {"table": f"ip {table}", "chain": chain, "handle": None, "iptables": rule, "packet": "request"}
    return None


def _cause(flow: flows.Flow, steps: tuple[Step, ...], *, passes: bool, promised: bool) -> dict[str, str]:
    """Why a flow does what was not promised, where no rule refuses it."""
    if passes:
        return {"cause": "no rule refuses it"} if promised and flow.promise == "refused" else {}
    if any(step.refuses for step in steps):
        return {}
    if "outside" in flow.name and world.get_system("net/ipv4/ip_forward") == "0":
        return {"cause": "the host does not forward: net.ipv4.ip_forward is 0"}
    return {}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
