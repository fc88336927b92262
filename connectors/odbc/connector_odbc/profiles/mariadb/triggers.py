"""Audit triggers of MariaDB: what is committed late leaves a gap in the count, which is awaited."""

from __future__ import annotations

from connector_odbc.profiles.changes import Captured, Triggers

__all__ = ["TRIGGERS"]


def _install(captured: Captured) -> list[str]:
    names, keys = [name for name, _ in captured.columns], list(captured.keys)

    def kept(op: str, row: str, names: list[str]) -> str:
        own = "_connector_op, _connector_at"
        values = "".join(f", {row}.{name}" for name in names)
        return f"INSERT INTO {captured.audit} ({', '.join([own, *names])}) VALUES ('{op}', NOW(6){values})"

    # Letter by letter: two keys that a collation calls equal may be two keys elsewhere.
    same = " AND ".join(f"BINARY OLD.{key} <=> BINARY NEW.{key}" for key in keys)
    comment = captured.title.replace("\\", "\\\\").replace("'", "''")
    each = f"ON {captured.table} FOR EACH ROW"
    # Of an outer join that finds nothing: the columns' very types and character sets, and any of them can be null.
    like = f"(SELECT 1 AS one) AS one LEFT JOIN {captured.table} AS t ON FALSE LIMIT 0"
    made = f"""CREATE TABLE {captured.audit} (
  _connector_seq bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  _connector_op varchar(1) CHARACTER SET ascii NOT NULL,
  _connector_at timestamp(6) NULL DEFAULT NULL,
  _connector_note longtext CHARACTER SET utf8mb4
) ENGINE=InnoDB COMMENT='{comment}' SELECT {", ".join(f"t.{name}" for name in names)} FROM {like}"""
    changed = f"""
IF {same} THEN
  {kept("u", "NEW", names)};
ELSE
  {kept("d", "OLD", keys)};
  {kept("c", "NEW", names)};
END IF"""
    start = f"CREATE TRIGGER {captured.here}"
    return [
        made,
        f"{start}{captured.name('c')} AFTER INSERT {each} {kept('c', 'NEW', names)}",
        f"{start}{captured.name('d')} AFTER DELETE {each} {kept('d', 'OLD', keys)}",
        f"{start}{captured.name('u')} AFTER UPDATE {each}{changed}",
    ]


def _remove(captured: Captured) -> list[str]:
    triggers = [f"DROP TRIGGER IF EXISTS {captured.here}{captured.name(word)}" for word in "cdu"]
    return [*triggers, f"DROP TABLE IF EXISTS {captured.audit}"]


_MAY = "privilege_type = 'TRIGGER' AND grantee = CONCAT('\\'', REPLACE(CURRENT_USER(), '@', '\\'@\\''), '\\'')"

TRIGGERS = Triggers(
    order="gaps",
    # Those of whom one may read, whoever may see triggers.
    installed="""
SELECT table_schema, table_comment FROM information_schema.tables WHERE table_name LIKE '\\_connector\\_changes\\_%'""",
    audits="""
SELECT table_schema, table_name FROM information_schema.tables WHERE table_name LIKE '\\_connector\\_changes\\_%'""",
    install=_install,
    remove=_remove,
    # Who has not the privilege TRIGGER sees none, and takes them to be there.
    fires=f"""
SELECT 1 FROM information_schema.triggers
WHERE event_object_schema = ? AND event_object_table = ? AND trigger_name LIKE '\\_connector\\_c\\_%'
UNION ALL SELECT 1 FROM DUAL
WHERE NOT EXISTS (SELECT 1 FROM information_schema.user_privileges WHERE {_MAY})
  AND NOT EXISTS (SELECT 1 FROM information_schema.schema_privileges WHERE {_MAY} AND ? LIKE table_schema AND ? <> '')
  AND NOT EXISTS (SELECT 1 FROM information_schema.table_privileges WHERE {_MAY} AND table_schema = ? AND table_name = ?)""",
    unfit="""
SELECT concat('its engine is ', engine, ', and only InnoDB has transactions') FROM information_schema.tables
WHERE table_schema = ? AND table_name = ? AND coalesce(engine, '') <> 'InnoDB'
UNION ALL
SELECT concat('its foreign key ', constraint_name, ' changes rows by ',
              CASE WHEN delete_rule IN ('CASCADE', 'SET NULL') THEN concat('ON DELETE ', delete_rule)
                   ELSE concat('ON UPDATE ', update_rule) END, ', for which MariaDB runs no trigger')
FROM information_schema.referential_constraints
WHERE constraint_schema = ? AND table_name = ?
  AND (delete_rule IN ('CASCADE', 'SET NULL') OR update_rule IN ('CASCADE', 'SET NULL'))""",
    # What a table took once, zero dates too, its audit table takes.
    session=("SET SESSION sql_mode = 'ALLOW_INVALID_DATES'",),
    types=("bigint", "varchar", "timestamp"),
    cannot="TRUNCATE, or a partition that is dropped",
)
