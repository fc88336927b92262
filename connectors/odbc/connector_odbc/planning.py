"""A FULL read cut into ranges of a table's key, or of the place of its rows, of about as many rows each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Self

import pyarrow as pa
from connector_sdk.contract import Split
from connector_sdk.errors import StateInvalidError
from connector_sdk.schema import Mode, Stream, Where

from connector_odbc.database import Connection, Database
from connector_odbc.key_text import key_text
from connector_odbc.predicates import Pushed, push
from connector_odbc.selecting import ordering
from connector_odbc.way import Part, Way, ways

__all__ = ["Range", "plan_full"]

VERSION = 1
MOST_SPLITS = 1_000


@dataclass(frozen=True, kw_only=True)
class Range:
    """What a FULL split reads: the rows behind `after` and not behind `upto` in the order of the columns `order`, of which the
    bounds may give the first ones only, that `where` keeps, as `snapshot` shows them while it lives."""

    order: tuple[str, ...] = ()
    after: tuple[str, ...] | None = None
    upto: tuple[str, ...] | None = None
    where: Pushed = field(default_factory=list)
    snapshot: str | None = None

    def to_spec(self) -> dict[str, Any]:
        """As JSON."""
        return {"v": VERSION, **{name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}}

    @classmethod
    def from_spec(cls, split: Split) -> Self:
        """The range of a split. Raises StateInvalidError for a plan that is not ours."""
        try:
            values = dict(split.spec)
            if values.pop("v") != VERSION:
                raise ValueError
            lists = {name: None if values[name] is None else tuple(values[name]) for name in ("order", "after", "upto")}
            return cls(**{**values, **lists})
        except (KeyError, TypeError, ValueError):
            raise StateInvalidError(
                f"the plan of {split.id!r} is not one of this connector", hint="reset the state", split=split.id
            ) from None


def plan_full(database: Database, streams: Sequence[Stream], where: Mapping[str, Where], snapshot: str | None) -> list[Split]:
    """The splits of a FULL read. Raises SchemaDriftError for a stream that is not as it was discovered, TransientError."""
    found = ways(database, {stream.name: stream for stream in streams})
    splits: list[Split] = []
    with database.lend() as connection:
        for stream in streams:
            way = found[stream.name]
            pushed, left = push(where.get(stream.name, ()), way, database.profile.reads)
            cuts = _cuts(database, connection, way) if way.order else []
            order = tuple(part.name for part in way.order)
            for number, (after, upto) in enumerate(zip([None, *cuts], [*cuts, None], strict=True)):
                piece = Range(order=order, after=after, upto=upto, where=pushed, snapshot=snapshot)
                splits.append(
                    Split(
                        id=f"{stream.name}/{number}",
                        streams=(stream,),
                        mode=Mode.FULL,
                        spec=piece.to_spec(),
                        left={stream.name: left} if left else {},
                    )
                )
    return splits


def _cuts(database: Database, connection: Connection, way: Way) -> list[tuple[str, ...]]:
    """Bounds between splits, in the order of the server."""
    size = database.config.split_rows
    if way.physical is not None:
        return _physical_cuts(database, connection, way, size)
    rows = way.table.rows
    if rows is not None and rows <= size:
        return []
    first = way.order[0]
    kind: Any = first.typed.type
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_temporal(kind):
        low, high = _edges(connection, way, first)
        if low is None or high is None:
            return []
        if rows is None and pa.types.is_integer(kind) and len(way.order) == 1 and high - low < size:
            return []  # there is no room for more rows
        if rows is None:
            rows = _count(connection, way)
        return [(text,) for text in _between(low, high, math.ceil(rows / size))]
    return _walked_cuts(connection, way, size)


def _edges(connection: Connection, way: Way, part: Part) -> tuple[Any, Any]:
    """The least and the greatest value of the first column of an order, as pyarrow gives them; None where it has none."""
    least, greatest = (part.typed.select.format(column=f"{what}({part.place})") for what in ("min", "max"))
    row = connection.execute(f"SELECT {least}, {greatest} FROM {way.source}").fetchone()
    values: Any = pa.array(list(row), part.typed.wire)
    if part.typed.restore is not None:
        values = part.typed.restore(values).values
    return values[0].as_py(), values[1].as_py()


def _count(connection: Connection, way: Way) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {way.source}").fetchone()[0])


def _between(low: Any, high: Any, pieces: int) -> list[str]:
    """Texts of the values that cut from `low` to `high` into `pieces` alike, each once."""
    pieces = min(pieces, MOST_SPLITS)
    if pieces < 2:
        return []
    found = [_part(low, high, number, pieces) for number in range(1, pieces)]
    return list(dict.fromkeys(text for value in found if low <= value < high and (text := key_text(value)) is not None))


def _part(low: Any, high: Any, number: int, pieces: int) -> Any:
    if isinstance(low, datetime):
        return low + timedelta(microseconds=((high - low) // timedelta(microseconds=1)) * number // pieces)
    if isinstance(low, date):
        return low + timedelta(days=(high - low).days * number // pieces)
    if isinstance(low, int):
        return low + (high - low) * number // pieces
    if isinstance(low, Decimal):
        return Decimal(int(low) + (int(high) - int(low)) * number // pieces)
    return low  # a time of day: in one piece


def _physical_cuts(database: Database, connection: Connection, way: Way, size: int) -> list[tuple[str, ...]]:
    assert way.physical is not None
    place = way.order[0].place
    asked = way.physical.bounds.format(place=place, table=way.source)
    row = connection.execute(asked, *([way.source] if "?" in way.physical.bounds else [])).fetchone()
    if row is None or row[0] is None:
        return []
    last = int(row[0])
    rows = last if way.table.rows is None else way.table.rows
    pieces = min(math.ceil(rows / size), MOST_SPLITS)
    cuts = dict.fromkeys(last * number // pieces for number in range(1, pieces))
    return [(way.physical.cut.format(number=cut),) for cut in cuts if cut > 0]


def _walked_cuts(connection: Connection, way: Way, size: int) -> list[tuple[str, ...]]:
    """Every `size`-th key, by one walk over the key: the only way that the server's order of texts is not guessed."""
    rows = _count(connection, way) if way.table.rows is None else way.table.rows
    pieces = math.ceil(rows / size)
    if pieces < 2:
        return []
    every = max(size, math.ceil(rows / MOST_SPLITS))
    selects = ", ".join(f"{part.select} AS k{number}" for number, part in enumerate(way.order))
    places = ordering(way.order).removeprefix(" ")
    walked = f"SELECT {selects}, row_number() OVER ({places}) AS n FROM {way.source}"
    names = ", ".join(f"k{number}" for number in range(len(way.order)))
    found = connection.execute(f"SELECT {names} FROM ({walked}) AS w WHERE n % {every} = 0 ORDER BY n").fetchall()
    cuts: list[tuple[str, ...]] = []
    for row in found:
        texts = []
        for part, value in zip(way.order, row, strict=True):
            values: Any = pa.array([value], part.typed.wire)
            restored = values if part.typed.restore is None else part.typed.restore(values).values
            texts.append(key_text(restored[0].as_py()))
        if None not in texts:
            cuts.append(tuple(text for text in texts if text is not None))
    return cuts
