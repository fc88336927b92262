"""One record of a file as it is looked at: which bytes are which field, what they mean, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

__all__ = ["LookedAt", "Value"]


@dataclass(frozen=True, kw_only=True)
class Value:
    """The bytes `raw` at byte `offset` of the file: the value of `field`, or (None) bytes that are no field's.

    `type` is None where the layout does not know the field.
    """

    field: str | None
    offset: int
    raw: bytes
    value: object = None
    type: pa.DataType | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class LookedAt:
    """A record: its bytes without line end, where they begin, its values in their order, and what is wrong with it as a whole.

    `record` is its type, in files with several. `number` counts from 1, header of names not included; None when unknown.
    """

    raw: bytes
    offset: int
    values: tuple[Value, ...]
    number: int | None = None
    line: int | None = None
    record: str | None = None
    problem: str | None = None
