"""What is staged becomes visible, in the caller's transaction: inserted, in place of what was there, or as operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from connector_sdk.contract import Load
from connector_sdk.errors import DataError, TransientError
from connector_sdk.rejects import Budget, Reject, reject_batch
from connector_sdk.schema import Stream, WriteMode

from connector_odbc import driver_manager
from connector_odbc.catalogue import TableName
from connector_odbc.database import Connection, Database
from connector_odbc.writing import history
from connector_odbc.writing.bisection import Refused, halved, is_of_relations, is_taken
from connector_odbc.writing.conditions import conflicts
from connector_odbc.writing.exchanging import exchanged
from connector_odbc.writing.pieces import Staged
from connector_odbc.writing.read_back import refused_row
from connector_odbc.writing.savepoint import savepoint
from connector_odbc.writing.staging import Stage, quoted
from connector_odbc.writing.statements import Statements
from connector_odbc.writing.targets import Targets

__all__ = ["publish"]


def publish(
    database: Database, targets: Targets, connection: Connection, load: Load, staged: Sequence[Staged], *, replace: bool
) -> list[Reject]:
    """Carry `staged` into its tables and return the rows that were refused; with `replace` in place of all that was there.

    Raises DataError when those are more than the load allows, TransientError when staged rows are gone (a crashed server takes
    tables without a log with it): the run that comes next reads them again.
    """
    streams = {stream.name: stream for stream in load.streams}
    refusals = _Refusals(Budget(load.max_rejects))
    parts = [
        _Part(database, targets, connection, load, streams[part.stream], part, refusals)
        for part in staged
        if part.stream in streams
    ]
    for part in parts:
        part.check()
    if replace:
        for stream in _parents_last(load.streams):
            target = targets.table(stream.name)
            connection.execute(f"DELETE FROM {quoted(database, target.name)}")
    order = [stream.name for stream in reversed(_parents_last(load.streams))]
    parts.sort(key=lambda part: order.index(part.stream.name))
    waiting: list[tuple[_Part, Refused]] = []
    for part in parts:
        waiting += part.carry_out()
    waiting = _again(waiting)
    for part in parts:
        for found in part.exchange([found for other, found in waiting if other is part]):
            part.refuse(found)
    return refusals.rejects


@dataclass
class _Refusals:
    """Rows that are refused for good: one more than the load allows, and the database is asked no further."""

    budget: Budget
    rejects: list[Reject] = field(default_factory=list)

    def add(self, reject: Reject) -> None:
        """Raises DataError, which has all of them, over the budget."""
        self.rejects.append(reject)
        try:
            self.budget.spend(1, reject)
        except DataError as error:
            error.rejects = reject_batch(self.rejects)
            raise


def _parents_last(streams: Sequence[Stream]) -> list[Stream]:
    """Streams that refer to others before those: the order in which rows can be deleted."""
    names = {stream.name: stream for stream in streams}
    done: list[Stream] = []
    visiting: set[str] = set()

    def visit(stream: Stream) -> None:
        if stream.name in visiting:
            return
        visiting.add(stream.name)
        for relation in stream.relations:
            if relation.to in names:
                visit(names[relation.to])
        done.append(stream)

    for stream in streams:
        visit(stream)
    return done[::-1]


def _again(waiting: list[tuple[_Part, Refused]]) -> list[tuple[_Part, Refused]]:
    """Rows refused for want of another row, or a value that one has, tried again as long as that helps."""
    while waiting:
        still = [pair for part, found in waiting for pair in part.once_more(found)]
        if len(still) == len(waiting):
            break
        waiting = still
    return waiting


@dataclass
class _Part:
    """What one piece has staged of one stream."""

    database: Database
    targets: Targets
    connection: Connection
    load: Load
    stream: Stream
    staged: Staged
    refusals: _Refusals

    def __post_init__(self) -> None:
        table = TableName(self.targets.home(), self.staged.table)
        columns = self.targets.columns(self.stream)
        self.stage = Stage(
            table=table,
            target=self.targets.table(self.stream.name),
            columns=columns,
            before=columns if self.staged.before else (),
        )
        self.statements = Statements(self.database, self.stage, self.stream.keys)

    def check(self) -> None:
        """Raises TransientError when rows that were staged are not there."""
        try:
            count = self.connection.execute(self.statements.count()).fetchall()[0][0]
        except driver_manager.pyodbc().Error as error:
            raise self._lost(self.database.failure(error, "counting them").message) from None
        if count != self.staged.rows:
            raise self._lost(f"{count} of {self.staged.rows} are there")

    def _lost(self, why: str) -> TransientError:
        return TransientError(
            f"rows staged for {self.stage.target.name} are gone ({why})",
            hint="was the server restarted? Run again: what was not committed is read again",
            code="staging_lost",
            stream=self.stream.name,
        )

    def carry_out(self) -> list[tuple[_Part, Refused]]:
        """Publish all of it, and return the rows that may wait for others. Raises DataError over the budget."""
        if self.load.mode in (WriteMode.APPEND, WriteMode.REPLACE):
            if not self.staged.rows:
                return []
            return self._halved(lambda a, b: [self.statements.append(a, b)], 0, self._last_ordinal())
        waiting: list[tuple[_Part, Refused]] = []
        for chunk in self.staged.chunks:
            if chunk.truncated:
                history_of = self.load.mode is WriteMode.HISTORY
                self._at_once([history.end_all(self.statements, chunk.moment) if history_of else self.statements.delete_all()])
            if chunk.last < chunk.first:
                continue
            if self.load.mode is WriteMode.HISTORY:
                wrong = history.too_late(self.connection, self.statements, chunk.first, chunk.last)
            elif chunk.conditional:
                settings = self.database.config.streams.get(self.stream.name)
                version = None if settings is None else settings.version
                wrong = conflicts(self.database, self.connection, self.statements, chunk.first, chunk.last, version)
            else:
                wrong = {}
            for ordinal, reason in wrong.items():
                self.refusals.add(self._reject(ordinal, reason, "conflict"))
            for first, last in _without(chunk.first, chunk.last, wrong):
                waiting += self._halved(self._operations(chunk.ops, chunk.knowns), first, last)
        return waiting

    def _operations(self, ops: str, knowns: Sequence[str]) -> Callable[[int, int], list[str]]:
        if self.load.mode is WriteMode.HISTORY:
            return lambda a, b: list(history.statements(self.statements, a, b))
        return lambda a, b: list(self.statements.operations(ops, knowns, a, b))

    def once_more(self, found: Refused) -> list[tuple[_Part, Refused]]:
        """Try one row again that was waiting; it is returned if it still is. Raises DataError over the budget."""
        if self._superseded(found):
            return [(self, found)]
        if self.load.mode in (WriteMode.APPEND, WriteMode.REPLACE):
            return self._halved(lambda a, b: [self.statements.append(a, b)], found.ordinal, found.ordinal)
        chunk = next(c for c in self.staged.chunks if c.first <= found.ordinal <= c.last)
        return self._halved(self._operations(chunk.ops, chunk.knowns), found.ordinal, found.ordinal)

    def exchange(self, waiting: Sequence[Refused]) -> list[Refused]:
        """Carry out rows that want values of one another; the other rows of `waiting` are returned."""
        writes = self.database.profile.writes
        able = [found for found in waiting if is_taken(found.error, writes) and not self._superseded(found)]
        columns = self._exchangeable

        def carry_out(ordinal: int) -> None:
            chunk = next(c for c in self.staged.chunks if c.first <= ordinal <= c.last)
            self._at_once(self._operations(chunk.ops, chunk.knowns)(ordinal, ordinal))

        left = exchanged(self.connection, writes, able, lambda ordinal: self.statements.vacate(columns, ordinal), carry_out)
        return [found for found in waiting if found not in able or found in left]

    @property
    def _exchangeable(self) -> list[str]:
        """The columns that a row can be without for a moment, and whose values only one row has."""
        if self.load.mode not in (WriteMode.UPSERT, WriteMode.APPLY):
            return []
        table = self.stage.target
        unique = {name for index in table.indexes if index.unique for name in index.columns} - set(self.stream.keys)
        return sorted(name for name in unique if table.column(name).nullable and not table.column(name).generated)

    def _superseded(self, found: Refused) -> bool:
        """Whether a later change of the same row has been carried out: an earlier one can not be any more."""
        if len(self.staged.chunks) < 2:
            return False
        return int(self.connection.execute(self.statements.later(found.ordinal)).fetchall()[0][0]) > 0

    def refuse(self, found: Refused) -> None:
        """Make a reject of a row that the target did not take. Raises DataError over the budget."""
        self.refusals.add(self._reject(found.ordinal, found.reason, "refused"))

    def _reject(self, ordinal: int, reason: str, code: str) -> Reject:
        return refused_row(self.database, self.connection, self.stage, self.stream, ordinal, reason, code)

    def _halved(self, statements: Callable[[int, int], list[str]], first: int, last: int) -> list[tuple[_Part, Refused]]:
        waiting: list[tuple[_Part, Refused]] = []
        writes = self.database.profile.writes

        def refused(found: Refused) -> None:
            if is_of_relations(found.error, writes) or (is_taken(found.error, writes) and self._exchangeable):
                waiting.append((self, found))
            else:
                self.refuse(found)

        halved(lambda a, b: self._at_once(statements(a, b)), first, last, writes, refused)
        return waiting

    def _last_ordinal(self) -> int:
        quote = self.database.profile.quote
        query = f"SELECT MAX({quote('_connector_ordinal')}) FROM {self.statements.source}"
        return int(self.connection.execute(query).fetchall()[0][0] or 0)

    def _at_once(self, statements: Sequence[str]) -> None:
        """All of `statements`, or none of them."""
        with savepoint(self.connection, self.database.profile.writes):
            for statement in statements:
                self.connection.execute(statement)


def _without(first: int, last: int, wrong: Iterable[int]) -> list[tuple[int, int]]:
    """The ranges from `first` to `last` between the ordinals `wrong`."""
    found = []
    for ordinal in sorted(wrong):
        if ordinal > first:
            found.append((first, ordinal - 1))
        first = ordinal + 1
    if first <= last:
        found.append((first, last))
    return found
