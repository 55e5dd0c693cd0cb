"""The small world around a host: an outside machine, and two guests on the bridge of the network `default`.

The process is in the network namespace of the host, and in a mount namespace of its own.

    guest1 192.168.122.10 ──┐
                            ├─ virbr0 192.168.122.1 · host · eth0 203.0.113.10 ── 203.0.113.1 outside 198.51.100.7
    guest2 192.168.122.11 ──┘
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from spaces import run

BRIDGE = "virbr0"
BRIDGE_ADDRESS = "192.168.122.1"
GUEST, GUEST_2 = "192.168.122.10", "192.168.122.11"
HOST_ADDRESS = "203.0.113.10"
OUTSIDE = "198.51.100.7"


def make_host() -> None:
    """The host, its way to the outside, and the outside machine; as after a boot, the host does not forward."""
    run("mount", "-t", "tmpfs", "none", "/run")
    for space in ("outside", "guest1", "guest2"):
        run("ip", "netns", "add", space)
        run("ip", "-n", space, "link", "set", "lo", "up")
    run("hostname", "host")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "eth0", "type", "veth", "peer", "eth0", "netns", "outside")
    run("ip", "address", "add", f"{HOST_ADDRESS}/24", "dev", "eth0")
    run("ip", "link", "set", "eth0", "up")
    outside = ("ip", "-n", "outside")
    run(*outside, "address", "add", "203.0.113.1/24", "dev", "eth0")
    run(*outside, "address", "add", f"{OUTSIDE}/32", "dev", "lo")
    run(*outside, "link", "set", "eth0", "up")
    # The outside can reach everything behind the host: that nobody answers is then due to rules alone.
    run(*outside, "route", "add", "default", "via", HOST_ADDRESS)
    run("ip", "route", "add", "default", "via", "203.0.113.1")
    set_system("net/ipv4/ip_forward", "0")
    # As on a host that has not loaded br_netfilter, which kernels with it built in cannot show otherwise.
    for family in ("iptables", "ip6tables", "arptables"):
        set_system(f"net/bridge/bridge-nf-call-{family}", "0")


def make_bridge() -> None:
    """The bridge of the network, as libvirt makes it."""
    run("ip", "link", "add", BRIDGE, "type", "bridge", "stp_state", "0", "forward_delay", "0")
    set_system(f"net/ipv6/conf/{BRIDGE}/disable_ipv6", "1")
    run("ip", "address", "add", f"{BRIDGE_ADDRESS}/24", "brd", "+", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")


def make_guests() -> None:
    """Two guests with static addresses, plugged into the bridge."""
    for space, port, address in (("guest1", "vnet0", GUEST), ("guest2", "vnet1", GUEST_2)):
        run("ip", "link", "add", port, "type", "veth", "peer", "eth0", "netns", space)
        set_system(f"net/ipv6/conf/{port}/disable_ipv6", "1")
        run("ip", "link", "set", port, "master", BRIDGE, "up")
        guest = ("ip", "-n", space)
        run(*guest, "address", "add", f"{address}/24", "brd", "+", "dev", "eth0")
        run(*guest, "link", "set", "eth0", "up")
        run(*guest, "route", "add", "default", "via", BRIDGE_ADDRESS)


def wait_for_ports() -> None:
    """Wait until the bridge forwards for the guests; with STP it listens first.

    Raises:
        TimeoutError: it does not within ten seconds.
    """
    for _ in range(100):
        ports = json.loads(run("ip", "-j", "-d", "link", "show", "master", BRIDGE))
        if all(port["linkinfo"]["info_slave_data"]["state"] == "forwarding" for port in ports):
            return
        time.sleep(0.1)
    raise TimeoutError(f"the ports of {BRIDGE} do not forward")


def plug_guests() -> None:
    """Put the guests' ports back into the bridge, after somebody made it anew."""
    for port in ("vnet0", "vnet1"):
        run("ip", "link", "set", port, "master", BRIDGE, "up")


def set_system(name: str, value: str) -> None:
    """Give a setting of the kernel a value, in the namespace of the host; one that the kernel lacks is left."""
    place = Path("/proc/sys") / name
    if place.exists():
        place.write_text(value, encoding="ascii")


def get_system(name: str) -> str | None:
    """The value of a setting of the kernel, in the namespace of the host, or None if the kernel has none."""
    place = Path("/proc/sys") / name
    return place.read_text(encoding="ascii").strip() if place.exists() else None
