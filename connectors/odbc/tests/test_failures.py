"""What a database refuses while we work is said in one line, with the class that tells the caller what to do next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from connector_odbc.database import Database
from connector_odbc.failures import failure, native_number, server_message, sql_state
from connector_odbc.profiles import PROFILES
from connector_sdk.errors import ConfigError, ConnectorError, DataError, InternalError, SchemaDriftError, TransientError

from connectors.odbc.tests.conftest import System


@contextmanager
def opened(system: System, **more: object) -> Iterator[Database]:
    database = Database(system.connector(**more).config)
    try:
        yield database
    finally:
        database.close()


def refusal(system: System, *statements: str, **more: object) -> ConnectorError:
    """What comes of running `statements` through the connector's own connection."""
    with opened(system, **more) as database, pytest.raises(ConnectorError) as caught, database.lend() as connection:
        for statement in statements:
            connection.execute(statement).fetchall() if statement.startswith("SELECT") else connection.execute(statement)
        connection.commit()
    assert "\n" not in str(caught.value) and "SQLExec" not in str(caught.value) and "[" not in caught.value.message
    return caught.value


@pytest.fixture
def reader(system: System, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """Settings of a login that may only read."""
    name = f"reader_{abs(hash(system.database.name)) % 10**8}"
    monkeypatch.setenv("READER_PASSWORD", "only-reads")
    system.run("CREATE TABLE t (a integer PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    match system.kind:
        case "postgresql":
            system.run(f"CREATE ROLE {name} LOGIN PASSWORD 'only-reads'", f"GRANT SELECT ON t TO {name}")
            yield {"user": name, "password": "env:READER_PASSWORD"}
            system.run(f"DROP OWNED BY {name}", f"DROP ROLE {name}")
        case "mariadb":
            system.run(f"CREATE USER {name} IDENTIFIED BY 'only-reads'", f"GRANT SELECT ON t TO {name}")
            yield {"user": name, "password": "env:READER_PASSWORD"}
            system.run(f"DROP USER {name}")
        case _:
            yield {"options": {"JournalMode": "DELETE"}}


def test_an_account_that_may_only_read(system: System, reader: dict[str, object]) -> None:
    first = ("PRAGMA query_only = 1",) if system.kind == "sqlite" else ()
    error = refusal(system, *first, "INSERT INTO t VALUES (2)", **reader)
    assert isinstance(error, ConfigError) and error.exit_code == 2
    assert "may only read" in str(error) or "lacks a privilege" in str(error)
    assert system.rows("SELECT count(*) FROM t") == [(1,)]


def test_a_transaction_that_may_only_read(postgresql_system: System, mariadb_system: System) -> None:
    for system in (postgresql_system, mariadb_system):
        system.run("CREATE TABLE t (a integer PRIMARY KEY)")
        again = {"postgresql": "SET TRANSACTION READ ONLY", "mariadb": "SET SESSION TRANSACTION READ ONLY"}[system.kind]
        assert "may only read" in str(refusal(system, again, "INSERT INTO t VALUES (2)"))


def test_a_table_that_is_gone(system: System) -> None:
    error = refusal(system, "SELECT * FROM not_there")
    assert isinstance(error, SchemaDriftError) and error.exit_code == 5
    assert "not_there" in error.message and "dropped or altered since discovery" in str(error)


def test_a_column_that_is_gone(system: System) -> None:
    system.run("CREATE TABLE t (a integer PRIMARY KEY)")
    error = refusal(system, "SELECT not_there FROM t")
    assert isinstance(error, SchemaDriftError) and "not_there" in error.message


def test_a_row_that_is_there_already(system: System) -> None:
    system.run("CREATE TABLE t (a integer PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    assert isinstance(refusal(system, "INSERT INTO t VALUES (1)"), DataError)


def test_sql_that_is_none(system: System) -> None:
    assert isinstance(refusal(system, "SELEC 1"), ConfigError)


def test_a_lock_that_is_held_too_long(system: System) -> None:
    system.run("CREATE TABLE t (a integer PRIMARY KEY, b integer)", "INSERT INTO t VALUES (1, 1)")
    other = system.database.connect(autocommit=False)
    try:
        other.execute("UPDATE t SET b = 2")
        error = refusal(system, "UPDATE t SET b = 3", timeout=1)
    finally:
        other.close()
    assert isinstance(error, TransientError) and error.exit_code == 3
    assert "somebody else holds a lock" in str(error)


def test_a_statement_that_takes_too_long(postgresql_system: System, mariadb_system: System) -> None:
    assert "query_timeout" in str(refusal(postgresql_system, "SELECT pg_sleep(20)", query_timeout=1))
    slow = "SELECT count(*) FROM seq_1_to_100000000 a WHERE a.seq LIKE '%9%7%'"
    error = refusal(mariadb_system, slow, query_timeout=1)
    assert isinstance(error, TransientError) and "query_timeout" in str(error)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_deadlock_is_worth_another_try(kind: str, request: pytest.FixtureRequest) -> None:
    system: System = request.getfixturevalue(f"{kind}_system")
    system.run("CREATE TABLE t (a integer PRIMARY KEY, b integer)", "INSERT INTO t VALUES (1, 1), (2, 1)")
    met = threading.Barrier(2, timeout=20)
    caught: list[ConnectorError] = []

    def cross(database: Database, first: int, second: int) -> None:
        try:
            with database.lend() as connection:
                connection.execute(f"UPDATE t SET b = b + 1 WHERE a = {first}")
                met.wait()
                connection.execute(f"UPDATE t SET b = b + 1 WHERE a = {second}")
                connection.commit()
        except ConnectorError as error:
            caught.append(error)

    with opened(system, timeout=15) as database:
        threads = [threading.Thread(target=cross, args=(database, *order)) for order in ((1, 2), (2, 1))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    (error,) = caught
    assert isinstance(error, TransientError) and "eadlock" in error.message


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("hard", [False, True])
def test_a_server_that_goes_away_in_the_middle(kind: str, hard: bool, request: pytest.FixtureRequest) -> None:
    system: System = request.getfixturevalue(f"{kind}_system")
    system.run("CREATE TABLE t (a integer PRIMARY KEY)")
    with opened(system) as database:
        with pytest.raises(TransientError) as caught, database.lend() as connection:
            connection.execute("INSERT INTO t VALUES (1)")
            system.server.restart(hard=hard)
            connection.commit()
        assert "\n" not in str(caught.value)
        with database.lend() as connection:  # a new one: the old is not lent again
            assert connection.execute("SELECT count(*) FROM t").fetchone()[0] == 0


def test_a_connection_that_is_cut(postgresql_system: System, mariadb_system: System) -> None:
    for system, cut, me in (
        (postgresql_system, "SELECT pg_terminate_backend({}, 5000)", "SELECT pg_backend_pid()"),
        (mariadb_system, "KILL {}", "SELECT connection_id()"),
    ):
        with opened(system) as database, pytest.raises(TransientError) as caught, database.lend() as connection:
            number = connection.execute(me).fetchone()[0]
            system.run(cut.format(number))
            for _ in range(100):  # the first may still be answered
                connection.execute("SELECT 1").fetchall()
        assert "the server restarted, or the connection was cut" in str(caught.value)


def test_a_full_disk_on_the_server(system: System) -> None:
    system.run("CREATE TABLE small (a integer)")
    fill = {
        "postgresql": ["CREATE TABLE big TABLESPACE {} AS SELECT repeat(md5(n::text), 50) FROM generate_series(1, 50000) AS n"],
        "mariadb": ["INSERT INTO big SELECT repeat(md5(seq), 200) FROM seq_1_to_20000"],
        "sqlite": ["PRAGMA max_page_count = 10", "INSERT INTO small SELECT 1 FROM generate_series(1, 100000)"],
    }[system.kind]
    if system.kind == "sqlite":
        fill[1] = (
            "INSERT INTO small WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 100000) SELECT n FROM r"
        )
    elif system.server.small_disk is None:
        pytest.skip("this account may not mount a small disk")
    elif system.kind == "postgresql":
        space = f"space_{system.database.name}"
        fill = [fill[0].format(space)]
        system.run(f"CREATE TABLESPACE {space} LOCATION '{system.server.small_disk}'")
    else:
        system.run(f"CREATE TABLE big (a longtext) DATA DIRECTORY = '{system.server.small_disk}'")
    try:
        error = refusal(system, *fill)
    finally:
        if system.kind == "postgresql":
            system.run("DROP TABLE IF EXISTS big", f"DROP TABLESPACE {space}")
        elif system.kind == "mariadb":
            system.run("DROP TABLE big")
    assert isinstance(error, TransientError) and "disk" in str(error)


def test_a_view_that_fails_half_way_is_a_matter_of_data(postgresql_system: System) -> None:
    postgresql_system.run("CREATE VIEW v AS SELECT 100 / (n - 50) AS x FROM generate_series(1, 100) AS n")
    error = refusal(postgresql_system, "SELECT x FROM v")
    assert isinstance(error, DataError) and "division by zero" in error.message


# What drivers said, word by word.
SAID = [
    (
        "postgresql",
        "08001",
        'connection to server at "h", port 1 failed: FATAL:  password authentication failed for user "u"\n (101)',
    ),
    ("postgresql", "57P01", "FATAL: terminating connection due to administrator command;\nThe connection has been lost (35)"),
    ("postgresql", "42P01", 'ERROR: relation "t" does not exist;\nError while preparing parameters (1)'),
    ("mariadb", "HY000", "[ma-3.1.15][10.11.19-MariaDB]Lock wait timeout exceeded; try restarting transaction (1205)"),
    ("sqlite", "HY000", "[SQLite]database is locked (5) (5)"),
    ("oracle", "HY000", "[Oracle][ODBC][Ora]ORA-00054: resource busy and acquire with NOWAIT specified (54)"),
    ("sqlserver", "40001", "[FreeTDS][SQL Server]Transaction (Process ID 52) was deadlocked (1205)"),
    ("db2", "08001", "[IBM][CLI Driver] SQL30081N  A communication error has been detected. (-30081)"),
]


@pytest.mark.parametrize(("profile", "state", "text"), SAID)
def test_messages_without_brackets_and_numbers(profile: str, state: str, text: str) -> None:
    if profile not in PROFILES:
        pytest.fail(f"there is no profile {profile}")
    error = failure(Exception(state, f"[{state}] {text} (SQLExecDirectW)"), "reading t", PROFILES[profile].errors)
    assert "[" not in error.message and not error.message.endswith(")") and "\n" not in error.message
    assert "FATAL" not in error.message and "Error while" not in error.message and not isinstance(error, InternalError)


def test_several_diagnostics_are_read_by_their_first() -> None:
    error = Exception("28000", "[28000] [D]Login failed for 'u' (18456) (SQLDriverConnect); [28000] [D]Unable to connect (0)")
    assert sql_state(error) == "28000" and native_number(error) == 18456
    assert server_message(error) == "Login failed for 'u'"


def test_an_error_without_a_state_is_not_lost() -> None:
    assert sql_state(Exception("odd")) == "HY000"
    assert "odd" in failure(Exception("odd"), "reading t").message
