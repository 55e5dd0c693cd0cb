#!/bin/sh
# test-programs.sh ENVIRONMENT: sees that the programs which tests run are there. Without them tests are skipped, so
# their lack is no failure here.
set -eu

missing=
needs() {
    command -v "$1" >/dev/null || missing="$missing $2"
}
needs nft nftables # brings libnftables
needs iptables-restore iptables
needs tc iproute2
needs dbus-daemon dbus-daemon
needs iperf3 iperf3
needs trafgen netsniff-ng

if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # one word a package
    sh scripts/packages.sh $missing || echo "Tests that need$missing are skipped." >&2
fi

# firewalld is only unpacked: an installed one would guard this machine from its next start on. Its modules do nothing
# by themselves; they are for the system's own Python.
if ! /usr/bin/python3 -c 'import dbus, firewall, gi, nftables' 2>/dev/null; then
    sh scripts/packages.sh python3-firewall python3-nftables || echo "Tests that need firewalld are skipped." >&2
fi
if ! command -v firewalld >/dev/null && [ ! -x "$1/firewalld/usr/sbin/firewalld" ]; then
    sh scripts/unpack.sh firewalld "$1/firewalld" || echo "Tests that need firewalld are skipped." >&2
fi
