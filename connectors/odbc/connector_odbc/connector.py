"""The connector itself: which part does what when the engine asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from connector_sdk.contract import Batch, Checkpoint, Load, Operation, Receipt, Split, State
from connector_sdk.errors import InternalError
from connector_sdk.schema import Mode, Stream, Where

from connector_odbc import capture, changes, discovery, generated_streams
from connector_odbc.changes import watermark
from connector_odbc.config import OdbcConfig
from connector_odbc.database import Database
from connector_odbc.planning import plan_full
from connector_odbc.reading import read_full
from connector_odbc.snapshots import Snapshots
from connector_odbc.writing.sink import DatabaseSink

__all__ = ["OdbcConnector"]


class OdbcConnector:
    """The tables and views of a database behind an ODBC driver.

    `streams` are those of a generated package, by name: the connector then has these only, as they were generated.
    """

    simulator = "connector_odbc.simulator:OdbcSimulator"

    def __init__(self, config: OdbcConfig, streams: Mapping[str, Stream] | None = None) -> None:
        self.streams = dict(streams or {})
        self.config = generated_streams.in_their_schemas(config, self.streams)
        self._database: Database | None = None
        self._snapshots: Snapshots | None = None
        self._sink: DatabaseSink | None = None

    def __getstate__(self) -> dict[str, object]:
        if self._database is not None:
            raise InternalError("an opened connector does not travel to another process")
        return self.__dict__

    def __enter__(self) -> Self:
        self._database = Database(self.config)
        self._snapshots = Snapshots(self._database)
        self._sink = DatabaseSink(self._database)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        snapshots, self._snapshots = self._snapshots, None
        if snapshots is not None:
            snapshots.close()
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close()
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def check(self) -> None:
        """The database can be logged in to, and answers. Raises ConfigError or TransientError."""
        with self._here.lend() as connection:
            connection.execute(self._here.profile.probe)

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        """Every table and view that the configuration means; those in `only`. Raises ConfigError or TransientError.

        In a generated package every table that it was generated for; raises SchemaDriftError where one is another now.
        """
        if not self.streams:
            return discovery.discover(self._here, only)
        found = discovery.discover(self._here, list(self.streams) if only is None else only)
        keyed = [name for name, settings in self.config.streams.items() if settings.keys is not None]
        return generated_streams.held(self.streams, found, keyed)

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        """FULL: ranges of each table's key, all of one moment where the database can show one. Raises SchemaDriftError."""
        match mode:
            case Mode.FULL:
                return plan_full(self._here, streams, where, self._shown.export())
            case Mode.INCREMENTAL:
                return watermark.plan(self._here, streams, where)
            case Mode.CHANGES:
                return changes.plan(self._here, streams, where)

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        """The rows of `split` behind `state`. Raises SchemaDriftError, StateInvalidError, TransientError."""
        match split.mode:
            case Mode.FULL:
                return read_full(self._here, self._shown, split, state, until)
            case Mode.INCREMENTAL:
                return watermark.read(self._here, split, state, until)
            case Mode.CHANGES:
                return changes.read(self._here, split, state, until)

    def ack(self, split: Split, state: State) -> None:
        """Changes up to `state` are let go by what captured them; of other reads the database keeps nothing."""
        if split.mode is Mode.CHANGES:
            changes.ack(self._here, split, state)

    def operations(self) -> Iterable[Operation]:
        """``capture.status``, ``capture.install`` and ``capture.remove``."""
        return capture.OPERATIONS

    def call(self, name: str, arguments: Mapping[str, object]) -> object:
        """Run one of them. Raises ConfigError, TransientError."""
        return capture.call(self._here, name, arguments)

    def alter(self, want: Stream, have: Stream | None, *, dry_run: bool) -> list[str]:
        """The DDL that makes room for `want`. Never narrows: raises SchemaDriftError."""
        return self._written.alter(want, have, dry_run=dry_run)

    def resume(self, load: Load) -> Checkpoint | None:
        """The last checkpoint that the target's own table has of `load`. Drops staging that was never committed."""
        return self._written.resume(load)

    def write(self, load: Load, piece: str, batches: Iterable[Batch]) -> Receipt:
        """Stage rows in tables of their own; those the database does not take are the receipt's rejects."""
        return self._written.write(load, piece, batches)

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        """Publish what is staged, and the checkpoint with it, in one transaction."""
        return self._written.commit(load, receipts, at)

    @property
    def _written(self) -> DatabaseSink:
        if self._sink is None:
            raise InternalError("the connector is not open: use it in a with statement")
        return self._sink

    @property
    def _shown(self) -> Snapshots:
        if self._snapshots is None:
            raise InternalError("the connector is not open: use it in a with statement")
        return self._snapshots

    @property
    def _here(self) -> Database:
        if self._database is None:
            raise InternalError("the connector is not open: use it in a with statement")
        return self._database
