"""File systems with the software in them, made by debootstrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces import run

if TYPE_CHECKING:
    from pathlib import Path

    from scenario import Scenario

_MIRROR = "http://deb.debian.org/debian"
_PACKAGES = (
    *("aardvark-dns", "busybox-static", "conntrack", "dbus", "dnsmasq-base", "docker.io", "fail2ban", "firewalld"),
    *("ipset", "iproute2", "iptables", "netavark", "nftables", "procps", "psmisc", "ufw"),
    *("python3-click", "python3-lxml", "python3-nftables"),
)
_MORE_PACKAGES = {
    "bookworm": ("libvirt-daemon",),
    "trixie": ("docker-cli", "incus-base", "incus-client", "libvirt-clients", "libvirt-daemon-driver-network"),
}
_DOWNLOADS = {"bookworm": ("iptables-persistent", "libvirt-daemon-system", "netfilter-persistent"), "trixie": ("docker.io/forky",)}
"""What conflicts with the above, or is of a later Debian: unpacked at /opt/NAME."""


def ready(folder: Path, what: Scenario) -> Path:
    """The file system that a fixture needs, made if it is not there; a folder of its Debian's name in `folder`."""
    root = folder / what.debian
    if not (root / "ready").exists():
        _make(root, what.debian)
    return root


def _make(root: Path, debian: str) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    run("debootstrap", "--variant=minbase", "--include=ca-certificates", debian, str(root), _MIRROR)
    # A service that a package brings is not started.
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    sources = [f"deb {_MIRROR} {suite} main" for suite in (debian, f"{debian}-updates", "forky")]
    sources.append(f"deb {_MIRROR}-security {debian}-security main")
    (root / "etc/apt/sources.list").write_text("\n".join(sources) + "\n")
    (root / "etc/apt/preferences.d/later").write_text("Package: *\nPin: release n=forky\nPin-Priority: 50\n")
    # The lists of forky are not renewed for ever.
    (root / "etc/apt/apt.conf.d/99later").write_text('Acquire::Check-Valid-Until "false";\n')
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
    packages = " ".join((*_PACKAGES, *_MORE_PACKAGES[debian]))
    _shell(root, f"apt-get update && {install} {packages} </dev/null")
    for download in _DOWNLOADS[debian]:
        name = download.partition("/")[0]
        _shell(root, f"cd /tmp && apt-get download {download} && dpkg-deb -x {name}_*.deb /opt/{name} && rm {name}_*.deb")
    (root / "ready").touch()


def _shell(root: Path, line: str) -> None:
    run("chroot", str(root), "env", "LC_ALL=C.UTF-8", "sh", "-euc", line)
