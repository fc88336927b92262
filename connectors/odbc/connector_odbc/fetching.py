"""The rows of a piece of a table in the fastest way that its values allow: in bulk, with more room, at last one by one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute
from connector_sdk.errors import DataError, TransientError

from connector_odbc import driver_manager, rows
from connector_odbc.bulk import BulkReader, NotTextError, TooLongError
from connector_odbc.database import Database
from connector_odbc.decoding import Decoded, Decoder
from connector_odbc.kept_memory import keep_freed_memory
from connector_odbc.packing import NotEvenError, Packed, packed
from connector_odbc.page_queries import in_batches, in_rows
from connector_odbc.pages import BYTES, FEWEST_ROWS, Pages
from connector_odbc.profiles.reads import Reads
from connector_odbc.selecting import Query, projection, query
from connector_odbc.typed import Typed
from connector_odbc.way import Way

__all__ = ["Fetch"]

pc: Any = pyarrow.compute
logger = logging.getLogger(__name__)

ROOM = 256
"""Bytes that a text of no declared width is given at first; it is four times more after each one that is longer."""

TRANSIT = 8 << 20
"""Bytes that a batch may take in transit: its rows times all the room they are given."""

MOST_UNEVEN = 4
"""A piece of which so many batches could not be read as lines is read column by column from there."""

PAGE = 16 << 20
"""Bytes in a page where the driver holds whole results."""


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """One piece of one table: what `condition` keeps of the rows behind `after` and not behind `upto`.

    `begin` opens the transaction that it is read in. With `ahead` more is fetched while a batch is used.
    """

    database: Database
    way: Way
    condition: Query
    begin: tuple[str, ...] = ()
    upto: Sequence[str] | None = None
    ahead: bool = True

    def batches(self, after: Sequence[str] | None) -> Generator[Decoded]:
        """The rows, decoded. Raises the SDK's errors."""
        keep_freed_memory()
        decoder = Decoder(self.way)
        lines = packed(self.way, decoder, self.database.profile.reads)
        with ExitStack() as stack:
            reader = cache(lambda: stack.enter_context(BulkReader(self.database, self.begin, autocommit=self._apart)))
            if lines is not None and self.database.config.batch_rows >= FEWEST_ROWS:
                pages = self._pages(stack, reader, lines)
                for _ in range(MOST_UNEVEN):
                    try:
                        with closing(pages.batches(after)) as batches:
                            for found in batches:
                                after = found.at or after
                                yield found
                        return
                    except NotEvenError as error:
                        logger.debug("%s: not as lines behind %s: %s", self.way.table.name, after, error)
                    # Past it column by column.
                    seen = 0
                    with closing(self._by_columns(reader(), decoder, after)) as batches:
                        for found in batches:
                            after = found.at or after
                            seen += found.data.num_rows + (0 if found.rejects is None else found.rejects.num_rows)
                            yield found
                            if seen >= self.database.config.batch_rows and found.at is not None:
                                break  # and only where it is known, for behind it reading begins anew
                        else:
                            return
            yield from self._by_columns(reader(), decoder, after)

    @property
    def _apart(self) -> bool:
        """Each query is a transaction of its own: a writer that waits for one of ours to end keeps the next from beginning."""
        return self.database.profile.writes.one_writer and not self.begin

    def _pages(self, stack: ExitStack, reader: Callable[[], BulkReader], lines: Packed) -> Pages:
        reads, name = self.database.profile.reads, self.way.table.name

        def asked(after: Sequence[str] | None, rows: int, longest: int) -> Query:
            longest = min(longest, self.database.config.max_value_bytes)  # longer values are rejects
            inner = self._query([lines.expression], after, rows)
            return replace(inner, sql=reads.page.format(query=inner.sql, longest=longest))

        if reads.page_as_row:
            connection = stack.enter_context(self.database.own(f"reading {name}", autocommit=self._apart))
            for statement in self.begin:
                connection.execute(statement)
            stream = self.way.stream.name
            ask = in_rows(connection, asked, lambda error: self.database.failure(error, f"reading {name}", stream=stream))
            first = BYTES // lines.width
        else:
            # A server makes all lines of a page, however long they are.
            ask, first = in_batches(reader, asked, self.database.profile.warm_up), FEWEST_ROWS
        return Pages(packed=lines, ask=ask, first_rows=first, most_rows=self.database.config.batch_rows, ahead=self.ahead)

    def _by_columns(self, reader: BulkReader, decoder: Decoder, after: Sequence[str] | None) -> Generator[Decoded]:
        expressions = projection(self.way)
        room, most = ROOM, min(self.database.config.max_value_bytes, self.database.profile.reads.most_room)
        if not self.way.order and any(_unbounded(typed) for typed in decoder.typed):
            room = max(ROOM, self._longest(reader, decoder, expressions))
        at, begun = after, False
        while True:
            count = min(self.database.config.batch_rows, TRANSIT // _width(decoder.typed, room))
            if count < FEWEST_ROWS or room > most:
                break
            try:
                for found in self._bulk(reader, decoder, expressions, at, count, room):
                    at, begun = found.at, True
                    yield found
                return
            except TooLongError as error:
                if not self.way.order:
                    self._unbegun(begun)
                    break
                if begun:
                    at = self._behind(at)
                room = max(min(room * 4, most), error.needed)
            except NotTextError:
                if begun and not self.way.order:
                    raise DataError(
                        f"{self.way.table.name} has a text that is not UTF-8, and no key to read it again from there",
                        hint="mend that text, or leave out its column",
                        stream=self.way.stream.name,
                    ) from None
                if begun:
                    at = self._behind(at)
                break
        logger.info("%s has long values, or texts that are none: read row by row", self.way.table.name)
        yield from self._by_rows(decoder, expressions, at)

    def _bulk(
        self,
        reader: BulkReader,
        decoder: Decoder,
        expressions: list[str],
        after: Sequence[str] | None,
        count: int,
        room: int,
    ) -> Iterator[Decoded]:
        reads = self.database.profile.reads
        if reads.streams or not self.way.order:
            for batch in self._checked(reader, decoder, expressions, after, None, count, room):
                yield decoder.decode(batch)
            return
        page = count
        while True:
            seen = size = 0
            for batch in self._checked(reader, decoder, expressions, after, page, count, room):
                found = decoder.decode(batch)
                seen += batch.num_rows
                size += batch.nbytes
                after = found.at
                yield found
            if seen < page:
                return
            after = self._behind(after)
            page = max(1_000, min(100_000, PAGE * seen // max(1, size)))

    def _behind(self, after: Sequence[str] | None) -> Sequence[str]:
        """Where the next page begins. Raises DataError where the last row of the one before does not say."""
        if after is None:
            raise DataError(
                f"{self.way.table.name} has a key that is not what its column is declared as: it cannot be gone on behind it",
                hint="mend that row, or read a view of the table",
                stream=self.way.stream.name,
            )
        return after

    def _unbegun(self, begun: bool) -> None:
        """Raises TransientError where rows without an order have come already: begun anew, they would come twice."""
        if begun:
            raise TransientError(
                f"{self.way.table.name} shows a longer value than when it was measured: it changes while it is read",
                hint="it is read again; what shows something else each time it is asked cannot be read",
                stream=self.way.stream.name,
            )

    def _checked(
        self,
        reader: BulkReader,
        decoder: Decoder,
        expressions: list[str],
        after: Sequence[str] | None,
        limit: int | None,
        count: int,
        room: int,
    ) -> Iterator[pa.RecordBatch]:
        """Batches in which no value is cut; where the driver does not tell, the server is asked for the longest of each row."""
        reads = self.database.profile.reads
        count = count if limit is None else min(count, limit)
        long = [
            f"COALESCE({_length(reads, expression, typed)}, 0)"
            for expression, typed in zip(expressions, decoder.typed, strict=True)
            if reads.cuts_silently and (_unbounded(typed) or (typed.size or 0) > room)
        ]
        if not long:
            asked = self._query(expressions, after, limit)
            yield from reader.batches(asked, decoder.schema, count, room)
            return
        asked = self._query([*expressions, f"GREATEST(0, {', '.join(long)})"], after, limit)
        schema = decoder.schema.append(pa.field(f"c{len(expressions)}", pa.int64()))
        try:
            for batch in reader.batches(asked, schema, count, room):
                longest = pc.max(batch.column(len(expressions))).as_py()
                if longest > room:
                    raise TooLongError(longest)
                yield batch.select(decoder.schema.names)
        except NotTextError:  # it was, until the driver cut it within a letter
            raise TooLongError(room + 1) from None

    def _query(self, expressions: list[str], after: Sequence[str] | None, limit: int | None) -> Query:
        reads = self.database.profile.reads
        return query(self.way, expressions, self.condition, reads, after=after, upto=self.upto, limit=limit)

    def _by_rows(self, decoder: Decoder, expressions: list[str], after: Sequence[str] | None) -> Iterator[Decoded]:
        reads, limit = self.database.profile.reads, self.database.config.max_value_bytes
        selected: list[str] = []
        lengths: list[int | None] = []
        extra: list[str] = []
        for number, (expression, typed) in enumerate(zip(expressions, decoder.typed, strict=True)):
            shown = reads.as_rows.format(expression=expression) if _is_text(typed) else expression
            if _unbounded(typed) and number < len(self.way.columns):
                place = self.way.places[self.way.columns[number][0].name]
                length = reads.byte_length.format(expression=typed.select.format(column=place))
                shown = f"CASE WHEN {length} <= {limit} THEN {shown} END"
                lengths.append(len(expressions) + len(extra))
                extra.append(f"CASE WHEN {length} > {limit} THEN {length} END")
            else:
                lengths.append(None)
            selected.append(shown)
        schema = pa.schema([*decoder.schema, *((f"c{len(expressions) + n}", pa.int64()) for n in range(len(extra)))])
        encoded = [reads.encoded and _is_text(typed) for typed in decoder.typed] + [False] * len(extra)
        paged = bool(self.way.order) and not reads.streams
        page = FEWEST_ROWS if paged else None
        connection = self.database.connect(autocommit=self._apart)
        if reads.as_it_is:
            rows.as_it_is(connection)
        try:
            for statement in self.begin:
                connection.execute(statement)
            while True:
                seen = size = 0
                asked = query(self.way, [*selected, *extra], self.condition, reads, after=after, upto=self.upto, limit=page)
                for batch in rows.batches(connection, asked, schema, self.database.config.batch_rows, encoded):
                    found: list[Any] = [None if number is None else batch.column(number) for number in lengths]
                    decoded = decoder.decode(batch.select(decoder.schema.names), found)
                    seen += batch.num_rows
                    size += batch.nbytes
                    after = decoded.at
                    yield decoded
                if page is None or seen < page:
                    return
                after = self._behind(after)
                page = max(1, min(10_000, PAGE * seen // max(1, size)))
        except driver_manager.pyodbc().Error as error:
            raise self.database.failure(error, f"reading {self.way.table.name}", stream=self.way.stream.name) from None
        finally:
            connection.close()

    def _longest(self, reader: BulkReader, decoder: Decoder, expressions: list[str]) -> int:
        """Bytes of the longest value of no declared width."""
        reads = self.database.profile.reads
        number = "SIGNED" if self.database.profile.name == "mariadb" else "bigint"
        measured = [
            f"CAST(max({_length(reads, expression, typed)}) AS {number})"
            for expression, typed in zip(expressions, decoder.typed, strict=True)
            if _unbounded(typed)
        ]
        asked = query(self.way, measured, self.condition, reads, ordered=False)
        schema = pa.schema([(f"c{number}", pa.int64()) for number in range(len(measured))])
        found = next(iter(reader.batches(asked, schema, 1, ROOM))).to_pylist()[0]
        return max((value for value in found.values() if value is not None), default=0)


def _length(reads: Reads, expression: str, typed: Typed) -> str:
    """Bytes of what is handed over."""
    return reads.byte_length.format(expression=reads.as_rows.format(expression=expression) if _is_text(typed) else expression)


def _is_text(typed: Typed) -> bool:
    return pa.types.is_string(typed.wire or typed.type)


def _unbounded(typed: Typed) -> bool:
    kind = typed.wire or typed.type
    return typed.size is None and (pa.types.is_string(kind) or pa.types.is_binary(kind))


def _width(typed: Sequence[Typed], room: int) -> int:
    """Bytes that a row is given."""
    return sum(room if _unbounded(one) else min(one.size or 16, room) + 8 for one in typed)
