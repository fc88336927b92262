"""`connector inspect`: which bytes of a record are which field, what they mean, and what is wrong with them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner, Result
from connector_sdk.cli import main

PAYMENTS = """\
layout: 1
name: payments
format: fixed_width
encoding: {encoding}
framing: {framing}
length: 24
records:
- name: head
  role: header
  when: {{start: 1, value: H}}
  fields:
  - {{name: day, type: date, start: 2, length: 8, format: "%Y%m%d"}}
- name: detail
  when: {{start: 1, value: D}}
  fields:
  - {{name: id, type: int64, start: 2, length: 9, nullable: false}}
  - {{name: amount, type: "decimal(12,2)", start: 13, length: 12, scale: 2, sign: overpunch}}
"""
RECORDS = ("H20240131", "D000000001  00000000123D", "D00000000x  00000000100}", "X?")


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["inspect", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(params=[("ascii", "lines"), ("cp037", "none")], ids=" ".join)
def payments(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path, str]:
    encoding, framing = request.param
    layout, file = tmp_path / "payments.layout.yaml", tmp_path / "payments.dat"
    layout.write_text(PAYMENTS.format(encoding=encoding, framing=framing))
    end = "\n" if framing == "lines" else ""
    file.write_bytes("".join(record.ljust(24) + end for record in RECORDS).encode(encoding))
    return file, layout, encoding


def values(found: Any) -> list[tuple[Any, ...]]:
    return [(value["field"], bytes.fromhex(value["raw"]), value["value"]) for value in found["values"]]


def test_a_record_is_shown_field_by_field(payments: tuple[Path, Path, str]) -> None:
    file, layout, encoding = payments
    found = json.loads(run(file, "--layout", layout, "--record", 2, "--json").stdout)
    assert (found["record"], found["number"], found["problem"]) == ("detail", 2, None)
    assert values(found) == [
        (None, "D".encode(encoding), "D"),
        ("id", "000000001".encode(encoding), 1),
        (None, "  ".encode(encoding), "  "),
        ("amount", "00000000123D".encode(encoding), "12.34"),
    ]
    assert found["values"][1]["offset"] == found["offset"] + 1


def test_the_table_has_hex_value_and_what_is_wrong(payments: tuple[Path, Path, str]) -> None:
    file, layout, encoding = payments
    told = run(file, "--layout", layout, "--record", 3).stdout
    head, columns, *rows = told.splitlines()
    assert head.startswith("record 3 (detail): 24 bytes from ")
    assert columns.split() == ["FIELD", "OFFSET", "START", "HEX", "VALUE", "PROBLEM"]
    assert rows[1].split()[0] == "id" and rows[1].endswith("no int64")
    assert "00000000x".encode(encoding).hex(" ") in rows[1]
    assert rows[3].endswith("-10.00")


def test_the_offset_of_a_reject_leads_to_its_record(payments: tuple[Path, Path, str]) -> None:
    file, layout, _ = payments
    third = json.loads(run(file, "--layout", layout, "--record", 3, "--json").stdout)
    again = json.loads(run(file, "--layout", layout, "--offset", third["offset"], "--json").stdout)
    assert again == {**third, "number": None, "line": None}


def test_a_record_of_no_known_type_is_shown_all_the_same(payments: tuple[Path, Path, str]) -> None:
    file, layout, _ = payments
    result = run(file, "--layout", layout, "--record", 4)
    assert "(no field)" in result.stdout
    assert "no type of record begins like this" in result.stderr


def test_the_record_without_a_text_has_only_what_no_other_claims(tmp_path: Path) -> None:
    """Wherever it is listed: that is how the file is read, too."""
    file, layout = tmp_path / "a.txt", tmp_path / "a.layout.yaml"
    field = "fields: [{name: x, type: string, start: 1, length: 2}]"
    layout.write_text(
        f"layout: 1\nname: a\nformat: fixed_width\nrecords:\n- {{name: rest, {field}}}\n"
        f"- {{name: head, when: {{start: 1, value: H}}, {field}}}\n"
    )
    file.write_text("H1\nD1\n")
    found = [json.loads(run(file, "--layout", layout, "--record", n, "--json").stdout)["record"] for n in (1, 2)]
    assert found == ["head", "rest"]


def test_a_file_that_ends_before_the_record_says_so(payments: tuple[Path, Path, str]) -> None:
    file, layout, _ = payments
    assert "ends before record 5" in run(file, "--layout", layout, "--record", 5, code=2).output


def test_delimited_text_is_shown_with_its_dialect_and_decisions(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv.gz"
    file.write_bytes(gzip.compress('id;name;price\n1;"a;""b""";1,50\n2;;2,25\n'.encode("cp1252")))
    told = run(file, "--record", 1).stdout
    assert "delimiter ';'" in told.splitlines()[0]
    assert any(line.startswith("price") and "decimal" in line for line in told.splitlines())
    found = json.loads(run(file, "--record", 1, "--json").stdout)
    assert values(found) == [("id", b"1", 1), ("name", b'"a;""b"""', 'a;"b"'), ("price", b"1,50", "1.50")]
    assert (found["line"], found["offset"]) == (2, 14)
    assert values(json.loads(run(file, "--record", 2, "--json").stdout))[1] == ("name", b"", None)


def test_a_ragged_record_shows_what_it_has(tmp_path: Path) -> None:
    file, layout = tmp_path / "a.csv", tmp_path / "a.yaml"
    layout.write_text("layout: 1\nname: a\nfields:\n- {name: x, type: int64}\n- {name: y, type: int64}\n")
    file.write_text("x,y\n1,2,3\nfour\n")
    one, two = (json.loads(run(file, "--layout", layout, "--record", n, "--json").stdout) for n in (1, 2))
    assert one["problem"] == "it has 3 values, 2 were expected"
    assert values(one)[2] == (None, b"3", None)
    assert [value["problem"] for value in two["values"]] == ["no int64", "the record ends before it"]


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(**members: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


PACKED = pytest.mark.parametrize(("name", "pack"), [("drop.zip", zipped), ("drop.tar.gz", tarred)])
ORDERS, MORE = b"id;name\n1;Ada\n2;Bob\n", b"day\n2024-01-31\n"


@PACKED
def test_an_archive_of_one_file_is_looked_into(name: str, pack: Any, tmp_path: Path) -> None:
    file, layout = tmp_path / name, tmp_path / "orders.layout.yaml"
    file.write_bytes(pack(**{"in/orders.csv": ORDERS, "__MACOSX/in/._orders.csv": b"\0\1"}))
    told = run(file, "--record", 2).stdout
    assert told.startswith("orders: encoding")
    assert "delimiter ';'" in told.splitlines()[0]
    assert "'Bob'" in told
    layout.write_text("{layout: 1, name: a, delimiter: ';', fields: [{name: id, type: int64}, {name: name, type: string}]}")
    found = json.loads(run(file, "--layout", layout, "--offset", 14, "--json").stdout)
    assert values(found) == [("id", b"2", 2), ("name", b"Bob", "Bob")]
    assert f"{name}!in/orders.csv ends before record 3" in run(file, "--record", 3, code=2).output


@PACKED
def test_an_archive_of_several_files_names_them(name: str, pack: Any, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(pack(**{"orders.csv": ORDERS, "in/more.csv": MORE, ".DS_Store": b"\0"}))
    told = run(file, code=2).stderr
    assert f"{name} has 2 members: orders.csv, in/more.csv — choose one with --member NAME" in told
    assert "'2024-01-31'" not in run(file, "--member", "orders.csv").stdout
    assert "2024-01-31" in run(file, "--member", "in/more.csv").stdout
    told = run(file, "--member", "x.csv", code=2).stderr
    assert "has no member 'x.csv' — it has orders.csv, in/more.csv" in told


def test_what_holds_no_member_to_look_at_says_so(tmp_path: Path) -> None:
    empty, plain, nested, cut = (tmp_path / name for name in ("empty.zip", "plain.csv", "nested.zip", "cut.zip"))
    empty.write_bytes(zipped())
    plain.write_bytes(ORDERS)
    nested.write_bytes(zipped(**{"a.csv.gz": gzip.compress(ORDERS)}))
    cut.write_bytes(zipped(**{"a.csv": ORDERS})[:-9])
    assert "empty.zip is an archive without a file in it" in run(empty, code=2).stderr
    assert "plain.csv is no archive: it has no member 'a.csv'" in run(plain, "--member", "a.csv", code=2).stderr
    assert "nested.zip!a.csv.gz: what is inside is itself packed (gzip)" in run(nested, code=4).stderr
    assert "cut.zip" in run(cut, code=4).stderr


def test_a_workbook_is_no_archive(tmp_path: Path) -> None:
    file = tmp_path / "book.bin"
    openpyxl.Workbook().save(file)
    assert "is no delimited text but" in run(file, code=2).stderr


def test_a_long_value_is_cut_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_text(f"id,note\n1,{'x' * 100_000}\n2,b\n")
    shown = run(file).stdout
    assert len(shown) < 2000
    assert "… (99,800 more)" in shown
    assert len(values(json.loads(run(file, "--json").stdout))[1][2]) == 100_000


def test_what_was_decided_is_shown_of_a_file_without_records_too(tmp_path: Path) -> None:
    file = tmp_path / "none.csv"
    file.write_text("id;name\n")
    result = run(file, code=2)
    assert "delimiter ';'" in result.stdout
    assert "ends before record 1" in result.stderr
