"""Delimited text as it is met: long delimiters, comments, footers and header rows, read as a plain grammar says."""

from __future__ import annotations

import io
import time
from itertools import pairwise

import pyarrow as pa
import pytest
from connector_sdk.errors import SchemaDriftError
from connector_sdk.formats.delimited import decode_record
from connector_sdk.formats.delimited.looking import look
from connector_sdk.formats.layout import Delimited, Field, Layout
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.sdk.formats.delimited_text import A, B, Rows, Told, blocks, layout, rejected, rows, told


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
