"""Delimited text as it is met: long delimiters, comments, footers, header rows, code pages, and the marks that numbers wear."""

from __future__ import annotations

import datetime as dt
import io
import time
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError, ConnectorError, DataError, SchemaDriftError
from connector_sdk.formats.delimited import Decoded, Encoder, decode, decode_record
from connector_sdk.formats.delimited.looking import look
from connector_sdk.formats.layout import Delimited, Field, Layout
from connector_sdk.rejects import Reject, rejects_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

A, B = Field(name="a", type=pa.string()), Field(name="b", type=pa.string())
Told = list[tuple[str, bytes, int | None, int | None]]
Rows = list[tuple[str | None, ...]]


def layout(form: Delimited, *fields: Field, encoding: str = "utf-8") -> Layout:
    return Layout(name="t", form=form, fields=fields or (A, B), encoding=encoding)


def blocks(of: Layout, data: bytes, **options: Any) -> list[Decoded]:
    offset = options.get("offset", 0)
    return list(decode(of, io.BytesIO(data[offset:]).read, **{"stream": "t", "place": "t.csv", **options}))


def rows(found: list[Decoded]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for block in found for row in block.data.to_pylist()]


def rejected(found: list[Decoded]) -> list[Reject]:
    return [reject for block in found if block.rejects is not None for reject in rejects_of(block.rejects)]


def told(found: list[Decoded]) -> Told:
    return [(r.code, r.raw, r.offset, r.line) for r in rejected(found)]


def written(of: Layout, batch: pa.RecordBatch) -> bytes:
    out = io.BytesIO()
    encoder = Encoder(of, out)
    encoder.write(batch)
    encoder.close()
    return out.getvalue()


def plainly(of: Layout, text: str) -> tuple[Rows, Told]:
    """The grammar of records, one character at a time: what `decode` must say of `text` when it has no header."""
    form, width = of.delimited, len(of.fields)
    good: Rows = []
    bad: Told = []
    lines = text.replace("\r\n", "\n\x00").replace("\r", "\n").split("\n")  # NUL keeps the places of what was two characters
    end_of_records = (
        len("\n".join(lines[: max(len(lines) - (not lines[-1].strip("\x00")) - form.footer, 0)])) if form.footer else len(text)
    )
    if form.footer:
        body = text[:end_of_records]
        end_of_records = len(body) + (len(lines) > form.footer + 1 or bool(lines[-1].strip("\x00")))
        end_of_records += text[end_of_records - 1 : end_of_records + 1] == "\r\n"
        text = text[: end_of_records if len(lines) - (not lines[-1].strip("\x00")) > form.footer else 0]
    size, at, line = len(text), 0, 1

    def first_end(start: int) -> int:
        return min((p for p in (text.find("\n", start), text.find("\r", start)) if p >= 0), default=size)

    while at < size:
        values: list[str | None] = []
        value, quoted, state, i, broken = "", False, "start", at, False
        if form.comment is not None and text.startswith(form.comment, at):
            i, values = first_end(at), [None] * width
            state = "comment"
        while state != "comment":
            c = text[i : i + 1]
            if c == form.escape and c and i + 1 >= size:
                broken = True
            if c == "" or broken:
                broken = broken or state == "inside"
                break
            delimits = text.startswith(form.delimiter, i)
            if state == "inside":
                if c == form.escape:
                    value, i = value + text[i + 1 : i + 2], i + 1
                elif c == form.quote:
                    if text[i + 1 : i + 2] == form.quote:
                        value, i = value + c, i + 1
                    else:
                        state = "closed"
                else:
                    value += c
            elif delimits or c in "\r\n":
                values.append(value if value or quoted else None)
                value, quoted, state = "", False, "start"
                if not delimits:
                    break
                i += len(form.delimiter) - 1
            elif state == "closed":
                broken = True
                break
            elif c == form.escape:
                value, i, state = value + text[i + 1 : i + 2], i + 1, "outside"
            elif c == form.quote and state == "start":
                quoted, state = True, "inside"
            else:
                value, state = value + c, "outside"
            i += 1

        def place(upto: int) -> int:
            return len(text[:upto].encode(of.encoding))

        if broken:
            end = first_end(at)
            bad.append(("quote", text[at:end].encode(of.encoding), place(at), line))
        else:
            end = i
            if state != "comment":
                if end == size:
                    values.append(value if value or quoted else None)
                if end > at or width == 1:
                    if len(values) == width:
                        good.append(tuple(values))
                    else:
                        bad.append(("ragged", text[at:end].encode(of.encoding), place(at), line))
        stop = end + (2 if text[end : end + 2] == "\r\n" else 1 if end < size else 0)
        line += len(text[at:stop].replace("\r\n", "\n").replace("\r", "\n").split("\n")) - 1
        at = stop
    return good, bad


DIALECTS = [
    Delimited(header=0, delimiter="||"),
    Delimited(header=0, delimiter="~|~", quote="'"),
    Delimited(header=0, delimiter="§", quote="«", escape="\\"),
    Delimited(header=0, delimiter="||", escape="\\"),
    Delimited(header=0, delimiter="||", quote=None),
    Delimited(header=0, delimiter="|", comment="#"),
    Delimited(header=0, delimiter="||", comment="--", escape="\\"),
    Delimited(header=0, delimiter="|", footer=1),
    Delimited(header=0, delimiter="|", footer=2, comment="#"),
]
SCRAPS = [
    *("|", "||", "||", "~|~", "~", "§", "'", '"', '"', '""', "«", "««", "\\", "#", "-", "--", "\n", "\n", "\n#", "\r\n", "\r"),
    *("a", "b ", "ß", '"||"', '"|"', "'~|~'", "k|k\n", "k||k\n", "\x1f", "\x1e"),
]
scraps = st.lists(st.sampled_from(SCRAPS), max_size=24)


def first(of: Layout) -> str:
    """A record as it should be: a file without one good record in its first block is told to have drifted."""
    return of.delimited.delimiter.join("k" * len(of.fields)) + "\n"


@settings(max_examples=100, deadline=None)
@example(DIALECTS[0], ["a", "|", "||", "|"], 64, "utf-8")
@example(DIALECTS[0], ['"||"', "||", '"|"', "\n"], 3, "utf-8")
@given(st.sampled_from(DIALECTS), scraps, st.integers(1, 64), st.sampled_from(["utf-8", "utf-16-le"]))
def test_any_text_is_read_as_the_grammar_says(form: Delimited, parts: list[str], block: int, encoding: str) -> None:
    of = layout(form, encoding=encoding)
    text = first(of) + "".join(parts)
    data = text.encode(encoding)
    found = blocks(of, data, block_bytes=block)
    assert (rows(found), told(found)) == plainly(of, text)
    assert found[-1].offset == len(data)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(DIALECTS), scraps, st.integers(1, 40))
def test_every_offset_is_a_place_to_resume(form: Delimited, parts: list[str], block: int) -> None:
    of = layout(form)
    data = (first(of) + "".join(parts)).encode()
    found = blocks(of, data, block_bytes=block)
    assert all(one.offset < other.offset for one, other in pairwise(found))
    for index, block_ in enumerate(found):
        if block_.offset:
            rest = blocks(of, data, offset=block_.offset, line=block_.line, block_bytes=block)
            assert rows(rest) == rows(found[index + 1 :])
            assert told(rest) == told(found[index + 1 :])


def test_text_with_every_character_there_is_leaves_none_to_stand_in() -> None:
    every = "".join(map(chr, range(1, 127))).replace("\r", "").replace("\n", "").replace('"', "")
    of = layout(
        Delimited(header=0, delimiter="||"), Field(name="a", type=pa.string(), null=("-",)), Field(name="b", type=pa.int64())
    )
    data = f'"{every}"||1\n{every[:50]}\n-||\n"-"||x\n'.encode()
    found = blocks(of, data)
    assert rows(found) == [(every, 1), (None, None)]
    assert [(r.code, r.line) for r in rejected(found)] == [("ragged", 2), ("type", 4)]


def test_a_delimiter_within_a_value_is_kept_in_it() -> None:
    of = layout(Delimited(header=0, delimiter="||"))
    assert rows(blocks(of, b'"a||b"||c|d\n||""\n')) == [("a||b", "c|d"), (None, "")]


def test_comments_are_no_records_wherever_a_record_could_begin() -> None:
    of = layout(Delimited(comment="#", skip=1), A, Field(name="b", type=pa.int64()))
    data = b'a preamble, #1\n# says "who\na,b\n# it\'s\n1,2\n#3,4\n"x\n#y",5\n\n  # z,6\nno,number\n# end'
    found = blocks(of, data)
    assert rows(found) == [("1", 2), ("x\n#y", 5), ("  # z", 6)]
    assert told(found) == [("type", b"no,number", data.index(b"no,"), 11)]
    assert found[-1].offset == len(data)


def test_ten_thousand_comments_take_no_longer_than_so_many_records() -> None:
    of = layout(Delimited(header=0, comment="#"))
    start = time.process_time()
    found = blocks(of, b"a,b\n# and so on\n" * 100_000)
    assert sum(block.data.num_rows for block in found) == 100_000
    assert time.process_time() - start < 10


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r", b""])
@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_the_last_lines_are_no_records(ending: bytes, block: int) -> None:
    of = layout(Delimited(footer=2))
    data = b'a,b\n1,2\n3,4\n\nTOTAL "2' + ending
    found = blocks(of, data, block_bytes=block)
    assert rows(found) == [("1", "2"), ("3", "4")]
    assert not rejected(found)
    assert found[-1].offset == len(data)
    assert found[-1].line == (6 if ending else 5)
    for short in (b"", b"a,b\n", b"a,b\nT\n", b"a,b\nT\nT"):
        assert rows(blocks(of, short, block_bytes=block)) == []


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("Customer,,Order\nId,Name,Id\n", ["Customer Id", "Customer Name", "Order Id"]),
        (",,Order\nId,Name,\n", ["Id", "Name", "Order"]),
        ("# c\nCustomer\n\nId,Name,No\n", ["Customer Id", "Customer Name", "Customer No"]),
        ('"A\nB",,"C,"\nx, y ,z\n', ["A\nB x", "A\nB y", "C, z"]),
    ],
)
def test_several_header_rows_are_one_name_for_each_column(head: str, names: list[str]) -> None:
    fields = [Field(name=f"f{number}", title=name, type=pa.string()) for number, name in enumerate(names)]
    of = layout(Delimited(header=2, comment="#"), *fields)
    data = (head + "1,2,3\nx\n").encode()
    found = blocks(of, data, block_bytes=5)
    assert rows(found) == [("1", "2", "3")]
    assert told(found) == [("ragged", b"x", len(data) - 2, data.count(b"\n"))]
    with pytest.raises(SchemaDriftError, match="missing"):
        blocks(of, data.replace(b"y" if b"y" in head.encode() else b"Name", b"Nome"))


def test_empty_quoted_empty_and_a_word_for_null_are_three_things() -> None:
    of = layout(Delimited(header=0, delimiter="~"), Field(name="a", type=pa.string(), null=("NULL",)), B)
    data = b'~""\n""~NULL\nNULL~x\n"NULL"~x\n'
    assert rows(blocks(of, data)) == [(None, ""), ("", "NULL"), (None, "x"), ("NULL", "x")]


@pytest.mark.parametrize("delimiter", [",", "||"])
def test_text_keeps_its_nul_bytes(delimiter: str) -> None:
    of = layout(Delimited(header=0, delimiter=delimiter), A, Field(name="b", type=pa.int64()))
    data = '\x00,1\nx\x00y,2\n"\x00,\x00",3\nz\x00,4x\n'.replace(",", delimiter).encode()
    found = blocks(of, data)
    assert rows(found) == [("\x00", 1), ("x\x00y", 2), (f"\x00{delimiter}\x00", 3)]
    assert rejected(found)[0].raw == f"z\x00{delimiter}4x".encode()


@pytest.mark.parametrize("delimiter", [",", "||"])
@pytest.mark.parametrize("word", ["0x10", "0X1f", " 0x10", '"0x10"'])
def test_a_hexadecimal_number_is_no_number(word: str, delimiter: str) -> None:
    of = layout(Delimited(header=0, delimiter=delimiter), Field(name="n", type=pa.int64()), A)
    found = blocks(of, f"1,0x10\n{word},b\n3,x\n".replace(",", delimiter).encode())
    assert rows(found) == [(1, "0x10"), (3, "x")]
    assert [(r.code, r.field, r.line) for r in rejected(found)] == [("type", "n", 2)]
    assert rejected(blocks(of, f"bad,x\n{word},b\n".replace(",", delimiter).encode()))[-1].line == 2


# --- encodings

PAGES = [
    "cp037",
    "cp500",
    "cp1140",
    "utf-16-be",
    "utf-32-le",
    "cp1252",
    "latin-1",
    "cp437",
    "cp850",
    "shift_jis",
    "gb18030",
    "euc_jp",
]
LETTERS = {"cp437": "é", "cp850": "é", "shift_jis": "表ソ", "gb18030": "漢€", "euc_jp": "漢"}


@pytest.mark.parametrize("encoding", PAGES)
@pytest.mark.parametrize("block", [30, 4000])
def test_offsets_are_those_of_the_file_in_every_encoding(encoding: str, block: int) -> None:
    word = LETTERS.get(encoding, "é")
    mark = "\ufeff" if encoding.startswith("utf") else ""
    of = layout(Delimited(delimiter="||"), A, Field(name="b", type=pa.int64()), encoding=encoding)
    lines = [f"{word}||{number}{'x' if number % 50 == 7 else ''}" + ("\n", "\r\n", "\r")[number % 3] for number in range(400)]
    data = (mark + "a||b\n" + "".join(lines)).encode(encoding)
    found = blocks(of, data, block_bytes=block)
    assert rows(found) == [(word, number) for number in range(400) if number % 50 != 7]
    bad = rejected(found)
    assert [r.line for r in bad] == [number + 2 for number in range(400) if number % 50 == 7]
    assert all(r.offset is not None and data[r.offset :].startswith(r.raw) for r in bad)
    middle = found[len(found) // 2]
    rest = blocks(of, data, offset=middle.offset, line=middle.line, block_bytes=block)
    assert rows(rest) == rows(found[len(found) // 2 + 1 :])


@pytest.mark.parametrize("page", ["cp037", "cp500", "cp1140"])
@pytest.mark.parametrize("ends", [b"\x15", b"\x25", b"\x0d\x25", b"\x0d\x15"])
def test_ebcdic_ends_its_lines_as_it_likes(page: str, ends: bytes) -> None:
    of = layout(Delimited(footer=1), A, Field(name="b", type=pa.decimal128(8, 2)), encoding=page)
    data = ends.join(line.encode(page) for line in ("a,b", "Müller,1.50", '"x', 'y",2.00', "z,?", "total", ""))
    found = blocks(of, data, block_bytes=10)
    assert rows(found) == [("Müller", Decimal("1.50")), ("x\r\ny" if len(ends) > 1 else "x\ny", Decimal("2.00"))]
    assert told(found) == [("type", "z,?".encode(page), data.index("z,?".encode(page)), 5)]
    assert found[-1].offset == len(data)


def test_a_line_end_of_its_own_is_not_written_to_ebcdic() -> None:
    of = layout(Delimited(), A, encoding="cp037")
    with pytest.raises(DataError, match="NEL"):
        written(of, pa.RecordBatch.from_pydict({"a": ["x\x85y"]}))
    assert rows(blocks(of, written(of, pa.RecordBatch.from_pydict({"a": ["x\ny"]})))) == [("x\ny",)]


def test_bytes_that_would_be_written_in_another_length_do_not_move_what_follows() -> None:
    of = layout(Delimited(header=0), encoding="euc_jp")
    data = b"a,b\n\x8f\xa2\xb7,x\n" + "漢,\n".encode("euc_jp")
    found = blocks(of, data, block_bytes=5)
    assert rows(found) == [("a", "b"), ("漢", None)]
    assert told(found) == [("encoding", b"\x8f\xa2\xb7,x", 4, 2)]
    assert found[-1].offset == len(data)


@pytest.mark.parametrize("really", ["utf-8", "cp037", "utf-16", "utf-16-le", "shift_jis", "cp1252"])
@pytest.mark.parametrize("said", ["utf-8", "cp037", "utf-16-le", "utf-32-le", "shift_jis", "cp1252", "ascii", "gb18030"])
@pytest.mark.parametrize("header", [0, 1])
def test_a_wrong_code_page_is_told_and_nothing_breaks(really: str, said: str, header: int) -> None:
    of = layout(Delimited(header=header), Field(name="a", type=pa.int64()), B, encoding=said)
    data = ("a,b\n" * header + "".join(f"{number},{word}\n" for number, word in enumerate(["é", "ü", "x"] * 30))).encode(
        really, "replace"
    )
    try:
        found = blocks(of, data)
    except ConnectorError as error:
        assert isinstance(error, SchemaDriftError)
        assert "t.csv" in str(error)
    else:
        assert found[-1].offset == len(data)
        assert {row[0] for row in rows(found)} <= set(range(90))
        assert rejected(found) or len(rows(found)) == 90


def test_a_byte_order_mark_of_another_encoding_is_named() -> None:
    with pytest.raises(SchemaDriftError, match="begins with the mark of utf-16-le, the layout's encoding is utf-8"):
        blocks(layout(Delimited()), "a,b\n1,2\n".encode("utf-16"))


def test_many_rejects_of_a_long_block_take_no_time_in_its_square() -> None:
    seconds = []
    of = layout(Delimited(header=0), Field(name="a", type=pa.int64()), B, encoding="cp1252")
    for count in (5_000, 40_000):
        data = b"1,y\n" + b"x,y\n" * count
        start = time.process_time()
        assert len(rejected(blocks(of, data))) == count
        seconds.append(time.process_time() - start)
    assert seconds[1] < 30 * seconds[0]


# --- notations


def numbers(words: list[str], kind: pa.DataType, **how: Any) -> tuple[list[str], list[str]]:
    """The values of good words, and the bad words."""
    of = layout(Delimited(header=0, delimiter="~"), Field(name="n", type=kind, **how), B)
    found = blocks(of, "".join(f"{word}~x\n" for word in words).encode())
    return [str(row[0]) for row in rows(found)], [r.raw.decode().partition("~")[0] for r in rejected(found)]


CASH = pa.decimal128(12, 2)


@pytest.mark.parametrize(
    ("how", "words", "values", "bad"),
    [
        ({"marks": ("%",)}, ["12.5%", "12.5 %", "-3%", "7", "%", "%%"], ["12.50", "12.50", "-3.00", "7.00"], ["%", "%%"]),
        (
            {"marks": ("$", "USD")},
            ["$5", "-$5", "$-5", "5 USD", "$5 USD", "$"],
            ["5.00", "-5.00", "-5.00", "5.00", "5.00"],
            ["$"],
        ),
        (
            {"marks": ("€", "EUR"), "decimal": ",", "group": "."},
            ["€ 1.234,50", "1.234,50\u00a0€", "-0,01 EUR", "EUR7", "1,5 £"],
            ["1234.50", "1234.50", "-0.01", "7.00"],
            ["1,5 £"],
        ),
        (
            {"negative": "parentheses", "marks": ("$",)},
            ["(1.23)", "($1.23)", "$(1.23)", "(1.23) $", "-1", "( 4 )", "(-1)", "(1", "()"],
            ["-1.23", "-1.23", "-1.23", "-1.23", "-1.00", "-4.00"],
            ["(-1)", "(1", "()"],
        ),
        (
            {"negative": "trailing", "marks": ("EUR",)},
            ["1.23-", "1.23 -", "5 EUR-", "5- EUR", "-2", "-1-", "-", "1--"],
            ["-1.23", "-1.23", "-5.00", "-5.00", "-2.00"],
            ["-1-", "-", "1--"],
        ),
        ({}, ["(1)", "1-", "5%"], [], ["(1)", "1-", "5%"]),
    ],
)
def test_marks_and_signs_of_numbers(how: dict[str, Any], words: list[str], values: list[str], bad: list[str]) -> None:
    words, values = ["8", *words], ["8.00", *values]
    assert numbers(words, CASH, **how) == (values, bad)


def test_marks_are_for_numbers_only() -> None:
    with pytest.raises(ConfigError, match="only numbers have"):
        blocks(layout(Delimited(), Field(name="a", type=pa.string(), marks=("%",))), b"a\n")


@pytest.mark.parametrize(
    ("kind", "formats", "words", "values", "bad"),
    [
        (
            pa.date32(),
            ("%d.%m.%Y", "%Y-%m-%d", "%d %b %Y", "%d %B %Y"),
            ["1.2.2024", "2024-02-01", "1 Feb 2024", "01 FEBRUARY 2024", "1 Febr 2024", "30.2.2024", "1.2.24"],
            ["2024-02-01"] * 4,
            ["1 Febr 2024", "30.2.2024", "1.2.24"],
        ),
        (
            pa.date32(),
            ("%d%m%y",),
            ["010224", "311299", "1224", "11224", "320124"],
            ["2024-02-01", "1999-12-31"],
            ["1224", "11224", "320124"],
        ),
        (pa.date32(), ("%Y%m%d",), ["20240201", "2024111", "202411"], ["2024-02-01"], ["2024111", "202411"]),
        (
            pa.timestamp("us", "UTC"),
            ("%Y-%m-%d %H:%M%z", "%Y-%m-%d %H:%M %z"),
            [
                "2024-02-01 12:00Z",
                "2024-02-01 12:00 +02:00",
                "2024-02-01 12:00-0330",
                "2024-02-01 12:00+02",
                "2024-02-01 12:00+25",
            ],
            [f"2024-02-01 {hour}:00+00:00" for hour in ("12:00", "10:00", "15:30", "10:00")],
            ["2024-02-01 12:00+25"],
        ),
        (
            pa.timestamp("s"),
            ("%m/%d/%Y %I:%M %p",),
            ["2/1/2024 12:05 am", "2/1/2024 12:05 PM", "2/1/2024 1:05 pm", "2/1/2024 13:05 PM", "2/1/2024 0:05 AM"],
            [f"2024-02-01 {hour}:05:00" for hour in ("00", "12", "13")],
            ["2/1/2024 13:05 PM", "2/1/2024 0:05 AM"],
        ),
    ],
)
def test_dates_by_their_formats(
    kind: pa.DataType, formats: tuple[str, ...], words: list[str], values: list[str], bad: list[str]
) -> None:
    assert numbers(words, kind, format=formats) == (values, bad)


def test_a_clock_time_of_a_zone_is_an_instant_unless_that_clock_skipped_it() -> None:
    words = ["31.03.2024 01:59", "31.03.2024 02:30", "31.03.2024 03:00", "27.10.2024 02:30", "01.07.2024 12:00"]
    assert numbers(words, pa.timestamp("us", "UTC"), zone="Europe/Berlin", format=("%d.%m.%Y %H:%M",)) == (
        [f"2024-{moment}:00+00:00" for moment in ("03-31 00:59", "03-31 01:00", "10-27 00:30", "07-01 10:00")],
        ["31.03.2024 02:30"],
    )
    words = ["2024-07-01T12:00:00", "2024-07-01 12:00:00.5", "2024-07-01T12:00:00Z", "9999-12-31 23:59:59"]
    assert numbers(words, pa.timestamp("us", "UTC"), zone="America/New_York") == (
        ["2024-07-01 16:00:00+00:00", "2024-07-01 16:00:00.500000+00:00"],
        words[2:],
    )


def test_a_skipped_clock_time_is_told_with_its_zone() -> None:
    of = layout(Delimited(header=0), Field(name="a", type=pa.timestamp("us", "UTC"), zone="Europe/Berlin"), B)
    (reject,) = rejected(blocks(of, b"2024-03-31 02:30:00,x\n2024-03-31 03:30:00,x\n"))
    assert reject.reason == "'2024-03-31 02:30:00' is no timestamp[us, UTC] on a clock of Europe/Berlin"


def test_the_second_of_two_same_clock_times_is_not_written() -> None:
    of = layout(Delimited(header=0), Field(name="a", type=pa.timestamp("us", "UTC"), zone="Europe/Berlin"))
    good, bad = (dt.datetime(2024, 10, 27, hour, 30, tzinfo=dt.UTC) for hour in (0, 1))
    assert written(of, pa.RecordBatch.from_pydict({"a": [good]})) == b"2024-10-27 02:30:00.000000\n"
    with pytest.raises(DataError, match="the clock of Europe/Berlin shows twice"):
        written(of, pa.RecordBatch.from_pydict({"a": [bad]}))


# --- there and back

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


# --- looking at one record


def test_a_record_is_found_among_comments_footers_and_header_rows() -> None:
    of = layout(
        Delimited(delimiter="||", header=2, comment="#", footer=1),
        *(Field(name=n, title=f"X {n}", type=pa.string()) for n in "ab"),
    )
    data = b'# c\nX||\na||b\n1||"2||"\n# c\n\n3||4\nEND\n'
    second = look(of, io.BytesIO(data).read, 2)
    assert second is not None
    assert [(v.field, v.value, v.offset) for v in second.values] == [
        ("a", "3", data.index(b"3||")),
        ("b", "4", data.index(b"4\n")),
    ]
    assert (second.line, second.number, second.raw) == (7, 2, b"3||4")
    found = look(of, io.BytesIO(data).read, 1)
    assert found is not None
    assert [v.value for v in found.values] == ["1", "2||"]
    assert look(of, io.BytesIO(data).read, 3) is None


def test_a_rejected_record_of_a_strange_dialect_can_be_tried_again_alone() -> None:
    of = layout(Delimited(delimiter="||", comment="#", header=2), A, Field(name="b", type=pa.int64()), encoding="cp037")
    for raw, good in (("x||1", 1), ("x||y", 0), ('"x||y"||2', 1)):
        found = decode_record(of, raw.encode("cp037"), stream="t", place="t.csv", offset=90, line=4)
        assert found.data.num_rows == good
        assert told([found]) == ([] if good else [("type", raw.encode("cp037"), 90, 4)])


def test_five_thousand_columns_of_a_long_delimiter() -> None:
    fields = tuple(Field(name=f"c{i}", type=pa.int64()) for i in range(5_000))
    of = layout(Delimited(delimiter="||"), *fields)
    line = "||".join(map(str, range(5_000))) + "\n"
    start = time.process_time()
    found = blocks(of, ("||".join(of.names) + "\n" + line * 200).encode())
    assert sum(block.data.num_rows for block in found) == 200
    assert time.process_time() - start < 20
