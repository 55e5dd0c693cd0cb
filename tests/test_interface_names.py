"""Names of network interfaces: what fwplan takes is what the kernel takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from fwplan.network.interface_name import interface_name_fault

TAKEN = [
    "a",
    "eth0",
    "virbr0",
    "exactly-fifteen",
    "eth0.42",
    "...",
    "-rf",
    "$(reboot)",
    "a;b",
    'a"b',
    "a'b",
    "a\\b",
    "a\x01b",
    "brücke",
    "橋",
    "ääääääa",
]

REFUSED = {
    "": "is empty",
    ".": "is the name of a directory",
    "..": "is the name of a directory",
    "a/b": "has a '/' in it",
    "a:b": "has a ':' in it",
    "50%": "has a '%' in it",
    "a b": "has white space in it",
    "a\tb": "has white space in it",
    "a\nb": "has white space in it",
    "a\x0bb": "has white space in it",
    "a\x0cb": "has white space in it",
    "a\rb": "has white space in it",
    "a\u00a0b": "has white space in it",
    "à": "has white space in it (or a byte that the kernel takes for it)",
}

TOO_LONG = {
    "sixteen-letters-": "is 16 bytes long, 15 is the most",
    "ääääääää": "is 16 bytes long, 15 is the most",
}
"""The call by which the kernel is asked below would cut these off."""

RENAME = """
import fcntl, json, socket, struct, sys
SIOCSIFNAME = 0x8923
name, taken = b"lo", []
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    for wanted in (text.encode() for text in json.load(sys.stdin)):
        try:
            fcntl.ioctl(any_socket, SIOCSIFNAME, struct.pack("16s16s", name, wanted))
        except OSError:
            continue
        name = wanted
        taken.append(wanted.decode())
json.dump(taken, sys.stdout)
"""
"""Names the one interface of a namespace anew, again and again; prints the names that the kernel took."""


@pytest.mark.parametrize("name", TAKEN)
def test_a_name_of_one_to_fifteen_bytes_is_taken(name: str) -> None:
    assert interface_name_fault(name) is None


@pytest.mark.parametrize(("name", "fault"), [*REFUSED.items(), *TOO_LONG.items()])
def test_a_name_that_no_interface_can_have_is_refused_and_the_reason_given(name: str, fault: str) -> None:
    assert (interface_name_fault(name) or "").startswith(fault)


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network namespace")
def test_the_kernel_takes_and_refuses_the_same_names() -> None:
    asked = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", RENAME],
        input=json.dumps([*TAKEN, *REFUSED]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(asked.stdout) == TAKEN
