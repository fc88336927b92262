"""The database servers that tests are given: real, fresh, restartable, and gone without a trace afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import arrow_odbc
import pyodbc
import pytest

from tests.servers.database import Database
from tests.servers.janitor import tenants
from tests.servers.mariadb import MariaDB
from tests.servers.postgresql import PostgreSQL
from tests.servers.tenancy import can_mount, on_quiet_port

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> PostgreSQL | MariaDB:
    running: PostgreSQL | MariaDB = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def fresh(server, request):
    return request.getfixturevalue(f"{server.kind}_database")


def test_it_answers_pyodbc(database: Database):
    assert database.connect().execute("SELECT 1").fetchval() == 1


def test_it_answers_arrow_odbc_in_the_same_process(database: Database):
    reader = arrow_odbc.read_arrow_batches_from_odbc("SELECT 1 AS one", connection_string=database.connection_string())
    assert [batch.to_pylist() for batch in reader] == [[{"one": 1}]]


def test_a_fresh_database_has_no_tables(database: Database):
    assert database.connect().cursor().tables(tableType="TABLE", table="orders").fetchall() == []
    database.run("CREATE TABLE orders (id INTEGER PRIMARY KEY)")  # of which the next one must know nothing


def test_a_database_may_have_any_name(server):
    with server.database('it\'s "quoted" `twice` {braced} ☃') as odd:
        odd.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
        assert odd.connect().execute("SELECT a FROM t").fetchval() == 1


def test_nobody_comes_in_without_the_password(server, fresh):
    for wrong in ("", "wrong"):
        with pytest.raises(pyodbc.Error):
            fresh.connect(PWD=wrong)


@pytest.mark.parametrize("hard", [False, True], ids=["shutdown", "crash"])
def test_a_restart_cuts_connections_and_keeps_what_was_committed(server, fresh, hard):
    fresh.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
    before, process = fresh.connect(autocommit=False), server.process
    before.execute("INSERT INTO t VALUES (2)")
    server.restart(hard=hard)
    assert server.process != process
    with pytest.raises(pyodbc.Error):
        before.execute("SELECT 1")
    assert [a for (a,) in fresh.connect().execute("SELECT a FROM t").fetchall()] == [1]


def test_a_server_that_a_test_left_stopped_is_there_for_the_next(server):
    with server.database():
        server.stop()
        assert server.process is None
    server.run("SELECT 1")


def test_a_database_in_use_is_dropped_all_the_same(server):
    with server.database() as used:
        used.run("CREATE TABLE t (a INT)")
        session = used.connect(autocommit=False)
        session.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(pyodbc.Error):
        session.execute("SELECT a FROM t")
    with pytest.raises(pyodbc.Error):
        used.connect()


def test_postgresql_decodes_its_log(postgresql: PostgreSQL):
    with postgresql.database() as source:
        source.run("CREATE TABLE t (a INT)", "SELECT pg_create_logical_replication_slot('changes', 'test_decoding')")
        source.run("INSERT INTO t VALUES (7)")
        seen = source.connect().execute("SELECT data FROM pg_logical_slot_peek_changes('changes', NULL, NULL)").fetchall()
        assert any("a[integer]:7" in data for (data,) in seen)
    slots = postgresql.connection_string()
    assert pyodbc.connect(slots).execute("SELECT count(*) FROM pg_replication_slots").fetchval() == 0


def test_mariadb_speaks_utf8_and_keeps_versions(mariadb_database: Database):
    mariadb_database.run(
        "CREATE TABLE t (a VARCHAR(9), b BIGINT UNSIGNED GENERATED ALWAYS AS ROW START,"
        " c BIGINT UNSIGNED GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (b, c)) WITH SYSTEM VERSIONING",
        "INSERT INTO t (a) VALUES ('😀')",
        "DELETE FROM t",
    )
    seen = mariadb_database.connect().execute("SELECT a, hex(a) FROM t FOR SYSTEM_TIME ALL").fetchall()
    assert [tuple(row) for row in seen] == [("😀", "F09F9880")]


@pytest.mark.skipif(not can_mount(), reason="neither root nor user namespaces: no file system of our own")
def test_the_small_disk_is_full_before_long(server, fresh):
    filled = "INSERT INTO t SELECT repeat('x', 1000) FROM many"
    if server.kind == "postgresql":
        server.run(f"CREATE TABLESPACE small LOCATION '{server.small_disk}'")
        fresh.run("CREATE TABLE t (a TEXT) TABLESPACE small", "CREATE VIEW many AS SELECT generate_series(1, 20000) AS n")
        full = "No space left on device"
    else:
        fresh.run(
            f"CREATE TABLE t (a TEXT) DATA DIRECTORY '{server.small_disk}'",
            "CREATE VIEW many AS SELECT seq AS n FROM seq_1_to_20000",
        )
        full = "The table 't' is full"
    with pytest.raises(pyodbc.Error, match=full):
        fresh.run(filled)
    assert fresh.connect().execute("SELECT count(*) FROM t").fetchval() == 0
    fresh.run("DROP TABLE t")
    if server.kind == "postgresql":
        server.run("DROP TABLESPACE small")


@pytest.mark.parametrize("kind", [PostgreSQL, MariaDB])
def test_nothing_is_left_of_it(kind):
    with kind() as own:
        folder, process = own.folder, own.process
        own.run("SELECT 1")
        assert process in tenants(folder)
    assert not folder.exists()
    assert tenants(folder) == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((own.host, own.port), timeout=5)


@pytest.mark.parametrize(("kind", "wrong"), [(PostgreSQL, {"wal_level": "nonsense"}), (MariaDB, {"no-such-option": 1})])
def test_one_that_cannot_start_says_why_and_leaves_nothing(kind, wrong):
    own = kind(**wrong)
    with pytest.raises(RuntimeError, match=next(iter(wrong))), own:
        pytest.fail("it started")
    assert not own.folder.exists()


def test_a_port_that_is_taken_is_exchanged_for_another(server):
    with socket.create_server((server.host, 0)) as taken, type(server)() as own:
        own.stop()
        ports = iter([taken.getsockname()[1], own.port])
        assert on_quiet_port(lambda _: own._start_on(next(ports))) != taken.getsockname()[1]
        own.run("SELECT 1")


IDLE = {
    "a server": "import sys; from tests.servers.{kind} import {cls}; own = {cls}().__enter__()",
    "its set-up": "from tests.servers.tenancy import Tenancy; own = Tenancy('{kind}', account='nobody')",
}


@pytest.mark.parametrize(("kind", "cls"), [("postgresql", "PostgreSQL"), ("mariadb", "MariaDB")])
@pytest.mark.parametrize("stage", IDLE)
def test_nothing_is_left_when_the_test_process_is_killed(stage, kind, cls):
    script = IDLE[stage].format(kind=kind, cls=cls) + "; print(own.folder, flush=True); "
    script += "own.run(['sleep', '60'])" if stage == "its set-up" else "sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    assert folder.is_dir()
    within(10, lambda: tenants(folder) != [])
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)
    within(20, lambda: not tenants(folder) and not folder.exists())


def within(seconds: float, condition) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
