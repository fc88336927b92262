"""Typed rows: classes that import, carry every name and type of the description, and turn Arrow's rows into objects."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import types
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import msgspec
import pyarrow as pa
import pytest
from connector_codegen.model import Interface
from connector_codegen.writers import KINDS, Models
from connector_codegen.writers.models import models
from connector_sdk.formats.layout import Field
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.codegen.building import flat, orders

ALL: tuple[Models, ...] = get_args(Models)
HOSTILE = [
    *(
        "; import os #",
        'a"b',
        "it's",
        "back\\slash",
        "line\nend",
        "nul\x00",
        "\u202eover",
        "a.b",
        "a/b",
        "a~1b",
        "#",
        "$ref",
        "{{x}}",
    ),
    *(
        "{% raw %}",
        "class",
        "None",
        "self",
        "date",
        "time",
        "datetime",
        "Decimal",
        "Struct",
        "field",
        "Field",
        "json",
        "model_config",
    ),
    *(
        "copy",
        "int",
        "str",
        "list",
        "float",
        "bytes",
        "dict",
        "__init__",
        "_private",
        "9 lives",
        "größe",
        "مطار",
        "é́",
        "İ",
        "x" * 3000,
    ),
    *(
        "annotations",
        "properties",
        "required",
        "type",
        "title",
        "description",
        "$defs",
        "allOf",
        "UNSET",
        "Meta",
        "BaseModel",
        "a",
        "A",
    ),
]


def loaded(interface: Interface, kind: Models) -> types.ModuleType:
    """models.py of `interface`, imported."""
    (file,) = models(interface, kind)
    module = types.ModuleType("generated_models")
    sys.modules["generated_models"] = module
    exec(compile(file.text, "models.py", "exec"), module.__dict__)
    return module


def fields_of(model: Any, kind: Models) -> dict[str, str]:
    """The fields of a generated class, and the names they have on the wire."""
    if kind == "msgspec":
        return {field.name: field.encode_name for field in msgspec.structs.fields(model)}
    if kind == "pydantic":
        return {name: field.alias or name for name, field in model.model_fields.items()}
    return {field.name: field.name for field in dataclasses.fields(model)}


def check_names(interface: Interface, kind: Models) -> None:
    (stream,) = interface.streams
    found = fields_of(getattr(loaded(interface, kind), stream.class_name), kind)
    assert set(found) == {field.identifier for field in stream.fields}
    if kind != "dataclass":
        assert found == {field.identifier: field.name for field in stream.fields}


@pytest.mark.parametrize("kind", ALL)
def test_hostile_names_become_fields_that_remember_them(kind: Models) -> None:
    doc = "a \"doc\" with '''quotes''' and \"\"\", \\d and a \\"
    check_names(flat(*(Field(name=name, type=pa.string(), doc=doc) for name in HOSTILE), name='"; import os #', doc=doc), kind)


@pytest.mark.parametrize("kind", ALL)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_names_and_any_descriptions(kind: Models, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=8, unique=True))
    docs = data.draw(st.lists(st.none() | st.text(max_size=40), min_size=len(names), max_size=len(names)))
    fields = [Field(name=name, type=pa.int64(), doc=doc) for name, doc in zip(names, docs, strict=True)]
    check_names(flat(*fields, name=data.draw(st.text(min_size=1, max_size=20)), doc=docs[0]), kind)


ROW = {
    "on": True,
    "Count Of": 2**62,
    "ratio": 0.5,
    "price": Decimal("12.30"),
    "word": "größe",
    "raw": b"\x00\xff",
    "größe": "XL",
    "date": date(2026, 2, 28),
    "time": time(23, 59, 59, 999999),
    "datetime": datetime(2026, 2, 28, 12, 0, tzinfo=UTC),
}
TYPES = {
    "on": pa.bool_(),
    "Count Of": pa.int64(),
    "ratio": pa.float64(),
    "price": pa.decimal128(9, 2),
    "word": pa.string(),
    "raw": pa.binary(),
    "größe": pa.string(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "datetime": pa.timestamp("us", "UTC"),
}


@pytest.mark.parametrize("kind", ALL)
def test_rows_of_a_batch_become_objects_with_exact_values(kind: Models) -> None:
    interface = flat(*(Field(name=name, type=type_) for name, type_ in TYPES.items()))
    batch = pa.RecordBatch.from_pylist([ROW, dict.fromkeys(ROW)], schema=pa.schema(list(TYPES.items())))
    model = loaded(interface, kind).Rows
    given_rows = batch.to_pylist()
    if kind == "pydantic":
        rows = TypeAdapter(list[model]).validate_python(given_rows)
    elif kind == "msgspec":
        rows = msgspec.convert(given_rows, list[model])
    else:
        rows = msgspec.convert([{**row, "count_of": row.pop("Count Of")} for row in given_rows], list[model])
    first, second = rows
    for field in interface.streams[0].fields:
        value = getattr(first, field.identifier)
        assert value == ROW[field.name]
        assert type(value) is type(ROW[field.name])
        assert getattr(second, field.identifier) is None


@pytest.mark.parametrize("kind", ALL)
def test_a_row_without_a_value_that_must_be_there_is_refused(kind: Models) -> None:
    model = loaded(flat(Field(name="id", type=pa.int64(), nullable=False)), kind).Rows
    with pytest.raises(ValueError, match=r"id|valid integer|Expected `int`"):
        TypeAdapter(model).validate_python({"id": None}) if kind == "pydantic" else msgspec.convert({"id": None}, model)


@pytest.mark.parametrize("kind", ALL)
def test_records_lists_and_enumerations_nest(kind: Models) -> None:
    module = loaded(orders(), kind)
    line = {"no": 1, "price": Decimal(2)}
    row: dict[str, Any] = {
        "id": 7,
        "customer": None,
        "lines": [{**line, "part": {**line, "part": None}}],
        "first line" if kind != "dataclass" else "first_line": None,
        "status": "in progress",
        "tags": ["a"],
        "span": (1, 2, 3),
    }
    order = TypeAdapter(module.Orders).validate_python(row) if kind == "pydantic" else msgspec.convert(row, module.Orders)
    assert order.lines[0].part.price == Decimal(2)
    assert order.status is module.OrderStatus.IN_PROGRESS
    assert order.old_status is (msgspec.UNSET if kind == "msgspec" else None)
    assert {status.value for status in module.OrderStatus} == {"open", "in progress", 'it\'s "done"', "", "1", "class"}


def test_every_kind_has_a_class_for_a_stream_of_ten_thousand_columns() -> None:
    assert set(KINDS) == set(ALL)
    check_names(flat(*(Field(name=f"Column {number}", type=pa.float64()) for number in range(10_000))), "msgspec")


def test_importing_the_writers_does_not_load_the_emitter() -> None:
    spec = importlib.util.find_spec("connector_codegen.writers")
    assert spec is not None
    import subprocess

    code = "import sys, connector_codegen.commands, connector_codegen.writers; print('datamodel_code_generator' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path("/")).stdout
        == "False\n"
    )
