"""128 bits for each key and each row of a batch, the same on every machine, in every release, however Arrow lays the values out.

The hash of a row is the sum of the hashes of its fields, each keyed by the field's name and kind of value; a null adds nothing.
So neither the order of the fields nor a new field without values changes it, nor the width or scale of a number: 1, 1.0 and 1.00
are one. Text and bytes, null and empty, a timestamp in seconds and one in microseconds are not. It is made to tell rows apart,
not to withstand someone who seeks collisions. Changing anything here needs a new :data:`VERSION`: an index made with another
one is not comparable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector_sdk.errors import ConfigError
from connector_sdk.runtime.snapshot_diff.plain_numbers import Numbers, without_zeros

__all__ = ["VERSION", "Hashes", "Words", "hash_rows", "kind_of", "plain"]

VERSION = 2

Words: TypeAlias = npt.NDArray[np.uint64]
Lanes: TypeAlias = tuple[Words, Words]
Column: TypeAlias = Any  # a pa.Array, of which the stubs know no nested ones

STEP = 8192  # rows at a time: what is at work stays in the processor's cache, and is never given back to the system
LONG = 256  # bytes; a longer value is hashed by BLAKE2b, which is faster there than word by word

_SHIFT = np.uint64(33)
_FIRST, _SECOND = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_LENGTH = LONG // 8 + 1  # the position that a value's length takes among its words
_WIDE, _SCALE = 4, 5  # positions behind the words of a number: that it needs more than 64 bits, and its scale
_PART = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)  # the lowest `count` bytes of a word


class Hashes(NamedTuple):
    """Of n rows: the two halves of each key's hash and of each row's, as arrays of n 64-bit words."""

    key_high: Words
    key_low: Words
    row_high: Words
    row_low: Words


def hash_rows(batch: pa.RecordBatch, keys: Sequence[str]) -> Hashes:
    """The hashes of every row of `batch`. Raises ConfigError for a field of a type that has no hash."""
    key, row = _nothing(batch.num_rows), _nothing(batch.num_rows)
    for start in range(0, batch.num_rows, STEP):
        part = batch.slice(start, STEP)
        keys_here, rest = ((first[start : start + STEP], second[start : start + STEP]) for first, second in (key, row))
        for name, column in zip(part.schema.names, part.columns, strict=True):
            _add_field(keys_here if name in keys else rest, name, column)
    for whole, some in zip(row, key, strict=True):
        whole += some
    return Hashes(*key, *row)


def kind_of(type: pa.DataType) -> str:  # noqa: A002 - the field's own word
    """What `type` is for the hash: values of two types of one kind have the same hash when they are equal."""
    types = pa.types
    if types.is_dictionary(type):
        return kind_of(type.value_type)
    if isinstance(type, pa.BaseExtensionType):
        return kind_of(type.storage_type)
    if types.is_integer(type) or types.is_decimal(type):
        return "number"
    if types.is_string(type) or types.is_large_string(type) or types.is_string_view(type):
        return "text"
    if types.is_binary(type) or types.is_large_binary(type) or types.is_binary_view(type) or types.is_fixed_size_binary(type):
        return "bytes"
    if types.is_timestamp(type):
        return f"timestamp {type.unit}{' zoned' if type.tz else ''}"
    if types.is_duration(type):
        return f"duration {type.unit}"
    for kind, test in (("date", types.is_date), ("time", types.is_time), ("floating", types.is_floating)):
        if test(type):
            return kind
    if types.is_struct(type):
        return "struct"
    if types.is_map(type) or _is_list(type):
        return "list"
    return str(type)


def _is_list(type: pa.DataType) -> bool:  # noqa: A002
    types = pa.types
    plain = types.is_list(type) or types.is_large_list(type) or types.is_fixed_size_list(type)
    return plain or types.is_list_view(type) or types.is_large_list_view(type)


@lru_cache(maxsize=4096)
def _field_keys(name: str, kind: str) -> tuple[np.uint64, np.uint64]:
    digest = hashlib.sha256(f"{name}\0{kind}".encode()).digest()
    return np.uint64(int.from_bytes(digest[:8], "little")), np.uint64(int.from_bytes(digest[8:16], "little"))


def _nothing(count: int) -> Lanes:
    return np.zeros(count, np.uint64), np.zeros(count, np.uint64)


def _mix(words: Words) -> Words:
    """A bijection of 64 bits in which every bit depends on every other (the finalizer of MurmurHash3), in place."""
    shifted = words >> _SHIFT
    words ^= shifted
    words *= _FIRST
    np.right_shift(words, _SHIFT, out=shifted)
    words ^= shifted
    words *= _SECOND
    np.right_shift(words, _SHIFT, out=shifted)
    words ^= shifted
    return words


def _position_keys(positions: Words) -> Lanes:
    return _mix((positions * np.uint64(2) + np.uint64(1)) * _GOLDEN), _mix((positions * np.uint64(2) + np.uint64(2)) * _GOLDEN)


_KEYS = _position_keys(np.arange(_LENGTH + 1, dtype=np.uint64))


def _absorb(lanes: Lanes, words: Words, position: int, rows: npt.NDArray[np.int64] | None = None) -> None:
    """Add the word that each row (or each of `rows`) has at `position`."""
    for lane, keys in zip(lanes, _KEYS, strict=True):
        mixed = _mix(words ^ keys[position])
        if rows is None:
            lane += mixed
        else:
            lane[rows] += mixed


def _add_field(sums: Lanes, name: str, column: Column) -> None:
    column = plain(column)
    if pa.types.is_null(column.type):
        return
    try:
        values = _values(column)
    except NotImplementedError:
        raise ConfigError(
            f"field {name!r} is {column.type}, which cannot be compared from one read to the next",
            hint="leave it out with `columns`",
        ) from None
    valid = _valid(column)
    for lane, value, key in zip(sums, values, _field_keys(name, kind_of(column.type)), strict=True):
        mixed = _mix(value ^ key)
        if valid is not None:
            mixed *= valid
        lane += mixed


def plain(column: Column) -> Column:
    """The same values without dictionary or extension."""
    while True:
        if isinstance(column, pa.ExtensionArray):
            column = column.storage
        elif isinstance(column, pa.DictionaryArray):
            column = column.dictionary_decode()
        else:
            return column


def _valid(column: Column) -> Words | None:
    """1 where there is a value, 0 where there is none; None when all have one."""
    if not column.null_count:
        return None
    valid: Words = column.is_valid().to_numpy(zero_copy_only=False).astype(np.uint64)
    return valid


def _values(column: Column) -> Lanes:
    """128 bits for each value; whatever at nulls."""
    type, types = column.type, pa.types  # noqa: A001
    if types.is_boolean(type):
        return _once(_fixed(column.cast(pa.uint8()), np.uint8))
    if types.is_uint64(type):
        return _number(without_zeros(_fixed(column, np.uint64)[:, None], 0), signed=False)
    if types.is_integer(type):
        return _once(_fixed(column, type.to_pandas_dtype()))
    if types.is_floating(type):
        numbers = _fixed(column, type.to_pandas_dtype()).astype(np.float64)
        numbers[np.isnan(numbers)] = np.nan  # there are many, and nobody can tell them apart
        return _once(numbers.view(np.uint64))
    if types.is_date(type):
        return _once(_fixed(column, np.int64) if types.is_date64(type) else _fixed(column, np.int32) * np.int64(86_400_000))
    if types.is_time(type):
        nanoseconds = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[type.unit]
        return _once(_fixed(column, np.int32 if types.is_time32(type) else np.int64) * np.int64(nanoseconds))
    if types.is_timestamp(type) or types.is_duration(type):
        return _once(_fixed(column, np.int64))
    if types.is_decimal(type):
        wide = column if type.bit_width >= 128 else column.cast(pa.decimal128(38, type.scale))
        return _number(without_zeros(_fixed(wide, np.uint64, wide.type.bit_width // 64), type.scale))
    if types.is_interval(type):
        return _words(_fixed(column, np.uint64, 2))
    if types.is_struct(type):
        return _struct(column)
    if types.is_map(type) or _is_list(type):
        return _list(column)
    match kind_of(type):
        case "text":
            return _binary(column.cast(pa.large_string()).cast(pa.large_binary()))
        case "bytes":
            return _binary(column.cast(pa.large_binary()))
    raise NotImplementedError


def _fixed(column: Column, dtype: Any, width: int = 1) -> npt.NDArray[Any]:
    """The values of a column of fixed width, straight from its buffer; with `width`, so many words each."""
    buffer = column.buffers()[1]
    if buffer is None or not len(column):
        found = np.zeros(len(column) * width, dtype)
    else:
        stop = (column.offset + len(column)) * width
        found = np.frombuffer(memoryview(buffer), dtype, stop)[column.offset * width :]
    return found if width == 1 else found.reshape(-1, width)


def _once(values: npt.NDArray[Any]) -> Lanes:
    words = values if values.dtype == np.uint64 else values.astype(np.int64).view(np.uint64)
    return words, words


def _number(numbers: Numbers, *, signed: bool = True) -> Lanes:
    """Whole numbers of up to 64 bits as :func:`_once` has them; to others is added what they have beside those 64 bits."""
    words, scale = numbers
    lanes = words[:, 0].copy(), words[:, 0].copy()
    top = words[:, -1] >> np.uint64(63)
    sign = -top if signed else np.zeros_like(top)  # all bits or none
    for position in range(1, words.shape[1]):
        _absorb_some(lanes, words[:, position] ^ sign, position)
    _absorb_some(lanes, (words[:, 0] ^ sign) >> np.uint64(63), _WIDE)
    _absorb_some(lanes, scale.view(np.uint64), _SCALE)
    return lanes


def _absorb_some(lanes: Lanes, words: Words, position: int) -> None:
    """Add the words that are not 0."""
    rows = np.flatnonzero(words)
    if len(rows):
        _absorb(lanes, words[rows], position, rows)


def _words(words: npt.NDArray[np.uint64]) -> Lanes:
    lanes = _nothing(len(words))
    for position in range(words.shape[1]):
        _absorb(lanes, np.ascontiguousarray(words[:, position]), position)
    return lanes


def _binary(column: Column) -> Lanes:
    """Each value as little-endian words of eight bytes, the last filled up with zeros, and its length."""
    count = len(column)
    lanes = _nothing(count)
    _, offset_buffer, data = column.buffers()
    if not count or offset_buffer is None:
        return lanes
    offsets = np.frombuffer(memoryview(offset_buffer), np.int64, column.offset + count + 1)[column.offset :]
    start, stop = int(offsets[0]), int(offsets[-1])
    # Two words beyond the end, so that the word after any byte can be taken.
    padded = np.zeros((stop - start) // 8 + 3, "<u8")
    if stop > start:
        padded.view(np.uint8)[: stop - start] = np.frombuffer(memoryview(data), np.uint8, stop - start, start)
    lengths = np.diff(offsets)
    _absorb(lanes, lengths.view(np.uint64), _LENGTH)
    rows: npt.NDArray[np.int64] | None = None
    at, left = offsets[:-1] - start, lengths
    long = np.flatnonzero(lengths > LONG)
    if len(long):
        rows = np.flatnonzero(lengths <= LONG)
        at, left = at[rows], left[rows]
    for position in range(LONG // 8):
        some = np.flatnonzero(left > 0)
        if not len(some):
            break
        if len(some) < len(left):
            rows = some if rows is None else rows[some]
            at, left = at[some], left[some]
        index, shift = at >> 3, ((at & 7) << 3).astype(np.uint64)
        words = padded.take(index)
        words >>= shift
        words |= (padded.take(index + 1) << np.uint64(1)) << (np.uint64(63) - shift)
        words &= _PART.take(np.minimum(left, 8))
        _absorb(lanes, words, position, rows)
        at, left = at + 8, left - 8
    for row in long.tolist():
        digest = hashlib.blake2b(column[row].as_buffer(), digest_size=16).digest()
        lanes[0][row], lanes[1][row] = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
    return lanes


def _struct(column: Column) -> Lanes:
    lanes = _nothing(len(column))
    for index in range(column.type.num_fields):
        # Unlike flatten(), field() leaves the children as they are: what lies under a null struct is masked by the caller.
        _add_field(lanes, column.type.field(index).name, column.field(index))
    return lanes


def _list(column: Column) -> Lanes:
    """Each list as its elements with their positions, a null among them counting as one, and its length."""
    lanes = _nothing(len(column))
    if not len(column):
        return lanes
    if pa.types.is_map(column.type):
        entries = pa.struct([column.type.key_field, column.type.item_field])
        column = column.cast(pa.list_(pa.field("entries", entries, nullable=False)))
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = column.flatten()  # without what lies under nulls
    ends = np.cumsum(lengths)
    starts = ends - lengths
    elements = _nothing(len(flat))
    _add_field(elements, "", flat)
    positions = np.arange(len(flat)) - np.repeat(starts, lengths)
    for lane, element, key in zip(lanes, elements, _position_keys(positions.astype(np.uint64)), strict=True):
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(_mix(element ^ key), dtype=np.uint64)])
        lane += sums[ends] - sums[starts]
    _absorb(lanes, lengths.view(np.uint64), _LENGTH)
    return lanes
