"""Text as the server writes it, cast to the field's type; a value that does not fit is refused, and only that one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute

from connector_odbc.typed import AnyArray, Restore, Restored

__all__ = ["merged", "parsed", "refusing"]

pc: Any = pyarrow.compute

Cast = Callable[[AnyArray], AnyArray]


def parsed(type: pa.DataType, reason: str) -> Restore:  # noqa: A002 - the field's word
    """What Arrow's own cast to `type` makes of it."""

    def convert(fetched: AnyArray) -> AnyArray:
        return cast("AnyArray", fetched.cast(type))

    return refusing(convert, type, reason)


def refusing(convert: Cast, type: pa.DataType, reason: str) -> Restore:  # noqa: A002 - the field's word
    """`convert` for all values at once; where it raises ArrowInvalid, the values that make it do so are found by halving."""

    def restore(fetched: AnyArray) -> Restored:
        try:
            return Restored(values=convert(fetched))
        except pa.ArrowInvalid:
            pass
        if len(fetched) == 1:
            return Restored(values=pa.array([None], type), refused=pa.array([True]), reason=reason)
        half = len(fetched) // 2
        return merged([restore(fetched.slice(0, half)), restore(fetched.slice(half))], reason)

    return restore


def merged(parts: list[Restored], reason: str) -> Restored:
    """Restored values, one after the other."""
    masks: list[Any] = [
        part.refused if part.refused is not None else pa.repeat(pa.scalar(False), len(part.values)) for part in parts
    ]
    values = pa.concat_arrays([part.values for part in parts])
    refused = pa.concat_arrays(masks)
    return Restored(values=values, refused=refused if pc.any(refused).as_py() else None, reason=reason)
