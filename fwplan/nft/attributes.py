"""The attributes of one object of JSON, taken one by one, so that one too many is noticed as well as one too few."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


class NotUnderstoodError(Exception):
    """It is not what it has to be; caught where an `Unknown` takes its place."""


class Attributes:
    """What stands in an object. `null` is an object without attributes.

    Attributes:
        depth: how many objects it stands in.
    """

    __slots__ = ("_left", "depth")

    def __init__(self, content: object, depth: int = 0) -> None:
        if content is None:
            content = {}
        if not isinstance(content, dict):
            raise NotUnderstoodError
        self._left: dict[str, Any] = dict(content)
        self.depth = depth

    def __contains__(self, name: str) -> bool:
        return self._left.get(name) is not None

    def take(self, name: str) -> Any:  # noqa: ANN401 - anything that JSON can be
        """An attribute; None where there is none."""
        return self._left.pop(name, None)

    def text(self, name: str) -> str:
        """A text that has to be there."""
        return _is(str, self.take(name))

    def optional_text(self, name: str) -> str | None:
        """A text, if there is one."""
        return self.text(name) if name in self else self.take(name)

    def number(self, name: str) -> int:
        """A number that has to be there."""
        return number(self.take(name))

    def optional_number(self, name: str) -> int | None:
        """A number, if there is one."""
        return self.number(name) if name in self else self.take(name)

    def truth(self, name: str) -> bool:
        """Whether it is there and true."""
        return name in self and _is(bool, self.take(name))

    def words(self, name: str) -> tuple[str, ...]:
        """One word, or a list of them, or none."""
        return words(self.take(name))

    def finish(self) -> None:
        """See that all has been taken.

        Raises:
            NotUnderstoodError: there is more.
        """
        if self._left:
            raise NotUnderstoodError

    def rest(self) -> dict[str, Any]:
        """All that has not been taken."""
        left, self._left = self._left, {}
        return left


def number(value: object) -> int:
    """A whole number.

    Raises:
        NotUnderstoodError: it is none.
    """
    if isinstance(value, bool):
        raise NotUnderstoodError
    return _is(int, value)


def words(value: object) -> tuple[str, ...]:
    """One word, or a list of them, or none.

    Raises:
        NotUnderstoodError: it is something else.
    """
    match value:
        case None:
            return ()
        case str():
            return (value,)
        case list():
            return tuple(_is(str, word) for word in value)
        case _:
            raise NotUnderstoodError


def only(content: object) -> tuple[str, object]:
    """Name and content of an object that has one attribute.

    Raises:
        NotUnderstoodError: it is something else.
    """
    if not isinstance(content, dict) or len(content) != 1:
        raise NotUnderstoodError
    [(name, inner)] = content.items()
    return name, inner


def _is(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise NotUnderstoodError
    return value
