"""Makes one variant of a fixture. It is started in new namespaces of every kind, in which it is the host.

inside.py FIXTURE VARIANT CHROOT OUTPUT
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import scenario
import world
from listing import Root, dump, host
from spaces import run
from truth import truth

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
    if what.libvirt_first:
        _libvirt(root, what, variant)
    _script(root, variant, "setup.sh")
    if not what.libvirt_first:
        _libvirt(root, what, variant)
    if what.network == "software":
        world.make_guests()
    if (fixture / "afterwards.sh").exists():
        _script(root, variant, "afterwards.sh")
    world.wait_for_ports()
    root.save_all(output)
    output.joinpath("host.json").write_text(dump(host(root, what.packages)), encoding="utf-8")
    output.joinpath("truth.json").write_text(dump(truth(root, variant), levels=3), encoding="utf-8")


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
    if done.returncode != 0:
        sys.stderr.write(log.read_text(errors="replace"))
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
            # in which zone the bridge is, if any, is the fixture's to say
            *("--firewalld", "off"),
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
