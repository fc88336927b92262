"""Changes by generated triggers, which write each one into an audit table in the transaction that makes it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import ConfigError, ConnectorError, StateInvalidError
from connector_sdk.schema import Mode, Stream, Where

from connector_odbc import catalogue_reading, driver_manager
from connector_odbc.catalogue import Table, TableName
from connector_odbc.changes import handover
from connector_odbc.changes.audit import MARK, Audit, Mark, called, captured
from connector_odbc.changes.handover import Found
from connector_odbc.changes.order import gaps, number, snapshot
from connector_odbc.changes.order.order import Order
from connector_odbc.database import Connection, Database
from connector_odbc.profiles.changes import Triggers

__all__ = ["ABOUT", "ack", "install", "installed", "left", "plan", "read", "remove", "status"]

ABOUT = "triggers: every committed change with the row as it is after it; each write costs a second one"
AGAIN = "connector capture remove, capture install, and begin anew"
ORDERS: Mapping[str, Order] = {"snapshot": snapshot, "gaps": gaps, "number": number}


def _triggers(database: Database) -> Triggers:
    found = database.profile.changes.triggers
    if found is None:
        raise ConfigError(f"no triggers are written for {database.profile.title}")
    return found


def installed(database: Database) -> frozenset[TableName]:
    """The tables that have them."""
    with database.lend() as connection:
        rows = connection.execute(_triggers(database).installed).fetchall()
    return frozenset(TableName(None if schema is None else str(schema), str(name)) for schema, name in rows)


def left(database: Database, tables: Iterable[TableName]) -> frozenset[TableName]:
    """Those of `tables` that have an audit table, while the triggers that filled it have gone with an earlier table."""
    triggers = database.profile.changes.triggers
    if triggers is None:
        return frozenset()
    quote, there = database.profile.quote, installed(database)
    with database.lend() as connection:
        audits = {f"{quote(str(schema))}.{quote(str(name))}" for schema, name in connection.execute(triggers.audits).fetchall()}
        kept = [table for table in tables if called(database.profile, table).audit in audits]
        return frozenset(table for table in kept if table not in there or not _fires(triggers, connection, table))


def _fires(triggers: Triggers, connection: Connection, table: TableName) -> bool:
    if triggers.fires is None:
        return True
    return connection.execute(triggers.fires, *_asked(triggers.fires, table)).fetchone() is not None


def _asked(query: str, table: TableName) -> list[str | None]:
    """Schema and name as often as the query has a place for them."""
    return [table.schema, table.name] * (query.count("?") // 2)


def plan(database: Database, streams: Sequence[Stream], where: Mapping[str, Where]) -> list[Split]:
    """One split for each stream; predicates are left to the engine."""
    return [
        Split(
            id=f"{stream.name} by triggers",
            streams=(stream,),
            mode=Mode.CHANGES,
            spec={"method": "triggers"},
            left={stream.name: where[stream.name]} if where.get(stream.name) else {},
        )
        for stream in streams
    ]


class _Log:
    """The audit table of one split as a log."""

    def __init__(self, database: Database, split: Split) -> None:
        self._database = database
        self._split = split
        self._order = ORDERS[_triggers(database).order]
        self._table, self.audit = _audit(database, split.streams[0])

    def low(self) -> Any:
        with self._database.lend() as connection:
            self._check(connection)
            mark = self.audit.mark(connection)
            return {"token": mark.token, "at": self._order.low(connection, self.audit.name, mark.purged)}

    def entries(self, position: Any, until: Any | None) -> Iterator[Found]:
        name = self._split.streams[0].name
        with self._database.lend() as connection:
            start = self.known(self.audit.mark(connection), position)
            self._check(connection)
            self.audit.check(connection)
            end = self._order.now(self._database, connection, self.audit.name, start) if until is None else until["at"]
        for step in self._order.steps(start, end):
            with closing(self.audit.read(step)) as found:
                for one in found:
                    here = None if one.number is None else {**position, "at": step.place(one.number)}
                    yield Found(stream=name, data=one.data, position=here, rejects=one.rejects)
        yield Found(stream=name, data=handover.nothing(self._split.streams[0]), position={**position, "at": end})

    def _check(self, connection: Connection) -> None:
        """Raises ConfigError for triggers that have gone: no change would be told any more, and without a word."""
        if not _fires(_triggers(self._database), connection, self._table):
            name = self._split.streams[0].name
            raise ConfigError(f"{name!r} has been made anew, and has no triggers", hint=AGAIN, stream=name)

    def known(self, mark: Mark, position: Any) -> Any:
        """The place of `position`. Raises StateInvalidError for one of an earlier installation, or before what was let go."""
        if position["token"] != mark.token:
            why = "the triggers have been installed anew since"
        elif mark.purged is not None and not self._order.covers(position["at"], mark.purged):
            why = "another reader has acknowledged later changes, and they are deleted"
        else:
            return position["at"]
        raise StateInvalidError(
            f"the state of {self._split.id!r} cannot be gone on from: {why}",
            hint="reset the state: all is read again",
            split=self._split.id,
        )

    def forget(self, connection: Connection, place: Any) -> None:
        """Delete what lies before `place`, and say so in the mark."""
        mark = self.audit.mark(connection)
        if mark.purged is None or self._order.covers(place, mark.purged):
            self._order.purge(connection, self.audit.name, place)
            self.audit.keep(connection, Mark(token=mark.token, purged=place))
            connection.commit()


def _audit(database: Database, stream: Stream) -> tuple[TableName, Audit]:
    table = catalogue_reading.tables(database, [stream.name]).get(stream.name)
    if table is None:
        raise StateInvalidError(
            f"there is no table of stream {stream.name!r} any more", hint="discover again", stream=stream.name
        )
    return table.name, Audit.of(database, stream, table)


def read(database: Database, split: Split, state: State | None, until: State | None) -> Iterator[Batch]:
    """The rows as they are, then what the triggers wrote. Raises StateInvalidError, SchemaDriftError, TransientError."""
    return handover.read(database, split, state, until, _Log(database, split))


def ack(database: Database, split: Split, state: State) -> None:
    """Delete what lies before `state`."""
    position = handover.position_of(split, state)
    log = _Log(database, split)
    with database.lend() as connection:
        if database.profile.changes.triggers is not None and database.profile.changes.triggers.order == "gaps":
            connection.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")  # no gap is locked
        if log.audit.mark(connection).token == position["token"]:
            log.forget(connection, position["at"])


def install(database: Database, tables: Mapping[str, Table], *, dry_run: bool) -> list[str]:
    """An audit table and triggers for each. Raises ConfigError for a table whose changes they would not all see, and for one that
    was captured, dropped and made again: changes that nobody has read may be left of it."""
    triggers, there, statements = _triggers(database), installed(database), list[str]()
    old = left(database, [table.name for table in tables.values()])
    with closing(database.connect()) as connection:
        for statement in triggers.session:
            connection.execute(statement)
        for stream, table in tables.items():
            if table.name in old:
                audit = called(database.profile, table.name).audit
                raise ConfigError(f"{audit} is left of an earlier table {table.name}", hint=AGAIN, stream=stream)
            if table.name in there:
                continue
            found = captured(database, stream, table)
            _check(database, connection, stream, table)
            note = f'{{"token": "{secrets.token_hex(8)}"}}'
            own = "_connector_seq, _connector_op, _connector_note"
            mark = f"INSERT INTO {found.audit} ({own}) VALUES ({MARK}, 'i', '{note}')"
            made = triggers.install(found)
            statements += [*made[:1], mark, *made[1:]]
        if not dry_run:
            try:
                _run(database, connection, statements)
            except ConnectorError:
                _undo(database, {stream: table for stream, table in tables.items() if table.name not in there})
                raise
    return statements


def _undo(database: Database, tables: Mapping[str, Table]) -> None:
    """Take away what was installed before one statement failed, where DDL commits by itself."""
    if not database.profile.writes.transactional_ddl:
        remove(database, tables, dry_run=False)


def _check(database: Database, connection: Connection, stream: str, table: Table) -> None:
    triggers = _triggers(database)
    if triggers.unfit is None:
        return
    row = connection.execute(triggers.unfit, *_asked(triggers.unfit, table.name)).fetchone()
    if row is not None:
        raise ConfigError(
            f"triggers would not see all changes of {table.name}: {row[0]}",
            hint="leave the table out, or set `index` to compare full reads",
            stream=stream,
        )


def remove(database: Database, tables: Mapping[str, Table], *, dry_run: bool) -> list[str]:
    """Triggers first, then audit tables: whoever writes meanwhile does not fail."""
    triggers = _triggers(database)
    statements = [line for table in tables.values() for line in triggers.remove(called(database.profile, table.name))]
    if not dry_run:
        with closing(database.connect()) as connection:
            _run(database, connection, statements)
    return statements


def _run(database: Database, connection: Connection, statements: Sequence[str]) -> None:
    """In one transaction, where the system has that for DDL."""
    for statement in statements:
        try:
            connection.execute(statement)
        except driver_manager.pyodbc().Error as error:
            connection.rollback()
            raise database.failure(error, f"running {statement.splitlines()[0][:80]!r}") from None
    connection.commit()


def status(database: Database, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    """With the changes that no reader has acknowledged, and since when the first of them waits."""
    found = []
    with database.lend() as connection:
        for stream, table in tables.items():
            audit = called(database.profile, table.name).audit
            asked = f"SELECT count(*), min(_connector_at) FROM {audit} WHERE _connector_seq >= 0"
            count, since = connection.execute(asked).fetchone()
            cannot = _triggers(database).cannot
            found.append(
                {
                    "stream": stream,
                    "table": audit,
                    "waiting": int(count),
                    "since": None if since is None else str(since),
                    "not_seen": cannot or None,
                }
            )
    return found
