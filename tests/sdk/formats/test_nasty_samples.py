"""Files as they come: each is decided right and read without a reject, or a person is asked; nothing is guessed in silence."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from connector_sdk.errors import ConfigError, DataError
from connector_sdk.formats.delimited import decode
from connector_sdk.formats.delimited_inference import infer
from connector_sdk.formats.layout import Layout
from connector_sdk.rejects import rejects_of
from connector_sdk.types import to_text
from hypothesis import given, settings
from hypothesis import strategies as st


@dataclass(frozen=True, kw_only=True)
class Nasty:
    """A sample, what must be decided about it, and the questions that must be asked: these, and no others."""

    name: str
    data: bytes
    types: str
    encoding: str = "utf-8"
    form: dict[str, object] = field(default_factory=dict)
    fields: dict[str, dict[str, object]] = field(default_factory=dict)
    asks: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    first: dict[str, object] | None = None
    rows: int | None = None


def text(*lines: str, encoding: str = "utf-8", end: str = "\n") -> bytes:
    return "".join(line + end for line in lines).encode(encoding)


NASTY = [
    Nasty(
        name="semicolon and decimal comma",
        data=text("id;preis", "1;1,50", "2;22,25"),
        types="int64 decimal(18,2)",
        form={"delimiter": ";"},
        fields={"preis": {"decimal": ",", "group": None}},
        first={"id": 1, "preis": "1.50"},
    ),
    Nasty(name="tab", data=text("id\tname, first", "1\ta,b", "2\tc"), types="int64 string", form={"delimiter": "\t"}),
    Nasty(name="pipe", data=text("id|t", "1|a;b", "2|c;d;e"), types="int64 string", form={"delimiter": "|"}),
    Nasty(
        name="two pipes",
        data=text("id||name||n", "1||a|b||2", "2||c||3", "3||||4"),
        types="int64 string int64",
        form={"delimiter": "||"},
        first={"id": 1, "name": "a|b", "n": 2},
    ),
    Nasty(
        name="tilde pipe tilde",
        data=text("id~|~name~|~n", "1~|~a~|~2", "2~|~c~|~3"),
        types="int64 string int64",
        form={"delimiter": "~|~"},
    ),
    Nasty(name="section sign", data=text("id§name§n", "1§a§2", "2§c§3"), types="int64 string int64", form={"delimiter": "§"}),
    Nasty(
        name="broken bar in cp1252",
        data=text("id¦größe¦n", "1¦a¦2", "2¦c¦3", encoding="cp1252"),
        encoding="cp1252",
        types="int64 string int64",
        form={"delimiter": "¦"},
    ),
    Nasty(
        name="start of heading",
        data=text("id\x01name\x01n", "1\x01a\x012"),
        types="int64 string int64",
        form={"delimiter": "\x01"},
    ),
    Nasty(
        name="escaped quotes",
        data=text("id,t", r'1,"a \"b\", c"', r'2,"d"'),
        types="int64 string",
        form={"escape": "\\"},
        first={"id": 1, "t": 'a "b", c'},
    ),
    Nasty(
        name="escaped delimiters without quotes",
        data=text("id,t,n", r"1,a\, b,5", "2,c,6"),
        types="int64 string int64",
        form={"escape": "\\"},
        first={"id": 1, "t": "a, b", "n": 5},
    ),
    Nasty(
        name="comment lines",
        data=text("# made by a program", "id,t", "1,a", "# a remark", "2,b"),
        types="int64 string",
        form={"comment": "#"},
        rows=2,
    ),
    Nasty(
        name="title before the header",
        data=text("Sales of 2024", "Confidential", "", "id;t;n", "1;a;5", "2;b;6"),
        types="int64 string int64",
        form={"skip": 2, "delimiter": ";"},
        tells=("before the records",),
        rows=2,
    ),
    Nasty(
        name="title in a spreadsheet's export",
        data=text("Sales of 2024;;", ";;", "id;t;n", "1;a;5", "2;b;6"),
        types="int64 string int64",
        form={"skip": 2, "delimiter": ";"},
    ),
    Nasty(
        name="the sep= line of Excel",
        data=b"\xef\xbb\xbf" + text("sep=;", "id;name", "1;a,b", "2;c,d", end="\r\n"),
        types="int64 string",
        form={"skip": 1, "delimiter": ";"},
        rows=2,
    ),
    Nasty(
        name="totals line",
        data=text("id;name;n", "1;a;5", "2;b;6", "3;c;7", "Total;;18"),
        types="int64 string int64",
        form={"footer": 1},
        asks=("the last line is left out, as no records: 'Total;;18'",),
        rows=3,
    ),
    Nasty(
        name="END",
        data=text("id;name;n", "1;a;5", "2;b;6", "3;c;7", "END"),
        types="int64 string int64",
        form={"footer": 1},
        tells=("'END'",),
        rows=3,
    ),
    Nasty(
        name="blank line and note",
        data=text("id,name,n", "1,a,5", "2,b,6", "", "Source: the other department"),
        types="int64 string int64",
        form={"footer": 2},
        rows=2,
    ),
    Nasty(
        name="two header rows, merged cells",
        data=text("id;2023;;2024;", ";sold;left;sold;left", "1;5;6;7;8", "2;5;6;7;9"),
        types="int64 int64 int64 int64 int64",
        form={"header": 2},
        fields={"2023 sold": {}, "2024 left": {}},
        rows=2,
    ),
    Nasty(
        name="a row of units below the header",
        data=text("id,weight,height", "no,kg,cm", "1,70.5,170", "2,80.0,180"),
        types="int64 decimal(18,1) int64",
        form={"header": 2},
        asks=("2 rows of words come before the first number",),
    ),
    Nasty(name="mixed line ends", data=b"id,t\r\n1,a\n2,b\r\n3,c\n", types="int64 string", rows=3),
    Nasty(
        name="ragged",
        data=text("id,t", "1,a", "2,b,c", "3,d", "4", *(f"{n},e" for n in range(5, 15))),
        types="int64 string",
        asks=("2 of 14 records do not fit: line 3",),
        rows=12,
    ),
    Nasty(name="no header", data=text("1,a,2.5", "2,b,3.5"), types="int64 string decimal(18,1)", form={"header": 0}, rows=2),
    Nasty(name="one column", data=text("n", "1", "", "3"), types="int64", rows=3),
    Nasty(name="quoted line ends", data=text("id,t", '1,"a', 'b"', "2,c"), types="int64 string", first={"id": 1, "t": "a\nb"}),
    Nasty(
        name="byte order mark", data=b"\xef\xbb\xbf" + text("id,t", "1,ä"), types="int64 string", fields={"id": {"title": None}}
    ),
    Nasty(
        name="UTF-16 with mark",
        data=b"\xff\xfe" + text("id,t", "1,ä", encoding="utf-16-le"),
        encoding="utf-16-le",
        types="int64 string",
    ),
    Nasty(
        name="UTF-16 without mark",
        data=text("id,t", "1,ä", "2,b", encoding="utf-16-le"),
        encoding="utf-16-le",
        types="int64 string",
        tells=("zero bytes",),
    ),
    Nasty(
        name="cp1252",
        data=text("id,größe", "1,5 €", "2,„6“", encoding="cp1252"),
        encoding="cp1252",
        types="int64 string",
        tells=("'größe' as cp1252",),
    ),
    Nasty(
        name="Cyrillic of Windows",
        data=text("id;город", "1;Москва", "2;Тула", encoding="cp1251"),
        encoding="cp1252",
        types="int64 string",
        asks=("stand in rows as in no western language",),
    ),
    Nasty(
        name="German of DOS",
        data=text("id;größe", "1;Müller", "2;Köln", "3;schön", encoding="cp850"),
        encoding="cp850",
        types="int64 string",
        asks=("they look like those of DOS (cp850)",),
    ),
    Nasty(
        name="EBCDIC",
        data="id,name,amount\x851,SMITH,10.50\x852,JONES,7.25\x85".encode("cp037"),
        encoding="cp037",
        types="int64 string decimal(18,2)",
        tells=("it is EBCDIC",),
        rows=2,
    ),
    Nasty(
        name="EBCDIC with a euro",
        data="id,name,amount\n1,SMITH,10.50€\n2,JONES,7.25€\n".encode("cp1140"),
        encoding="cp1140",
        types="int64 string decimal(18,2)",
        fields={"amount": {"marks": ("€",)}},
    ),
    Nasty(
        name="EBCDIC of Latin countries",
        data="id,name!\n1,A[0]\n2,B[1]\n".encode("cp500"),
        encoding="cp037",
        types="int64 string",
        asks=("it is EBCDIC",),
    ),
    Nasty(
        name="mixed encodings",
        data=text("id,t", "1,Müller", "2,Schön") + "3,Groß\n".encode("cp1252"),
        types="int64 string",
        asks=("1 bytes are not UTF-8", "1 of 3 records do not fit"),
        rows=2,
    ),
    Nasty(
        name="zero-padded ids",
        data=text("id,plz,n", "1,01067,5", "2,80331,6"),
        types="int64 string int64",
        first={"id": 1, "plz": "01067", "n": 5},
    ),
    Nasty(
        name="words for null",
        data=text("id,a,b,c,d", "1,N/A,NULL,-,#N/A", "2,5,6.5,7,2020-01-31"),
        types="int64 int64 decimal(18,1) int64 date",
        fields={"a": {"null": ("N/A",)}, "b": {"null": ("NULL",)}, "c": {"null": ("-",)}, "d": {"null": ("#N/A",)}},
        first={"id": 1, "a": None, "b": None, "c": None, "d": None},
    ),
    Nasty(
        name="Namibia",
        data=text("id,country", "1,NA", "2,DE"),
        types="int64 string",
        tells=("may mean null",),
        first={"id": 1, "country": "NA"},
    ),
    Nasty(
        name="NULL among names",
        data=text("id,name", "1,NULL", "2,Ann", "3,Bo"),
        types="int64 string",
        asks=("may mean null",),
    ),
    Nasty(
        name="day or month first",
        data=text("id,at", "1,1/2/2003", "2,2/1/2003"),
        types="int64 date",
        asks=("every value could be %d/%m/%Y or %m/%d/%Y",),
    ),
    Nasty(
        name="day first, since one says so",
        data=text("id,at", "1,1/2/2003", "2,31/1/2003"),
        types="int64 date",
        fields={"at": {"format": ("%d/%m/%Y",)}},
        first={"id": 1, "at": "2003-02-01"},
    ),
    Nasty(
        name="day first and month first",
        data=text("id,at", "1,31/1/2003", "2,1/31/2003"),
        types="int64 string",
        asks=("no notation understands both",),
    ),
    Nasty(
        name="dates in two formats",
        data=text("id,at", "1,2020-01-31", "2,28.02.2021", "3,2020-03-31"),
        types="int64 date",
        fields={"at": {"format": ("%Y-%m-%d", "%d.%m.%Y")}},
        tells=("written in 2 ways",),
        first={"id": 1, "at": "2020-01-31"},
    ),
    Nasty(
        name="days and moments",
        data=text("id,at", "1,31.01.2020", "2,28.02.2021 10:30"),
        types="int64 timestamp[us]",
        asks=("some values are days and others moments",),
        first={"id": 1, "at": "2020-01-31 00:00:00"},
    ),
    Nasty(
        name="offsets",
        data=text("id,at", "1,2020-01-31T10:00:00+02:00", "2,2020-01-31T10:00:00Z"),
        types="int64 timestamp[us, UTC]",
        first={"id": 1, "at": "2020-01-31 08:00:00+00:00"},
    ),
    Nasty(
        name="UTC behind the time",
        data=text("id,at", "1,2020-01-31 10:00:00 UTC", "2,2020-02-28 11:00:00 UTC"),
        types="int64 timestamp[us, UTC]",
        fields={"at": {"zone": "UTC"}},
        first={"id": 1, "at": "2020-01-31 10:00:00+00:00"},
    ),
    Nasty(
        name="a zone by its short name",
        data=text("id,at", "1,2020-01-31 10:00:00 CET", "2,2020-02-28 11:00:00 CET"),
        types="int64 timestamp[us]",
        asks=("every value ends with CET",),
    ),
    Nasty(
        name="two zones",
        data=text("id,at", "1,2020-01-31 10:00:00 CET", "2,2020-07-28 11:00:00 CEST"),
        types="int64 string",
        asks=("written in zones CEST, CET",),
    ),
    Nasty(
        name="1e400",
        data=text("id,n", "1,1e400", "2,2e3"),
        types="int64 string",
        asks=("beyond what a 64-bit float holds",),
        first={"id": 1, "n": "1e400"},
    ),
    Nasty(
        name="big whole numbers",
        data=text("id,n,m", f"1,9223372036854775808,{'1' * 40}", f"2,1,{'2' * 40}"),
        types="int64 decimal(38,0) string",
        tells=("too long for a number",),
        first={"id": 1, "n": "9223372036854775808", "m": "1" * 40},
    ),
    Nasty(
        name="percent",
        data=text("id;p", "1;12,5 %", "2;7,25 %"),
        types="int64 decimal(18,2)",
        fields={"p": {"marks": ("%",), "decimal": ","}},
        tells=("12% is read as 12",),
        first={"id": 1, "p": "12.50"},
    ),
    Nasty(
        name="euros",
        data=text("id;p", "1;€ 1.234,50", "2;0,99 €"),
        types="int64 decimal(18,2)",
        fields={"p": {"marks": ("€",), "decimal": ",", "group": "."}},
        first={"id": 1, "p": "1234.50"},
    ),
    Nasty(
        name="dollars and euros",
        data=text("id;p", "1;$5.00", "2;€6.00"),
        types="int64 string",
        asks=("without their mark they would not be the same",),
    ),
    Nasty(
        name="some with percent, some without",
        data=text("id;p", "1;5%", "2;6"),
        types="int64 int64",
        asks=("1 of 2 values have '%' and the others nothing",),
    ),
    Nasty(
        name="an accountant's negatives",
        data=text("id,p,q", '1,"$(1,234.50)",5.00-', '2,"$10.00",7.25'),
        types="int64 decimal(18,2) decimal(18,2)",
        fields={"p": {"negative": "parentheses"}, "q": {"negative": "trailing"}},
        first={"id": 1, "p": "-1234.50", "q": "-5.00"},
    ),
    Nasty(
        name="thousands marks of four countries",
        data=text("a\tb\tc\td", "1.234,56\t1,234.56\t1 234,56\t1'234.56", "1,5\t1.5\t1,5\t1.5"),
        types="decimal(18,2) decimal(18,2) decimal(18,2) decimal(18,2)",
        first=dict.fromkeys("abcd", "1234.56"),
    ),
    Nasty(
        name="one or one thousand",
        data=text("id|n", "1|1,234", "2|5,678"),
        types="int64 int64",
        asks=("every value could have",),
    ),
    Nasty(
        name="booleans in other languages",
        data=text("a,b,c,d,e,f,g", "ja,oui,sí,да,Y,J,T", "nein,non,no,нет,N,N,F"),
        types="bool bool bool bool bool bool bool",
        first=dict.fromkeys("abcdefg", True),
        rows=2,
    ),
    Nasty(
        name="X or nothing",
        data=text("id,done", "1,X", "2,", "3,X"),
        types="int64 bool",
        asks=("taken for a boolean",),
        first={"id": 1, "done": True},
    ),
    Nasty(
        name="only true",
        data=text("id,ok,ja", "1,true,J", "2,true,J"),
        types="int64 bool string",
        tells=("only 'true' is there", "only 'J' is there"),
    ),
    Nasty(
        name="an empty column",
        data=text("id,nothing", "1,", "2,"),
        types="int64 string",
        fields={"nothing": {"evidence": "always empty, 2 times"}},
    ),
    Nasty(
        name="names twice, none, and with blanks",
        data=text('id,,id," the name "', "1,2,3,4"),
        types="int64 int64 int64 int64",
        fields={"id_2": {"title": "id"}, "column_2": {"title": ""}, "the name": {}},
        tells=("without a name: column 2", "twice in the header: 'id'"),
        rows=1,
    ),
    Nasty(
        name="a day that was not",
        data=text("id,at", "1,2021-02-28", "2,2021-02-29", "3,2021-03-01"),
        types="int64 string",
        tells=("2 of 3 values are dates; the first that is none is '2021-02-29' (line 3)",),
    ),
    Nasty(
        name="zero dates",
        data=text("id,at", "1,2021-02-28", "2,0000-00-00"),
        types="int64 date",
        fields={"at": {"null": ("0000-00-00",)}},
    ),
    Nasty(
        name="a spreadsheet's errors",
        data=text("id;n", "1;#DIV/0!", "2;1,5", "3;#NV"),
        types="int64 decimal(18,1)",
        fields={"n": {"null": ("#DIV/0!", "#NV")}},
        asks=("errors of a spreadsheet",),
    ),
]

REAL = [
    Nasty(
        name="a bank's statement",
        data=text(
            '"Kontonummer:";"DE12 / Girokonto"',
            "",
            '"Von:";"01.01.2020"',
            '"Kontostand vom 31.01.2020:";"1.234,56 EUR"',
            "",
            '"Buchungstag";"Buchungstext";"Betrag (EUR)";"ID"',
            '"02.01.2020";"Lastschrift";"-12,34";"DE99"',
            '"03.01.2020";"Gutschrift";"1.000,00";""',
            encoding="cp1252",
        ),
        types="date string decimal(18,2) string",
        form={"delimiter": ";", "skip": 4},
        rows=2,
    ),
    Nasty(name="a delimiter at each line's end", data=text("id,name,", "1,a,", "2,b,"), types="int64 string string", rows=2),
    Nasty(
        name="a delimiter at the end of all lines but the header",
        data=text("id,name", "1,a,", "2,b,"),
        types="int64 string string",
        asks=("line 1 has 2 values, the records 3",),
    ),
    Nasty(name="years as names", data=text("land;2019;2020", "DE;1;2", "FR;4;5"), types="string int64 int64", form={"header": 1}),
    Nasty(
        name="two files in one",
        data=text("id,n", "1,2", "2,3", "id,n", "3,4"),
        types="string string",
        asks=("the header's words come again",),
    ),
    Nasty(
        name="sentences with commas",
        data=text("a line, with a comma", "another one", "a, b, and c"),
        types="string",
        asks=("no delimiter cuts the lines alike", "every field is text"),
    ),
    Nasty(
        name="a header behind the mark of comments",
        data=text("#id\tname\tn", "1\ta\t2", "2\tb\t3"),
        types="int64 string int64",
        form={"comment": None, "header": 1},
        fields={"id": {"title": "#id"}},
    ),
    Nasty(
        name="a quote in the header that never closes",
        data=text('id,size "inch,"n', "1,5,a", "2,6,b"),
        types="int64 int64 string",
        asks=("never closed",),
    ),
    Nasty(
        name="two notations of numbers",
        data=text("id;p", "1;1.234,56", "2;1,234.56"),
        types="int64 string",
        asks=("in notations that contradict each other",),
    ),
    Nasty(
        name="American times",
        data=text("id,at", "1,1/2/2003 3:04 PM", "2,12/31/2003 11:04 AM"),
        types="int64 timestamp[us]",
        first={"id": 1, "at": "2003-01-02 15:04:00"},
    ),
]


@pytest.mark.parametrize("nasty", [*NASTY, *REAL], ids=lambda nasty: nasty.name)
def test_it_is_decided_right_or_asked_about(nasty: Nasty) -> None:
    found = infer(nasty.data, name="s")
    layout = found.layout
    told = "\n".join(f"{f.level} {f.field}: {f.message}" for f in found.findings)
    assert " ".join(to_text(field.type).replace(", ", "~") for field in layout.fields) == nasty.types.replace(", ", "~"), told
    assert layout.encoding == nasty.encoding
    for name, value in nasty.form.items():
        assert getattr(layout.delimited, name) == value, (name, layout.delimited)
    by_name = {field.name: field for field in layout.fields}
    for name, wanted in nasty.fields.items():
        for attribute, value in wanted.items():
            assert getattr(by_name[name], attribute) == value
    questions = [f.message for f in found.findings if f.level == "question"]
    assert len(questions) == len(nasty.asks), told
    assert all(any(ask in question for question in questions) for ask in nasty.asks), told
    notes = [f.message for f in found.findings if f.level == "note"]
    assert all(any(tell in note for note in notes) for tell in nasty.tells), told
    assert Layout.from_yaml(layout.to_yaml()) == layout
    blocks = list(decode(layout, io.BytesIO(nasty.data).read, stream="s", place="s"))
    rejects = [str(r) for block in blocks if block.rejects is not None for r in rejects_of(block.rejects)]
    assert not rejects or any("do not fit" in ask for ask in nasty.asks), rejects
    rows = pa.Table.from_batches([block.data for block in blocks]).to_pylist()
    assert len(rows) == found.rows
    assert nasty.rows is None or found.rows == nasty.rows
    if nasty.first is not None:
        assert {name: _plain(value) for name, value in rows[0].items()} == {n: _plain(v) for n, v in nasty.first.items()}


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int) else str(value)


def _zipped(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return target.getvalue()


def _parquet() -> bytes:
    target = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"a": [1]}), target)
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (_zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook (.xlsx)"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "a PDF"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a PNG picture"),
        (_parquet(), "a Parquet file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "an old Excel workbook (.xls)"),
        (b"<!DOCTYPE html>\n<html><body>Log in</body></html>", "a page of HTML"),
        (b'{"id": 1, "name": "a"}\n{"id": 2, "name": "b"}\n', "JSON"),
        (bytes(range(256)) * 40, "binary"),
    ],
    ids=["xlsx", "pdf", "png", "parquet", "xls", "html", "json", "bytes"],
)
def test_a_file_that_is_no_text_is_called_what_it_is(data: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        infer(path, name="orders")
    assert what in caught.value.message
    assert "orders.csv" in caught.value.message
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_plain_text_that_is_called_gz_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(b"id,n\n1,2\n")
    with pytest.raises(DataError, match="is called gzip, and is none"):
        infer(path, name="orders")


LATER = [
    ("a word among numbers", "id,n\n1,5\n2,6\n", "id,n\n1,5\n2,six\n3,7\n", "'six' is no int64"),
    (
        "the other order of day and month",
        "id,at\n1,31/01/2020\n",
        "id,at\n1,01/31/2020\n2,01/02/2020\n",
        "is no date as %d/%m/%Y",
    ),
    ("a point for a comma", "id;n\n1;1,5\n", "id;n\n1;1.5\n2;2,5\n", "is no decimal"),
    ("another currency", "id;n\n1;5 €\n", "id;n\n1;5 $\n2;6 €\n", "is no int64"),
    ("a word for null", "id,n\n1,5\n2,NULL\n", "id,n\n1,N/A\n2,NULL\n", "'N/A' is no int64"),
    ("another boolean", "id,ok\n1,ja\n2,nein\n", "id,ok\n1,oui\n2,ja\n", "'oui' is no bool"),
    ("too large", "id,n\n1,5\n", "id,n\n1,1e400\n2,7\n", "is no int64"),
    ("another width", "id,n\n1,5\n", "id,n\n1,5,6\n2,7\n", "3 values, 2 expected"),
]


@pytest.mark.parametrize(("sample", "later", "reason"), [case[1:] for case in LATER], ids=[case[0] for case in LATER])
def test_a_sample_that_is_contradicted_later_gives_rejects(sample: str, later: str, reason: str) -> None:
    layout = infer(sample.encode(), name="s").layout
    blocks = list(decode(layout, io.BytesIO(later.encode()).read, stream="s", place="later.csv"))
    rejects = [reject for block in blocks if block.rejects is not None for reject in rejects_of(block.rejects)]
    assert len(rejects) == 1
    assert reason in rejects[0].reason
    assert rejects[0].line is not None
    assert sum(block.data.num_rows for block in blocks) == later.count("\n") - 2


def test_there_are_at_least_thirty_of_them() -> None:
    assert len({nasty.name for nasty in [*NASTY, *REAL]}) == len(NASTY) + len(REAL) >= 30


PIECES = [
    *"120a,;|\t\"'\\ #.-/€é%~()e+", "\n", "\n", "\r\n", "\r", "||", "§", "\x01", "N/A", "2020-01-31", "1/2/2003", "true", "ja",
    "12:30", "sep=", "\u2028", "\x85", "Total",
]  # fmt: skip
some_text = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
some_bytes = st.binary(max_size=60) | st.builds(
    lambda text, encoding: text.encode(encoding, "replace"),
    some_text,
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "cp037"]),
)


@settings(max_examples=100, deadline=None)
@given(data=some_bytes)
def test_what_is_decided_reads_the_sample_or_a_person_is_asked(data: bytes) -> None:
    try:
        found = infer(data, name="s")
    except (ConfigError, DataError):
        return
    blocks = list(decode(found.layout, io.BytesIO(data).read, stream="s", place="s"))
    rejects = sum(block.rejects.num_rows for block in blocks if block.rejects is not None)
    if not any("do not fit" in finding.message for finding in found.findings):
        assert rejects == 0
        assert sum(block.data.num_rows for block in blocks) == found.rows
