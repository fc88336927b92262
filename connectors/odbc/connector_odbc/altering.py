"""DDL that makes room for a stream: create a table, add a column, widen one; what would lose data is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from connector_sdk.errors import ConfigError, SchemaDriftError
from connector_sdk.schema import Stream

from connector_odbc.catalogue import Column, Table, TableName
from connector_odbc.database import Database
from connector_odbc.declared_type import parse
from connector_odbc.declaring import Declared, plain
from connector_odbc.writing.history import VALID_FROM, VALID_TO
from connector_odbc.writing.staging import quoted
from connector_odbc.writing.targets import Targets

__all__ = ["historic", "plan"]


def plan(database: Database, targets: Targets, want: Stream, *, exists: bool) -> list[str]:
    """The statements, each in its order; a line that begins with ``--`` says what a column will not keep.

    Raises SchemaDriftError that names the fields whose values the table as it is cannot hold, ConfigError for names that are
    too long.
    """
    if not exists:
        name = targets.named(want.name)
        _check_names(database, want, name.name)
        return [*_create(database, name, want, ()), *_notes(database, want, list(want.schema))]
    table = targets.table(want.name)
    have = {column.name: column for column in table.columns}
    new = [field for field in want.schema if field.name not in have]
    _check_names(database, want, "", [field.name for field in new])
    steps, narrow = [], list[str]()
    for field in new:
        type_ = _declared(database, field, want).type
        steps.append(f"ALTER TABLE {quoted(database, table.name)} ADD COLUMN {database.profile.quote(field.name)} {type_}")
    for field in want.schema:
        if field.name in have:
            step = _widen(database, table, have[field.name], field, want)
            if step is None:
                narrow.append(field.name)
            elif step:
                steps.append(step)
    if narrow:
        told = "; ".join(f"{name}: {want.schema.field(name).type} into {have[name].native}" for name in narrow)
        raise SchemaDriftError(
            f"table {table.name} cannot hold {told}",
            fields=tuple(narrow),
            hint="alter the column yourself, leave it out (--columns), or write to another table",
            stream=want.name,
        )
    return [*steps, *_notes(database, want, new)]


def historic(database: Database, targets: Targets, stream: Stream, *, fresh: bool) -> list[str]:
    """The statements that give a table the columns of a history; none where it has them. `fresh`: this run made the table, so
    it may be made again. Raises ConfigError."""
    table = targets.table(stream.name)
    names = {column.name for column in table.columns}
    if {VALID_FROM, VALID_TO} <= names:
        return []
    if not fresh:
        raise ConfigError(
            f"table {table.name} keeps no history: it has no columns {VALID_FROM} and {VALID_TO}",
            hint=f"add them, with {VALID_FROM} in the key, or write to a table that does not exist yet",
            stream=stream.name,
        )
    drop = f"DROP TABLE {quoted(database, table.name)}"
    return [drop, *_create(database, table.name, stream, (VALID_FROM, VALID_TO))]


def _create(database: Database, name: TableName, want: Stream, history: tuple[str, ...]) -> list[str]:
    quote, writes = database.profile.quote, database.profile.writes
    columns = []
    for field in want.schema:
        required = " NOT NULL" if not field.nullable or field.name in want.keys else _nullable(database)
        columns.append(f"{quote(field.name)} {_declared(database, field, want).type}{required}")
    keys = list(want.keys)
    if history:
        columns += [
            f"{quote(VALID_FROM)} {writes.stamp} DEFAULT {writes.now} NOT NULL",
            f"{quote(VALID_TO)} {writes.stamp}{_nullable(database)}",
        ]
        keys += [VALID_FROM]
    if want.keys:
        columns.append(f"PRIMARY KEY ({', '.join(map(quote, keys))})")
    return [f"CREATE TABLE {quoted(database, name)} ({', '.join(columns)}){writes.table_options}"]


def _nullable(database: Database) -> str:
    """MariaDB's TIMESTAMP is not null unless it says so."""
    return " NULL" if database.profile.name == "mariadb" else ""


def _declared(database: Database, field: pa.Field[pa.DataType], want: Stream) -> Declared:
    key, keys = field.name in want.keys, [want.schema.field(name) for name in want.keys]
    found = database.profile.writes.declared(field, key=key, keys=keys)
    native = (field.metadata or {}).get(b"connector.native")
    if native is not None and found.type == native.decode() and database.profile.typed(_column(found.type)).type != field.type:
        # Another system has a type of this name, and means something else by it.
        return database.profile.writes.declared(field.remove_metadata(), key=key, keys=keys)
    return found


def _column(native: str) -> Column:
    parsed = parse(native)
    return Column(name="", native=native, kind=parsed.kind, length=parsed.length, precision=parsed.precision, scale=parsed.scale)


def _notes(database: Database, want: Stream, fields: list[pa.Field[Any]]) -> Iterator[str]:
    for field in fields:
        declared = _declared(database, field, want)
        back = database.profile.typed(_column(declared.type)).type
        note = declared.note or (None if back == field.type else f"read back as {back}")
        if note is not None:
            yield f"-- {want.name}.{field.name} ({field.type}): {note}"


def _check_names(database: Database, want: Stream, table: str, columns: list[str] | None = None) -> None:
    limit = database.profile.writes.identifier
    for name in [table, *(want.schema.names if columns is None else columns)]:
        size = len(name.encode()) if database.profile.name == "postgresql" else len(name)
        if limit is not None and size > limit:
            raise ConfigError(
                f"{database.profile.title} takes names of at most {limit} bytes, and {name!r} has {size}",
                hint="rename it in the source, or write to a table with a shorter name",
                stream=want.name,
            )
        if "\0" in name:
            raise ConfigError(f"the name {name!r} has a NUL character", stream=want.name)


_SIZES = {pa.int8(): 8, pa.int16(): 16, pa.int32(): 32, pa.int64(): 64}
_UNSIGNED = {pa.uint8(): 8, pa.uint16(): 16, pa.uint32(): 32, pa.uint64(): 64}


def _widen(database: Database, table: Table, column: Column, field: pa.Field[Any], want: Stream) -> str | None:
    """Nothing where `column` holds every value of `field`, the statement that makes it do so, or None where none does."""
    declared = _declared(database, field, want)
    have = database.profile.typed(column).type
    fresh = database.profile.typed(_column(declared.type)).type
    if _short(database, column, field, declared):
        return _widening(database, table, column, declared.type)
    if _holds(have, field.type) or have == fresh or column.native.lower() == declared.type.lower():
        return ""
    return _widening(database, table, column, declared.type) if _holds(fresh, have) and _holds(fresh, field.type) else None


def _short(database: Database, column: Column, field: pa.Field[Any], declared: Declared) -> bool:
    """Whether a text column is declared shorter than the text that comes says it is."""
    wanted = parse(declared.type)
    return (
        database.profile.writes.widen is not None
        and column.length is not None
        and "char" in column.kind
        and "char" in wanted.kind
        and wanted.length is not None
        and wanted.length > column.length
        and field.name == column.name
    )


def _widening(database: Database, table: Table, column: Column, type_: str) -> str | None:
    how = database.profile.writes.widen
    if how is None or (column.name in table.primary and database.profile.name == "mariadb" and "text" in type_):
        return None
    null = "" if column.nullable else " NOT NULL"
    step = how.format(column=database.profile.quote(column.name), type=type_, null=null)
    return f"ALTER TABLE {quoted(database, table.name)} {step}"


def _holds(have: pa.DataType, want: pa.DataType) -> bool:
    """Whether a column of type `have` takes every value of `want` exactly."""
    one: Any = plain(have)
    other: Any = plain(want)
    t = pa.types
    if one == other or t.is_null(other):
        return True
    signed, unsigned = _SIZES.get(other), _UNSIGNED.get(other)
    if one in _SIZES:
        return (signed is not None and signed <= _SIZES[one]) or (unsigned is not None and unsigned < _SIZES[one])
    if one in _UNSIGNED:
        return unsigned is not None and unsigned <= _UNSIGNED[one]
    if t.is_decimal(one):
        if t.is_decimal(other):
            return bool(other.scale <= one.scale and other.precision - other.scale <= one.precision - one.scale)
        bits = signed or unsigned
        return bits is not None and len(str(2 ** (bits - (signed is not None)) - 1)) <= one.precision - one.scale
    if t.is_floating(one):
        mantissa = {16: 11, 32: 24, 64: 53}[one.bit_width]
        if t.is_floating(other):
            return bool(other.bit_width <= one.bit_width)
        return (signed is not None and signed <= mantissa) or (unsigned is not None and unsigned <= mantissa)
    if t.is_timestamp(one):
        # Finer values than the column's are refused one by one.
        return t.is_timestamp(other) and (one.tz is None) == (other.tz is None)
    return t.is_time(one) and t.is_time(other)
