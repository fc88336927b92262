"""Names from descriptions become identifiers: always legal, always distinct, and nothing is lost on the way."""

from __future__ import annotations

import keyword

import pyarrow as pa
import pytest
from connector_codegen.model import Field as ModelField
from connector_codegen.model import Interface, Record, Source, Stream, stream_from
from connector_codegen.passes.identify import LONGEST, class_name, identifier
from connector_codegen.problems import Problem
from connector_sdk.formats.layout import Field, FixedWidth, Layout, Place
from hypothesis import given
from hypothesis import strategies as st

from tests.codegen.building import passed

NAMES = st.one_of(
    st.text(max_size=30), st.sampled_from(["a", "A", "a_2", "class", "date", "9", "", "; import os #", '"', "é", "٣"])
)


def of_columns(*names: str) -> tuple[Stream, list[Problem]]:
    layout = Layout(name="rows", fields=tuple(Field(name=name, type=pa.string()) for name in names))
    interface, problems = passed(Interface(source=Source(reader="layout"), streams=(stream_from(layout),)))
    return interface.streams[0], problems


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("le_heading_degT", "le_heading_deg_t"),
        ("usageType", "usage_type"),
        ("HTTPServer", "http_server"),
        ("Order No.", "order_no"),
        ("ID", "id"),
        ("9 lives", "field_9_lives"),
        ("class", "class_"),
        ("int", "int_"),
        ("model_fields", "model_fields_"),
        ("größe", "größe"),
        ("x²", "x2"),
        ("; import os #", "import_os"),
        ("_private", "private"),
        ("", "unnamed"),
        ("__", "unnamed"),
    ],
)
def test_names_become_what_a_person_would_write(name: str, expected: str) -> None:
    assert identifier(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("airport-frequencies", "AirportFrequencies"),
        ("decimal", "DecimalRow"),
        ("None", "NoneRow"),
        ("2024 orders", "Stream2024Orders"),
    ],
)
def test_classes_do_not_hide_what_the_module_imports(name: str, expected: str) -> None:
    assert class_name(name) == expected


@given(NAMES)
def test_every_name_becomes_a_legal_identifier(name: str) -> None:
    for found in (identifier(name), class_name(name)):
        assert found.isidentifier()
        assert not keyword.iskeyword(found)
        assert not found.startswith("_")
        assert len(found) <= LONGEST + len("stream_") + 1


@given(st.lists(NAMES.filter(bool), min_size=1, max_size=12, unique=True))
def test_no_two_columns_share_an_identifier_or_a_name_and_titles_keep_the_file_s_words(names: list[str]) -> None:
    stream, _ = of_columns(*names)
    assert len({field.identifier for field in stream.fields}) == len(names)
    assert len({field.name for field in stream.fields}) == len(names)
    assert stream.layout is not None
    assert [field.title or field.name for field in stream.layout.fields] == names
    assert [field.name for field in stream.layout.fields] == [field.name for field in stream.fields]


def test_a_column_keeps_the_name_that_is_its_own() -> None:
    stream, problems = of_columns("a b", "a.b", "a_b_2")
    assert [field.identifier for field in stream.fields] == ["a_b", "a_b_3", "a_b_2"]
    assert [str(problem) for problem in problems] == ["rows.a.b: is called a_b_3 in generated code, since a_b is another field"]


def test_a_header_that_cannot_be_a_name_becomes_a_title_and_keys_follow() -> None:
    layout = Layout(name="rows", fields=(Field(name='say "id"', type=pa.int64()),), keys=('say "id"',))
    interface, _ = passed(Interface(source=Source(reader="layout"), streams=(stream_from(layout),)))
    (stream,) = interface.streams
    assert stream.keys == ("say_id",)
    assert stream.layout is not None
    assert stream.layout.fields[0].title == 'say "id"'
    assert stream.layout.keys == ("say_id",)


def test_two_streams_of_one_name_are_an_error() -> None:
    layout = Layout(name="rows", fields=(Field(name="a", type=pa.string()),))
    _, problems = passed(Interface(source=Source(reader="layout"), streams=(stream_from(layout), stream_from(layout))))
    assert [problem.level for problem in problems] == ["error"]


def test_classes_of_streams_and_records_are_distinct() -> None:
    fields = (ModelField(name="a", type=pa.string()),)
    interface, _ = passed(
        Interface(
            source=Source(reader="layout"),
            streams=(Stream(name="line", fields=fields), Stream(name="a_1", fields=fields), Stream(name="a1", fields=fields)),
            records=(Record(name="Line", fields=fields),),
        )
    )
    assert [each.class_name for each in interface.rows] == ["Line", "A1", "A12", "Line2"]


def test_without_a_header_to_keep_it_a_name_that_cannot_be_one_is_an_error() -> None:
    field = Field(name='say "id"', type=pa.string(), place=Place(start=1, length=3))
    layout = Layout(name="rows", form=FixedWidth(), fields=(field,))
    _, problems = passed(Interface(source=Source(reader="layout"), streams=(stream_from(layout),)))
    assert [str(problem) for problem in problems] == [
        "rows: 'say \"id\"' cannot be a name (give it another name in the description)"
    ]
