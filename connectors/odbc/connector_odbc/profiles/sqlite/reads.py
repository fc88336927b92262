"""Reading SQLite: by keys that cannot be null, else by the rowid; in pages, since for batches its driver holds whole results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector_odbc.catalogue import Column
from connector_odbc.profiles.reads import SEPARATOR, Physical, Reads
from connector_odbc.typed import InLine, Storage

__all__ = ["READS"]


def _key(column: Column) -> str | None:
    kind = column.kind
    if "int" in kind:
        return "CAST(? AS INTEGER)"
    return "CAST(? AS TEXT)" if any(part in kind for part in ("char", "clob", "text")) and "(" not in kind else None


def _compare(column: Column, op: str) -> str | None:
    if op in ("is null", "is not null"):
        return "{column} {op}"
    if "int" in column.kind:
        return "{column} {op} CAST(? AS INTEGER)"
    if op in ("=", "!=") and any(part in column.kind for part in ("char", "clob", "text")):
        return "{column} {op} CAST(? AS TEXT) COLLATE BINARY"
    return None


# Numbers come before text, and text before bytes, in SQLite's own order: quicker to ask than typeof().
_STORED: Mapping[Storage, str] = {
    "number": "{place} < ''",
    "text": "{place} >= '' AND {place} < x''",
    "characters": "{place} < x''",
    "blob": "{place} >= x''",
}


def _line(fields: Sequence[tuple[InLine, str, bool]], missing: str) -> str:
    """One printf for all: every ``||`` would copy what is before it."""
    lengths, conditions, forms, shown = ["0"], [], [], []
    for line, place, nullable in fields:
        expression = line.select.format(column=place)
        if line.text:  # printf ends a text at a NUL
            length = f"length(CAST({expression} AS BLOB))"
            lengths.append(f"ifnull({length}, 0)" if nullable else length)
        # What shows all of a number would not do so of anything else.
        known = [line.exact.format(column=place)] if line.exact else []
        known += [_STORED[line.storage].format(place=place)] if line.storage and not line.exact else []
        if known:
            conditions.append(f"({place} IS NULL OR {' AND '.join(known)})" if nullable else " AND ".join(known))
        form = line.form
        if nullable and form != "%s":  # printf writes 0.0 for a null: a sign before it costs less than another printf
            form = f"%s{form}"
            shown.append(f"CASE WHEN {place} IS NULL THEN '{missing}' ELSE '' END")
        elif nullable and expression == place:
            expression = f"ifnull({place}, '{missing}')"
        elif nullable:
            expression = f"CASE WHEN {place} IS NULL THEN '{missing}' ELSE {expression} END"
        forms.append(form)
        shown.append(expression)
    control = " + ".join(lengths)
    if conditions:
        control = f"CASE WHEN {' AND '.join(conditions)} THEN {control} ELSE -1000000000000 END"
    form = SEPARATOR.join(["%s", *forms])
    return f"printf('{form}', {control}, {', '.join(shown)})"


READS = Reads(
    most_room=1020,  # sqliteodbc says that an expression has at most 255 characters
    row_values=True,
    key=_key,
    compare=_compare,
    byte_length="length(CAST({expression} AS BLOB))",
    encoded=True,
    as_it_is=True,
    line=_line,
    control=True,
    # A subquery with a LIMIT keeps its order.
    page=(
        "SELECT count(*), group_concat(CASE WHEN length(CAST(c0 AS BLOB)) <= {longest} THEN c0 ELSE char(2) END, char(10)) "
        "FROM ({query})"
    ),
    page_as_row=True,
    physical=Physical(
        names=("rowid", "_rowid_", "oid"),
        select="CAST({place} AS text)",
        bind="CAST(? AS INTEGER)",
        bounds="SELECT max({place}) FROM {table}",
    ),
)
