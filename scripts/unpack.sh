#!/bin/sh
# unpack.sh PACKAGE FOLDER: unpacks a Debian package into a folder, and installs nothing.
set -eu

if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "There is no apt-get to bring Debian's $1." >&2
    exit 1
fi

echo "Unpacking $1 into $2 ..." >&2
log=$(mktemp)
folder=$(mktemp -d)
trap 'rm -rf "$log" "$folder"' EXIT
download() {
    (cd "$folder" && apt-get download "$1")
}
# Lists of packages may be missing or old, as in packages.sh; they are root's to refresh.
if ! { download "$1" || { [ "$(id -u)" -eq 0 ] && apt-get update && download "$1"; }; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
dpkg-deb --extract "$folder"/*.deb "$2"
