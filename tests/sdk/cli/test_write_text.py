"""`connector write` from text files: a row that is none of its stream's is a reject with its line, the others are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import Result
from connector_sdk.rejects import Reject
from connector_sdk.runtime.reject_file import read_rejects
from connector_sdk.testing.fake_simulator import FakeSimulator

Run = Callable[..., Result]

FAKE = "connector_sdk.testing.fakes:FakeConnector"
NOTES = ("write", FAKE, "-c", "shop.json", "-s", "notes", "--rejects", "bad.jsonl")
ORDERS = ("write", FAKE, "-c", "shop.json", "-s", "orders", "--rejects", "bad.jsonl")


@pytest.fixture
def shop() -> Iterator[FakeSimulator]:
    """A system with orders and notes; `shop.json` configures it."""
    with FakeSimulator(seed=1) as simulator:
        Path("shop.json").write_text(json.dumps(dict(simulator.config)))
        yield simulator


def rejects() -> list[Reject]:
    """Those of the runs that were not given up."""
    return [line.reject for line in read_rejects(Path("bad.jsonl")) if line.checkpoint]


CSV = 'text,number\na,1\n"b, the\nsecond",abc\nc,\nd,4,5\ne,5\nf,1099511627776\n'
JSONL = """{"text": "a", "number": 1}
{"text": "b", "number": "abc"}

{"text": "c", "number": null}
{"text": "d", "number": {"x": [1]}}
{"text": ["d"], "number": 4}
not JSON
[1, 2]
{"text": "e", "number": 5}
{"text": "f", "number": 1099511627776}
"""


def test_a_csv_record_that_is_no_row_is_a_reject_with_its_place(connector: Run, shop: FakeSimulator) -> None:
    Path("notes.csv").write_text(CSV)
    before = shop.rows("notes").num_rows
    result = connector(*NOTES, "-i", "notes.csv", "--max-rejects", "2")
    assert result.exit_code == 4 and "3 rejected records, 2 allowed" in result.stderr
    assert shop.rows("notes").num_rows == before
    result = connector(*NOTES, "-i", "notes.csv", "--max-rejects", "3")
    assert result.exit_code == 0, result.output
    assert [row["text"] for row in shop.rows("notes").to_pylist()][before:] == ["a", "c", "e"]
    found = rejects()
    assert [(r.place, r.line, r.field, r.code, r.reason) for r in found] == [
        ("notes.csv", 3, "number", "type", "'abc' is no int32"),
        ("notes.csv", 6, None, "ragged", "3 values, 2 expected"),
        ("notes.csv", 8, "number", "type", "'1099511627776' is no int32"),
    ]
    assert [CSV.encode()[r.offset :].startswith(r.raw.split(b"\n", 1)[1]) for r in found] == [True] * 3
    assert found[0].raw == b'text,number\n"b, the\nsecond",abc'
    texts = [json.loads(line)["text"] for line in Path("bad.jsonl").read_text().splitlines()]
    assert texts[-3:] == ['"b, the\nsecond",abc', "d,4,5", "f,1099511627776"]


def test_a_json_line_that_is_no_row_is_a_reject_with_its_place(connector: Run, shop: FakeSimulator) -> None:
    Path("notes.jsonl").write_text(JSONL)
    before = shop.rows("notes").num_rows
    assert connector(*NOTES, "-i", "notes.jsonl").exit_code == 4
    assert shop.rows("notes").num_rows == before
    result = connector(*NOTES, "-i", "notes.jsonl", "--max-rejects", "-1")
    assert result.exit_code == 0, result.output
    assert [row["text"] for row in shop.rows("notes").to_pylist()][before:] == ["a", "c", "e"]
    found = rejects()
    assert [(r.place, r.line, r.field, r.code) for r in found] == [
        ("notes.jsonl", 2, "number", "type"),
        ("notes.jsonl", 5, "number", "type"),
        ("notes.jsonl", 6, "text", "type"),
        ("notes.jsonl", 7, None, "json"),
        ("notes.jsonl", 8, None, "json"),
        ("notes.jsonl", 10, "number", "type"),
    ]
    assert found[0].reason == '"abc" is no int32: str where int is expected'
    assert found[1].reason.startswith('{"x":[1]} is no int32')
    lines = JSONL.splitlines()
    assert [r.raw.decode() for r in found] == [lines[r.line - 1] for r in found if r.line]
    assert [JSONL.encode()[r.offset :].startswith(r.raw) for r in found] == [True] * 6


@pytest.mark.parametrize(
    "content",
    ["id,customer,amount,changed\n{}\n", '{{"id": {}, "customer": "x", "amount": "{}", "changed": "{}"}}\n'],
    ids=["csv", "jsonl"],
)
def test_a_date_that_never_was_is_a_reject(connector: Run, shop: FakeSimulator, content: str) -> None:
    name = "orders.csv" if content.startswith("id") else "orders.jsonl"
    rows = [("9001", "1.50", "2024-13-01T00:00:00Z"), ("9002", "1.50", "2024-12-01T00:00:00Z"), ("9003", "1.505", "")]
    lines = [f"{i},x,{amount},{at}" if name.endswith("csv") else (i, amount, at) for i, amount, at in rows]
    text = "".join(content.splitlines(keepends=True)[:-1])
    last = content.splitlines(keepends=True)[-1]
    Path(name).write_text(text + "".join(last.format(*([x] if isinstance(x, str) else x)) for x in lines))
    result = connector(*ORDERS, "-i", name, "--mode", "upsert", "--max-rejects", "5")
    assert result.exit_code == 0, result.output
    assert [(r.field, r.line) for r in rejects()][:1] == [("changed", len(text.splitlines()) + 1)]
    assert 9002 in shop.rows("orders").column("id").to_pylist()
    assert 9001 not in shop.rows("orders").column("id").to_pylist()


def test_what_did_not_fit_can_be_tried_again(connector: Run, shop: FakeSimulator) -> None:
    Path("notes.csv").write_text(CSV)
    Path("notes.jsonl").write_text(JSONL)
    for name in ("notes.csv", "notes.jsonl"):
        assert connector(*NOTES, "-i", name, "--max-rejects", "-1").exit_code == 0
    replay = ("replay", FAKE, "-c", "shop.json", "--rejects", "bad.jsonl", "-o", "mended.parquet")
    result = connector(*replay, "--still-bad", "still.jsonl")
    assert result.exit_code == 0, result.output
    assert pq.read_table("mended.parquet").num_rows == 0
    again = [line.reject for line in read_rejects(Path("still.jsonl"))]
    assert [(r.place, r.line, r.field, r.raw) for r in again] == [(r.place, r.line, r.field, r.raw) for r in rejects()]


def test_a_csv_file_may_leave_out_what_may_be_null(connector: Run, shop: FakeSimulator) -> None:
    Path("notes.csv").write_text("text\nalone\n")
    result = connector(*NOTES, "-i", "notes.csv")
    assert result.exit_code == 0, result.output
    assert shop.rows("notes").to_pylist()[-1]["text"] == "alone"


def test_a_csv_file_with_other_fields_is_drift_and_no_reject(connector: Run, shop: FakeSimulator) -> None:
    Path("notes.csv").write_text("text,colour\nalone,red\n")
    result = connector(*NOTES, "-i", "notes.csv", "--max-rejects", "-1")
    assert result.exit_code == 5
    assert "the CSV header of notes.csv has the unknown 'colour' — the stream has text, number" in result.stderr
    Path("notes.jsonl").write_text('{"text": "a"}\n{"text": "b", "colour": "red"}\n')
    result = connector(*NOTES, "-i", "notes.jsonl", "--max-rejects", "-1")
    assert result.exit_code == 5
    assert "notes.jsonl: row 2 from line 1 on has the unknown field 'colour' — the stream has text, number" in result.stderr
    Path("notes.csv").write_text("")
    result = connector(*NOTES, "-i", "notes.csv")
    assert result.exit_code == 4 and "notes.csv is empty, a CSV header was expected" in result.stderr


def test_rows_from_stdin_are_rejects_of_stdin(connector: Run, shop: FakeSimulator) -> None:
    result = connector(*NOTES, "-i", "-", "--max-rejects", "-1", input=b'{"text": "a", "number": "x"}\n')
    assert result.exit_code == 0, result.output
    assert [(r.place, r.line) for r in rejects()] == [("stdin", 1)]


def test_a_limit_ends_a_large_file_of_bad_rows_soon(connector: Run, shop: FakeSimulator) -> None:
    Path("notes.jsonl").write_text('{"text": "a", "number": "x"}\n' * 60_000)
    result = connector(*NOTES, "-i", "notes.jsonl", "--max-rejects", "5")
    assert result.exit_code == 4
    assert "10000 rejected records, 5 allowed" in result.stderr
