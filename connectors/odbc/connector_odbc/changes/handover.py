"""A CHANGES read from its beginning: a position in the log first, then the rows as they are, then the log from that position.

What changes while the rows are read is in the log as well, so that a replica has it in the end, and nothing is missed between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
from connector_sdk import changes
from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import StateInvalidError
from connector_sdk.schema import Stream

from connector_odbc.changes import unheld
from connector_odbc.database import Database
from connector_odbc.fetching import Fetch
from connector_odbc.selecting import Query
from connector_odbc.way import way

__all__ = ["Found", "Log", "as_rows", "nothing", "position_of", "read"]

VERSION = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """Changes of one stream as a change batch, and the position behind them; None where it is no safe place to stop."""

    stream: str
    data: pa.RecordBatch
    position: Any | None = None
    rejects: pa.RecordBatch | None = None


class Log(Protocol):
    """The log of one split. A position is JSON, and small."""

    def low(self) -> Any:
        """A position that everything committed from now on lies behind."""
        ...

    def entries(self, position: Any, until: Any | None) -> Iterator[Found]:
        """What lies behind `position` up to now, or exactly up to `until`, an earlier position of this very log.

        The last has a position, be it of no rows; none at all: there is nothing, and the position is as it was.
        """
        ...


def nothing(stream: Stream) -> pa.RecordBatch:
    """A change batch of no rows."""
    schema = changes.change_schema(stream.schema)
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def as_rows(stream: Stream, data: pa.RecordBatch) -> pa.RecordBatch:
    """Rows as they are now, as a change batch of `stream`; what they were is null, where the stream tells it."""
    schema = changes.change_schema(stream.schema)
    place = schema.get_field_index(changes.BEFORE)
    before: Any = None if place < 0 else pa.nulls(data.num_rows, schema.field(place).type)
    return changes.build(data, "r", before=before)


def position_of(split: Split, state: State) -> Any:
    """The position in the log from which a reader at `state` will read on. Raises StateInvalidError."""
    return _parsed(split, state)[0]


def _parsed(split: Split, state: State) -> tuple[Any, tuple[int, list[str] | None] | None]:
    """The position in the log; and while the rows are read, which stream is, and behind which key."""
    try:
        if state["v"] != VERSION or state["method"] != split.spec["method"]:
            raise ValueError
        rows = state.get("rows")
        return state["log"], None if rows is None else (int(rows[0]), rows[1])
    except (KeyError, TypeError, ValueError, IndexError):
        raise StateInvalidError(
            f"the state of {split.id!r} is not one of this connector, or of another method",
            hint="reset the state: all is read again",
            split=split.id,
        ) from None


def read(database: Database, split: Split, state: State | None, until: State | None, log: Log) -> Iterator[Batch]:
    """The batches of a CHANGES split, by its `log`. Raises StateInvalidError for a state that is not ours."""
    first = split.streams[0]
    base = {"v": VERSION, "method": split.spec["method"]}
    end, end_rows = (None, None) if until is None else _parsed(split, until)
    if state is None:
        position = log.low() if until is None else end
        rows: tuple[int, list[str] | None] | None = (0, None)
        yield Batch(stream=first.name, data=nothing(first), state={**base, "log": position, "rows": [0, None]})
    else:
        position, rows = _parsed(split, state)
    if rows is not None:
        yield from _rows(database, split, {**base, "log": position}, rows, end_rows)
        if end_rows is not None:
            yield Batch(stream=first.name, data=nothing(first), state=until)
            return
        yield Batch(stream=first.name, data=nothing(first), state={**base, "log": position})
    last = position
    for found in log.entries(position, end):
        here = None if found.position is None else {**base, "log": found.position}
        last = found.position
        yield Batch(stream=found.stream, data=found.data, state=here, rejects=found.rejects)
    if until is not None or last is None or last == position:
        yield Batch(stream=first.name, data=nothing(first), state=until or {**base, "log": position})


def _rows(
    database: Database,
    split: Split,
    base: dict[str, Any],
    start: tuple[int, list[str] | None],
    end: tuple[int, list[str] | None] | None,
) -> Iterator[Batch]:
    """The rows as they are, from the place `start` up to the place `end`."""
    number, after = start
    for index in range(number, len(split.streams)):
        if end is not None and (index > end[0] or (index == end[0] and end[1] is None)):
            return
        stream = split.streams[index]
        found = way(database, stream)
        upto = end[1] if end is not None and index == end[0] else None
        if not (after is not None and after == upto):
            session = (*database.profile.reads.begin, *(found.physical.session if found.physical is not None else ()))
            fetch = Fetch(database=database, way=found, condition=Query(""), begin=session, upto=upto)
            for one in unheld.batches(fetch, after):
                state = None if one.at is None else {**base, "rows": [index, list(one.at)]}
                yield Batch(stream=stream.name, data=as_rows(stream, one.data), state=state, rejects=one.rejects)
        after = None
        if index + 1 < len(split.streams):
            yield Batch(stream=stream.name, data=nothing(stream), state={**base, "rows": [index + 1, None]})
