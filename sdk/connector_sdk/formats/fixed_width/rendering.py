"""A column of values to a column of bytes, by the notation of its field: what comes out is read again as the same, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from connector_sdk.errors import DataError
from connector_sdk.formats.fixed_width.code_page import Bools, Bytes
from connector_sdk.formats.fixed_width.digits import NEGATIVE, POSITIVE
from connector_sdk.formats.fixed_width.notation import Notation
from connector_sdk.formats.fixed_width.values import parse
from connector_sdk.formats.moments import render_moments

__all__ = ["render"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does


def render(notation: Notation, values: Any) -> Bytes:
    """`values`, of the field's type, as the bytes of its place in each record.

    Raises DataError (code ``unwritable``) that names the field when a value does not fit, or would be read as another.
    """
    length = notation.place.length
    missing = np.asarray(values.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    if missing.any() and not notation.field.nullable:
        raise _unwritable(notation, "no value in a row, and one is required")
    if missing.any() and not notation.nulls:
        raise _unwritable(notation, "a null, and nothing that means null", "give it blank or null")
    out: Bytes = np.empty((len(values), length), dtype=np.uint8)
    there = ~missing
    if there.any():
        out[there] = _written(notation, values.filter(pa.array(there)) if missing.any() else values)
    if missing.any():
        out[missing] = np.frombuffer(notation.nulls[0], dtype=np.uint8)
    plain = np.frombuffer(notation.page.to_plain(out.tobytes()), dtype=np.uint8).reshape(out.shape)
    again = parse(notation, out, plain, is_ascii=False)
    if again.bad is not None or not _same(again.values, values):
        raise _unwritable(notation, f"{_example(values, again.values)}, which would be read as another value")
    return out


def _same(again: Any, values: Any) -> bool:
    return bool(again.equals(values) or (pa.types.is_floating(values.type) and _same_floats(again, values)))


def _same_floats(again: Any, values: Any) -> bool:
    one, other = (np.asarray(each.to_numpy(zero_copy_only=False)) for each in (again, values))
    return bool(np.array_equal(one, other, equal_nan=True))


def _example(values: Any, again: Any) -> str:
    pairs = zip(values.to_pylist(), again.to_pylist(), strict=True)
    return repr(next((value for value, found in pairs if value != found), None))[:100]


def _written(notation: Notation, values: Any) -> Bytes:
    match notation.kind:
        case "text":
            return _texts(notation, values.cast(pa.string()))
        case "raw":
            return _raws(notation, values)
        case "bool":
            words = [
                np.frombuffer(notation.placed(each[0]), dtype=np.uint8) for each in (notation.field.true, notation.field.false)
            ]
            true = np.asarray(values.to_numpy(zero_copy_only=False), dtype=bool)
            return np.where(true[:, None], words[0], words[1])
        case "moment":
            return _texts(notation, render_moments(values, notation.field.format[0]))
        case "float":
            return _texts(notation, values.cast(pa.string()))
    return _numbers(notation, values)


def _texts(notation: Notation, text: Any) -> Bytes:
    length, page = notation.place.length, notation.page
    sizes = pc.utf8_length(text) if page.single else pc.binary_length(text)
    longest = pc.max(sizes).as_py() or 0
    shortest = pc.min(sizes).as_py() or 0
    if longest > length and page.single:
        too_long = text.filter(pc.greater(sizes, length))[0].as_py()
        raise _unwritable(notation, f"{too_long!r:.100}, which has more than {length} characters")
    if shortest < length and not notation.pad:
        raise _unwritable(notation, f"a text of less than {length} characters, and no padding", "give it a pad")
    whole = bytes(memoryview(_data(text)))
    if page.single or whole.isascii():
        fill = pc.utf8_lpad if notation.right else pc.utf8_rpad
        filled = fill(text, length, notation.pad or " ")
        try:
            data = bytes(memoryview(_data(filled))).decode().encode(page.encoding)
        except UnicodeEncodeError as error:
            raise _unwritable(notation, f"{error.object[error.start]!r}, which is not in {page.encoding}") from None
    else:
        data = b"".join(_placed(notation, each) for each in text.to_pylist())
    if len(data) != length * len(text):
        raise _unwritable(notation, f"a text of more than {length} bytes")
    return np.frombuffer(data, dtype=np.uint8).reshape(len(text), length)


def _placed(notation: Notation, text: str) -> bytes:
    try:
        return notation.placed(text)
    except UnicodeEncodeError as error:
        raise _unwritable(notation, f"{error.object[error.start]!r}, which is not in {notation.page.encoding}") from None
    except ValueError:
        raise _unwritable(notation, f"{text!r:.100}, which has more than {notation.place.length} bytes") from None


def _data(text: Any) -> pa.Buffer:
    """The characters of a string array, without what else lies in its buffer."""
    first, last = (
        int.from_bytes(text.buffers()[1][4 * at : 4 * at + 4].to_pybytes(), "little")
        for at in (text.offset, text.offset + len(text))
    )
    buffer = text.buffers()[2]
    return pa.py_buffer(b"") if buffer is None else buffer.slice(first, last - first)


def _raws(notation: Notation, values: Any) -> Bytes:
    length = notation.place.length
    binary = values.cast(pa.binary())
    if len(binary) and (pc.min(pc.binary_length(binary)).as_py(), pc.max(pc.binary_length(binary)).as_py()) != (length, length):
        raise _unwritable(notation, f"bytes that are not {length}")
    return np.frombuffer(b"".join(binary.to_pylist()), dtype=np.uint8).reshape(len(values), length)


# --- numbers


def _numbers(notation: Notation, values: Any) -> Bytes:
    place, kind = notation.place, notation.field.type
    text, negative = _digits(notation, values)
    own = place.sign in ("leading", "trailing")
    if notation.kind == "spelled":
        text = _pointed(text, kind, notation.field.decimal)
    if place.sign == "none" and negative.any():
        raise _unwritable(notation, "a negative number, and no place for its sign", "give it a sign")
    width = place.length - own
    room = np.full(len(values), width) - (negative if place.sign == "free" else 0)
    sizes = np.asarray(pc.binary_length(text).to_numpy(zero_copy_only=False))
    if (sizes > room).any():
        raise _unwritable(
            notation, f"{values[int(np.flatnonzero(sizes > room)[0])].as_py()}, which needs more than {place.length} bytes"
        )
    zeros = notation.pad == "0" and notation.right
    if place.sign == "free":
        text = _with_minus(text, negative, width if zeros else 0)
    fill = pc.utf8_lpad if notation.right else pc.utf8_rpad
    filled = fill(text, width, "0" if zeros else " ")
    table = np.frombuffer(bytes(memoryview(_data(filled))), dtype=np.uint8).reshape(len(values), width).copy()
    if place.sign.endswith("overpunch"):
        return _punched(notation, table, negative, sizes)
    if own:
        plus = ord("+" if place.plus else " ")
        mark = np.where(negative, np.uint8(ord("-")), np.uint8(plus))[:, None]
        table = np.hstack((mark, table) if place.sign == "leading" else (table, mark))
    return _in_page(notation, table)


def _digits(notation: Notation, values: Any) -> tuple[Any, Bools]:
    """The digits of each value at the scale of its place, without sign and leading zeros, and which are negative."""
    place = notation.place
    kind: Any = notation.field.type
    if pa.types.is_decimal(kind):
        scale = kind.scale if notation.kind == "spelled" else place.scale or 0
        if scale != kind.scale:
            make: Any = pa.decimal128 if pa.types.is_decimal128(kind) else pa.decimal256
            try:
                values = values.cast(make(kind.precision, scale))
            except pa.ArrowInvalid:
                raise _unwritable(notation, f"a number with more than {scale} decimal places") from None
        whole: Any = pa.decimal128 if pa.types.is_decimal128(kind) else pa.decimal256
        # The same digits, without the point.
        values = pa.Array.from_buffers(whole(kind.precision, 0), len(values), [None, values.buffers()[1]], offset=values.offset)
    text = values.cast(pa.string())
    negative = np.asarray(pc.starts_with(text, "-").to_numpy(zero_copy_only=False), dtype=bool)
    return pc.utf8_ltrim(text, "-"), negative


def _pointed(text: Any, kind: Any, mark: str) -> Any:
    """Digits with the decimal mark where the type has it."""
    text = pc.utf8_lpad(text, kind.scale + 1, "0")
    whole = pc.utf8_slice_codeunits(text, 0, -kind.scale)
    return pc.binary_join_element_wise(whole, pc.utf8_slice_codeunits(text, -kind.scale, None), mark)


def _with_minus(text: Any, negative: Bools, width: int) -> Any:
    """A minus before those that are negative, and zeros between it and the digits up to `width`."""
    if not negative.any():
        return text
    inner = pc.utf8_lpad(text, width - 1, "0") if width > 1 else text
    return pc.if_else(pa.array(negative), pc.binary_join_element_wise("-", inner, ""), text)


def _punched(notation: Notation, table: Bytes, negative: Bools, sizes: Any) -> Bytes:
    """Digits in the file's encoding, with the sign over the first or the last of each."""
    page, place = notation.page, notation.place
    rows = np.arange(len(table))
    last = sizes - 1 if not notation.right else np.full(len(table), table.shape[1] - 1)
    at = np.zeros(len(table), dtype=np.int64) if place.sign == "leading overpunch" else last
    digit = table[rows, at].astype(np.int64) - ord("0")
    out = _in_page(notation, table)
    if page.ebcdic:
        out[rows, at] = np.where(negative, 0xD0, 0xC0 if place.plus else 0xF0) + digit
    else:
        signs = np.frombuffer((POSITIVE if place.plus else b"0123456789") + NEGATIVE, dtype=np.uint8)
        out[rows, at] = signs[digit + 10 * negative]
    return out


def _in_page(notation: Notation, table: Bytes) -> Bytes:
    """ASCII digits and signs in the file's own encoding."""
    if notation.page.plain is None:
        return table
    own = np.frombuffer(bytes(range(128)).decode("ascii").encode(notation.page.encoding), dtype=np.uint8)
    found: Bytes = own[table]
    return found


def _unwritable(notation: Notation, what: str, hint: str = "correct the data, or the field in the layout") -> DataError:
    return DataError(f"field {notation.field.name!r} has {what}", hint=hint, code="unwritable")
