"""Expressions that do not depend on the packet, as numbers and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.datatypes import Form, number_of
from fwplan.nft.expressions import Boolean, Flags, Number, Operation, Word

if TYPE_CHECKING:
    from fwplan.nft.datatypes import Datatype
    from fwplan.nft.expressions import Expression


def constant(expression: Expression, datatype: Datatype | None) -> int | str | None:
    """What does not depend on the packet, as a number or name; None where it does, or is not understood."""
    match expression:
        case Number(value):
            return value
        case Boolean(value):
            return int(value)
        case Word(text):
            if datatype is None:
                return None
            if datatype.form in {Form.INTERFACE_NAME, Form.INTERFACE_INDEX, Form.TEXT}:
                # of an interface that is gone, nft lists the number, which nothing that comes and goes has now
                return text
            return number_of(text, datatype)
        case Flags(values):
            return _joined([constant(value, datatype) for value in values])
        case Operation("|", operands):
            return _joined([constant(operand, datatype) for operand in operands])
        case _:
            return None


def _joined(parts: list[int | str | None]) -> int | None:
    total = 0
    for part in parts:
        if not isinstance(part, int):
            return None
        total |= part
    return total
