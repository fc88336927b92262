"""What is written in any dialect is read again as the same values."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
from connector_sdk.errors import DataError
from connector_sdk.formats.layout import Delimited, Field, Layout
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sdk.formats.delimited_text import blocks, layout, rejected, written

text = st.text(st.sampled_from("aß€\"'\\,;|~§#-«\t\r\n 0.\x00\x1f%()"), max_size=8)
instants = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)).filter(
    lambda moment: moment.month not in (10, 11)  # when clocks show an hour twice
)
KINDS: list[tuple[pa.DataType, st.SearchStrategy[Any], dict[str, Any]]] = [
    (pa.string(), text, {}),
    (pa.string(), text, {"null": ("#", "0")}),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1), {"negative": "trailing", "marks": ("EUR", "€"), "null": ("-",)}),
    (pa.decimal128(12, 2), st.decimals(-(10**9), 10**9, places=2), {"negative": "parentheses", "marks": ("%",), "decimal": ","}),
    (pa.float64(), st.floats(allow_nan=False), {"negative": "parentheses", "marks": ("$",)}),
    (pa.timestamp("us", "UTC"), instants, {"zone": "Europe/Berlin", "format": ("%d.%m.%Y %H:%M:%S.%f",)}),
    (pa.timestamp("us", "UTC"), instants, {"zone": "America/New_York"}),
]  # fmt: skip
forms = st.builds(
    Delimited,
    delimiter=st.sampled_from([",", "|", "||", "~|~", "§", "\x01", "\t"]),
    quote=st.sampled_from(['"', "'", "«"]),
    escape=st.sampled_from([None, "\\", "ß"]),
    comment=st.sampled_from([None, "#", "--", "a"]),
    header=st.integers(0, 3),
    skip=st.integers(0, 2),
    footer=st.integers(0, 2),
)


@st.composite
def tables(draw: st.DrawFn, forms: st.SearchStrategy[Delimited] = forms) -> tuple[Layout, pa.RecordBatch]:
    chosen = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
    fields = tuple(Field(name=f"a{i}", title=f"a {i}", type=kind, **how) for i, (kind, _, how) in enumerate(chosen))
    size = draw(st.integers(0, 5))
    columns = [pa.array(draw(st.lists(st.none() | values, min_size=size, max_size=size)), kind) for kind, values, _ in chosen]
    of = layout(draw(forms), *fields, encoding=draw(st.sampled_from(["utf-8", "utf-16-le", "utf-32-be", "gb18030"])))
    return of, pa.RecordBatch.from_arrays(columns, schema=of.schema)


@settings(max_examples=100, deadline=None)
@given(tables(), st.integers(1, 100))
def test_what_is_written_is_read_again(case: tuple[Layout, pa.RecordBatch], block: int) -> None:
    of, batch = case
    data = written(of, batch)
    found = blocks(of, data, block_bytes=block)
    assert not rejected(found)
    assert found[-1].offset == len(data)
    assert pa.Table.from_batches([one.data for one in found]).equals(pa.Table.from_batches([batch]))


bare = st.builds(
    Delimited,
    delimiter=st.sampled_from([",", "||", "~|~", "§"]),
    quote=st.none(),
    escape=st.sampled_from([None, "\\"]),
    comment=st.sampled_from([None, "#", "--"]),
    header=st.integers(1, 2),
)


@settings(max_examples=100, deadline=None)
@given(tables(bare))
def test_without_quotes_text_is_escaped_or_refused(case: tuple[Layout, pa.RecordBatch]) -> None:
    of, batch = case
    try:
        data = written(of, batch)
    except DataError as error:
        assert error.code == "unwritable"
        return
    found = blocks(of, data)
    assert not rejected(found)
    assert pa.Table.from_batches([one.data for one in found]).equals(pa.Table.from_batches([batch]))
