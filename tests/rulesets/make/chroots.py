"""File systems with the software in them, made by debootstrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces import run

if TYPE_CHECKING:
    from pathlib import Path

    from scenario import Scenario

_LATER = "forky"
"""The Debian that comes after those that the software runs in."""
_PACKAGES = (
    *("aardvark-dns", "busybox-static", "conntrack", "dbus", "dnsmasq-base", "docker.io", "fail2ban", "firewalld"),
    *("ipset", "iproute2", "iptables", "netavark", "nftables", "procps", "psmisc", "ufw"),
    *("python3-click", "python3-lxml", "python3-nftables"),
)
_MORE_PACKAGES = {
    "bookworm": (),
    "trixie": ("docker-cli", "incus-base", "incus-client", "libvirt-clients", "libvirt-daemon-driver-network"),
}
_DOWNLOADS = {
    "bookworm": ("iptables-persistent", "libvirt-daemon-system", "netfilter-persistent"),
    "trixie": (f"docker.io/{_LATER}",),
}
"""What conflicts with the above, or is of a later Debian: unpacked at /opt/NAME."""


def ready(folder: Path, what: Scenario) -> Path:
    """The file system that a fixture needs, made if it is not there; a folder of its Debian's name in `folder`."""
    root = folder / what.debian
    if not (root / "ready").exists():
        _make(root, what.debian)
    return root


def _make(root: Path, debian: str) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    run("debootstrap", "--variant=minbase", "--include=ca-certificates", debian, str(root))
    # A service that a package brings is not started.
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    sources_list = root / "etc/apt/sources.list"
    mirror = sources_list.read_text().split()[1]
    suites = (debian, f"{debian}-updates", *(suite for suite in (_LATER,) if debian == "trixie"))
    sources = [f"deb {mirror} {suite} main" for suite in suites]
    sources.append(f"deb {mirror}-security {debian}-security main")
    sources_list.write_text("\n".join(sources) + "\n")
    # Nothing comes from the later Debian unless it is asked for. A copy of its lists may be old.
    (root / "etc/apt/preferences.d/later").write_text(f"Package: *\nPin: release n={_LATER}\nPin-Priority: 50\n")
    (root / "etc/apt/apt.conf.d/99later").write_text('Acquire::Check-Valid-Until "false";\n')
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
    packages = " ".join((*_PACKAGES, *_MORE_PACKAGES[debian]))
    _shell(root, f"apt-get update && {install} {packages} </dev/null")
    for download in _DOWNLOADS[debian]:
        name = download.partition("/")[0]
        _shell(
            root, f"cd /tmp && apt-get download {download} && dpkg-deb -x {name}_*.deb /opt/{name} && rm {name}_*.deb"
        )
    (root / "ready").touch()


def _shell(root: Path, line: str) -> None:
    run("chroot", str(root), "env", "LC_ALL=C.UTF-8", "sh", "-euc", line)
