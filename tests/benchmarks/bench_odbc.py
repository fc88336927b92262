"""ODBC: twelve mixed columns in PostgreSQL, MariaDB and SQLite, read as Arrow and written, against what else can do that."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import PROGRAMS, Cost, Row, cost, interleaved, peers, scratch
from tests.benchmarks.odbc_tables import declared, fill, sqlite
from tests.servers.database import Database
from tests.servers.mariadb import MariaDB
from tests.servers.postgresql import PostgreSQL

PACKAGES = (
    "dlt[sql_database,parquet]",
    "sqlalchemy",
    "pyodbc",
    "connectorx",
    "adbc-driver-postgresql",
    "adbc-driver-sqlite",
    "psycopg[binary]",
    "psycopg2-binary",
    "pymysql",
)
TITLES = {"postgresql": "PostgreSQL", "mariadb": "MariaDB", "sqlite": "SQLite"}
READ: Mapping[str, Mapping[str, float | None]] = {
    "postgresql": {"pyodbc": 2.0, "dlt": 3.0, "adbc": None, "copy": None},
    "mariadb": {"pyodbc": 3.0, "dlt": 3.0, "connectorx": None},
    "sqlite": {"pyodbc": None, "dlt": 3.0, "adbc": None},
}
"""By database: against whom, and how many times faster ours should be. None: shown as the floor."""

PEERS = {
    "pyodbc": "pyodbc's rows made Arrow",
    "dlt": "dlt sql_database, pyarrow",
    "connectorx": "connectorx, two partitions",
    "adbc": "ADBC",
    "copy": "psycopg COPY, as text",
}
WRITTEN: Mapping[str, Mapping[str, float | None]] = {
    "postgresql": {"pyodbc": 10.0, "copy": None},
    "mariadb": {"pyodbc": 20.0, "load_data": None},
}
"""The same for writing."""

WRITERS = {"pyodbc": "pyodbc's executemany", "copy": "psycopg COPY", "load_data": "LOAD DATA LOCAL"}
MEMORY = 80e6


def run(quick: bool) -> list[Row]:
    """The table's lines; none, said on stderr, where the peers cannot be had."""
    python = peers(*PACKAGES)
    if python is None:
        return []
    rows, written = (100_000, 20_000) if quick else (1_000_000, 200_000)
    found: list[Row] = []
    with scratch() as folder:
        for kind in TITLES:
            with _database(kind, folder) as database, _environment(database):
                fill(database, "warm", 1_000)
                fill(database, "orders", rows)
                found += _read(database, python, rows, 1 if quick else 3)
                if kind in WRITTEN:
                    found += _write(database, python, written, 1 if quick else 3)
    return found


def _read(database: Database, python: Path, rows: int, rounds: int) -> list[Row]:
    kind = database.kind
    program = PROGRAMS / "odbc_read_sdk.py"
    programs: dict[str, Sequence[str | Path]] = {"ours": [sys.executable, program, _settings(database), "orders", "1"]}
    for peer in READ[kind]:
        programs[peer] = [python, PROGRAMS / "odbc_read_peer.py", peer, "orders"]
    if kind == "postgresql":
        programs["two"] = [sys.executable, program, _settings(database, split_rows=rows // 2), "orders", "2"]
        programs["connectorx"] = [python, PROGRAMS / "odbc_read_peer.py", "connectorx", "orders"]
    found = interleaved(programs, rounds)
    assert {cost.told["rows"] for cost in found.values()} == {rows}, found
    what = f"{TITLES[kind]}, {rows:,} rows read"
    lines = []
    for peer, target in READ[kind].items():
        lines += _speed(f"{what}, against {PEERS[peer]}", found["ours"], found[peer], rows, target)
    if kind == "postgresql":
        lines += _speed(f"{what} in two splits, against {PEERS['connectorx']}", found["two"], found["connectorx"], rows, 1.0)
    growth = found["ours"].told["growth"]
    lines.append(
        Row(
            name=f"{what}, growth of memory (peer: the limit)",
            ours=growth / 1e6,
            peer=MEMORY / 1e6,
            ratio=MEMORY / max(growth, 1),
            target=1.0,
            unit="MB",
        )
    )
    return lines


def _write(database: Database, python: Path, rows: int, rounds: int) -> Iterator[Row]:
    """Each round into tables of its own, since a full one is not as an empty one."""
    peers = WRITTEN[database.kind]
    found: dict[str, list[Cost]] = {"ours": [], **{peer: [] for peer in peers}}
    for number in range(rounds):
        names = {who: f"{who}_{number}" for who in found}
        database.run(*(declared(database.kind, name) for name in (*names.values(), f"ours_{number}_warm")))
        found["ours"].append(
            cost([sys.executable, PROGRAMS / "odbc_write_sdk.py", _settings(database), names["ours"], str(rows)])
        )
        for peer in peers:
            found[peer].append(cost([python, PROGRAMS / "odbc_write_peer.py", peer, names[peer], str(rows)]))
            assert _same(database, names["ours"], names[peer]), f"ours and {peer}'s rows in {database.kind} are not the same"
    wall = {who: statistics.median(cost.wall for cost in costs) for who, costs in found.items()}
    for peer, target in peers.items():
        yield Row(
            name=f"{TITLES[database.kind]}, {rows:,} rows written, against {WRITERS[peer]}",
            ours=rows / wall["ours"],
            peer=rows / wall[peer],
            ratio=wall[peer] / wall["ours"],
            target=target,
            unit="rows per second",
        )


def _same(database: Database, one: str, other: str) -> bool:
    connection = database.connect()
    try:
        rows = f"SELECT count(*) FROM (SELECT * FROM {one} EXCEPT SELECT * FROM {other}) AS d"
        counts = [connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in (one, other)]
        return counts[0] == counts[1] and connection.execute(rows).fetchone()[0] == 0
    finally:
        connection.close()


def _speed(name: str, ours: Cost, peer: Cost, rows: int, target: float | None) -> Iterator[Row]:
    """By the clock, which the target is about, and by the processor, the server's share of which is not in it."""
    for what, unit in (("wall", "rows per second"), ("cpu", "rows per CPU second")):
        mine, theirs = getattr(ours, what), getattr(peer, what)
        goal = target if what == "wall" else None
        yield Row(name=name, ours=rows / mine, peer=rows / theirs, ratio=theirs / mine, target=goal, unit=unit)


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[Database]:
    """On a server of its own, whose memory holds the table."""
    with ExitStack() as stack:
        if kind == "sqlite":
            yield sqlite(folder)
            return
        server: Any = PostgreSQL(shared_buffers="512MB") if kind == "postgresql" else MariaDB(innodb_buffer_pool_size="1G")
        yield stack.enter_context(stack.enter_context(server).database("bench"))


@contextmanager
def _environment(database: Database) -> Iterator[None]:
    """Where the peers find the database, and its password, which is told nowhere else."""
    parts = dict(database.parts)
    uris = {"sqlalchemy": f"sqlite:///{parts['DATABASE']}", "connectorx": "", "plain": str(parts["DATABASE"])}
    if database.kind != "sqlite":
        plain = f"{database.server.dsn}{database.name}"
        uris = {"sqlalchemy": plain.replace("mysql:", "mysql+pymysql:"), "connectorx": plain, "plain": plain}
    odbc = {"UseDeclareFetch": "1", "Fetch": "10000", "BoolsAsChar": "0"} if database.kind == "postgresql" else {}
    told = {
        "BENCH_PASSWORD": str(parts.get("PWD", "")),
        "BENCH_PYODBC": database.connection_string(**odbc),
        "BENCH_DLT": uris["sqlalchemy"],
        "BENCH_CONNECTORX": uris["connectorx"],
        "BENCH_ADBC": uris["plain"],
        "BENCH_COPY": uris["plain"],
        "BENCH_LOAD_DATA": uris["plain"],
    }
    os.environ.update(told)
    try:
        yield
    finally:
        for name in told:
            os.environ.pop(name, None)


def _settings(database: Database, **more: object) -> str:
    """The connector's settings as JSON."""
    parts = {key: str(value) for key, value in database.parts.items()}
    found: dict[str, object] = {"driver": parts["DRIVER"], "database": parts["DATABASE"], **more}
    if "PWD" in parts:
        found |= {"password": "env:BENCH_PASSWORD", "user": parts["UID"], "server": parts["SERVER"], "port": int(parts["PORT"])}
    rest = {key: value for key, value in parts.items() if key not in ("DRIVER", "DATABASE", "PWD", "UID", "SERVER", "PORT")}
    return json.dumps({**found, "options": rest})
