"""What goes wrong while writing: one clear line, the right exit code, and nothing lost or half there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from connector_sdk.cli import main
from connector_sdk.errors import ConfigError, ConnectorError, DataError, TransientError
from connector_sdk.runtime.session import Session, copy
from connector_sdk.testing.fault_proxy import FaultProxy, Faults

from connectors.odbc.tests.conftest import System

ROWS = pa.table({"id": pa.array(range(30_000), pa.int64()), "text": ["x" * 100] * 30_000})


def one_line(error: ConnectorError, *parts: str) -> None:
    text = str(error)
    assert "\n" not in text and len(text) < 400
    for part in parts:
        assert part in text


@pytest.fixture(params=["postgresql", "mariadb"])
def served(request: pytest.FixtureRequest) -> System:
    """A database behind a server."""
    system: System = request.getfixturevalue(f"{request.param}_system")
    system.run("CREATE TABLE t (id bigint PRIMARY KEY, text varchar(200))")
    return system


def count(system: System) -> int:
    return int(system.rows("SELECT COUNT(*) FROM t")[0][0])


def test_a_login_that_may_only_read(served: System, monkeypatch: pytest.MonkeyPatch) -> None:
    if served.kind == "postgresql":
        served.run(
            f"CREATE ROLE \"reader_{served.database.name}\" LOGIN PASSWORD 'secret1'",
            f'GRANT SELECT ON t TO "reader_{served.database.name}"',
        )
        user = f"reader_{served.database.name}"
    else:
        user = "reader"
        served.run("CREATE OR REPLACE USER reader@'127.0.0.1' IDENTIFIED BY 'secret1'", "GRANT SELECT ON t TO reader@'127.0.0.1'")
    monkeypatch.setenv("READER_PASSWORD", "secret1")
    with (
        Session(served.connector(user=user, password="env:READER_PASSWORD"), "sink") as session,
        pytest.raises(ConfigError) as raised,
    ):
        session.write("t", ROWS.slice(0, 1))
    one_line(raised.value, "denied")
    assert count(served) == 0
    if served.kind == "postgresql":
        served.run(f'DROP OWNED BY "{user}"', f'DROP ROLE "{user}"')


def test_a_table_that_somebody_holds_locked(served: System) -> None:
    holder: Any = served.database.connect(autocommit=False)
    try:
        holder.execute("INSERT INTO t (id) VALUES (1)")
        with Session(served.connector(timeout=1.0), "sink") as session:
            session.write("t", ROWS.slice(5, 0))  # what it needs is there
            with pytest.raises(TransientError) as raised:
                session.write("t", ROWS.slice(1, 1))
        one_line(raised.value)
        assert count(served) == 0
    finally:
        holder.rollback()
        holder.close()


def test_a_connection_that_is_cut_while_rows_are_sent(served: System, fault_proxy: Callable[..., FaultProxy]) -> None:
    proxy = fault_proxy(served.settings["server"], served.settings["port"])
    with Session(served.connector(), "filling") as session:
        session.write("w", ROWS, keys=["id"])
    with (
        Session(served.connector(), "here") as here,
        Session(served.connector(server=proxy.host, port=proxy.port), "there") as there,
    ):
        there.discover()
        proxy.faults = Faults(cut_after=400_000, direction="upload", connections=2)
        there.connector._written.close()  # type: ignore[attr-defined]
        result = copy(here, there, streams=["w"], write="upsert")
        assert result.rows == 30_000
    assert served.rows("SELECT COUNT(*), COUNT(DISTINCT id) FROM w") == [(30_000, 30_000)]


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_driver_that_takes_back_the_whole_transaction_for_one_row_loses_none(postgresql_system: System, mode: str) -> None:
    postgresql_system.run("CREATE TABLE t (id bigint PRIMARY KEY, text varchar(200) UNIQUE)")
    rows = [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}, {"id": 3, "text": "b"}]
    one = pa.Table.from_pylist(rows[:1])
    options = {**postgresql_system.settings["options"], "Protocol": "7.4-1"}
    with Session(postgresql_system.connector(options=options), "sink") as session, pytest.raises(ConnectorError) as raised:
        session.write("t", pa.concat_tables([one, pa.Table.from_pylist(rows[1:])]), mode=mode, max_rejects=1)
    one_line(raised.value)
    assert count(postgresql_system) == 0


def test_a_full_disk_on_the_server(postgresql_system: System) -> None:
    place = postgresql_system.server.small_disk
    if place is None:
        pytest.fail("the set-up mounts a small disk")
    name = f"small_{postgresql_system.database.name}"
    postgresql_system.run(
        f"CREATE TABLESPACE {name} LOCATION '{place}'",
        f"CREATE TABLE t (id bigint PRIMARY KEY, text varchar(2000)) TABLESPACE {name}",
    )
    many = pa.table({"id": pa.array(range(60_000), pa.int64()), "text": [f"{n:0500d}" for n in range(60_000)]})
    try:
        with Session(postgresql_system.connector(), "sink") as session, pytest.raises(ConnectorError) as raised:
            session.write("t", many)
        one_line(raised.value, "space")
        assert raised.value.exit_code == 3
        assert count(postgresql_system) == 0
        # What was rolled back takes up its room until then.
        postgresql_system.run("DROP TABLE t", f"CREATE TABLE t (id bigint PRIMARY KEY, text varchar(2000)) TABLESPACE {name}")
        with Session(postgresql_system.connector(), "sink") as session:
            session.write("t", many.slice(0, 10))
        assert count(postgresql_system) == 10
    finally:
        postgresql_system.run("DROP TABLE t", f"DROP TABLESPACE {name}")


def test_a_value_that_the_column_cannot_have_costs_its_own_row_alone(system: System) -> None:
    system.run("CREATE TABLE t (id integer PRIMARY KEY, small smallint, must varchar(9) NOT NULL)")
    too_much = 2**70 if system.kind == "sqlite" else 40_000
    values = pa.array([7, too_much, 8, 9], pa.decimal128(38, 0) if system.kind == "sqlite" else pa.int64())
    rows = pa.table({"id": [1, 2, 3, 4], "small": values, "must": ["a", "b", None, "d"]})
    with Session(system.connector(), "sink") as session:
        result = session.write("t", rows, max_rejects=2)
        assert (result.rows, result.rejects) == (2, 2)
        with pytest.raises(DataError, match="2 rejected records, 1 allowed"):
            session.write("t", rows, max_rejects=1)
    assert [tuple(row) for row in system.rows("SELECT id, small FROM t ORDER BY id")] == [(1, 7), (4, 9)]


def test_a_row_that_did_not_fit_is_replayed_when_its_column_is_wider(postgresql_system: System, tmp_path: Path) -> None:
    system, bad = postgresql_system, tmp_path / "bad.jsonl"
    system.run("CREATE TABLE t (id integer PRIMARY KEY, small smallint, other text)")
    pq.write_table(pa.table({"id": [1], "small": [40_000]}), tmp_path / "rows.parquet")
    at = ("odbc", "-c", str(tmp_path / "shop.yaml"))
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(dict(system.settings)))
    more = ("-s", "t", "-i", str(tmp_path / "rows.parquet"), "--max-rejects", "1", "--rejects", str(bad))
    assert CliRunner().invoke(main, ["write", *at, *more]).exit_code == 0
    system.run("ALTER TABLE t ALTER COLUMN small TYPE integer")
    result = CliRunner().invoke(main, ["replay", *at, "--rejects", str(bad), "-o", str(tmp_path / "mended.parquet")])
    assert result.exit_code == 0, result.output
    assert pq.read_table(tmp_path / "mended.parquet").to_pylist() == [{"id": 1, "small": 40_000, "other": None}]


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_rows_that_are_more_than_a_packet_come_in_several(mariadb_system: System, mode: str) -> None:
    system = mariadb_system
    system.run("CREATE TABLE t (id bigint PRIMARY KEY, text longtext)")
    usual = system.rows("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    long = pa.table({"id": range(100), "text": ["x" * (2 << 20 if n == 50 else 40_000) for n in range(100)]})
    try:
        system.run(f"SET GLOBAL max_allowed_packet = {1 << 20}")
        with Session(system.connector(), "sink") as session:
            assert session.write("t", long, mode=mode, max_rejects=1).rejects == 1
    finally:
        system.run(f"SET GLOBAL max_allowed_packet = {usual}")
    assert system.rows("SELECT COUNT(*), SUM(LENGTH(text)) FROM t WHERE id <> 50") == [(99, 99 * 40_000)]
