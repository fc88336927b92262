"""How one stream is read: its table, a way for each field, and what its rows can be ordered, cut and resumed by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
from connector_sdk.errors import SchemaDriftError
from connector_sdk.schema import Stream

from connector_odbc import catalogue_reading
from connector_odbc.catalogue import Column, Table
from connector_odbc.database import Database
from connector_odbc.profiles.profile import Profile
from connector_odbc.profiles.reads import Physical
from connector_odbc.typed import InLine, Typed

__all__ = ["Part", "Way", "way", "ways"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One column of the order that a table is read in: as it is compared, as it is selected, and how a value of it is bound.

    `collation`: which texts it is unique by, where that may not be the column's own. `raw`: so is the text of one that the
    field's type refuses.
    """

    name: str
    place: str
    typed: Typed
    bind: str
    collation: str | None = None
    raw: bool = False

    @property
    def compared(self) -> str:
        """What it is ordered by, and stands on the left of a comparison."""
        return self.place if self.collation is None else f"{self.place} COLLATE {self.collation}"

    @property
    def select(self) -> str:
        return self.typed.select.format(column=self.place)


@dataclass(frozen=True, kw_only=True)
class Way:
    """`places` are the columns' names, quoted. `order` is empty where nothing orders the rows; `physical` says that it is the
    place of the rows, not a key."""

    stream: Stream
    table: Table
    source: str
    columns: tuple[tuple[Column, Typed], ...]
    places: Mapping[str, str]
    order: tuple[Part, ...]
    physical: Physical | None = None


def ways(database: Database, streams: Mapping[str, Stream]) -> dict[str, Way]:
    """The way of each of `streams`. Raises SchemaDriftError for one that is not, or no longer as it was discovered."""
    tables = catalogue_reading.tables(database, list(streams))
    return {name: _way(database.profile, stream, tables.get(name)) for name, stream in streams.items()}


def way(database: Database, stream: Stream) -> Way:
    """The way of one stream, as its table is now. Raises SchemaDriftError."""
    return ways(database, {stream.name: stream})[stream.name]


def _way(profile: Profile, stream: Stream, table: Table | None) -> Way:
    if table is None:
        raise SchemaDriftError(
            f"the table of stream {stream.name!r} is not there any more",
            fields=tuple(stream.schema.names),
            hint="discover again; with a saved plan, reset the state",
            stream=stream.name,
        )
    typed = {column.name: (column, profile.typed(column)) for column in table.columns}
    drifted = tuple(field.name for field in stream.schema if _drifted(field, typed.get(field.name)))
    if drifted:
        raise SchemaDriftError(
            f"{table.name} is not as it was discovered: {', '.join(_told(stream.schema.field(name), typed) for name in drifted)}",
            fields=drifted,
            hint="discover again; with a saved plan, reset the state",
            stream=stream.name,
        )
    order, physical = _order(profile, table, {name: how for name, (_, how) in typed.items()})
    source = ".".join(profile.quote(name) for name in (table.name.schema, table.name.name) if name is not None)
    columns = tuple(typed[name] for name in stream.schema.names)
    places = {name: profile.quote(name) for name in typed}
    return Way(stream=stream, table=table, source=source, columns=columns, places=places, order=order, physical=physical)


def _drifted(field: pa.Field[pa.DataType], found: tuple[Column, Typed] | None) -> bool:
    return found is None or found[1].type != field.type or (found[0].nullable and not field.nullable)


def _told(field: pa.Field[pa.DataType], typed: Mapping[str, tuple[Column, Typed]]) -> str:
    found = typed.get(field.name)
    if found is None:
        return f"{field.name} is gone"
    if found[1].type != field.type:
        return f"{field.name} is {found[0].native} now, {field.type} was asked for"
    return f"{field.name} can be null now"


def _order(profile: Profile, table: Table, typed: Mapping[str, Typed]) -> tuple[tuple[Part, ...], Physical | None]:
    """The primary key, else the shortest unique index, of columns that cannot be null; else the place of the rows, or nothing.

    A key that only the configuration declares is not good enough: rows with equal ones would be lost between two pages.
    """
    if table.view:
        return (), None
    unique = sorted((index.columns for index in table.indexes if index.unique), key=lambda names: (len(names), names))
    for names in filter(None, (table.primary, *unique)):
        columns = [table.column(name) for name in names]
        binds = [profile.reads.key(column) for column in columns]
        if any(column.nullable for column in columns) or None in binds:
            continue
        index = next((index for index in table.indexes if index.unique and index.columns == names), None)
        collations = (index.collations if index is not None else ()) or (None,) * len(names)
        found = zip(columns, binds, collations, strict=True)
        return tuple(
            Part(
                name=column.name,
                place=profile.quote(column.name),
                typed=typed[column.name],
                bind=bind,
                collation=collation if pa.types.is_string(typed[column.name].type) else None,
                raw=profile.reads.raw_keys,
            )
            for column, bind, collation in found
            if bind is not None
        ), None
    physical = None if table.scattered else profile.reads.physical
    taken = {column.name.lower() for column in table.columns}
    place = None if physical is None else next((name for name in physical.names if name not in taken), None)
    if physical is None or place is None:
        return (), None
    select = physical.select.replace("{place}", "{column}")
    inline = InLine(type=pa.string(), select=select)
    typed_place = Typed(type=pa.string(), select=select, wire=pa.string(), size=32, inline=inline)
    return (Part(name=place, place=place, typed=typed_place, bind=physical.bind),), physical
