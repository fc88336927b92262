"""Whatever is in a table of any Arrow types lies in the database exactly, as the database's own text says it."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pytest
from connector_odbc.catalogue import Column
from connector_odbc.profiles.postgresql.writes import WRITES
from connector_odbc.writing.encoding import encode
from connector_odbc.writing.landing import in_parts
from connector_sdk.runtime.session import Session
from connector_sdk.types import TABLE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.odbc.tests.conftest import System

TEXT = {
    "postgresql": "encode(convert_to(CAST({} AS text), 'UTF8'), 'hex')",
    "mariadb": "lower(hex(CAST({} AS CHAR)))",
    "sqlite": "lower(hex(CAST({} AS text)))",
}
BYTES = {"postgresql": "encode({}, 'hex')", "mariadb": "lower(hex({}))", "sqlite": "lower(hex({}))"}

integers: dict[pa.DataType, Any] = {
    kind: st.integers(0 if pa.types.is_unsigned_integer(kind) else -(2 ** (kind.bit_width - 1)), _most)
    for kind, _most in (
        (pa.int8(), 2**7 - 1),
        (pa.int16(), 2**15 - 1),
        (pa.int32(), 2**31 - 1),
        (pa.int64(), 2**63 - 1),
        (pa.uint8(), 2**8 - 1),
        (pa.uint16(), 2**16 - 1),
        (pa.uint32(), 2**32 - 1),
        (pa.uint64(), 2**64 - 1),
    )
}
letters = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
moments = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))


def decimals(precision: int, scale: int) -> Any:
    most = 10**precision - 1
    return st.integers(-most, most).map(lambda number: Decimal(number).scaleb(-scale, _CONTEXT))


_CONTEXT = Context(prec=80)

STRATEGIES: dict[str, tuple[pa.DataType, Any]] = {
    **{str(kind): (kind, strategy) for kind, strategy in integers.items()},
    "bool": (pa.bool_(), st.booleans()),
    "decimal": (pa.decimal128(18, 4), decimals(18, 4)),
    "wide": (pa.decimal256(60, 20), decimals(60, 20)),
    "string": (pa.string(), st.text(letters, max_size=20)),
    "binary": (pa.binary(), st.binary(max_size=20)),
    "date": (pa.date32(), st.dates()),
    "time": (pa.time64("us"), st.times()),
    "timestamp": (pa.timestamp("us"), moments),
    "zoned": (pa.timestamp("us", "UTC"), moments.map(lambda moment: moment.replace(tzinfo=dt.UTC))),
}


def shown(value: Any, kind: str) -> str:
    """What the database's text for `value` is, brought to one form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(" ", "microseconds")
    if isinstance(value, dt.time):
        return value.isoformat("microseconds")
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def form(text: str, kind: str) -> str:
    """The database's text in the form of :func:`shown`."""
    if kind == "bool":
        return {"true": "true", "false": "false", "1": "true", "0": "false", "\x01": "true", "\x00": "false"}[text]
    if kind in ("timestamp", "zoned"):
        text = text.replace("+00:00", "").removesuffix("+00")
        return dt.datetime.fromisoformat(text).isoformat(" ", "microseconds")
    if kind == "time":
        return dt.time.fromisoformat(text).isoformat("microseconds")
    return text


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_tables_of_any_types_lie_there_exactly(system: System, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(STRATEGIES)), min_size=1, max_size=6, unique=True))
    count = data.draw(st.integers(1, 12))
    columns = {name: data.draw(st.lists(st.none() | STRATEGIES[name][1], min_size=count, max_size=count)) for name in names}
    rows = pa.table(
        {
            "nth": pa.array(range(count), pa.int64()),
            **{f"c_{name}": pa.array(values, STRATEGIES[name][0]) for name, values in columns.items()},
        }
    )
    table = f"t{uuid.uuid4().hex[:12]}"
    with Session(system.connector(), "sink") as session:
        session.write(table, rows, keys=["nth"])
    for name, values in columns.items():
        how = BYTES if name == "binary" else TEXT
        column = system.quote("c_" + name)
        query = f"SELECT CASE WHEN {column} IS NOT NULL THEN {how[system.kind].format(column)} END FROM {table} ORDER BY nth"
        found = [None if text is None else bytes.fromhex(text) for (text,) in system.rows(query)]
        if name == "binary":
            assert found == values
            continue
        assert [None if raw is None else form(raw.decode(), name) for raw in found] == [
            None if value is None else shown(value, name) for value in values
        ]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_doubles_come_back_to_the_last_bit(system: System, values: list[float]) -> None:
    table = f"t{uuid.uuid4().hex[:12]}"
    rows = pa.table({"n": pa.array(range(len(values)), pa.int64()), "x": pa.array(values, pa.float64())})
    with Session(system.connector(), "sink") as session:
        session.write(table, rows, keys=["n"])
        assert session.read(table).table().sort_by("n")["x"].to_pylist() == values


def one(value: Any, kind: pa.DataType) -> pa.Table:
    return pa.table({"id": pa.array([1, 2], pa.int64()), "x": pa.array([value, None], kind)})


SAMPLES: dict[pa.DataType, Any] = {
    pa.null(): None,
    pa.bool_(): True,
    pa.float16(): 1.5,
    pa.float32(): 0.10000000149011612,
    pa.float64(): 5e-324,
    pa.decimal128(12, 2): Decimal("-0.10"),
    pa.string(): "a\n\"'\\ü🚚 ",
    pa.binary(): b"\x00\xff",
    pa.binary(16): bytes(range(16)),
    pa.date32(): dt.date(1, 1, 1),
    pa.time32("s"): dt.time(23, 59, 59),
    pa.time32("ms"): dt.time(0, 0, 0, 1000),
    pa.time64("us"): dt.time(0, 0, 0, 1),
    pa.time64("ns"): 86_399_999_999_000,
    pa.timestamp("us"): dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
    pa.timestamp("us", "UTC"): dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    pa.duration("us"): dt.timedelta(days=-3, microseconds=1),
    pa.month_day_nano_interval(): pa.MonthDayNano([1, -2, 3000]),
    pa.uuid(): uuid.UUID(int=1).bytes,
    pa.list_(pa.string()): ["a", None],
    pa.struct([("id", pa.int64())]): {"id": 2**60},
    pa.map_(pa.string(), pa.string()): [("k", "v")],
    **{kind: 2**kind.bit_width - 1 if pa.types.is_unsigned_integer(kind) else -(2 ** (kind.bit_width - 1)) for kind in integers},
}
BACK: dict[pa.DataType, Callable[[Any], Any]] = {
    pa.uuid(): lambda found: uuid.UUID(str(found)).bytes,
    pa.time64("ns"): lambda found: (found.hour * 3600 + found.minute * 60 + found.second) * 10**9 + found.microsecond * 1000,
    pa.list_(pa.string()): json.loads,
    pa.struct([("id", pa.int64())]): json.loads,
    pa.map_(pa.string(), pa.string()): lambda found: list(json.loads(found).items()),
}


@pytest.mark.parametrize("kind", [row.arrow for row in TABLE], ids=str)
def test_every_type_of_the_table_is_kept_or_its_loss_is_told(system: System, kind: pa.DataType) -> None:
    assert kind in SAMPLES, "a type of the table without a sample"
    wrote = SAMPLES[kind]
    rows = (
        pa.table(
            {
                "id": pa.array([1, 2], pa.int64()),
                "x": pa.ExtensionArray.from_storage(kind, pa.array([wrote, None], pa.binary(16))),
            }
        )
        if kind == pa.uuid()
        else one(wrote, kind)
    )
    with Session(system.connector(), "sink") as session:
        result = session.write("t", rows, keys=["id"])
        found = session.read("t").table().sort_by("id")
    told = any(step.startswith("-- t.x") for step in result.altered)
    assert found.schema.field("x").type == kind or told, (str(found.schema.field("x").type), result.altered)
    value, nothing = found["x"].to_pylist()
    assert nothing is None
    if pa.types.is_duration(kind) or kind == pa.month_day_nano_interval():
        assert told and value is not None
    elif wrote is not None:
        value = BACK.get(kind, lambda same: same)(value)
        if isinstance(wrote, dt.datetime) and wrote.tzinfo and value.tzinfo is None:
            value = value.replace(tzinfo=dt.UTC)
        assert value == wrote


def test_what_has_no_exact_form_is_refused_by_value(system: System) -> None:
    fine = pa.array([1, 1000], pa.int64()).cast(pa.timestamp("ns"))
    far = pa.array([-(10**18), 0], pa.int64()).view(pa.timestamp("us"))
    rows = pa.table({"id": pa.array([1, 2], pa.int64()), "fine": fine, "far": far})
    with Session(system.connector(), "sink") as session:
        result = session.write("t", rows, keys=["id"], max_rejects=1)
    assert result.rejects == 1
    assert [row[0] for row in system.rows("SELECT id FROM t")] == [2]


def test_moments_and_structures_that_nothing_can_hold_cost_their_own_row(system: System) -> None:
    far = pa.array([0, 10**15, 0, 0], pa.int64()).view(pa.timestamp("s"))
    days = pa.array([0, 0, 86_400_001, 2**62], pa.int64()).view(pa.date64())
    pairs = pa.array([[("a", 1)], None, None, None], pa.map_(pa.string(), pa.int64()))
    twice = pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64()))
    rows = pa.table({"id": pa.array([1, 2, 3, 4], pa.int64()), "far": far, "days": days, "pairs": pairs})
    last = pa.table({"id": pa.array([5], pa.int64()), "far": far[:1], "days": days[:1], "pairs": twice})
    with Session(system.connector(), "sink") as session:
        result = session.write("t", pa.concat_tables([rows, last]).combine_chunks(), keys=["id"], max_rejects=4)
    assert result.rejects == 4
    assert [row[0] for row in system.rows("SELECT id FROM t")] == [1]


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_bytes_that_are_no_text_cost_their_own_row(system: System, mode: str) -> None:
    ends = pa.array([0, 1, 3, 4], pa.int32()).buffers()[1]
    text = pa.Array.from_buffers(pa.string(), 3, [None, ends, pa.py_buffer(b"a\xff\xfeb")])
    rows = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "x": text})
    with Session(system.connector(), "sink") as session:
        assert session.write("t", rows, keys=["id"], mode=mode, max_rejects=1).rejects == 1
    assert [tuple(row) for row in system.rows("SELECT id, x FROM t ORDER BY id")] == [(1, "a"), (3, "b")]


CHANGED: dict[str, list[tuple[str, Any, Any]]] = {
    "postgresql": [
        ("bit(3)", "101", "10110"),
        ("bit(3)", "010", "1"),
        ("bit varying(3)", "10", "10110"),
        ("bit(3)[]", "{101,010}", "{10110}"),
        ("varchar(3)[]", "{abc,NULL}", "{abc,abcdef}"),
        ("char(3)[]", "{abc}", "{abcdef}"),
        ("numeric(5,2)[]", "{1.230,10.20}", "{1.239}"),
        ("timestamp(0)[]", '{"2020-01-01 00:00:00"}', '{"2020-01-01 00:00:00.6"}'),
        ("time(0) with time zone", "10:00:00+02", "10:00:00.6+02"),
        ("interval(0)", "00:00:01", "00:00:01.6"),
        ('"char"', "a", "abc"),
        ("name", "x" * 63, "x" * 64),
    ],
    "mariadb": [
        ("enum('red','it''s','a\\\\b')", "it's", "2"),
        ("enum('red','it''s','a\\\\b')", "a\\b", "RED"),
        ("enum('1','2')", "2", "2 "),
        ("set('a','b')", "a,b", "3"),
        ("set('a','b')", "", "a,c"),
        ("year", 1970, 70),
        ("float(7,2)", 1.25, 1.239),
        ("double(10,2)", 1.24, 1.239),
        ("tinytext", "x" * 254 + " ", "x" * 255 + " "),
    ],
}


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_what_the_server_would_change_without_a_word_is_refused(
    postgresql_system: System, mariadb_system: System, mode: str
) -> None:
    for system in (postgresql_system, mariadb_system):
        for at, (type_, fits, does_not) in enumerate(CHANGED[system.kind]):
            system.run(f"CREATE TABLE t{at} (id bigint PRIMARY KEY, x {type_})")
            rows = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "x": [fits, does_not, None]})
            with Session(system.connector(), "sink") as session:
                result = session.write(f"t{at}", rows, mode=mode, max_rejects=1)
                assert result.rejects == 1, (type_, does_not)
                found = session.read(f"t{at}").table().sort_by("id")
            assert found["id"].to_pylist() == [1, 3], type_
            if type(found["x"][0].as_py()) is type(fits) and "numeric" not in type_:
                assert found["x"].to_pylist() == [fits, None], type_


def test_a_duration_finer_than_its_column_is_refused() -> None:
    column = Column(name="x", native="interval(3)", kind="interval", precision=3)
    for values in (
        pa.array([dt.timedelta(milliseconds=1), dt.timedelta(microseconds=1), None]),
        pa.array([pa.MonthDayNano([1, 2, 3_000_000]), pa.MonthDayNano([1, 2, 3_000]), None]),
    ):
        ((mask, reason),) = encode(values, column, WRITES.encoding).refusals
        assert mask.to_pylist() == [False, True, False]
        assert reason == "more than 3 digits in the fraction of a second"


def test_long_texts_of_a_dictionary_are_not_written_out_all_at_once() -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0, None, 1] * 1000, pa.int32()), pa.array(["x" * 1_000_000, None]))
    parts = list(in_parts(pa.RecordBatch.from_arrays([texts], ["x"])))
    assert sum(part.num_rows for part in parts) == 3000 and max(part.num_rows for part in parts) < 100
