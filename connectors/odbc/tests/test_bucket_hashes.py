"""Changes by comparison where the server hashes: a replica converges, only what is another is read, and nothing is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from connector_odbc import OdbcConnector
from connector_odbc.changes import bucket_hashes
from connector_odbc.fetching import Fetch
from connector_sdk.contract import Split, State
from connector_sdk.errors import DataError, StateInvalidError
from connector_sdk.rejects import rejects_of
from connector_sdk.runtime.snapshot_diff import offer
from connector_sdk.schema import Mode

from connectors.odbc.tests.conftest import System
from connectors.odbc.tests.fidelity_cases import CASES
from connectors.odbc.tests.test_fidelity import prepare, read, same
from connectors.odbc.tests.workload import SECONDS, TABLE, Follower, Replica, Writers, create, rows_of


@pytest.fixture(params=["postgresql", "mariadb"])
def hashing(request: pytest.FixtureRequest) -> System:
    """A fresh database of each kind that hashes."""
    fresh: System = request.getfixturevalue(f"{request.param}_system")
    return fresh


def _connector(system: System, index: Path, **more: object) -> OdbcConnector:
    return system.connector(changes="snapshot", index=str(index), **{"max_change": 1, **more})


def _split(opened: OdbcConnector, name: str = TABLE) -> Split:
    (stream,) = opened.discover([name])
    assert Mode.CHANGES in stream.reads
    (split,) = opened.plan([stream], Mode.CHANGES)
    return split


def _read(opened: OdbcConnector, split: Split, state: State | None, until: State | None = None) -> tuple[list[Any], State]:
    """Operations with their rows, and the last state."""
    found: list[Any] = []
    batches = list(opened.read(split, state, until))
    for batch in batches:
        assert batch.rejects is None
        found += [
            (row["_op"], *(value for name, value in row.items() if not name.startswith("_"))) for row in batch.data.to_pylist()
        ]
    assert batches[-1].state is not None
    return found, batches[-1].state


def _follow(opened: OdbcConnector, split: Split, replica: Replica, state: State | None) -> State:
    """Apply what is new. Returns the last state."""
    for batch in opened.read(split, state):
        replica.apply(batch.data)
        state = batch.state or state
    assert state is not None
    return state


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each reading has fetched."""
    counts: list[int] = []
    batches = Fetch.batches

    def counted(self: Fetch, after: Any) -> Iterator[Any]:
        counts.append(0)
        for one in batches(self, after):
            counts[-1] += one.data.num_rows
            yield one

    monkeypatch.setattr(Fetch, "batches", counted)
    return counts


def test_only_the_rows_of_buckets_that_are_others_are_read(hashing: System, tmp_path: Path, fetched: list[int]) -> None:
    create(hashing, 3_000)
    with _connector(hashing, tmp_path) as opened:
        split = _split(opened)
        told, state = _read(opened, split, None)
        assert len(told) == 3_000 and {row[0] for row in told} == {"r"}
        assert fetched == [3_000]
        assert _read(opened, split, state) == ([], state)
        assert fetched == [3_000], "nothing is another: no row is read"
        hashing.run(f"UPDATE {TABLE} SET n = 7 WHERE id = 17", f"DELETE FROM {TABLE} WHERE id = 2999")
        told, later = _read(opened, split, state)
        assert told == [("d", 2999, None, None, None, None, None), ("u", 17, 7, "first", None, None, None)]
        assert len(fetched) == 2 and fetched[1] <= 40, "two buckets of 1,024"
        assert _read(opened, split, state, later) == (told, later)
        assert _read(opened, split, later) == ([], later)


def test_a_replica_equals_the_table_after_any_changes(hashing: System, tmp_path: Path) -> None:
    create(hashing, 200)
    luck = random.Random(4)
    with _connector(hashing, tmp_path) as opened:
        split, replica = _split(opened), Replica(("id",))
        state: State | None = None
        for _ in range(12):
            state = _follow(opened, split, replica, state)
            assert replica.rows == rows_of(opened)
            if luck.random() < 0.5:
                opened.ack(split, state)
            hashing.run(*(_change(luck) for _ in range(luck.choice([1, 3, 40]))))
            if luck.random() < 0.2:
                hashing.run(f"DELETE FROM {TABLE} WHERE id < {luck.randrange(250)}")


def _change(luck: random.Random) -> str:
    key, other = luck.randrange(250), luck.randrange(1_000, 100_000)
    return luck.choice(
        [
            f"INSERT INTO {TABLE} (id, n, name) VALUES ({other}, {luck.randrange(9)}, '')",
            f"UPDATE {TABLE} SET n = {luck.randrange(9)}, amount = {luck.randrange(99)}.5 WHERE id = {key}",
            f"UPDATE {TABLE} SET name = NULL WHERE id = {key}",
            f"UPDATE {TABLE} SET name = '' WHERE id = {key}",
            f"UPDATE {TABLE} SET id = {other} WHERE id = {key}",
            f"DELETE FROM {TABLE} WHERE id = {key}",
        ]
    )


@pytest.mark.slow
def test_a_replica_under_load_equals_the_source(hashing: System, tmp_path: Path) -> None:
    create(hashing)
    follower = Follower(lambda: _connector(hashing, tmp_path, batch_rows=70))
    with Writers(hashing) as writers:
        follower.follow(SECONDS, lambda: hashing.server.restart(hard=True))
    follower.read()
    assert follower.replica is not None
    with hashing.connector() as opened:
        assert follower.replica.rows == rows_of(opened)
    assert writers.commits > 50 and writers.rollbacks > 5
    assert follower.cuts > 0


def test_values_that_move_from_column_to_column_are_changes(hashing: System, tmp_path: Path) -> None:
    """Neither a null nor a separator nor a quote is mistaken for something else."""
    rows = [(None, ""), ("", None), ("a,b", ""), ("a", "b"), ("", "a,b"), ("'", "','"), ("','", "'"), ("NULL", None), ("N", None)]
    hashing.run(
        "CREATE TABLE pairs (id integer NOT NULL PRIMARY KEY, a varchar(20), b text)", "INSERT INTO pairs VALUES (1, 'x', 'y')"
    )
    with _connector(hashing, tmp_path) as opened:
        split = _split(opened, "pairs")
        _, state = _read(opened, split, None)
        for a, b in rows:
            shown = ["NULL" if value is None else "'" + value.replace("'", "''") + "'" for value in (a, b)]
            hashing.run(f"UPDATE pairs SET a = {shown[0]}, b = {shown[1]} WHERE id = 1")
            told, state = _read(opened, split, state)
            assert told == [("u", 1, a, b)]


def test_the_smallest_differences_are_seen(hashing: System, tmp_path: Path) -> None:
    real, double = {"postgresql": ("real", "double precision"), "mariadb": ("float", "double")}[hashing.kind]
    hashing.run(f"CREATE TABLE fine (id integer NOT NULL PRIMARY KEY, r {real}, d {double}, t varchar(300), u varchar(9))")
    hashing.run("INSERT INTO fine VALUES (1, 0, 0, '', '')")
    steps = [
        "d = 0.1e0",
        "d = 0.10000000000000002e0",
        "d = 1.7976931348623157e308",
        "d = 1.7976931348623155e308",
        "r = 16777215e0",
    ]
    steps += ["r = 16777214e0", "t = 'a'", "t = 'A'", "t = 'A '", "u = 'a'", "u = 'A'", "u = 'A '", "u = 'Å'"]
    with _connector(hashing, tmp_path) as opened:
        split = _split(opened, "fine")
        _, state = _read(opened, split, None)
        for step in steps:
            hashing.run(f"UPDATE fine SET {step}")
            told, state = _read(opened, split, state)
            assert len(told) == 1, step


def test_two_rows_that_swap_their_values_are_changes(hashing: System, tmp_path: Path) -> None:
    create(hashing, 2)
    hashing.run(f"UPDATE {TABLE} SET n = id")
    with _connector(hashing, tmp_path) as opened:
        split = _split(opened)
        _, state = _read(opened, split, None)
        hashing.run(f"UPDATE {TABLE} SET n = 1 - n")
        told, _ = _read(opened, split, state)
        assert sorted(row[:3] for row in told) == [("u", 0, 1), ("u", 1, 0)]


def test_a_reader_that_dies_finds_everything_again(hashing: System, tmp_path: Path) -> None:
    create(hashing, 50)
    with _connector(hashing, tmp_path) as opened:
        split = _split(opened)
        batches = iter(opened.read(split, None))
        low = next(batches)
        assert low.data.num_rows == 0 and low.state is not None
        batches.close()  # type: ignore[attr-defined]
        told, state = _read(opened, split, low.state)
        assert len(told) == 50
        hashing.run(f"UPDATE {TABLE} SET n = 1 WHERE id = 3")
        batches = iter(opened.read(split, state))
        assert next(batches).data.num_rows == 1
        batches.close()  # type: ignore[attr-defined]
        hashing.run(f"UPDATE {TABLE} SET n = 2 WHERE id = 4")
        told, later = _read(opened, split, state)
        assert [row[:3] for row in told] == [("u", 3, 1), ("u", 4, 2)]
        opened.ack(split, later)
        assert _read(opened, split, later) == ([], later)


def test_a_read_that_fails_between_query_and_rows_changes_nothing(
    hashing: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(hashing, 50)
    with _connector(hashing, tmp_path) as opened:
        split = _split(opened)
        _, state = _read(opened, split, None)
        hashing.run(f"DELETE FROM {TABLE} WHERE id = 3")
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

        def dies(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(bucket_hashes.Draft, "publish", dies)
            with pytest.raises(KeyboardInterrupt):
                _read(opened, split, state)
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
        told, _ = _read(opened, split, state)
        assert [row[:2] for row in told] == [("d", 3)]


def test_what_changes_between_query_and_rows_is_not_lost(
    hashing: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when it is as it was by the time of the next query."""
    create(hashing, 50)
    batches = Fetch.batches

    def late(self: Fetch, after: Any) -> Iterator[Any]:
        hashing.run(f"UPDATE {TABLE} SET n = 5 WHERE id = 3")
        yield from batches(self, after)

    with _connector(hashing, tmp_path) as opened:
        split, replica = _split(opened), Replica(("id",))
        state = _follow(opened, split, replica, None)
        hashing.run(f"UPDATE {TABLE} SET name = 'else' WHERE id = 3")
        with monkeypatch.context() as patched:
            patched.setattr(Fetch, "batches", late)
            state = _follow(opened, split, replica, state)
        hashing.run(f"UPDATE {TABLE} SET n = 0 WHERE id = 3")
        _follow(opened, split, replica, state)
        assert replica.rows == rows_of(opened)


def test_a_missing_or_damaged_index_is_said(hashing: System, tmp_path: Path) -> None:
    create(hashing, 50)
    with _connector(hashing, tmp_path) as opened:
        split = _split(opened)
        _, state = _read(opened, split, None)
        for path in tmp_path.rglob("*.buckets"):
            path.write_bytes(b"\0" * path.stat().st_size)
        with pytest.raises(StateInvalidError, match="damaged"):
            _read(opened, split, state)
        for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
            path.unlink()
        with pytest.raises(StateInvalidError, match="missing"):
            _read(opened, split, state)


def test_the_brake_holds(hashing: System, tmp_path: Path) -> None:
    create(hashing, 50)
    with _connector(hashing, tmp_path, max_change=0.2) as opened:
        split = _split(opened)
        _, state = _read(opened, split, None)
        hashing.run(f"DELETE FROM {TABLE} WHERE id < 25")
        with pytest.raises(DataError, match="would delete 25 .* of 50 rows") as caught:
            _read(opened, split, state)
        assert caught.value.code == "max_change" and "max_change: null" in str(caught.value.hint)
    with _connector(hashing, tmp_path) as opened:
        assert len(_read(opened, split, state)[0]) == 25


def test_old_files_go_with_the_acknowledgement(hashing: System, tmp_path: Path) -> None:
    create(hashing, 50)
    with _connector(hashing, tmp_path) as opened:
        split = _split(opened)
        state, sizes = None, set()
        for n in range(4):
            _, state = _read(opened, split, state)
            opened.ack(split, state)
            sizes.add(len([path for path in tmp_path.rglob("*") if path.is_file()]))
            hashing.run(f"UPDATE {TABLE} SET n = {n + 1} WHERE id = 3")
        assert len(sizes) == 1


def test_every_type_is_hashed_and_told_as_full_reads_tell_it(hashing: System, tmp_path: Path, fetched: list[int]) -> None:
    cases = [case for case in CASES[hashing.kind] if not case.apart]
    prepare(hashing, [("nasty", cases)])
    with _connector(hashing, tmp_path) as opened:
        _, full, refused = read(opened, "nasty")
        split = _split(opened, "nasty")
        batches = list(opened.read(split, None))
        rejects = [reject for batch in batches if batch.rejects is not None for reject in rejects_of(batch.rejects)]
        assert {reject.field for reject in rejects} == {reject.field for reject in refused}
        rows = {row["id"]: row for batch in batches for row in batch.data.to_pylist()}
        assert rows.keys() == {row["id"] for row in full.to_pylist()}
        for row in full.to_pylist():
            assert all(same(rows[row["id"]][name], value) for name, value in row.items())
        fetched.clear()
        state = batches[-1].state
        list(opened.read(split, state))
        assert sum(fetched) <= len(cases) // 2, "only what was refused is read again"
        # Each value is seen by the hash of its row.
        for case in cases:
            if case.raw is None and case.literal != "NULL":
                hashing.run(f"UPDATE nasty SET {hashing.quote(case.name)} = NULL")
                found = list(opened.read(split, state))
                assert sum(batch.data.num_rows for batch in found) == 1, case.name
                state = found[-1].state


def test_while_there_are_rejects_nothing_is_deleted_and_later_it_is(hashing: System, tmp_path: Path) -> None:
    kind = "date"
    bad = {"postgresql": "'infinity'", "mariadb": "'0000-00-00'"}[hashing.kind]
    relaxed = ["SET sql_mode = ''"] if hashing.kind == "mariadb" else []
    hashing.run(f"CREATE TABLE days (id integer NOT NULL PRIMARY KEY, at {kind})")
    hashing.run("INSERT INTO days VALUES (1, '2020-01-01')", "INSERT INTO days VALUES (2, '2020-01-02')")
    with _connector(hashing, tmp_path) as opened:
        split, replica = _split(opened, "days"), Replica(("id",))
        state = _follow(opened, split, replica, None)
        hashing.run(*relaxed, f"UPDATE days SET at = {bad} WHERE id = 1", "DELETE FROM days WHERE id = 2")
        state = _follow(opened, split, replica, state)
        assert replica.rows.keys() == {(1,), (2,)}
        hashing.run("UPDATE days SET at = '2020-01-05' WHERE id = 1")
        _follow(opened, split, replica, state)
        assert replica.rows == rows_of(opened, "days")


def test_elsewhere_full_reads_are_compared(sqlite_system: System, tmp_path: Path) -> None:
    sqlite_system.run("CREATE TABLE small (id integer NOT NULL PRIMARY KEY)", "INSERT INTO small VALUES (1)")
    with offer(_connector(sqlite_system, tmp_path)) as opened:  # type: ignore[attr-defined]
        (stream,) = opened.discover(["small"])
        (split,) = opened.plan([stream], Mode.CHANGES)
        assert split.id == "small by comparison"
        assert sum(batch.data.num_rows for batch in opened.read(split, None)) == 1


def test_it_is_not_offered_without_an_index(hashing: System) -> None:
    create(hashing, 1)
    with hashing.connector(changes="snapshot") as opened:
        (stream,) = opened.discover([TABLE])
        assert Mode.CHANGES not in stream.reads
