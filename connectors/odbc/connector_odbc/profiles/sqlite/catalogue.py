"""SQLite's catalogue, by its pragmas as table-valued functions: one query for all tables. SQLite 3.37 and later.

A declared type is any text; what is in it is read from that text. Shadow tables belong to their virtual table and are left
out. A view that no longer works has no columns here; asked for it, the pragma would fail for all.
"""

from __future__ import annotations

from connector_odbc.profiles.catalogue_sql import CatalogueSql

__all__ = ["CATALOGUE"]

_TABLES = (
    "FROM pragma_table_list AS l{} "
    "WHERE l.schema = ? AND l.type IN ('table', 'view', 'virtual') AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND l.ncol > 0"
)


def _of(joined: str) -> str:
    return _TABLES.format(joined)


CATALOGUE = CatalogueSql(
    tables=f"""
SELECT l.name, CASE WHEN l.type = 'view' THEN 'view' WHEN l.wr THEN 'scattered' ELSE 'table' END, NULL, NULL, 0
{_of("").removesuffix(" AND l.ncol > 0")}""",
    # The alias of the rowid is declared INTEGER PRIMARY KEY, exactly so, and has no index; it is never
    # null, as other primary keys may be.
    columns=f"""
WITH whole AS (
  SELECT l.name AS "table", x.cid, x.name, x.type, x."notnull", x.dflt_value, x.hidden,
         x.pk = 1 AND upper(x.type) = 'INTEGER' AND l.wr = 0 AND l.type = 'table'
           AND NOT EXISTS (SELECT 1 FROM pragma_index_list(l.name, l.schema) AS i WHERE i.origin = 'pk') AS counted
  {_of(" JOIN pragma_table_xinfo(l.name, l.schema) AS x")} AND x.hidden <> 1
)
SELECT "table", name, type, NULL, NULL, NULL, NULL,
       CASE WHEN "notnull" OR counted THEN 0 ELSE 1 END,
       dflt_value,
       CASE WHEN hidden IN (2, 3) THEN 1 ELSE 0 END,
       counted,
       NULL
FROM whole ORDER BY "table", cid""",
    keys=f"""
SELECT l.name, '', 'primary', x.name
{_of(" JOIN pragma_table_xinfo(l.name, l.schema) AS x")} AND x.pk > 0
ORDER BY l.name, x.pk""",
    # The table and its columns are told as the constraint spells them, in any case of their letters.
    relations=f"""
SELECT l.name, f.id, f."from", l.schema, f."table", f."to"
{_of(" JOIN pragma_foreign_key_list(l.name, l.schema) AS f")}
ORDER BY l.name, f.id, f.seq""",
    # Given the schema as well, pragma_index_xinfo returns nothing (seen with 3.40). What a column's own collation is, nothing
    # tells, but that it is none where the word does not occur. The primary key's index is the first of those of its columns.
    indexes=f"""
SELECT l.name, i.name, i."unique", c.name, CASE WHEN m.sql LIKE '%collate%' THEN '"' || replace(c.coll, '"', '""') || '"' END
{_of(" JOIN pragma_index_list(l.name, l.schema) AS i JOIN pragma_index_xinfo(i.name) AS c JOIN sqlite_master AS m")}
  AND i.partial = 0 AND c.key AND m.type = 'table' AND m.name = l.name
ORDER BY l.name, i.origin <> 'pk', i.name, c.seqno""",
    # Counted on with every statement that defines something. No other schema than the file's own has one that can be selected.
    marks="""
SELECT m.name AS name, v.schema_version AS mark FROM sqlite_master AS m, pragma_schema_version AS v
WHERE 'main' = ? AND m.type IN ('table', 'view')""",
)
