"""One piece of a load, staged: rows encoded, put into tables that nobody reads, and refused ones found and told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from connector_sdk.changes import OP, is_change
from connector_sdk.changes import REV as VERSION
from connector_sdk.contract import Batch, Load, Receipt
from connector_sdk.errors import ConfigError, ConnectorError, DataError, TransientError
from connector_sdk.rejects import Budget, Reject, reject_batch
from connector_sdk.schema import Stream, WriteMode

from connector_odbc import driver_manager
from connector_odbc.catalogue import Column, TableName
from connector_odbc.database import Database
from connector_odbc.typed import AnyArray
from connector_odbc.writing import staging
from connector_odbc.writing.arrays import array_insert
from connector_odbc.writing.bulk import BulkWriter
from connector_odbc.writing.columns import StagedColumn
from connector_odbc.writing.connections import Writers
from connector_odbc.writing.history import VALID_FROM, VALID_TO
from connector_odbc.writing.landing import Landing, in_parts
from connector_odbc.writing.netting import Net, net, versions
from connector_odbc.writing.rows import insert_rows
from connector_odbc.writing.staging import FROM, KNOWN, ORDINAL, REV, Stage
from connector_odbc.writing.targets import Targets
from connector_odbc.writing.unpublished import Unpublished, UnpublishedPiece

__all__ = ["Chunk", "Staged", "pieces_of", "staged_of", "write_piece"]

NETTED_ROWS = 50_000
NETTED_BYTES = 16 << 20
_compute: Any = pc
_MOMENT = Column(name=FROM, native="timestamp with time zone", kind="timestamp with time zone")


@dataclass(frozen=True)
class Chunk:
    """Rows `first` to `last` of a staging table, which are carried out together; each key occurs once. `knowns` are the sets of
    columns that are all that some rows know, `conditional` says that rows ask for a version. `truncated`: everything goes first,
    at the `moment` in a history."""

    first: int
    last: int
    ops: str = ""
    truncated: bool = False
    knowns: tuple[str, ...] = ()
    conditional: bool = False
    moment: str = ""


@dataclass(frozen=True)
class Staged:
    """What one piece has staged of one stream: the table, how many rows lie in it, and for operations its chunks."""

    stream: str
    table: str
    rows: int
    chunks: tuple[Chunk, ...] = ()
    before: bool = False

    def to_json(self) -> list[Any]:
        """For :func:`staged_of`."""
        chunks = [[c.first, c.last, c.ops, c.truncated, list(c.knowns), c.conditional, c.moment] for c in self.chunks]
        return [self.stream, self.table, self.rows, chunks, self.before]


def staged_of(value: Sequence[Any]) -> Staged:
    """What :meth:`Staged.to_json` wrote."""
    stream, table, rows, chunks, before = value
    made = tuple(Chunk(first, last, ops, cut, tuple(knowns), asks, at) for first, last, ops, cut, knowns, asks, at in chunks)
    return Staged(stream, table, rows, made, before)


def pieces_of(receipts: Iterable[Receipt]) -> tuple[list[Staged], list[str]]:
    """What the tokens of receipts of :func:`write_piece` say: what is staged, and the ids of what is not published."""
    tokens = [json.loads(receipt.token or b"{}") for receipt in receipts]
    staged = [staged_of(part) for token in tokens for part in token.get("staged", ())]
    return staged, [token["unpublished"] for token in tokens if "unpublished" in token]


def write_piece(
    database: Database,
    writers: Writers,
    targets: Targets,
    unpublished: Unpublished,
    load: Load,
    piece: str,
    batches: Iterable[Batch],
) -> Receipt:
    """Write one piece, straight into its tables in an open transaction where that can be, else staged; the receipt's token says
    where. When anything fails, what was written is dropped."""
    budget = Budget(load.max_rejects)
    open_piece = unpublished.begin(load, budget)
    if open_piece is not None:
        try:
            return _inserted(open_piece, load, batches)
        except BaseException as error:
            # One that is cut may still say that it rolls back.
            unpublished.end(open_piece, usable=not isinstance(error, TransientError))
            _tell(error, open_piece.rejects)
            raise
    return _staged(database, writers, targets, load, piece, batches, budget)


def _inserted(piece: UnpublishedPiece, load: Load, batches: Iterable[Batch]) -> Receipt:
    streams = {stream.name: stream for stream in load.streams}
    rows = 0
    for batch in batches:
        piece.add(streams[batch.stream], batch)
        rows += batch.data.num_rows
    piece.finish()
    piece.written = True
    rejects = piece.rejects
    token = json.dumps({"unpublished": piece.id}).encode()
    return Receipt(rows=rows - len(rejects), token=token, rejects=reject_batch(rejects) if rejects else None)


def _staged(
    database: Database, writers: Writers, targets: Targets, load: Load, piece: str, batches: Iterable[Batch], budget: Budget
) -> Receipt:
    streams = {stream.name: stream for stream in load.streams}
    open_stages: dict[str, _Stager] = {}
    bulk = BulkWriter(database, autocommit=True) if database.profile.writes.way == "bulk" else None
    rows = 0
    try:
        for batch in batches:
            if not batch.data.num_rows:
                continue
            stager = open_stages.get(batch.stream)
            if stager is None:
                stager = _Stager(database, writers, targets, load, piece, streams[batch.stream], batch.data.schema, budget, bulk)
                open_stages[batch.stream] = stager
            stager.add(batch.data)
            rows += batch.data.num_rows
        staged = [stager.finish() for stager in open_stages.values()]
    except BaseException as error:
        for stager in open_stages.values():
            stager.drop()
        _tell(error, _rejects(open_stages.values()))
        raise
    finally:
        if bulk is not None:
            bulk.close()
    rejects = _rejects(open_stages.values())
    return Receipt(
        rows=rows - len(rejects),
        token=json.dumps({"staged": [part.to_json() for part in staged if part.rows or part.chunks]}).encode(),
        rejects=reject_batch(rejects) if rejects else None,
    )


def _rejects(stagers: Iterable[_Stager]) -> list[Reject]:
    return [reject for stager in stagers for reject in stager.landing.rejects]


def _tell(error: BaseException, rejects: Sequence[Reject]) -> None:
    """An error over the budget tells the rows that are over it."""
    if isinstance(error, DataError) and rejects:
        error.rejects = reject_batch(rejects)


@dataclass
class _Stager:
    """A staging table that is being filled."""

    database: Database
    writers: Writers
    targets: Targets
    load: Load
    piece: str
    stream: Stream
    schema: pa.Schema
    budget: Budget
    bulk: BulkWriter | None
    chunks: list[Chunk] = field(default_factory=list)
    next: int = 0
    _held: list[pa.RecordBatch] = field(default_factory=list)
    _held_rows: int = 0
    _held_bytes: int = 0

    def __post_init__(self) -> None:
        target = self.targets.table(self.stream.name)
        self.by_key = self.load.mode in (WriteMode.UPSERT, WriteMode.APPLY, WriteMode.HISTORY)
        self.columns = self.targets.columns(self.stream)
        before = self.columns if self.by_key and "_before" in self.schema.names else ()
        name = staging.stage_name(self.load.id, self.piece, self.stream.name)
        table = TableName(self.targets.home(), name)
        self.stage = Stage(table=table, target=target, columns=self.columns, before=before)
        self._doing = f"staging rows for {target.name}"
        self.landing = Landing(self.database, self.stream.name, target.name, self._doing, self.budget, self._insert)
        self._in_transaction(lambda connection: staging.create(self.database, connection, self.stage))

    def add(self, data: pa.RecordBatch) -> None:
        """Take the rows of a batch."""
        if self.load.mode is WriteMode.HISTORY:
            data = data.select([name for name in data.schema.names if name not in (VALID_FROM, VALID_TO)])
        if not self.by_key:
            for part in in_parts(data):
                self._put(Net(part, [], []))
            return
        self._check_versions(data)
        data = self._with_keys(data)
        self._held.append(self._whole(data) if self.load.mode is WriteMode.HISTORY else data)
        self._held_rows += data.num_rows
        self._held_bytes += data.nbytes
        if self._held_rows >= NETTED_ROWS or self._held_bytes >= NETTED_BYTES:
            self._net()

    def finish(self) -> Staged:
        """Everything taken is staged."""
        if self._held:
            self._net()
        before = bool(self.stage.before)
        return Staged(self.stream.name, self.stage.table.name, self.landing.rows, tuple(self.chunks), before)

    def drop(self) -> None:
        """Take the table away; the next resume does it where this connection cannot."""
        with suppress(ConnectorError):
            self._in_transaction(lambda connection: staging.drop(self.database, connection, [self.stage.table]))

    def _net(self) -> None:
        table: Any = pa.Table.from_batches(self._held, self._held[0].schema).combine_chunks()
        self._held, self._held_rows, self._held_bytes = [], 0, 0
        for batch in table.to_batches():
            groups = (
                versions(batch, self.stream.keys, time.time_ns() // 1000)
                if self.load.mode is WriteMode.HISTORY
                else net(batch, self.stream.keys)
            )
            for group in groups:
                first = self.next
                for part in in_parts(group.rows):
                    at = self.next - first
                    size = part.num_rows
                    self._put(
                        Net(
                            part,
                            group.ops[at : at + size],
                            group.known[at : at + size],
                            group.revs[at : at + size],
                            None if group.before is None else group.before.slice(at, size),
                            froms=group.froms[at : at + size],
                        )
                    )
                knowns = tuple(sorted({known for known in group.known if known is not None}))
                asks = any(rev is not None for rev in group.revs)
                ops = "".join(sorted(set(group.ops)))
                moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if group.truncated else ""
                moment += (
                    self.database.profile.writes.encoding.zone if moment and self.database.profile.writes.encoding.zones else ""
                )
                self.chunks.append(Chunk(first, self.next - 1, ops, group.truncated, knowns, asks, moment))

    def _check_versions(self, data: pa.RecordBatch) -> None:
        """Raises ConfigError for changes that ask for a version of their row which nothing tells."""
        history = self.load.mode is WriteMode.HISTORY  # which writes over nothing
        if history or self.stage.before or not is_change(data.schema) or data.column(VERSION).null_count == data.num_rows:
            return
        settings = self.database.config.streams.get(self.stream.name)
        if settings is None or settings.version is None:
            raise ConfigError(
                f"changes of {self.stream.name} ask for a version of their row (_rev), and no column has it",
                hint=f"name the column (streams: {self.stream.name}: version), or give the rows as they were (_before)",
                stream=self.stream.name,
            )

    def _with_keys(self, data: pa.RecordBatch) -> pa.RecordBatch:
        """`data` without the rows whose key is null, which are rejects: nothing tells them from one another."""
        wrong: Any = None
        for key in self.stream.keys:
            null = _compute.is_null(data.column(key))
            wrong = null if wrong is None else _compute.or_(wrong, null)
        if is_change(data.schema):
            wrong = _compute.and_(wrong, _compute.not_equal(data.column(OP), "t"))
        if not _compute.any(wrong, min_count=0).as_py():
            return data
        for position in _compute.indices_nonzero(wrong).to_pylist():
            self.landing.refuse(data.slice(position, 1), "the key is null", code="required", key=self.stream.keys[0])
        return data.filter(_compute.invert(wrong))

    def _whole(self, data: pa.RecordBatch) -> pa.RecordBatch:
        """`data` without the changes that know only some columns, which are rejects: they make no version."""
        if not is_change(data.schema) or data.column("_known").null_count == data.num_rows:
            return data
        partly = _compute.and_(_compute.is_valid(data.column("_known")), _compute.not_equal(data.column(OP), "d"))
        for position in _compute.indices_nonzero(partly).to_pylist():
            self.landing.refuse(data.slice(position, 1), "a change that knows only some columns makes no version of a row")
        return data.filter(_compute.invert(partly))

    def _put(self, group: Net) -> None:
        rows = group.rows
        ordinals: AnyArray = pa.array(range(self.next, self.next + rows.num_rows), pa.int64())
        arrays: list[tuple[str, Column | None, AnyArray]] = [(ORDINAL, None, ordinals)]
        if group.ops:
            arrays.append((staging.OP, None, pa.array(group.ops, pa.string())))
            if any(known is not None for known in group.known):
                arrays.append((KNOWN, None, pa.array(group.known, pa.string())))
            if any(rev is not None for rev in group.revs):
                arrays.append((REV, None, pa.array(group.revs, pa.string())))
            if group.froms:
                arrays.append((FROM, _MOMENT, pa.array(group.froms, pa.int64()).view(pa.timestamp("us", "UTC"))))
        arrays += [(c.name, c, values) for c, values in zip(self.columns, rows.columns, strict=True)]
        if group.before is None and self.stage.before and self.bulk is not None:
            # Columns that came from a join have no default on MariaDB, not even NULL.
            arrays += [(staging.before_name(c.name), None, pa.nulls(rows.num_rows)) for c in self.columns]
        if group.before is not None:
            arrays += [
                (staging.before_name(c.name), c, values) for c, values in zip(self.columns, group.before.columns, strict=True)
            ]
        self.next += rows.num_rows
        self.landing.land(rows, arrays)

    def _insert(self, columns: Sequence[StagedColumn]) -> Callable[[], None]:
        return partial(self._insert_now, columns)

    def _insert_now(self, columns: Sequence[StagedColumn]) -> None:
        """Insert rows, all or none, and keep them."""
        table = staging.quoted(self.database, self.stage.table)
        pyodbc = driver_manager.pyodbc()
        if self.bulk is not None:
            try:
                self.bulk.insert(table, columns)
            except pyodbc.Error:
                self._take_back(table, columns[0])
                raise
            return
        made = array_insert(self.database, table, columns) if self.database.profile.writes.way == "arrays" else None
        with self.writers.turn(), self.writers.lend_raw() as connection:
            try:
                if made is None:
                    insert_rows(self.database, connection, table, columns)
                else:
                    made.run(connection)
                connection.commit()
            except pyodbc.Error:
                with suppress(pyodbc.Error):
                    connection.rollback()
                raise

    def _take_back(self, table: str, ordinals: StagedColumn) -> None:
        """A staging table without a log keeps the rows before the one that failed."""
        first, last = ordinals.data.values[0].as_py(), ordinals.data.values[-1].as_py()
        quote = self.database.profile.quote
        self._in_transaction(
            lambda connection: connection.execute(f"DELETE FROM {table} WHERE {quote(ORDINAL)} BETWEEN {first} AND {last}")
        )

    def _in_transaction(self, work: Callable[[Any], object]) -> None:
        with self.writers.turn(), self.writers.lend(self._doing) as connection:
            work(connection)
            connection.commit()
