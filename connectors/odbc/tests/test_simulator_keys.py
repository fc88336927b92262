"""A simulator of a generated package keeps the laws whatever its tables are called and whatever their keys are."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from connector_odbc import OdbcConfig, OdbcConnector
from connector_odbc.counted import counted, possible
from connector_odbc.plausible import numbers, rows
from connector_odbc.simulator import OdbcSimulator
from connector_sdk.plugins import make
from connector_sdk.runtime.session import Session
from connector_sdk.schema import Relation, Stream, describe
from connector_sdk.testing.laws import LAWS, check_law

KEYED = "CREATE TABLE t (k {} NOT NULL PRIMARY KEY, v integer)"
CHAIN = (
    "CREATE TABLE a (id integer PRIMARY KEY)",
    "CREATE TABLE b (id integer PRIMARY KEY REFERENCES a (id))",
    "CREATE TABLE c (a integer REFERENCES a (id), b integer REFERENCES b (id), PRIMARY KEY (a, b))",
)
KEYS = {
    "postgresql": ("bytea", "timestamptz", "timestamp", "numeric(2,1)", "numeric(30,2)", "boolean", "uuid", "time"),
    "mariadb": ("varbinary(16)", "binary(1)", "char(1)", "tinyint unsigned", "tinyint", "bit(1)", "enum('a','b')"),
    "sqlite": ("BLOB", "TEXT"),
}
CASES = [
    *(pytest.param(kind, (KEYED.format(key),), id=f"{kind} {key}") for kind, keys in KEYS.items() for key in keys),
    pytest.param("postgresql", CHAIN, id="keys that refer to keys"),
    pytest.param("postgresql", ('CREATE TABLE t (id integer PRIMARY KEY, "A" integer, a integer)',), id="columns with one name"),
    pytest.param(
        "postgresql",
        (
            'CREATE TABLE "Tw" (id integer PRIMARY KEY)',
            "CREATE TABLE tw (id integer PRIMARY KEY)",
            "CREATE TABLE child (id integer PRIMARY KEY, tw integer NOT NULL REFERENCES tw (id))",
        ),
        id="tables with one name",
    ),
]


def package(request: pytest.FixtureRequest, kind: str, statements: tuple[str, ...]) -> type[OdbcConnector]:
    """What is generated from those tables, with its simulator."""
    system = request.getfixturevalue(f"{kind}_system")
    system.run(*statements)
    with Session(system.connector()) as session:
        streams = {stream.name: replace(stream, rows=None) for stream in session.discover()}

    class Generated(OdbcConnector):
        simulator = staticmethod(lambda seed=0: OdbcSimulator(seed, streams))  # type: ignore[assignment]

        def __init__(self, config: OdbcConfig) -> None:
            super().__init__(config, streams)

    return Generated


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "statements"), CASES)
def test_laws_are_kept(request: pytest.FixtureRequest, kind: str, statements: tuple[str, ...]) -> None:
    generated = package(request, kind, statements)
    # The sixth wants a package that other processes can import.
    found = [check_law(law.number, generated) for law in LAWS if law.number != 6]
    assert not [f"law {result.law}: {result.detail}" for result in found if result.verdict == "broken"]


@pytest.mark.parametrize(
    ("kind", "native"),
    [
        (pa.bool_(), "boolean"),
        (pa.int8(), "tinyint"),
        (pa.uint8(), "tinyint unsigned"),
        (pa.decimal128(1, 1), "numeric(1,1)"),
        (pa.decimal128(2, 1), "numeric(2,1)"),
        (pa.decimal128(12, 2), "numeric(12,2)"),
        (pa.string(), "char(1)"),
        (pa.string(), "varchar(2)"),
        (pa.string(), "enum('small','large')"),
        (pa.binary(), "binary(1)"),
        (pa.binary(), "varbinary(16)"),
        (pa.timestamp("us", "UTC"), "timestamp with time zone"),
        (pa.time64("us"), "time"),
    ],
)
def test_keys_count_through_all_values_that_they_have_and_begin_again(kind: pa.DataType, native: str) -> None:
    field = describe("key", kind, nullable=False, native=native)
    count = min(possible(field), 30_000)
    values = [counted(field, number) for number in range(count)]
    assert len(set(values)) == count
    assert pa.array(values, kind).to_pylist() == values
    assert counted(field, possible(field)) == values[0]
    streams = {"t": Stream(name="t", schema=pa.schema([field]), keys=("key",))}
    numbered = numbers(streams)
    assert len(rows(streams, numbered, 0)["t"]) == len(numbered["t"]) > 0


def test_rows_with_keys_that_refer_are_as_many_as_there_are_keys() -> None:
    def table(name: str, *to: str) -> Stream:
        columns = to or ("id",)
        return Stream(
            name=name,
            schema=pa.schema([describe(column, pa.int32(), nullable=False) for column in columns]),
            keys=columns,
            relations=tuple(Relation(columns=(parent,), to=parent, to_columns=(KEY.get(parent, "id"),)) for parent in to),
        )

    streams = {"a": table("a"), "b": table("b", "a"), "c": table("c", "a", "b")}
    made = rows(streams, numbers(streams), 0)
    assert {name: len(found) for name, found in made.items()} == {"a": 150, "b": 64, "c": 150}
    with OdbcSimulator(0, streams) as simulator:
        sampled = simulator.sample
        assert sampled is not None
        for name in simulator.streams:  # what the laws write comes beside these
            beside = [tuple(sampled(name, number, 1).values()) for number in range(40)]
            assert len({*beside, *(tuple(row.values()) for row in made[name])}) == 40 + len(made[name])


KEY = {"b": "a"}


def test_tables_that_sqlite_has_no_name_for_are_left_out_and_told(request: pytest.FixtureRequest) -> None:
    statements = (
        'CREATE TABLE "Tw" (id integer PRIMARY KEY)',
        "CREATE TABLE tw (id integer PRIMARY KEY)",
        "CREATE TABLE child (id integer PRIMARY KEY, tw integer NOT NULL REFERENCES tw (id))",
        'CREATE TABLE pair (id integer PRIMARY KEY, "A" integer, a integer)',
    )
    generated = package(request, "postgresql", statements)
    with generated.simulator() as simulator, Session(make(generated, simulator.config)) as session:  # type: ignore[operator]
        assert simulator.left_out == {
            "pair": "to SQLite its columns 'A' and 'a' have one name",
            "tw": "to SQLite it has the name of 'Tw'",
        }
        for name in ("Tw", "child"):
            assert session.read(name).table().num_rows == simulator.rows(name).num_rows == 150
