"""Every version of a row, from when to when it was valid (a type 2 slowly changing dimension)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
from connector_sdk.contract import Load

from connector_odbc.database import Connection
from connector_odbc.writing.staging import FROM, OP, ORDINAL
from connector_odbc.writing.statements import Statements

__all__ = ["VALID_FROM", "VALID_TO", "end_all", "statements", "too_late", "without_validity"]

VALID_FROM, VALID_TO = "valid_from", "valid_to"


def without_validity(load: Load) -> Load:
    """`load` with streams that do not have the columns which a history has for itself, and whose keys are those of the source."""
    ours = (VALID_FROM, VALID_TO)
    streams = tuple(
        replace(
            stream,
            schema=pa.schema([field for field in stream.schema if field.name not in ours]).with_metadata(stream.schema.metadata),
            keys=tuple(key for key in stream.keys if key not in ours),
        )
        for stream in load.streams
    )
    return replace(load, streams=streams)


def statements(made: Statements, first: int, last: int) -> Iterator[str]:
    """Versions that are there already are left out; each other one ends the current one of its key and is inserted.

    The staged rows of a chunk are one version each of different keys.
    """
    quote = made.database.profile.quote
    rows = f"s.{quote(ORDINAL)} BETWEEN {first} AND {last}"
    update = made.database.profile.writes.update
    t = made.target if update == "subquery" else "t"  # there an UPDATE has no other name for its table
    # What says the same as the current version is no new one.
    changed = f"(s.{quote(OP)} = 'd' OR NOT ({_same(made, t)}))"
    began = f"{t}.{quote(VALID_TO)} IS NULL AND {t}.{quote(VALID_FROM)} < s.{quote(FROM)}"
    ends = f"{made.match(t, 's')} AND {began} AND {changed} AND {rows}"
    pair = f"{quote(VALID_TO)} = s.{quote(FROM)}"
    if update == "join":
        yield f"UPDATE {made.target} t JOIN {made.source} s ON {ends} SET t.{pair}"
    elif update == "from":
        yield f"UPDATE {made.target} AS t SET {pair} FROM {made.source} AS s WHERE {ends}"
    else:
        value = f"SELECT s.{quote(FROM)} FROM {made.source} s WHERE {ends}"
        yield f"UPDATE {made.target} SET {quote(VALID_TO)} = ({value}) WHERE EXISTS ({value})"
    names = ", ".join(quote(c.name) for c in made.stage.columns)
    values = ", ".join(f"s.{quote(c.name)}" for c in made.stage.columns)
    current = f"(t.{quote(VALID_TO)} IS NULL OR t.{quote(VALID_FROM)} = s.{quote(FROM)})"
    there = f"SELECT 1 FROM {made.target} t WHERE {made.match('t', 's')} AND {current}"
    insert = made.database.profile.writes.insert.format(
        table=made.target, columns=f"{names}, {quote(VALID_FROM)}, {quote(VALID_TO)}"
    )
    yield (
        f"{insert} SELECT {values}, s.{quote(FROM)}, NULL FROM {made.source} s "
        f"WHERE s.{quote(OP)} <> 'd' AND {rows} AND NOT EXISTS ({there}) ORDER BY s.{quote(ORDINAL)}"
    )


def too_late(connection: Connection, made: Statements, first: int, last: int) -> dict[int, str]:
    """By ordinal, staged versions that are older than the current one of their key and say something else."""
    quote = made.database.profile.quote
    # One that was delivered before.
    began = f"o.{quote(VALID_FROM)} = s.{quote(FROM)} AND t.{quote(VALID_FROM)} > s.{quote(FROM)}"
    other = f"(s.{quote(OP)} = 'd' OR NOT ({_same(made, 't')}))"
    moments = f"{began} OR o.{quote(VALID_TO)} = s.{quote(FROM)}"
    seen = f"SELECT 1 FROM {made.target} o WHERE {made.match('o', 's')} AND ({moments})"
    query = (
        f"SELECT s.{quote(ORDINAL)} FROM {made.source} s JOIN {made.target} t ON {made.match('t', 's')} "
        f"WHERE s.{quote(ORDINAL)} BETWEEN {first} AND {last} AND t.{quote(VALID_TO)} IS NULL "
        f"AND t.{quote(VALID_FROM)} >= s.{quote(FROM)} AND {other} AND NOT EXISTS ({seen})"
    )
    return {int(row[0]): "not newer than the current version" for row in connection.execute(query).fetchall()}


def _same(made: Statements, target: str) -> str:
    """That a row of `target` and a staged one say the same, beside their key."""
    quote = made.database.profile.quote
    names = [quote(column.name) for column in made.stage.columns if column.name not in made.keys]
    return " AND ".join(made.same(f"{target}.{name}", f"s.{name}") for name in names) or "1 = 1"


def end_all(made: Statements, moment: str) -> str:
    """Every current version ends: the source's table was truncated. `moment` is as staged."""
    quote = made.database.profile.quote
    return f"UPDATE {made.target} SET {quote(VALID_TO)} = '{moment}' WHERE {quote(VALID_TO)} IS NULL"
