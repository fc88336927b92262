"""Writers that keep a table busy with what real ones do, a reader that dies and comes back, and the replica it keeps."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyodbc
from connector_odbc import OdbcConnector
from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import TransientError
from connector_sdk.schema import Mode

from connectors.odbc.tests.conftest import System

__all__ = ["SECONDS", "TABLE", "Follower", "Replica", "Writers", "create", "rows_of"]

TABLE = "busy"
KEYS = 300
SECONDS = float(os.environ.get("CONNECTOR_SOAK_SECONDS", "10"))
"""For how long writers and readers run side by side; two minutes show what ten seconds may not."""

NAMES = ("naïve", "", "Ærø 🐟", "x" * 300, "O'Brien", " padded ")

_COLUMNS = {
    "postgresql": "id bigint PRIMARY KEY, n integer NOT NULL, name text, amount numeric(12,2), at timestamptz, raw bytea",
    "mariadb": "id bigint PRIMARY KEY, n int NOT NULL, name text, amount decimal(12,2), at datetime(6), raw blob",
    "sqlite": "id bigint NOT NULL PRIMARY KEY, n integer NOT NULL, name text, amount decimal text(12,2), at timestamp, raw blob",
}
_SESSION = {
    "postgresql": ("SET lock_timeout = 2000", "SET deadlock_timeout = 100"),
    "mariadb": ("SET SESSION innodb_lock_wait_timeout = 2", "SET SESSION lock_wait_timeout = 3"),
    "sqlite": ("PRAGMA busy_timeout = 3000",),
}
_RAW = {"postgresql": "decode('{}', 'hex')", "mariadb": "x'{}'", "sqlite": "x'{}'"}


def create(system: System, rows: int = 100) -> None:
    """A table `TABLE` with `rows` rows to begin with."""
    if system.kind == "sqlite":
        system.run("PRAGMA journal_mode = WAL")
    system.run(f"CREATE TABLE {TABLE} ({_COLUMNS[system.kind]})")
    connection = system.database.connect(autocommit=False)
    try:
        for key in range(rows):
            connection.execute(f"INSERT INTO busy (id, n, name) VALUES ({key}, 0, 'first')")
        connection.commit()
    finally:
        connection.close()


def rows_of(opened: OdbcConnector, table: str = TABLE) -> dict[Any, dict[str, Any]]:
    """The rows of a table by key, as a FULL read shows them."""
    (stream,) = opened.discover([table])
    found: dict[Any, dict[str, Any]] = {}
    for split in opened.plan([stream], Mode.FULL):
        for batch in opened.read(split, None):
            assert batch.rejects is None
            for row in batch.data.to_pylist():
                found[tuple(row[key] for key in stream.keys)] = row
    return found


@dataclass
class Writers:
    """`count` connections that insert, update, delete, change keys, roll back and dawdle, until they are told to stop.

    `truncates`: now and then one empties the table. `slow` is the longest a transaction dawdles, in seconds.
    """

    system: System
    count: int = 4
    slow: float = 1.5
    truncates: bool = False
    seed: int = 7
    commits: int = 0
    rollbacks: int = 0
    failures: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Writers:
        self._threads = [threading.Thread(target=self._write, args=(n,), daemon=True) for n in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let every writer end its transaction, and wait for that."""
        assert self._stop.is_set() or all(thread.is_alive() for thread in self._threads), "a writer has died"
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)
            assert not thread.is_alive(), "a writer hangs"

    def _write(self, number: int) -> None:
        luck = random.Random(self.seed * 1000 + number)
        connection: Any = None
        while not self._stop.is_set():
            try:
                if connection is None:
                    connection = self._connect()
                self._transaction(connection, luck, number)
            except pyodbc.Error as error:  # a deadlock, a key that is there, a lock, a server that restarts
                self.failures.append(str(error))
                with contextlib.suppress(pyodbc.Error, AttributeError):  # of one that was never made
                    connection.rollback()
                    connection.execute("SELECT 1")  # psqlodbc rolls back what is no longer there
                    connection.rollback()
                    continue
                connection = None
                self._stop.wait(0.2)
        with contextlib.suppress(pyodbc.Error, AttributeError):
            connection.close()

    def _connect(self) -> Any:
        connection = self.system.database.connect(autocommit=False)
        for statement in _SESSION[self.system.kind]:
            connection.execute(statement)
        connection.commit()
        return connection

    def _transaction(self, connection: Any, luck: random.Random, number: int) -> None:
        long = luck.random() < 0.1
        for _ in range(luck.randint(1, 6)):
            self._change(connection, luck, number)
            if long:
                self._stop.wait(luck.uniform(0, self.slow))
        if luck.random() < 0.25:
            connection.rollback()
            self.rollbacks += 1
        else:
            connection.commit()
            self.commits += 1
        self._stop.wait(luck.uniform(0, 0.01))

    def _change(self, connection: Any, luck: random.Random, number: int) -> None:
        key, other = luck.randrange(KEYS), luck.randrange(KEYS)
        name, n = luck.choice([*NAMES, None]), luck.randrange(-(2**31), 2**31)
        amount = f"{luck.randrange(-(10**9), 10**9)}.{luck.randrange(100):02}"
        raw = luck.choice(["NULL", _RAW[self.system.kind].format(luck.randbytes(luck.randrange(20)).hex())])
        at = f"'2026-0{luck.randint(1, 9)}-1{luck.randrange(9)} 03:04:05.{luck.randrange(10**6):06}'"
        there = f"EXISTS (SELECT 1 FROM (SELECT id FROM busy WHERE id = {other}) AS o)"
        match luck.random():
            case chance if chance < 0.35:
                values = f"SELECT {key}, {n}, ?, {amount}, {at}, {raw}"
                dual = " FROM DUAL" if self.system.kind == "mariadb" else ""
                there = f"EXISTS (SELECT 1 FROM (SELECT id FROM busy WHERE id = {key}) AS o)"
                connection.execute(f"INSERT INTO busy (id, n, name, amount, at, raw) {values}{dual} WHERE NOT {there}", name)
            case chance if chance < 0.7:
                connection.execute(f"UPDATE busy SET n = {n}, name = ?, amount = {amount}, raw = {raw} WHERE id = {key}", name)
            case chance if chance < 0.85:
                connection.execute(f"DELETE FROM busy WHERE id = {key}")
            case chance if chance < 0.995 or not self.truncates:
                connection.execute(f"UPDATE busy SET id = {other} WHERE id = {key} AND NOT {there}")
            case _:
                connection.execute("TRUNCATE TABLE busy")


@dataclass
class Replica:
    """What change batches amount to: the rows by key."""

    keys: tuple[str, ...]
    rows: dict[Any, dict[str, Any]] = field(default_factory=dict)
    seen: int = 0

    def apply(self, batch: pa.RecordBatch) -> None:
        """Carry out the changes of one batch, in order."""
        for row in batch.to_pylist():
            self.seen += 1
            known = row.pop("_known")
            op, before = row.pop("_op"), row.pop("_before", None)
            for name in ("_pos", "_ts", "_rev"):
                row.pop(name)
            key = tuple(row[name] for name in self.keys)
            if op == "t":
                self.rows.clear()
            elif op == "d":
                self.rows.pop(key, None)
            else:
                old = None if before is None else tuple(before[name] for name in self.keys)
                was = self.rows.get(key, {})
                if op == "u" and old is not None and None not in old and old != key:
                    was = self.rows.pop(old, was)
                fields = list(row) if known is None else [list(row)[number] for number in known]
                self.rows[key] = {**was, **{name: row[name] for name in fields}}


@dataclass
class Follower:
    """A reader of the changes of one table that is stopped between any two batches and goes on from the last state, each time
    as a new connector; what it holds at a state is acknowledged now and then."""

    connect: Callable[[], OdbcConnector]
    table: str = TABLE
    seed: int = 11
    replica: Replica | None = None
    state: State | None = None
    reads: int = 0
    cuts: int = 0

    def __post_init__(self) -> None:
        self._luck = random.Random(self.seed)

    def follow(self, seconds: float, half_way: Callable[[], object] = lambda: None) -> None:
        """Read again and again for so long, without what is done `half_way`."""
        for between in (half_way, lambda: None):
            end = time.monotonic() + seconds / 2
            while time.monotonic() < end:
                self.read(cut=self._luck.random() < 0.5)
            between()

    def read(self, *, cut: bool = False) -> None:
        """One read; where `cut`, it is stopped somewhere. Held changes without a state behind them are dropped."""
        with contextlib.suppress(TransientError), self.connect() as opened:
            (stream,) = opened.discover([self.table])
            assert Mode.CHANGES in stream.reads
            self.replica = self.replica or Replica(stream.keys)
            (split,) = opened.plan([stream], Mode.CHANGES)
            self.reads += 1
            if self.state is not None and self._luck.random() < 0.7:
                opened.ack(split, self.state)
            self._pull(opened.read(split, self.state), self._luck.randrange(4) if cut else None)
            if not cut:
                self._ack(opened, split)

    def _pull(self, batches: Iterable[Batch], most: int | None) -> None:
        assert self.replica is not None
        held: list[pa.RecordBatch] = []
        for number, batch in enumerate(batches):
            assert batch.rejects is None, batch.rejects.to_pylist()
            held.append(batch.data)
            if batch.state is not None:
                for data in held:
                    self.replica.apply(data)
                held, self.state = [], batch.state
            if number == most:
                self.cuts += 1
                batches.close()  # type: ignore[attr-defined]
                return

    def _ack(self, opened: OdbcConnector, split: Split) -> None:
        if self.state is not None and self._luck.random() < 0.5:
            opened.ack(split, self.state)
