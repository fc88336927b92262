"""CSVW metadata becomes layouts that read the file it describes; what a layout cannot say is told."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError
from connector_sdk.formats.delimited import decode
from connector_sdk.formats.delimited_inference import Table, from_csvw
from connector_sdk.formats.layout import Layout
from connector_sdk.schema import Relation
from connector_sdk.types import to_text

ORDERS = {
    "@context": ["http://www.w3.org/ns/csvw", {"@language": "de"}],
    "url": "https://example.org/data/orders.csv",
    "dc:title": "Orders",
    "dialect": {"delimiter": ";", "encoding": "cp1252", "skipRows": 1, "commentPrefix": "#"},
    "null": ["", "-"],
    "tableSchema": {
        "columns": [
            {"name": "id", "titles": {"en": "Number", "de": "Nummer"}, "datatype": "unsignedInt", "dc:description": "who"},
            {
                "name": "price",
                "datatype": {"base": "decimal", "format": {"pattern": "#,##0.00", "decimalChar": ",", "groupChar": "."}},
            },
            {"name": "taken", "datatype": {"base": "date", "format": "d.M.yyyy"}, "required": True},
            {"name": "at", "datatype": {"base": "dateTime", "format": "yyyy-MM-ddTHH:mm:ssXXX"}},
            {"name": "open", "datatype": {"base": "boolean", "format": "ja|nein"}},
            {"name": "note"},
            {"name": "source", "virtual": True, "default": "web"},
        ],
        "primaryKey": "id",
    },
}


def one(metadata: dict[str, object]) -> Table:
    (table,) = from_csvw(metadata, "orders.csv-metadata.json")
    return table


def column(datatype: object, **more: object) -> Table:
    return one({"url": "a.csv", "tableSchema": {"columns": [{"name": "x", "datatype": datatype, **more}]}})


def told(table: Table, level: str) -> str:
    return "\n".join(f"{f.field}: {f.message}" for f in table.findings if f.level == level)


def test_a_table_and_the_file_it_describes() -> None:
    table = one(ORDERS)
    layout = table.layout
    assert (layout.name, layout.encoding, layout.keys, layout.doc) == ("orders", "cp1252", ("id",), "Orders")
    assert [to_text(f.type) for f in layout.fields] == ["uint32", "decimal(38,2)", "date", "timestamp[us, UTC]", "bool", "string"]
    assert [f.nullable for f in layout.fields] == [False, True, False, True, True, True]
    assert layout.fields[0].title == "Nummer"
    assert "virtual columns" in told(table, "note")
    assert not told(table, "question")
    assert Layout.from_yaml(layout.to_yaml()) == layout
    data = (
        "made today\nNummer;price;taken;at;open;note\n"
        "1;1.234,50;3.2.2024;2024-02-03T10:00:00+01:00;ja;größer\n# end\n2;-;4.12.2024;;nein;\n"
    )
    (block,) = decode(layout, io.BytesIO(data.encode("cp1252")).read, stream="orders", place="orders.csv")
    assert block.rejects is None
    first, second = block.data.to_pylist()
    assert first == {
        "id": 1,
        "price": Decimal("1234.50"),
        "taken": date(2024, 2, 3),
        "at": datetime(2024, 2, 3, 9, tzinfo=UTC),
        "open": True,
        "note": "größer",
    }
    assert (second["price"], second["open"], second["note"]) == (None, False, None)


@pytest.mark.parametrize(
    ("datatype", "kind", "pattern"),
    [
        ("integer", "int64", ()),
        ("xsd:integer", "int64", ()),
        ("short", "int16", ()),
        ("number", "float64", ()),
        ("decimal", "decimal(38,9)", ()),
        ("hexBinary", "binary", ("hex",)),
        ("dateTimeStamp", "timestamp[us, UTC]", ()),
        ({"base": "date", "format": "yyyyMMdd"}, "date", ("%Y%m%d",)),
        ({"base": "date", "format": "MM/dd/yyyy"}, "date", ("%m/%d/%Y",)),
        ({"base": "time", "format": "HH:mm:ss"}, "time[us]", ("%H:%M:%S",)),
        ({"base": "datetime", "format": "dd.MM.yyyy HH:mm:ss.SSS"}, "timestamp[us]", ("%d.%m.%Y %H:%M:%S.%f",)),
        ("anyURI", "string", ()),
        ("gYear", "string", ()),
    ],
)
def test_datatypes(datatype: object, kind: str, pattern: tuple[str, ...]) -> None:
    (field,) = column(datatype).layout.fields
    assert to_text(field.type) == kind
    assert field.format == pattern


@pytest.mark.parametrize(
    ("table", "level", "message"),
    [
        (column("string", separator=" "), "question", "separator is ' ', which a layout cannot say"),
        (column("string", default="none"), "question", "default is 'none'"),
        (column({"base": "date", "format": "EEEE d MMMM"}), "question", "is not understood: kept as text"),
        (column({"base": "decimal", "format": "#0.0%"}), "question", "12% is read as 12, where CSVW means the share"),
        (column({"base": "integer", "minimum": 1, "maximum": 5}), "note", "minimum, maximum of the datatype is not checked"),
        (column({"base": "string", "format": "[a-z]+"}), "note", "is not checked"),
        (column("duration"), "note", "the datatype duration was kept as text"),
    ],
)
def test_what_a_layout_cannot_say_is_told(table: Table, level: str, message: str) -> None:
    assert message in told(table, level)


def test_foreign_keys_are_relations() -> None:
    lines = {
        "url": "lines.csv",
        "tableSchema": {
            "columns": [{"name": "order"}, {"name": "item"}],
            "foreignKeys": [
                {"columnReference": "order", "reference": {"resource": "orders.csv", "columnReference": "id"}},
                {"columnReference": "item", "reference": {"resource": "items.csv", "columnReference": "id"}},
            ],
        },
    }
    orders = {"url": "orders.csv", "tableSchema": {"columns": [{"name": "id"}], "primaryKey": ["id"]}}
    group = {"tables": [orders, lines], "dialect": {"delimiter": "\t"}}
    first, second = from_csvw(group, "csv-metadata.json")
    assert first.relations == ()
    assert second.relations == (Relation(columns=("order",), to="orders", to_columns=("id",)),)
    assert "items.csv, which is not described here" in told(second, "note")
    assert {table.layout.delimited.delimiter for table in (first, second)} == {"\t"}


def test_names_come_from_titles_where_there_are_none() -> None:
    table = one({"url": "a.csv", "tableSchema": {"columns": [{"titles": ["The Name", "x"]}, {}]}, "dialect": {"header": False}})
    assert table.layout.names == ("The Name", "_col.2")
    assert table.layout.delimited.header == 0
    assert pa.types.is_string(table.layout.fields[0].type)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "there is no list of columns"),
        ({"tables": []}, "there is no table"),
        ({"tables": [7]}, "there is no table"),
        ({"tableSchema": {"columns": []}}, "columns were expected"),
        ({"tableSchema": {"columns": [1]}}, "columns were expected"),
        ({"tableSchema": {"columns": [{"name": "a", "datatype": 7}]}}, "a name or an object with a base was expected"),
        (
            {"tableSchema": {"columns": [{"name": "a", "datatype": {"base": "boolean", "format": "Y"}}]}},
            "two words with | between",
        ),
        ({"tableSchema": {"columns": [{"name": "a"}, {"name": "a"}]}}, "two fields called 'a'"),
        ({"tableSchema": {"columns": [{"name": "a"}], "primaryKey": "b"}}, "the key 'b' is not one of its fields"),
        ({"tableSchema": {"columns": [{"name": "a"}]}, "dialect": {"skipColumns": 2}}, "columns cannot be passed over"),
        ({"tableSchema": {"columns": [{"name": "a"}]}, "dialect": {"headerRowCount": "x"}}, "whole numbers were expected"),
        ({"tableSchema": {"columns": [{"name": "a"}]}, "dialect": "http://example.org/d"}, "the dialect is no object"),
        ({"tableSchema": {"columns": [{"name": "a"}]}, "dialect": {"encoding": "klingon"}}, "there is no encoding 'klingon'"),
    ],
)
def test_metadata_that_cannot_be_used_is_one_clear_error(metadata: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_csvw(metadata, "x.json")
    assert message in str(caught.value)
