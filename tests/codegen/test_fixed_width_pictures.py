"""A picture, a size or a mask says how long a field is: where the table says something else, one of them is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from connector_codegen.generate import understand
from connector_codegen.readers.fixed_width.pictures import Picture, picture_in
from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import Field

from tests.codegen.test_fixed_width import layout

TITLES = "name,start,length,type,decimals,sign,format,picture"


def table(tmp_path: Path, row: str) -> Path:
    path = tmp_path / "a.csv"
    path.write_text(f"{TITLES}\nfirst,1,1,X,,,,\n{row}\n")
    return path


def field(tmp_path: Path, row: str) -> Field:
    return layout(table(tmp_path, row)).fields[-1]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("f,2,8,X(10),,,,", "f: the picture X(10) is 10 characters, and the length is 8"),
        ("f,2,12,X(10),,,,", "f: the picture X(10) is 10 characters, and the length is 12"),
        ("f,2,5,S9(7)V99,,,,", "f: the picture S9(7)V99 is 9 characters, and the length is 5"),
        ("f,2,9,9(5),,,,", "f: the picture 9(5) is 5 characters, and the length is 9"),
        ("f,2,6,9(5),,,,", "f: the picture 9(5) is 5 characters, and the length is 6"),
        ("f,2,5,S9(5),,leading separate,,", "f: the picture S9(5) is 6 characters, with one for the sign, and the length is 5"),
        ("f,2,6,S9(5),,overpunch,,", "f: the picture S9(5) is 5 characters, and the length is 6"),
        ("f,2,6,N,2,,9999.99,", "f: the picture 9999.99 is 7 characters, and the length is 6"),
        ("f,2,7,N,3,,9999.99,", "f: the picture 9999.99 has 2 decimal places, and the column for them says 3"),
        ("f,2,9,9(7)V99,3,,,", "f: the picture 9(7)V99 has 2 decimal places, and the column for them says 3"),
        ("f,2,9,,,,X(10),", "f: the picture X(10) is 10 characters, and the length is 9"),
        ("f,2,9,,,,,X(10)", "f: the picture X(10) is 10 characters, and the length is 9"),
        ("f,2,6,date,,,YYMMDD,9(8)", "f: the picture 9(8) is 8 characters, and the length is 6"),
        ("f,2,5,N,,,,X(5)", "f: the type is 'n', and the picture X(5) is text"),
        ("f,2,8,CHAR(10),,,,", "f: CHAR(10) does not fit into a length of 8"),
        ('f,2,5,"NUM(9,2)",,,,', "f: NUM(9,2) does not fit into a length of 5"),
        ('f,2,9,"NUM(9,2)",3,,,', "f: NUM(9,2) has 2 decimal places, and the column for them says 3"),
        ("f,2,5,,,,9(4).9,S9(5)", "f: its picture S9(5) and its format 9(4).9 are not of one length"),
        ("FILLER,2,8,X(10),,,,", "FILLER: the picture X(10) is 10 characters, and the length is 8"),
    ],
)
def test_what_does_not_go_together_is_an_error_with_its_line(row: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        understand(str(table(tmp_path, row)))
    assert f"a.csv:3: {told}" in caught.value.message


@pytest.mark.parametrize(
    ("row", "kind", "scale", "sign", "decimal"),
    [
        ("f,2,9,S9(7)V99,,,,", "decimal128(9, 2)", 2, "overpunch", "."),
        ("f,2,9,S9(7)V99,,yes,,", "decimal128(9, 2)", 2, "overpunch", "."),
        ("f,2,10,S9(7)V99,,,,", "decimal128(9, 2)", 2, "trailing", "."),
        ("f,2,10,S9(7)V99,,leading separate,,", "decimal128(9, 2)", 2, "leading", "."),
        ("f,2,6,9(5),,trailing,,", "int64", None, "trailing", "."),
        ("f,2,5,9(5),2,,,", "decimal128(5, 2)", 2, "none", "."),
        ("f,2,7,N,2,,9999.99,", "decimal128(6, 2)", None, "free", "."),
        ("f,2,8,N,,,-9999.99,", "decimal128(6, 2)", None, "free", "."),
        ('f,2,6,,,,"##0,00",', "decimal128(5, 2)", None, "free", ","),
        ("f,2,4,,,,9(4),", "int64", None, "none", "."),
        ("f,2,4,,,,,9(4)", "int64", None, "none", "."),
        ("f,2,4,,,,X,", "string", None, "free", "."),
        ("f,2,4,N,,,9,", "int64", None, "free", "."),
        ("f,2,4,,,,,9", "int64", None, "free", "."),
        ("FILLER,2,4,X,,,,\nf,6,4,9,,,,", "int64", None, "free", "."),
        ("f,2,4,AN,,,,9(4)", "string", None, "free", "."),
        ('f,2,10,"NUM(9,2)",,,,', "decimal128(9, 2)", 2, "free", "."),
        ("f,2,10,varchar(8),,,,", "string", None, "free", "."),
        ("f,2,12,N,2,leading,,", "decimal128(11, 2)", 2, "leading", "."),
    ],
)
def test_what_goes_together(row: str, kind: str, scale: int | None, sign: str, decimal: str, tmp_path: Path) -> None:
    found = field(tmp_path, row)
    assert found.place is not None
    assert (str(found.type), found.place.scale, found.place.sign, found.decimal) == (kind, scale, sign, decimal)


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        ("f,2,10,S9(7)V99,,,,", "its sign is the last character, it seems: line 3 does not say"),
        ("f,2,10,N,2,,weekly,", "its format 'weekly' says nothing to this reader"),
        ("f,2,8,date,,,,9(8)", "it is written as %Y%m%d, it seems: line 3 does not say"),
        ("f,2,8,date,,,9(8),", "it is written as %Y%m%d, it seems: line 3 does not say"),
        ("f,2,8,N,,,,wide", "its picture 'wide' says nothing to this reader"),
    ],
)
def test_what_is_taken_for_something_is_asked(row: str, asked: str, tmp_path: Path) -> None:
    _, problems = understand(str(table(tmp_path, row)))
    assert asked in [problem.what for problem in problems if problem.level == "question" and problem.where == "a.f"]


@pytest.mark.parametrize(
    ("text", "picture"),
    [
        ("X(10)", Picture("X(10)", 10)),
        ("XXX", Picture("XXX", 3)),
        ("pic is s9(3)v9(2)", Picture("pic is s9(3)v9(2)", 5, 5, 2, signed=True)),
        ("9(3)V", Picture("9(3)V", 3, 3, 0, signed=False)),
        ("ZZ9.99", Picture("ZZ9.99", 6, 5, 2, point=".")),
        ("+0,0", Picture("+0,0", 4, 2, 1, point=",")),
        ("9,999", None),  # is that a thousand?
        ("SX(3)", None),
        ("X(3)V9", None),
        ("date", None),
        ("", None),
    ],
)
def test_pictures(text: str, picture: Picture | None) -> None:
    assert picture_in(text) == picture
