"""What stands in a fixed-width file is read exactly, or told with its offset, its bytes, its field and the reason."""

from __future__ import annotations

import datetime as dt
import io
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError, DataError, SchemaDriftError
from connector_sdk.formats.fixed_width import Wanted, decode, decode_record
from connector_sdk.formats.layout import Field, FixedWidth, Layout, Place
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sdk.formats.test_fixed_width_roundtrip import payments, read, written


def one(kind: pa.DataType, length: int, *, encoding: str = "ascii", **more: Any) -> Layout:
    """A layout of one field."""
    known = {name: more.pop(name) for name in Field.__dataclass_fields__ if name in more}
    field = Field(name="f", type=kind, place=Place(start=1, length=length, **more), **known)
    return Layout(name="s", encoding=encoding, form=FixedWidth(), fields=(field,))


def values(layout: Layout, *records: bytes) -> list[Any]:
    rows, rejects = read(layout, b"\n".join(records).replace(b"\n", "\n".encode(layout.encoding)))
    assert rejects == []
    return [row["f"] for row in rows]


def reasons(layout: Layout, *records: bytes) -> list[str]:
    """What is told of bad records."""
    rows, rejects = read(layout, b"\n".join(records) + b"\n")
    assert rows == []
    return [f"{reject['code']}: {reject['reason']}" for reject in rejects]


D = Decimal


@pytest.mark.parametrize(
    ("layout", "records", "expected"),
    [
        (one(pa.int64(), 6), [b"000012", b"    12", b"12    ", b"   -12", b"-00012", b"+00012"], [12, 12, 12, -12, -12, 12]),
        (one(pa.int64(), 6), [b"      ", b"\0\0\0\0\0\0", b"000000"], [None, None, 0]),
        (one(pa.int64(), 6, blank=("zeros",)), [b"000000", b"000001"], [None, 1]),
        (one(pa.int64(), 6, null=("999999", "n/a")), [b"999999", b"   n/a", b"n/a   ", b"      "], [None] * 4),
        (one(pa.int64(), 18), [b"9" * 18, b"-" + b"9" * 17], [10**18 - 1, 1 - 10**17]),
        (one(pa.uint64(), 20, sign="none"), [b"18446744073709551615"], [2**64 - 1]),
        (one(pa.decimal128(38, 0), 38, sign="none"), [b"9" * 38], [D("9" * 38)]),
        (one(pa.decimal256(60, 10), 60, scale=10, sign="overpunch"), [b"1" * 59 + b"J"], [D("-" + "1" * 50 + "." + "1" * 10)]),
        (one(pa.decimal128(7, 2), 7, scale=2), [b"0012345", b"  12345", b"-012345"], [D("123.45"), D("123.45"), D("-123.45")]),
        (one(pa.decimal128(9, 4), 7, scale=2), [b"0012345"], [D("123.4500")]),
        (one(pa.decimal128(7, 2), 8), [b"00123.45", b"  -12.5 ", b"     7  "], [D("123.45"), D("-12.50"), D("7.00")]),
        (one(pa.decimal128(7, 2), 8, decimal=",", group="."), [b"1.234,50"], [D("1234.50")]),
        (one(pa.decimal128(5, 2), 5, scale=2, sign="overpunch"), [b"0123{", b"0123R", b"01234", b" 123A"],
         [D("12.30"), D("-12.39"), D("12.34"), D("12.31")]),
        (one(pa.int32(), 4, sign="trailing"), [b"012-", b"012+", b"012 ", b" 12-"], [-12, 12, 12, -12]),
        (one(pa.int32(), 4, sign="leading"), [b"-012", b"+012", b" 012", b"- 12"], [-12, 12, 12, -12]),
        (one(pa.float64(), 8), [b"   -1.5 ", b"     1e3", b"     nan"[:5] + b"inf"], [-1.5, 1000.0, float("inf")]),
        (one(pa.string(), 5), [b"ab   ", b"  ab ", b"     "], ["ab", "  ab", None]),
        (one(pa.string(), 5, nullable=False), [b"ab   ", b"     "], ["ab", ""]),
        (one(pa.string(), 5, justify="right", pad="0"), [b"000a0", b"00000"], ["a0", ""]),
        (one(pa.string(), 5, pad=""), [b"ab   "], ["ab   "]),
        (one(pa.string(), 3, null=("N/A",)), [b"N/A", b"n/a"], [None, "n/a"]),
        (one(pa.string(), 6, encoding="utf-8"), ["Zoë  ".encode(), b"Zoe   "], ["Zoë", "Zoe"]),
        (one(pa.string(), 4, encoding="cp1252"), ["Zoë€".encode("cp1252")], ["Zoë€"]),
        (one(pa.bool_(), 3, true=("yes", "y"), false=("no",)), [b"yes", b"y  ", b"no ", b"   "], [True, True, False, None]),
        (one(pa.date32(), 8, format=("%Y%m%d", "%d%m%Y")), [b"20240229", b"31122023"],
         [dt.date(2024, 2, 29), dt.date(2023, 12, 31)]),
        (one(pa.date32(), 8, format=("%Y%m%d",), blank=("zeros", "spaces")), [b"00000000", b"        "], [None, None]),
        (one(pa.date32(), 6, format=("%y%m%d",)), [b"680101", b"690101"], [dt.date(2068, 1, 1), dt.date(1969, 1, 1)]),
        (one(pa.date32(), 5, format=("%y%j",)), [b"24366"], [dt.date(2024, 12, 31)]),
        (one(pa.time32("s"), 6, format=("%H%M%S",)), [b"235959"], [dt.time(23, 59, 59)]),
        (one(pa.timestamp("us"), 26, format=("%Y-%m-%d %H:%M:%S.%f",)), [b"2024-02-29 23:59:59.000001"],
         [dt.datetime(2024, 2, 29, 23, 59, 59, 1)]),
    ],
)  # fmt: skip
def test_values_are_read_as_they_are_meant(layout: Layout, records: list[bytes], expected: list[Any]) -> None:
    assert values(layout, *records) == expected


@pytest.mark.parametrize(
    ("layout", "record", "reason"),
    [
        (one(pa.int64(), 4), b"1 23", "type: '1 23' is no int64"),
        (one(pa.int64(), 4), b"12-3", "type: '12-3' is no int64"),
        (one(pa.int64(), 4), b"--12", "type: '--12' is no int64"),
        (one(pa.int64(), 4), b"   -", "type: '   -' is no int64"),
        (one(pa.int64(), 4, sign="none"), b"-123", "type: '-123' is no int64 with sign none"),
        (one(pa.int8(), 4), b"0128", "type: '0128' is no int8"),
        (one(pa.uint8(), 4), b"-001", "type: '-001' is no uint8"),
        (one(pa.uint64(), 20, sign="none"), b"18446744073709551616", "type: '18446744073709551616' is no uint64 with sign none"),
        (one(pa.int64(), 4, nullable=False), b"    ", "required: there is no value, and one is required"),
        (one(pa.decimal128(3, 2), 4, scale=2), b"1000", "type: '1000' is no decimal(3,2)"),
        (one(pa.decimal128(4, 2), 6), b"1.2345"[:6], "type: '1.2345' is no decimal(4,2)"),
        (one(pa.decimal128(4, 2), 6, scale=2), b"  12.5", "type: '  12.5' is no decimal(4,2)"),
        (one(pa.int64(), 4, sign="overpunch"), b"012?", "type: '012?' is no int64 with sign overpunch"),
        (one(pa.date32(), 8, format=("%Y%m%d",)), b"20230229", "type: '20230229' is no date as %Y%m%d"),
        (one(pa.date32(), 5, format=("%y%j",)), b"23366", "type: '23366' is no date as %y%j"),
        (one(pa.bool_(), 1, true=("Y",), false=("N",)), b"y", "type: 'y' is no bool: Y or N"),
        (one(pa.string(), 4, encoding="ascii"), b"Zo\xeb ", "encoding: X'5A6FEB20' is not all ascii"),
        (one(pa.string(), 4, encoding="utf-8"), b"Zo\xeb ", "encoding: X'5A6FEB20' is not all utf-8"),
        (one(pa.string(), 4, encoding="cp1252"), b"Zo\x81 ", "encoding: X'5A6F8120' is not all cp1252"),
        (one(pa.int64(), 4), b"\xff\xff12", "type: X'FFFF3132' is no int64"),
        (one(pa.string(), 4), b"abc", "length: the record has 3 bytes, 4 were expected"),
        (one(pa.string(), 4), b"abcde", "length: the record has 5 bytes, 4 were expected"),
    ],
)  # fmt: skip
def test_what_is_no_value_is_told(layout: Layout, record: bytes, reason: str) -> None:
    assert reasons(layout, record) == [reason]


def test_a_reject_says_where_and_has_the_record_itself() -> None:
    layout = one(pa.int64(), 4)
    _, rejects = read(layout, b"0001\r\n00x2\r\n0003\r\n", block_bytes=16)
    (reject,) = rejects
    assert (reject["offset"], reject["line"], reject["raw"], reject["field"]) == (6, 2, b"00x2", "f")
    again = decode_record(layout, reject["raw"], stream="s", place="f", offset=6, line=2)
    assert again.rejects is not None
    assert again.rejects.to_pylist() == rejects
    assert decode_record(layout, b"0042", stream="s").data["s"].to_pylist() == [{"f": 42}]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("block", [16, 64, 1 << 20])
def test_lines_of_all_kinds_in_one_file(end: bytes, block: int) -> None:
    layout = one(pa.int64(), 4)
    data = end.join([b"0001", b"", b"0002", b"toolong", b"0003", b"12", b"0004"])
    rows, rejects = read(layout, data, block_bytes=block)
    assert [row["f"] for row in rows] == [1, 2, 3, 4]
    assert [(reject["line"], reject["raw"]) for reject in rejects] == [(4, b"toolong"), (6, b"12")]
    assert all(data[reject["offset"] :].startswith(reject["raw"]) for reject in rejects)


def test_lines_that_lost_their_blanks_are_whole_with_trimmed() -> None:
    fields = (
        Field(name="a", type=pa.int64(), place=Place(start=1, length=2)),
        Field(name="b", type=pa.string(), place=Place(start=3, length=4)),
    )
    for encoding in ("ascii", "cp037"):
        layout = Layout(name="s", encoding=encoding, form=FixedWidth(trimmed=True), fields=fields)
        rows, rejects = read(layout, "01ab\n02\n03abcd\n04abcde\n".encode(encoding))
        assert rows == [{"a": 1, "b": "ab"}, {"a": 2, "b": None}, {"a": 3, "b": "abcd"}]
        assert [reject["code"] for reject in rejects] == ["length"]


def test_a_line_that_never_ends_is_one_reject() -> None:
    layout = one(pa.int64(), 4)
    data = b"0001\n" + b"x" * 300_000 + b"\n0002\n"
    rows, rejects = read(layout, data, block_bytes=1024, max_record_bytes=4096)
    assert [row["f"] for row in rows] == [1, 2]
    (reject,) = rejects
    assert (reject["code"], reject["offset"], reject["raw_length"], len(reject["raw"])) == ("too_long", 5, 300_000, 1 << 16)


def test_ebcdic_lines_end_with_nel_or_line_feed() -> None:
    layout = one(pa.int64(), 4, encoding="cp037")
    assert read(layout, "0001".encode("cp037") + b"\x15" + "0002".encode("cp037") + b"\x25")[0] == [{"f": 1}, {"f": 2}]


def test_a_zone_is_the_sign_whatever_the_code_page_calls_it() -> None:
    for encoding in ("cp037", "cp500", "cp1140", "cp273"):
        layout = one(pa.int64(), 2, encoding=encoding, sign="overpunch")
        assert values(layout, b"\xf1\xc2", b"\xf1\xd2", b"\xf1\xf2", b"\xf1\xb2") == [12, -12, 12, -12]


@pytest.mark.parametrize(
    ("layout", "data", "told"),
    [
        (one(pa.string(), 4, encoding="cp037"), b"1234\n5678\n   1\n   2\n", "its bytes are ASCII, and layout 's' says cp037"),
        (one(pa.int64(), 4), "1234\n5678\n 123\n1234\n".encode("cp037"), "its bytes are EBCDIC, and layout 's' says ascii"),
        (one(pa.int64(), 4), b"12345\n12345\n", "every record has 5 bytes, and layout 's' says 4"),
    ],
)
def test_another_kind_of_file_is_drift(layout: Layout, data: bytes, told: str) -> None:
    with pytest.raises(SchemaDriftError, match=told) as caught:
        read(layout, data)
    assert caught.value.exit_code == 5


def test_line_ends_that_the_layout_denies_are_drift() -> None:
    layout = Layout(name="s", form=FixedWidth(framing="none"), fields=one(pa.int64(), 4).fields)
    with pytest.raises(SchemaDriftError, match="each record ends with a line end"):
        read(layout, b"0001\n" * 10)
    assert read(layout, b"00010002")[0] == [{"f": 1}, {"f": 2}]


def test_a_projection_decodes_what_is_asked_for_and_no_more() -> None:
    layout = payments().whole
    data = written(payments(), pa.RecordBatch.from_pylist([{"id": 1, "amount": D("1.00")}], schema=payments().schema))
    blocks = list(decode(layout, io.BytesIO(data).read, {"detail": Wanted("s", ("amount",))}, place=None))
    assert blocks[0].data["s"].to_pylist() == [{"amount": D("1.00")}]
    with pytest.raises(ConfigError, match="has no field 'x'"):
        decode(layout, io.BytesIO(data).read, {"detail": Wanted("s", ("x",))}, place=None)


def test_a_file_with_a_trailer_is_read_from_its_start() -> None:
    with pytest.raises(ConfigError, match="are read from their start"):
        decode(payments(), io.BytesIO(b"").read, {"detail": Wanted("s")}, place=None, offset=22)


@pytest.mark.parametrize("encoding", ["ascii", "cp037"])
def test_a_record_of_no_known_type_is_a_reject_and_what_it_might_be_is_not_guessed(encoding: str) -> None:
    batch = pa.RecordBatch.from_pylist([{"id": n, "amount": D(n)} for n in range(3)], schema=payments().schema)
    data = bytearray(written(payments(encoding), batch))
    data[23:24] = "?".encode(encoding)
    rejects = []
    with pytest.raises(DataError, match="there are 2 records detail"):
        for block in decode(payments(encoding), io.BytesIO(bytes(data)).read, {"detail": Wanted("s")}, place="f"):
            rejects += [] if block.rejects is None else block.rejects.to_pylist()
    assert [(reject["code"], reject["offset"]) for reject in rejects] == [("record", 23)]


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ({"kind": pa.int64(), "length": 4, "scale": 2}, "a int64 has no scale"),
        ({"kind": pa.decimal128(5, 1), "length": 4, "scale": 2}, "cannot keep 2 decimal places"),
        ({"kind": pa.date32(), "length": 8}, "needs a format"),
        ({"kind": pa.date32(), "length": 6, "format": ("%Y%m%d",)}, "does not fit into 6 bytes"),
        ({"kind": pa.bool_(), "length": 1}, "'true' does not fit into 1 bytes"),
        ({"kind": pa.binary(3), "length": 4}, "does not have the 4 bytes"),
        ({"kind": pa.int64(), "length": 4, "pad": "*"}, "not padded with"),
        ({"kind": pa.list_(pa.int64()), "length": 4}, "has no notation in fixed width"),
        ({"kind": pa.decimal128(9, 2), "length": 9, "sign": "overpunch"}, "goes with a point that is not written"),
        ({"kind": pa.int64(), "length": 9, "negative": "trailing"}, "negative is for delimited text — say `sign`"),
        ({"kind": pa.int64(), "length": 9, "marks": ("EUR",)}, "marks is for delimited text"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(field: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        read(one(field.pop("kind"), field.pop("length"), **field), b"")
    with pytest.raises(ConfigError, match="digits have several"):
        read(one(pa.int64(), 4, encoding="utf-16-le"), b"")


GRAMMAR = {
    "free": re.compile(r" *(?P<sign>[+-]?)(?P<digits>\d+) *"),
    "none": re.compile(r" *(?P<sign>)(?P<digits>\d+) *"),
    "leading": re.compile(r"(?P<sign>[ +-]) *(?P<digits>\d+) *"),
    "trailing": re.compile(r" *(?P<digits>\d+) *(?P<sign>[ +-])"),
    "overpunch": re.compile(r" *(?P<digits>\d*[0-9{}A-R]) *"),
    "leading overpunch": re.compile(r"(?P<digits>[0-9{}A-R]\d*) *"),
}


def meant(sign: str, text: str) -> int | None:
    """What a number is, by the book; None when it is none."""
    found = GRAMMAR[sign].fullmatch(text)
    if found is None:
        return None
    digits, negative = found["digits"], "sign" in GRAMMAR[sign].groupindex and found["sign"] == "-"
    for letters, minus in (("{ABCDEFGHI", False), ("}JKLMNOPQR", True)):
        for number, letter in enumerate(letters):
            if letter in digits:
                digits, negative = digits.replace(letter, str(number)), minus
    return -int(digits) if negative else int(digits)


@given(
    st.sampled_from(list(GRAMMAR)),
    st.integers(2, 20).flatmap(
        lambda length: st.lists(st.text("  0123456789+-{}AJR.", min_size=length, max_size=length), min_size=1, max_size=8)
    ),
    st.sampled_from(["ascii", "cp037", "cp500"]),
)
@settings(max_examples=400, deadline=None)
def test_whatever_stands_in_a_number_is_that_number_or_none(sign: str, texts: list[str], encoding: str) -> None:
    layout = one(pa.decimal128(38, 0), len(texts[0]), encoding=encoding, sign=sign)
    layout = replace(layout, form=FixedWidth(framing="none"))
    rows, rejects = read(layout, "".join(texts).encode(encoding))
    expected = [meant(sign, text) for text in texts]
    assert [int(row["f"]) for row in rows if row["f"] is not None] == [number for number in expected if number is not None]
    blank = [text for text in texts if not text.strip()]
    assert len(rejects) == sum(number is None for number in expected) - len(blank)


def test_a_file_without_line_ends_is_told_before_it_is_read_whole() -> None:
    with pytest.raises(SchemaDriftError, match="have no line end"):
        read(one(pa.int64(), 4), b"0001" * 100_000, block_bytes=1 << 17)


def test_a_trailer_of_another_length_is_told_as_that() -> None:
    batch = pa.RecordBatch.from_pylist([{"id": 1, "amount": D(1)}], schema=payments().schema)
    with pytest.raises(DataError, match="the tail record cannot be read: the record has 20 bytes, 22 were expected"):
        read(payments(), written(payments(), batch)[:-3])
