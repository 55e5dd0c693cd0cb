"""Everything that fwplan itself raises, so that a caller can catch one class."""

from __future__ import annotations


class FwplanError(Exception):
    """Base of all of fwplan's own exceptions."""


class UnreadableError(FwplanError):
    """An input that cannot be read at all: missing, forbidden, too large, or not a file (exit code 2)."""


class NotExpressibleError(FwplanError):
    """A value that the grammar of an output format cannot carry, so that writing it would change its meaning."""


class HostError(FwplanError):
    """A host did not do what it was asked for, or cannot (exit code 2)."""


class UnanswerableError(FwplanError):
    """A question that has no answer as it is put: what it names contradicts itself, or is not enough (exit code 2)."""
