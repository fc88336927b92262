"""Several types of records in one table: a name for each, in its first row, in merged cells, or as the name of its sheet."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from connector_codegen.generate import understand
from connector_codegen.model import Interface
from connector_codegen.problems import Problem
from connector_sdk.errors import ConfigError

TITLES = ["Field", "Start", "Length", "Type", "Value"]
HEADER = [["kind", 1, 1, "X", "H"], ["day", 2, 8, "X", None]]
DETAIL = [["kind", 1, 1, "X", "D"], ["id", 2, 9, "N", None], ["name", 11, 20, "X", None]]


def workbook(path: Path, **sheets: list[list[object]]) -> str:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return str(path)


def records(found: Interface) -> dict[str, list[str]]:
    form = found.streams[0].layout.fixed_width  # type: ignore[union-attr]
    return {record.name: [field.name for field in record.fields] for record in form.records}


def notes(problems: list[Problem]) -> list[str]:
    return [f"{Path(problem.where).name}: {problem.what}" for problem in problems if problem.level == "note"]


def test_each_sheet_with_a_table_is_a_record_and_the_others_are_named(tmp_path: Path) -> None:
    about: list[list[object]] = [["Layout of the nightly file"], ["Version", 3]]
    sheets = {"About": about, "header": [TITLES, *HEADER], "detail": [["of the day"], TITLES, *DETAIL], "Empty": []}
    found, problems = understand(workbook(tmp_path / "bank.xlsx", **sheets))
    assert records(found) == {"header": ["kind", "day"], "detail": ["kind", "id", "name"]}
    assert notes(problems)[0] == "bank.xlsx:About: is left out: the sheet is no layout table"
    assert len(notes(problems)) == 1


def test_sheets_with_a_column_for_the_record_keep_its_names(tmp_path: Path) -> None:
    named = [["Record", *TITLES], *[["head", *row] for row in HEADER]]
    found, _ = understand(workbook(tmp_path / "bank.xlsx", header=named, detail=[TITLES, *DETAIL]))
    assert list(records(found)) == ["head", "detail"]


def test_sheets_that_nothing_tells_apart_are_an_error(tmp_path: Path) -> None:
    sheets = {name: [TITLES[:4], *[row[:4] for row in DETAIL]] for name in ("one", "two")}
    with pytest.raises(ConfigError, match="bank.xlsx: records one, two: only one may be without `when`"):
        understand(workbook(tmp_path / "bank.xlsx", **sheets))


def test_a_single_sheet_gives_its_name_to_nothing(tmp_path: Path) -> None:
    found, _ = understand(workbook(tmp_path / "bank.xlsx", Sheet1=[TITLES[:4], *[row[:4] for row in DETAIL]]))
    assert found.streams[0].name == "bank"
    assert records(found) == {}


@pytest.mark.parametrize("titled", [False, True], ids=["in the first row", "in a row of its own"])
def test_a_row_without_a_record_belongs_to_the_one_above(titled: bool, tmp_path: Path) -> None:
    rows: list[list[object]] = [["Record", *TITLES]]
    for name, fields in (("header", HEADER), ("detail", DETAIL)):
        rows += [[name]] if titled else []
        rows += [[None if titled or number else name, *row] for number, row in enumerate(fields)]
    found, problems = understand(workbook(tmp_path / "bank.xlsx", Fields=rows))
    assert records(found) == {"header": ["kind", "day"], "detail": ["kind", "id", "name"]}
    line, count = (3, 5) if titled else (3, 3)
    assert notes(problems) == [f"bank.xlsx:Fields:{line}: {count} rows name no record: they belong to the one above"]


def test_merged_cells_are_one_record(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [["Record", *TITLES], *[["header", *row] for row in HEADER], *[["detail", *row] for row in DETAIL]]:
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    sheet.merge_cells("A4:A6")
    book.save(tmp_path / "bank.xlsx")
    found, _ = understand(str(tmp_path / "bank.xlsx"))
    assert records(found) == {"header": ["kind", "day"], "detail": ["kind", "id", "name"]}


def test_a_row_above_the_first_record_belongs_to_none(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("record,field,length,value\n,kind,1,H\nheader,day,8,\n")
    with pytest.raises(ConfigError, match=r"a\.csv:2: kind belongs to no record: none is named in this row or above it"):
        understand(str(path))


@pytest.mark.parametrize("rows", ["", "header,,,\n"])
def test_a_table_without_a_field_says_so(rows: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"record,field,length,value\n{rows}")
    with pytest.raises(ConfigError, match=r"a\.csv: has no rows below its head"):
        understand(str(path))


def test_a_yaml_table_is_the_text_that_stands_there(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "length: 040\nframing: lines\ntrimmed: no\nfields:\n"
        "- {name: on, length: 010, type: X, key: yes}\n- {name: no, start: 011, length: 1_0}\n- {name: 2024-01-31, length: 2}\n"
    )
    with pytest.raises(ConfigError, match=r"a\.yaml:6: no: length is '1_0', and a number was expected"):
        understand(str(path))
    path.write_text(path.read_text().replace("1_0", "10"))
    layout = understand(str(path))[0].streams[0].layout
    assert layout is not None
    assert [(field.name, field.place.start, field.place.length) for field in layout.fields if field.place] == [
        ("on", 1, 10), ("no", 11, 10), ("2024-01-31", 21, 2)
    ]  # fmt: skip
    assert (layout.fixed_width.length, layout.fixed_width.trimmed, layout.keys) == (40, False, ("on",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {name: a, start: 1, pos: 2, length: 3}", "line 1: two keys mean start"),
        ("length: lots\nfields: [{name: a, start: 1, length: 3}]", "the length of a record is 'lots', and a number was expected"),
        ("length: ²\nfields: [{name: a, start: 1, length: 3}]", "the length of a record is '²', and a number was expected"),
        ("- {name: a, start: 1, length: 3}\n- b", "line 2: the keys and values of a field were expected"),
        ("- {name: a, start: 1, length: 3}\n- {name: b, <<: 3}", "line 2: expected a mapping"),
        ("trimmed: lots\nfields: [{name: a, start: 1, length: 3}]", "trimmed is 'lots', and yes or no was expected"),
        ("- {name: a, start: 1, length: {b: 3}}", "line 1: a word or a number was expected"),
        ("- {name: a, name: b, start: 1, length: 3}", "line 1: the key 'name' is there twice"),
    ],
)
def test_what_is_wrong_in_yaml_is_told(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        understand(str(path), reader="fixed_width")
    assert told in caught.value.message
    assert "a.yaml" in caught.value.message


def test_a_row_that_is_wrong_does_not_hide_the_table(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("- {name: a, start: 1, length: 3}\n- {name: b, name: c, length: 3}\n")
    with pytest.raises(ConfigError, match=r"a\.yaml: line 2: the key 'name' is there twice"):
        understand(str(path))
