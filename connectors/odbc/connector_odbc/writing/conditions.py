"""Conditional writes: a change that names the row's version is carried out only where the row still has it."""

from __future__ import annotations

from connector_odbc.database import Connection, Database
from connector_odbc.writing.staging import OP, ORDINAL, REV, before_name
from connector_odbc.writing.statements import Statements

__all__ = ["conflicts"]


def conflicts(
    database: Database, connection: Connection, statements: Statements, first: int, last: int, version: str | None
) -> dict[int, str]:
    """By ordinal, why a staged change must not be carried out.

    With a column that has the `version`, it is compared as text with ``_rev``; without one every column is compared with the row
    as it was. Changes with neither were refused when they were staged.
    """
    quote = database.profile.quote
    if version is not None:
        kind = {"mariadb": "CHAR", "postgresql": "text", "sqlite": "text"}.get(database.profile.name, "varchar(255)")
        current = f"CAST(t.{quote(version)} AS {kind}) = s.{quote(REV)}"
    elif statements.stage.before:
        current = " AND ".join(
            statements.same(f"t.{quote(column.name)}", f"s.{quote(before_name(column.name))}")
            for column in statements.stage.before
        )
    else:
        return {}
    any_key = f"t.{quote(statements.keys[0])}"
    query = (
        f"SELECT s.{quote(ORDINAL)}, CASE WHEN {any_key} IS NULL THEN 1 ELSE 0 END FROM {statements.source} s "
        f"LEFT JOIN {statements.target} t ON {statements.match('t', 's')} "
        f"WHERE s.{quote(REV)} IS NOT NULL AND s.{quote(OP)} IN ('u', 'p', 'd') "
        f"AND s.{quote(ORDINAL)} BETWEEN {first} AND {last} "
        f"AND ({any_key} IS NULL OR NOT ({current}))"
    )
    return {
        int(ordinal): "the row is not there any more" if gone else "the row has changed since: its version is another"
        for ordinal, gone in connection.execute(query).fetchall()
    }
