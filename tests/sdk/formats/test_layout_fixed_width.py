"""A fixed-width layout is a text a person can review, too: a line for each field, and a mistake in it is told with its line."""

from __future__ import annotations

import pytest
from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import Layout
from hypothesis import given
from hypothesis import strategies as st

from tests.sdk.formats.test_fixed_width_roundtrip import files, payments

TEXT = """\
layout: 1
name: payments
format: fixed_width
records:
- name: head
  role: header
  when: {start: 1, value: H}
  fields:
  - {name: day, start: 2, end: 9, type: date, format: "%Y%m%d"}
- name: detail
  doc: One payment
  when: {start: 1, value: [D, E]}
  keys: [id]
  fields:
  - {name: id, start: 2, length: 9, type: int64, nullable: false}
- name: fee
  when: {start: 1, value: F}
  fields:
  - {name: what, start: 2, length: 20, type: string}
- name: tail
  role: trailer
  when: {start: 1, value: T}
  checks:
  - {field: n, counts: [detail, fee]}
  - {field: h, hashes: detail.id}
  fields:
  - {name: n, start: 2, length: 9, type: int64}
  - {name: h, start: 11, length: 5, type: int64}
"""


@given(files().map(lambda made: made[0]) | st.sampled_from([payments(), payments().whole, Layout.from_yaml(TEXT)]))
def test_a_layout_comes_back_from_its_text(layout: Layout) -> None:
    assert Layout.from_yaml(layout.to_yaml()) == layout
    assert Layout.from_yaml(layout.to_yaml()).digest == layout.digest


def test_the_records_with_rows_are_streams_and_each_knows_the_whole() -> None:
    whole = Layout.from_yaml(TEXT)
    assert [stream.name for stream in whole.streams] == ["payments.detail", "payments.fee"]
    detail, fee = whole.streams
    assert (detail.names, detail.keys, detail.about) == (("id",), ("id",), "One payment")
    assert detail.whole == fee.whole == whole
    assert payments().name == "payments"  # the only one is called as the file


def test_a_field_is_one_line_that_says_where_and_what() -> None:
    assert "- {name: id, start: 2, length: 9, type: int64, nullable: false}" in Layout.from_yaml(TEXT).to_yaml()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("length: 20, type", "length: 20, width: 3, type", "line 19: unknown key 'width'"),
        ("end: 9", "end: 9, length: 9", "line 9: start 2, length 9 and end 9 do not agree"),
        ("start: 11, length: 5", "start: 10, length: 5", "line 20: record 'tail': field 'h' (10 to 14) overlaps 'n' (2 to 10)"),
        ("counts: [detail, fee]", "counts: [detail, fees]", "the check of 'n' is of 'fees': no record of that name"),
        ("detail.id", "detail.iq", "'detail' has no field 'iq' to add up"),
        ("field: h", "field: x", "line 20: record 'tail': the check of 'x' is of none of its fields"),
        ("role: trailer", "role: header", "there are two records that are a header"),
        ("  when: {start: 1, value: T}\n", "", "line 20: record 'tail' is a trailer: it needs `when`, and has no keys"),
        ("keys: [id]", "keys: [no]", "line 10: record 'detail': the key 'no' is not one of its fields"),
        ("start: 2, length: 20", "start: 0, length: 20", "line 19: start is 0: positions count from 1"),
        ("- name: fee", "- name: detail", "records have one name twice"),
        (
            "{start: 1, value: F}",
            "{start: 1, value: E}",
            "no record is a 'fee' by 'E' at 1: each of them is a 'detail' by 'E' at 1",
        ),
        (
            "{start: 1, value: T}",
            "{start: 1, value: D}",
            "no record is a 'tail' by 'D' at 1: each of them is a 'detail' by 'D' at 1",
        ),
        ("{start: 1, value: F}", "{start: 1, value: [F, DE]}", "no record is a 'fee' by 'DE' at 1"),
        ("{start: 1, value: F}", "{start: 1, value: D, length: 2}", "no record is a 'fee' by 'D' at 1"),
    ],
)
def test_what_cannot_be_is_told_with_its_line(old: str, new: str, told: str) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(ConfigError) as caught:
        Layout.from_yaml(TEXT.replace(old, new), "x.yaml")
    assert told in caught.value.message
    assert caught.value.message.startswith("x.yaml")


@pytest.mark.parametrize(
    ("first", "then", "hidden"),
    [
        ("start: 1, value: AB", "start: 1, value: A", False),  # the one that says more comes first, and has its records
        ("start: 1, value: A", "start: 1, value: AB", True),
        ("start: 2, value: B", "start: 1, value: AB", True),
        ("start: 2, value: X", "start: 1, value: AB", False),
        ("start: 1, value: A", "start: 2, value: B", False),  # a record with both is of the first
        ("start: 1, value: A, length: 2", "start: 1, value: A", False),
        ("start: 1, value: [X, A]", "start: 1, value: [Y, A]", True),
    ],
)
def test_each_text_tells_some_records(first: str, then: str, hidden: bool) -> None:
    """Or the rows of a stream are none, in silence."""
    field = "fields: [{name: x, type: string, start: 5, length: 1}]"
    text = f"layout: 1\nname: a\nformat: fixed_width\nrecords:\n- {{name: p, when: {{{first}}}, {field}}}\n"
    text += f"- {{name: q, when: {{{then}}}, {field}}}\n"
    if hidden:
        with pytest.raises(ConfigError, match=r"^x.yaml: no record is a 'q' by 'A?B?' at 1: each of them is a 'p' by"):
            Layout.from_yaml(text, "x.yaml")
    else:
        assert len(Layout.from_yaml(text, "x.yaml").fixed_width.records) == 2
