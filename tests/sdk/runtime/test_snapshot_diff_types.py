"""Fields and keys of every type are followed, through spills and before-images, as they are."""

from __future__ import annotations

import pyarrow as pa
import pytest
from connector_sdk.testing.comparison import frozen_rows

from .drops import Drops, Follower
from .test_snapshot_diff_hash import EXAMPLES
from .test_snapshot_diff_machine import small  # noqa: F401 - every test here is cut small

TYPES = [
    *EXAMPLES,
    (pa.large_string(), ["a", None, ""]),
    (pa.string_view(), ["a", None, "too long to stand in place"]),
    (pa.binary_view(), [b"a", None, b""]),
    (pa.list_(pa.string_view()), [["a", None], None, []]),
    (pa.struct([("a", pa.string_view())]), [{"a": "x"}, None, {"a": None}]),
    (pa.list_view(pa.int64()), [[1], None, [2, 3]]),
    (pa.uuid(), [b"1" * 16, None, b"2" * 16]),
    (pa.null(), [None]),
]
IDS = [str(kind) for kind, _ in TYPES]


def plain(schema, rows):
    """Rows as the stream's own types make them: exact, and comparable."""
    table = pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in rows], schema=schema)
    return sorted(map(repr, frozen_rows(table)))


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(("kind", "values"), TYPES, ids=IDS)
def test_a_field_of_any_type(tmp_path, kind, values, before):
    goods = Drops(size=4)
    goods.schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("v", kind)])
    was = {number: values[number % len(values)] for number in range(30)}
    now = {number: values[(number + (number % 4 == 0)) % len(values)] for number in range(1, 30)}
    goods.rows = {number: (value,) for number, value in was.items()}
    follower = Follower(goods, tmp_path, before=before)
    first = follower.follow()
    assert plain(goods.schema, first) == plain(goods.schema, [{"id": n, "v": value} for n, value in was.items()])
    goods.rows = {number: (value,) for number, value in now.items()}
    changes = follower.follow()
    updated = [n for n in now if repr(now[n]) != repr(was[n])]
    assert sorted((row["_op"], row["id"]) for row in changes) == sorted([("d", 0), *(("u", n) for n in updated)])
    told = [row for row in changes if row["_op"] == "u"]
    assert plain(goods.schema, told) == plain(goods.schema, [{"id": n, "v": now[n]} for n in updated])
    if before:
        images = [row["_before"] for row in changes]
        assert plain(goods.schema, images) == plain(goods.schema, [{"id": n, "v": was[n]} for n in [0, *updated]])


@pytest.mark.parametrize(("kind", "values"), [(k, v) for k, v in TYPES if k != pa.null()], ids=IDS[:-1])
def test_a_key_of_any_type(tmp_path, kind, values):
    goods = Drops(size=2)
    goods.schema = pa.schema([pa.field("id", kind), pa.field("n", pa.int64())])
    keys = list({repr(value): value for value in values if value is not None}.values())
    goods.more = [(key, number) for number, key in enumerate(keys)]
    follower = Follower(goods, tmp_path)
    batches = follower.read()
    gone, *goods.more = goods.more
    goods.more.reverse()
    ((change),) = [row for batch in follower.read(batches[-1].state) for row in batch.data.to_pylist()]
    assert (change["_op"], change["_known"], change["n"]) == ("d", [0], None)
    assert repr(change["id"]) == repr(pa.array([gone[0]], kind).to_pylist()[0])
