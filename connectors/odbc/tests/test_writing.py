"""The five ways of writing, and what becomes of rows that the database does not take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from connector_sdk import changes
from connector_sdk.contract import Batch, Checkpoint, Load
from connector_sdk.errors import ConfigError, ConnectorError, DataError, SchemaDriftError, TransientError
from connector_sdk.rejects import rejects_of
from connector_sdk.runtime.engine import Job, run
from connector_sdk.runtime.reject_file import read_rejects
from connector_sdk.runtime.session import Session
from connector_sdk.runtime.state_store import MemoryStore
from connector_sdk.runtime.table_source import TableSource
from connector_sdk.schema import Stream, WriteMode

from connectors.odbc.tests.conftest import System

PEOPLE = pa.table(
    {"id": pa.array([1, 2, 3], pa.int64()), "name": ["Ann", "Bob", None], "age": pa.array([30, 40, 50], pa.int32())}
)


@pytest.fixture
def sink(system: System) -> Iterator[Session]:
    with Session(system.connector(streams={"people": {"version": "age"}}), "sink") as session:
        session.write("people", PEOPLE, keys=["id"])
        yield session


def people(system: System) -> list[tuple[Any, ...]]:
    return system.rows("SELECT id, name, age FROM people ORDER BY id")


def change(rows: list[tuple[Any, ...]], ops: list[str], **more: Any) -> pa.RecordBatch:
    columns = [pa.array(list(values), field.type) for values, field in zip(zip(*rows, strict=True), PEOPLE.schema, strict=True)]
    return changes.build(pa.RecordBatch.from_arrays(columns, schema=PEOPLE.schema), ops, **more)


def test_append_adds_rows(system: System, sink: Session) -> None:
    sink.write("people", [{"id": 4, "name": "", "age": None}])
    assert people(system) == [(1, "Ann", 30), (2, "Bob", 40), (3, None, 50), (4, "", None)]


def test_replace_leaves_only_the_new_rows(system: System, sink: Session) -> None:
    sink.write("people", PEOPLE.slice(1, 1), mode="replace")
    assert people(system) == [(2, "Bob", 40)]
    sink.write("people", PEOPLE.slice(0, 0), mode="replace")
    assert people(system) == []


def test_upsert_updates_by_key_and_inserts_the_others(system: System, sink: Session) -> None:
    sink.write("people", [{"id": 2, "name": "Bea", "age": 41}, {"id": 9, "name": "Zoe", "age": 9}], mode="upsert")
    assert people(system) == [(1, "Ann", 30), (2, "Bea", 41), (3, None, 50), (9, "Zoe", 9)]


def test_upsert_never_touches_a_row_through_another_unique_key(system: System, sink: Session) -> None:
    system.run("CREATE UNIQUE INDEX age_once ON people (age)")
    with pytest.raises(DataError, match="1 rejected"):
        sink.write("people", [{"id": 7, "name": "Eve", "age": 30}], mode="upsert")
    assert people(system) == [(1, "Ann", 30), (2, "Bob", 40), (3, None, 50)]


def test_changes_are_carried_out_in_their_order(system: System, sink: Session) -> None:
    rows = [(1, "x", 1), (1, "y", 2), (2, None, None), (4, "new", 4), (4, None, None), (5, "five", 5), (2, "again", 22)]
    sink.write("people", change(rows, ["u", "u", "d", "c", "d", "c", "c"]), mode="apply")
    assert people(system) == [(1, "y", 2), (2, "again", 22), (3, None, 50), (5, "five", 5)]


def test_what_a_change_does_not_know_stays(system: System, sink: Session) -> None:
    rows = [(1, "Anna", None), (2, None, 41), (3, "Cid", None), (3, None, 51), (8, "only", None)]
    sink.write("people", change(rows, ["u"] * 5, known=[[0, 1], [0, 2], [0, 1], [0, 2], [0, 1]]), mode="apply")
    assert people(system) == [(1, "Anna", 30), (2, "Bob", 41), (3, "Cid", 51), (8, "only", None)]


def test_a_row_deleted_and_made_again_keeps_nothing_of_the_old_one(system: System, sink: Session) -> None:
    sink.write("people", change([(1, None, None), (1, "new", None)], ["d", "c"], known=[None, [0, 1]]), mode="apply")
    assert people(system)[0] == (1, "new", None)


def test_truncate_empties_the_table_and_what_follows_is_there(system: System, sink: Session) -> None:
    rows = [(7, "gone", 7), (None, None, None), (5, "kept", 5)]
    sink.write("people", change(rows, ["c", "t", "c"]), mode="apply")
    assert people(system) == [(5, "kept", 5)]


def test_a_key_that_changes_moves_its_row(system: System, sink: Session) -> None:
    before = pa.RecordBatch.from_pylist([{"id": 1, "name": "Ann", "age": 30}], schema=PEOPLE.schema)
    sink.write("people", change([(11, "Ann", 31)], ["u"], before=before), mode="apply")
    assert people(system) == [(2, "Bob", 40), (3, None, 50), (11, "Ann", 31)]


def test_a_row_that_moves_after_a_change_of_some_columns_keeps_the_others(system: System, sink: Session) -> None:
    before = pa.RecordBatch.from_pylist([{}, {"id": 1, "name": "Anna", "age": 30}], schema=PEOPLE.schema)
    rows = [(1, "Anna", None), (11, None, None)]
    sink.write("people", change(rows, ["u", "u"], known=[[0, 1], [0]], before=before), mode="apply")
    assert people(system) == [(2, "Bob", 40), (3, None, 50), (11, "Anna", 30)]


def test_a_change_of_another_version_is_a_conflict(system: System, sink: Session) -> None:
    rows = [(1, "Anna", 31), (2, "Bea", 41), (9, "none", 1), (1, "Annie", 32)]
    batch = change(rows, ["u", "u", "u", "u"], rev=["30", "39", "1", "31"])
    result = sink.write("people", batch, mode="apply", max_rejects=2)
    assert people(system) == [(1, "Annie", 32), (2, "Bob", 40), (3, None, 50)]
    assert result.rejects == 2


def test_a_conflict_is_told_as_such(system: System) -> None:
    with system.connector() as connector:
        stream = Stream(name="people", schema=PEOPLE.schema, keys=("id",))
        connector.alter(stream, None, dry_run=False)
        load = Load(id="conflicts", streams=(stream,), mode=WriteMode.APPLY, max_rejects=5)
        connector.resume(load)
        before = pa.RecordBatch.from_pylist([{"id": 1, "name": "other", "age": 30}], schema=PEOPLE.schema)
        first = connector.write(load, "a", [Batch(stream="people", data=PEOPLE.to_batches()[0])])
        connector.commit(load, [first], Checkpoint(id=1))
        data = change([(1, "mine", 1)], ["u"], rev=["1"], before=before)
        done = connector.commit(load, [connector.write(load, "b", [Batch(stream="people", data=data)])], Checkpoint(id=2))
        assert done.rejects is not None
        [reject] = rejects_of(done.rejects)
        assert (reject.code, reject.raw_form) == ("conflict", "arrow")
        with pa.ipc.open_stream(reject.raw) as reader:
            assert reader.read_all().to_pylist() == [{"id": 1, "name": "mine", "age": 1}]
    assert people(system)[0] == (1, "Ann", 30)


@pytest.mark.parametrize("op", ["u", "d"])
def test_a_version_that_nothing_tells_is_never_taken_for_the_right_one(system: System, op: str) -> None:
    with Session(system.connector(), "sink") as session:
        session.write("people", PEOPLE, keys=["id"])
        with pytest.raises(ConfigError, match="version"):
            session.write("people", change([(1, "Anna", 31)], [op], rev=["30"]), mode="apply")
    assert people(system)[0] == (1, "Ann", 30)


@pytest.mark.parametrize("engine", ["MyISAM", "Aria", "MEMORY"])
def test_a_table_without_transactions_is_refused(mariadb_system: System, engine: str) -> None:
    mariadb_system.run(f"CREATE TABLE people (id bigint PRIMARY KEY, name varchar(9), age int) ENGINE={engine}")
    with Session(mariadb_system.connector(), "sink") as session, pytest.raises(ConfigError, match=engine):
        session.write("people", PEOPLE)
    assert people(mariadb_system) == []


def test_rows_over_the_budget_are_in_the_reject_file(system: System, sink: Session, tmp_path: Path) -> None:
    """Refused while they are written (append), or only at the commit (upsert)."""
    system.run("CREATE UNIQUE INDEX age_once ON people (age)")
    rows = pa.table({"id": pa.array([7, 8], pa.int64()), "name": ["x", "y"], "age": pa.array([30, 8], pa.int32())})
    for mode in ("append", "upsert"):
        source = TableSource("people", rows, like=sink.stream("people"))
        job = Job(
            source=source,
            sink=sink.sink(),
            streams=tuple(source.discover()),
            mode=source.mode,
            write=WriteMode(mode),
            store=MemoryStore("rows"),
            rejects=tmp_path / f"{mode}.jsonl",
        )
        with pytest.raises(DataError, match="0 allowed"):
            run(job)
        assert [line.reject.code for line in read_rejects(tmp_path / f"{mode}.jsonl")] == ["refused"]
    assert len(people(system)) == 3


def test_history_keeps_every_version(system: System) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    when = [start + timedelta(hours=hour) for hour in range(4)]
    batch = change([(1, "a", 1), (1, "b", 1), (2, "c", 2), (1, None, None)], ["c", "u", "c", "d"], ts=when)
    with Session(system.connector(), "sink") as session:
        for _ in range(2):  # delivered again, it changes nothing
            session.write("people", batch, mode="history", keys=["id"])
            session.write("people", [{"id": 2, "name": "c", "age": 2}], mode="history", keys=["id"])
    rows = system.rows("SELECT id, name, valid_from, valid_to FROM people ORDER BY id, valid_from")
    assert [(row[0], row[1], row[3] is None) for row in rows] == [(1, "a", False), (1, "b", False), (2, "c", True)]
    assert rows[0][3] == rows[1][2]


def test_a_history_needs_its_columns(system: System, sink: Session) -> None:
    with pytest.raises(ConfigError, match="keeps no history"):
        sink.write("people", PEOPLE, mode="history")


def test_refused_rows_come_back_with_the_databases_own_words(system: System) -> None:
    system.run("CREATE TABLE people (id bigint PRIMARY KEY, name varchar(5) NOT NULL, age integer CHECK (age < 100))")
    rows = pa.table(
        {
            "id": pa.array([1, 2, 3, 4, 2, None], pa.int64()),
            "name": ["Ann", None, "Cid", "Dan", "Bob", "Eve"],
            "age": pa.array([1, 2, 300, 4, 5, 6], pa.int32()),
        }
    )
    stream = Stream(name="people", schema=rows.schema, keys=("id",))
    with system.connector() as connector:
        load = Load(id="refusals", streams=(stream,), mode=WriteMode.APPEND, max_rejects=None)
        connector.resume(load)
        receipt = connector.write(load, "one", [Batch(stream="people", data=rows.to_batches()[0])])
        done = connector.commit(load, [receipt], Checkpoint(id=1, done=True))
        again = connector.commit(load, [receipt], Checkpoint(id=1, done=True))
    refused = [reject for part in (receipt, done) if part.rejects is not None for reject in rejects_of(part.rejects)]
    told = {}
    for reject in refused:
        with pa.ipc.open_stream(reject.raw) as reader:
            told[reader.read_all()["name"][0].as_py()] = reject.reason
    assert set(told) == {None, "Cid", "Eve"} if system.kind != "sqlite" else {None, "Cid"} <= set(told)
    assert "name" in told[None]
    assert again.rows == done.rows
    assert (again.rejects is None) == (done.rejects is None)
    there = {row[0] for row in system.rows("SELECT name FROM people")}
    assert {"Ann", "Dan", "Bob"} <= there
    assert not there & {None, "Cid"}


def test_over_the_budget_nothing_is_there(system: System, sink: Session) -> None:
    rows = pa.table({"id": pa.array([2, 7, 3], pa.int64()), "name": ["x", "y", "z"], "age": pa.array([1, 2, 3], pa.int32())})
    with pytest.raises(DataError, match="1 allowed"):
        sink.write("people", rows, max_rejects=1)
    assert len(people(system)) == 3
    assert sink.write("people", rows, max_rejects=2).rows == 1


def test_over_the_budget_the_database_is_asked_no_further(system: System, sink: Session) -> None:
    system.run("CREATE UNIQUE INDEX age_once ON people (age)")
    rows = pa.table({"id": range(100, 600), "name": ["x"] * 500, "age": pa.array([30] * 500, pa.int32())})
    load = Load(id="all", streams=(sink.stream("people"),), mode=WriteMode.UPSERT, max_rejects=2)
    with system.connector() as connector:
        connector.resume(load)
        data = rows.cast(sink.stream("people").schema).to_batches()[0]
        receipt = connector.write(load, "one", [Batch(stream="people", data=data)])
        with pytest.raises(DataError, match="3 rejected records, 2 allowed") as raised:
            connector.commit(load, [receipt], Checkpoint(id=1))
    assert isinstance(raised.value.rejects, pa.RecordBatch)
    assert raised.value.rejects.num_rows == 3


def test_changes_wait_for_the_next_of_their_key_only_while_there_is_room(system: System, sink: Session) -> None:
    load = Load(id="wide", streams=(sink.stream("people"),), mode=WriteMode.UPSERT)
    wide = pa.RecordBatch.from_pydict(
        {"id": [1, 2], "name": ["x" * 6_000_000] * 2, "age": [1, 2]}, schema=sink.stream("people").schema
    )
    with system.connector() as connector:
        connector.resume(load)
        receipt = connector.write(load, "one", [Batch(stream="people", data=wide)] * 4)
        [[_, _, staged, chunks, _]] = json.loads(receipt.token)["staged"]
    assert (staged, len(chunks)) == (4, 2)


def test_rows_that_wait_for_one_another_are_taken(system: System) -> None:
    system.run("CREATE TABLE staff (id integer PRIMARY KEY, boss integer, FOREIGN KEY (boss) REFERENCES staff (id))")
    rows = pa.table({"id": pa.array([3, 2, 1], pa.int32()), "boss": pa.array([2, 1, None], pa.int32())})
    with Session(system.connector(), "sink") as session:
        session.write("staff", rows.cast(session.stream("staff").schema))
    assert system.rows("SELECT id, boss FROM staff ORDER BY id") == [(1, None), (2, 1), (3, 2)]


def test_nothing_is_left_behind(system: System, sink: Session) -> None:
    sink.write("people", PEOPLE, mode="upsert")
    assert [stream.name for stream in sink.discover()] == ["people"]
    query = {
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
        "mariadb": "SELECT table_name FROM information_schema.tables WHERE table_schema = database()",
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    }[system.kind]
    assert {row[0] for row in system.rows(query)} == {"people", "_connector_checkpoints"}


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_what_a_cut_load_wrote_is_dropped_by_the_next(system: System, sink: Session, mode: str) -> None:
    stream = sink.stream("people")
    load = Load(id="cut", streams=(stream,), mode=WriteMode(mode))
    data = PEOPLE.set_column(0, "id", pa.array([7, 8, 9], pa.int64())).cast(stream.schema).to_batches()[0]
    with system.connector() as connector:
        connector.resume(load)
        connector.write(load, "lost", [Batch(stream="people", data=data)])
    assert people(system) == [(1, "Ann", 30), (2, "Bob", 40), (3, None, 50)]
    with system.connector() as connector:
        assert connector.resume(load) is None
        receipt = connector.write(load, "other", [])
        connector.commit(load, [receipt], Checkpoint(id=1, states={"s": {"v": 1}}))
        again = connector.resume(load)
    assert again is not None and again.states == {"s": {"v": 1}}
    test_nothing_is_left_behind(system, sink)


def test_staged_rows_that_are_gone_are_not_taken_for_none(system: System, sink: Session) -> None:
    stream = sink.stream("people")
    load = Load(id="gone", streams=(stream,), mode=WriteMode.UPSERT)
    with system.connector() as connector:
        connector.resume(load)
        receipt = connector.write(load, "one", [Batch(stream="people", data=PEOPLE.cast(stream.schema).to_batches()[0])])
        table = json.loads(receipt.token)["staged"][0][1]
        system.run(f"DELETE FROM {system.quote(table)}")
        with pytest.raises(TransientError, match="are gone"):
            connector.commit(load, [receipt], Checkpoint(id=1))
        assert connector.resume(load) is None


def test_a_failing_source_leaves_nothing(system: System, sink: Session) -> None:
    def torn() -> Iterator[pa.RecordBatch]:
        yield PEOPLE.to_batches()[0]
        raise ConnectorError("the source broke")

    with pytest.raises(ConnectorError, match="the source broke"):
        sink.write("people", pa.RecordBatchReader.from_batches(PEOPLE.schema, torn()), mode="upsert")
    test_nothing_is_left_behind(system, sink)


def test_names_with_quotes_and_signs(system: System) -> None:
    name, column = 'größe "x" `y`; --', "Spalte 'ä' \"b\" `c`"
    rows = pa.table({"id": pa.array([1, 2], pa.int64()), column: ["é🚚", None]})
    with Session(system.connector(), "sink") as session:
        session.write(name, rows, keys=["id"])
        session.write(name, rows.slice(1), mode="upsert")
        assert session.read(name).table().to_pylist() == rows.to_pylist()


def test_a_name_that_is_too_long_is_refused(system: System) -> None:
    with Session(system.connector(), "sink") as session:
        if system.kind == "sqlite":
            session.write("t" * 70, PEOPLE)
            return
        with pytest.raises(ConfigError, match="names of at most"):
            session.write("t" * 70, PEOPLE)
        with pytest.raises(ConfigError, match="names of at most"):
            session.write("short", PEOPLE.rename_columns(["id", "n" * 65, "age"]))


def test_a_column_that_is_missing_is_added_and_a_narrow_one_widened(system: System, sink: Session) -> None:
    wider = pa.table({"id": pa.array([9], pa.int64()), "age": pa.array([2**40], pa.int64()), "new": ["n"]})
    stream = Stream(name="people", schema=wider.schema, keys=("id",))
    with system.connector() as connector:
        [have] = connector.discover(["people"])
        steps = connector.alter(stream, have, dry_run=True)
        assert any("ADD COLUMN" in step for step in steps)
        assert any("bigint" in step for step in steps) or system.kind == "sqlite"
        assert connector.alter(stream, have, dry_run=False) == steps
        [have] = connector.discover(["people"])
        assert connector.alter(stream, have, dry_run=False) == []


def test_a_column_is_never_narrowed(system: System, sink: Session) -> None:
    other = pa.schema([("id", pa.int64()), ("age", pa.string())])
    with system.connector() as connector:
        [have] = connector.discover(["people"])
        with pytest.raises(SchemaDriftError) as raised:
            connector.alter(Stream(name="people", schema=other), have, dry_run=True)
    assert raised.value.fields == ("age",)


def test_a_dropped_table_is_drift(system: System, sink: Session) -> None:
    stream = sink.stream("people")
    with system.connector() as connector:
        load = Load(id="dropped", streams=(stream,), mode=WriteMode.UPSERT)
        connector.resume(load)
        receipt = connector.write(load, "one", [Batch(stream="people", data=PEOPLE.cast(stream.schema).to_batches()[0])])
        system.run("DROP TABLE people")
        with pytest.raises(SchemaDriftError):
            connector.commit(load, [receipt], Checkpoint(id=1))


RAISES = {
    "postgresql": (
        "CREATE TABLE t (id int PRIMARY KEY, v varchar(20))",
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF NEW.v = 'bad' THEN RAISE EXCEPTION 'not this one' USING ERRCODE = '{}'; END IF; RETURN NEW; END $$""",
        "CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()",
    ),
    "mariadb": (
        "CREATE TABLE t (id int PRIMARY KEY, v varchar(20))",
        """CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW IF NEW.v = 'bad' THEN
           SIGNAL SQLSTATE '{}' SET MESSAGE_TEXT = 'not this one', MYSQL_ERRNO = 31001; END IF""",
    ),
    "sqlite": (
        "CREATE TABLE t (id int PRIMARY KEY, v varchar(20))",
        "CREATE TRIGGER refuse BEFORE INSERT ON t WHEN NEW.v = 'bad' BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    ),
}
THREE = pa.table({"id": pa.array([1, 2, 3], pa.int32()), "v": ["a", "bad", "c"]})


@pytest.mark.parametrize("mode", ["append", "upsert"])
@pytest.mark.parametrize(  # states of their own are told as such by PostgreSQL alone
    ("kind", "state"),
    [("postgresql", "45000"), ("postgresql", "P0002"), ("postgresql", "U0001"), ("mariadb", "45000"), ("sqlite", "45000")],
)
def test_a_row_that_a_trigger_raises_at_is_a_reject_whatever_its_state(
    kind: str, state: str, mode: str, request: pytest.FixtureRequest
) -> None:
    system: System = request.getfixturevalue(f"{kind}_system")
    system.run(*(statement.format(state) for statement in RAISES[system.kind]))
    with Session(system.connector(), "sink") as session:
        assert session.write("t", THREE, mode=mode, max_rejects=1).rejects == 1
    assert [row[0] for row in system.rows("SELECT id FROM t ORDER BY id")] == [1, 3]


@pytest.mark.parametrize("mode", ["append", "upsert"])
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_row_that_no_partition_takes_is_a_reject(kind: str, mode: str, request: pytest.FixtureRequest) -> None:
    system: System = request.getfixturevalue(f"{kind}_system")
    system.run(
        *{
            "postgresql": (
                "CREATE TABLE t (id int PRIMARY KEY, v varchar(20)) PARTITION BY LIST (id)",
                "CREATE TABLE t_odd PARTITION OF t FOR VALUES IN (1, 3)",
            ),
            "mariadb": (
                "CREATE TABLE t (id int PRIMARY KEY, v varchar(20)) PARTITION BY LIST (id) (PARTITION odd VALUES IN (1, 3))",
            ),
        }[system.kind]
    )
    with Session(system.connector(), "sink") as session:
        assert session.write("t", THREE, mode=mode, max_rejects=1).rejects == 1
    assert [row[0] for row in system.rows("SELECT id FROM t ORDER BY id")] == [1, 3]


def test_a_row_that_a_policy_keeps_out_is_a_reject(postgresql_system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    system, user = postgresql_system, f"tenant_{postgresql_system.database.name}"
    system.run(
        f"CREATE ROLE {user} LOGIN PASSWORD 'secret1'",
        f"GRANT CREATE, USAGE ON SCHEMA public TO {user}",
        "CREATE TABLE t (id int PRIMARY KEY, v varchar(20))",
        f"GRANT ALL ON t TO {user}",
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY mine ON t TO {user} USING (v <> 'bad')",
    )
    monkeypatch.setenv("TENANT_PASSWORD", "secret1")
    with Session(system.connector(user=user, password="env:TENANT_PASSWORD"), "sink") as session:
        assert session.write("t", THREE, max_rejects=1).rejects == 1
    assert [row[0] for row in system.rows("SELECT id FROM t ORDER BY id")] == [1, 3]
    system.run(f"DROP OWNED BY {user}", f"DROP ROLE {user}")


def test_thousands_of_rows_can_be_refused(system: System) -> None:
    system.run("CREATE TABLE t (id int PRIMARY KEY, v varchar(20))", "INSERT INTO t VALUES (1, 'here')")
    rows = pa.table({"id": pa.array([1] * 9_000 + [2], pa.int32()), "v": ["x"] * 9_001})
    with Session(system.connector(), "sink") as session:
        result = session.write("t", rows, max_rejects=None)
    assert (result.rows, result.rejects) == (1, 9_000)


def test_a_row_that_takes_the_transaction_back_is_told_in_the_databases_words(sqlite_system: System) -> None:
    sqlite_system.run(
        "CREATE TABLE t (id int PRIMARY KEY, v text UNIQUE ON CONFLICT ROLLBACK)", "INSERT INTO t VALUES (9, 'bad')"
    )
    with Session(sqlite_system.connector(), "sink") as session, pytest.raises(DataError, match="UNIQUE constraint failed: t.v"):
        session.write("t", THREE, max_rejects=1)
    assert sqlite_system.rows("SELECT id FROM t") == [(9,)]
