"""A catalogue that was read is not read again while nothing has changed, and is as soon as anything has."""

from __future__ import annotations

from typing import Any

import pytest
from connector_odbc import catalogue_reading
from connector_odbc.catalogue_reading import tables
from connector_odbc.native_catalogue import native_tables

from connectors.odbc.tests.conftest import System
from connectors.odbc.tests.test_catalogue import opened, read

pytestmark = pytest.mark.parametrize("kind", ["postgresql", "sqlite"])

ALTERED = {
    "postgresql": [
        "ALTER TABLE t ADD COLUMN more integer",
        "ALTER TABLE t DROP COLUMN more",
        "ALTER TABLE t ALTER COLUMN amount TYPE numeric(14, 4)",
        "ALTER TABLE t ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE t ALTER COLUMN name SET DEFAULT 'x'",
        "ALTER TABLE t ALTER COLUMN name SET DEFAULT 'y'",
        "ALTER TABLE t RENAME COLUMN name TO called",
        "CREATE UNIQUE INDEX by_name ON t (called)",
        "DROP INDEX by_name",
        "ALTER TABLE t DROP CONSTRAINT t_pkey",
        "ALTER TABLE t ADD PRIMARY KEY (id)",
        "ALTER TABLE t ADD CONSTRAINT to_other FOREIGN KEY (other) REFERENCES other (id)",
        "ALTER DOMAIN positive SET NOT NULL",
        "ALTER DOMAIN positive DROP NOT NULL",
        "CREATE TABLE heir () INHERITS (t)",
        "DROP TABLE heir",
        "CREATE TABLE heir () INHERITS (t)",
        "DROP TABLE heir",
        "INSERT INTO t SELECT n, 'n', 1, 1, NULL FROM generate_series(1, 5000) AS n",
        "ANALYZE t",
        "DROP TABLE t",
        "CREATE VIEW t AS SELECT 1 AS id",
        "CREATE OR REPLACE VIEW t AS SELECT 1 AS id, 2 AS more",
    ],
    "sqlite": [
        "ALTER TABLE t ADD COLUMN more integer",
        "ALTER TABLE t DROP COLUMN more",
        "ALTER TABLE t RENAME COLUMN name TO called",
        "CREATE UNIQUE INDEX by_name ON t (called)",
        "DROP INDEX by_name",
        "DROP TABLE t",
        "CREATE VIEW t AS SELECT 1 AS id",
    ],
}


@pytest.fixture
def altered(kind: str, request: pytest.FixtureRequest) -> System:
    system: System = request.getfixturevalue(f"{kind}_system")
    if kind == "postgresql":
        system.run("CREATE DOMAIN positive AS integer CHECK (value > 0)")
    amount = "positive" if kind == "postgresql" else "integer"
    system.run(
        "CREATE TABLE other (id integer NOT NULL PRIMARY KEY)",
        "CREATE TABLE t (id integer NOT NULL PRIMARY KEY, name varchar(10) NOT NULL, amount numeric(12, 2), "
        f"n {amount}, other integer)",
    )
    return system


def test_every_alteration_is_seen(altered: System, kind: str) -> None:
    unseen = []
    with opened(altered) as database:
        tables(database)
        for statement in ALTERED[kind]:
            altered.run(statement)
            if tables(database, ["t"]) != {name: table for name, table in read(altered).items() if name == "t"}:
                unseen.append(statement)
            tables(database)
    assert unseen == []


def test_what_is_as_it_was_is_not_read_again(altered: System, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(connection: Any, queries: Any, schema: str) -> Any:
        asked.append(schema)
        return native_tables(connection, queries, schema)

    monkeypatch.setattr(catalogue_reading, "native_tables", counted)
    with opened(altered) as database:
        everything = tables(database)
        assert tables(database, ["t"]) == {"t": everything["t"]}
        assert tables(database, ["t", "other"]) == everything
        assert asked == [altered.schema]
        assert tables(database, ["t", "not_there"]) == {"t": everything["t"]}
        assert len(asked) == 2


def test_many_at_once(altered: System, kind: str) -> None:
    names = [f"t{number}" for number in range(30)]
    altered.run(*(f"CREATE TABLE {name} (id integer NOT NULL PRIMARY KEY)" for name in names))
    with opened(altered) as database:
        everything = tables(database)
        assert tables(database, names) == {name: everything[name] for name in names}
        altered.run("ALTER TABLE t7 ADD COLUMN more integer")
        assert len(tables(database, names)["t7"].columns) == 2
