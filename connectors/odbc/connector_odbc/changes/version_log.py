"""The history of one system-versioned table as a log: which versions of rows each transaction began and ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute
from connector_sdk import changes
from connector_sdk.contract import Split
from connector_sdk.schema import Stream

from connector_odbc.catalogue import Column
from connector_odbc.changes import transactions
from connector_odbc.changes.handover import Found, nothing
from connector_odbc.changes.transactions import Seen, Transaction
from connector_odbc.database import Connection, Database
from connector_odbc.fetching import Fetch
from connector_odbc.selecting import Query
from connector_odbc.typed import Typed
from connector_odbc.way import Part, Way, way

__all__ = ["END", "START", "VersionLog"]

pc: Any = pyarrow.compute

START, END = "_connector_start", "_connector_end"
"""The columns with the ids of the transactions that began and ended a version of a row."""

_NO_END = 2**64 - 1
"""The end of a version that is the current one."""

_EARLIER = "_connector_earlier"
_ID = Column(name=START, native="bigint(20) unsigned", kind="bigint unsigned", nullable=False)


class VersionLog:
    """The log of the one stream of `split`. A position is that of :class:`connector_odbc.changes.transactions.Seen`."""

    def __init__(self, database: Database, split: Split) -> None:
        self._database = database
        self._stream = split.streams[0]

    def low(self) -> Any:
        """What is visible now: the rows are read later."""
        return transactions.now(self._database, _Versions(self._database, self._stream).ids).to_json()

    def entries(self, position: Any, until: Any | None) -> Iterator[Found]:
        """What the transactions did that were not seen at `position`. Raises SchemaDriftError."""
        start = Seen.of(position)
        versions = _Versions(self._database, self._stream)
        end = transactions.now(self._database, versions.ids) if until is None else Seen.of(until)
        with self._database.own(f"reading the history of {self._stream.name!r}") as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            unordered = versions.unordered(connection, start, end)
            for page in transactions.between(connection, start, end):
                for group in versions.groups(connection, page):
                    connection.commit()  # nothing is held while the rows are read
                    yield from versions.changes(group)
                    upto = group[-1].commit
                    if start.upto < upto < end.upto and not unordered:
                        here = Seen(upto=upto, pending=end.pending).to_json()
                        yield Found(stream=self._stream.name, data=nothing(self._stream), position=here)
        if unordered:
            yield from versions.as_they_are(unordered, end)
        yield Found(stream=self._stream.name, data=nothing(self._stream), position=end.to_json() if until is None else until)


class _Versions:
    """The versions of one table's rows, current and past."""

    def __init__(self, database: Database, stream: Stream) -> None:
        self._database = database
        self._stream = stream
        found = way(database, stream)
        quote = database.profile.quote
        self._source = f"{found.source} FOR SYSTEM_TIME ALL"
        same = " AND ".join(f"e.{quote(key)} <=> v.{quote(key)}" for key in stream.keys)
        other = f"SELECT 1 FROM {self._source} AS e WHERE {same} AND e."
        self._there = f"EXISTS ({other}{quote(END)} = {_NO_END})"
        self._touched = f"EXISTS ({other}{quote(START)} IN ({{ids}})) OR EXISTS ({other}{quote(END)} IN ({{ids}}))"
        self._again = f"EXISTS ({other}{quote(START)} = v.{quote(END)})"
        earlier = f"EXISTS ({other}{quote(END)} = v.{quote(START)})"
        keys = tuple((column, typed) for column, typed in found.columns if column.name in stream.keys)
        self._ended = self._way(found, keys, END, None)
        self._begun = self._way(found, found.columns, START, earlier)

    @property
    def ids(self) -> str:
        """SQL for the highest id of a transaction that has begun or ended a version."""
        start, end = map(self._database.profile.quote, (START, END))
        return (
            f"SELECT GREATEST(COALESCE((SELECT max({start}) FROM {self._source}), 0), "
            f"COALESCE((SELECT max({end}) FROM {self._source} WHERE {end} < {_NO_END}), 0))"
        )

    def unordered(self, connection: Connection, start: Seen, end: Seen) -> list[int]:
        """The transactions that `end` has seen and `start` has not, and that nobody knows when they were committed."""
        asked = " UNION ".join(
            f"SELECT CAST({place} AS CHAR(20)) FROM {self._source} WHERE {transactions.unregistered(place, start, end)}"
            for place in map(self._database.profile.quote, (START, END))
        )
        return sorted(int(id_) for (id_,) in connection.execute(asked).fetchall())

    def as_they_are(self, ids: Sequence[int], end: Seen) -> Iterator[Found]:
        """Rows that those transactions changed, as they are now: in which order that was, the history does not tell.

        Another change that is seen by that is told again, when it is read.
        """
        chosen = ", ".join(map(str, ids))
        ended = self._ended.places[END]
        gone = self._fetched(self._ended, f"{ended} IN ({chosen}) AND NOT {self._there}")
        there = self._fetched(self._begun, f"{self._begun.places[END]} = {_NO_END} AND ({self._touched.format(ids=chosen)})")
        for batches, deleted in ((gone, True), (there, False)):
            for one in batches:
                of = [Transaction(id=0, commit=end.upto, moment=None)] * one.data.num_rows
                data = self._changes(one.data, of, deleted=deleted)
                yield Found(stream=self._stream.name, data=data, rejects=one.rejects)

    def _way(self, found: Way, columns: tuple[tuple[Column, Typed], ...], id_: str, earlier: str | None) -> Way:
        quote, typed = self._database.profile.quote, self._database.profile.typed(_ID)
        more: list[tuple[Column, Typed]] = [(replace(_ID, name=id_), typed)]
        places = {name: f"v.{place}" for name, place in {**found.places, START: quote(START), END: quote(END)}.items()}
        if earlier is not None:
            more.append(
                (replace(_ID, name=_EARLIER), Typed(type=pa.int64(), select=earlier.replace("{", "{{").replace("}", "}}")))
            )
            places[_EARLIER] = ""
        fields = [found.stream.schema.field(column.name) for column, _ in columns]
        schema = pa.schema([*fields, *(pa.field(column.name, typed.type) for column, typed in more)])
        last = Part(name=END, place=places[END], typed=typed, bind="CAST(? AS UNSIGNED)")
        order = tuple(replace(part, place=f"v.{part.place}") for part in found.order)
        return replace(
            found,
            stream=replace(found.stream, schema=schema),
            source=f"{self._source} AS v",
            columns=(*columns, *more),
            places=places,
            order=(*order, last) if order else (),
        )

    def groups(self, connection: Connection, page: Sequence[Transaction]) -> Iterator[list[Transaction]]:
        """Transactions of `page` that did something to the table, together as long as that is not much."""
        if not page:
            return
        ids = ", ".join(str(one.id) for one in page)
        counts = {one.id: 0 for one in page}
        for column in (START, END):
            place = self._database.profile.quote(column)
            for id_, count in connection.execute(
                f"SELECT CAST({place} AS CHAR(20)), count(*) FROM {self._source} WHERE {place} IN ({ids}) GROUP BY {place}"
            ).fetchall():
                counts[int(id_)] += int(count)
        group: list[Transaction] = []
        size = 0
        for one in page:
            if not counts[one.id]:
                continue
            if group and size + counts[one.id] > self._database.config.batch_rows:
                yield group
                group, size = [], 0
            group.append(one)
            size += counts[one.id]
        if group:
            yield group

    def changes(self, group: Sequence[Transaction]) -> Iterator[Found]:
        """What `group` did, in the order of the commits; of one transaction, deletes first."""
        by_id = {one.id: one for one in group}
        ids = ", ".join(map(str, by_id))
        place = self._ended.places[END]
        ended = self._fetched(self._ended, f"{place} IN ({ids}) AND NOT {self._again}")
        begun = self._fetched(self._begun, f"{self._begun.places[START]} IN ({ids})")
        if len(group) == 1:
            for batches, id_, deleted in ((ended, END, True), (begun, START, False)):
                for one in batches:
                    data = self._changes(one.data, [by_id[n] for n in one.data.column(id_).to_pylist()], deleted=deleted)
                    yield Found(stream=self._stream.name, data=data, rejects=one.rejects)
            return
        parts: list[pa.RecordBatch] = []
        for batches, id_, deleted in ((ended, END, True), (begun, START, False)):
            for one in batches:
                of = [by_id[n] for n in one.data.column(id_).to_pylist()]
                parts.append(self._changes(one.data, of, deleted=deleted))
                if one.rejects is not None:
                    yield Found(stream=self._stream.name, data=nothing(self._stream), rejects=one.rejects)
        if parts:
            table = pa.Table.from_batches(parts)
            ordered = table.take(pc.sort_indices(table, sort_keys=[(changes.POS, "ascending")])).combine_chunks()
            for data in ordered.to_batches():
                yield Found(stream=self._stream.name, data=data)

    def _fetched(self, versions: Way, condition: str) -> Iterator[Any]:
        begin = self._database.profile.reads.begin
        return Fetch(database=self._database, way=versions, condition=Query(condition), begin=begin).batches(None)

    def _changes(self, data: pa.RecordBatch, of: Sequence[Transaction], *, deleted: bool) -> pa.RecordBatch:
        schema = self._stream.schema
        count = data.num_rows
        there = set(data.schema.names)
        columns = [data.column(f.name) if f.name in there else pa.nulls(count, f.type) for f in schema]
        nullable = pa.schema([f.with_nullable(True) for f in schema]).with_metadata(schema.metadata)
        rows = pa.RecordBatch.from_arrays(columns, schema=nullable)
        keys = [schema.get_field_index(key) for key in self._stream.keys]
        ops = "d" if deleted else ["u" if earlier else "c" for earlier in data.column(_EARLIER).to_pylist()]
        return changes.build(
            rows,
            ops,
            pos=[one.commit.to_bytes(8, "big") + (b"\0" if deleted else b"\1") for one in of],
            ts=[one.moment for one in of],
            known=[keys] * count if deleted else None,
        )
