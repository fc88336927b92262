"""Tables that refer to one another, copied in one load into tables that hold their rows to it."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError
from connector_sdk.runtime.engine import run
from connector_sdk.runtime.job import Job
from connector_sdk.runtime.limits import Limits
from connector_sdk.runtime.state_store import MemoryStore
from connector_sdk.schema import Mode, WriteMode

from connectors.odbc.tests.conftest import System

TABLES = {
    "par": "CREATE TABLE par (id bigint PRIMARY KEY, code varchar(5))",
    "chi": "CREATE TABLE chi (id bigint PRIMARY KEY, par bigint, FOREIGN KEY (par) REFERENCES par (id))",
    "gra": "CREATE TABLE gra (id bigint PRIMARY KEY, chi bigint, FOREIGN KEY (chi) REFERENCES chi (id))",
}
ROWS = (
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000) INSERT INTO par SELECT n, 'a' FROM c",
    "INSERT INTO chi SELECT id, 3001 - id FROM par",
    "INSERT INTO gra VALUES (1, 4), (2, 1), (3, NULL)",
)


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.UPSERT, WriteMode.REPLACE])
@pytest.mark.parametrize("target", ["postgresql", "mariadb"])
def test_children_come_after_their_parents(
    target: str, mode: WriteMode, sqlite_system: System, request: pytest.FixtureRequest
) -> None:
    there: System = request.getfixturevalue(f"{target}_system")
    sqlite_system.run(*TABLES.values(), *ROWS)
    there.run(*TABLES.values())
    with sqlite_system.connector(batch_rows=100) as source, there.connector() as sink:
        streams = tuple(sorted(source.discover(list(TABLES)), key=lambda stream: ["gra", "chi", "par"].index(stream.name)))
        limits = Limits(max_sessions=3)
        result = run(
            Job(
                source=source,
                sink=sink,
                streams=streams,
                mode=Mode.FULL,
                write=mode,
                store=MemoryStore("odbc"),
                limits=limits,
                piece_rows=200,
            )
        )
    assert (result.rows, result.rejects) == (6_003, 0)
    assert [there.rows(f"SELECT count(*) FROM {name}")[0][0] for name in TABLES] == [3_000, 3_000, 3]


def test_a_column_that_a_foreign_key_holds_is_not_widened_and_that_is_told(mariadb_system: System) -> None:
    mariadb_system.run(*(statement.replace("bigint", "int") for statement in TABLES.values()))
    with mariadb_system.connector() as sink:
        [have] = sink.discover(["chi"])
        wide = replace(have, schema=pa.schema([("id", pa.int64()), ("par", pa.int64())]))
        with pytest.raises(ConfigError, match="foreign key") as raised:
            sink.alter(wide, have, dry_run=False)
    assert "widen both by hand" in str(raised.value.hint)
