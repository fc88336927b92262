"""How values are written to one database as SQL and shown again, past any driver: what a simulator knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from connector_odbc.profiles import sqlite
from connector_odbc.profiles.profile import Profile

__all__ = ["SQLITE", "Dialect", "value_of"]

_EXACT = Context(prec=80)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How one database writes values and shows them.

    `text` and `binary` are SQL around ``{hex}``, the digits of a text's UTF-8 or of bytes. `shown_text` and `shown_binary` show
    ``{column}`` in such digits, `other` a number or a time as text, `shown_truth` a truth value where `other` does not.
    `bad` is an SQL value that a number's column holds and should not; None: it holds none. `rename` renames a column.
    """

    profile: Profile
    text: str
    binary: str
    true: str
    false: str
    shown_text: str
    shown_binary: str
    other: str
    shown_truth: str | None = None
    bad: str | None = None
    rename: str = "ALTER TABLE {table} RENAME COLUMN {column} TO {to}"

    def literal(self, value: Any) -> str:
        """A value as SQL; what is not plain ASCII never stands in it."""
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return self.true if value else self.false
        if isinstance(value, int | float):
            return repr(value)
        if isinstance(value, Decimal):
            return f"'{value:f}'"  # bare it is a float to SQLite
        if isinstance(value, bytes):
            return self.binary.format(hex=value.hex())
        if isinstance(value, datetime):
            return f"'{value.isoformat(' ', 'microseconds')}'"
        if isinstance(value, date | time):
            return f"'{value.isoformat()}'"
        return self.text.format(hex=str(value).encode().hex())

    def shown(self, field: pa.Field[pa.DataType]) -> str:
        """What is selected of a column for :func:`value_of`."""
        kinds = pa.types
        special = (
            (kinds.is_floating, "{column}"),
            (kinds.is_binary, self.shown_binary),
            (kinds.is_string, self.shown_text),
            (kinds.is_boolean, self.shown_truth or self.other),
        )
        how = next((how for is_kind, how in special if is_kind(field.type)), self.other)
        return how.format(column=self.profile.quote(field.name))


SQLITE = Dialect(
    profile=sqlite.PROFILE,
    text="CAST(x'{hex}' AS TEXT)",
    binary="x'{hex}'",
    true="1",
    false="0",
    shown_text="CASE WHEN {column} IS NOT NULL THEN hex({column}) END",  # of a null it would be empty
    shown_binary="CASE WHEN {column} IS NOT NULL THEN hex({column}) END",
    other="CAST({column} AS TEXT)",
    bad="'no number'",
)


def value_of(kind: Any, given: Any) -> Any:
    """The value of what :meth:`Dialect.shown` selected. Raises ValueError for one that is none."""
    kinds = pa.types
    if given is None:
        return None
    if kinds.is_floating(kind):
        return float(given)
    if kinds.is_binary(kind):
        return bytes.fromhex(given)
    if kinds.is_string(kind):
        return bytes.fromhex(given).decode()
    if kinds.is_boolean(kind):
        return str(given).lower() in ("1", "t", "true")
    if kinds.is_integer(kind):
        return int(given)
    if kinds.is_decimal(kind):
        try:
            return Decimal(given).quantize(Decimal(1).scaleb(-kind.scale), context=_EXACT)
        except ArithmeticError:
            raise ValueError(given) from None
    if kinds.is_date(kind):
        return date.fromisoformat(given)
    if kinds.is_time(kind):
        return time.fromisoformat(given)
    moment = datetime.fromisoformat(given)
    if kind.tz is None:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
