"""`copy`, `write` and `replay` move rows between real connectors; `plan` says beforehand how."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from connector_sdk import changes
from connector_sdk.runtime.reject_file import read_rejects
from connector_sdk.testing.fake_simulator import FakeSimulator

Run = Callable[..., Result]

FAKE = "connector_sdk.testing.fakes:FakeConnector"


@pytest.fixture
def shop() -> Iterator[FakeSimulator]:
    """A system with orders and notes; `shop.json` configures it."""
    with FakeSimulator(seed=1) as simulator:
        Path("shop.json").write_text(json.dumps(dict(simulator.config)))
        yield simulator


@pytest.fixture
def warehouse() -> Iterator[FakeSimulator]:
    """An empty system; `warehouse.json` configures it."""
    with FakeSimulator(seed=2, streams=()) as simulator:
        Path("warehouse.json").write_text(json.dumps(dict(simulator.config)))
        yield simulator


COPY = ("copy", FAKE, "-c", "shop.json", "--to", FAKE, "--to-config", "warehouse.json")


def by_id(table: pa.Table) -> list[dict[str, object]]:
    return sorted(table.to_pylist(), key=lambda row: int(str(row["id"])))


def content(connector: Run, config: str, stream: str = "orders") -> list[dict[str, object]]:
    """What the fake system holds now, by reading it."""
    file = Path("content.parquet")
    file.unlink(missing_ok=True)
    assert connector("read", FAKE, "-c", config, "-s", stream, "-o", file).exit_code == 0
    return by_id(pq.read_table(file))


def test_copy_brings_every_stream(connector: Run, shop: FakeSimulator, warehouse: FakeSimulator) -> None:
    result = connector(*COPY)
    assert result.exit_code == 0, result.output
    assert content(connector, "warehouse.json") == by_id(shop.rows("orders"))
    assert "notes, orders" in result.stderr


def test_copy_of_changes_keeps_a_replica(connector: Run, shop: FakeSimulator, warehouse: FakeSimulator) -> None:
    words = (*COPY, "-s", "orders", "--mode", "changes", "--write", "apply", "--state", "s.state")
    for seed in range(3):
        result = connector(*words)
        assert result.exit_code == 0, result.output
        assert content(connector, "warehouse.json") == by_id(shop.rows("orders"))
        shop.change(seed)


def test_copy_with_columns_and_where(connector: Run, shop: FakeSimulator, warehouse: FakeSimulator) -> None:
    result = connector(*COPY, "-s", "orders", "--columns", "id,customer", "--where", "id <= 5")
    assert result.exit_code == 0, result.output
    wanted = [{"id": row["id"], "customer": row["customer"]} for row in by_id(shop.rows("orders")) if int(str(row["id"])) <= 5]
    assert content(connector, "warehouse.json") == wanted


def test_copy_refuses_the_state_of_something_else(connector: Run, shop: FakeSimulator, warehouse: FakeSimulator) -> None:
    assert connector("read", "systems:Numbers", "-s", "numbers", "--state", "s.state", "-o", "x.parquet").exit_code == 0
    result = connector(*COPY, "-s", "orders", "--state", "s.state")
    assert result.exit_code == 6
    assert "s.state is the state of 'systems:Numbers'" in result.stderr


def test_write_adds_a_file_s_rows(connector: Run, shop: FakeSimulator) -> None:
    before = content(connector, "shop.json")
    row = dict(before[0], id=9001)
    schema = shop.rows("orders").schema
    pq.write_table(pa.Table.from_pylist([row], schema), "new.parquet")
    result = connector("write", FAKE, "-c", "shop.json", "-s", "orders", "-i", "new.parquet")
    assert result.exit_code == 0, result.output
    assert content(connector, "shop.json") == [*before, row]


NOTES = """{"text": "a", "number": 1}
{"text": "too much", "number": 1099511627776}
{"text": "c", "number": null}
"""


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_write_makes_a_reject_of_each_row_that_does_not_fit(connector: Run, shop: FakeSimulator, ending: str) -> None:
    Path("notes.jsonl").write_text(NOTES)
    if ending == "csv":
        Path("notes.csv").write_text("text,number\na,1\ntoo much,1099511627776\nc,\n")
    elif ending == "parquet":
        pq.write_table(pa.Table.from_pylist([json.loads(line) for line in NOTES.splitlines()]), "notes.parquet")
    form = "arrow" if ending == "parquet" else ending
    before = shop.rows("notes").num_rows
    words = ("write", FAKE, "-c", "shop.json", "-s", "notes", "-i", f"notes.{ending}", "--rejects", "bad.jsonl")
    result = connector(*words)
    assert result.exit_code == 4 and "1 rejected record, 0 allowed" in result.stderr
    result = connector(*words, "--max-rejects", "-1")
    assert result.exit_code == 0, result.output
    assert [row["text"] for row in shop.rows("notes").to_pylist()][before:] == ["a", "c"]
    (reject,) = [line.reject for line in read_rejects(Path("bad.jsonl")) if line.checkpoint]
    assert (reject.stream, reject.code, reject.field, reject.raw_form) == ("notes", "type", "number", form)


def test_write_makes_a_reject_of_a_change_that_does_not_fit(connector: Run, shop: FakeSimulator) -> None:
    before = content(connector, "shop.json")
    amounts = {"_op": "u", "id": before[0]["id"], "amount": "1.5", "_known": [0, 2]}
    Path("changes.jsonl").write_text("\n".join(json.dumps(amounts | more) for more in ({"amount": "12345678901.50"}, {})) + "\n")
    words = ("write", FAKE, "-c", "shop.json", "-s", "orders", "-i", "changes.jsonl", "--mode", "apply", "--rejects", "bad.jsonl")
    result = connector(*words, "--max-rejects", "1")
    assert result.exit_code == 0, result.output
    assert [line.reject.field for line in read_rejects(Path("bad.jsonl"))] == ["amount"]
    assert content(connector, "shop.json")[0] == {**before[0], "amount": Decimal("1.50")}


def test_a_row_that_did_not_fit_is_tried_again_and_is_a_reject_again(connector: Run, shop: FakeSimulator) -> None:
    pq.write_table(pa.table({"number": pa.array([2**40, 2**50], pa.int64())}), "notes.parquet")
    words = (
        "write",
        FAKE,
        "-c",
        "shop.json",
        "-s",
        "notes",
        "-i",
        "notes.parquet",
        "--rejects",
        "bad.jsonl",
        "--max-rejects",
        "-1",
    )
    assert connector(*words).exit_code == 0
    replay = ("replay", FAKE, "-c", "shop.json", "--rejects", "bad.jsonl", "-o", "mended.parquet")
    result = connector(*replay, "--still-bad", "still.jsonl")
    assert result.exit_code == 0, result.output
    assert pq.read_table("mended.parquet").num_rows == 0
    assert [line.reject.field for line in read_rejects(Path("still.jsonl"))] == ["number", "number"]


def test_write_makes_a_reject_of_a_null_that_may_not_be(connector: Run, shop: FakeSimulator) -> None:
    before = content(connector, "shop.json")
    rows = [{**before[0], "id": None}, {**before[0], "id": 9001}]
    pq.write_table(
        pa.Table.from_pylist(rows, pa.schema([f.with_nullable(True) for f in shop.rows("orders").schema])), "new.parquet"
    )
    assert connector("read", FAKE, "-c", "shop.json", "-s", "orders", "--where", "id <= 1", "-o", "new.jsonl").exit_code == 0
    with Path("new.jsonl").open("a") as file:
        file.write(json.dumps({"id": None, "changed": None}) + "\n")
    for name, count in (("new.parquet", 1), ("new.jsonl", 1)):
        words = ("write", FAKE, "-c", "shop.json", "-s", "orders", "-i", name, "--mode", "upsert", "--max-rejects", "5")
        result = connector(*words, "--rejects", f"{name}.bad")
        assert result.exit_code == 0, result.output
        assert [line.reject.code for line in read_rejects(Path(f"{name}.bad"))] == ["required"] * count
    assert content(connector, "shop.json") == [*before, rows[1]]


def test_write_from_a_folder_of_parts_and_from_stdin(connector: Run, shop: FakeSimulator, warehouse: FakeSimulator) -> None:
    read = ("read", FAKE, "-c", "shop.json", "-s", "orders")
    write = ("write", FAKE, "-c", "warehouse.json", "-s", "orders")
    assert connector(*read, "-o", "parts/").exit_code == 0
    assert len(list(Path("parts").glob("*.parquet"))) > 1
    assert connector(*write, "-i", "parts/").exit_code == 0
    assert content(connector, "warehouse.json") == by_id(shop.rows("orders"))
    piped = connector(*read, "-o", "-", "--format", "arrow", "--log", "none").stdout_bytes
    result = connector(*write, "-i", "-", "--format", "arrow", "--mode", "replace", input=piped)
    assert result.exit_code == 0, result.output
    assert content(connector, "warehouse.json") == by_id(shop.rows("orders"))


def test_write_applies_changes_from_a_file(connector: Run, shop: FakeSimulator) -> None:
    before = content(connector, "shop.json")
    rows = pa.RecordBatch.from_pylist(before[:2], schema=shop.rows("orders").schema)
    pq.write_table(pa.Table.from_batches([changes.build(rows, "d")]), "gone.parquet")
    result = connector("write", FAKE, "-c", "shop.json", "-s", "orders", "-i", "gone.parquet", "--mode", "apply")
    assert result.exit_code == 0, result.output
    assert content(connector, "shop.json") == before[2:]


def test_a_dry_run_shows_the_steps_and_takes_none(connector: Run, shop: FakeSimulator, warehouse: FakeSimulator) -> None:
    assert connector("read", FAKE, "-c", "shop.json", "-s", "orders", "-o", "o.parquet").exit_code == 0
    result = connector("write", FAKE, "-c", "warehouse.json", "-s", "orders", "-i", "o.parquet", "--dry-run")
    assert result.stdout == "create orders\n"
    assert connector("discover", FAKE, "-c", "warehouse.json").stdout == ""
    result = connector("write", FAKE, "-c", "shop.json", "-s", "orders", "-i", "o.parquet", "--dry-run")
    assert result.stdout == "orders: nothing to alter\n"


def test_a_dry_copy_shows_the_steps_and_takes_none(connector: Run, shop: FakeSimulator, warehouse: FakeSimulator) -> None:
    result = connector(*COPY, "-s", "orders", "--dry-run", "--state", "s.state")
    assert (result.exit_code, result.stdout) == (0, "create orders\n")
    assert connector("discover", FAKE, "-c", "warehouse.json").stdout == ""
    assert not Path("s.state").exists()
    assert connector(*COPY, "-s", "orders").exit_code == 0
    assert connector(*COPY, "-s", "orders", "--dry-run").stdout.endswith("nothing to alter\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-i", "nowhere.parquet"), "there is no file nowhere.parquet"),
        (("-i", "empty/"), "empty holds no files"),
        (("-i", "mixed/"), "mixed holds files of 2 kinds: .csv, .parquet"),
        (("-i", "x.xlsx"), "'.xlsx' is not the ending of a known format"),
        (("-i", "other.parquet"), "has no field 'colour'"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_wrong_inputs_change_nothing(connector: Run, shop: FakeSimulator, words: tuple[str, ...], said: str) -> None:
    Path("empty").mkdir()
    Path("mixed").mkdir()
    for name in ("mixed/a.csv", "mixed/b.parquet", "x.xlsx"):
        Path(name).touch()
    pq.write_table(pa.table({"id": [1], "colour": ["red"]}), "other.parquet")
    before = content(connector, "shop.json")
    result = connector("write", FAKE, "-c", "shop.json", "-s", "orders", *words)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert content(connector, "shop.json") == before


def test_a_damaged_input_changes_nothing(connector: Run, shop: FakeSimulator) -> None:
    before = content(connector, "shop.json")
    Path("cut.parquet").write_bytes(Path("content.parquet").read_bytes()[:-20])
    result = connector("write", FAKE, "-c", "shop.json", "-s", "orders", "-i", "cut.parquet")
    assert result.exit_code == 4, result.output
    assert "cut.parquet" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert content(connector, "shop.json") == before


def test_a_connector_says_what_it_cannot_do(connector: Run, shop: FakeSimulator) -> None:
    pq.write_table(pa.table({"id": [1]}), "x.parquet")
    for words in (
        ("write", "systems:Numbers", "-s", "numbers", "-i", "x.parquet"),
        ("read", "systems:Calling", "-o", "y.parquet"),
        ("copy", FAKE, "-c", "shop.json", "--to", "systems:Numbers"),
    ):
        result = connector(*words)
        assert result.exit_code == 2, result.output
        assert "Traceback" not in result.output


@pytest.fixture
def rejected(connector: Run) -> Path:
    """A reject file with two records of `numbers`."""
    Path("numbers.json").write_text('{"bad": 2}')
    words = ("read", "systems:Mendable", "-c", "numbers.json", "-s", "numbers", "-o", "numbers.parquet")
    assert connector(*words, "--rejects", "bad.jsonl", "--max-rejects", "-1").exit_code == 0
    return Path("bad.jsonl")


def replayed(connector: Run, bad: int, *words: str) -> Result:
    Path("numbers.json").write_text(json.dumps({"bad": bad}))
    return connector("replay", "systems:Mendable", "-c", "numbers.json", "--rejects", "bad.jsonl", "-o", "mended.parquet", *words)


def test_replay_brings_the_records_that_can_be_used_now(connector: Run, rejected: Path) -> None:
    before = rejected.read_text()
    result = replayed(connector, -1)
    assert result.exit_code == 0, result.output
    assert pq.read_table("mended.parquet").column("name").to_pylist() == ["bad,0", "bad,1"]
    assert rejected.read_text() == before


def test_replay_ends_at_a_record_that_is_still_bad_or_keeps_it(connector: Run, rejected: Path) -> None:
    assert replayed(connector, -2).exit_code == 4
    assert not Path("mended.parquet").exists()
    result = replayed(connector, -2, "--still-bad", "still.jsonl")
    assert result.exit_code == 0, result.output
    assert pq.read_table("mended.parquet").column("name").to_pylist() == ["bad,0"]
    assert [json.loads(line)["text"] for line in Path("still.jsonl").read_text().splitlines()] == ["bad,1"]


def test_replay_refuses_what_it_cannot_do(connector: Run, rejected: Path) -> None:
    before = rejected.read_text()
    assert "did you mean numbers?" in replayed(connector, -1, "-s", "number").stderr
    assert replayed(connector, -1, "--still-bad", "bad.jsonl").exit_code == 2
    result = connector("replay", "systems:Numbers", "--rejects", "bad.jsonl", "-o", "mended.parquet")
    assert result.exit_code == 2
    assert "cannot decode single records again" in result.stderr
    assert connector("replay", "systems:Mendable", "--rejects", "none.jsonl", "-o", "mended.parquet").exit_code == 2
    rejected.write_text("{}\n")
    assert "bad.jsonl, line 1: not a reject of this version" in replayed(connector, -1).stderr
    assert not Path("mended.parquet").exists()
    rejected.write_text(before)


def test_changes_into_a_file_carry_their_operations(connector: Run, shop: FakeSimulator) -> None:
    words = ("read", FAKE, "-c", "shop.json", "-s", "orders", "--mode", "changes", "--state", "s.state")
    assert connector(*words, "-o", "a.parquet").exit_code == 0
    shop.change(1)
    result = connector(*words, "-o", "b.parquet")
    assert result.exit_code == 0, result.output
    assert set(pq.read_table("a.parquet").column("_op").to_pylist()) == {"r"}
    assert set(pq.read_table("b.parquet").column("_op").to_pylist()) & set("cud")


def test_plan_says_how_and_what_is_lost(connector: Run, shop: FakeSimulator) -> None:
    words = ("plan", FAKE, "-c", "shop.json", "-s", "orders", "--where", "id > 5 AND customer != 'x'")
    shown = connector(*words, "-o", "parquet").stdout
    assert "3 splits, full" in shown
    assert "orders: the engine filters id > 5 AND customer != 'x'; the source sends every row" in shown
    assert "orders: changes are captured, deletes included (--mode changes)" in shown
    assert "orders: parquet keeps everything" in shown
    told = json.loads(connector(*words, "--json").stdout)
    assert [split["id"] for split in told["splits"]] == ["orders-0of3", "orders-1of3", "orders-2of3"]
    assert told["splits"][0]["engine_filters"] == {"orders": "id > 5 AND customer != 'x'"}


def test_discover_tells_what_each_stream_can_do(connector: Run, shop: FakeSimulator) -> None:
    told = {stream["name"]: stream for stream in json.loads(connector("discover", FAKE, "-c", "shop.json", "--json").stdout)}
    assert told["orders"]["keys"] == ["id"]
    assert told["orders"]["reads"] == ["changes", "full", "incremental"]
    assert told["orders"]["fields"][2]["type"] == "decimal(12,2)"
    assert told["orders"]["fields"][2]["native"] == "NUMBER(12,2)"
    shown = connector("discover", FAKE, "-c", "shop.json", "-s", "orders").stdout
    assert "who is who" in shown
    assert "notes" not in shown
