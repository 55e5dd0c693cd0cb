"""Reads the files of definitions; many of them with a second process, since one Python is at work on one core only."""

from __future__ import annotations

import os
import pickle
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.errors import UnreadableError
from fwplan.files import read_bytes
from fwplan.network.problems import InvalidDefinitionError
from fwplan.network.read import examine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fwplan.network.definition import Network
    from fwplan.network.problems import Problem
    from fwplan.network.read import Reading
    from fwplan.network.schema import Schema

_MANY = 200
"""Files from which on a second process pays: it takes 10 ms to be there, and to hand over what it has read."""


@dataclass(frozen=True, slots=True)
class FileRead:
    """What came of a file.

    Attributes:
        file: its name.
        network: the definition; None where there is none without an error.
        problems: all that is to be said of it.
        unreadable: why it cannot be read; None where it can.
        reading: the document; None where another process has read it.
    """

    file: str
    network: Network | None = None
    problems: tuple[Problem, ...] = ()
    unreadable: str | None = None
    reading: Reading | None = None

    def line_of(self, path: str) -> int | None:
        """The line of an element of the definition."""
        reading = examine(read_bytes(self.file)) if self.reading is None else self.reading
        return reading.line_of(path)


def start_reading(files: Sequence[str], schema: Schema | None = None) -> Callable[[], list[FileRead]]:
    """Begin to read files, whatever is wrong with some.

    Args:
        files: names; `-` is standard input.
        schema: that definitions are held against.

    Returns:
        The function that reads on, and gives what came of each file, in order.
    """
    alone = len(files) < _MANY or "-" in files or threading.active_count() > 1 or (os.cpu_count() or 1) < 2
    if alone:
        return lambda: [_read(file, schema) for file in files]
    half = len(files) // 2
    hand_over = _in_another_process(files[half:], schema)
    return lambda: [*[_read(file, schema) for file in files[:half]], *hand_over()]


def _read(file: str, schema: Schema | None) -> FileRead:
    try:
        reading = examine(read_bytes(file), schema)
    except UnreadableError as error:
        return FileRead(file, unreadable=str(error))
    except InvalidDefinitionError as error:
        return FileRead(file, problems=error.problems)
    return FileRead(file, None if reading.errors else reading.network, reading.problems, reading=reading)


def _in_another_process(files: Sequence[str], schema: Schema | None) -> Callable[[], list[FileRead]]:
    """Read files in a copy of this process; if it does not come to its end, they are read in this one."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        status = 1
        try:
            os.close(reader)
            found = [_read(file, schema) for file in files]
            with os.fdopen(writer, "wb") as stream:
                pickle.dump([_without_document(each) for each in found], stream, pickle.HIGHEST_PROTOCOL)
            status = 0
        finally:
            # Nothing of what this process has begun is the copy's to end.
            os._exit(status)
    os.close(writer)

    def hand_over() -> list[FileRead]:
        with os.fdopen(reader, "rb") as stream:
            content = stream.read()
        _, status = os.waitpid(process, 0)
        if status != 0:
            return [_read(file, schema) for file in files]
        found: list[FileRead] = pickle.loads(content)  # noqa: S301 - of this very program
        return found

    return hand_over


def _without_document(found: FileRead) -> FileRead:
    return FileRead(found.file, found.network, found.problems, found.unreadable)
