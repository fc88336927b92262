"""MariaDB's and MySQL's catalogue, by information_schema: the whole of a column's type is in COLUMN_TYPE."""

from __future__ import annotations

from connector_odbc.profiles.catalogue_sql import CatalogueSql

__all__ = ["CATALOGUE"]

CATALOGUE = CatalogueSql(
    # A sequence is a table_type of its own. A view that does not work says why in its comment, a working one says VIEW.
    tables="""
SELECT table_name,
       CASE WHEN table_type IN ('VIEW', 'SYSTEM VIEW') THEN 'view' ELSE 'table' END,
       CASE WHEN table_type IN ('VIEW', 'SYSTEM VIEW') THEN NULL ELSE table_rows END,
       nullif(CASE WHEN table_type = 'VIEW' THEN '' ELSE table_comment END, ''),
       CASE WHEN table_type = 'SYSTEM VERSIONED' THEN 1 ELSE 0 END
FROM information_schema.tables
WHERE table_schema = ? AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW', 'SYSTEM VIEW')""",
    # MySQL says DEFAULT_GENERATED of a mere default: the expression tells the generated ones.
    columns="""
SELECT table_name, column_name, column_type,
       CASE WHEN column_type LIKE '% unsigned%' THEN concat(data_type, ' unsigned') ELSE data_type END,
       CASE WHEN data_type = 'bit' THEN numeric_precision
            WHEN data_type LIKE '%text' OR data_type LIKE '%blob' THEN NULL ELSE character_maximum_length END,
       CASE WHEN data_type = 'decimal' OR (data_type IN ('double', 'float') AND numeric_scale IS NOT NULL) THEN numeric_precision
            ELSE datetime_precision END,
       CASE WHEN data_type IN ('decimal', 'double', 'float') THEN numeric_scale END,
       CASE WHEN is_nullable = 'YES' THEN 1 ELSE 0 END,
       coalesce(nullif(generation_expression, ''), CASE WHEN column_default = 'NULL' THEN NULL ELSE column_default END),
       CASE WHEN coalesce(generation_expression, '') <> '' THEN 1 ELSE 0 END,
       CASE WHEN extra LIKE '%auto_increment%' THEN 1 ELSE 0 END,
       nullif(column_comment, '')
FROM information_schema.columns
WHERE table_schema = ?
ORDER BY table_name, ordinal_position""",
    keys="""
SELECT table_name, index_name, CASE index_name WHEN 'PRIMARY' THEN 'primary' ELSE 'unique' END, column_name
FROM information_schema.statistics
WHERE table_schema = ? AND non_unique = 0
ORDER BY table_name, index_name, seq_in_index""",
    relations="""
SELECT table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage
WHERE table_schema = ? AND referenced_table_name IS NOT NULL
ORDER BY table_name, constraint_name, ordinal_position""",
    # sub_part is an index over the first characters only.
    indexes="""
SELECT table_name, index_name, CASE non_unique WHEN 0 THEN 1 ELSE 0 END, CASE WHEN sub_part IS NULL THEN column_name END
FROM information_schema.statistics
WHERE table_schema = ? AND index_type = 'BTREE'
ORDER BY table_name, index_name, seq_in_index""",
)
