"""The transactions that are open on MariaDB at this very moment; InnoDB tells them to whoever has the privilege PROCESS."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from connector_sdk.errors import ConfigError, TransientError

from connector_odbc import driver_manager
from connector_odbc.database import Database

__all__ = ["changing", "told", "writing"]

_READ_ONLY = 1 << 48
"""Transactions that have not written have no number (0), or one from here on."""


def writing(database: Database) -> set[int]:
    """Those that have written, by number. Raises ConfigError without the privilege, TransientError."""
    return {int(number) for number, *_ in _listed(database) if 0 < int(number) < _READ_ONLY}


def changing(database: Database) -> set[str]:
    """Those that have written or hold or await a lock, by session and beginning. Raises ConfigError, TransientError."""
    return {
        f"{session} {started}"
        for number, session, started, locks in _listed(database)
        if 0 < int(number) < _READ_ONLY or int(locks) > 0
    }


def told(open_: Collection[str]) -> str:
    """What :func:`changing` found, for people: how many, and which has been there for longest."""
    session, _, since = min(open_, key=lambda one: one.partition(" ")[2]).partition(" ")
    many = f"{len(open_)} transactions that are open on the server end, the oldest"
    one = "1 transaction that is open on the server ends, there"
    return f"{one if len(open_) == 1 else many} since {since}, of connection {session}"


def _listed(database: Database) -> list[Any]:
    """InnoDB answers from a copy that is 0.1 s old, or older while others ask. So a transaction of ours is begun on a connection
    that is new: a list that has it was made after now."""
    asked = "SELECT trx_id, trx_mysql_thread_id, CAST(trx_started AS CHAR), trx_tables_locked FROM information_schema.innodb_trx"
    with database.own("asking for open transactions") as connection:
        connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        mine = int(connection.execute("SELECT CONNECTION_ID()").fetchone()[0])
        until = time.monotonic() + database.config.timeout
        while True:
            try:
                found = connection.execute(asked).fetchall()
            except driver_manager.pyodbc().Error as error:
                failure = database.failure(error, "asking for open transactions")
                if isinstance(failure, ConfigError):
                    failure.hint = "GRANT PROCESS ON *.* to the login: changes that are committed late would be lost without it"
                raise failure from None
            if any(int(session) == mine for _, session, *_ in found):
                return [row for row in found if int(row[1]) != mine]
            if time.monotonic() > until:
                raise TransientError(f"{database.place} does not tell its open transactions as they are now")
            time.sleep(0.12)  # longer than the copy lasts
