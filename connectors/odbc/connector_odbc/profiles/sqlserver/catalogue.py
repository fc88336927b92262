"""SQL Server's catalogue, by its sys views (SQL Server 2016 and later)."""

from __future__ import annotations

from connector_odbc.profiles.catalogue_sql import CatalogueSql

__all__ = ["CATALOGUE"]

_OBJECTS = "FROM sys.objects AS o"
_HERE = "WHERE o.schema_id = SCHEMA_ID(?) AND o.type IN ('U', 'V') AND o.is_ms_shipped = 0"

CATALOGUE = CatalogueSql(
    tables=f"""
SELECT o.name, CASE o.type WHEN 'V' THEN 'view' ELSE 'table' END,
       (SELECT SUM(p.rows) FROM sys.partitions AS p WHERE p.object_id = o.object_id AND p.index_id IN (0, 1)),
       CAST(e.value AS nvarchar(4000)), 0
{_OBJECTS}
LEFT JOIN sys.extended_properties AS e
  ON e.class = 1 AND e.major_id = o.object_id AND e.minor_id = 0 AND e.name = 'MS_Description'
{_HERE}""",
    # max_length counts bytes, two for each character of the national types, and is -1 for (max).
    columns=f"""
SELECT o.name, c.name,
       CONCAT(t.name, CASE
         WHEN t.name IN ('char', 'varchar', 'binary', 'varbinary', 'nchar', 'nvarchar')
           THEN CONCAT('(', CASE WHEN c.max_length = -1 THEN 'max'
                            WHEN t.name LIKE 'n%' THEN CAST(c.max_length / 2 AS varchar(10))
                            ELSE CAST(c.max_length AS varchar(10)) END, ')')
         WHEN t.name IN ('decimal', 'numeric') THEN CONCAT('(', c.precision, ',', c.scale, ')')
         WHEN t.name IN ('datetime2', 'datetimeoffset', 'time') THEN CONCAT('(', c.scale, ')') END),
       t.name,
       CASE WHEN c.max_length = -1 THEN NULL
            WHEN t.name IN ('char', 'varchar', 'binary', 'varbinary') THEN c.max_length
            WHEN t.name IN ('nchar', 'nvarchar') THEN c.max_length / 2 END,
       CASE WHEN t.name IN ('decimal', 'numeric') THEN c.precision
            WHEN t.name IN ('datetime2', 'datetimeoffset', 'time') THEN c.scale WHEN t.name = 'datetime' THEN 3
            WHEN t.name = 'smalldatetime' THEN 0 END,
       CASE WHEN t.name IN ('decimal', 'numeric') THEN c.scale END,
       CASE WHEN c.is_nullable = 1 THEN 1 ELSE 0 END,
       COALESCE(m.definition, d.definition),
       CASE WHEN c.is_computed = 1 OR t.name = 'timestamp' OR c.generated_always_type > 0 THEN 1 ELSE 0 END,
       CASE WHEN c.is_identity = 1 THEN 1 ELSE 0 END,
       CAST(e.value AS nvarchar(4000))
{_OBJECTS}
JOIN sys.columns AS c ON c.object_id = o.object_id
JOIN sys.types AS t ON t.user_type_id = CASE WHEN c.system_type_id = 240 THEN c.user_type_id ELSE c.system_type_id END
LEFT JOIN sys.default_constraints AS d ON d.object_id = c.default_object_id
LEFT JOIN sys.computed_columns AS m ON m.object_id = c.object_id AND m.column_id = c.column_id
LEFT JOIN sys.extended_properties AS e
  ON e.class = 1 AND e.major_id = o.object_id AND e.minor_id = c.column_id AND e.name = 'MS_Description'
{_HERE} ORDER BY o.name, c.column_id""",
    keys=f"""
SELECT o.name, k.name, CASE k.type WHEN 'PK' THEN 'primary' ELSE 'unique' END, c.name
{_OBJECTS}
JOIN sys.key_constraints AS k ON k.parent_object_id = o.object_id
JOIN sys.index_columns AS i ON i.object_id = o.object_id AND i.index_id = k.unique_index_id
JOIN sys.columns AS c ON c.object_id = o.object_id AND c.column_id = i.column_id
{_HERE} AND i.key_ordinal > 0 ORDER BY o.name, k.name, i.key_ordinal""",
    relations=f"""
SELECT o.name, f.name, c.name, SCHEMA_NAME(r.schema_id), r.name, d.name
{_OBJECTS}
JOIN sys.foreign_keys AS f ON f.parent_object_id = o.object_id
JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id
JOIN sys.objects AS r ON r.object_id = f.referenced_object_id
JOIN sys.columns AS c ON c.object_id = o.object_id AND c.column_id = k.parent_column_id
JOIN sys.columns AS d ON d.object_id = r.object_id AND d.column_id = k.referenced_column_id
{_HERE} ORDER BY o.name, f.name, k.constraint_column_id""",
    indexes=f"""
SELECT o.name, x.name, CASE WHEN x.is_unique = 1 THEN 1 ELSE 0 END, c.name
{_OBJECTS}
JOIN sys.indexes AS x ON x.object_id = o.object_id AND x.type IN (1, 2) AND x.has_filter = 0 AND x.is_disabled = 0
JOIN sys.index_columns AS i ON i.object_id = o.object_id AND i.index_id = x.index_id
JOIN sys.columns AS c ON c.object_id = o.object_id AND c.column_id = i.column_id
{_HERE} AND i.key_ordinal > 0 ORDER BY o.name, x.name, i.key_ordinal""",
)
