"""What is written with a layout is read with it as the same values, for every type and notation a layout may have."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from connector_sdk.errors import DataError
from connector_sdk.formats.delimited import Encoder, decode
from connector_sdk.formats.layout import Delimited, Field, Layout
from hypothesis import given, settings
from hypothesis import strategies as st

text = st.text(st.sampled_from("aäß€\"'\\,;|\t\r\n 0.NULL\ufeff𝄞"), max_size=8)
whole = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)).map(lambda m: m.replace(tzinfo=dt.UTC, microsecond=0))
moments = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31))
near = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 12, 31))


def ints(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


KINDS: list[tuple[pa.DataType, st.SearchStrategy[Any], dict[str, Any]]] = [
    (pa.string(), text, {}),
    (pa.string(), text, {"null": ("NULL", "0")}),
    (pa.large_string(), text, {"null": ("",)}),
    (pa.int8(), ints(-128, 127), {}),
    (pa.int64(), ints(-(2**63), 2**63 - 1), {"null": ("n/a", "-")}),
    (pa.uint64(), ints(0, 2**64 - 1), {"group": "'"}),
    (pa.float64(), st.floats(allow_nan=False), {}),
    (pa.float64(), st.floats(allow_nan=False), {"decimal": ",", "group": "."}),
    (pa.float32(), st.floats(allow_nan=False, width=32), {}),
    (pa.decimal128(12, 2), st.decimals(-(10**9), 10**9, places=2), {}),
    (pa.decimal128(38, 10), st.decimals(-1, 1, places=10), {"decimal": ",", "group": " "}),
    (pa.decimal256(60, 8), st.integers(-(10**59), 10**59).map(lambda n: Decimal(n).scaleb(-8)), {}),
    (pa.bool_(), st.booleans(), {}),
    (pa.bool_(), st.booleans(), {"true": ("Y", "yes"), "false": ("N",), "null": ("?",)}),
    (pa.date32(), moments.map(dt.datetime.date), {}),
    (pa.date32(), moments.map(dt.datetime.date), {"format": ("%d.%m.%Y", "%Y-%m-%d")}),
    (pa.date32(), st.dates(dt.date(1969, 1, 1), dt.date(2068, 12, 31)), {"format": ("%d-%b-%y",)}),
    (pa.timestamp("us"), moments, {}),
    (pa.timestamp("us"), moments, {"format": ("%Y%m%d %H%M%S%f",)}),
    (pa.timestamp("s"), moments.map(lambda m: m.replace(microsecond=0)), {"format": ("%m/%d/%Y %I:%M:%S %p",)}),
    (pa.timestamp("ns"), near, {}),
    (pa.timestamp("us", "UTC"), near.map(lambda m: m.replace(tzinfo=dt.UTC)), {}),
    (pa.timestamp("ms", "UTC"), whole, {"format": ("%d.%m.%Y %H:%M:%S %z",)}),
    (pa.timestamp("us", "Europe/Berlin"), near.map(lambda m: m.replace(tzinfo=dt.UTC)), {}),
    (pa.time32("s"), st.times().map(lambda t: t.replace(microsecond=0)), {}),
    (pa.time64("us"), st.times(), {}),
    (pa.time64("us"), st.times(), {"format": ("%H.%M.%S,%f",)}),
    (pa.binary(), st.binary(min_size=1, max_size=6), {}),
    (pa.binary(), st.binary(min_size=1, max_size=6), {"format": ("hex",)}),
    (pa.binary(4), st.binary(min_size=4, max_size=4), {}),
]  # fmt: skip

dialects = st.sampled_from(
    [
        Delimited(),
        Delimited(delimiter=";", quote="'"),
        Delimited(delimiter="\t", header=False),
        Delimited(delimiter="|", escape="\\"),
        Delimited(skip=3),
    ]
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Layout, pa.RecordBatch]:
    chosen = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5))
    fields = tuple(Field(name=f"f{i}", type=kind, **how) for i, (kind, _, how) in enumerate(chosen))
    size = draw(st.integers(0, 6))
    columns = []
    for kind, values, _ in chosen:
        found = draw(st.lists(st.none() | values, min_size=size, max_size=size))
        columns.append(pa.array(found, kind))
    encoding = draw(st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]))
    layout = Layout(name="t", fields=fields, form=draw(dialects), encoding=encoding)
    return layout, pa.RecordBatch.from_arrays(columns, schema=layout.schema)


def read(layout: Layout, data: bytes, **options: Any) -> pa.Table:
    found = list(decode(layout, io.BytesIO(data).read, stream="t", place="t.csv", **options))
    for block in found:
        assert block.rejects is None, block.rejects.to_pylist()
    assert found[-1].offset == len(data)
    return pa.Table.from_batches([block.data for block in found])


@settings(max_examples=300, deadline=None)
@given(tables())
def test_what_is_written_is_read_again(case: tuple[Layout, pa.RecordBatch]) -> None:
    layout, batch = case
    out = io.BytesIO()
    encoder = Encoder(layout, out)
    encoder.write(batch)
    encoder.close()
    assert read(layout, out.getvalue()).equals(pa.Table.from_batches([batch]))


@settings(max_examples=50, deadline=None)
@given(st.lists(text | st.none(), max_size=5))
def test_text_without_quotes_is_escaped_or_refused(values: list[str | None]) -> None:
    batch = pa.RecordBatch.from_pydict({"a": pa.array(values, pa.string()), "b": pa.array([1] * len(values), pa.int64())})
    for escape in ("\\", None):
        form = Delimited(delimiter="|", quote=None, escape=escape)
        layout = Layout(name="t", form=form, fields=(Field(name="a", type=pa.string()), Field(name="b", type=pa.int64())))
        out = io.BytesIO()
        try:
            Encoder(layout, out).write(batch)
        except DataError as error:
            assert error.code == "unwritable"
            assert not out.getvalue()
        else:
            assert read(layout, out.getvalue() or b"a|b\n").to_pydict() == batch.to_pydict()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Field(name="a", type=pa.timestamp("us"), format=("%Y-%m-%d %H:%M",)), dt.datetime(2020, 1, 1, 1, 2, 3)),
        (Field(name="a", type=pa.int64(), null=("-1",)), -1),
        (Field(name="a", type=pa.int64(), nullable=False), None),
        (Field(name="a", type=pa.binary()), b""),
        (Field(name="a", type=pa.date32(), format=("%d.%m.%y",)), dt.date(1900, 1, 1)),
    ],
)
def test_what_would_not_come_back_is_not_written(field: Field, value: object) -> None:
    out = io.BytesIO()
    with pytest.raises(DataError, match="'a'") as caught:
        Encoder(Layout(name="t", fields=(field,)), out).write(pa.RecordBatch.from_pydict({"a": pa.array([value], field.type)}))
    assert caught.value.code == "unwritable"
    assert not out.getvalue()


def test_characters_the_encoding_lacks_are_not_written() -> None:
    layout = Layout(name="t", encoding="cp1252", fields=(Field(name="a", type=pa.string()),))
    out = io.BytesIO()
    encoder = Encoder(layout, out)
    encoder.write(pa.RecordBatch.from_pydict({"a": ["Größe €"]}))
    with pytest.raises(DataError, match="cp1252"):
        encoder.write(pa.RecordBatch.from_pydict({"a": ["Łódź"]}))
    assert out.getvalue() == "a\nGröße €\n".encode("cp1252")
    assert read(layout, out.getvalue()).to_pydict() == {"a": ["Größe €"]}


def test_text_is_quoted_only_where_it_must_be() -> None:
    layout = Layout(name="t", fields=(Field(name="a", type=pa.string()), Field(name="b", type=pa.decimal128(20, 8))))
    out = io.BytesIO()
    encoder = Encoder(layout, out)
    encoder.write(
        pa.RecordBatch.from_pydict(
            {"a": ["x", "", None, 'say "hi", he'], "b": pa.array([Decimal("1E-8")] * 4, pa.decimal128(20, 8))}
        )
    )
    assert out.getvalue() == b'a,b\nx,0.00000001\n"",0.00000001\n,0.00000001\n"say ""hi"", he",0.00000001\n'
