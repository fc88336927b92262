"""Rows that cross as one line of text: nothing that a value can be is taken for the line's own signs, and nothing is lost."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from connector_odbc import OdbcConnector
from connector_odbc.pages import BYTES, FEWEST_ROWS, MOST_TIMES
from connector_sdk.errors import DataError
from connector_sdk.rejects import REJECT_SCHEMA
from connector_sdk.schema import Mode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.odbc.tests import test_fidelity as fidelity
from connectors.odbc.tests.conftest import System
from connectors.odbc.tests.fidelity_cases import CASES

NASTY = [
    "\x1f",
    "\x02",
    "\n",
    "\r",
    "\r\n",
    "",
    " ",
    '"',
    '"a","b"',
    "\\",
    "\ufeffmarked",
    "a\x1fb\n0\x1f7\x1fc",
    "\x1e",
    "\x01",
    "\x01t41",
    "\x020.0",
    "NULL",
    "ends with a return\r",
    "ü" * 60,
    "x" * 5_000,
]


def read(connector: OdbcConnector, name: str) -> tuple[pa.Table, list[dict[str, Any]]]:
    [stream] = connector.discover([name])
    batches = [batch for split in connector.plan([stream], Mode.FULL) for batch in connector.read(split, None)]
    rejects = pa.Table.from_batches([b.rejects for b in batches if b.rejects is not None], REJECT_SCHEMA)
    return pa.Table.from_batches([batch.data for batch in batches], stream.schema), rejects.to_pylist()


@pytest.fixture(params=["postgresql", "sqlite"])
def lined(request: pytest.FixtureRequest) -> Iterator[System]:
    """A table of texts in a database whose rows are read as lines."""
    system: System = request.getfixturevalue(f"{request.param}_system")
    system.run("CREATE TABLE texts (id integer NOT NULL PRIMARY KEY, first text, n integer, last varchar(6000) NOT NULL)")
    yield system


def insert(system: System, rows: list[tuple[Any, ...]]) -> None:
    sql = "INSERT INTO texts VALUES (?, ?, ?, ?)"
    if system.kind == "sqlite":
        with closing(sqlite3.connect(str(system.database.parts["DATABASE"]))) as file, file:
            file.executemany(sql, rows)
        return
    with closing(system.database.connect(autocommit=False)) as connection:
        connection.cursor().executemany(sql, rows)
        connection.commit()


def test_ordinary_rows_cross_as_lines(lined: System, caplog: pytest.LogCaptureFixture) -> None:
    rows = [(n, None if n % 3 == 0 else f"text {n}", None if n % 5 == 0 else n, f"the {n}. of 'all'") for n in range(3_000)]
    insert(lined, rows)
    caplog.set_level(logging.DEBUG)
    with lined.connector(batch_rows=500) as connector:
        found, rejects = read(connector, "texts")
    assert [tuple(row.values()) for row in found.to_pylist()] == rows
    assert not rejects
    assert "not as lines" not in caplog.text


@pytest.mark.parametrize("text", NASTY)
def test_text_that_looks_like_the_line_s_own_signs(lined: System, text: str) -> None:
    rows = [(1, "before", 1, "x"), (2, text, None, "y"), (3, None, 3, text), (4, text, 4, text), (5, "", None, "after")]
    insert(lined, rows)
    with lined.connector() as connector:
        found, rejects = read(connector, "texts")
    assert [tuple(row.values()) for row in found.to_pylist()] == rows
    assert not rejects


@pytest.mark.parametrize(
    "two",
    ["y\x1f3\n77\x1fz\x1fw", "y\x1f\n0\x1f77\x1fz\x1f5\x1fw", "y\x1f\n-16\x1f77\x1fz\x1f5\x1fw", "y\n-15\x1f77\x1fz\x1f5\x1fw"],
)
def test_text_that_looks_like_a_line_does_not_stand_for_one_that_was_too_long(lined: System, two: str) -> None:
    """As many lines as rows, were one missing: `two` looks like two."""
    long = "x" * (MOST_TIMES * BYTES // FEWEST_ROWS)
    rows = [(1, "before", 1, "x"), (2, long, 2, "x"), (3, "three", 3, two)]
    insert(lined, rows)
    with lined.connector() as connector:
        found, _ = read(connector, "texts")
    assert [tuple(row.values()) for row in found.to_pylist()] == rows


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_every_type_crosses_in_a_line(kind: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> None:
    """Each alone, so that none that is refused has the others read by columns."""
    system: System = request.getfixturevalue(f"{kind}_system")
    cases = [case for case in CASES[kind] if case.raw is None and not case.apart]
    fidelity.prepare(system, [(f"t{number}", [case]) for number, case in enumerate(cases)])
    caplog.set_level(logging.DEBUG)
    wrong, by_columns = [], []
    with system.connector() as connector:
        streams = {stream.name: stream for stream in connector.discover()}
        for number, case in enumerate(cases):
            caplog.clear()
            batches = [
                batch for split in connector.plan([streams[f"t{number}"]], Mode.FULL) for batch in connector.read(split, None)
            ]
            found = pa.Table.from_batches([batch.data for batch in batches])
            wrong += fidelity.check([case], streams[f"t{number}"], found, [])
            by_columns += [case.name] if "not as lines" in caplog.text else []
    assert wrong == []
    assert len(by_columns) < len(cases) / 8, by_columns


def test_a_batch_that_is_uneven_does_not_slow_the_rest_down(lined: System, caplog: pytest.LogCaptureFixture) -> None:
    rows = [(n, "two\nlines" if n == 700 else "one", n, "z") for n in range(5_000)]
    insert(lined, rows)
    caplog.set_level(logging.DEBUG)
    with lined.connector(batch_rows=500) as connector:
        found, _ = read(connector, "texts")
    assert [tuple(row.values()) for row in found.to_pylist()] == rows
    assert caplog.text.count("not as lines") == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.none() | st.text(st.sampled_from('\x00\x01\x02\x1e\x1f\n\r"\\,t0aé\ufeff'), max_size=8),
            st.none() | st.integers(-(2**31), 2**31 - 1),
            st.text(st.sampled_from("\x00\x02\x1f\n\r7"), max_size=8),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_text_in_sqlite(sqlite_system: System, drawn: list[tuple[Any, ...]]) -> None:
    sqlite_system.run(
        "DROP TABLE IF EXISTS texts",
        "CREATE TABLE texts (id integer NOT NULL PRIMARY KEY, first text, n integer, last varchar(6000) NOT NULL)",
    )
    rows = [(number, *row) for number, row in enumerate(drawn)]
    insert(sqlite_system, rows)
    with sqlite_system.connector() as connector:
        found, rejects = read(connector, "texts")
    assert [tuple(row.values()) for row in found.to_pylist()] == rows
    assert not rejects


@pytest.mark.parametrize(
    ("declared", "stored"),
    [
        ("integer", "'0x1F'"),
        ("integer", "x'3132'"),
        ("integer", "1.5"),
        ("integer", "'twelve'"),
        ("double", "'nan'"),
        ("double", "x'31'"),
        ("text", "x'616263'"),
        ("text", "x''"),
        ("date", "20200101"),
        ("date", "'2020-13-01'"),
        ("timestamp", "x'323032302d30312d3031'"),
        ("date", "'2020-01-01' || char(0) || 'and more'"),
        ("decimal(12,2)", "0.1 + 0.2"),
        ("decimal(12,2)", "1e13"),
        ("decimal(12,2)", "x'31'"),
        ("blob", "'text'"),
        ("boolean", "2"),
    ],
)
def test_a_value_of_another_class_is_a_reject_and_its_neighbours_are_rows(
    sqlite_system: System, declared: str, stored: str
) -> None:
    sqlite_system.run(f"CREATE TABLE odd (id integer NOT NULL PRIMARY KEY, value {declared})")
    with closing(sqlite3.connect(str(sqlite_system.database.parts["DATABASE"]))) as file, file:
        file.execute(f"INSERT INTO odd VALUES (1, NULL), (2, {stored}), (3, NULL)")
    with sqlite_system.connector() as connector:
        found, rejects = read(connector, "odd")
    assert found.column("id").to_pylist() == [1, 3]
    assert [reject["field"] for reject in rejects] == ["value"]


@pytest.mark.parametrize("value", ["0.01", "-0.01", "9999999999.99", "-9999999999.99", "1047.29", "5", "0"])
def test_decimals_that_sqlite_keeps_as_floats(sqlite_system: System, value: str) -> None:
    sqlite_system.run(
        "CREATE TABLE d (id integer NOT NULL PRIMARY KEY, value decimal(12,2) NOT NULL)", f"INSERT INTO d VALUES (1, {value})"
    )
    with sqlite_system.connector() as connector:
        found, rejects = read(connector, "d")
    assert found.column("value").to_pylist() == [Decimal(value).quantize(Decimal("0.01"))]
    assert not rejects


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.none() | st.floats(allow_nan=False), min_size=1, max_size=40))
def test_any_float_in_sqlite(sqlite_system: System, values: list[float | None]) -> None:
    sqlite_system.run("DROP TABLE IF EXISTS f", "CREATE TABLE f (id integer NOT NULL PRIMARY KEY, value double)")
    with closing(sqlite3.connect(str(sqlite_system.database.parts["DATABASE"]))) as file, file:
        file.executemany("INSERT INTO f VALUES (?, ?)", enumerate(values))
    with sqlite_system.connector() as connector:
        found, rejects = read(connector, "f")
    assert found.column("value").to_pylist() == values
    assert not rejects


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_any_text_of_a_file_in_any_encoding(sqlite_system: System, encoding: str) -> None:
    texts = ["\x01", "\x01t41", "a\x00b", "\x00", "\ufeff\x00", "\x01é😀", "\x02\x00ä", "é" * 700 + "\x00", "plain ü"]
    with closing(sqlite3.connect(str(sqlite_system.database.parts["DATABASE"]))) as file, file:
        file.execute(f"PRAGMA encoding = '{encoding}'")
        file.execute("CREATE TABLE texts (id integer NOT NULL PRIMARY KEY, declared text, other)")
        file.executemany("INSERT INTO texts VALUES (?, ?, ?)", [(n, text, text) for n, text in enumerate(texts)])
    with sqlite_system.connector() as connector:
        found, rejects = read(connector, "texts")
    assert [tuple(row.values()) for row in found.to_pylist()] == [(n, text, text) for n, text in enumerate(texts)]
    assert not rejects


@pytest.mark.parametrize("count", [1, 3_000])
@pytest.mark.parametrize("declared", ["text", "date", ""])
@pytest.mark.parametrize("name", ["odd", "seen"])
def test_text_of_sqlite_that_is_none_is_a_reject(sqlite_system: System, name: str, declared: str, count: int) -> None:
    with closing(sqlite3.connect(str(sqlite_system.database.parts["DATABASE"]))) as file, file:
        file.execute(f"CREATE TABLE odd (id integer NOT NULL PRIMARY KEY, value {declared})")
        rows = [(n, b"a\xff" * count if n == 7 else b"2020-01-01") for n in range(200)]
        file.executemany("INSERT INTO odd VALUES (?, CAST(? AS text))", rows)
        file.execute("CREATE VIEW seen AS SELECT * FROM odd")
    with sqlite_system.connector(batch_rows=100) as connector:
        found, rejects = read(connector, name)
    assert sorted(found.column("id").to_pylist()) == [n for n in range(200) if n != 7]
    [reject] = rejects
    assert reject["field"] == "value" and b"a\\xffa\\xff"[: 5 * count] in reject["raw"]


def test_a_view_that_comes_to_text_that_is_none_cannot_be_read_on(sqlite_system: System) -> None:
    with closing(sqlite3.connect(str(sqlite_system.database.parts["DATABASE"]))) as file, file:
        file.execute("CREATE TABLE odd (id integer NOT NULL PRIMARY KEY, value text)")
        file.executemany("INSERT INTO odd VALUES (?, CAST(? AS text))", [(n, b"\xff" if n == 150 else b"a") for n in range(200)])
        file.execute("CREATE VIEW seen AS SELECT * FROM odd ORDER BY id")
    with (
        sqlite_system.connector(batch_rows=100) as connector,
        pytest.raises(DataError, match="seen has a text that is not UTF-8"),
    ):
        read(connector, "seen")
