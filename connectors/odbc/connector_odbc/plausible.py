"""Plausible rows for tables that refer to one another: what a simulator has in its database. All of it follows from a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from connector_sdk.schema import Relation, Stream, native_of

from connector_odbc.counted import counted, labels, length, possible, short

__all__ = ["in_order", "is_new", "numbers", "row", "rows"]

Row = dict[str, Any]

ROWS = 150
"""Of each table: enough for several splits and states."""
FIRST = 20_000
"""The number of the first row: the rows that the laws write have numbers from 0 on, and come beside these."""
BESIDE = 64
"""So many numbers are left to the laws where keys have too few values for FIRST."""

_WORDS = (
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "harbour",
    "iris",
    "juniper",
    "kestrel",
    "linden",
    "maple",
)
_TOWNS = ("Oslo", "Łódź", "São Paulo", "東京", "Zürich", "Ålesund", "Springfield", "Kraków")


def in_order(streams: Mapping[str, Stream]) -> list[str]:
    """The names, each after those it refers to; where they refer to one another in a circle, by name."""
    left, found = sorted(streams), list[str]()
    while left:
        free = [name for name in left if _parents(streams[name], streams) <= {*found, name}]
        # Of a circle the one with the fewest parents that are not there yet; its references that may be null stay null.
        chosen = free or [min(left, key=lambda name: len(_parents(streams[name], streams, required=True) - set(found)))]
        found += chosen
        left = [name for name in left if name not in chosen]
    return found


def _parents(stream: Stream, streams: Mapping[str, Stream], *, required: bool = False) -> set[str]:
    return {
        relation.to
        for relation in stream.relations
        if relation.to in streams and not (required and _optional(stream, relation)) and relation.to != stream.name
    }


def _optional(stream: Stream, relation: Relation) -> bool:
    return any(stream.schema.field(column).nullable for column in relation.columns)


def numbers(streams: Mapping[str, Stream]) -> dict[str, range]:
    """The numbers of each table's first rows: as many as its keys have values for, beside those that are left to others.

    From 0 on where there is no room for others.
    """
    found: dict[str, range] = {}
    for name in in_order(streams):
        room = _room(streams[name], {parent: len(taken) for parent, taken in found.items()})
        if room >= FIRST + ROWS:
            found[name] = range(FIRST, FIRST + ROWS)
        elif room >= BESIDE * 3 // 2:
            # Some stay free for rows that come later.
            found[name] = range(BESIDE, BESIDE + min(ROWS, (room - BESIDE) * 3 // 4))
        else:
            found[name] = range(max(1, room // 2))
    return found


def _room(stream: Stream, parents: Mapping[str, int]) -> int:
    """How many numbers have keys of their own: as many as one of the columns has values, or the references together."""
    if not stream.keys:
        return FIRST + ROWS
    referring = [r for r in stream.relations if r.to in parents and set(r.columns) & set(stream.keys)]
    borrowed = {column for relation in referring for column in relation.columns}
    own = [possible(stream.schema.field(key)) for key in stream.keys if key not in borrowed]
    return max([*own, math.prod(parents[relation.to] for relation in referring) if referring else 0])


def rows(streams: Mapping[str, Stream], numbered: Mapping[str, range], seed: int) -> dict[str, list[Row]]:
    """The rows of each stream with those numbers, parents before children. A key is unique; a reference leads to a row."""
    made: dict[str, list[Row]] = {}
    for name in in_order(streams):
        made[name] = []
        taken = set[tuple[Any, ...]]()
        for number in numbered[name]:
            fresh = row(streams[name], number, seed, made)
            key = tuple(fresh[column] for column in streams[name].keys)
            if not key or key not in taken:
                made[name].append(fresh)
                taken.add(key)
    return made


def is_new(stream: Stream, fresh: Row, there: Sequence[Row]) -> bool:
    """Whether no row of `there` has the key of `fresh`; keys that are references come to an end."""
    return not stream.keys or all(any(one[key] != fresh[key] for key in stream.keys) for one in there)


def row(stream: Stream, number: int, seed: int, there: Mapping[str, Sequence[Row]]) -> Row:
    """The row `number` of a stream whose references lead to rows of `there`: its key and other text follow from `number`."""
    rng = random.Random(f"{stream.name}/{number}/{seed}")  # noqa: S311 - sample data
    made: Row = {}
    for field in stream.schema:
        if field.name in stream.keys:
            made[field.name] = counted(field, number)
        elif field.nullable and rng.random() < 0.1:
            made[field.name] = None
        else:
            made[field.name] = _value(field, number, rng)
    turn = number
    for relation in stream.relations:
        parents = there.get(relation.to, ())
        own = set(relation.columns) & set(stream.keys)
        if not parents:  # null, where it can be
            made |= {column: None for column in relation.columns if stream.schema.field(column).nullable and column not in own}
            continue
        if any(made[column] is None for column in relation.columns):
            continue
        # A key that refers takes one parent after the other, and a second one the next after each round.
        parent = parents[turn % len(parents)] if own else rng.choice(parents)
        turn = turn // len(parents) if own else turn
        made |= dict(zip(relation.columns, (parent[column] for column in relation.to_columns), strict=True))
    return made


def _value(field: pa.Field[pa.DataType], number: int, rng: random.Random) -> Any:
    kind: Any = field.type
    kinds = pa.types
    if kinds.is_boolean(kind):
        return rng.random() < 0.5
    if kinds.is_integer(kind):
        return rng.randrange(100 if kind.bit_width == 8 else 10_000)
    if kinds.is_floating(kind):
        return float(rng.randrange(10_000)) / 8
    if kinds.is_decimal(kind):
        return Decimal(f"{rng.randrange(10 ** min(kind.precision, kind.scale + 4, 9))}e{-kind.scale}")
    if kinds.is_date(kind):
        return date(2020, 1, 1) + timedelta(days=rng.randrange(2_000))
    if kinds.is_timestamp(kind):
        return datetime(2020, 1, 1, tzinfo=UTC if kind.tz else None) + timedelta(seconds=rng.randrange(200_000_000))
    if kinds.is_time(kind):
        return time(rng.randrange(24), rng.randrange(60), rng.randrange(60))
    if kinds.is_binary(kind):
        return rng.randbytes(rng.randrange(1, 1 + min(length(field) or 12, 12)))
    return _text(field, number, rng)


def _text(field: pa.Field[pa.DataType], number: int, rng: random.Random) -> str:
    """Text that its column may be expected to hold, other text in every row; JSON where the database wants JSON."""
    native, name = (native_of(field) or "").lower(), field.name.lower()
    special = next((make for words, make in _SPECIAL.items() if any(word in native for word in words)), None)
    if special is not None:
        return str(special(number, rng))
    if known := labels(field):
        return rng.choice(known)
    word = rng.choice(_WORDS)
    if "mail" in name:
        text = f"{word}{number}@example.com"
    elif "phone" in name or "fax" in name:
        text = f"+47 {rng.randrange(10**7):07d}"
    elif "city" in name or "town" in name:
        text = rng.choice(_TOWNS)
    else:
        text = f"{word.capitalize()} {number}"
    room = length(field)
    return text if room is None or room >= len(text) else short(number, room)


_SPECIAL: Mapping[tuple[str, ...], Any] = {
    ("json",): lambda number, _rng: f'{{"n": {number}}}',
    ("xml",): lambda number, _rng: f"<n>{number}</n>",
    ("uuid", "uniqueidentifier"): lambda number, rng: f"{rng.getrandbits(96):024x}{number:08x}",
}
