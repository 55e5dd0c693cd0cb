"""Reads files: the one part of fwplan, besides the command line, that opens any."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fwplan.errors import UnreadableError
from fwplan.network.document import MAXIMUM_BYTES
from fwplan.network.read import read_network

if TYPE_CHECKING:
    from fwplan.audit.observation import Observation
    from fwplan.network.definition import Network
    from fwplan.network.schema import Schema


_LARGEST_HOST = 512 * 1024 * 1024
"""Bytes of what was saved of a host: ten times what 100,000 rules take."""


def read_bytes(file: str, limit: int = MAXIMUM_BYTES) -> bytes:
    """The content of a file, or of standard input for `-`, up to one byte more than `limit`.

    Raises:
        UnreadableError: there is no such file, or it cannot be read.
    """
    try:
        if file == "-" and sys.stdin is None:
            raise UnreadableError("cannot read -: standard input is closed")
        if file == "-":
            return sys.stdin.buffer.read(limit + 1)
        with Path(file).open("rb") as stream:
            return stream.read(limit + 1)
    except IsADirectoryError:
        raise UnreadableError(f"{file} is a folder: give the files in it, such as {file.rstrip('/')}/*.xml") from None
    except OSError as error:
        raise UnreadableError(f"cannot read {file}: {error.strerror or error}") from None
    except ValueError as error:
        raise UnreadableError(f"cannot read {file!r}: {error}") from None


def load(file: str | Path) -> Network:
    """Read the definition in a file.

    Raises:
        UnreadableError: there is no such file, or it cannot be read.
        InvalidDefinitionError: libvirt would refuse the definition.
    """
    return read_network(read_bytes(str(file)))


def load_host(*files: str | Path) -> Observation:
    """Read what was saved of a host: files of `fwplan collect`, or what nft, iptables-save and ip6tables-save printed.

    Raises:
        UnreadableError: there is no such file, it is too large, or it is none of those.
    """
    from fwplan.audit.read_observation import read_observation  # noqa: PLC0415 - few commands need it

    return read_observation([(str(file), _saved_host(str(file))) for file in files])


def _saved_host(file: str) -> bytes:
    content = read_bytes(file, _LARGEST_HOST)
    if len(content) > _LARGEST_HOST:
        raise UnreadableError(f"{file} is larger than {_LARGEST_HOST >> 20} MiB")
    return content


def schema_text() -> bytes:
    """The RELAX NG schema of definitions, as a file that editors and other validators can use."""
    # Beside this module, and not by importlib.resources: importing that takes longer than compiling the schema.
    return (Path(__file__).parent / "network" / "network.rng").read_bytes()


@cache
def network_schema() -> Schema:
    """The schema of definitions, compiled once."""
    from fwplan.network.schema import Schema  # noqa: PLC0415 - not every command needs it

    return Schema(schema_text())
