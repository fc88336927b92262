"""Where records begin and end is decided as the reader will cut them; a line that could be a record is never lost in silence."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from connector_sdk.formats.delimited import decode
from connector_sdk.formats.delimited.reading import decode_record
from connector_sdk.formats.delimited_inference import Inference, infer
from connector_sdk.formats.layout import Layout
from connector_sdk.rejects import Reject, rejects_of


def look(*lines: str) -> Inference:
    return infer("".join(line + "\n" for line in lines).encode(), name="s")


def asked(found: Inference) -> str:
    return "\n".join(finding.message for finding in found.findings if finding.level == "question")


def read(layout: Layout, *lines: str, columns: list[str] | None = None) -> tuple[list[dict[str, object]], list[Reject]]:
    data = io.BytesIO("".join(line + "\n" for line in lines).encode())
    blocks = list(decode(layout, data.read, stream="s", place="s", columns=columns))
    rejects = [reject for block in blocks if block.rejects is not None for reject in rejects_of(block.rejects)]
    return pa.Table.from_batches([block.data for block in blocks]).to_pylist(), rejects


def many(start: int, stop: int) -> list[str]:
    return [f"{n};name;{n % 7}" for n in range(start, stop)]


# --- quotes that are never closed


@pytest.mark.parametrize(
    "lines",
    [
        ["id;name;x", *many(0, 40), '40;"oops;1', *many(41, 300)],
        ["id;name;x", *many(0, 101), '101;"oops;1', *many(102, 104)],
        ["id;name;x", *many(0, 40), '40;"oops;1', *many(41, 60), '60;"good";5', *many(61, 90)],
        ["id;name;x", *many(0, 40), '40;"oops;1'],
        ["id;name;x", '0;"oops;1', *many(1, 4)],
    ],
    ids=["in the middle", "near the end", "before a good one", "at the end", "first"],
)
def test_a_quote_that_is_never_closed_costs_one_record(lines: list[str]) -> None:
    found = look(*lines)
    assert found.layout.delimited.footer == 0
    assert found.rows == len(lines) - 2
    assert f"1 of {len(lines) - 1} records do not fit" in asked(found)
    assert [reject.code for reject in read(found.layout, *lines)[1]] == ["quote"]


def test_a_quote_that_is_never_closed_in_a_large_file() -> None:
    lines = ["id;name;x", *many(0, 40), '40;"oops;1', *many(41, 150_000)]
    found = look(*lines)
    assert (found.layout.delimited.delimiter, found.layout.delimited.footer, found.rows) == (";", 0, 149_999)


@pytest.mark.parametrize(
    "lines",
    [
        ["id;name", '1;"a', "2;b", '3;c"', "4;d"],
        ["id;name;x", *many(0, 40), '40;"oops;1', *many(41, 50), '50;inch";1', *many(51, 60)],
        ["name;city;x;y", "a;b;c;d", 'e;"f;g;h', 'i;j";k;l', "m;n;o;p"],
    ],
)
def test_a_value_that_swallows_records_is_asked_about(lines: list[str]) -> None:
    assert "1 quoted values hold whole records, as " in asked(look(*lines))


def test_a_text_of_several_lines_is_a_value() -> None:
    found = look("id,text", '1,"Dear Ann,', "how are you, and you", 'Bob"', '2,"b, c"', '3,"d', 'e, f"')
    assert (found.rows, asked(found)) == (3, "")


# --- what follows the last record


@pytest.mark.parametrize("last", ["xyz", "n/a"])
def test_a_last_line_that_may_be_a_broken_record_is_asked_about(last: str) -> None:
    assert f"the last line is left out, as no records: '{last}'; it may be a broken record" in asked(
        look("id;name;x", *many(0, 100), last)
    )


def test_a_broken_record_behind_an_empty_line_is_asked_about() -> None:
    assert "'bob;6'; it may be a broken record" in asked(look("name;n;x", "ann;5;1", "cy;6;2", "", "bob;6"))
    assert asked(look("name;n;x", "ann;5;1", "cy;6;2", "", "Source: the other office")) == ""


def test_a_broken_record_above_a_total_is_asked_about() -> None:
    found = look("id;name;x", *many(0, 100), "100;x", "Total: 101")
    assert "'100;x' among them may be a broken record" in asked(found)


def test_a_total_as_wide_as_the_records_is_asked_about_and_kept() -> None:
    found = look("Region;Q1;Q2", "North;1;2", "South;3;4", "Sum;4;6")
    assert "the last record looks like a total: 'Sum;4;6'; it was kept" in asked(found)
    assert found.rows == 3


@pytest.mark.parametrize("last", ["END", "3 records", "Total: 3", "Trailer;3"])
def test_an_ending_that_says_what_it_is_needs_no_question(last: str) -> None:
    found = look("id;name;x", *many(0, 3), last)
    assert (found.layout.delimited.footer, found.rows, asked(found)) == (1, 3, "")


@pytest.mark.parametrize("columns", [None, ["name"]])
def test_a_file_that_comes_without_its_footer_loses_no_record(columns: list[str] | None) -> None:
    layout = look("id;name;x", *many(0, 3), "END").layout
    rows, rejects = read(layout, "id;name;x", *many(0, 3), columns=columns)
    assert len(rows) == 2
    assert [(reject.code, reject.line, reject.raw) for reject in rejects] == [("footer", 4, b"2;name;2")]
    again = decode_record(layout, rejects[0].raw, stream="s")
    assert again.data.to_pylist() == [{"id": 2, "name": "name", "x": 2}]


def test_nothing_tells_a_footer_from_a_record_of_nothing_but_text_which_is_said() -> None:
    found = look("name;city;code", "Ann;Rome;A", "Bob;Oslo;B", "END")
    assert any("a later file without the footer would lose its last record" in finding.message for finding in found.findings)


@pytest.mark.parametrize("last", ["END", "Total;;18", ";;18", "", "x;y;z"])
def test_a_footer_is_no_record_whatever_is_in_it(last: str) -> None:
    layout = look("id;name;x", *many(0, 3), "END").layout
    rows, rejects = read(layout, "id;name;x", *many(0, 3), last)
    assert (len(rows), rejects) == (3, [])


# --- what begins with a mark


def test_a_title_behind_a_mark_makes_no_later_record_a_comment() -> None:
    lines = ["# menu of 2024", "dish,size,price", "Salad,3,4.50", *["Soup,2,3.50"] * 600, "#1 Pizza,3,4.50"]
    found = look(*lines)
    assert (found.layout.delimited.comment, found.layout.delimited.skip) == (None, 1)
    assert found.rows == 602
    assert asked(found) == ""


def test_a_record_behind_the_mark_of_comments_is_none_and_is_asked_about() -> None:
    lines = ["dish,size,price", "Salad,3,4.50", "# from here on it is hot", *["Soup,2,3.50"] * 600, "#1 Pizza,3,4.50"]
    found = look(*lines)
    assert found.layout.delimited.comment is None
    assert "1 lines that begin with '#' are as wide as the records, as '#1 Pizza,3,4.50' is: no line is a comment" in asked(found)
    assert found.rows == 602
    assert "1 of 603 records do not fit: line 3" in asked(found)


def test_a_quoted_mark_is_no_comment_and_speaks_against_none() -> None:
    found = look("dish,size,price", "Salad,3,4.50", "# from here on it is hot", '"#1 Pizza",2,3.50', "Soup,2,3.50")
    assert (found.layout.delimited.comment, found.rows, asked(found)) == ("#", 3, "")


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        (["#1 Pizza,3,4.50", "Soup,2,3.50", "Salad,2,3.50"], 3),
        (["# in euros, net,", "dish,size,price", "Soup,2,3.50", "Salad,2,3.50"], 2),
        (["# words", "word", "one", "two"], 2),
        (["# in euros, net,", "dish,size,price", "Soup,2,3.50", "# warm", "Salad,2,3.50"], 2),
    ],
    ids=["a record", "a title", "one field", "a title and a comment"],
)
def test_a_first_line_as_wide_as_the_records_is_one_or_is_asked_about(lines: list[str], rows: int) -> None:
    found = look(*lines)
    assert found.rows == rows
    assert rows == len(lines) or "begins with '#'" in asked(found)


# --- titles, and how many fields there are


@pytest.mark.parametrize("first", ["1,5", "-1,5"])
def test_a_name_that_may_be_that_of_one_field_is_asked_about(first: str) -> None:
    found = look("amount", first, "2,5", "3,75")
    assert "line 1 has 1 value, the records 2: it was taken for a title, and no header" in asked(found)
    assert f"{first!r} was read as two fields; with a decimal comma it would be one" in asked(found)


# --- backslashes


@pytest.mark.parametrize(
    "lines",
    [
        ["id,path,n", r'1,"C:\temp\new\",5', r'2,"D:\data",6', r"3,E:\x,7"],
        ["id,path,n", r"1,C:\temp\new,5", r"2,5\" wide,6", r"3,E:\x,7"],
        ["id;path;n", r"1;C:\;5", r"2;D:\;6", r"3;\\server\share;7"],
    ],
)
def test_backslashes_of_paths_are_kept(lines: list[str]) -> None:
    found = look(*lines)
    assert (found.layout.delimited.escape, asked(found)) == (None, "")
    assert read(found.layout, *lines)[0][0]["path"] in ("C:\\temp\\new\\", "C:\\temp\\new", "C:\\")


def test_backslashes_beside_escaped_quotes_are_asked_about() -> None:
    found = look("id,path,n", r'1,"say \"a\", then",5', *[r'2,"b",6'] * 600, r'3,"C:\temp\new",7')
    assert found.layout.delimited.escape == "\\"
    assert r"\ is an escape, since more records fit with it, and stands 2 times before characters that need none" in asked(found)


# --- delimiters of several characters


@pytest.mark.parametrize("delimiter", ["~|~", "|~|", "^|^", "||"])
def test_a_part_of_a_long_delimiter_may_stand_in_values(delimiter: str) -> None:
    lines = ["id,name,n", "1,a|b,2", "2,c|d,3", "3,e,4"]
    found = look(*(line.replace(",", delimiter) for line in lines))
    assert found.layout.delimited.delimiter == delimiter
    assert found.rows == 3


# --- the header


@pytest.mark.parametrize("units", ["-,-,[kg],[cm]", "-,n/a,kg,-"])
def test_a_row_of_units_is_asked_about(units: str) -> None:
    found = look("id,name,weight,height", units, *(f"{n},name,{70 + n}.5,{170 + n}" for n in range(20)))
    assert "is it a row of units, or a record?" in asked(found)
    assert (found.layout.delimited.header, found.rows) == (2, 20)


def test_a_name_over_two_lines_is_one_line_in_what_is_told() -> None:
    found = look('"id\nno",name', "1,a", "2,b")
    assert (found.layout.fields[0].name, found.layout.fields[0].title) == ("id_no", "id\nno")
    assert found.layout.keys == ("id_no",)
    assert not any("\n" in finding.message for finding in found.findings)
    assert read(found.layout, '"id\nno",name', "1,a")[0] == [{"id_no": 1, "name": "a"}]
