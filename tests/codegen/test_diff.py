"""What a difference means for what was made before it: the worst that can happen to a value, a table, a line of code."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from connector_codegen.diff import Verdict, compare, worst
from connector_codegen.diff.types import retyped
from connector_codegen.model import Enumeration, Interface, Many, Named, Source, Type
from connector_sdk.formats.layout import Delimited, Field
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codegen.building import flat, orders

SAFE, BREAKING, LOSING = Verdict.COMPATIBLE, Verdict.BREAKING, Verdict.LOSING


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (pa.int32(), pa.int64(), SAFE),
        (pa.int64(), pa.int32(), LOSING),
        (pa.uint32(), pa.int32(), LOSING),
        (pa.uint32(), pa.int64(), SAFE),
        (pa.int32(), pa.uint64(), LOSING),
        (pa.int32(), pa.float64(), BREAKING),
        (pa.int64(), pa.float64(), LOSING),
        (pa.int32(), pa.decimal128(12, 2), BREAKING),
        (pa.int64(), pa.decimal128(12, 2), LOSING),
        (pa.float32(), pa.float64(), SAFE),
        (pa.float64(), pa.float32(), LOSING),
        (pa.float64(), pa.decimal128(38, 10), LOSING),
        (pa.decimal128(10, 2), pa.decimal128(12, 4), SAFE),
        (pa.decimal128(10, 2), pa.decimal128(10, 4), LOSING),
        (pa.decimal128(10, 2), pa.decimal128(10, 1), LOSING),
        (pa.decimal128(10, 2), pa.float64(), LOSING),
        (pa.int64(), pa.string(), BREAKING),
        (pa.string(), pa.int64(), LOSING),
        (pa.string(), pa.large_string(), SAFE),
        (pa.string(), pa.binary(), BREAKING),
        (pa.binary(), pa.string(), LOSING),
        (pa.bool_(), pa.int8(), BREAKING),
        (pa.date32(), pa.timestamp("us"), BREAKING),
        (pa.timestamp("us"), pa.date32(), LOSING),
        (pa.timestamp("ms"), pa.timestamp("us"), SAFE),
        (pa.timestamp("us"), pa.timestamp("ms"), LOSING),
        (pa.timestamp("us"), pa.timestamp("ns"), LOSING),
        (pa.timestamp("us"), pa.timestamp("us", "UTC"), BREAKING),
        (pa.timestamp("us", "UTC"), pa.timestamp("us"), LOSING),
        (pa.null(), pa.int64(), SAFE),
        (Many(pa.int32()), Many(pa.int64()), SAFE),
        (pa.int32(), Many(pa.int32()), BREAKING),
        (Many(pa.int32()), pa.int32(), LOSING),
        (Named("a"), Named("b"), LOSING),
        (Named("a"), Named("a"), SAFE),
    ],
)
def test_a_change_of_type(old: Type, new: Type, verdict: Verdict) -> None:
    assert retyped(old, new) is verdict


_VALUES = {
    pa.int8(): [-128, 127],
    pa.int32(): [-(2**31), 2**31 - 1],
    pa.int64(): [-(2**63), 2**63 - 1],
    pa.uint16(): [0, 2**16 - 1],
    pa.uint64(): [0, 2**64 - 1],
    pa.float32(): [1.5, 3.4e38],
    pa.float64(): [0.1, 1.7e308],
    pa.decimal128(9, 2): ["1234567.89", "-1234567.89"],
    pa.decimal128(21, 0): ["9" * 21],
    pa.decimal128(25, 4): ["9" * 21 + ".9999"],
}


@settings(deadline=None)
@given(st.sampled_from(list(_VALUES)), st.sampled_from(list(_VALUES)))
def test_what_is_not_data_losing_keeps_every_extreme_value_as_arrow_sees_it(old: pa.DataType, new: pa.DataType) -> None:
    if retyped(old, new) is not LOSING:
        values = pa.array(_VALUES[old]).cast(old) if pa.types.is_decimal(old) else pa.array(_VALUES[old], old)
        assert values.cast(new).cast(old).equals(values)


WORD = Field(name="word", type=pa.string())
DAY = Field(name="day", type=pa.date32(), format=("%d.%m.%Y",))


@pytest.mark.parametrize(
    ("old", "new", "verdict", "what"),
    [
        (flat(WORD), flat(WORD), SAFE, ""),
        (flat(WORD), flat(WORD, DAY), SAFE, "rows.day: is new"),
        (flat(WORD), flat(WORD, replace(DAY, nullable=False)), BREAKING, "rows.day: is new, and rows made for the old lack it"),
        (flat(WORD, DAY), flat(WORD), LOSING, "rows.day: is gone"),
        (
            flat(WORD),
            flat(replace(WORD, nullable=False)),
            LOSING,
            "rows.word: may no longer be null: rows without a value are rejected",
        ),
        (flat(replace(WORD, nullable=False)), flat(WORD), BREAKING, "rows.word: may now be null"),
        (flat(WORD), flat(replace(WORD, doc="a word")), SAFE, "rows.word: its description"),
        (flat(WORD), flat(replace(WORD, evidence="seen")), SAFE, ""),
        (flat(WORD), flat(WORD, keys=("word",)), SAFE, "rows: keys none → word"),
        (flat(WORD, DAY, keys=("word", "day")), flat(WORD, DAY, keys=("word",)), LOSING, "rows: keys word, day → word"),
        (flat(WORD, keys=("word",)), flat(WORD), BREAKING, "rows: keys word → none"),
        (flat(WORD), flat(WORD, encoding="cp1252"), LOSING, "rows: encoding utf-8 → cp1252"),
        (flat(WORD, encoding="ascii"), flat(WORD), SAFE, "rows: encoding ascii → utf-8"),
        (flat(WORD), flat(WORD, form=Delimited(delimiter=";")), BREAKING, "rows: delimiter ',' → ';'"),
        (flat(DAY), flat(replace(DAY, format=("%m.%d.%Y",))), LOSING, "rows.day: format '%d.%m.%Y' → '%m.%d.%Y'"),
        (flat(DAY), flat(replace(DAY, format=("%d.%m.%Y", "%Y"))), SAFE, "rows.day: format '%d.%m.%Y' → '%d.%m.%Y' '%Y'"),
        (flat(DAY), flat(replace(DAY, null=("-",))), SAFE, "rows.day: null none → '-'"),
        (flat(WORD), flat(replace(WORD, null=("NA",))), LOSING, "rows.word: null none → 'NA'"),
        (flat(replace(WORD, null=("NA",))), flat(WORD), BREAKING, "rows.word: null 'NA' → none"),
        (flat(WORD), flat(replace(WORD, title="Word")), BREAKING, "rows.word: title none → 'Word'"),
        (flat(WORD, DAY), flat(DAY, WORD), SAFE, ""),
        (
            flat(WORD, DAY, form=Delimited(header=False)),
            flat(DAY, WORD, form=Delimited(header=False)),
            LOSING,
            "rows: the order of fields, which without a header says what is what",
        ),
    ],
)
def test_a_change_of_a_flat_file(old: Interface, new: Interface, verdict: Verdict, what: str) -> None:
    found = compare(old, new)
    assert worst([each.verdict for each in found]) is verdict
    assert "; ".join(f"{each.stream}{'.' + each.field if each.field else ''}: {each.what}" for each in found) == what


def test_streams_and_named_types_are_compared_by_name() -> None:
    old = orders()
    status = Enumeration(name="order status", values=("open", "lost"), class_name="OrderStatus")
    new = replace(old, streams=old.streams[:1], records=(), enumerations=(status,))
    assert [(each.stream, each.what) for each in compare(old, new)] == [
        ("customers", "the stream is gone"),
        ("line", "the type is gone"),
        ("order status", "the value 'in progress' is gone"),
        ("order status", "the value 'it\\'s \"done\"' is gone"),
        ("order status", "the value '' is gone"),
        ("order status", "the value '1' is gone"),
        ("order status", "the value 'class' is gone"),
        ("order status", "the value 'lost' is new"),
    ]


def test_two_samples_are_compared_whatever_their_files_are_called() -> None:
    old, new = flat(WORD, name="orders-2025"), flat(WORD, name="orders-2026")
    assert worst([each.verdict for each in compare(old, new)]) is LOSING
    assert compare(old, replace(new, source=Source(reader="delimited"))) == []
