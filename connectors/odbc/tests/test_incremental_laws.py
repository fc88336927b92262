"""The laws that say something about INCREMENTAL reads, on tables with a cursor that grows while some rows come late."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, Self

import pyarrow as pa
import pytest
from connector_odbc import OdbcConnector
from connector_odbc.plausible import Row, row
from connector_odbc.simulator import OdbcSimulator
from connector_odbc.simulator_place import SqliteFile
from connector_sdk.schema import Stream, describe
from connector_sdk.testing.laws import check_law

from connectors.odbc.tests.law_places import MARIADB, POSTGRESQL, RUNNING, ServerPlace

LAWS = (2, 3, 6, 12)
NUMBER = {"sqlite": "bigint", "postgresql": "bigint", "mariadb": "bigint(20)"}
TEXT = {"sqlite": "TEXT", "postgresql": "text", "mariadb": "longtext"}


def events(kind: str) -> Stream:
    number, text = NUMBER[kind], TEXT[kind]
    return Stream(
        name="events",
        schema=pa.schema(
            [
                describe("id", pa.int64(), nullable=False, native=number),
                describe("tick", pa.int64(), nullable=False, native=number),
                describe("what", pa.string(), native=text),
            ]
        ),
        keys=("id",),
    )


class Growing:
    """A simulator whose rows have a `tick` that counts up with every change of any row.

    Rows come late as the place lets them: on PostgreSQL with any tick, since it is read by transactions; on MariaDB by a
    transaction that is open while later ticks are read, and commits then; SQLite has one writer, and reads what lies within an
    overlap again. `late_at_first`: the first such transaction is open from the start; it keeps others from replacing the table.
    """

    def __init__(self, kind: str, seed: int = 0, *, late_at_first: bool = True) -> None:
        place = {
            "sqlite": SqliteFile,
            "postgresql": partial(ServerPlace, "postgresql", POSTGRESQL),
            "mariadb": partial(ServerPlace, "mariadb", MARIADB),
        }[kind]()
        self._kind = kind
        self._place: Any = place
        self._stream = events(kind)
        self._inner = OdbcSimulator(seed, {"events": self._stream}, place)
        self._seed = seed
        self._late_at_first = late_at_first
        self._tick = 10_000  # those of the first rows are lower
        self._number = 30_000
        self._stack = ExitStack()
        self._open: Any = None
        self.sample = None

    def __enter__(self) -> Self:
        self._stack.enter_context(self._inner)
        if self._kind == "mariadb":
            self._open = self._place.connected()
            self._stack.callback(self._close)
            if self._late_at_first:
                self._write_late()
                self._place.run([self._inserted(self._grown())])
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def config(self) -> Mapping[str, object]:
        cursor = {"cursor": "tick", **({"overlap": 40} if self._kind == "sqlite" else {})}
        left = {name: value for name, value in self._inner.config.items() if name not in ("index", "max_change")}
        return {**left, "streams": {"events": cursor}}

    @property
    def streams(self) -> tuple[str, ...]:
        return ("events",)

    def change(self, seed: int) -> None:
        """Rows come, change and go; one comes late."""
        rng = random.Random(seed)
        there = self._inner.rows("events").to_pylist()
        if self._open is not None:
            self._open.commit()
            if seed % 2:  # else everything can be read now
                self._write_late()
        statements = [self._inserted(self._grown()) for _ in range(rng.randrange(3, 7))]
        *changed, gone = rng.sample([one["id"] for one in there], min(4, len(there)))
        statements += [f"UPDATE events SET tick = {self._grown()} WHERE id = {key}" for key in changed]
        statements.append(f"DELETE FROM events WHERE id = {gone}")
        if self._kind == "postgresql":
            statements.append(self._inserted(rng.randrange(5_000)))
        elif self._kind == "sqlite":
            statements.append(self._inserted(max(one["tick"] for one in there)))
        self._place.run(statements)

    def _grown(self) -> int:
        self._tick += 1
        return self._tick

    def _inserted(self, tick: int) -> str:
        self._number += 1
        fresh: Row = {**row(self._stream, self._number, self._seed, {}), "tick": tick}
        values = ", ".join(map(self._place.dialect.literal, fresh.values()))
        return f"INSERT INTO events (id, tick, what) VALUES ({values})"

    def _write_late(self) -> None:
        self._open.execute(self._inserted(self._grown()))

    def _close(self) -> None:
        with suppress(Exception):  # of a server that is gone there is nothing left to roll back
            self._open.rollback()
        self._open.close()


class OnSqliteByTick(OdbcConnector):
    """The connector, by a cursor and an overlap on SQLite."""

    simulator = staticmethod(partial(Growing, "sqlite"))  # type: ignore[assignment]


class OnPostgreSQLByTick(OdbcConnector):
    """The connector, by a cursor and transactions on PostgreSQL."""

    simulator = staticmethod(partial(Growing, "postgresql"))  # type: ignore[assignment]


class OnMariaDBByTick(OdbcConnector):
    """The connector, by a cursor and open transactions on MariaDB."""

    simulator = staticmethod(partial(Growing, "mariadb"))  # type: ignore[assignment]


class OnMariaDBKilled(OdbcConnector):
    """The same, where nothing is late at first."""

    simulator = staticmethod(partial(Growing, "mariadb", late_at_first=False))  # type: ignore[assignment]


def kept(connector: Any, law: int) -> None:
    result = check_law(law, connector, crash_points=4)
    assert result.verdict == "kept", result.detail
    assert "incremental" in result.detail, result.detail
    assert "incremental: not offered" not in result.detail, result.detail


@pytest.mark.parametrize("law", LAWS)
def test_sqlite_keeps(law: int) -> None:
    kept(OnSqliteByTick, law)


@pytest.mark.parametrize("law", LAWS)
def test_postgresql_keeps(postgresql: Any, law: int) -> None:
    RUNNING["postgresql"] = postgresql
    kept(OnPostgreSQLByTick, law)


@pytest.mark.parametrize("law", LAWS)
def test_mariadb_keeps(mariadb: Any, law: int) -> None:
    RUNNING["mariadb"] = mariadb
    kept(OnMariaDBKilled if law == 6 else OnMariaDBByTick, law)
