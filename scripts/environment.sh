#!/bin/sh
# environment.sh FOLDER: makes a virtual environment, with $PYTHON or else the first Python that is new enough.
set -eu

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if is_new_enough "$python"; then
            echo "$python"
            return
        fi
    done
    echo "fwplan needs Python 3.11 or newer; ${PYTHON:-python3} is older, or not there." >&2
    echo "Install one (Debian 12, Ubuntu 24.04 or newer: apt-get install python3 python3-venv)," >&2
    echo "or name the one to use: make PYTHON=/path/to/python3 TARGET" >&2
    return 1
}

python=$(find_python)

# Debian ships Python without the part that puts pip into an environment.
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    echo "$python cannot make a virtual environment: its ensurepip is not installed." >&2
    sh scripts/packages.sh "$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
fi

echo "Making $1 with $("$python" --version) ..." >&2
"$python" -m venv --clear "$1"
