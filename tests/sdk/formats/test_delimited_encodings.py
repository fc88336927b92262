"""Delimited text in any code page: places are those of the file, and a wrong code page is told."""

from __future__ import annotations

import time
from decimal import Decimal

import pyarrow as pa
import pytest
from connector_sdk.errors import ConnectorError, DataError, SchemaDriftError
from connector_sdk.formats.layout import Delimited, Field

from tests.sdk.formats.delimited_text import A, B, blocks, layout, rejected, rows, told, written

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
