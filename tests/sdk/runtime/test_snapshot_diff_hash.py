"""The hash of a row follows its values and nothing else: the same everywhere and for ever, whatever way Arrow lays them out."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError
from connector_sdk.runtime.snapshot_diff.row_hash import hash_rows
from hypothesis import given, settings
from hypothesis import strategies as st


def hashes(values, kind=None, name="x"):
    """128 bits for each value, as the one field of a row."""
    array = values if isinstance(values, pa.Array) else pa.array(values, kind)
    found = hash_rows(pa.RecordBatch.from_arrays([array], [name]), [])
    return list(zip(found.row_high.tolist(), found.row_low.tolist(), strict=True))


TEXTS = ["", "a", None, "a\0", "\0", "abcdefgh", "abcdefghi", "é" * 100, "x" * 255, "x" * 256, "x" * 257, "x" * 1000]
LISTS = [[1, 2], [], None, [None], [None, None], [2, 1], [1, 2, None]]
STRUCTS = [{"a": 1, "b": "x"}, None, {"a": None, "b": ""}, {"a": None, "b": None}]
EXAMPLES = [
    (pa.bool_(), [True, False, None]),
    (pa.int8(), [0, 1, -1, None]),
    (pa.uint64(), [0, 1, 2**64 - 1, None]),
    (pa.float32(), [0.0, -0.0, 1.5, float("nan"), float("inf"), None]),
    (pa.float64(), [0.1, None, float("-inf")]),
    (pa.decimal128(12, 2), [Decimal("1.50"), Decimal("-1.50"), None]),
    (pa.decimal256(60, 2), [Decimal("1.50"), Decimal(10) ** 50, None]),
    (pa.string(), TEXTS),
    (pa.binary(), [b"", b"a", None, b"a\0"]),
    (pa.binary(3), [b"abc", None, b"abd"]),
    (pa.date32(), [date(2020, 1, 1), date(1, 1, 1), None]),
    (pa.time32("s"), [time(1), None, time(2)]),
    (pa.timestamp("us", "UTC"), [datetime(2020, 1, 1), None, datetime(1, 1, 1)]),
    (pa.timestamp("ns"), [datetime(2020, 1, 1), None]),
    (pa.duration("s"), [timedelta(1), None, timedelta(-1)]),
    (pa.month_day_nano_interval(), [(1, 2, 3), None, (1, 2, 4)]),
    (pa.list_(pa.int64()), LISTS),
    (pa.list_(pa.list_(pa.string())), [[["a"], None, []], [], None, [["a", None], []]]),
    (pa.struct([("a", pa.int64()), ("b", pa.string())]), STRUCTS),
    (pa.list_(pa.struct([("a", pa.int64())])), [[{"a": 1}, None], [], None, [{"a": None}]]),
    (pa.map_(pa.string(), pa.int64()), [[("a", 1)], [], None, [("a", None), ("b", 2)]]),
    (pa.dictionary(pa.int8(), pa.string()), ["a", "b", None, "a"]),
]
IDS = [str(kind) for kind, _ in EXAMPLES]


@pytest.mark.parametrize(("kind", "values"), EXAMPLES, ids=IDS)
def test_different_values_have_different_hashes_and_null_has_none(kind, values):
    found = hashes(values, kind)
    distinct = {repr(value) for value in values}
    assert len(set(found)) == len(distinct)
    assert [value is None for value in values] == [pair == (0, 0) for pair in found]


@pytest.mark.parametrize(("kind", "values"), EXAMPLES, ids=IDS)
def test_slices_and_batches_do_not_matter(kind, values):
    found = hashes(values, kind)
    twice = pa.concat_arrays([pa.array(values, kind), pa.array(values, kind)])
    assert hashes(twice) == found + found
    for start in range(len(values)):
        assert hashes(twice.slice(start, len(values))) == (found + found)[start : start + len(values)]
    assert hashes([], kind) == []
    assert hashes([None, None], kind) == [(0, 0)] * 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.string(), pa.large_string()),
        (pa.string(), pa.string_view()),
        (pa.string(), pa.dictionary(pa.int32(), pa.string())),
    ],
)
def test_texts_in_other_layouts_are_the_same_texts(one, other):
    assert hashes(TEXTS, one) == hashes(pa.array(TEXTS, one).cast(other))


@pytest.mark.parametrize("kind", [pa.large_list(pa.int64()), pa.list_(pa.int32()), pa.list_view(pa.int16())])
def test_lists_in_other_layouts_are_the_same_lists(kind):
    assert hashes(LISTS, kind) == hashes(LISTS, pa.list_(pa.int64()))


def test_lists_of_fixed_size_are_lists():
    values = [[1, 2], None, [None, 3]]
    assert hashes(values, pa.list_(pa.int64(), 2)) == hashes(values, pa.list_(pa.int64()))


def test_extensions_are_their_values():
    number = pa.array([bytes(16), None], pa.binary(16))
    assert hashes(pa.ExtensionArray.from_storage(pa.uuid(), number)) == hashes(number)


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 127))),
    st.sampled_from([pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32()]),
)
@settings(max_examples=50, deadline=None)
def test_integers_of_any_width_are_integers(values, kind):
    assert hashes(values, kind) == hashes(values, pa.int64())


DECIMALS = [pa.decimal128(38, 4), pa.decimal128(38, 18), pa.decimal256(76, 4), pa.decimal256(76, 38), pa.decimal256(70, 30)]


@given(
    st.lists(st.one_of(st.none(), st.decimals(-(10**19), 10**19, places=4), st.integers(-99, 99).map(Decimal))),
    st.sampled_from(DECIMALS),
)
@settings(max_examples=200, deadline=None)
def test_decimals_of_any_scale_and_width_are_the_same_numbers(values, kind):
    """And no others: with a fraction of 30 places there are more digits than fit into a word, and rows that need not so many."""
    found = hashes(values, kind)
    assert found == hashes(values, DECIMALS[-1])
    assert len(set(found)) == len(set(values))


@given(st.lists(st.integers(-(2**63), 2**64 - 1)))
@settings(max_examples=100, deadline=None)
def test_a_whole_number_is_the_same_as_a_decimal(values):
    decimals = hashes(list(map(Decimal, values)), pa.decimal128(38, 2))
    for kind in (pa.int64(), pa.uint64()):
        fits = [(value, found) for value, found in zip(values, decimals, strict=True) if value in range(-(2**63), 2**63)]
        if kind == pa.uint64():
            fits = [(value, found) for value, found in zip(values, decimals, strict=True) if value >= 0]
        assert hashes([value for value, _ in fits], kind) == [found for _, found in fits]


def test_numbers_that_share_their_lowest_64_bits_differ():
    values = [n * 2**64 + low for n in range(-3, 4) for low in (0, 1, 2**63, 2**64 - 1)]
    ones = hashes(list(map(Decimal, values)), pa.decimal128(38, 0)) + hashes(
        [Decimal(n) / 10**places for n in range(1, 10) for places in range(1, 9)], pa.decimal128(38, 9)
    )
    assert len(set(ones)) == len(ones)


def test_other_kinds_of_values_differ():
    ones = [hashes(pa.array([1]).cast(kind))[0] for kind in (pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date64())]
    ones += [hashes([b"1"])[0], hashes(pa.array([1], pa.timestamp("s")))[0], hashes(pa.array([1], pa.timestamp("s", "UTC")))[0]]
    ones += [hashes(pa.array([1], pa.timestamp("ms")))[0], hashes(["1"], name="y")[0], hashes([[1]])[0]]
    assert len(set(ones)) == len(ones)


def test_nan_is_nan_whatever_its_bits():
    bits = np.array([0x7FF8000000000000, 0xFFF8000000000001], np.uint64).view(np.float64)
    assert len(set(hashes(pa.array(bits, from_pandas=False)))) == 1


@given(st.lists(st.tuples(st.integers(-5, 5), st.text(max_size=3), st.binary(max_size=9)), max_size=20))
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_fields_does_not_matter_and_the_key_is_a_part(rows):
    schema = pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.binary())])
    batch = pa.RecordBatch.from_pylist([dict(zip("abc", row, strict=True)) for row in rows], schema)
    one, other = hash_rows(batch, ["a", "b"]), hash_rows(batch.select(["c", "b", "a"]), ["b", "a"])
    assert all((x == y).all() for x, y in zip(one, other, strict=True))
    assert len(set(zip(one.key_high.tolist(), one.key_low.tolist(), strict=True))) == len({row[:2] for row in rows})
    assert len(set(zip(one.row_high.tolist(), one.row_low.tolist(), strict=True))) == len(set(rows))


@given(st.lists(st.binary(max_size=600), max_size=8), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_bytes_of_any_length_at_any_offset(values, skip):
    array = pa.array([b"?" * skip, *values, b"end"], pa.binary()).slice(1, len(values))
    assert hashes(array) == hashes(values, pa.binary())
    assert len(set(hashes(array))) == len(set(values))


def test_fields_that_swap_their_values_are_another_row():
    batch = pa.RecordBatch.from_pydict({"a": [1, 2], "b": [2, 1]})
    found = hash_rows(batch, [])
    assert found.row_high[0] != found.row_high[1]
    assert found.row_low[0] != found.row_low[1]


def fingerprint() -> str:
    """Everything that can be hashed, in one number."""
    told = repr([hashes(values, kind) for kind, values in EXAMPLES])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def test_the_hashes_are_those_of_every_release():
    """An index that was made by one release is read by the next: what breaks this needs another `row_hash.VERSION`."""
    assert fingerprint() == "8538c8e3393299d8"


def test_the_hashes_are_those_of_every_process():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import test_snapshot_diff_hash as t; print(t.fingerprint())"
    folder = __file__.rpartition("/")[0]
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        assert done.stdout.strip() == fingerprint()


def test_what_has_no_hash_is_refused_by_name():
    union = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])
    runs = pa.RunEndEncodedArray.from_arrays([2, 3, 5], pa.array(["a", None, "b"]))
    for array in (union, runs):
        with pytest.raises(ConfigError, match="field 'either' is .* cannot be compared"):
            hashes(array, name="either")


def test_no_two_of_a_million_keys_share_their_hash_and_the_bits_are_even():
    found = hash_rows(pa.RecordBatch.from_pydict({"k": np.arange(1_000_000)}), ["k"])
    for lane in (found.key_high, found.key_low):
        assert len(np.unique(lane)) == 1_000_000
        ones = [(lane >> np.uint64(bit) & np.uint64(1)).mean() for bit in range(64)]
        assert 0.495 < min(ones) <= max(ones) < 0.505
        assert max(abs(np.bincount((lane >> np.uint64(56)).astype(int), minlength=256) / 1_000_000 * 256 - 1)) < 0.1
