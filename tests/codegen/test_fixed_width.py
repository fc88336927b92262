"""Layout tables as people keep them: many names for a column, many words for a type, and a line for everything that is wrong."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from connector_codegen.generate import understand
from connector_codegen.readers.fixed_width.words import fill_of, kind_of, pattern_of, sign_of
from connector_sdk.errors import ConfigError
from connector_sdk.formats.fixed_width import Encoder
from connector_sdk.formats.layout import Layout, Place

from tests.codegen.test_generate import run

ROWS = [
    ["name", "start", "length", "type", "decimals", "sign", "description"],
    ["id", 1, 9, "N", None, None, "who it is"],
    ["amount", 10, 12, "N", 2, "trailing overpunch", None],
    ["FILLER", 22, 3, None, None, None, None],
    ["name", 25, 20, "X", None, None, "as the customer writes it"],
]


def layout(path: Path) -> Layout:
    interface, _ = understand(str(path))
    assert interface.source.reader == "fixed_width"
    (stream,) = interface.streams
    assert stream.layout is not None
    return stream.layout


def places(found: Layout) -> dict[str, tuple[int, int]]:
    return {field.name: (field.place.start, field.place.length) for field in found.fields if field.place}


def workbook(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "About"
    sheet.append(["Layout of the nightly file, version 3"])
    table = book.create_sheet("Fields")
    table.append(["kept by", "Ada"])
    for row in ROWS:
        table.append(row)
    book.save(path)


def comma(path: Path) -> None:
    path.write_text("\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in ROWS))


def semicolons(path: Path) -> None:
    titles = "Feldname;Von;Bis;Datentyp;Dezimal;Sign;Beschreibung"
    rows = [f"{r[0]};{r[1]};{r[1] + r[2] - 1};{r[3] or ''};{r[4] or ''};{r[5] or ''};{r[6] or ''}" for r in ROWS[1:]]
    path.write_bytes("\n".join(["Satzbeschreibung täglich", titles, *rows]).encode("cp1252"))


def ranges(path: Path) -> None:
    rows = [f"{r[0]}\t{r[1]}-{r[1] + r[2] - 1}\t{r[2]}\t{r[3] or ''}\t{r[4] or ''}\t{r[5] or ''}\t{r[6] or ''}" for r in ROWS[1:]]
    path.write_text("\n".join(["Field Name\tPositions\tSize\tType\tImplied Decimals\tSign\tRemarks", *rows]))


def yaml(path: Path) -> None:
    rows = [
        "- {" + ", ".join(f"{name}: {cell}" for name, cell in zip(ROWS[0], row, strict=True) if cell is not None) + "}"
        for row in ROWS[1:]
    ]
    path.write_text("\n".join(["name: nightly", "encoding: cp037", "framing: none", "fields:", *rows]))


@pytest.mark.parametrize(
    ("name", "make"),
    [("a.csv", comma), ("a.csv", semicolons), ("a.tsv", ranges), ("a.xlsx", workbook), ("a.yaml", yaml)],
    ids=["csv", "german", "ranges", "xlsx", "yaml"],
)
def test_a_table_is_the_same_layout_in_whatever_file(name: str, make: Any, tmp_path: Path) -> None:
    make(tmp_path / name)
    found = layout(tmp_path / name)
    assert places(found) == {"id": (1, 9), "amount": (10, 12), "name": (25, 20)}
    assert [str(field.type) for field in found.fields] == ["int64", "decimal128(12, 2)", "string"]
    assert found.fields[1].place == Place(start=10, length=12, scale=2, sign="overpunch")
    assert found.fields[0].doc == "who it is"
    assert found.fixed_width.length == 44
    if name == "a.yaml":
        assert (found.name, found.encoding, found.fixed_width.framing) == ("nightly", "cp037", "none")


def test_a_table_without_starts_goes_on_where_the_last_field_ended(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("field,len,picture\na,4,9(4)\nFILLER,2,XX\nb,10,X(10)\n")
    assert places(layout(path)) == {"a": (1, 4), "b": (7, 10)}


def test_offsets_count_from_zero(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("field,offset,length\na,0,4\nb,4,10\n")
    assert places(layout(path)) == {"a": (1, 4), "b": (5, 10)}


@pytest.mark.parametrize(
    ("rows", "line", "told"),
    [
        ("a,1,4\nb,4,2", 3, "b (4 to 5) overlaps a (1 to 4)"),
        ("a,1,x", 2, "a: length is 'x', and a number was expected"),
        ("a,1,", 2, "a has neither length nor end"),
        ("a,1,4\na,5,2", 3, "a is there already, at line 2"),
        ('"a\\b",1,4', 2, "cannot be the name of a field"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(rows: str, line: int, told: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"name,start,length\n{rows}\n")
    with pytest.raises(ConfigError) as caught:
        understand(str(path))
    assert f"a.csv:{line}" in caught.value.message
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("d,1,7,date,,,", "how is the date32[day] written in 7 bytes?"),
        ("d,1,3,flag,,,", "which words say true and false?"),
        ("d,1,5,COMP-3,,,", "'COMP-3' is not written in characters"),
        ("d,1,5,wibble,,,", "wibble"),
        ("d,1,5,N,,sideways,", "the sign 'sideways' is not understood"),
        ("d,1,5,N,,,lots", "the padding 'lots' is not understood"),
    ],
)
def test_cells_that_mean_nothing_are_told(row: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"name,start,length,type,format,sign,padding\n{row}\n")
    with pytest.raises(ConfigError) as caught:
        understand(str(path))
    assert told in caught.value.message
    assert "a.csv:2" in caught.value.message


def test_gaps_are_noted_and_what_was_guessed_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('name,start,length,type\na,3,2,N\nd,8,8,date\np,16,9,"N(9,2)"\n')
    _, problems = understand(str(path))
    notes = [problem.what for problem in problems if problem.level == "note"]
    assert notes == ["bytes 1 to 2 belong to no field", "bytes 5 to 7, before d, belong to no field"]
    asked = [(problem.where, problem.what) for problem in problems if problem.level == "question"]
    assert asked == [
        ("a.d", "it is written as %Y%m%d, it seems: line 3 does not say"),
        ("a.p", "its decimal point is not written, it seems: line 4 does not say"),
        ("a", "the records are taken for lines of UTF-8 text: the table does not say"),
    ]


def test_a_sample_that_only_looks_like_a_table_is_none(tmp_path: Path) -> None:
    path = tmp_path / "runways.csv"
    path.write_text("name,length,width\nA,100,20\nB,200,30\n")
    assert understand(str(path))[0].source.reader == "delimited"


@pytest.mark.parametrize(
    ("word", "length", "decimals", "type_", "scale", "sign"),
    [
        ("X(10)", 10, None, "string", None, None),
        ("9(7)V99", 9, None, "decimal128(9, 2)", 2, "none"),
        ("S9(7)V99", 9, None, "decimal128(9, 2)", 2, "overpunch"),
        ("S9(7)V99", 10, None, "decimal128(9, 2)", 2, "trailing"),
        ("PIC S999", 3, None, "int64", None, "overpunch"),
        ("NUMERIC(9,2)", 9, None, "decimal128(9, 2)", 2, None),
        ("char(20)", 20, None, "string", None, None),
        ("num", 20, None, "decimal128(20, 0)", None, None),
        ("", 9, 2, "decimal128(9, 2)", 2, None),
        ("decimal(9,2)", 10, None, "decimal128(9, 2)", None, None),
        ("timestamp[s]", 14, None, "timestamp[s]", None, None),
        ("binary", 4, None, "binary", None, None),
    ],
)
def test_types_in_many_words(
    word: str, length: int, decimals: int | None, type_: str, scale: int | None, sign: str | None
) -> None:
    found = kind_of(word, length, decimals)
    assert (str(found.type), found.scale, found.sign) == (type_, scale, sign)


@pytest.mark.parametrize(
    ("mask", "pattern"),
    [
        ("YYYYMMDD", "%Y%m%d"), ("CCYYMMDD", "%Y%m%d"), ("DD.MM.YY", "%d.%m.%y"), ("YYDDD", "%y%j"), ("CCYYDDD", "%Y%j"),
        ("TT.MM.JJJJ", "%d.%m.%Y"), ("YYYY-MM-DD-HH.MI.SS.FFFFFF", "%Y-%m-%d-%H.%M.%S.%f"), ("YYYYMMDDHHMMSS", "%Y%m%d%H%M%S"),
        ("yyyy-mm-ddThh:mm:ss", "%Y-%m-%dT%H:%M:%S"), ("DD-MON-YYYY", "%d-%b-%Y"), ("%d/%m/%Y", "%d/%m/%Y"), ("weekly", None),
    ],
)  # fmt: skip
def test_date_masks(mask: str, pattern: str | None) -> None:
    assert pattern_of(mask, pa.date32(), 8) == pattern


def test_signs_and_padding_in_many_words() -> None:
    signs = {
        "overpunch": "overpunch",
        "Leading Separate": "leading",
        "trailing": "trailing",
        "zoned": "overpunch",
        "unsigned": "none",
    }
    assert {word: sign_of(word) for word in signs} == signs
    assert fill_of("left zero") == ("0", "right")
    assert fill_of("blanks") == (" ", None)
    assert fill_of("*") == ("*", None)


def test_a_package_from_a_table_reads_and_writes_such_files(tmp_path: Path) -> None:
    comma(tmp_path / "accounts.csv")
    run("new", "bank", "--from", tmp_path / "accounts.csv", "--out", tmp_path)
    made = tmp_path / "connector-bank" / "connector_bank"
    assert '"accounts": "accounts*.txt",' in (made / "connector.py").read_text()
    described = Layout.from_yaml((made / "source" / "accounts.layout.yaml").read_text())
    rows = pa.RecordBatch.from_pylist([{"id": 7, "amount": None, "name": "Ada"}], schema=described.schema)
    out = io.BytesIO()
    encoder = Encoder(described, out)
    encoder.write(rows)
    encoder.close()
    assert out.getvalue() == b"000000007" + b" " * 15 + b"Ada".ljust(20) + b"\n"


def test_a_field_that_moved_is_a_loss_in_a_diff(tmp_path: Path) -> None:
    old, new = tmp_path / "old" / "a.csv", tmp_path / "new" / "a.csv"
    old.parent.mkdir()
    new.parent.mkdir()
    comma(old)
    new.write_text(old.read_text().replace("name,25,20", "name,24,21").replace("FILLER,22,3", "FILLER,22,2"))
    told = run("diff", old, new, code=5).output
    assert "place start 25 length 20 → start 24 length 21" in told


def test_two_types_of_records_that_nothing_tells_apart_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("record,field,length,value\ndetail,kind,1,D\ndetail,id,5,\nfee,kind,1,D\nfee,id,5,\n")
    with pytest.raises(ConfigError, match="a.csv: no record is a 'fee' by 'D' at 1: each of them is a 'detail' by 'D' at 1"):
        understand(str(path))
