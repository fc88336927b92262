"""Oracle's catalogue, by its ALL_ views. Defaults are LONG there, which drivers fetch badly: they are not told."""

from __future__ import annotations

from connector_odbc.profiles.catalogue_sql import CatalogueSql

__all__ = ["CATALOGUE"]

_LENGTH = "CASE WHEN c.data_type LIKE '%CHAR%' THEN c.char_length WHEN c.data_type = 'RAW' THEN c.data_length END"

CATALOGUE = CatalogueSql(
    # A materialized view is a table of its own name, too.
    tables="""
SELECT o.object_name, CASE WHEN o.views > 0 THEN 'view' ELSE 'table' END, t.num_rows, m.comments, 0
FROM (SELECT owner, object_name, SUM(CASE object_type WHEN 'TABLE' THEN 0 ELSE 1 END) AS views
      FROM all_objects
      WHERE owner = ? AND object_type IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW') AND temporary = 'N'
      GROUP BY owner, object_name) o
LEFT JOIN all_tables t ON t.owner = o.owner AND t.table_name = o.object_name
LEFT JOIN all_tab_comments m ON m.owner = o.owner AND m.table_name = o.object_name
WHERE COALESCE(t.nested, 'NO') = 'NO' AND o.object_name NOT LIKE 'BIN$%'""",
    # data_type has the digits of a moment's second within: TIMESTAMP(6) WITH TIME ZONE.
    columns=f"""
SELECT c.table_name, c.column_name,
       c.data_type || CASE
         WHEN {_LENGTH} IS NOT NULL THEN '(' || {_LENGTH} || CASE c.char_used WHEN 'C' THEN ' CHAR' END || ')'
         WHEN c.data_type = 'NUMBER' AND c.data_precision IS NOT NULL
           THEN '(' || c.data_precision || ',' || c.data_scale || ')' END,
       LOWER(REGEXP_REPLACE(c.data_type, '\\([0-9]+\\)', '')),
       {_LENGTH},
       CASE WHEN c.data_type LIKE 'TIMESTAMP%' THEN c.data_scale
            WHEN c.data_type = 'NUMBER' AND c.data_precision IS NULL AND c.data_scale = 0 THEN 38
            ELSE c.data_precision END,
       CASE WHEN c.data_type = 'NUMBER' THEN c.data_scale END,
       CASE c.nullable WHEN 'N' THEN 0 ELSE 1 END,
       NULL,
       CASE c.virtual_column WHEN 'YES' THEN 1 ELSE 0 END,
       0,
       m.comments
FROM all_tab_cols c
LEFT JOIN all_col_comments m ON m.owner = c.owner AND m.table_name = c.table_name AND m.column_name = c.column_name
WHERE c.owner = ? AND c.hidden_column = 'NO'
ORDER BY c.table_name, c.column_id""",
    keys="""
SELECT k.table_name, k.constraint_name, CASE k.constraint_type WHEN 'P' THEN 'primary' ELSE 'unique' END, c.column_name
FROM all_constraints k
JOIN all_cons_columns c ON c.owner = k.owner AND c.constraint_name = k.constraint_name AND c.table_name = k.table_name
WHERE k.owner = ? AND k.constraint_type IN ('P', 'U') AND k.status = 'ENABLED'
ORDER BY k.table_name, k.constraint_name, c.position""",
    relations="""
SELECT k.table_name, k.constraint_name, c.column_name, r.owner, r.table_name, d.column_name
FROM all_constraints k
JOIN all_constraints r ON r.owner = k.r_owner AND r.constraint_name = k.r_constraint_name
JOIN all_cons_columns c ON c.owner = k.owner AND c.constraint_name = k.constraint_name
JOIN all_cons_columns d ON d.owner = r.owner AND d.constraint_name = r.constraint_name AND d.position = c.position
WHERE k.owner = ? AND k.constraint_type = 'R'
ORDER BY k.table_name, k.constraint_name, c.position""",
    # An index over an expression is of another type, and so is a falling one.
    indexes="""
SELECT i.table_name, i.index_name, CASE i.uniqueness WHEN 'UNIQUE' THEN 1 ELSE 0 END, c.column_name
FROM all_indexes i
JOIN all_ind_columns c ON c.index_owner = i.owner AND c.index_name = i.index_name
WHERE i.table_owner = ? AND i.index_type = 'NORMAL' AND i.status <> 'UNUSABLE'
ORDER BY i.table_name, i.index_name, c.column_position""",
)
