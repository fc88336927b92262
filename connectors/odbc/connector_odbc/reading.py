"""A FULL split as batches, each with the place in the key's order behind which reading goes on."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

import pyarrow as pa
from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import StateInvalidError

from connector_odbc.database import Database
from connector_odbc.decoding import Decoded
from connector_odbc.fetching import Fetch
from connector_odbc.planning import Range
from connector_odbc.predicates import condition
from connector_odbc.snapshots import Snapshots
from connector_odbc.way import way

__all__ = ["read_full"]

VERSION = 1


def _at(state: State | None, split: Split) -> tuple[tuple[str, ...] | None, bool]:
    """The place of a state, and whether it is behind the end."""
    if state is None:
        return None, False
    try:
        at, done = state["at"], state["done"]
        if state["v"] != VERSION or not isinstance(done, bool) or not (at is None or all(isinstance(text, str) for text in at)):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise StateInvalidError(
            f"the state of {split.id!r} is not one of this connector", hint="reset the state: all is read again", split=split.id
        ) from None
    return None if at is None else tuple(at), done


def _state(at: tuple[str, ...] | None, *, done: bool) -> State:
    return {"v": VERSION, "at": None if at is None else list(at), "done": done}


def read_full(
    database: Database, snapshots: Snapshots, split: Split, state: State | None, until: State | None
) -> Iterator[Batch]:
    """The rows of a FULL split behind `state`, up to `until`.

    Without an order no batch but the last has a state: such a split is read as a whole or again. Raises SchemaDriftError when
    the table is not as it was planned, StateInvalidError for a state that is not ours.
    """
    stream = split.streams[0]
    nothing = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in stream.schema], schema=stream.schema)
    at, done = _at(state, split)
    end, ended = _at(until, split)
    found = way(database, stream)
    planned = Range.from_spec(split)
    if planned.order != tuple(part.name for part in found.order):
        raise StateInvalidError(
            f"{found.table.name} has another key than when {split.id!r} was planned",
            hint="reset the state: all is read again",
            split=split.id,
        )
    # Where there is no order, the end is all there is to reach; where there is one, no place means that there was no row.
    reached = until is not None and (at == end if end is not None or planned.order else not ended)
    if done or reached:
        yield Batch(stream=stream.name, data=nothing, state=state if until is None else until)
        return
    with snapshots.reading(planned.snapshot):
        fetch = Fetch(
            database=database,
            way=found,
            condition=condition(planned.where, found, database.profile.reads),
            begin=snapshots.begin(planned.snapshot, stream.name, places=found.physical is not None),
            upto=end or planned.upto,
        )
        with closing(_batches(fetch, snapshots, planned.snapshot, split, at or planned.after)) as batches:
            for one in batches:
                at = one.at or at
                here = None if one.at is None else _state(one.at, done=False)
                yield Batch(stream=stream.name, data=one.data, state=here, rejects=one.rejects)
    yield Batch(stream=stream.name, data=nothing, state=_state(at, done=True) if until is None else until)


def _batches(
    fetch: Fetch, snapshots: Snapshots, snapshot: str | None, split: Split, after: Sequence[str] | None
) -> Generator[Decoded]:
    """Of `snapshot`, or of now where that no longer shows the table.

    Raises StateInvalidError where its places are others now, SchemaDriftError.
    """
    now, known = fetch.database.profile.reads.begin, fetch.way
    session = () if known.physical is None else known.physical.session
    adopted = fetch.begin != now
    with ExitStack() as stack:
        batches = stack.enter_context(closing(replace(fetch, begin=(*fetch.begin, *session)).batches(after)))
        first = next(batches, None)  # from here on the table is locked against what would write it anew
        if adopted and not snapshots.shows(snapshot, known.table.name):
            if known.physical is not None:
                raise StateInvalidError(
                    f"{known.table.name} has no key, and was written anew since its reading began: its rows lie elsewhere now",
                    hint="reset the state: all is read again",
                    split=split.id,
                )
            way(fetch.database, split.streams[0])  # raises SchemaDriftError where it is another one than it was a moment ago
            batches.close()
            batches = stack.enter_context(closing(replace(fetch, begin=(*now, *session)).batches(after)))
            first = next(batches, None)
        if first is not None:
            yield first
            yield from batches
