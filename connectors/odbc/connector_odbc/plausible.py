"""Plausible rows for tables that refer to one another: what a simulator has in its database. All of it follows from a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from connector_sdk.schema import Relation, Stream, native_of

from connector_odbc.declared_type import parse

__all__ = ["counted", "in_order", "is_new", "row", "rows"]

Row = dict[str, Any]

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


def rows(streams: Mapping[str, Stream], numbers: Mapping[str, range], seed: int) -> dict[str, list[Row]]:
    """The rows of each stream with those numbers, parents before children. A key is unique; a reference leads to a row."""
    made: dict[str, list[Row]] = {}
    for name in in_order(streams):
        made[name] = []
        taken = set[tuple[Any, ...]]()
        for number in numbers[name]:
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


def counted(field: pa.Field[pa.DataType], number: int) -> Any:
    """The `number`-th value of a key column, within its declared length: small and readable."""
    kind: Any = field.type
    kinds = pa.types
    if kinds.is_boolean(kind):
        return number % 2 == 0
    if kinds.is_integer(kind):
        return number + 1
    if kinds.is_floating(kind):
        return float(number + 1)
    if kinds.is_decimal(kind):
        return Decimal(f"{number + 1}e{-kind.scale}") if kind.precision - kind.scale < 6 else Decimal(number + 1)
    if kinds.is_date(kind):
        return date(2001, 1, 1) + timedelta(days=number)
    if kinds.is_timestamp(kind):
        return datetime(2001, 1, 1, tzinfo=UTC if kind.tz else None) + timedelta(seconds=number)
    if kinds.is_time(kind):
        return time(number // 3600 % 24, number // 60 % 60, number % 60)
    text = f"{field.name[:1]}{number:05d}"
    length = _length(field)
    text = text if length is None or length >= len(text) else _short(number, length)
    return text.encode() if kinds.is_binary(kind) else text


def _short(number: int, length: int) -> str:
    """As many numbers as fit into so many letters."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    text = ""
    for _ in range(length):
        number, digit = divmod(number, len(digits))
        text = digits[digit] + text
    return text


def _length(field: pa.Field[pa.DataType]) -> int | None:
    native = native_of(field)
    return None if native is None else parse(native).length


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
        return rng.randbytes(rng.randrange(1, 1 + min(_length(field) or 12, 12)))
    return _text(field, number, rng)


def _text(field: pa.Field[pa.DataType], number: int, rng: random.Random) -> str:
    """Text that its column may be expected to hold, other text in every row; JSON where the database wants JSON."""
    native, name = (native_of(field) or "").lower(), field.name.lower()
    special = next((make for words, make in _SPECIAL.items() if any(word in native for word in words)), None)
    if special is not None:
        return str(special(number, rng))
    enumerated = native.removeprefix("enum(").removesuffix(")") if native.startswith("enum(") else None
    if enumerated is not None:
        return rng.choice([part.strip().strip("'") for part in enumerated.split(",")])
    word = rng.choice(_WORDS)
    if "mail" in name:
        text = f"{word}{number}@example.com"
    elif "phone" in name or "fax" in name:
        text = f"+47 {rng.randrange(10**7):07d}"
    elif "city" in name or "town" in name:
        text = rng.choice(_TOWNS)
    else:
        text = f"{word.capitalize()} {number}"
    length = _length(field)
    return text if length is None or length >= len(text) else _short(number, length)


_SPECIAL: Mapping[tuple[str, ...], Any] = {
    ("json",): lambda number, _rng: f'{{"n": {number}}}',
    ("xml",): lambda number, _rng: f"<n>{number}</n>",
    ("uuid", "uniqueidentifier"): lambda number, rng: f"{rng.getrandbits(96):024x}{number:08x}",
}
