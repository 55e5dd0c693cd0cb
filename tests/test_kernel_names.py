"""Names of interfaces: fwplan takes those that the kernel takes, and no others."""

from __future__ import annotations

import errno
import os
import socket
import string
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from namespaces import Namespace, needs

from fwplan.network.interface_name import interface_name_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = needs()

NEW_LINK, GET_LINK = 16, 18
"""Types of messages, of linux/netlink.h and linux/rtnetlink.h."""
REQUEST, ACKNOWLEDGE, EXCLUSIVE, CREATE = 0x1, 0x4, 0x200, 0x400
"""Flags of linux/netlink.h."""
NAME, LINK_INFO, KIND = 3, 18, 1
"""Attributes of linux/if_link.h."""
HEADER, INTERFACE = struct.Struct("=IHHII"), struct.Struct("=BxHiII")

ODD = "/:%.\\\"'`$;&|<>(){}[]*?!#~@+,=^-_ \t\n\v\f\r\0\x01\x1b\x7f\x85\xa0àß漢\u2028\ufeff😀"
"""What means something to a shell, to nft, to iptables or to the kernel, or has a byte that does."""

names = st.one_of(
    st.text(st.sampled_from(ODD + string.ascii_letters + string.digits), max_size=17),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    # around the longest, in bytes
    st.builds(str.__mul__, st.sampled_from(["a", "ß", "漢", "😀"]), st.integers(1, 17)),
)


class Kernel:
    """The kernel's own interface, as programs such as `ip` have it: they refuse some names before it is asked."""

    def __init__(self, namespace: Namespace) -> None:
        with namespace.entered():
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)

    def close(self) -> None:
        self._socket.close()

    def makes(self, name: bytes) -> bool:
        """Whether it makes an interface, or has made one, that is found under that very name."""
        kind = attribute(LINK_INFO, attribute(KIND, b"bridge"))
        failure = self._failure(self._asked(NEW_LINK, CREATE | EXCLUSIVE, attribute(NAME, name + b"\0") + kind))
        if failure not in {0, errno.EEXIST}:
            assert failure in {errno.EINVAL, errno.ERANGE}, os.strerror(failure)
            return False
        found = self._asked(GET_LINK, 0, attribute(NAME, name + b"\0"))
        _, type_, *_ = HEADER.unpack_from(found)
        return type_ == NEW_LINK and attribute(NAME, name + b"\0") in found

    def _asked(self, kind: int, flags: int, attributes: bytes) -> bytes:
        content = INTERFACE.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + attributes
        flags |= REQUEST | (ACKNOWLEDGE if kind == NEW_LINK else 0)
        self._socket.send(HEADER.pack(HEADER.size + len(content), kind, flags, 0, 0) + content)
        return self._socket.recv(1 << 16)

    @staticmethod
    def _failure(answer: bytes) -> int:
        (negative,) = struct.unpack_from("=i", answer, HEADER.size)
        return -int(negative)


def attribute(kind: int, value: bytes) -> bytes:
    """A netlink attribute; its value ends where four bytes are full."""
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + bytes(-length % 4)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Namespace() as namespace:
        asked = Kernel(namespace)
        yield asked
        asked.close()


@settings(deadline=None)
@given(name=names)
@example(name="virbr0")
@example(name="exactly-fifteen")
@example(name="one-more-than-it")
@example(name="virbr%d")
@example(name=".")
@example(name="..")
@example(name="...")
@example(name="all")
@example(name="default")
@example(name="")
def test_fwplan_takes_the_names_that_the_kernel_takes(kernel: Kernel, name: str) -> None:
    assert (interface_name_fault(name) is None) == kernel.makes(name.encode())
