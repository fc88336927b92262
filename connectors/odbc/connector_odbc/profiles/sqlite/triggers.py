"""Audit triggers of SQLite: it has one writer at a time, so that the count is the order of the commits."""

from __future__ import annotations

from connector_odbc.profiles.changes import Captured, Triggers

__all__ = ["TRIGGERS"]

_NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now') || 'Z'"


def _install(captured: Captured) -> list[str]:
    names, keys = [name for name, _ in captured.columns], list(captured.keys)
    audit, table = _bare(captured.audit, captured), _bare(captured.table, captured)
    own = "_connector_op, _connector_at"

    def kept(op: str, row: str, names: list[str]) -> str:
        values = "".join(f", {row}.{name}" for name in names)
        return f" INSERT INTO {audit} ({', '.join([own, *names])}) VALUES ('{op}', {_NOW}{values});"

    def trigger(word: str, when: str, body: str) -> str:
        return f"CREATE TRIGGER {captured.name(word)} {when} BEGIN{body} END"

    same = " AND ".join(f"OLD.{key} IS NEW.{key} COLLATE BINARY" for key in keys)
    # Columns without a type: what comes is kept as it is.
    columns = ", ".join(["_connector_op TEXT NOT NULL", "_connector_at TEXT", "_connector_note TEXT", *names])
    made = [f"CREATE TABLE {audit} (_connector_seq INTEGER PRIMARY KEY AUTOINCREMENT, {columns})"]
    replaced = ""
    if captured.unique:
        # INSERT OR REPLACE deletes what is in the way of a unique index, and runs no delete trigger for it. So what is in the way
        # is noted before, and is a delete when it turns out to be gone. The note of what came to nothing goes with the next.
        ways = " OR ".join("(" + " AND ".join(f"{name} = NEW.{name}" for name in unique) + ")" for unique in captured.unique)
        noted = (
            f" DELETE FROM {audit} WHERE _connector_op = 'o';"
            f" INSERT INTO {audit} ({', '.join([own, *keys])}) SELECT 'o', {_NOW}, {', '.join(keys)} FROM {table} WHERE {ways};"
        )
        there = " AND ".join(f"{table}.{key} IS {audit}.{key}" for key in keys)
        replaced = (
            f" UPDATE {audit} SET _connector_op = 'd' WHERE _connector_op = 'o'"
            f" AND NOT EXISTS (SELECT 1 FROM {table} WHERE {there});"
        )
        made += [
            f"CREATE INDEX {captured.name('n')} ON {audit} (_connector_op) WHERE _connector_op = 'o'",
            trigger("i", f"BEFORE INSERT ON {table}", noted),
            trigger("j", f"BEFORE UPDATE ON {table}", noted),
        ]
    return [
        *made,
        trigger("c", f"AFTER INSERT ON {table}", replaced + kept("c", "NEW", names)),
        trigger("d", f"AFTER DELETE ON {table}", kept("d", "OLD", keys)),
        trigger("u", f"AFTER UPDATE ON {table} WHEN {same}", replaced + kept("u", "NEW", names)),
        trigger("m", f"AFTER UPDATE ON {table} WHEN NOT ({same})", replaced + kept("d", "OLD", keys) + kept("c", "NEW", names)),
    ]


def _bare(name: str, captured: Captured) -> str:
    """Without the schema, which a trigger does not take."""
    return name.removeprefix(captured.here)


def _remove(captured: Captured) -> list[str]:
    triggers = [f"DROP TRIGGER IF EXISTS {captured.name(word)}" for word in "cdumij"]
    return [*triggers, f"DROP TABLE IF EXISTS {_bare(captured.audit, captured)}"]


TRIGGERS = Triggers(
    order="number",
    installed="""
SELECT 'main', tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '\\_connector\\_c\\_%' ESCAPE '\\'""",
    audits="""
SELECT 'main', name FROM sqlite_master WHERE type = 'table' AND name LIKE '\\_connector\\_changes\\_%' ESCAPE '\\'""",
    install=_install,
    remove=_remove,
    types=("bigint", "text", "timestamptz"),
    cannot="what INSERT OR REPLACE deletes by a partial unique index",
)
