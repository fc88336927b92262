"""A key of another system becomes one that the target can index, and what does not fit into it is a reject."""

from __future__ import annotations

import pytest
from connector_sdk.runtime.session import Session, copy

from connectors.odbc.tests.conftest import System

TEXTS = ("'A'", "hex(randomblob(2000))")
BYTES = ("x'41'", "randomblob(4000)")


@pytest.mark.parametrize(
    ("declared", "others", "values", "made"),
    [
        ("TEXT", (), TEXTS, "varchar(255)"),
        ("BLOB", (), BYTES, "varbinary(255)"),
        ("JSON", (), TEXTS, "varchar(255)"),
        ("varchar(700)", (), TEXTS, "varchar(700)"),
        ("varchar(4000)", (), TEXTS, "varchar(766)"),
        ("varchar(700)", ("INTEGER",), TEXTS, "varchar(700)"),
        ("varchar(700)", ("varchar(700)",), TEXTS, "varchar(383)"),
        ("TEXT", ("TEXT", "TEXT", "TEXT"), TEXTS, "varchar(191)"),
    ],
)
@pytest.mark.parametrize("write", ["upsert", "history"])
def test_a_key_of_sqlite_is_one_that_mariadb_can_index(
    sqlite_system: System,
    mariadb_system: System,
    declared: str,
    others: tuple[str, ...],
    values: tuple[str, str],
    made: str,
    write: str,
) -> None:
    more = "".join(f", k{n} {other} NOT NULL DEFAULT 7" for n, other in enumerate(others))
    keys = ", ".join(["k", *(f"k{n}" for n in range(len(others)))])
    sqlite_system.run(
        f"CREATE TABLE t (v integer, k {declared} NOT NULL{more}, PRIMARY KEY ({keys}))",
        *(f"INSERT INTO t (k, v) VALUES ({value}, 1)" for value in values),
    )
    with Session(sqlite_system.connector(), "source") as source, Session(mariadb_system.connector(), "sink") as sink:
        result = copy(source, sink, streams=["t"], write=write, max_rejects=1)
        again = copy(source, sink, streams=["t"], write=write, max_rejects=1)
    assert f"`k` {made} NOT NULL" in result.altered[0]
    assert again.altered == ()
    assert result.rejects == again.rejects == 1
    assert mariadb_system.rows("SELECT hex(k), v FROM t") == [("41", 1)]
