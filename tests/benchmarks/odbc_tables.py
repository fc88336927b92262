"""The table that ODBC is measured with, of twelve mixed columns, as each database declares it and fills it by itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.servers.database import Database
from tests.servers.odbc_drivers import driver

COLUMNS = {
    "id": ("bigint NOT NULL PRIMARY KEY", "bigint NOT NULL PRIMARY KEY", "INTEGER PRIMARY KEY"),
    "sku": ("varchar(12) NOT NULL", "varchar(12) NOT NULL", "varchar(12) NOT NULL"),
    "customer": ("varchar(60) NOT NULL", "varchar(60) NOT NULL", "varchar(60) NOT NULL"),
    "note": ("text", "text", "text"),
    "amount": ("numeric(12,2) NOT NULL", "decimal(12,2) NOT NULL", "decimal(12,2) NOT NULL"),
    "quantity": ("integer NOT NULL", "int NOT NULL", "integer NOT NULL"),
    "rank": ("smallint NOT NULL", "smallint NOT NULL", "smallint NOT NULL"),
    "weight": ("double precision", "double", "double"),
    "share": ("double precision NOT NULL", "double NOT NULL", "double NOT NULL"),
    "open": ("boolean NOT NULL", "boolean NOT NULL", "boolean NOT NULL"),
    "day": ("date NOT NULL", "date NOT NULL", "date NOT NULL"),
    "changed": ("timestamp NOT NULL", "datetime(6) NOT NULL", "datetime NOT NULL"),
}
"""By name: how PostgreSQL, MariaDB and SQLite declare it."""

KINDS = ("postgresql", "mariadb", "sqlite")
ROWS = {
    "postgresql": """
        SELECT n, 'K' || lpad(n::text, 8, '0'), 'Customer ' || (n * 7919 % 50000) || ' Müller & Sons',
          CASE WHEN n % 10 = 0 THEN NULL ELSE 'some words about number ' || n || ', and more' END,
          (n * 104729 % 100000000)::numeric / 100, n % 1000, n % 30000,
          CASE WHEN n % 20 = 0 THEN NULL ELSE n / 7.0::float8 END, (n * 31 % 9973) / 9973.0::float8, n % 3 = 0,
          date '2000-01-01' + (n % 9000)::int, timestamp '2020-01-01' + n * interval '61.000013 seconds'
        FROM generate_series(1, {rows}::bigint) AS n""",
    "mariadb": """
        SELECT seq, concat('K', lpad(seq, 8, '0')), concat('Customer ', seq * 7919 % 50000, ' Müller & Sons'),
          CASE WHEN seq % 10 = 0 THEN NULL ELSE concat('some words about number ', seq, ', and more') END,
          (seq * 104729 % 100000000) / 100, seq % 1000, seq % 30000,
          CASE WHEN seq % 20 = 0 THEN NULL ELSE seq / 7e0 END, (seq * 31 % 9973) / 9973e0, seq % 3 = 0,
          date '2000-01-01' + INTERVAL seq % 9000 DAY, timestamp '2020-01-01 00:00:00' + INTERVAL seq * 61000013 MICROSECOND
        FROM seq_1_to_{rows}""",
    "sqlite": """
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})
        SELECT n, printf('K%08d', n), 'Customer ' || (n * 7919 % 50000) || ' Müller & Sons',
          CASE WHEN n % 10 = 0 THEN NULL ELSE 'some words about number ' || n || ', and more' END,
          (n * 104729 % 100000000) / 100.0, n % 1000, n % 30000,
          CASE WHEN n % 20 = 0 THEN NULL ELSE n / 7.0 END, (n * 31 % 9973) / 9973.0, n % 3 = 0,
          date('2000-01-01', (n % 9000) || ' days'),
          datetime('2020-01-01', (n * 61000013 / 1000000) || ' seconds') || printf('.%06d', n * 61000013 % 1000000)
        FROM numbers""",
}


def declared(kind: str, name: str) -> str:
    """CREATE TABLE."""
    quote = "`" if kind == "mariadb" else '"'
    columns = ", ".join(f"{quote}{column}{quote} {types[KINDS.index(kind)]}" for column, types in COLUMNS.items())
    return f"CREATE TABLE {name} ({columns})"


def fill(database: Database, name: str, rows: int) -> None:
    """Make the table `name` with `rows` rows, which are the same in every database, and let the server look at them."""
    insert = f"INSERT INTO {name} {ROWS[database.kind].format(rows=rows)}"
    statements = [declared(database.kind, name), insert]
    if database.kind == "sqlite":  # past ODBC, whose driver commits as it likes
        with sqlite3.connect(str(database.parts["DATABASE"])) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        return
    analyze = f"VACUUM ANALYZE {name}" if database.kind == "postgresql" else f"ANALYZE TABLE {name}"
    database.run(*statements, analyze)


def sqlite(folder: Path) -> Database:
    """An empty file."""
    path = folder / "bench.sqlite"
    return Database(kind="sqlite", name=path.name, parts={"DRIVER": driver("sqlite"), "DATABASE": str(path)})
