"""Text and bytes that came in a form which no driver cuts or translates."""

from __future__ import annotations

import codecs
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute

from connector_odbc.restoring.parsing import refusing
from connector_odbc.typed import AnyArray, Restored

__all__ = ["ESCAPE", "hexadecimal", "unescaped"]

pc: Any = pyarrow.compute

ESCAPE = "\x01"
"""A text that starts with it is ``t`` and the hexadecimal of its bytes, behind a mark that says in which encoding they are, or
the name of another storage class and its value."""

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be", b"": "utf-8"}

_DIGITS = np.full(256, 255, np.uint8)
for _place, _digit in enumerate("0123456789abcdef"):
    _DIGITS[ord(_digit)] = _DIGITS[ord(_digit.upper())] = _place


def hexadecimal(fetched: AnyArray) -> Restored:
    """Hexadecimal digits to bytes; text that is none is refused."""
    return _HEXADECIMAL(fetched)


def _bytes(fetched: AnyArray) -> AnyArray:
    if not len(fetched):
        return pa.array([], pa.binary())
    whole: Any = fetched.cast(pa.large_binary())
    whole = pa.concat_arrays([whole])  # an array of its own: without an offset
    _, offsets, data = whole.buffers()
    ends = np.frombuffer(offsets, np.int64, len(whole) + 1)
    digits = np.frombuffer(data, np.uint8, int(ends[-1])) if data is not None and ends[-1] else np.empty(0, np.uint8)
    values = _DIGITS[digits]
    if (values > 15).any() or (ends & 1).any():
        raise pa.ArrowInvalid("not hexadecimal")
    packed = (values[0::2] << 4) | values[1::2]
    offsets = pa.py_buffer((ends // 2).astype(np.int64).tobytes())
    large = pa.Array.from_buffers(
        pa.large_binary(), len(whole), [whole.is_valid().buffers()[1], offsets, pa.py_buffer(packed.tobytes())]
    )
    return cast("AnyArray", large.cast(pa.binary()))


_HEXADECIMAL = refusing(_bytes, pa.binary(), "it is not binary")


def _marked(text: bytes) -> str:
    """Raises ValueError."""
    mark, encoding = next((mark, encoding) for mark, encoding in _MARKS.items() if text.startswith(mark))
    return text[len(mark) :].decode(encoding)


def unescaped(fetched: AnyArray) -> Restored:
    """Text as it is; what starts with `ESCAPE` is decoded, or refused where it is of another storage class than text."""
    marked = pc.fill_null(pc.starts_with(fetched, ESCAPE), False)
    if not pc.any(marked).as_py():
        return Restored(values=fetched)
    values: list[str | None] = []
    refused: list[bool] = []
    raw: list[str | None] = []
    for text in cast("list[str | None]", fetched.to_pylist()):
        found, bad = text, False
        if text is not None and text.startswith(ESCAPE):
            try:
                found = _marked(bytes.fromhex(text[2:])) if text[1:2] == "t" else None
            except ValueError:
                found = None
            bad = found is None
        values.append(None if bad else found)
        refused.append(bad)
        raw.append(text[1:] if bad and text is not None else None)
    mask = pa.array(refused, pa.bool_())
    return Restored(
        values=pa.array(values, pa.string()),
        refused=mask if any(refused) else None,
        reason="it is not text",
        raw=pa.array(raw, pa.string()),
    )
