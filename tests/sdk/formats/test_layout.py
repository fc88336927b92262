"""A layout is a text a person can review and correct: it comes back equal, and a mistake in it is told with its line."""

from __future__ import annotations

import pyarrow as pa
import pytest
import yaml
from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import Delimited, Field, Layout, layout_from
from hypothesis import given
from hypothesis import strategies as st

TYPES = [
    pa.int64(),
    pa.decimal128(12, 2),
    pa.date32(),
    pa.timestamp("us"),
    pa.timestamp("us", "UTC"),
    pa.string(),
    pa.bool_(),
    pa.float64(),
    pa.binary(),
    pa.time64("us"),
]
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
some = st.lists(words, max_size=3).map(tuple)
field = st.builds(
    Field,
    name=words,
    type=st.sampled_from(TYPES),
    nullable=st.booleans(),
    title=st.none() | words,
    format=some,
    decimal=st.sampled_from(".,"),
    group=st.sampled_from([None, " ", "'"]),
    marks=st.sampled_from([(), ("%",), ("€", "EUR")]),
    negative=st.sampled_from(["leading", "trailing", "parentheses"]),
    null=some,
    true=st.sampled_from([("Y", "yes"), ("true", "1"), ("on",)]),
    false=st.sampled_from([("N", "no"), ("false", "0"), ("off",)]),
    doc=st.none() | words,
    evidence=st.none() | words,
)
layouts = st.builds(
    lambda name, fields, **rest: Layout(name=name, fields=tuple(fields), keys=(fields[0].name,), **rest),
    name=words,
    fields=st.lists(field, min_size=1, max_size=5, unique_by=lambda f: f.name),
    encoding=st.sampled_from(["utf-8", "cp1252", "utf-16-le"]),
    form=st.builds(
        Delimited,
        delimiter=st.sampled_from([",", ";", "\t", "|", "||", "~|~", "§", "\x01"]),
        quote=st.sampled_from(['"', "'", None, "«"]),
        escape=st.sampled_from([None, "\\"]),
        comment=st.sampled_from([None, "#", "--"]),
        header=st.integers(0, 3),
        skip=st.integers(0, 9),
        footer=st.integers(0, 2),
    ),
    doc=st.none() | words,
)


@given(layouts)
def test_a_layout_comes_back_from_its_text(layout: Layout) -> None:
    again = Layout.from_yaml(layout.to_yaml())
    assert again == layout
    assert again.digest == layout.digest


@given(layouts)
def test_the_text_may_be_read_by_any_yaml_reader(layout: Layout) -> None:
    assert layout_from(yaml.safe_load(layout.to_yaml())) == layout


def test_the_digest_is_of_the_meaning_not_of_the_reasons() -> None:
    one = Layout(name="a", fields=(Field(name="id", type=pa.int64(), evidence="all are integers"),))
    assert one.digest == Layout(name="a", fields=(Field(name="id", type=pa.int64()),)).digest
    assert one.digest != Layout(name="a", fields=(Field(name="id", type=pa.int32()),)).digest


def test_the_schema_carries_docs() -> None:
    layout = Layout(name="a", fields=(Field(name="id", type=pa.int64(), nullable=False, doc="the number"),))
    assert layout.schema.field("id").metadata == {b"connector.doc": b"the number"}
    assert not layout.schema.field("id").nullable


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: a\nfields:\n  - name: x\n    type: int65\n", "orders.yaml, line 4: "),
        ("name: a\nfields:\n  - name: x\n    type: int64\n    nulable: false\n", "line 5: unknown key 'nulable'"),
        ("name: a\ndelimeter: ';'\nfields:\n  - {name: x, type: int64}\n", "line 2: unknown key 'delimeter'"),
        ("name: a\nfields:\n  - {name: x, type: int64}\n  - {name: x, type: int64}\n", "two fields called 'x'"),
        ("name: a\nkeys: [y]\nfields:\n  - {name: x, type: int64}\n", "the key 'y' is not one of its fields"),
        ("name: a\nencoding: klingon\nfields:\n  - {name: x, type: int64}\n", "no encoding 'klingon'"),
        ("name: a\nencoding: utf-16\nfields:\n  - {name: x, type: int64}\n", "say utf-16-le or utf-16-be"),
        ("name: a\ndelimiter: ''\nfields:\n  - {name: x, type: int64}\n", "it is empty"),
        ("name: a\nname: b\nfields: []\n", "line 2: the key 'name' is there twice"),
        ('name: a\ndelimiter: "|\\n"\nfields:\n  - {name: x, type: int64}\n', "a line end in it"),
        ("name: a\nquote: '||'\nfields:\n  - {name: x, type: int64}\n", "one character was expected"),
        ("name: a\ncomment: ',,'\nfields:\n  - {name: x, type: int64}\n", "begins like ','"),
        ("name: a\nfooter: -1\nfields:\n  - {name: x, type: int64}\n", "footer is -1: a number of lines was expected"),
        ("name: a\nheader: some\nfields:\n  - {name: x, type: int64}\n", "line 2: header is 'some': true, false or a number"),
        ("name: a\nfields:\n  - {name: x, type: int64, zone: UTC}\n", "has the zone 'UTC' and the type int64"),
        ("name: a\nfields:\n  - {name: x, type: 'timestamp[us, UTC]', zone: Mars}\n", "there is no time zone 'Mars'"),
        ("name: a\nfields:\n  - {name: x, type: int64, marks: ['-']}\n", "'-' cannot be told from the number"),
        ("name: a\nfields:\n  - {name: x, type: int64, negative: red}\n", "not one of leading, trailing, parentheses"),
        ("name: a\n", "the key 'fields' is missing"),
        ("layout: 2\nname: a\nfields: []\n", "this release reads version 1"),
        ("name: [a\n", "orders.yaml, line 2"),
        ("", "keys and values were expected"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Layout.from_yaml(text, "orders.yaml")
    assert told in str(caught.value)
    assert "orders.yaml" in str(caught.value)


def test_words_for_true_and_false_need_no_quotes() -> None:
    text = "name: a\nfields:\n  - name: x\n    type: bool\n    true: [Y, yes]\n    false: [N, no]\n"
    assert Layout.from_yaml(text).fields[0].true == ("Y", "yes")


def test_one_header_row_or_none_is_said_by_true_and_false() -> None:
    text = "name: a\nheader: {}\nfields:\n  - {{name: x, type: int64}}\n"
    assert [Layout.from_yaml(text.format(word)).delimited.header for word in ("true", "false", "3")] == [1, 0, 3]
    assert "header: true\n" in Layout(name="a", fields=(Field(name="x", type=pa.int64()),)).to_yaml()


def test_a_zone_is_part_of_what_a_field_is() -> None:
    field = Field(name="at", type=pa.timestamp("us", "UTC"), zone="Europe/Berlin", format=("%d.%m.%Y %H:%M",))
    layout = Layout(name="a", fields=(field,))
    assert Layout.from_yaml(layout.to_yaml()) == layout
