"""A database as a sink: pieces written unseen, published with their checkpoint in one transaction; what was cut short dropped."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress

from connector_sdk.contract import Batch, Checkpoint, Load, Receipt
from connector_sdk.errors import ConnectorError, InternalError, TransientError
from connector_sdk.rejects import reject_batch
from connector_sdk.schema import Stream, WriteMode

from connector_odbc import altering, checkpoints
from connector_odbc.catalogue import TableName
from connector_odbc.checkpoints import Committed
from connector_odbc.database import Connection, Database
from connector_odbc.writing import staging
from connector_odbc.writing.connections import Writers
from connector_odbc.writing.history import without_validity
from connector_odbc.writing.pieces import Staged, pieces_of, staged_of, write_piece
from connector_odbc.writing.publishing import publish
from connector_odbc.writing.targets import Targets
from connector_odbc.writing.unpublished import Unpublished

__all__ = ["DatabaseSink"]


class DatabaseSink:
    """The Sink methods of the connector over one opened database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._targets = Targets(database)
        self._writers = Writers(database)
        self._unpublished = Unpublished(database, self._writers, self._targets)
        self._made: set[str] = set()
        self._commit = threading.Lock()

    def close(self) -> None:
        """Let go of the connections; what is not committed is taken back."""
        self._unpublished.close()
        self._writers.close()

    def alter(self, want: Stream, have: Stream | None, *, dry_run: bool) -> list[str]:
        """The DDL that makes room for `want`; run unless `dry_run`. Raises SchemaDriftError for what would lose data."""
        self._unpublished.forget()  # it would be in the way
        steps = altering.plan(self._database, self._targets, want, exists=have is not None)
        statements = [step for step in steps if not step.startswith("--")]
        if not dry_run and statements:
            with self._writers.turn(), self._writers.lend(f"making room for {want.name}") as connection:
                for statement in statements:
                    connection.execute(statement)
                connection.commit()
            if have is None:
                self._made.add(want.name)
            self._targets.forget(want.name)
        return steps

    def resume(self, load: Load) -> Checkpoint | None:
        """The last checkpoint of `load`; staging that no checkpoint names is dropped."""
        self._unpublished.forget()
        for stream in load.streams:
            self._targets.check(stream.name)
        home = self._targets.home()
        with self._writers.turn(), self._writers.lend(f"looking up the checkpoint of load {load.id}") as connection:
            checkpoints.make(self._database, connection, home)
            connection.commit()
            known = checkpoints.read(self._database, connection, home, load.id)
            pending = [] if known is None else [staged_of(part) for part in known.pending]
            if pending and not self._is_there(connection, pending):
                # A crashed server took them along: what a REPLACE has not shown is read again from the start.
                checkpoints.remove(self._database, connection, home, load.id)
                known, pending = None, []
            kept = {part.table for part in pending}
            stale = staging.hidden(self._database, connection, home, load.id)
            staging.drop(self._database, connection, [name for name in stale if name.name not in kept])
            connection.commit()
        if load.mode is WriteMode.HISTORY:
            for stream in without_validity(load).streams:
                self._keep_history(stream)
        return None if known is None else known.at

    def write(self, load: Load, piece: str, batches: Iterable[Batch]) -> Receipt:
        """Write one piece where nobody sees it."""
        load = without_validity(load) if load.mode is WriteMode.HISTORY else load
        return write_piece(self._database, self._writers, self._targets, self._unpublished, load, piece, batches)

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        """Publish what `receipts` wrote and remember `at`, in one transaction. A repeated id gives the same receipt."""
        load = without_validity(load) if load.mode is WriteMode.HISTORY else load
        home = self._targets.home()
        staged, unpublished = pieces_of(receipts)
        doing = f"committing checkpoint {at.id} of load {load.id}"
        with self._commit, self._writers.turn():
            if not unpublished:
                try:
                    return self._publish(load, receipts, staged, at, doing)
                except TransientError:
                    # Rows that wait for their own commit may hold what these want, and would wait for this commit for ever.
                    if not self._unpublished.forget():
                        raise
                    return self._publish(load, receipts, staged, at, doing)
            if (known := self._known(load, home, doing)) is not None and known.at.id >= at.id:
                self._unpublished.forget()
                return _again(load, known, at)
            with self._unpublished.publish(unpublished[0], doing) as connection:
                checkpoints.hold(self._database, connection, home, load.id)
                return self._committed(connection, load, receipts, staged, self._known(load, home, doing), at)

    def _publish(self, load: Load, receipts: Sequence[Receipt], staged: Sequence[Staged], at: Checkpoint, doing: str) -> Receipt:
        with self._writers.lend(doing) as connection:
            known = checkpoints.read(self._database, connection, self._targets.home(), load.id, lock=True)
            return self._committed(connection, load, receipts, staged, known, at)

    def _known(self, load: Load, home: str | None, doing: str) -> Committed | None:
        with self._writers.lend(doing) as connection:
            return checkpoints.read(self._database, connection, home, load.id)

    def _committed(
        self,
        connection: Connection,
        load: Load,
        receipts: Sequence[Receipt],
        new: Sequence[Staged],
        known: Committed | None,
        at: Checkpoint,
    ) -> Receipt:
        """Publish what is staged, and commit `connection` with the checkpoint."""
        if known is not None and known.at.id >= at.id:
            return _again(load, known, at)
        home = self._targets.home()
        staged = [*(staged_of(part) for part in (known.pending if known else ())), *new]
        replace = load.mode is WriteMode.REPLACE
        later = replace and not at.done
        rejects = []
        if not later and (staged or replace):
            rejects = publish(self._database, self._targets, connection, load, staged, replace=replace and at.done)
        rows = sum(receipt.rows for receipt in receipts)
        receipt = Receipt(rows=max(0, rows - len(rejects)), rejects=reject_batch(rejects) if rejects else None)
        pending = [part.to_json() for part in staged] if later else []
        checkpoints.remember(self._database, connection, home, load.id, Committed(at=at, receipt=receipt, pending=pending))
        connection.commit()
        self._made.difference_update(stream.name for stream in load.streams)
        if staged and not later:
            with suppress(ConnectorError):
                self._drop(connection, staged, home)
        return receipt

    def _drop(self, connection: Connection, staged: Sequence[Staged], home: str | None) -> None:
        """What is published needs no staging any more; the next resume drops what cannot be dropped now."""
        try:
            staging.drop(self._database, connection, [TableName(home, part.table) for part in staged])
            connection.commit()
        except Exception as error:
            raise self._database.failure(error, "dropping what was staged") from None

    def _is_there(self, connection: Connection, staged: Sequence[Staged]) -> bool:
        home = self._targets.home()
        try:
            for part in staged:
                name = staging.quoted(self._database, TableName(home, part.table))
                if connection.execute(f"SELECT COUNT(*) FROM {name}").fetchall()[0][0] != part.rows:
                    return False
        except Exception as error:
            connection.rollback()
            failure = self._database.failure(error, "counting what is staged")
            if failure.exit_code == 3:
                raise failure from None
            return False
        return True

    def _keep_history(self, stream: Stream) -> None:
        """Give the table the columns of a history. Raises ConfigError where it has rows without them."""
        statements = altering.historic(self._database, self._targets, stream, fresh=stream.name in self._made)
        if statements:
            with self._writers.turn(), self._writers.lend(f"making {stream.name} keep its history") as connection:
                for statement in statements:
                    connection.execute(statement)
                connection.commit()
            self._targets.forget(stream.name)
        self._made.discard(stream.name)


def _again(load: Load, known: Committed, at: Checkpoint) -> Receipt:
    """The receipt of a checkpoint that is committed already."""
    if known.at.id > at.id:
        raise InternalError(f"checkpoint {at.id} of load {load.id} comes after {known.at.id}")
    return known.receipt
