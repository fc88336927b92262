"""The façade: open, look, read into whatever people use, write, copy."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import connector_sdk
import duckdb
import msgspec
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pydantic
import pytest
from connector_sdk import ConfigError, DataError, Mode, TransientError
from connector_sdk.runtime.engine import Job, run
from connector_sdk.runtime.retry import Retry
from connector_sdk.runtime.session import Session
from connector_sdk.runtime.state_store import FileStore, MemoryStore
from connector_sdk.runtime.targets import open_target
from connector_sdk.runtime.telemetry import Event
from connector_sdk.schema import WriteMode
from connector_sdk.testing.fake_simulator import FakeSimulator
from connector_sdk.testing.fakes import FakeConnector

from .scripted import Numbers, stream


@pytest.fixture
def simulator():
    with FakeSimulator(seed=1) as simulator:
        yield simulator


@pytest.fixture
def session(simulator):
    with connector_sdk.open(FakeConnector, **simulator.config) as session:
        yield session


def sorted_table(table: pa.Table, by: str = "id") -> pa.Table:
    return table.sort_by(by).combine_chunks()


def test_a_reading_goes_into_what_people_use(session, simulator):
    truth = sorted_table(simulator.rows("orders"))
    reading = session.read("orders")
    assert sorted_table(pa.table(reading)).equals(truth)
    assert sorted_table(pa.table(reading)).equals(truth)  # again: it is read anew
    assert sorted_table(polars.DataFrame(reading).to_arrow().cast(truth.schema)).equals(truth)
    assert duckdb.sql("select count(*), sum(amount) from reading").fetchall()[0][0] == truth.num_rows
    assert sorted_table(reading.table()).equals(truth)
    assert reading.schema.equals(truth.schema)


def test_nothing_is_read_before_it_is_used():
    source = Numbers(count=1000, splits=1)
    read: list[int] = []
    source.before_batch = lambda split, row: read.append(row)
    session = Session(source)
    reading = session.read("s")
    stream_ = reading.__arrow_c_stream__()
    assert read == []
    batches = reading.batches()
    next(batches)
    assert read == [0]
    del stream_, batches


class Shy(Numbers):
    """Out of reach for the first `absent` questions."""

    def __init__(self, absent: int, **options: int) -> None:
        super().__init__(**options)
        self.absent = absent

    def _reach(self) -> None:
        if self.absent:
            self.absent -= 1
            raise TransientError("numbers are out of reach")

    def __enter__(self):
        self._reach()
        return super().__enter__()

    def discover(self, only=None):
        self._reach()
        return super().discover(only)

    def plan(self, *asked):
        self._reach()
        return super().plan(*asked)


@pytest.mark.parametrize("absent", [1, 3])
def test_a_system_out_of_reach_is_waited_for_before_the_first_row_too(absent: int) -> None:
    heard: list[Event] = []
    with Session(Shy(absent, count=10, splits=1), retry=Retry(first=0.01), listener=heard.append) as session:
        assert session.read("s").table().num_rows == 10
        session.connector.absent = absent
        assert session.read("s").table().num_rows == 10  # the plan is asked for anew
    assert len(heard) == 2 * absent
    with pytest.raises(TransientError, match="out of reach"), Session(Shy(9), retry=Retry(attempts=2, first=0.01)):
        pass


def test_where_and_columns(session, simulator):
    amounts = [v for v in simulator.rows("orders").column("amount").to_pylist() if v is not None and v >= 10]
    reading = session.read("orders", where="amount >= 10", columns=["id"])
    assert reading.schema.names == ["id"]
    assert reading.table().num_rows == len(amounts)


def test_rows_as_dicts_and_as_models(session, simulator):
    truth = {row["id"]: row for row in simulator.rows("orders").to_pylist()}
    assert {row["id"]: row for row in session.read("orders")} == truth

    class Order(msgspec.Struct):
        id: int
        customer: str | None
        amount: Decimal | None

    @dataclass
    class Plain:
        id: int
        amount: Decimal | None

    for model in (Order, Plain):
        found = {row.id: row.amount for row in session.read("orders").rows(model)}
        assert found == {key: row["amount"] for key, row in truth.items()}

    @dataclass
    class Renamed:
        order_number: int
        amount: Decimal | None

    renamed = session.read("orders").rows(Renamed, columns={"order_number": "id"})
    assert {row.order_number: row.amount for row in renamed} == {key: row["amount"] for key, row in truth.items()}

    class Knowing(msgspec.Struct):
        order_number: int = msgspec.field(name="id")

    class Validating(pydantic.BaseModel):
        order_number: int = pydantic.Field(alias="id")

    for model in (Knowing, Validating):  # what the model says itself needs no saying, and does not hurt
        knowing = session.read("orders").rows(model, columns={"order_number": "id"})
        assert {row.order_number for row in knowing} == set(truth)

    class Wrong(msgspec.Struct):
        id: str

    with pytest.raises(DataError, match="does not fit Wrong"):
        list(session.read("orders").rows(Wrong))


def test_an_incremental_reading_goes_on_where_the_last_one_ended(session, simulator):
    first = session.read("orders", mode="incremental")
    count = first.table().num_rows
    assert count
    assert session.read("orders", mode="incremental", state=first.state).table().num_rows == 0
    simulator.change(1)
    again = session.read("orders", mode="incremental", state=first.state).table()
    assert 0 < again.num_rows < count


def test_changes_are_change_batches(session, simulator):
    reading = session.changes("orders")
    assert reading.schema.names[0] == "_op"
    reading.table()
    simulator.change(2)
    ops = set(session.changes("orders", state=reading.state).table().column("_op").to_pylist())
    assert ops <= set("cud")
    assert ops


def test_rejects_are_told_and_budgeted(session, simulator):
    raw = simulator.corrupt("orders")
    with pytest.raises(DataError, match="1 rejected record, 0 allowed"):
        session.read("orders").table()
    reading = session.read("orders", max_rejects=1)
    reading.table()
    assert reading.rejects.column("raw").to_pylist() == [raw]


def test_writing_what_people_have(session):
    schema = session.stream("notes").schema
    before = session.read("notes").table().num_rows
    session.write("notes", [{"text": "a", "number": 1}, {"text": None, "number": None}])
    session.write("notes", pa.table({"text": ["b"], "number": pa.array([2], pa.int64())}))
    session.write("notes", polars.DataFrame({"text": ["c"], "number": [3]}))
    assert session.read("notes").table().num_rows == before + 4
    session.write("notes", pa.Table.from_pylist([{"text": "only", "number": 7}], schema), mode="replace")
    assert session.read("notes").table().to_pylist() == [{"text": "only", "number": 7}]
    with pytest.raises(ConfigError, match="no field 'nope'"):
        session.write("notes", [{"nope": 1}])
    with pytest.raises(DataError, match="field number.*cannot become int32 exactly"):
        session.write("notes", pa.table({"text": ["b"], "number": [2**40]}))


@pytest.mark.parametrize("given", [lambda rows: rows, pa.Table.from_pylist], ids=["dicts", "table"])
def test_a_row_that_does_not_fit_is_a_reject_and_the_others_are_written(session, given):
    rows = given([{"text": "one", "number": 1}, {"text": "much", "number": 2**40}, {"text": "three", "number": 3}])
    with pytest.raises(DataError, match="1 rejected record, 0 allowed") as refused:
        session.write("notes", rows)
    assert refused.value.hint == "max_rejects=1 would allow as many"  # the options of commands are nothing to a program
    assert session.write("notes", rows, max_rejects=1).rejects == 1
    assert sorted({row["text"] for row in session.read("notes")} & {"one", "much", "three"}) == ["one", "three"]


def test_copy_without_a_state_file_goes_on_from_the_sinks_checkpoint(session, simulator):
    with FakeSimulator(seed=9, streams=()) as empty, connector_sdk.open(FakeConnector, **empty.config) as target:
        connector_sdk.copy(session, target, streams=["orders"], mode="incremental", write="upsert")
        simulator.change(3)
        result = connector_sdk.copy(session, target, streams=["orders"], mode="incremental", write="upsert")
        assert 0 < result.rows < 40
        first = {row["id"] for row in simulator.rows("orders").to_pylist()}
        assert first <= {row["id"] for row in target.read("orders")}


def test_unknown_names_come_with_a_suggestion(session):
    with pytest.raises(ConfigError, match="did you mean orders"):
        session.read("order")
    with pytest.raises(ConfigError, match="there is no connector 'nope'"):
        connector_sdk.open("nope")
    with pytest.raises(ConfigError, match="unknown key 'colour'"):
        connector_sdk.open(FakeConnector, colour=1)


@pytest.mark.parametrize("name", ["out.parquet", "out.avro", "out.csv", "out.jsonl", "out.arrow", "folder/"])
def test_every_target_holds_every_row_once(tmp_path, name):
    target = open_target(f"{tmp_path}/{name}")
    source = Numbers()
    with target:
        result = run(
            Job(
                source=source,
                sink=target,
                streams=(stream(),),
                mode=Mode.FULL,
                write=target.mode,
                store=MemoryStore(),
                piece_rows=9,
            )
        )
    assert result.rows == 100
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    if name == "folder/":
        rows = [n for path in files for n in pq.read_table(path).column("n").to_pylist()]
    else:
        assert [path.name for path in files] == [name]
        with files[0].open("rb") as file:
            rows = [n for batch in target.format.read(file, stream().schema) for n in batch.column("n").to_pylist()]
    assert sorted(rows) == list(range(100))


def test_a_file_is_not_written_over(tmp_path):
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(connector_sdk.LocalResourceError, match="is there already"), open_target(f"{tmp_path}/out.csv") as target:
        run(Job(source=Numbers(), sink=target, streams=(stream(),), mode=Mode.FULL, write=target.mode, store=MemoryStore()))
    assert (tmp_path / "out.csv").read_text() == "mine"


def test_a_folder_target_is_gone_on_with(tmp_path):
    for count in (50, 80):
        with FileStore(tmp_path / "state", "n") as store, open_target(f"{tmp_path}/out/", resumable=True) as target:
            run(
                Job(
                    source=Numbers(count=count),
                    sink=target,
                    streams=(stream(),),
                    mode=Mode.INCREMENTAL,
                    write=WriteMode.APPEND,
                    store=store,
                )
            )
    rows = [n for path in (tmp_path / "out").glob("*.parquet") for n in pq.read_table(path).column("n").to_pylist()]
    assert sorted(rows) == list(range(80))


def test_each_run_of_one_state_can_have_a_new_file_with_only_what_is_new(tmp_path):
    for count in (50, 80):
        with FileStore(tmp_path / "state", "n") as store, open_target(f"{tmp_path}/to-{count}.parquet") as target:
            run(
                Job(
                    source=Numbers(count=count),
                    sink=target,
                    streams=(stream(),),
                    mode=Mode.INCREMENTAL,
                    write=target.mode,
                    store=store,
                )
            )
    assert sorted(pq.read_table(tmp_path / "to-50.parquet").column("n").to_pylist()) == list(range(50))
    assert sorted(pq.read_table(tmp_path / "to-80.parquet").column("n").to_pylist()) == list(range(50, 80))


def test_a_replace_that_would_leave_only_what_is_new_is_refused(tmp_path, simulator):
    with connector_sdk.open(FakeConnector, **simulator.config) as here, connector_sdk.open(FakeConnector, name="there") as there:
        ask = {"streams": ["orders"], "mode": "incremental", "state": tmp_path / "state"}
        connector_sdk.copy(here, there, write="append", **ask)
        with pytest.raises(ConfigError, match="would leave only what is new"):
            connector_sdk.copy(here, there, write="replace", **ask)


def test_texts_that_polars_hands_out_as_views_are_plain_texts(tmp_path):
    with connector_sdk.open(FakeConnector, name="views") as session:
        frame = polars.DataFrame({"id": [1, 2], "name": ["a", None], "raw": [b"x", b""]})
        assert session.write("frame", frame).rows == 2
        assert session.stream("frame").schema.types == [pa.int64(), pa.string(), pa.binary()]
        assert polars.DataFrame(session.read("frame")).equals(frame)


def test_a_session_that_is_closed_does_not_open_by_being_used(simulator):
    with connector_sdk.open(FakeConnector, **simulator.config) as session:
        reading = session.read("orders")
        assert reading.table().num_rows
    with pytest.raises(ConfigError, match=r"the session with .* is closed — read within its with block"):
        reading.table()
    with session:
        assert reading.table().num_rows
