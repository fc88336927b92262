"""Numbers and truth values as they were: decimals by their digits, floats without a second rounding."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute

from connector_odbc.restoring.parsing import parsed, refusing
from connector_odbc.typed import AnyArray, Restore, Restored

__all__ = ["REAL_DIGITS", "counted_decimals", "decimals", "narrowed", "reals_as_decimals", "truths"]

pc: Any = pyarrow.compute

REAL_DIGITS = 15
"""As many digits of a decimal come back from a 64-bit float as they went in (DBL_DIG)."""


def decimals(type: pa.DataType) -> Restore:  # noqa: A002 - the field's word
    """Digits as text. NaN, infinities, and more digits than `type` has are refused."""
    return parsed(type, f"it is not a number that {type} holds exactly")


def narrowed(type: pa.DataType) -> Restore:  # noqa: A002 - the field's word
    """Numbers in a wider type than their own; one that does not fit is refused."""

    def convert(fetched: AnyArray) -> AnyArray:
        if pa.types.is_float32(type):
            return cast("AnyArray", pc.cast(fetched, type, safe=False))  # it was widened from that, so nothing rounds
        return cast("AnyArray", fetched.cast(type))

    return refusing(convert, type, f"it does not fit {type}")


def truths(fetched: AnyArray) -> Restored:
    """0 and 1, as numbers or as text; anything else is refused."""
    numbers = parsed(pa.int64(), "it is neither 0 nor 1")(fetched)
    values: Any = numbers.values
    wrong = pc.fill_null(pc.and_(pc.not_equal(values, 0), pc.not_equal(values, 1)), False)
    if numbers.refused is not None:
        wrong = pc.or_(wrong, numbers.refused)
    truth = cast("AnyArray", pc.if_else(wrong, pa.scalar(None, pa.bool_()), pc.equal(values, 1)))
    return Restored(values=truth, refused=wrong if pc.any(wrong).as_py() else None, reason="it is neither 0 nor 1")


def counted_decimals(type: Any) -> Restore:  # noqa: A002 - the field's word
    """Counts of a decimal128's last digit, as 64-bit integers that it has room for."""

    def restore(fetched: AnyArray) -> Restored:
        halves = np.empty((len(fetched), 2), np.int64)
        halves[:, 0] = fetched.fill_null(0).to_numpy()
        halves[:, 1] = halves[:, 0] >> 63
        valid = fetched.is_valid().buffers()[1] if fetched.null_count else None
        return Restored(values=pa.Array.from_buffers(type, len(fetched), [valid, pa.py_buffer(halves.tobytes())]))

    return restore


def reals_as_decimals(type: Any) -> Restore:  # noqa: A002 - the field's word
    """Decimals that a database without them keeps as integers, text, or, marked by ``~``, as 64-bit floats.

    Of a float the decimal is known as long as it has at most 15 digits; one with more has been rounded before, and is refused.
    """
    plain = decimals(type)
    limit = 10.0 ** max(0, REAL_DIGITS - type.scale)

    def of_floats(fetched: AnyArray) -> AnyArray:
        floats: Any = fetched.cast(pa.float64())
        if pc.any(pc.greater_equal(pc.abs(floats), limit)).as_py():
            raise pa.ArrowInvalid("more digits than a float keeps")
        return cast("AnyArray", floats.cast(pa.string()).cast(type))

    def marked(fetched: AnyArray) -> AnyArray:
        return of_floats(cast("AnyArray", pc.utf8_slice_codeunits(fetched, 1)))

    reals = refusing(marked, type, f"it is kept as a float, which is no {type} exactly")

    def restore(fetched: AnyArray) -> Restored:
        floats = pc.fill_null(pc.starts_with(fetched, "~"), False)
        if not pc.any(floats).as_py():
            return plain(fetched)
        nothing = pa.scalar(None, fetched.type)
        others = plain(cast("AnyArray", pc.if_else(floats, nothing, fetched)))
        found = reals(cast("AnyArray", pc.if_else(floats, fetched, nothing)))
        refused = [part.refused for part in (others, found) if part.refused is not None]
        return Restored(
            values=cast("AnyArray", pc.coalesce(found.values, others.values)),
            refused=None if not refused else refused[0] if len(refused) == 1 else pc.or_(*refused),
            reason=found.reason or others.reason,
            raw=cast("AnyArray", pc.utf8_ltrim(fetched, "~")) if refused else None,
        )

    return restore
