"""A type has one text, and one place in the table."""

from __future__ import annotations

import json

import msgspec
import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError
from connector_sdk.formats.text_values import to_values
from connector_sdk.types import TABLE, from_text, markdown, table, to_avro, to_json_schema, to_text
from hypothesis import given, settings

from tests.sdk.formats.tables import TYPES


@settings(max_examples=300, deadline=None)
@given(TYPES)
def test_every_type_comes_back_from_its_text(type_):
    assert from_text(to_text(type_)) == type_


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("int64", pa.int64()),
        ("decimal(12,2)", pa.decimal128(12, 2)),
        ("decimal( 12 , 2 )", pa.decimal128(12, 2)),
        ("decimal(40,0)", pa.decimal256(40, 0)),
        ("decimal256(12,2)", pa.decimal256(12, 2)),
        ("date", pa.date32()),
        ("timestamp[us]", pa.timestamp("us")),
        ("timestamp[us, UTC]", pa.timestamp("us", "UTC")),
        ("binary", pa.binary()),
        ("binary(16)", pa.binary(16)),
        ("list<int64 not null>", pa.list_(pa.field("item", pa.int64(), nullable=False))),
        ('struct<"a b": int8, c: list<string>>', pa.struct([("a b", pa.int8()), ("c", pa.list_(pa.string()))])),
    ],
)
def test_texts_are_what_a_person_would_write(text, type_):
    assert from_text(text) == type_


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "at its end"),
        ("int", "at 'int'"),
        ("int64 x", "at 'x'"),
        ("decimal(12", "',' expected at its end"),
        ("decimal(99,2)", "1 to 76 digits"),
        ("list<int64", "'>' expected at its end"),
        ("struct<a int64>", "':' expected at 'int64>'"),
        ("timestamp[days]", "a unit"),
        ("binary(-1)", "a width in bytes"),
        ("dictionary<string, float64>", "index type should be integer"),
    ],
)
def test_a_wrong_text_is_told_where_it_stops_being_a_type(text, place):
    with pytest.raises(ConfigError) as caught:
        from_text(text)
    assert place in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_type_without_text_is_refused():
    with pytest.raises(ConfigError, match="has no text"):
        to_text(pa.run_end_encoded(pa.int32(), pa.string()))


def test_each_row_says_what_the_functions_say():
    for row in TABLE:
        assert from_text(to_text(row.arrow)) == row.arrow
        assert to_json_schema(row.arrow) == row.json
        if isinstance(row.avro, str) or "logicalType" in row.avro:
            stored = {pa.uint64(): pa.decimal128(20, 0)}.get(row.arrow, row.arrow)
            assert row.arrow == pa.uuid() or to_avro(stored) == row.avro


def test_the_page_has_every_type_once():
    texts = [cells[0] for cells in table()]
    assert len(set(texts)) == len(texts)
    assert all(f"| `{text}` |" in markdown() for text in texts)
    assert {len(cells) for cells in table()} == {8}


def test_json_schema_describes_what_json_lines_write():
    """The written value of each row's type has the JSON type its schema names."""
    kinds = {str: "string", int: "integer", bool: "boolean", dict: "object", list: "array", float: "number"}
    values = {"binary(16)": b"x" * 16, "uuid": b"x" * 16, "list<string>": ["a"], "struct<id: int64>": {"id": 1}, "bool": True}
    for row in TABLE:
        text = to_text(row.arrow)
        if text in ("null", "interval"):
            continue
        value = values.get(text, "x" if text == "string" else b"x" if text == "binary" else [("k", "v")] if "map" in text else 1)
        written = to_values(pa.array([value], row.arrow))[0]
        kind = kinds[type(json.loads(msgspec.json.encode(written)))]
        assert row.json["type"] in (kind, "number" if kind == "integer" else kind), text


def test_nested_types_say_where_nulls_may_be():
    type_ = pa.struct(
        [pa.field("tags", pa.list_(pa.field("item", pa.string(), nullable=False))), pa.field("n", pa.int32(), False)]
    )
    assert to_json_schema(type_) == {
        "type": "object",
        "properties": {
            "tags": {"type": ["array", "null"], "items": {"type": "string"}},
            "n": {"type": "integer", "format": "int32"},
        },
        "required": ["tags", "n"],
    }
