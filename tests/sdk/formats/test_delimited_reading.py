"""Reading delimited text: every record arrives or is a reject with its own bytes, and every offset is a place to resume."""

from __future__ import annotations

import hashlib
import io
import resource
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError, SchemaDriftError
from connector_sdk.formats.delimited import Decoded, decode, decode_record
from connector_sdk.formats.layout import Delimited, Field, Layout
from connector_sdk.rejects import Reject, rejects_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

TWO = (Field(name="a", type=pa.string()), Field(name="b", type=pa.string()))
PLAIN = Layout(name="t", form=Delimited(header=False), fields=TWO)
ESCAPED = Layout(name="t", form=Delimited(header=False, escape="\\"), fields=TWO)
BARE = Layout(name="t", form=Delimited(header=False, quote=None), fields=TWO)
ONE = Layout(name="t", form=Delimited(header=False), fields=TWO[:1])
NUMBERS = Layout(
    name="t",
    fields=(
        Field(name="id", type=pa.int64(), nullable=False),
        Field(name="name", type=pa.string()),
        Field(name="on", type=pa.date32()),
    ),
)


def reader(data: bytes, sizes: Callable[[], int] | None = None) -> Callable[[int], bytes]:
    """A source that gives as much as it likes at a time."""
    file = io.BytesIO(data)
    return file.read if sizes is None else lambda size: file.read(min(size, sizes()))


def blocks(layout: Layout, data: bytes, **options: Any) -> list[Decoded]:
    options = {"stream": "t", "place": "t.csv", **options}
    return list(decode(layout, reader(data[options.get("offset", 0) :]), **options))


def rows(found: list[Decoded]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for block in found for row in block.data.to_pylist()]


def rejected(found: list[Decoded]) -> list[Reject]:
    return [reject for block in found if block.rejects is not None for reject in rejects_of(block.rejects)]


def told(found: list[Decoded]) -> list[tuple[str, bytes, int | None, int | None]]:
    return [(r.code, r.raw, r.offset, r.line) for r in rejected(found)]


def plainly(layout: Layout, data: bytes) -> tuple[list[tuple[Any, ...]], list[tuple[str, bytes, int | None, int | None]]]:
    """The grammar of records, one character at a time: what `decode` must say of `data`."""
    form, width = layout.form, len(layout.fields)
    quote = form.quote.encode() if form.quote else None
    escape = form.escape.encode() if form.escape else None
    good, bad, at, line = [], [], 0, 1
    while at < len(data):
        values, value, quoted, state, i, broken = [], b"", False, "start", at, False
        while True:
            c = data[i : i + 1]
            if c == escape and c and i + 1 >= len(data):
                broken = True
            if c == b"" or broken:
                broken = broken or state == "inside"
                break
            if state == "inside":
                if c == escape:
                    value, i = value + data[i + 1 : i + 2], i + 1
                elif c == quote:
                    if data[i + 1 : i + 2] == quote:
                        value, i = value + c, i + 1
                    else:
                        state = "closed"
                else:
                    value += c
            elif c == b"," or c in b"\r\n":
                values.append(value.decode() if value or quoted else None)
                value, quoted, state = b"", False, "start"
                if c != b",":
                    break
            elif state == "closed":
                broken = True
                break
            elif c == escape:
                value, i, state = value + data[i + 1 : i + 2], i + 1, "outside"
            elif c == quote and state == "start":
                quoted, state = True, "inside"
            else:
                value, state = value + c, "outside"
            i += 1
        if broken:
            end = min((p for p in (data.find(b"\n", at), data.find(b"\r", at)) if p >= 0), default=len(data))
            bad.append(("quote", data[at:end], at, line))
        else:
            end = i
            if end == len(data):
                values.append(value.decode() if value or quoted else None)
            if end > at or width == 1:
                if len(values) == width:
                    good.append(tuple(values))
                else:
                    bad.append(("ragged", data[at:end], at, line))
        stop = end + (2 if data[end : end + 2] == b"\r\n" else 1 if end < len(data) else 0)
        line += len(data[at:stop].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")) - 1
        at = stop
    return good, bad


def first(layout: Layout) -> bytes:
    """A record as it should be: a file without one good record in its first block is told to have drifted."""
    return b",".join([b"k"] * len(layout.fields)) + b"\n"


scraps = st.lists(
    st.sampled_from(['"', '"', '""', ",", ",", "\n", "\n", "\r\n", "\r", "a", "b ", "ß", "\\", '","', '"\n"', "x,y\n"]),
    max_size=24,
)
layouts = st.sampled_from([PLAIN, PLAIN, ESCAPED, BARE, ONE])


@settings(max_examples=400, deadline=None)
@example(PLAIN, ['"', "a", "\n", "b", ",", '"', "a", '"', "\n"], 4)
@example(ESCAPED, ["a", "\\"], 64)
@given(layouts, scraps, st.integers(1, 64))
def test_any_text_is_read_as_the_grammar_says(layout: Layout, parts: list[str], block: int) -> None:
    data = first(layout) + "".join(parts).encode()
    found = blocks(layout, data, block_bytes=block)
    good, bad = plainly(layout, data)
    assert rows(found) == good
    assert told(found) == bad
    assert found[-1].offset == len(data)


@settings(max_examples=200, deadline=None)
@given(layouts, scraps, st.integers(1, 40), st.sampled_from(["utf-8", "utf-16-le", "cp1252"]))
def test_every_offset_is_a_place_to_resume(layout: Layout, parts: list[str], block: int, encoding: str) -> None:
    layout = Layout(name="t", form=layout.form, fields=layout.fields, encoding=encoding)
    data = (first(layout).decode() + "".join(parts)).encode(encoding)
    found = blocks(layout, data, block_bytes=block)
    assert all(one.offset < other.offset for one, other in pairwise(found))
    for index, block_ in enumerate(found):
        rest = blocks(layout, data, offset=block_.offset, line=block_.line, block_bytes=block) if block_.offset else found
        if block_.offset:
            assert rows(rest) == rows(found[index + 1 :])
            assert told(rest) == told(found[index + 1 :])


@settings(max_examples=100, deadline=None)
@given(scraps, st.data())
def test_how_the_bytes_come_does_not_matter(parts: list[str], data: st.DataObject) -> None:
    text = first(PLAIN) + "".join(parts).encode()
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=1))
    steps = iter(sizes * (len(text) + 1))
    found = list(decode(PLAIN, reader(text, lambda: next(steps)), stream="t", place=None, block_bytes=16))
    assert (rows(found), told(found)) == plainly(PLAIN, text)


cells = st.sampled_from(["1", "-7", " 8", "+9", '""', "", '"12"', "x", "1.5", "99999999999999999999"])
dates = st.sampled_from(["2020-02-29", "2021-02-29", "", '""', " 2020-01-01", "today"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(cells, st.sampled_from(["a", '"b\nc"', "", '""', "d,e"]), dates), max_size=12), st.integers(1, 120))
def test_a_bad_value_costs_its_own_record_only(lines: list[tuple[str, str, str]], block: int) -> None:
    data = "id,name,on\n" + "".join(",".join(line) + "\n" for line in lines)
    found = blocks(NUMBERS, data.encode(), block_bytes=block)
    want, codes = [], []
    for number, name, day in lines:
        word, when = number.strip('" '), day.strip('" ')
        if "," in name:
            codes.append(("ragged", None))
        elif word in ("x", "1.5", "99999999999999999999"):
            codes.append(("type", "id"))
        elif not word:
            codes.append(("required", "id"))
        elif when in ("2021-02-29", "today"):
            codes.append(("type", "on"))
        else:
            want.append((int(word), {"": None, '""': ""}.get(name, name.strip('"')), when or None))
    assert [(n, name, None if day is None else day.isoformat()) for n, name, day in rows(found)] == want
    assert [(r.code, r.field) for r in rejected(found)] == codes
    assert [r.raw.decode() for r in rejected(found)] == [
        ",".join(line) for line in lines if rejected(blocks(NUMBERS, ("id,name,on\n" + ",".join(line) + "\n").encode()))
    ]


def test_a_reject_says_where_it_is_and_why() -> None:
    data = b'id,name,on\r\n\r\n1,"two\nlines",\r\n2,x\r\n\xff,\xfe,\n3,ok,2020-13-01\n'
    found = blocks(NUMBERS, data)
    assert told(found) == [
        ("ragged", b"2,x", data.index(b"2,x"), 5),
        ("encoding", b"\xff,\xfe,", data.index(b"\xff"), 6),
        ("type", b"3,ok,2020-13-01", data.index(b"3,ok"), 7),
    ]
    assert [r.field for r in rejected(found)] == [None, "id", "on"]
    assert [r.reason for r in rejected(found)] == [
        "2 values, 3 expected",
        "'�' is not all utf-8",
        "'2020-13-01' is no date",
    ]
    assert all((r.stream, r.place) == ("t", "t.csv") for r in rejected(found))


def test_a_rejected_record_can_be_tried_again_alone() -> None:
    for raw, good in ((b'7,"a\nb",2020-01-01', 1), (b"7,a", 0), (b"7,a,\r\n", 1), (b'7,"a', 0)):
        found = decode_record(NUMBERS, raw, stream="t", place="t.csv", offset=90, line=4)
        assert found.data.num_rows == good
        assert found.data.schema.equals(NUMBERS.schema)
        if not good:
            assert told([found]) == [(rejected([found])[0].code, raw, 90, 4)]


def test_an_unclosed_quote_costs_one_line_of_a_long_file() -> None:
    line = b"%d,some text that is neither short nor long,2020-01-01\n"
    data = b"id,name,on\n" + b'0,"open,2020-01-01\n' + b"".join(line % n for n in range(1, 50_000))
    found = blocks(NUMBERS, data, max_record_bytes=100_000)
    assert [r.code for r in rejected(found)] == ["quote"]
    assert told(found)[0][1:] == (b'0,"open,2020-01-01', 11, 2)
    assert sum(block.data.num_rows for block in found) == 49_999
    assert told(blocks(NUMBERS, data)) == told(found)


def test_a_line_of_200_mb_is_one_reject_in_little_memory() -> None:
    size = 200 << 20
    head, tail = b"id,name,on\n1,before,\n", b"\n2,after,\n"
    state = {"at": 0}

    def read(wanted: int) -> bytes:
        at, end = state["at"], len(head) + size + len(tail)
        state["at"] = stop = min(at + wanted, end)
        part = head[at:stop] if at < len(head) else b""
        middle = min(stop, len(head) + size) - max(at, len(head))
        part += b"x" * max(middle, 0)
        return part + (tail[max(at - len(head) - size, 0) : stop - len(head) - size] if stop > len(head) + size else b"")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = list(decode(NUMBERS, read, stream="t", place="t.csv"))
    assert rows(found) == [(1, "before", None), (2, "after", None)]
    (reject,) = rejected(found)
    assert (reject.code, reject.offset, reject.line, reject.raw_length) == ("too_long", 21, 3, size)
    assert reject.raw == b"x" * 65536
    digest = hashlib.sha256()
    for _ in range(200):
        digest.update(b"x" * (1 << 20))
    assert reject.raw_sha256 == digest.hexdigest()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120_000


@pytest.mark.parametrize(
    ("header", "fields", "words"),
    [
        ("id,name", ("on",), "missing 'on'"),
        ("id,name,on,extra", ("extra",), "new 'extra'"),
        ("id,title,on", ("name", "title"), "missing 'name'; new 'title'"),
        ("name,id,on", ("id", "name"), "out of order 'name', 'id'"),
        ("1,x,2020-01-01", ("id", "name", "on", "1", "x", "2020-01-01"), "missing 'id', 'name', 'on'"),
    ],
)
def test_another_header_is_drift_that_names_the_fields(header: str, fields: tuple[str, ...], words: str) -> None:
    with pytest.raises(SchemaDriftError, match=words) as caught:
        blocks(NUMBERS, header.encode() + b"\n1,x,2020-01-01\n")
    assert caught.value.fields == fields
    assert "t.csv" in str(caught.value)


def test_drift_names_fields_as_the_stream_does_and_headers_as_the_file_does() -> None:
    fields = tuple(Field(name=name, title="Name", type=pa.string()) for name in "ab")
    titled = Layout(name="t", form=Delimited(), fields=fields)
    with pytest.raises(SchemaDriftError, match="missing 'Name'; new 'x{60}…'") as caught:
        blocks(titled, b"Name," + b"x" * 300 + b"\n1,2\n")
    assert caught.value.fields == ("b", "x" * 300)


def test_a_header_without_an_end_is_drift_that_says_how_far_was_looked() -> None:
    with pytest.raises(SchemaDriftError, match=r"t.csv: the header is not closed within 1,000 bytes"):
        blocks(NUMBERS, b"x" * 5000, max_record_bytes=1000)


def test_without_a_header_another_width_is_drift_too() -> None:
    with pytest.raises(SchemaDriftError, match="3 values, 2 expected"):
        blocks(PLAIN, b"1,2,3\n4,5,6\n")
    assert len(rejected(blocks(PLAIN, b"1,2,3\n4,5\n"))) == 1


@pytest.mark.parametrize(
    "data", [b"", b"\xef\xbb\xbf", b"id,name,on", b'\xef\xbb\xbf"id", "name" ,on\r\n', b"\n\nid,name,on\n\n\n"]
)
def test_nothing_to_read_is_one_empty_block(data: bytes) -> None:
    (block,) = blocks(NUMBERS, data.replace(b', "name" ', b',"name"'))
    assert block.data.num_rows == 0
    assert block.data.schema.equals(NUMBERS.schema)
    assert block.offset == len(data.replace(b', "name" ', b',"name"'))


def test_ten_thousand_columns() -> None:
    fields = tuple(Field(name=f"c{i}", type=pa.int64()) for i in range(10_000))
    layout = Layout(name="wide", fields=fields)
    line = ",".join(map(str, range(10_000)))
    data = ",".join(layout.names) + "\n" + f"{line}\n" * 30 + line.replace("77,", "x,", 1)
    found = blocks(layout, data.encode(), columns=["c9999", "c0"])
    assert rows(found) == [(9999, 0)] * 31
    found = blocks(layout, data.encode())
    assert sum(block.data.num_rows for block in found) == 30
    assert [(r.code, r.field, r.line) for r in rejected(found)] == [("type", "c77", 32)]


def test_a_projection_reads_only_its_columns_in_its_order() -> None:
    data = b"id,name,on\n1,a,2020-01-01\nx,b,nonsense\n,c,2020-01-02\n"
    (block,) = blocks(NUMBERS, data, columns=["on", "id"])
    assert block.data.schema.names == ["on", "id"]
    assert rows([block])[0][1] == 1
    assert [r.field for r in rejected([block])] == ["on", "id"]
    assert rows(blocks(NUMBERS, data, columns=["name"])) == [("a",), ("b",), ("c",)]
    with pytest.raises(ConfigError, match="no field 'nobody'"):
        blocks(NUMBERS, data, columns=["nobody"])


@pytest.mark.parametrize(
    "encoding", ["utf-8", "cp1252", "iso8859-15", "utf-16-le", "utf-16-be", "utf-32-le", "cp037", "shift_jis"]
)
def test_encodings_keep_the_offsets_of_the_file(encoding: str) -> None:
    name = "Größe" if encoding != "shift_jis" else "表計ソ"
    layout = Layout(name="t", encoding=encoding, fields=NUMBERS.fields)
    mark = "\ufeff" if encoding.startswith("utf") else ""
    lines = [f"{n},{name},\n" for n in range(500)]
    lines[300] = f"x,{name},\n"
    data = (mark + "id,name,on\n" + "".join(lines)).encode(encoding)
    found = blocks(layout, data, block_bytes=1000)
    assert len(found) > 3
    assert sum(block.data.num_rows for block in found) == 499
    assert {row[1] for row in rows(found)} == {name}
    (reject,) = rejected(found)
    assert reject.raw == f"x,{name},".encode(encoding)
    assert data[reject.offset :].startswith(reject.raw)
    assert reject.line == 302
    assert found[-1].offset == len(data)
    for block in found[:-1]:
        assert data[: block.offset].endswith("\n".encode(encoding))


@pytest.mark.parametrize(
    ("encoding", "raw"),
    [
        ("utf-8", b"1,\xc3(,"),
        ("cp1252", b"1,\x81,"),
        ("utf-16-le", "1,".encode("utf-16-le") + b"\x00\xd8" + ",".encode("utf-16-le")),
    ],
)
def test_undecodable_bytes_are_a_reject_with_those_very_bytes(encoding: str, raw: bytes) -> None:
    layout = Layout(name="t", encoding=encoding, fields=NUMBERS.fields)
    ends = "\n".encode(encoding)
    good = "2,ok,".encode(encoding)
    data = "id,name,on".encode(encoding) + ends + good + ends + raw + ends + good
    found = blocks(layout, data)
    assert rows(found) == [(2, "ok", None)] * 2
    assert told(found) == [("encoding", raw, data.index(raw), 3)]
    assert rejected(found)[0].field == "name"
    odd = blocks(layout, data + ends + good + b"\xd8") if encoding == "utf-16-le" else []
    assert [r.code for r in rejected(odd)] in ([], ["encoding", "encoding"], ["encoding", "type"])


def test_notations_of_the_world() -> None:
    layout = Layout(
        name="t",
        form=Delimited(delimiter=";", quote="'", skip=1),
        fields=(
            Field(name="betrag", title="Betrag €", type=pa.decimal128(12, 2), decimal=",", group="."),
            Field(name="rate", type=pa.float64(), decimal=","),
            Field(name="am", type=pa.date32(), format=("%d.%m.%Y",)),
            Field(name="ja", type=pa.bool_(), true=("J",), false=("N",)),
            Field(name="plz", type=pa.string(), null=("unbekannt",)),
        ),
    )
    data = """Export vom 1.1.
Betrag €;rate;am;ja;plz
1.234.567,89;0,5;31.12.2020;J;01067
-12,5;-1,5e3;1.2.2020;N;'unbekannt'
+7;;;;unbekannt
1.2,5;0,5;31.12.2020;J;x
1,5;0.5;31.12.2020;J;x
1,5;0,5;31.02.2020;J;x
1,5;0,5;31.12.2020;Y;x
1,555;0,5;31.12.2020;J;x
"""
    found = blocks(layout, data.encode())
    assert [tuple(map(str, row)) for row in rows(found)] == [
        ("1234567.89", "0.5", "2020-12-31", "True", "01067"),
        ("-12.50", "-1500.0", "2020-02-01", "False", "unbekannt"),
        ("7.00", "None", "None", "None", "None"),
    ]
    assert [r.field for r in rejected(found)] == ["betrag", "rate", "am", "ja", "betrag"]
    assert rejected(found)[2].reason == "'31.02.2020' is no date as %d.%m.%Y"
    assert [r.line for r in rejected(found)] == [6, 7, 8, 9, 10]


def test_rejects_take_time_in_proportion_to_their_number() -> None:
    seconds = []
    for count in (10_000, 80_000):
        start = time.process_time()
        found = blocks(NUMBERS, b"id,name,on\n" + b"1x,name,2020-01-01\n" * count + b"1,name,\n")
        seconds.append(time.process_time() - start)
        assert len(rejected(found)) == count
    assert seconds[1] < 24 * seconds[0]
