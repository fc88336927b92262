"""Which part of a predicate the database answers exactly as the engine would, and that part in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
from connector_sdk.schema import Compare, Scalar, Where

from connector_odbc.profiles.reads import Reads
from connector_odbc.selecting import Query
from connector_odbc.way import Way

__all__ = ["Pushed", "condition", "push"]

Pushed = list[list[list[str | None]]]
"""An OR of ANDs of [column, operator, text of the value], as it stands in a split."""


def push(where: Where, way: Way, reads: Reads) -> tuple[Pushed, Where]:
    """What goes to the database, and what is left to the engine.

    A group that goes in part makes the database keep more than it should: then all is left to the engine as well.
    """
    groups = [[found for compare in group if (found := _pushed(compare, way, reads)) is not None] for group in where]
    if not groups or not all(groups):
        return [], where
    complete = all(len(found) == len(group) for found, group in zip(groups, where, strict=True))
    return groups, () if complete else where


def _pushed(compare: Compare, way: Way, reads: Reads) -> list[str | None] | None:
    name, op, value = compare
    column, typed = next(((column, typed) for column, typed in way.columns if column.name == name), (None, None))
    if column is None or typed is None or reads.compare(column, op) is None:
        return None
    text = None if value is None else _text(value, typed.type)
    return None if text is None and value is not None else [name, op, text]


def _text(value: Scalar, type: Any) -> str | None:  # noqa: A002 - the field's word
    """`value` as the database takes it for a column of `type`; None where it would compare something else."""
    if isinstance(value, bool):
        return ("1" if value else "0") if pa.types.is_boolean(type) else None
    if isinstance(value, int | Decimal) and pa.types.is_integer(type):
        whole = int(value)
        low = 0 if pa.types.is_unsigned_integer(type) else -(2**63)
        return str(whole) if whole == value and low <= whole < 2**63 else None
    if isinstance(value, int | Decimal) and pa.types.is_decimal(type):
        exact = Decimal(value)
        digits, exponent = exact.as_tuple().digits, exact.as_tuple().exponent
        return f"{exact:f}" if isinstance(exponent, int) and exponent >= -30 and len(digits) + max(exponent, 0) <= 35 else None
    if isinstance(value, str) and pa.types.is_string(type):
        return None if "\0" in value else value
    if isinstance(value, datetime):
        if not pa.types.is_timestamp(type) or (type.tz is None and value.tzinfo is not None):
            return None
        return (value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)).isoformat(" ")
    if isinstance(value, date) and pa.types.is_date(type):
        return value.isoformat()
    if isinstance(value, time) and pa.types.is_time(type) and value.tzinfo is None:
        return value.isoformat()
    return None


def condition(pushed: Sequence[Sequence[Sequence[str | None]]], way: Way, reads: Reads) -> Query:
    """The SQL of what was pushed."""
    columns = {column.name: column for column, _ in way.columns}
    groups: list[str] = []
    values: list[str] = []
    for group in pushed:
        tests: list[str] = []
        for name, op, text in group:
            assert name is not None and op is not None
            template = reads.compare(columns[name], op)
            assert template is not None
            tests.append(template.format(column=way.places[name], op="<>" if op == "!=" else op))
            values += [] if text is None else [text] * template.count("?")
        groups.append(" AND ".join(tests))
    return Query(" OR ".join(f"({group})" for group in groups), tuple(values))
