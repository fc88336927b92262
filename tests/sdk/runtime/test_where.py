"""Predicates mean what SQL's three-valued logic means, whatever type the column has."""

from __future__ import annotations

import datetime as dt
import operator
from decimal import Decimal

import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError
from connector_sdk.runtime.where import columns_of, keep, parse_where, typed_where
from hypothesis import given, settings
from hypothesis import strategies as st

OPS = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def kept(text: str, **columns: pa.Array) -> list[int]:
    batch = pa.RecordBatch.from_pydict({"n": pa.array(range(len(next(iter(columns.values()))))), **columns})
    where = typed_where(parse_where(text), batch.schema, "s")
    return keep(where, batch).column("n").to_pylist()


def test_and_or_brackets_and_not():
    a, b = pa.array([1, 2, 3, None]), pa.array(["x", "y", None, "x"])
    assert kept("a > 1 AND b = 'y'", a=a, b=b) == [1]
    assert kept("a = 1 OR b = 'x'", a=a, b=b) == [0, 3]
    assert kept("NOT (a = 1 OR b = 'y')", a=a, b=b) == []  # row 2: b is unknown, so is NOT b = 'y'
    assert kept("(a = 3 OR a = 1) AND b IS NULL", a=a, b=b) == [2]
    assert kept("a IS NOT NULL AND NOT a IN (1, 2)", a=a, b=b) == [2]
    assert kept("a BETWEEN 2 AND 3", a=a, b=b) == [1, 2]
    assert kept("NOT a BETWEEN 2 AND 3", a=a, b=b) == [0]
    assert kept("2 < a", a=a, b=b) == [2]
    assert kept("b <> 'x'", a=a, b=b) == [1]


def test_literals_are_read_as_the_columns_type():
    assert kept("d >= DATE '2024-02-29'", d=pa.array([dt.date(2024, 2, 28), dt.date(2024, 2, 29)])) == [1]
    assert kept("d = '2024-02-29'", d=pa.array([dt.date(2024, 2, 28), dt.date(2024, 2, 29)])) == [1]
    stamps = pa.array([dt.datetime(2024, 1, 1, 12), dt.datetime(2024, 1, 2)], pa.timestamp("us"))
    assert kept("t > '2024-01-01 12:00:00'", t=stamps) == [1]
    zoned = stamps.cast(pa.timestamp("us", "UTC"))
    assert kept("t > '2024-01-01T13:00:00+01:00'", t=zoned) == [1]
    assert kept("t > '2024-01-01 12:00:00'", t=zoned) == [1]
    assert kept("m > 1.005", m=pa.array([Decimal("1.00"), Decimal("1.01")])) == [1]
    assert kept("m = 1.0", m=pa.array([Decimal("1.00"), Decimal("1.01")])) == [0]
    assert kept("i > 1.5", i=pa.array([1, 2])) == [1]
    assert kept("i < -1", i=pa.array([1, 2], pa.uint64())) == []
    assert kept("i > 9223372036854775808", i=pa.array([1, 2**64 - 1], pa.uint64())) == [1]
    assert kept("i < 99999999999999999999", i=pa.array([1, 2**63 - 1])) == [0, 1]
    assert kept("f > 0.1", f=pa.array([0.1, 0.2])) == [1]
    assert kept("ok = true", ok=pa.array([True, False, None])) == [0]


def test_a_flag_stands_by_itself():
    flags = pa.array([True, False, None])
    assert kept("ok", ok=flags) == [0]
    assert kept("NOT ok", ok=flags) == [1]
    assert kept("n < 2 AND NOT ok OR ok IS NULL", ok=flags) == [1, 2]
    with pytest.raises(ConfigError, match="cannot be compared with True"):
        kept("n", ok=flags)


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.none() | st.integers(-50, 50), min_size=1, max_size=20),
    op=st.sampled_from(sorted(OPS)),
    literal=st.integers(-50, 50),
    negate=st.booleans(),
)
def test_comparisons_agree_with_python(values, op, literal, negate):
    text = f"{'NOT ' if negate else ''}(a {op} {literal})"
    expected = [n for n, v in enumerate(values) if v is not None and OPS[op](v, literal) != negate]
    assert kept(text, a=pa.array(values, pa.int32())) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a >", "not a predicate: it breaks off or goes wrong at .>., character 3"),
        ("a = 1 LIMIT 5", "goes wrong at .LIMIT., character 11"),
        ("a = 1; b = 2", "a = 1; b = 2"),
        ("upper(a) = 'X'", "not understood"),
        ("a = b", "not understood"),
        ("a LIKE 'x%'", "not understood"),
        ("a IN (SELECT 1)", "not understood"),
        ("1", "not understood"),
    ],
)
def test_what_is_not_understood_is_said(text, says):
    with pytest.raises(ConfigError, match=says):
        parse_where(text)


def test_an_unknown_column_or_a_value_that_does_not_fit_is_named():
    schema = pa.schema([("amount", pa.int64())])
    with pytest.raises(ConfigError, match="did you mean amount"):
        typed_where(parse_where("amout = 1"), schema, "s")
    with pytest.raises(ConfigError, match="cannot be compared with 'x'"):
        typed_where(parse_where("amount = 'x'"), schema, "s")


def test_a_predicate_that_explodes_is_refused():
    with pytest.raises(ConfigError, match="multiplies out"):
        parse_where(" AND ".join(f"(a{i} = 1 OR b{i} = 2)" for i in range(12)))


def test_columns_of():
    assert columns_of(parse_where("a = 1 AND (b = 2 OR a = 3)")) == ("a", "b")
