"""What discovery tells of a database: every table and view, typed, with keys and relations, whatever they are called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from connector_odbc.catalogue import ForeignKey, Table, TableName
from connector_odbc.catalogue_reading import tables
from connector_odbc.database import Database
from connector_odbc.odbc_catalogue import odbc_tables
from connector_sdk.errors import ConfigError
from connector_sdk.schema import Mode, Relation, Stream, WriteMode, doc_of, native_of

from connectors.odbc.tests.conftest import System

NAMES = [
    "with space",
    "dot.ted",
    'quote"d',
    "apo'strophe",
    "per%cent",
    "under_score",
    "underXscore",
    "ÜmlautFür",
    "日本語",
    "smörgås🙂" if False else "smörgås",
    "select",
    "MixedCase",
    "back\\slash",
    "[bracket]",
    "back`tick",
    "semi;colon",
]


@contextmanager
def opened(system: System, **more: object) -> Iterator[Database]:
    database = Database(system.connector(**more).config)
    try:
        yield database
    finally:
        database.close()


def read(system: System, **more: object) -> dict[str, Table]:
    with opened(system, **more) as database:
        return tables(database)


def streams(system: System, only: list[str] | None = None, **more: object) -> dict[str, Stream]:
    with system.connector(**more) as connector:
        return {stream.name: stream for stream in connector.discover(only)}


def shop(system: System) -> None:
    """Tables with every kind of key, in the words that all three systems know."""
    system.run(
        "CREATE TABLE customers (id integer NOT NULL PRIMARY KEY, name varchar(40) NOT NULL, email varchar(80) NOT NULL UNIQUE)",
        "CREATE TABLE orders (customer integer NOT NULL, number integer NOT NULL, total numeric(12,2) DEFAULT 0,"
        " updated_at timestamp NULL, PRIMARY KEY (customer, number), FOREIGN KEY (customer) REFERENCES customers (id))",
        "CREATE TABLE order_lines (line integer NOT NULL, b_number integer NOT NULL, a_customer integer NOT NULL,"
        " item varchar(10), PRIMARY KEY (line), FOREIGN KEY (a_customer, b_number) REFERENCES orders (customer, number))",
        "CREATE TABLE notes (text_of varchar(200), code varchar(8) NOT NULL, UNIQUE (code))",
        "CREATE TABLE heap (a integer, b integer)",
        "CREATE VIEW recent AS SELECT customer, total FROM orders",
    )


def test_keys_relations_and_views(system: System) -> None:
    shop(system)
    found = streams(system)
    assert list(found) == ["customers", "heap", "notes", "order_lines", "orders", "recent"]
    assert found["orders"].keys == ("customer", "number")
    assert found["orders"].relations == (Relation(columns=("customer",), to="customers", to_columns=("id",)),)
    lines = Relation(columns=("a_customer", "b_number"), to="orders", to_columns=("customer", "number"))
    assert found["order_lines"].relations == (lines,)
    assert found["recent"].schema.names == ["customer", "total"]
    assert found["recent"].writes == frozenset() and found["recent"].reads == {Mode.FULL}
    assert found["heap"].keys == () and found["heap"].writes == {WriteMode.APPEND, WriteMode.REPLACE}
    assert found["orders"].writes == set(WriteMode)
    assert found["customers"].namespace == system.schema


def test_without_a_primary_key_a_unique_index_that_is_never_null_is_the_key(system: System) -> None:
    shop(system)
    notes = streams(system)["notes"]
    assert notes.keys == ("code",)
    assert "the unique index" in str(notes.doc)


def test_a_unique_index_that_may_be_null_is_no_key(system: System) -> None:
    system.run("CREATE TABLE loose (a integer UNIQUE, b integer)")
    assert streams(system)["loose"].keys == ()


def test_nullability_and_defaults(system: System) -> None:
    shop(system)
    with opened(system) as database:
        orders = tables(database)["orders"]
    assert [column.nullable for column in orders.columns] == [False, False, True, True]
    total = orders.column("total")
    assert (total.precision, total.scale) == (12, 2)
    assert total.native.replace("decimal", "numeric") == "numeric(12,2)"
    assert total.default is not None and total.default.startswith("0")
    assert orders.column("customer").default is None


def test_the_field_carries_its_native_type(system: System) -> None:
    shop(system)
    field = streams(system)["customers"].schema.field("name")
    assert native_of(field) == ("character varying(40)" if system.kind == "postgresql" else "varchar(40)")
    assert not field.nullable


def test_what_the_configuration_says_comes_before_the_catalogue(system: System) -> None:
    shop(system)
    settings = {"heap": {"keys": ["a"]}, "orders": {"cursor": "updated_at"}}
    found = streams(system, streams=settings)
    assert found["heap"].keys == ("a",) and WriteMode.UPSERT in found["heap"].writes
    assert found["orders"].cursor == "updated_at" and Mode.INCREMENTAL in found["orders"].reads


def test_a_column_that_looks_like_a_cursor_is_told_and_not_taken(system: System) -> None:
    shop(system)
    orders = streams(system)["orders"]
    assert orders.cursor is None and Mode.INCREMENTAL not in orders.reads
    assert "updated_at" in str(orders.doc) and "no index" in str(orders.doc)
    system.run("CREATE INDEX by_time ON orders (updated_at)")
    assert "no index" not in str(streams(system)["orders"].doc)


@pytest.mark.parametrize("settings", [{"keys": ["nope"]}, {"cursor": "nope"}, {"version": "nope"}])
def test_a_column_that_is_none_is_refused_by_name(sqlite_system: System, settings: dict[str, object]) -> None:
    shop(sqlite_system)
    with pytest.raises(ConfigError, match="no column 'nope'.*customer, number"):
        streams(sqlite_system, streams={"orders": settings})


def test_patterns_choose_and_exclude(system: System) -> None:
    shop(system)
    assert list(streams(system, tables=["order*", "heap"], exclude=["*_lines"])) == ["heap", "orders"]


def test_a_relation_to_what_is_no_stream_is_not_told(system: System) -> None:
    shop(system)
    assert streams(system, exclude=["customers"])["orders"].relations == ()


def test_only_restricts_and_keeps_the_relations(system: System) -> None:
    shop(system)
    found = streams(system, only=["orders", "absent"])
    assert list(found) == ["orders"]
    assert found["orders"].relations[0].to == "customers"


@pytest.mark.parametrize("name", NAMES)
def test_any_name(system: System, name: str) -> None:
    quoted = system.quote(name)
    column = system.quote(f"{name} column")
    system.run(
        f"CREATE TABLE {quoted} ({quoted} integer NOT NULL PRIMARY KEY, {column} integer)",
        f"CREATE TABLE child (id integer NOT NULL PRIMARY KEY, parent integer,"
        f" FOREIGN KEY (parent) REFERENCES {quoted} ({quoted}))",
    )
    found = streams(system)
    assert found[name].schema.names == [name, f"{name} column"]
    assert found[name].keys == (name,)
    assert found["child"].relations == (Relation(columns=("parent",), to=name, to_columns=(name,)),)
    assert list(streams(system, tables=[name])) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_through_the_functions_of_odbc(system: System, name: str) -> None:
    quoted = system.quote(name)
    system.run(
        f"CREATE TABLE {quoted} ({quoted} integer NOT NULL PRIMARY KEY, b integer NOT NULL UNIQUE)",
        "CREATE TABLE heap (a integer NOT NULL, b integer, UNIQUE (a))",
    )
    with opened(system) as database, database.lend() as connection:
        found = {table.name.name: table for table in odbc_tables(connection, system.schema)}
        (one,) = odbc_tables(connection, system.schema, [name])
    assert set(found) == {name, "heap"}
    assert [column.name for column in found[name].columns] == [name, "b"]
    assert found[name].primary == (name,)
    assert one == found[name]


def plain(table: Table) -> object:
    """What the two ways to a catalogue must agree on."""
    filled = {column.name for column in table.columns if not column.nullable}
    unique = {index.columns for index in table.indexes if index.unique and filled.issuperset(index.columns)}
    return (
        [(column.name, column.nullable) for column in table.columns],
        table.view,
        {tuple(sorted(one)) for one in ({table.primary} if table.primary else unique)},
        sorted((key.columns, key.to, key.to_columns) for key in table.foreign),
    )


def test_the_functions_of_odbc_agree_with_the_native_catalogue(system: System) -> None:
    shop(system)
    with opened(system) as database:
        native = {table.name: table for table in tables(database).values()}
        with database.lend() as connection:
            generic = {table.name: table for table in odbc_tables(connection, system.schema)}
    assert set(generic) == set(native)
    for name, table in native.items():
        assert plain(generic[name]) == plain(table), name


def test_a_database_without_a_profile_is_read_all_the_same(system: System) -> None:
    shop(system)
    found = streams(system, profile="generic", schemas=[system.schema])
    assert found[f"{system.schema}.orders"].keys == ("customer", "number")
    assert found[f"{system.schema}.orders"].relations[0].to == f"{system.schema}.customers"


def test_an_empty_database_has_no_streams(system: System) -> None:
    assert streams(system) == {}


def test_sixteen_hundred_columns(system: System) -> None:
    # MariaDB ends at 1,017 columns for InnoDB, SQLite at 2,000.
    width = 1000 if system.kind == "mariadb" else 1600
    system.run(f"CREATE TABLE wide ({', '.join(f'c{i} integer' for i in range(width))})")
    assert streams(system)["wide"].schema.names == [f"c{i}" for i in range(width)]


def test_many_tables_are_as_few_statements_as_one(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = system.database.connect(autocommit=False)
    for i in range(300):
        connection.execute(f"CREATE TABLE t{i} (id integer NOT NULL PRIMARY KEY, a varchar(20), b numeric(10,2))")
    connection.commit()
    connection.close()
    with opened(system) as database:
        sent = statements(database, monkeypatch)
        assert len(tables(database)) == 300
    assert len(sent) <= 7


def statements(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is executed on the connections of `database` from now on."""
    sent: list[str] = []
    connect = database.connect

    class Counting:
        def __init__(self, connection: object) -> None:
            self._connection = connection

        def execute(self, query: str, *values: object) -> object:
            sent.append(query)
            return self._connection.execute(query, *values)  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return getattr(self._connection, name)

    monkeypatch.setattr(database, "connect", lambda *args, **options: Counting(connect(*args, **options)))
    return sent


# -- PostgreSQL --------------------------------------------------------------------------------------------------------------


def test_what_postgresql_knows_of_a_column(postgresql_system: System) -> None:
    postgresql_system.run(
        "CREATE DOMAIN price AS numeric(9,3) NOT NULL",
        "CREATE DOMAIN low_price AS price",
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE TABLE t (n numeric, p numeric(6,-2), q numeric(3,5), d low_price, m mood, z timestamptz(3), z6 timestamptz,"
        " i interval day to second(2), b bit(5), v bit varying(7), c char(3), l varchar, x integer[],"
        " g integer GENERATED ALWAYS AS (a + 1) STORED, a integer GENERATED ALWAYS AS IDENTITY, s serial)",
        "COMMENT ON COLUMN t.n IS 'Any number'",
        "COMMENT ON TABLE t IS 'All there is'",
    )
    table = read(postgresql_system)["t"]
    told = {c.name: (c.native, c.kind, c.length, c.precision, c.scale) for c in table.columns}
    assert told == {
        "n": ("numeric", "numeric", None, None, None),
        "p": ("numeric(6,-2)", "numeric", None, 6, -2),
        "q": ("numeric(3,5)", "numeric", None, 3, 5),
        "d": ("numeric(9,3)", "numeric", None, 9, 3),
        "m": ("mood", "enum", None, None, None),
        "z": ("timestamp(3) with time zone", "timestamp with time zone", None, 3, None),
        "z6": ("timestamp with time zone", "timestamp with time zone", None, 6, None),
        "i": ("interval day to second(2)", "interval", None, 2, None),
        "b": ("bit(5)", "bit", 5, None, None),
        "v": ("bit varying(7)", "bit varying", 7, None, None),
        "c": ("character(3)", "character", 3, None, None),
        "l": ("character varying", "character varying", None, None, None),
        "x": ("integer[]", "integer[]", None, None, None),
        "g": ("integer", "integer", None, None, None),
        "a": ("integer", "integer", None, None, None),
        "s": ("integer", "integer", None, None, None),
    }
    assert [c.name for c in table.columns if c.generated] == ["g"]
    assert [c.name for c in table.columns if c.identity] == ["a", "s"]
    assert table.column("d").nullable  # as it can be, though no value that is null can be given to it
    assert table.doc == "All there is" and table.column("n").doc == "Any number"


def test_partitioned_tables_views_and_foreign_tables(postgresql_system: System) -> None:
    postgresql_system.run(
        "CREATE TABLE part (id integer, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
        "CREATE TABLE part_2026 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "INSERT INTO part SELECT i, '2026-01-02' FROM generate_series(1, 500) AS i",
        "CREATE TABLE refers (id integer, day date, FOREIGN KEY (id, day) REFERENCES part)",
        "CREATE MATERIALIZED VIEW frozen AS SELECT id FROM part",
        "CREATE EXTENSION file_fdw",
        "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw",
        "CREATE FOREIGN TABLE remote (line text) SERVER files OPTIONS (filename '/dev/null')",
        "CREATE TABLE never_analysed (id integer)",
        "CREATE TABLE nothing ()",
        "ANALYZE part",
    )
    found = read(postgresql_system)
    assert set(found) == {"part", "refers", "frozen", "remote", "never_analysed"}
    assert found["frozen"].view and not found["remote"].view
    assert found["part"].rows == 500 and found["never_analysed"].rows is None
    to = ForeignKey(columns=("id", "day"), to=TableName("public", "part"), to_columns=("id", "day"))
    assert found["refers"].foreign == (to,)


def test_several_schemas(postgresql_system: System) -> None:
    postgresql_system.run(
        'CREATE SCHEMA "Other.One"',
        "CREATE TABLE a (id integer PRIMARY KEY)",
        'CREATE TABLE "Other.One".a (id integer PRIMARY KEY, up integer REFERENCES public.a)',
    )
    assert list(streams(postgresql_system)) == ["a"]
    found = streams(postgresql_system, schemas=["public", "Other.One"])
    assert list(found) == ["a", "Other.One.a"]
    assert found["Other.One.a"].relations == (Relation(columns=("up",), to="a", to_columns=("id",)),)
    assert list(streams(postgresql_system, schemas="Other.One")) == ["Other.One.a"]


def test_two_tables_of_one_name_keep_apart(postgresql_system: System) -> None:
    postgresql_system.run("CREATE SCHEMA s", 'CREATE TABLE "s.a" (id integer)', "CREATE TABLE s.a (id integer, b integer)")
    found = streams(postgresql_system, schemas=["public", "s"])
    assert found["s.a"].schema.names == ["id"] and found['"s"."a"'].schema.names == ["id", "b"]


def test_indexes_over_whole_columns_only(postgresql_system: System) -> None:
    postgresql_system.run(
        "CREATE TABLE t (a integer, b text)",
        "CREATE INDEX whole ON t (b, a) INCLUDE (a)",
        "CREATE UNIQUE INDEX partly ON t (a) WHERE a > 0",
        "CREATE INDEX expressed ON t (lower(b))",
    )
    assert [(index.name, index.columns, index.unique) for index in read(postgresql_system)["t"].indexes] == [
        ("whole", ("b", "a"), False)
    ]


# -- MariaDB -----------------------------------------------------------------------------------------------------------------


def test_what_mariadb_knows_of_a_column(mariadb_system: System) -> None:
    mariadb_system.run(
        "CREATE TABLE t (a int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, b decimal(10,2) COMMENT 'A price',"
        " c timestamp(6) NULL, v int AS (b + 1), i int INVISIBLE, s set('a','b'), e enum('x','yy'), f double, g float(7,3),"
        " bb bit(8), vb varbinary(10), lt longtext, d datetime, tm time(3), z int unsigned zerofill, n varchar(5) DEFAULT 'NULL')"
        " COMMENT 'All there is'",
        "CREATE TABLE kept (id int PRIMARY KEY) WITH SYSTEM VERSIONING",
        "CREATE TABLE explicit (id int PRIMARY KEY, row_start timestamp(6) GENERATED ALWAYS AS ROW START,"
        " row_end timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (row_start, row_end)) WITH SYSTEM VERSIONING",
        "CREATE SEQUENCE counter",
    )
    found = read(mariadb_system)
    assert set(found) == {"t", "kept", "explicit"}
    table = found["t"]
    told = {c.name: (c.native, c.kind, c.length, c.precision, c.scale) for c in table.columns}
    assert told == {
        "a": ("int(10) unsigned", "int unsigned", None, None, None),
        "b": ("decimal(10,2)", "decimal", None, 10, 2),
        "c": ("timestamp(6)", "timestamp", None, 6, None),
        "v": ("int(11)", "int", None, None, None),
        "i": ("int(11)", "int", None, None, None),
        "s": ("set('a','b')", "set", 3, None, None),
        "e": ("enum('x','yy')", "enum", 2, None, None),
        "f": ("double", "double", None, None, None),
        "g": ("float(7,3)", "float", None, 7, 3),
        "bb": ("bit(8)", "bit", 8, None, None),
        "vb": ("varbinary(10)", "varbinary", 10, None, None),
        "lt": ("longtext", "longtext", None, None, None),
        "d": ("datetime", "datetime", None, 0, None),
        "tm": ("time(3)", "time", None, 3, None),
        "z": ("int(10) unsigned zerofill", "int unsigned", None, None, None),
        "n": ("varchar(5)", "varchar", 5, None, None),
    }
    assert [c.name for c in table.columns if c.generated] == ["v"]
    assert [c.name for c in table.columns if c.identity] == ["a"]
    assert table.column("n").default == "'NULL'" and table.column("i").default is None
    assert table.doc == "All there is" and table.column("b").doc == "A price"
    assert [name for name, one in found.items() if one.versioned] == ["explicit", "kept"]
    assert [c.name for c in found["explicit"].columns if c.generated] == ["row_start", "row_end"]


def test_another_database_and_names_that_differ_by_case(mariadb_system: System) -> None:
    other = f"{mariadb_system.database.name}_Other"
    mariadb_system.run(f"CREATE DATABASE `{other}`", f"CREATE TABLE `{other}`.a (id int PRIMARY KEY)")
    try:
        assert list(streams(mariadb_system, schemas=other)) == [f"{other}.a"]
        assert streams(mariadb_system, schemas=other.lower()) == {}
        with opened(mariadb_system) as database, database.lend() as connection:
            assert [str(table.name) for table in odbc_tables(connection, other)] == [f"{other}.a"]
            assert odbc_tables(connection, other.replace("_", "X", 1)) == []
    finally:
        mariadb_system.run(f"DROP DATABASE `{other}`")


def test_a_login_without_a_database_is_told_to_name_one(mariadb_system: System) -> None:
    with pytest.raises(ConfigError, match="no current database.*name it"):
        streams(mariadb_system, database=None)


def test_an_index_over_the_first_characters_is_not_told(mariadb_system: System) -> None:
    mariadb_system.run("CREATE TABLE t (a varchar(200), b int NOT NULL, UNIQUE (a(10)), INDEX both_of (b, a))")
    assert [index.columns for index in read(mariadb_system)["t"].indexes] == [("b", "a")]


# -- SQLite ------------------------------------------------------------------------------------------------------------------


def test_what_sqlite_knows_of_a_column(sqlite_system: System) -> None:
    sqlite_system.run(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, price Decimal(10, 2) NOT NULL DEFAULT 3, name VARCHAR (20), at timestamp(3),"
        " plain, big UNSIGNED BIG INT, i int(11), v int AS (i + 1), s int AS (i + 2) STORED)",
        "CREATE TABLE text_key (k text PRIMARY KEY)",
        "CREATE TABLE tight (a int, b text, PRIMARY KEY (b, a)) WITHOUT ROWID",
        "CREATE TABLE falling (id INTEGER PRIMARY KEY DESC)",
    )
    found = read(sqlite_system)
    table = found["t"]
    told = {c.name: (c.native, c.kind, c.length, c.precision, c.scale) for c in table.columns}
    assert told == {
        "id": ("INTEGER", "integer", None, None, None),
        "price": ("Decimal(10, 2)", "decimal", None, 10, 2),
        "name": ("VARCHAR (20)", "varchar", 20, None, None),
        "at": ("timestamp(3)", "timestamp", None, 3, None),
        "plain": ("", "", None, None, None),
        "big": ("UNSIGNED BIG INT", "unsigned big int", None, None, None),
        "i": ("int(11)", "int", None, None, None),
        "v": ("INT", "int", None, None, None),
        "s": ("INT", "int", None, None, None),
    }
    assert [c.name for c in table.columns if c.generated] == ["v", "s"]
    assert table.column("id").identity and not table.column("id").nullable
    assert found["text_key"].column("k").nullable, "SQLite takes NULL in such a primary key"
    assert not found["falling"].column("id").identity
    assert found["tight"].primary == ("b", "a") and not found["tight"].column("a").nullable


def test_a_view_that_no_longer_works_does_not_hide_the_others(sqlite_system: System, caplog: pytest.LogCaptureFixture) -> None:
    sqlite_system.run(
        "CREATE TABLE gone (a integer)",
        "CREATE TABLE t (a integer)",
        "CREATE VIEW broken AS SELECT a FROM gone",
        "DROP TABLE gone",
        "CREATE VIRTUAL TABLE words USING fts5(body)",
    )
    assert list(streams(sqlite_system)) == ["t", "words"]
    assert "broken has no columns" in caplog.text


def test_a_reference_spelt_in_another_case_and_one_to_the_primary_key(sqlite_system: System) -> None:
    sqlite_system.run(
        "CREATE TABLE Tracks (Id INTEGER PRIMARY KEY)",
        "CREATE TABLE plays (track integer REFERENCES TRACKS)",
        "CREATE TABLE skips (track integer REFERENCES tracks (ID))",
    )
    found = streams(sqlite_system)
    to = (Relation(columns=("track",), to="Tracks", to_columns=("Id",)),)
    assert found["plays"].relations == to and found["skips"].relations == to


def test_a_note_of_the_type_is_in_the_fields_doc(sqlite_system: System) -> None:
    sqlite_system.run("CREATE TABLE t (a decimal(10,2))")
    field = streams(sqlite_system)["t"].schema.field("a")
    with opened(sqlite_system) as database:
        note = database.profile.typed(tables(database)["t"].columns[0]).note
    assert doc_of(field) == note
