"""A Ctrl-Z at the end of a file from DOS is no record, no footer and no reason to call it binary; elsewhere it is data."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from connector_sdk.formats import delimited, fixed_width
from connector_sdk.formats.delimited_inference import infer
from connector_sdk.formats.dos_end import without_dos_end
from connector_sdk.formats.fixed_width import Wanted
from connector_sdk.formats.layout import Field, Layout
from hypothesis import given, settings
from hypothesis import strategies as st


def all_of(data: bytes, encoding: str, size: int) -> bytes:
    read = without_dos_end(io.BytesIO(data).read, encoding)
    return b"".join(iter(lambda: read(size), b""))


@settings(max_examples=100, deadline=None)
@given(
    data=st.text("a\n\r\x1a", max_size=12).map(str.encode),
    size=st.integers(1, 5),
    encoding=st.sampled_from(["utf-8", "cp437", "utf-8-sig"]),
)
def test_only_what_stands_alone_behind_the_last_line_goes(data: bytes, size: int, encoding: str) -> None:
    bare = data.rstrip(b"\x1a")
    assert all_of(data, encoding, size) == (bare if not bare or bare[-1:] in b"\r\n" else data)


@pytest.mark.parametrize("encoding", ["cp037", "utf-16-le"])
def test_where_the_byte_is_something_else_it_stays(encoding: str) -> None:
    data = "x\n".encode(encoding) + b"\x1a"
    assert all_of(data, encoding, 2) == data


LAYOUT = Layout(name="s", encoding="cp437", fields=(Field(name="a", type=pa.int64()), Field(name="b", type=pa.string())))


@pytest.mark.parametrize("end", [b"\x1a", b"\x1a" * 100])
def test_delimited_files_end_before_it(end: bytes) -> None:
    data = b"a,b\r\n1,x\r\n2,y\x1a\r\n" + end
    blocks = list(delimited.decode(LAYOUT, io.BytesIO(data).read, stream="s", place="f"))
    assert [row for block in blocks for row in block.data.to_pylist()] == [{"a": 1, "b": "x"}, {"a": 2, "b": "y\x1a"}]
    assert all(block.rejects is None for block in blocks)
    assert blocks[-1].offset == len(data) - len(end)
    again = list(delimited.decode(LAYOUT, io.BytesIO(end).read, stream="s", place="f", offset=blocks[-1].offset))
    assert not any(block.data.num_rows or block.rejects for block in again)


def test_a_sample_with_it_is_decided_as_one_without() -> None:
    text = b"id;total\r\n" + b"".join(b"%d;%d,50\r\n" % (n, n) for n in range(50))
    bare, marked = infer(text, name="s"), infer(text + b"\x1a", name="s")
    assert marked.layout == bare.layout
    assert marked.findings == bare.findings


def test_a_trailer_before_it_is_the_last_record() -> None:
    layout = Layout.from_yaml(
        """
layout: 1
name: pay
format: fixed_width
encoding: cp437
records:
- name: detail
  when: {start: 1, value: D}
  fields: [{name: id, start: 2, length: 4, type: int64}]
- name: tail
  role: trailer
  when: {start: 1, value: T}
  fields: [{name: n, start: 2, length: 4, type: int64}]
  checks: [{field: n, counts: [detail]}]
""",
        "pay.yaml",
    )
    blocks = fixed_width.decode(layout, io.BytesIO(b"D0001\r\nD0002\r\nT0002\r\n\x1a").read, {"detail": Wanted("pay")}, place="f")
    assert [row["id"] for block in blocks for row in block.data["pay"].to_pylist()] == [1, 2]
