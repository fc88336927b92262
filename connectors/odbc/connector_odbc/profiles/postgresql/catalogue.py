"""PostgreSQL's catalogue, by pg_catalog: what information_schema and the driver hide or round is told here.

Partitions are left out: their rows are those of the partitioned table. A table that others inherit from has their rows, too, and
none of its keys holds for those: it is told without any. A domain is told as the type it is made of, an enum as ``enum``. That
a domain is NOT NULL is not told, for it does not keep nulls out of a column (notes on CREATE DOMAIN). Versions from 12 on.
"""

from __future__ import annotations

from connector_odbc.profiles.catalogue_sql import CatalogueSql

__all__ = ["CATALOGUE"]

_HERE = "c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ?)"
_TABLES = (
    "c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition AND ("
    "pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')"
    " OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT'))"
)
_HEIRS = "EXISTS (SELECT 1 FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = c.oid)"
_KEYED = f"(c.relkind = 'p' OR NOT {_HEIRS})"

CATALOGUE = CatalogueSql(
    # -1 is "never analysed"; a partitioned table has the rows of its leaves.
    tables=f"""
SELECT c.relname,
       CASE WHEN c.relkind IN ('v', 'm') THEN 'view' WHEN c.relkind IN ('p', 'f') OR {_HEIRS} THEN 'scattered' ELSE 'table' END,
       CASE WHEN c.relkind IN ('r', 'm') AND c.reltuples >= 0 THEN c.reltuples::int8
            WHEN c.relkind = 'p' THEN (
              SELECT sum(l.reltuples) FILTER (WHERE l.reltuples >= 0)
              FROM pg_catalog.pg_partition_tree(c.oid) AS t JOIN pg_catalog.pg_class AS l ON l.oid = t.relid WHERE t.isleaf)::int8
       END,
       pg_catalog.obj_description(c.oid, 'pg_class'),
       0
FROM pg_catalog.pg_class AS c
WHERE {_HERE} AND {_TABLES}""",
    # The modifiers are those of numeric_typmod_precision, numeric_typmod_scale and their siblings in utils/adt.
    columns=f"""
WITH RECURSIVE base AS (
  SELECT t.oid, t.oid AS type, t.typtype, t.typbasetype, t.typtypmod AS typmod
  FROM pg_catalog.pg_type AS t
  UNION ALL
  SELECT b.oid, t.oid, t.typtype, t.typbasetype, CASE WHEN b.typmod >= 0 THEN b.typmod ELSE t.typtypmod END
  FROM base AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.typbasetype
  WHERE b.typtype = 'd'
), columns AS (
  SELECT c.relname, a.attname, a.attnum, a.attrelid, b.type, b.typtype,
         CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE coalesce(b.typmod, -1) END AS typmod,
         a.attnotnull, a.attgenerated <> '' AS generated, a.attidentity <> '' AS identity
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN base AS b ON b.oid = a.atttypid AND b.typtype <> 'd'
  WHERE {_HERE} AND {_TABLES}
)
SELECT c.relname, c.attname,
       pg_catalog.format_type(c.type, c.typmod),
       CASE WHEN c.typtype = 'e' THEN 'enum' ELSE pg_catalog.format_type(c.type, NULL) END,
       CASE WHEN c.typmod < 0 THEN NULL
            WHEN c.type IN ('varchar'::regtype, 'bpchar'::regtype) THEN c.typmod - 4
            WHEN c.type IN ('bit'::regtype, 'varbit'::regtype) THEN c.typmod END,
       CASE WHEN c.type IN ('timestamp'::regtype, 'timestamptz'::regtype, 'time'::regtype, 'timetz'::regtype)
              THEN CASE WHEN c.typmod < 0 THEN 6 ELSE c.typmod END
            WHEN c.type = 'interval'::regtype
              THEN CASE WHEN c.typmod < 0 OR c.typmod & 65535 = 65535 THEN 6 ELSE c.typmod & 65535 END
            WHEN c.type = 'numeric'::regtype AND c.typmod >= 4 THEN ((c.typmod - 4) >> 16) & 65535 END,
       CASE WHEN c.type = 'numeric'::regtype AND c.typmod >= 4 THEN (((c.typmod - 4) & 2047) # 1024) - 1024 END,
       CASE WHEN c.attnotnull THEN 0 ELSE 1 END,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid),
       CASE WHEN c.generated THEN 1 ELSE 0 END,
       CASE WHEN c.identity OR s.refobjid IS NOT NULL THEN 1 ELSE 0 END,
       n.description
FROM columns AS c
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = c.attrelid AND d.adnum = c.attnum
LEFT JOIN pg_catalog.pg_description AS n
  ON n.objoid = c.attrelid AND n.classoid = 'pg_class'::regclass AND n.objsubid = c.attnum
LEFT JOIN (SELECT DISTINCT refobjid, refobjsubid FROM pg_catalog.pg_depend
           WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype = 'a' AND refobjsubid > 0
             AND objid IN (SELECT oid FROM pg_catalog.pg_class WHERE relkind = 'S')) AS s
  ON s.refobjid = c.attrelid AND s.refobjsubid = c.attnum
ORDER BY c.relname, c.attnum""",
    keys=f"""
SELECT c.relname, k.conname, CASE k.contype WHEN 'p' THEN 'primary' ELSE 'unique' END, a.attname
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_constraint AS k ON k.conrelid = c.oid AND k.contype IN ('p', 'u')
CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY AS u (attnum, place)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = u.attnum
WHERE {_HERE} AND {_TABLES} AND {_KEYED}
ORDER BY c.relname, k.conname, u.place""",
    # A constraint on a partitioned table has a copy for each partition: conparentid tells them.
    relations=f"""
SELECT c.relname, k.conname, a.attname, n.nspname, o.relname, b.attname
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_constraint AS k ON k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
JOIN pg_catalog.pg_class AS o ON o.oid = k.confrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = o.relnamespace
CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS u (attnum, to_attnum, place)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = u.attnum
JOIN pg_catalog.pg_attribute AS b ON b.attrelid = o.oid AND b.attnum = u.to_attnum
WHERE {_HERE} AND {_TABLES}
ORDER BY c.relname, k.conname, u.place""",
    # An index by the operators of another type (of text, over citext) tells apart what the column's own call equal.
    indexes=f"""
SELECT c.relname, i.relname, CASE WHEN x.indisunique AND x.indimmediate THEN 1 ELSE 0 END,
       CASE WHEN NOT EXISTS (SELECT 1 FROM pg_catalog.pg_opclass AS own JOIN pg_catalog.pg_opclass AS used
                             ON used.opcmethod = own.opcmethod AND used.opcintype <> own.opcintype
                             WHERE own.opcdefault AND own.opcintype = a.atttypid AND used.oid = x.indclass[u.place - 1])
            THEN a.attname END,
       CASE WHEN o.oid <> a.attcollation THEN pg_catalog.concat_ws('.', pg_catalog.quote_ident(n.nspname),
                                                                   pg_catalog.quote_ident(o.collname)) END
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid AND x.indisvalid AND x.indpred IS NULL
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = i.relam AND m.amname = 'btree'
CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS u (attnum, place)
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = u.attnum AND u.attnum > 0
LEFT JOIN pg_catalog.pg_collation AS o ON o.oid = x.indcollation[u.place - 1]
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = o.collnamespace
WHERE {_HERE} AND {_TABLES} AND {_KEYED} AND u.place <= x.indnkeyatts
ORDER BY c.relname, i.relname, u.place""",
    # The transactions that wrote what the catalogue has of it. A domain is a type; the names of an enum's values are not told.
    marks=f"""
SELECT c.relname AS name, pg_catalog.concat_ws(' ', c.oid, c.xmin, c.reltuples,
  (SELECT count(*) FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = c.oid),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.xmin, t.xmin), ' ' ORDER BY a.attnum)
   FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
   WHERE a.attrelid = c.oid AND a.attnum > 0),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', x.indexrelid, x.xmin), ' ' ORDER BY x.indexrelid)
   FROM pg_catalog.pg_index AS x WHERE x.indrelid = c.oid),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', k.oid, k.xmin), ' ' ORDER BY k.oid)
   FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid)) AS mark
FROM pg_catalog.pg_class AS c
WHERE {_HERE} AND {_TABLES}""",
)
