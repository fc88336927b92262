"""What a generated package adds: its streams held against the live ones, in the schemas where they are, and their simulator."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import pyarrow as pa
import pytest
from connector_odbc import OdbcConfig, OdbcConnector
from connector_odbc.simulator import OdbcSimulator
from connector_odbc.table_access import TableOf, TableSet
from connector_sdk.errors import SchemaDriftError
from connector_sdk.plugins import make
from connector_sdk.runtime.session import Session
from connector_sdk.schema import Mode, Relation, Stream, describe, with_default

from connectors.odbc.tests.conftest import System

EVERY_KIND = {
    "kinds": Stream(
        name="kinds",
        schema=pa.schema(
            [
                describe("id", pa.int32(), nullable=False, native="integer"),
                *(describe(str(kind), kind) for kind in (pa.int8(), pa.int16(), pa.uint8(), pa.uint16(), pa.uint32())),
                *(describe(str(kind), kind) for kind in (pa.float32(), pa.float64(), pa.bool_(), pa.binary(), pa.date32())),
                *(describe(str(kind), kind) for kind in (pa.decimal128(38, 9), pa.decimal256(60, 3), pa.time64("us"))),
                *(describe(str(kind), kind) for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC"))),
                describe("code", pa.string(), native="character varying(2)"),
                describe("json", pa.string(), native="jsonb"),
            ]
        ),
        keys=("id",),
    ),
    "child": Stream(
        name="child",
        schema=pa.schema(
            [
                describe("kind", pa.int32(), nullable=False),
                describe("friend", pa.int32()),
                describe("boss", pa.int32()),
                describe("no", pa.int16(), nullable=False),
            ]
        ),
        keys=("kind", "no"),
        relations=(
            Relation(columns=("kind",), to="kinds", to_columns=("id",)),
            Relation(columns=("friend",), to="kinds", to_columns=("id",)),
        ),
    ),
    "pair": Stream(
        name="pair",
        schema=pa.schema([describe("a", pa.int32(), nullable=False), describe("b", pa.int32(), nullable=False)]),
        keys=("a", "b"),
        relations=(
            Relation(columns=("a",), to="kinds", to_columns=("id",)),
            Relation(columns=("b",), to="kinds", to_columns=("id",)),
        ),
    ),
    "hen": Stream(
        name="hen",
        schema=pa.schema([describe("id", pa.int64(), nullable=False), describe("egg", pa.int64())]),
        keys=("id",),
        relations=(Relation(columns=("egg",), to="egg", to_columns=("id",)),),
    ),
    "egg": Stream(
        name="egg",
        schema=pa.schema([describe("id", pa.int64(), nullable=False), describe("hen", pa.int64(), nullable=False)]),
        keys=("id",),
        relations=(Relation(columns=("hen",), to="hen", to_columns=("id",)),),
    ),
}


class Generated(OdbcConnector):
    """As `connector new` writes it."""

    def __init__(self, config: OdbcConfig) -> None:
        super().__init__(config, EVERY_KIND)


def related(simulator: OdbcSimulator) -> None:
    """Every key once; every reference null or a row's key."""
    rows = {name: simulator.rows(name).to_pylist() for name in simulator.streams}
    for name, stream in EVERY_KIND.items():
        keys = Counter(tuple(row[key] for key in stream.keys) for row in rows[name])
        assert max(keys.values()) == 1
        for relation in stream.relations:
            there = {tuple(row[column] for column in relation.to_columns) for row in rows[relation.to]}
            for row in rows[name]:
                value = tuple(row[column] for column in relation.columns)
                assert None in value or value in there, (name, row)


@pytest.mark.parametrize("seed", range(3))
def test_simulated_rows_keep_keys_and_relations_whatever_happens(seed: int) -> None:
    with OdbcSimulator(seed, EVERY_KIND) as simulator, OdbcSimulator(seed, EVERY_KIND) as twin:
        related(simulator)
        for day in range(6):
            simulator.change(day)
            twin.change(day)
            related(simulator)
        for name in simulator.streams:
            assert simulator.rows(name).num_rows > 0
            assert simulator.rows(name).equals(twin.rows(name)), "all of it follows from the seed"
        assert max(len(row["code"]) for row in simulator.rows("kinds").to_pylist() if row["code"] is not None) <= 2


def test_every_type_of_another_database_is_read_as_it_was_generated() -> None:
    with OdbcSimulator(1, EVERY_KIND) as simulator, Session(make(Generated, simulator.config)) as session:
        for name, stream in EVERY_KIND.items():
            table = session.read(name).table()
            assert table.schema.equals(stream.schema, check_metadata=True)
            key = [(column, "ascending") for column in stream.keys]
            assert table.sort_by(key).equals(simulator.rows(name).sort_by(key))  # type: ignore[arg-type]


def test_tables_of_another_schema_are_found_where_they_are(postgresql_system: System) -> None:
    postgresql_system.run("CREATE SCHEMA sales", "CREATE TABLE sales.orders (id int PRIMARY KEY, note text)")
    with Session(postgresql_system.connector(schemas=["sales"])) as session:
        streams = {stream.name: stream for stream in session.discover()}
    assert list(streams) == ["sales.orders"]
    plain = postgresql_system.connector()
    with Session(OdbcConnector(plain.config, streams)) as session:
        assert [stream.name for stream in session.discover()] == ["sales.orders"]
        assert session.read("sales.orders").table().num_rows == 0


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ("ALTER TABLE t ALTER COLUMN a TYPE bigint", ("a",)),
        ("ALTER TABLE t ALTER COLUMN a DROP NOT NULL", ("a",)),
        ("ALTER TABLE t DROP COLUMN b", ("b",)),
        ("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id, a)", ("id", "a")),
        ("ALTER TABLE t ADD COLUMN c int", ()),
        ("ALTER TABLE t ALTER COLUMN b SET NOT NULL", ()),
    ],
)
def test_drift_names_the_fields(postgresql_system: System, change: str, fields: tuple[str, ...]) -> None:
    postgresql_system.run("CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b text)")
    with Session(postgresql_system.connector()) as session:
        streams = {stream.name: stream for stream in session.discover()}
    with Session(OdbcConnector(postgresql_system.connector().config, streams)) as session:
        assert session.read("t", mode=Mode.FULL).table().num_rows == 0
    postgresql_system.run(change)
    with Session(OdbcConnector(postgresql_system.connector().config, streams)) as session:
        if not fields:
            assert session.read("t").table().schema.equals(streams["t"].schema)
            return
        with pytest.raises(SchemaDriftError, match="t is not what this package was generated from") as drift:
            session.discover()
        assert set(fields) <= set(drift.value.fields)


@dataclass
class Item:
    id: int
    price: int
    twice: int | None = None


class Shop(TableSet):
    item = TableOf("item", Item, int)


ITEM = {
    "postgresql": "CREATE TABLE item (id int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, price int NOT NULL DEFAULT 7, "
    "twice int GENERATED ALWAYS AS (price * 2) STORED)",
    "mariadb": "CREATE TABLE item (id int PRIMARY KEY AUTO_INCREMENT, price int NOT NULL DEFAULT 7, "
    "twice int GENERATED ALWAYS AS (price * 2) STORED)",
}


@pytest.mark.parametrize("kind", ITEM)
def test_what_the_database_fills_in_is_left_to_it(request: pytest.FixtureRequest, kind: str) -> None:
    system: System = request.getfixturevalue(f"{kind}_system")
    system.run(ITEM[kind])
    config = system.connector().config
    with Session(OdbcConnector(config)) as session:
        plain = {s.name: replace(s, schema=pa.schema([with_default(f, None) for f in s.schema])) for s in session.discover()}
    with Session(OdbcConnector(config, plain)) as session:
        assert session.write("item", [{"price": 1}]).rows == 1
        assert session.write("item", pa.table({"id": [20]})).rows == 1
    with Shop(Session(OdbcConnector(config, plain))) as shop:
        assert shop.item.get(20) == Item(20, 7, 14)
        read = shop.item.get(20)
        assert read is not None
        assert shop.item.upsert([replace(read, price=8), Item(21, 9)]) == 2
        assert shop.item.append([Item(22, 5, 99)]) == 1
        assert [shop.item.get(key) for key in (20, 21, 22)] == [Item(20, 8, 16), Item(21, 9, 18), Item(22, 5, 10)]
