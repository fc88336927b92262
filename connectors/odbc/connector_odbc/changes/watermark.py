"""INCREMENTAL reads: what is new or changed since a state, without losing what is committed late. Deletes are not seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import ConfigError, StateInvalidError
from connector_sdk.schema import Mode, Stream, Where

from connector_odbc.catalogue import Table
from connector_odbc.changes import by_transaction, by_value, unheld
from connector_odbc.config import TableConfig
from connector_odbc.database import Database
from connector_odbc.fetching import Fetch
from connector_odbc.predicates import condition, push
from connector_odbc.selecting import Query
from connector_odbc.way import Way, way, ways

__all__ = ["overlap_of", "plan", "read"]

VERSION = 1
WINDOW = 60.0
"""Seconds that are read again where nothing better is known of a system."""


@dataclass(frozen=True, kw_only=True)
class _Position:
    """Read up to `upto`; or, where `end` is told, from there up to `end`, in that behind the key `at`."""

    upto: str | None = None
    end: str | None = None
    at: tuple[str, ...] | None = None
    within: bool = False
    candidates: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def to_state(self, by: str) -> State:
        candidates = [[value, list(owners)] for value, owners in self.candidates]
        at = None if self.at is None else list(self.at)
        told = {"end": self.end, "at": at} if self.within else {}
        return {"v": VERSION, "by": by, "upto": self.upto, **told, "candidates": candidates}

    @classmethod
    def of(cls, state: State, by: str, split: Split) -> _Position:
        try:
            if state["v"] != VERSION or state["by"] != by:
                raise ValueError
            return cls(
                upto=state["upto"],
                end=state.get("end"),
                at=None if state.get("at") is None else tuple(map(str, state["at"])),
                within="end" in state,
                candidates=tuple((str(value), tuple(map(str, owners))) for value, owners in state["candidates"]),
            )
        except (KeyError, TypeError, ValueError):
            raise StateInvalidError(
                f"the state of {split.id!r} is not one of this connector, or of another cursor",
                hint="reset the state: all is read again",
                split=split.id,
            ) from None


def overlap_of(database: Database, table: Table, settings: TableConfig) -> float:
    """How much before the watermark is read again, so that INCREMENTAL repeats rows: 0 where nothing is."""
    if settings.overlap is not None:
        return settings.overlap
    return (
        WINDOW if database.profile.changes.late == "window" or (table.view and database.profile.changes.late == "xmin") else 0.0
    )


def plan(database: Database, streams: Sequence[Stream], where: Mapping[str, Where]) -> list[Split]:
    """One split for each stream. Raises ConfigError for a cursor that cannot be compared, SchemaDriftError."""
    found = ways(database, {stream.name: stream for stream in streams})
    splits = []
    for stream in streams:
        known = found[stream.name]
        settings = database.config.streams.get(stream.name, TableConfig())
        if settings.cursor is None:
            raise ConfigError(f"stream {stream.name!r} has no cursor", hint=f"streams.{stream.name}.cursor", stream=stream.name)
        overlap = overlap_of(database, known.table, settings)
        exact = overlap == 0 and database.profile.changes.late == "xmin" and not known.table.view
        column = known.table.column(settings.cursor)
        if not exact:
            by_value.bind(database, column)
        if not exact and overlap == 0 and column.kind == "date":
            raise ConfigError(
                f"{column.name} is a date: rows of the same day that are committed later would be missed",
                hint=f"streams.{stream.name}.overlap: 86400 reads a day again each time",
                stream=stream.name,
            )
        pushed, left = push(where.get(stream.name, ()), known, database.profile.reads)
        by = "transaction" if exact else f"value of {settings.cursor}"
        spec = {"by": by, "cursor": settings.cursor, "overlap": overlap, "where": pushed}
        splits.append(
            Split(
                id=f"{stream.name} incrementally",
                streams=(stream,),
                mode=Mode.INCREMENTAL,
                spec=spec,
                left={stream.name: left} if left else {},
            )
        )
    return splits


def read(database: Database, split: Split, state: State | None, until: State | None) -> Iterator[Batch]:
    """The rows of an INCREMENTAL split behind `state`. Raises StateInvalidError, SchemaDriftError, TransientError."""
    stream, by = split.streams[0], str(split.spec["by"])
    known = way(database, stream)
    here = _Position() if state is None else _Position.of(state, by, split)
    end = None if until is None else _Position.of(until, by, split)
    if here.within and not (end is not None and end.within and (end.upto, end.end) == (here.upto, here.end)):
        yield from _window(database, split, known, here, None)
        here = replace(here, upto=here.end, end=None, at=None, within=False)
        yield _empty(stream, here.to_state(by))
    if end is None:
        last = _end(database, split, known, here)
    elif end.within and not here.within and here.upto != end.upto:
        yield from _window(database, split, known, replace(here, end=end.upto, within=True), None)
        last = here = replace(end, at=None)
    else:
        last = end
    target = last.end if last.within else last.upto
    if target != here.upto or state is None or here.within:
        window = replace(here, end=target, within=True, candidates=last.candidates)
        yield from _window(database, split, known, window, last.at)
    yield _empty(stream, until if until is not None else last.to_state(by))


def _end(database: Database, split: Split, known: Way, here: _Position) -> _Position:
    """Up to where can be read now."""
    with database.lend() as connection:
        if split.spec["by"] == "transaction":
            return _Position(upto=by_transaction.upto(connection, here.upto, stream=split.streams[0].name))
        column = known.table.column(split.spec["cursor"])
        place = known.places[column.name]
        if split.spec["overlap"]:
            value = by_value.highest(database, connection, known.source, place)
            return _Position(upto=here.upto if value is None else value)
        value, candidates = by_value.upto(
            database, connection, known.source, place, column, here.upto, here.candidates, stream=split.streams[0].name
        )
        return _Position(upto=value, candidates=tuple((value, tuple(owners)) for value, owners in candidates))


def _window(database: Database, split: Split, known: Way, window: _Position, last: tuple[str, ...] | None) -> Iterator[Batch]:
    """The rows between two watermarks, in the order of their keys."""
    stream, by = split.streams[0], str(split.spec["by"])
    if split.spec["by"] == "transaction":
        if window.end is None:
            return
        between = by_transaction.condition(window.upto, window.end)
    else:
        column = known.table.column(split.spec["cursor"])
        place, bound = known.places[column.name], by_value.bind(database, column)
        after = None if window.upto is None else by_value.earlier(window.upto, split.spec["overlap"])
        between = by_value.condition(place, bound, after, window.end)
    if last is not None and window.at == last:
        return
    asked = condition(split.spec["where"], known, database.profile.reads)
    both = Query(f"({between.sql}) AND ({asked.sql})" if asked.sql else between.sql, (*between.values, *asked.values))
    begin = (*database.profile.reads.begin, *(known.physical.session if known.physical is not None else ()))
    fetch = Fetch(database=database, way=known, condition=both, begin=begin, upto=last)
    with closing(unheld.batches(fetch, window.at)) as batches:
        for one in batches:
            # The place of a row that moves is no place to go on from.
            safe = one.at is not None and known.physical is None
            state = replace(window, at=one.at).to_state(by) if safe else None
            yield Batch(stream=stream.name, data=one.data, state=state, rejects=one.rejects)


def _empty(stream: Stream, state: State) -> Batch:
    nothing: list[pa.Array[Any]] = [pa.array([], field.type) for field in stream.schema]
    return Batch(stream=stream.name, data=pa.RecordBatch.from_arrays(nothing, schema=stream.schema), state=state)
