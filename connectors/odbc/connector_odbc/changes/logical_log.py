"""The log of PostgreSQL as one reader sees it: whole transactions in the order of their commits, by one look into the slot."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from connector_sdk import changes
from connector_sdk.contract import Split
from connector_sdk.errors import SchemaDriftError, StateInvalidError
from connector_sdk.schema import Stream

from connector_odbc import driver_manager
from connector_odbc.changes import pgoutput, slot
from connector_odbc.changes.handover import Found, as_rows, nothing
from connector_odbc.changes.log_rows import LogRows, Row
from connector_odbc.changes.pgoutput import UNCHANGED, Begin, Change, Commit, Relation, Truncate
from connector_odbc.database import Connection, Database
from connector_odbc.fetching import Fetch
from connector_odbc.profiles.postgresql.changes import SESSION, logged
from connector_odbc.selecting import Query
from connector_odbc.way import Way, ways

__all__ = ["LogicalLog", "position_at"]

logger = logging.getLogger(__name__)

EPOCH = 946_684_800_000_000  # 2000-01-01, from which PostgreSQL counts, in microseconds since 1970
BYTES = 8 << 20
"""Of values, about this much is gathered before it is handed over."""
AHEAD = 1_000
"""Messages fetched from the driver at once."""


def position_at(position: Any) -> int:
    """Where in the log a position of :class:`LogicalLog` lies. Raises StateInvalidError for what is none."""
    try:
        return slot.number(position["lsn"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise StateInvalidError("the state has no position in the log", hint="reset the state: all is read again") from None


@dataclass(eq=False)
class _Table:
    """One stream, and how the columns of its table stand in the log just now."""

    way: Way
    identity: slot.Identity
    rows: LogRows
    relation: Relation | None = None
    """How the table was when the changes that come now were made."""
    places: Sequence[int | None] = ()
    """Of each field, its column in the log; None where the table did not have it then. Empty until the next change."""
    incomplete: bool = False
    keys: frozenset[int] = field(default_factory=frozenset)

    def row(self, values: pgoutput.Values) -> list[Any]:
        """In the order of the stream's fields."""
        return [UNCHANGED if place is None else values[place] for place in self.places]


class LogicalLog:
    """The log for the streams of `split`: what :mod:`connector_odbc.changes.handover` reads.

    A position is ``{"lsn", "tables"}``: everything committed before `lsn` is known, of the tables with these oids. With
    ``shown`` (true: where the log stands when it is first read) the rows were read after `lsn`: what the log says of times
    before that they have already, and a table may have had other columns then.
    """

    def __init__(self, database: Database, split: Split) -> None:
        self._database = database
        self._split = split

    def low(self) -> Any:
        """Behind what was acknowledged last: from there on, all is in the log."""
        with self._database.lend() as connection:
            found = slot.find(connection, slot.name_of(self._database, connection), begun=False)
            self._warn(found)
            tables = sorted(one.oid for one in self._identities(connection).values())
        return {"lsn": slot.lsn(found.confirmed), "tables": tables, "shown": True}

    def _identities(self, connection: Connection) -> dict[str, slot.Identity]:
        found = ways(self._database, {stream.name: stream for stream in self._split.streams})
        known = slot.identities(connection, [way.table.name for way in found.values()])
        self._ways = found
        return {name: known[way.table.name] for name, way in found.items()}

    def _warn(self, found: slot.Slot) -> None:
        if found.retained > self._database.config.retained_mb << 20:
            logger.warning(
                "replication slot %s: the server keeps %d MB of log for it; it is let go as reads are acknowledged",
                found.name,
                found.retained >> 20,
            )

    def entries(self, position: Any, until: Any | None) -> Iterator[Found]:
        """The changes behind `position`. Raises StateInvalidError where the log does not reach back so far, SchemaDriftError."""
        first, start = self._split.streams[0], position_at(position)
        connection = self._database.connect(Fetch=str(AHEAD))
        try:
            name = slot.name_of(self._database, connection)
            found = slot.find(connection, name, begun=True)
            self._warn(found)
            now = slot.flushed(connection)
            self._check(found, start, now)
            identities = self._identities(connection)
            for statement in SESSION:
                connection.execute(statement)
            tables = {identities[stream.name].oid: self._table(stream, identities[stream.name]) for stream in self._split.streams}
            end = now if until is None else position_at(until)
            known = sorted(tables) if until is None else until["tables"]
            mark = position.get("shown")
            shown = now if mark is True else 0 if mark is None else slot.number(mark)
            yield from self._added(tables, set(known) - set(position["tables"]))
            reader = _Reader(self._database, connection, tables, known, shown)
            yield from reader.read(name, start, end)
            yield Found(stream=first.name, data=nothing(first), position=reader.position(end) if until is None else until)
        except driver_manager.pyodbc().Error as error:
            raise self._database.failure(error, f"reading the log of {self._database.place}") from None
        finally:
            connection.close()

    def _check(self, found: slot.Slot, start: int, now: int) -> None:
        hint = "reset the state: all is read again"
        if start < found.confirmed:
            raise StateInvalidError(
                f"the log of replication slot {found.name!r} begins at {slot.lsn(found.confirmed)}, behind the state at "
                f"{slot.lsn(start)}: it was made anew, or another reader acknowledges to it",
                hint=f"{hint}; readers that go their own ways want a `capture` name each",
                split=self._split.id,
            )
        if start > now:
            raise StateInvalidError(
                f"the state is at {slot.lsn(start)}, behind the end of the log at {slot.lsn(now)}: the server was set back, "
                "or is another one",
                hint=hint,
                split=self._split.id,
            )

    def _table(self, stream: Stream, identity: slot.Identity) -> _Table:
        way = self._ways[stream.name]
        restores = [logged(column) for column, _ in way.columns]
        rows = LogRows(stream, restores, str(way.table.name), self._database.config.max_value_bytes)
        return _Table(way=way, identity=identity, rows=rows)

    def _added(self, tables: Mapping[int, _Table], added: set[int]) -> Iterator[Found]:
        """Tables that the position knows nothing of (added since, or made anew): emptied, and read as they are."""
        for oid in added & set(tables):
            table = tables[oid]
            stream = table.way.stream
            yield Found(stream=stream.name, data=_truncated(stream))
            begin = (*self._database.profile.reads.begin, *(table.way.physical.session if table.way.physical else ()))
            for one in Fetch(database=self._database, way=table.way, condition=Query(""), begin=begin).batches(None):
                yield Found(stream=stream.name, data=as_rows(stream, one.data), rejects=one.rejects)


class _Reader:
    """One look into the slot, transaction by transaction."""

    def __init__(
        self, database: Database, connection: Connection, tables: Mapping[int, _Table], known: Sequence[int], shown: int
    ) -> None:
        self._database = database
        self._connection = connection
        self._tables = tables
        self._known = known
        self._shown = shown

    def position(self, end: int) -> Any:
        """Before `end`, everything is known."""
        more = {"shown": slot.lsn(self._shown)} if end < self._shown else {}
        return {"lsn": slot.lsn(end), "tables": list(self._known), **more}

    def read(self, name: str, start: int, end: int) -> Iterator[Found]:
        """What was committed from `start` until before `end`."""
        if start >= end:
            return
        literal = '"' + name.replace("'", "''") + '"'
        cursor = self._connection.cursor()
        cursor.execute(
            "SELECT data FROM pg_catalog.pg_logical_slot_peek_binary_changes"
            f"(?, CAST(? AS pg_lsn), NULL, 'proto_version', '1', 'publication_names', '{literal}')",
            name,
            slot.lsn(end),
        )
        try:
            yield from self._transactions(cursor, start, end)
        finally:
            cursor.close()

    def _transactions(self, cursor: Any, start: int, end: int) -> Iterator[Found]:
        most = self._database.config.batch_rows
        skipped, open_, owed, commit = True, False, False, b""
        position = moment = count = gathered = size = 0
        while messages := cursor.fetchmany(AHEAD):
            for (data,) in messages:
                if skipped and data[0] in b"IUDT":
                    continue
                found = pgoutput.message(data)
                if isinstance(found, Change):
                    table = self._tables.get(found.relation)
                    if table is not None:
                        if not table.places or (table.incomplete and position >= self._shown):
                            self._relate(table, position)
                        before = table.rows.size
                        for op, row, was in self._changes(table, found):
                            table.rows.add(op, row, commit + count.to_bytes(4, "big"), moment, was)
                            count += 1
                            gathered += 1
                        size += table.rows.size - before
                elif isinstance(found, Begin):
                    # Looking up to a position, the server tells one transaction too many.
                    skipped = not start <= found.position < end
                    commit, moment, count = found.position.to_bytes(8, "big"), found.moment + EPOCH, 0
                    position, open_ = found.position, not skipped
                elif isinstance(found, Commit) and not skipped:
                    open_ = False
                    if owed or gathered >= most or size >= BYTES:
                        yield from self._handed_over(self.position(found.end))
                        gathered = size = 0
                        owed = False
                elif isinstance(found, Relation):
                    if found.id in self._tables:
                        self._tables[found.id].relation, self._tables[found.id].places = found, ()
                elif isinstance(found, Truncate):
                    for oid in found.relations:
                        if oid in self._tables:
                            self._tables[oid].rows.add("t", None, commit + count.to_bytes(4, "big"), moment)
                            count += 1
                            gathered += 1
                if open_ and (gathered >= most or size >= BYTES):
                    yield from self._handed_over(None)
                    gathered = size = 0
                    owed = True
        yield from self._handed_over(None)

    def _handed_over(self, position: Any) -> Iterator[Found]:
        """What is gathered, of one stream after the other; behind the last it is safe to stop if there is a `position`."""
        full = [table for table in self._tables.values() if len(table.rows)]
        for table in full:
            data, rejects = table.rows.take()
            here = position if table is full[-1] else None
            yield Found(stream=table.way.stream.name, data=data, rejects=rejects, position=here)
        if position is not None and not full:
            first = next(iter(self._tables.values())).way.stream
            yield Found(stream=first.name, data=nothing(first), position=position)

    def _relate(self, table: _Table, position: int) -> None:
        """Where the fields are in the rows that come now. Raises SchemaDriftError where one is not as it is today."""
        assert table.relation is not None
        columns = enumerate(table.relation.columns)
        places = {column.name: (number, (column.type, column.modifier)) for number, column in columns}
        names = table.way.stream.schema.names
        other = tuple(name for name in names if name not in places or places[name][1] != table.identity.types.get(name))
        keys = set(table.way.stream.keys)
        if other and (position >= self._shown or keys & set(other)):
            raise SchemaDriftError(
                f"{table.way.table.name} was altered while its changes were captured: of {', '.join(other)} the log has what was "
                "there before",
                fields=other,
                hint="acknowledge what was read before, then reset the state: the rows are read again as they are now",
                stream=table.way.stream.name,
            )
        table.places = [None if name in other else places[name][0] for name in names]
        table.incomplete = bool(other)
        table.keys = frozenset(names.index(key) for key in keys)

    def _changes(self, table: _Table, found: Change) -> Iterator[tuple[str, Row, Row | None]]:
        """What a change of the log is as operations: one that changes the key is a delete and a create."""
        if found.op == "d":
            assert found.old is not None
            was = table.row(found.old)
            yield "d", was, was if found.whole else None
            return
        assert found.new is not None
        row = table.row(found.new)
        if found.old is None:
            yield found.op, row, None
            return
        was = table.row(found.old)
        if found.whole:
            row = [old if new is UNCHANGED else new for new, old in zip(row, was, strict=True)]
        if all(row[key] == was[key] for key in table.keys):
            yield "u", row, was if found.whole else None
            return
        yield "d", was, was if found.whole else None
        yield "c", self._completed(table, row), None

    def _completed(self, table: _Table, row: list[Any]) -> Row:
        """A row under a new key, with the values that the log does not repeat as they are now: a later change of them follows."""
        names = table.way.stream.schema.names
        missing = [number for number, value in enumerate(row) if value is UNCHANGED and table.places[number] is not None]
        if not missing or any(row[key] is None for key in table.keys):
            return row
        shown = ", ".join(
            f"CASE WHEN {table.way.places[names[number]]} IS NOT NULL THEN format('%s', {table.way.places[names[number]]}) END"
            for number in missing
        )
        keys = sorted(table.keys)
        where = " AND ".join(f"{table.way.places[names[key]]} = CAST(? AS {table.way.columns[key][0].native})" for key in keys)
        texts = [row[key].decode() for key in keys]
        there = self._connection.cursor().execute(f"SELECT {shown} FROM {table.way.source} WHERE {where}", *texts).fetchone()
        if there is not None:
            for number, value in zip(missing, there, strict=True):
                row[number] = None if value is None else value.encode()
        return row


def _truncated(stream: Stream) -> pa.RecordBatch:
    schema = changes.change_schema(stream.schema)
    known = {changes.OP: pa.array(["t"]), changes.KNOWN: pa.array([[]], schema.field(changes.KNOWN).type)}
    columns: list[Any] = [known.get(field.name, pa.nulls(1, field.type)) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
