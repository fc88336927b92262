"""Changes by comparison where the server hashes: it tells by one query which buckets of rows are others, and only these are read.

Rows are compared by what was read of them, as the SDK's own comparison of full reads does, and its index of generations keeps
them. The server's hashes only choose what is read. What is kept of a bucket is made of the very rows that were read, so that a
bucket which changed between the query and the reading is another one to the next query.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import ConfigError, DataError, StateInvalidError
from connector_sdk.rejects import REJECT_SCHEMA
from connector_sdk.runtime.index_files import folder_name, mapped
from connector_sdk.runtime.snapshot_diff.brake import Brake
from connector_sdk.runtime.snapshot_diff.comparison import Comparison
from connector_sdk.runtime.snapshot_diff.history import Draft, Generation, History, Position
from connector_sdk.runtime.snapshot_diff.index import KEPT, Index
from connector_sdk.runtime.snapshot_diff.row_hash import VERSION as HASHING
from connector_sdk.runtime.snapshot_diff.stored import changes_of, rejects_of
from connector_sdk.schema import Mode, Stream, Where

from connector_odbc.catalogue import Table, TableName
from connector_odbc.changes.buckets import UNKNOWN, Hashed, Sums, number_for
from connector_odbc.changes.handover import nothing
from connector_odbc.database import Connection, Database
from connector_odbc.fetching import Fetch
from connector_odbc.selecting import Query
from connector_odbc.way import Way, way

__all__ = ["ABOUT", "ack", "captures", "install", "installed", "plan", "read", "remove", "status"]

ABOUT = "snapshot: rows as they are now, compared by hashes of the server with those of the read before; not what was between"
VERSION = 1
_METHOD = "snapshot"


def captures(database: Database, table: Table) -> bool:
    """Whether `table` can be compared so: there is an index, the server hashes, and rows as they were are not asked for."""
    config = database.config
    return config.index is not None and not config.before and not table.view and database.profile.changes.hashes is not None


def installed(database: Database) -> frozenset[TableName]:
    """None: there is nothing to install. See :func:`captures`."""
    return frozenset()


def plan(database: Database, streams: Sequence[Stream], where: Mapping[str, Where]) -> list[Split]:
    """One split for each stream; predicates are left to the engine."""
    return [
        Split(
            id=f"{stream.name} by hashes",
            streams=(stream,),
            mode=Mode.CHANGES,
            spec={"method": _METHOD},
            left={stream.name: where[stream.name]} if where.get(stream.name) else {},
        )
        for stream in streams
    ]


def install(database: Database, tables: Mapping[str, Table], *, dry_run: bool) -> list[str]:
    """Nothing: the database keeps nothing for it."""
    return []


def remove(database: Database, tables: Mapping[str, Table], *, dry_run: bool) -> list[str]:
    """Nothing: the database keeps nothing for it."""
    return []


def status(database: Database, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    """The streams: each read compares with what its own state knows."""
    return [{"stream": stream} for stream in tables]


def ack(database: Database, split: Split, state: State) -> None:
    """Files of the index that no later state needs are removed."""
    position = _position(split, state)
    _history(database, split, position).forget(position)


def read(database: Database, split: Split, state: State | None, until: State | None) -> Iterator[Batch]:
    """The changes of one table. Raises StateInvalidError, SchemaDriftError; DataError where `max_change` forbids them."""
    end = None if until is None else _position(split, until)
    first = Position.fresh() if end is None else Position(end.history)
    position = first if state is None else _position(split, state)
    if end is not None and (end.history != position.history or end < position):
        raise StateInvalidError(f"split {split.id!r}: `until` is not a later state of the same reading", split=split.id)
    history = _history(database, split, position)
    if state is None or position == end:
        yield _batch(split, position)
    while True:
        position = yield from _stored(history, split, position, end)
        if end is not None:
            return
        with history.held():
            if max([*history.sequences(), 0]) > position.seq:
                continue  # another run was faster
            generation = yield from _generation(database, history, split, position)
            break
    if generation is None:
        yield _batch(split, position)
    else:
        yield from _differences(history, split, generation, position, None)


def _position(split: Split, state: State) -> Position:
    found = state.get("position")
    if state.get("v") != VERSION or state.get("method") != _METHOD or not isinstance(found, Mapping):
        raise StateInvalidError(
            f"the state of {split.id!r} is not one of this connector, or of another method",
            hint="reset the state: all is read again",
            split=split.id,
        )
    return Position.from_state(found)


def _batch(split: Split, position: Position | None, data: Any = None, rejects: pa.RecordBatch | None = None) -> Batch:
    stream = split.streams[0]
    state: State | None = None
    if position is not None:
        state = {"v": VERSION, "method": _METHOD, "position": dict(position.to_state())}
    return Batch(stream=stream.name, data=nothing(stream) if data is None else data, state=state, rejects=rejects)


def _history(database: Database, split: Split, position: Position) -> History:
    index = database.config.index
    if index is None:
        raise ConfigError(f"{split.id!r} needs `index`, the folder that its rows are compared with", stream=split.streams[0].name)
    return History(Path(index) / "bucket-hashes" / folder_name(split.streams[0].name) / position.history)


# -- what is stored -------------------------------------------------------------------------------------------------------------


def _stored(history: History, split: Split, position: Position, end: Position | None) -> Generator[Batch, None, Position]:
    """What is stored behind `position`, up to `end` or to the last there is. Returns where that is."""
    generation = history.at(position)
    if end is not None:
        history.at(end)
    if generation is not None:
        position = yield from _differences(history, split, generation, position, end)
    for seq in range(position.seq + 1, (max([*history.sequences(), 0]) if end is None else end.seq) + 1):
        generation = history.generation(seq)
        if generation.previous != position.digest:
            raise StateInvalidError(
                f"{history.path(seq)} does not follow the generation before",
                hint="restore the index, or reset the state and read everything again",
                code="index_damaged",
                split=split.id,
            )
        for rejects in rejects_of(history, generation):
            yield _batch(split, None, rejects=rejects)
        position = yield from _differences(history, split, generation, position, end)
    return position


def _differences(
    history: History, split: Split, generation: Generation, position: Position, end: Position | None
) -> Generator[Batch, None, Position]:
    """The rest of the differences of `generation`: at least a state, unless `position` is at their end already."""
    entered = position.seq == generation.seq
    start = position.at if entered else 0
    stop = end.at if end is not None and end.seq == generation.seq else generation.differences
    position = replace(position, seq=generation.seq, at=start, digest=generation.digest)
    if not entered and start == stop:
        yield _batch(split, position)
    for data in changes_of(history, generation, split.streams[0], start, stop, before=False):
        position = replace(position, at=position.at + data.num_rows)
        yield _batch(split, position, data)
    return position


# -- what is new ----------------------------------------------------------------------------------------------------------------


def _generation(
    database: Database, history: History, split: Split, position: Position
) -> Generator[Batch, None, Generation | None]:
    """Ask, read what is another, compare and publish what was found; None: nothing is another. Yields the rejects."""
    previous = history.at(position)
    if previous is not None and previous.hashing != HASHING:
        raise StateInvalidError(
            f"the index in {history.folder} was made by another version of connector-sdk and cannot be compared with",
            hint="reset the state and read everything again",
            code="index_version",
        )
    found = way(database, split.streams[0])
    known = None if previous is None else _known(history, previous)
    reads = database.profile.reads
    # Held open, for its snapshot is that of the reading as well where the server can export one.
    with database.lend() as connection:
        for statement in reads.begin:
            connection.execute(statement)
        count = number_for(_rows(connection, found)) if known is None else len(known)
        hashed = Hashed.of(found, database.profile.changes.hashes, count)
        others: npt.NDArray[np.int64] | None = None
        if known is not None:
            others = np.flatnonzero((hashed.asked(connection) != known).any(axis=1))
            if not len(others):
                return None
            if 2 * len(others) > count:
                others = None
        begin = reads.begin
        if reads.snapshot is not None:
            exported = connection.execute(reads.snapshot).fetchval()
            begin = (*begin, *(statement.format(snapshot=exported) for statement in reads.adopt))
        if found.physical is not None:
            begin = (*begin, *found.physical.session)
        condition = Query("") if others is None else hashed.within(others.tolist())
        fetch = Fetch(database=database, way=hashed.way, condition=condition, begin=begin)
        return (yield from _compared(database, history, split, previous, known, hashed, others, fetch))


def _compared(
    database: Database,
    history: History,
    split: Split,
    previous: Generation | None,
    known: Sums | None,
    hashed: Hashed,
    others: npt.NDArray[np.int64] | None,
    fetch: Fetch,
) -> Generator[Batch, None, Generation]:
    """The rows of `fetch`, those of the buckets `others` (None: of all), against those that `previous` has of these."""
    asked = split.streams[0]
    # The bucket is part of the key, so that the index keeps it; the fields of the stream are what is told later.
    schema = pa.schema(list(asked.schema)).append(hashed.way.stream.schema.field(hashed.bucket))
    stream = Stream(name=asked.name, schema=schema, keys=(*asked.keys, hashed.bucket), reads=frozenset({Mode.FULL}))
    with Draft(history) as draft, Index(history, previous) as index:
        if others is not None:
            _keep(index, hashed, others)
        rejects = draft.blocks("rejects")
        comparison = Comparison(stream, index, draft, before=False)
        sums = np.zeros((hashed.count, 3), np.uint64)
        with closing(fetch.batches(None)) as batches:
            for one in batches:
                if one.rejects is not None:
                    rejects.append(one.rejects.cast(REJECT_SCHEMA))
                if one.data.num_rows:
                    sums += hashed.of_rows(one.data)
                    comparison.add(one.data.select(schema.names).cast(schema))
        comparison.problems.check()
        rejected = rejects.finish()
        deleted = 0 if rejected.rows else comparison.unseen
        _brake(database, asked, index.rows, comparison.counts["u"], deleted)
        if rejected.rows and comparison.unseen:
            # A row that cannot be decoded is not a row that is gone: none is deleted, and all of these are read again.
            sums[:] = UNKNOWN
        if others is not None and known is not None:
            sums, fresh = known.copy(), sums
            sums[others] = fresh[others]
        for _ in comparison.merge(keep_unseen=rejected.rows > 0):
            pass
        comparison.problems.check()
        buckets = draft.words("buckets")
        buckets.write(sums.astype("<u8").tobytes())
        generation = Generation(
            seq=1 if previous is None else previous.seq + 1,
            previous="" if previous is None else previous.digest,
            stream=stream,
            before=False,
            hashing=HASHING,
            rows=comparison.rows,
            counts=comparison.counts,
            parts={**comparison.parts, "rejects": rejected, "buckets": buckets.finish()},
        )
        for batch in rejects_of(history, generation):
            yield _batch(split, None, rejects=batch)
        # Whoever goes on after the rejects accepts the snapshot.
        return draft.publish(generation)


def _keep(index: Index, hashed: Hashed, others: npt.NDArray[np.int64]) -> None:
    """Rows of all buckets but `others` are as they were: they are not read."""
    read_again = np.zeros(hashed.count, np.bool_)
    read_again[others] = True
    start = 0
    for batch in index.data(0, index.rows) if index.rows else ():
        buckets: Any = batch.column(hashed.bucket).to_numpy()
        index.marks[start : start + batch.num_rows][~read_again[buckets]] = KEPT
        start += batch.num_rows


def _brake(database: Database, stream: Stream, before: int, updated: int, deleted: int) -> None:
    try:
        Brake(max_change=database.config.max_change).check(stream.name, before=before, updated=updated, deleted=deleted)
    except DataError as error:
        error.hint = "is the table whole? when it is right, run once with `max_change: null`"
        raise


def _known(history: History, generation: Generation) -> Sums:
    """What the buckets came to. Raises StateInvalidError when the file is missing or damaged."""
    part = generation.parts["buckets"]
    content = mapped(history.folder / part.name, part.size, part.crc)
    assert content is not None
    with closing(content):
        return np.frombuffer(content[:], "<u8").astype(np.uint64).reshape(-1, 3)


def _rows(connection: Connection, found: Way) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {found.source}").fetchval())
