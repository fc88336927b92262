"""Positions in a layout table: from 1 or from 0, with ends that belong to the field or lie behind it, and no guess in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from connector_codegen.generate import understand
from connector_codegen.problems import Problem
from connector_sdk.errors import ConfigError

from tests.codegen.test_fixed_width import layout, places


def table(tmp_path: Path, titles: str, *rows: str) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("\n".join([titles, *rows]) + "\n")
    return path


def notes(path: Path) -> list[Problem]:
    _, problems = understand(str(path))
    return [problem for problem in problems if problem.level == "note"]


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        understand(str(path))
    assert caught.value.exit_code == 2
    return caught.value.message


@pytest.mark.parametrize(
    ("titles", "rows"),
    [
        ("Field,Start,End,Type", ["a,0,2,X", "b,3,7,N"]),
        ("Field,Start,End,Type", ["a,0,3,X", "b,3,8,N"]),
        ("Field,Start,Length,Type", ["a,0,3,X", "b,3,5,N"]),
        ("Field,Start,End,Length,Type", ["a,0,2,3,X", "b,3,7,5,N"]),
        ("Field,Start,End,Length,Type", ["a,0,3,3,X", "b,3,8,5,N"]),
        ("Field,Position,Type", ["a,0-2,X", "b,3-7,N"]),
        ("Field,Start,End,Type", ["b,3,7,N", "a,0,2,X"]),
    ],
    ids=["ends", "ends behind", "lengths", "ends and lengths", "ends behind and lengths", "ranges", "in another order"],
)
def test_a_table_that_counts_from_zero_is_understood_and_says_so(titles: str, rows: list[str], tmp_path: Path) -> None:
    path = table(tmp_path, titles, *rows)
    assert places(layout(path)) == {"a": (1, 3), "b": (4, 5)}
    (note,) = notes(path)
    assert note.where.endswith(f"a.csv:{2 + rows.index(next(row for row in rows if row.startswith('a')))}")
    assert "a starts at 0: all positions are taken to count from 0" in note.what


def test_from_zero_a_start_is_a_start_wherever_there_are_gaps(tmp_path: Path) -> None:
    path = table(tmp_path, "Field,Start,Length", "a,0,3", "b,5,3", "c,8,4")
    assert places(layout(path)) == {"a": (1, 3), "b": (6, 3), "c": (9, 4)}
    assert [note.what for note in notes(path)][1:] == ["bytes 4 to 5, before b, belong to no field"]


def test_a_length_or_a_picture_tells_what_an_end_is(tmp_path: Path) -> None:
    assert places(layout(table(tmp_path, "Field,Start,End,Type", "a,0,3,X(3)", "b,10,12,X(2)"))) == {"a": (1, 3), "b": (11, 2)}
    assert places(layout(table(tmp_path, "Field,Start,End,Type", "a,0,0,X", "b,10,12,N"))) == {"a": (1, 1), "b": (11, 3)}


@pytest.mark.parametrize(
    ("titles", "rows", "line", "told"),
    [
        (
            "Field,Start,End",
            ["a,0,3", "b,10,12"],
            2,
            "nothing says whether an end is the last byte of a field or the one behind it",
        ),
        ("Field,Start,End", ["a,0,3", "b,3,8", "c,9,12"], 2, "a ends at 3, b starts at 3, and b ends at 8, c starts at 9"),
        ("Field,Start,End,Length", ["a,0,2,3", "b,3,8,5"], 2, "b has 5 bytes from 3 to 8, and a has 3 bytes from 0 to 2"),
        ("Field,Start,Length", ["a,0,4", "b,5,4"], 2, "do positions count from 0 or from 1?"),
        ("Record,Field,Start,Length,Value", ["h,a,0,1,H", "d,b,1,1,D"], 2, "a starts at 0, and the record 'd' at 1"),
        ("Field,Start,Length", ["a,1,4", "b,0,4"], 2, "a (2 to 5) overlaps b (1 to 4)"),
        ("Field,Start,End,Length", ["a,0,2,9", "b,3,7,5"], 2, "a: start 0 and length 9 and end 2 do not agree"),
        ("Field,Start,End", ["a,1,4", "b,5,0"], 3, "b: start 5 and end 0 do not agree"),
        ("Field,Start,Length", ["a,1,0"], 2, "a: start 1 and length 0 do not agree"),
    ],
)
def test_what_cannot_be_told_is_an_error_with_its_line(
    titles: str, rows: list[str], line: int, told: str, tmp_path: Path
) -> None:
    message = refused(table(tmp_path, titles, *rows))
    assert f"a.csv:{line}: " in message
    assert told in message


@pytest.mark.parametrize(
    ("titles", "rows"),
    [
        ("Field,Position,Format", ["a,1-5,X(5)", "b,6-9,9(4)", "c,10,X"]),
        ("Field,Pos,Type", ["a,1-5,X", "b,6-9,N", "c,10,X"]),
        ("Field;Positions", ["a;1 - 5", "b;6–9", "c;10"]),
        ("Field,Picture", ["a,X(5)", "b,9(4)", "c,X"]),
        ("Field,Start,Type", ["a,1,X(5)", "b,6,9(4)", "c,10,X"]),
    ],
    ids=["with a format", "with a type", "alone", "pictures", "starts and pictures"],
)
def test_ranges_and_pictures_say_how_long_a_field_is(titles: str, rows: list[str], tmp_path: Path) -> None:
    assert places(layout(table(tmp_path, titles, *rows))) == {"a": (1, 5), "b": (6, 4), "c": (10, 1)}


@pytest.mark.parametrize(
    ("titles", "rows"),
    [
        ("name,position,type", ["Ada,left,x", "Bob,1-2,y"]),
        ("name,from,to_place", ["Ada,12,15"]),
        ("name,type", ["Ada,A", "Bob,X"]),
        ("name,length,width", ["Ada,1,2"]),
    ],
)
def test_data_that_only_look_like_a_table_are_none(titles: str, rows: list[str], tmp_path: Path) -> None:
    assert understand(str(table(tmp_path, titles, *rows)))[0].source.reader == "delimited"


def test_a_second_column_of_one_meaning_does_not_hide_the_table(tmp_path: Path) -> None:
    path = table(tmp_path, "Field,Start,Length,Type,Description,Comment", "a,1,3,X,first,second")
    assert layout(path).fields[0].doc == "first"
    _, problems = understand(str(path))
    assert "columns that say nothing to this reader: 'Comment'" in [problem.what for problem in problems]
