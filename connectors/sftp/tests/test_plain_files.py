"""The simulator's truth: what it writes in any layout it reads back as the same values, and the connector reads as the same."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import connector_sdk
import pyarrow as pa
import pytest
from connector_sdk.formats.delimited import decode
from connector_sdk.formats.layout import Delimited, Field, Layout
from connector_sftp import SftpConnector, plain_files
from connector_sftp.config import SftpConfig
from connector_sftp.simulator import SftpSimulator
from hypothesis import given, settings
from hypothesis import strategies as st

TYPES = {
    "id": "int64",
    "small": "int8",
    "count": "uint16",
    "word": "string",
    "price": "decimal(12,2)",
    "tiny": "decimal(4,4)",
    "huge": "decimal(50,3)",
    "ratio": "float64",
    "day": "date",
    "at": "timestamp[us]",
    "sent": "timestamp[ms, UTC]",
    "clock": "time[us]",
    "yes": "bool",
    "raw": "binary",
}


def layout(form: Delimited, encoding: str = "utf-8", **fields: Mapping[str, Any]) -> Layout:
    return Layout(
        name="everything",
        encoding=encoding,
        form=form,
        keys=("id",),
        fields=tuple(
            Field(**{"name": name, "type": connector_sdk.types.from_text(kind), "nullable": name != "id", **fields.get(name, {})})
            for name, kind in TYPES.items()
        ),
    )


GERMAN = {
    "price": {"decimal": ",", "group": "."},
    "ratio": {"decimal": ",", "null": ("n/a",)},
    "count": {"group": "'"},
    "day": {"format": ("%d.%m.%Y", "%Y-%m-%d"), "title": "Datum; Tag"},
    "at": {"format": ("%d.%m.%Y %H:%M",)},
    "sent": {"format": ("%Y%m%d%H%M%S%z",)},
    "yes": {"true": ("J", "ja"), "false": ("N", "nein")},
    "raw": {"format": ("hex",)},
}
SIGNED = {
    "price": {"marks": ("EUR", "€"), "negative": "parentheses", "decimal": ",", "group": "."},
    "tiny": {"marks": ("%",), "negative": "trailing"},
    "huge": {"negative": "parentheses", "group": ","},
    "small": {"negative": "trailing"},
    "ratio": {"marks": ("kg", "g"), "null": ("-", "none")},
    "word": {"null": ("NULL", "Ada")},
    "sent": {"zone": "Europe/Berlin"},
}
TITLES = {name: {"title": f"{'whole' if at < 5 else 'other'} {name}"} for at, name in enumerate(TYPES)}
NOTATIONS = st.sampled_from([{}, GERMAN, SIGNED, TITLES, {"sent": {"zone": "Australia/Lord_Howe"}}])
LAYOUTS = {
    "plain": layout(Delimited()),
    "german": layout(Delimited(delimiter=";", skip=2), "cp1252", **GERMAN),
    "unquoted": layout(Delimited(delimiter="\t", quote=None)),
    "escaped": layout(Delimited(delimiter="|", quote="'", escape="\\")),
    "wide": layout(Delimited(), "utf-16-le"),
    "headless": layout(Delimited(header=False)),
    "long marks": layout(Delimited(delimiter="||", comment="#", footer=2)),
    "long marks, bare": layout(Delimited(delimiter="~|~", quote=None, comment="--", footer=1, header=0)),
    "strange marks": layout(Delimited(delimiter="¦", quote="«", escape="»", comment="//", skip=1, footer=1)),
    "rows of names": layout(Delimited(header=2, comment="#"), **TITLES),
    "more rows of names": layout(Delimited(header=3, skip=1)),
    "signs": layout(Delimited(delimiter=";"), **SIGNED),
    "clock of a zone": layout(
        Delimited(), sent={"zone": "America/New_York", "format": ("%m/%d/%Y %I:%M:%S.%f %p", "%Y-%m-%d %H:%M")}
    ),
    "mainframe": layout(Delimited(delimiter="|", footer=1), "cp037"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_written_is_read_back(name: str) -> None:
    rng = random.Random(name)
    rows = [plain_files.sample(LAYOUTS[name], number, rng) for number in range(300)]
    content = plain_files.write(LAYOUTS[name], [plain_files.record(LAYOUTS[name], row) for row in rows])
    assert list(plain_files.read(LAYOUTS[name], content)) == rows
    assert pa.Table.from_pylist(rows, schema=LAYOUTS[name].schema).to_pylist() == rows


class Everything(SftpConnector):
    """As a generated package has it: a connector with layouts of its own."""

    def __init__(self, config: SftpConfig) -> None:
        super().__init__(config, LAYOUTS)


def test_the_connector_reads_the_same_rows_in_every_layout() -> None:
    with SftpSimulator(3, LAYOUTS) as simulator, connector_sdk.open(Everything, **simulator.config) as session:
        for name in LAYOUTS:
            expected = simulator.rows(name).sort_by("id")
            assert session.read(name).table().sort_by("id").equals(expected), name


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_codec_and_the_plain_reader_agree_on_any_form(data: st.DataObject) -> None:
    """Of one file, made by the plain writer: the same rows, value for value, and no reject."""
    texts = st.text(st.sampled_from("ab |;,~#'\"\n-"), max_size=6)
    quote, escape = data.draw(st.sampled_from([(None, None), ('"', None), ('"', "\\"), ("'", None)]))
    form = Delimited(
        delimiter=data.draw(st.sampled_from([",", ";", "||", "~|~", ", ", "\t", "|;|"])),
        quote=quote,
        escape=escape,
        comment=data.draw(st.sampled_from([None, "#", "--"])),
        header=data.draw(st.integers(0, 3)),
        skip=data.draw(st.integers(0, 2)),
        footer=data.draw(st.integers(0, 2)),
    )
    notation = {} if quote is None else data.draw(NOTATIONS)  # without quotes, no decimal comma goes between commas
    drawn = layout(form, data.draw(st.sampled_from(["utf-8", "utf-16-be", "cp1252", "cp1140"])), **notation)
    rng = random.Random(data.draw(st.integers(0, 1000)))
    rows = [plain_files.sample(drawn, number, rng) for number in range(data.draw(st.integers(0, 8)))]
    if quote is not None:
        for row in rows:
            row["word"] = data.draw(st.none() | texts)
    content = plain_files.write(drawn, [plain_files.record(drawn, row) for row in rows])
    if data.draw(st.booleans()):
        content = content.decode(drawn.encoding).replace("\n", "\r\n").encode(drawn.encoding)
        rows = [{**row, "word": row["word"] and row["word"].replace("\n", "\r\n")} for row in rows]
    assert list(plain_files.read(drawn, content)) == rows
    blocks = list(decode(drawn, io.BytesIO(content).read, stream="s", place="f", block_bytes=data.draw(st.integers(1, 400))))
    assert not [block.rejects for block in blocks if block.rejects is not None]
    assert [row for block in blocks for row in block.data.to_pylist()] == rows


@pytest.mark.parametrize("title", ["n", "a number", None])
@pytest.mark.parametrize("header", [0, 1, 2, 3])
def test_one_column_may_have_several_rows_of_names(header: int, title: str | None) -> None:
    one = Layout(name="one", form=Delimited(header=header), fields=(Field(name="n", type=pa.int64(), title=title),))
    content = plain_files.write(one, [plain_files.record(one, {"n": number}) for number in range(3)])
    rows = [{"n": number} for number in range(3)]
    assert list(plain_files.read(one, content)) == rows
    assert [r for b in decode(one, io.BytesIO(content).read, stream="s", place="f") for r in b.data.to_pylist()] == rows


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ({"negative": "parentheses", "marks": ("$",)}, "$(1.50)", "-1.50"),
        ({"negative": "parentheses", "marks": ("$",)}, "($ 1.50)", "-1.50"),
        ({"negative": "trailing", "marks": ("€",)}, "1.50- €", "-1.50"),
        ({"negative": "trailing", "marks": ("€",)}, "1.50 €-", "-1.50"),
        ({"marks": ("€",)}, "-€1.50", "-1.50"),
        ({"marks": ("€",)}, "€ 1.50", "1.50"),
        ({"marks": ("€",)}, "€", None),
        ({"marks": ("€",)}, "1 € 50", None),
        ({"negative": "parentheses"}, "(-1.50)", None),
    ],
)
def test_numbers_as_people_write_them_mean_the_same_to_both(field: Mapping[str, Any], text: str, value: str | None) -> None:
    one = Layout(
        name="n",
        form=Delimited(header=0),
        fields=(Field(name="id", type=pa.int64()), Field(name="n", type=pa.decimal128(9, 2), **field)),
    )
    content = f"1,{text}\n".encode()
    expected = [] if value is None else [{"id": 1, "n": Decimal(value)}]
    assert list(plain_files.read(one, content)) == expected
    assert [r for b in decode(one, io.BytesIO(content).read, stream="s", place="f") for r in b.data.to_pylist()] == expected


@pytest.mark.parametrize(("text", "hour"), [("2026-03-29 02:30", None), ("2026-10-25 02:30", 0), ("2026-07-01 02:30", 0)])
def test_clocks_that_skip_or_show_an_hour_twice_mean_the_same_to_both(text: str, hour: int | None) -> None:
    sent = Field(name="at", type=pa.timestamp("s", "UTC"), zone="Europe/Berlin", format=("%Y-%m-%d %H:%M",))
    one = Layout(name="n", form=Delimited(header=0), fields=(Field(name="id", type=pa.int64()), sent))
    content = f"1,{text}\n".encode()
    found = list(plain_files.read(one, content))
    assert [row["at"].hour for row in found] == ([] if hour is None else [hour])
    assert [r for b in decode(one, io.BytesIO(content).read, stream="s", place="f") for r in b.data.to_pylist()] == found
