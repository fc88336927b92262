"""What is written in fixed width is read as the same values, and what is read and written again is the same bytes."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from connector_sdk.errors import DataError
from connector_sdk.formats.fixed_width import Encoder, Wanted, decode
from connector_sdk.formats.layout import Check, Field, FixedWidth, Layout, Place, Record, When
from hypothesis import assume, given, settings
from hypothesis import strategies as st

ENCODINGS = ("ascii", "utf-8", "cp1252", "cp037", "cp500", "cp1140", "cp273", "shift_jis")
SIGNS = ("free", "none", "leading", "trailing", "overpunch", "leading overpunch")
MOMENTS: list[tuple[pa.DataType, str, int]] = [
    (pa.date32(), "%Y%m%d", 8),
    (pa.date32(), "%d.%m.%Y", 10),
    (pa.date32(), "%Y%j", 7),
    (pa.date32(), "%d-%b-%Y", 13),
    (pa.timestamp("us"), "%Y-%m-%d %H:%M:%S.%f", 26),
    (pa.timestamp("s"), "%Y%m%d%H%M%S", 14),
    (pa.timestamp("ms"), "%y%m%d%H%M%S%f", 15),
    (pa.time32("s"), "%H%M%S", 6),
    (pa.timestamp("us", "UTC"), "%Y-%m-%dT%H:%M:%S.%f%z", 31),
]


@st.composite
def field(draw: st.DrawFn, name: str, start: int, encoding: str) -> tuple[Field, st.SearchStrategy[Any]]:
    """A field at `start`, and the values it may have."""
    what = draw(st.sampled_from(["text", "whole", "scaled", "spelled", "float", "moment", "bool", "raw"]))
    length = draw(st.integers(1, 24))
    nullable = draw(st.booleans())
    place: dict[str, Any] = {"justify": draw(st.sampled_from([None, "left", "right"]))}
    more: dict[str, Any] = {}
    kind: pa.DataType
    values: st.SearchStrategy[Any]
    if what == "text":
        place["pad"] = draw(st.sampled_from([None, " ", "*", "0"]))
        letters = "AZaz09 _-/&<Ñé§" if encoding in ("cp1252", "cp037", "cp500", "cp1140", "utf-8") else "AZaz09 _-/&<"
        kind, values = pa.string(), st.text(letters, max_size=length)
    elif what == "whole":
        kind = draw(st.sampled_from([pa.int8(), pa.int32(), pa.int64(), pa.uint16(), pa.uint64()]))
        values = numbers(draw, place, length, lambda n: n)
    elif what == "scaled":
        length = draw(st.integers(1, 40))
        scale = draw(st.integers(0, 6))
        extra = draw(st.integers(0, 2))
        place["scale"] = scale
        precision = max(length, scale + extra, 1) + extra
        kind = pa.decimal128(precision, scale + extra) if precision <= 38 else pa.decimal256(precision, scale + extra)
        values = numbers(draw, place, length, lambda n: shifted(n, scale))
    elif what == "spelled":
        length, scale = max(length, 5), draw(st.integers(1, 3))
        place |= {"pad": draw(st.sampled_from([None, "0", " "])), "sign": draw(st.sampled_from(["free", "none"]))}
        more["decimal"] = draw(st.sampled_from([".", ","]))
        kind = pa.decimal128(length, scale)
        # -0.001 needs a place more than 0.001
        low = 0 if place["sign"] == "none" or scale + 2 == length else -(10 ** (length - 2 - 1))
        values = st.integers(low, 10 ** (length - 2)).map(lambda n: shifted(n, scale))
    elif what == "float":
        kind, length, values = pa.float64(), 24, st.floats()
    elif what == "moment":
        kind, pattern, length = draw(st.sampled_from(MOMENTS))
        more["format"] = (pattern,)
        values = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2068, 12, 31)).map(lambda m: moment(kind, m))
        place["justify"] = None
    elif what == "bool":
        kind, values, length = pa.bool_(), st.booleans(), max(length, 2)
        more |= {"true": ("J", "Y"), "false": ("N", "-")}
    else:
        kind, values = pa.binary(), st.binary(min_size=length, max_size=length)
        nullable = False
    place["plus"] = draw(st.booleans())
    made = Field(name=name, type=kind, nullable=nullable, place=Place(start=start, length=length, **place), **more)
    return made, st.none() | values if nullable else values


def numbers(draw: st.DrawFn, place: dict[str, Any], length: int, make: Any) -> st.SearchStrategy[Any]:
    place["pad"] = draw(st.sampled_from([None, "0", " "]))
    place["sign"] = draw(st.sampled_from(SIGNS if length > 1 else ("free", "none", "overpunch")))
    if place["sign"] == "leading overpunch":
        place["pad"] = None
    digits = length - (place["sign"] in ("leading", "trailing"))
    low = 0 if place["sign"] == "none" else 1 - 10 ** (digits - (place["sign"] == "free"))
    return st.integers(low, 10**digits - 1).map(make)


def shifted(number: int, scale: int) -> Decimal:
    """`number` with its last `scale` digits behind the point: from its text, since `scaleb` rounds to 28 digits."""
    return Decimal(f"{number}E-{scale}")


def moment(kind: Any, value: dt.datetime) -> Any:
    if pa.types.is_date(kind):
        return value.date()
    unit = kind.unit
    value = value.replace(microsecond={"s": 0, "ms": value.microsecond // 1000 * 1000}.get(unit, value.microsecond))
    if pa.types.is_time(kind):
        return value.time()
    return value.replace(tzinfo=dt.UTC) if kind.tz else value


@st.composite
def files(draw: st.DrawFn) -> tuple[Layout, pa.RecordBatch]:
    """A layout and rows that it may or may not be able to hold."""
    encoding = draw(st.sampled_from(ENCODINGS))
    start, fields, strategies = 1, [], []
    for number in range(draw(st.integers(1, 5))):
        start += draw(st.integers(0, 2))
        made, values = draw(field(f"f{number}", start, encoding))
        assert made.place is not None
        start = made.place.end + 1
        fields.append(made)
        strategies.append(values)
    raw = any(pa.types.is_binary(each.type) for each in fields)
    framing = "none" if raw else draw(st.sampled_from(["lines", "none"]))
    form = FixedWidth(
        framing=framing,
        length=draw(st.sampled_from([0, start + 3])),
        line_end=draw(st.sampled_from(["lf", "crlf"])),
    )
    rows = draw(st.lists(st.tuples(*strategies), max_size=6))
    layout = Layout(name="rows", encoding=encoding, form=form, fields=tuple(fields))
    try:
        columns = [pa.array([row[at] for row in rows], each.type, safe=True) for at, each in enumerate(fields)]
    except (pa.ArrowInvalid, OverflowError):
        assume(False)
    return layout, pa.RecordBatch.from_arrays(columns, schema=layout.schema)


def written(layout: Layout, *batches: pa.RecordBatch) -> bytes:
    out = io.BytesIO()
    encoder = Encoder(layout, out)
    for batch in batches:
        encoder.write(batch)
    encoder.close()
    return out.getvalue()


def read(layout: Layout, data: bytes, **settings: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    record = layout.fixed_width.record or layout.name
    for block in decode(layout, io.BytesIO(data).read, {record: Wanted("s")}, place="f", **settings):
        rows += block.data["s"].to_pylist()
        rejects += [] if block.rejects is None else block.rejects.to_pylist()
    return rows, rejects


def same(one: Any, other: Any) -> bool:
    return bool(one == other or repr(one) == repr(other))  # nan


@given(files())
@settings(max_examples=200, deadline=None)
def test_values_come_back_or_are_refused_before_anything_is_written(made: tuple[Layout, pa.RecordBatch]) -> None:
    layout, batch = made
    try:
        data = written(layout, batch)
    except DataError as error:
        assert error.code == "unwritable"
        name = error.message.split("'")[1]
        assert pa.types.is_string(layout.schema.field(name).type), error  # of all others there are only values that fit
        return
    rows, rejects = read(layout, data, block_bytes=64)
    assert rejects == []
    assert same(rows, batch.to_pylist())
    assert written(layout, pa.RecordBatch.from_pylist(rows, schema=layout.schema)) == data


@given(files(), st.data())
@settings(max_examples=100, deadline=None)
def test_reading_goes_on_after_any_block(made: tuple[Layout, pa.RecordBatch], data: st.DataObject) -> None:
    layout, batch = made
    try:
        text = written(layout, batch)
    except DataError:
        assume(False)
    want = {layout.name: Wanted("s")}
    blocks = list(decode(layout, io.BytesIO(text).read, want, place="f", block_bytes=32))
    at = data.draw(st.integers(0, len(blocks) - 1))
    before = [row for block in blocks[: at + 1] for row in block.data["s"].to_pylist()]
    source = io.BytesIO(text)
    source.seek(blocks[at].offset)
    rest = decode(layout, source.read, want, place="f", offset=blocks[at].offset, line=blocks[at].line)
    after = [row for block in rest for row in block.data["s"].to_pylist()]
    assert same(before + after, batch.to_pylist())


@given(st.lists(st.tuples(st.integers(0, 10**9 - 1), st.integers(-(10**9), 10**9)), max_size=30), st.sampled_from(ENCODINGS))
@settings(deadline=None)
def test_a_trailer_is_written_that_holds(rows: list[tuple[int, int]], encoding: str) -> None:
    layout = payments(encoding)
    batch = pa.RecordBatch.from_pylist([{"id": i, "amount": Decimal(a) / 100} for i, a in rows], schema=layout.schema)
    found, rejects = read(layout, written(layout, batch), block_bytes=64)
    assert rejects == []
    assert found == batch.to_pylist()


def payments(encoding: str = "ascii", framing: str = "lines") -> Layout:
    """Records with a header, and a trailer that counts and adds them up."""
    number = Field(name="id", type=pa.int64(), nullable=False, place=Place(start=2, length=9))
    amount = Place(start=11, length=12, scale=2, sign="overpunch")
    money = pa.decimal128(12, 2)
    return Layout(
        name="payments",
        encoding=encoding,
        form=FixedWidth(
            framing=framing,
            records=(
                Record(
                    name="head",
                    role="header",
                    when=When(start=1, length=1, value=("H",)),
                    fields=(Field(name="day", type=pa.date32(), format=("%Y%m%d",), place=Place(start=2, length=8)),),
                    length=22,
                ),
                Record(
                    name="detail",
                    when=When(start=1, length=1, value=("D",)),
                    keys=("id",),
                    fields=(number, Field(name="amount", type=money, place=amount)),
                ),
                Record(
                    name="tail",
                    role="trailer",
                    when=When(start=1, length=1, value=("T",)),
                    checks=(
                        Check(field="records", counts=("detail",)),
                        Check(field="total", sums=("detail.amount",)),
                        Check(field="hash", hashes=("detail.id",)),
                    ),
                    fields=(
                        Field(name="records", type=pa.int64(), place=Place(start=2, length=6)),
                        Field(name="hash", type=pa.int64(), place=Place(start=8, length=3)),
                        Field(name="total", type=money, place=amount),
                    ),
                ),
            ),
        ),
    ).streams[0]


@pytest.mark.parametrize("encoding", ["ascii", "cp037"])
@pytest.mark.parametrize(
    ("sign", "value", "text"),
    [
        ("overpunch", "-12.30", "0123}"),
        ("overpunch", "12.34", "0123D"),
        ("overpunch", "-12.34", "0123M"),
        ("leading overpunch", "-12.34", "}1234"),
        ("leading", "-12.34", "-1234"),
        ("leading", "12.34", "+1234"),
        ("trailing", "-12.34", "1234-"),
        ("free", "-12.34", "-1234"),
        ("none", "123.45", "12345"),
    ],
)
def test_signs_are_written_as_they_are_known(encoding: str, sign: str, value: str, text: str) -> None:
    place = Place(start=1, length=5, scale=2, sign=sign)
    layout = Layout(
        name="s",
        encoding=encoding,
        form=FixedWidth(framing="none"),
        fields=(Field(name="n", type=pa.decimal128(5, 2), place=place),),
    )
    data = written(layout, pa.RecordBatch.from_pylist([{"n": Decimal(value)}], schema=layout.schema))
    assert data == text.encode(encoding)
    assert read(layout, data)[0] == [{"n": Decimal(value)}]


@pytest.mark.parametrize(
    ("kind", "place", "value", "why"),
    [
        (pa.string(), {}, "abcdef", "more than 5 characters"),
        (pa.string(), {}, "ab ", "read as another"),
        (pa.string(), {}, "", "read as another"),
        (pa.string(), {"pad": ""}, "ab", "no padding"),
        (pa.string(), {}, "a€", "not in ascii"),
        (pa.int64(), {}, 123456, "more than 5 bytes"),
        (pa.int64(), {"sign": "none"}, -1, "no place for its sign"),
        (pa.decimal128(9, 3), {"scale": 2}, Decimal("1.234"), "more than 2 decimal places"),
        (pa.binary(), {}, b"abc", "bytes that are not 5"),
        (pa.binary(), {}, None, "nothing that means null"),
    ],
)
def test_what_would_not_come_back_is_refused(kind: pa.DataType, place: dict[str, Any], value: Any, why: str) -> None:
    layout = Layout(
        name="s",
        encoding="ascii",
        form=FixedWidth(framing="none"),
        fields=(Field(name="f", type=kind, place=Place(start=1, length=5, **place)),),
    )
    with pytest.raises(DataError, match=why) as caught:
        written(layout, pa.RecordBatch.from_pylist([{"f": value}], schema=layout.schema))
    assert caught.value.code == "unwritable"
