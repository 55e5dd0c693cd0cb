#!/bin/sh
# Sees that the programs which tests run are there. Without them tests are skipped, so their lack is no failure here.
set -eu

missing=
needs() {
    command -v "$1" >/dev/null || missing="$missing $2"
}
needs nft nftables # brings libnftables
needs iptables-restore iptables
needs tc iproute2

if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # one word a package
    sh scripts/packages.sh $missing || echo "Tests that need$missing are skipped." >&2
fi
