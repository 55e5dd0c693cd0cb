#!/bin/sh
# packages.sh PACKAGE...: installs Debian packages as root; tells anybody else what to run, and fails.
set -eu

if ! command -v apt-get >/dev/null; then
    echo "Install what Debian calls: $*" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "Run: sudo apt-get install $*" >&2
    exit 1
fi

install() {
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@" </dev/null
}

echo "Installing $* ..." >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Lists of packages may be missing or old. Most often they are neither, and a refresh takes long.
if ! { install "$@" || { apt-get update && install "$@"; }; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
