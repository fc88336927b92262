"""Changes by comparison while the shape of the rows changes, and of some fields, rows and streams only."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest
from connector_sdk.contract import Batch, Split
from connector_sdk.errors import ConfigError, SchemaDriftError
from connector_sdk.runtime.snapshot_diff import SnapshotDiff
from connector_sdk.runtime.where import parse_where
from connector_sdk.schema import Mode

from .drops import GOODS, Drops, Follower, rows_of

# -- the shape changes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [False, True])
def test_a_new_field_changes_the_rows_that_have_a_value_in_it(goods, tmp_path, before):
    follower = Follower(goods, tmp_path, before=before)
    follower.follow()
    goods.schema = goods.schema.append(pa.field("colour", pa.string()))
    goods.rows = {key: (*rest, "red" if key == 3 else None) for key, rest in goods.rows.items()}
    told = follower.follow()
    assert [(row["_op"], row["id"], row["colour"]) for row in told] == [("u", 3, "red")]
    if before:
        assert told[0]["_before"] == {"id": 3, "name": "washer", "qty": None, "colour": None}
    goods.rows[4] = ("x", 40, None)
    assert [row["id"] for row in follower.follow()] == [4]


def test_a_lost_field_changes_the_rows_that_had_a_value_in_it(goods, follower):
    follower.follow()
    goods.schema = goods.schema.remove(1)
    goods.rows = {key: (qty,) for key, (_, qty) in goods.rows.items()}
    assert sorted(row["id"] for row in follower.follow()) == [1, 2, 3, 4]


def test_other_order_and_wider_integers_change_nothing(goods, follower):
    follower.follow()
    goods.schema = pa.schema([("qty", pa.int64()), pa.field("id", pa.int32(), nullable=False), ("name", pa.large_string())])
    goods.rows, goods.more = {}, [(qty, key, name) for key, (name, qty) in GOODS.items()]
    assert follower.follow() == []
    goods.more = goods.more[1:]
    assert follower.follow() == [{"_op": "d", "_known": [1], "qty": None, "id": 1, "name": None}]


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("was", [pa.decimal128(18, 2), pa.int64()], ids=str)
def test_another_scale_changes_the_rows_whose_value_is_another(goods, tmp_path, was, before):
    """A layout that is inferred follows the drop: 1.505 in one row of it gives every amount three decimal places."""
    follower = Follower(goods, tmp_path, before=before)
    goods.schema = goods.schema.set(2, pa.field("amount", was))
    amounts = [Decimal(7), None, Decimal(0), Decimal(-12), *[Decimal(1)] * 8]
    goods.rows = {number: ("x", amount) for number, amount in enumerate(amounts)}
    follower.follow()
    goods.schema = goods.schema.set(2, pa.field("amount", pa.decimal128(38, 3)))
    goods.rows[11] = ("x", Decimal("1.505"))
    assert [(row["_op"], row["id"], row["amount"]) for row in follower.follow()] == [("u", 11, Decimal("1.505"))]
    assert follower.follow() == []
    goods.schema = goods.schema.set(2, pa.field("amount", was))
    goods.rows[11] = ("x", Decimal(1))
    assert [(row["_op"], row["id"]) for row in follower.follow()] == [("u", 11)]


def test_a_stored_number_that_fits_no_more_is_an_error(goods, follower):
    """What was found and not yet taken over is told in the types of now. Left out, it would be lost: its row did not change."""
    goods.schema = goods.schema.set(2, pa.field("amount", pa.decimal128(18, 2)))
    goods.rows = {1: ("a", Decimal(1))}
    follower.follow()
    start = follower.state
    goods.schema = goods.schema.set(2, pa.field("amount", pa.decimal128(18, 3)))
    goods.rows = {1: ("a", Decimal("1.505"))}
    follower.follow()
    goods.schema = goods.schema.set(2, pa.field("amount", pa.decimal128(18, 2)))
    with pytest.raises(SchemaDriftError, match="does not fit field 'amount' any more") as caught:
        follower.read(start)
    assert caught.value.fields == ("amount",)


def test_a_key_may_have_another_scale(goods, tmp_path):
    follower = Follower(goods, tmp_path)
    goods.schema = goods.schema.set(0, pa.field("id", pa.int64()))
    goods.rows = {1: ("a", 1), 2: ("b", 2)}
    follower.follow()
    goods.schema = goods.schema.set(0, pa.field("id", pa.decimal128(38, 1)))
    goods.rows = {Decimal(1): ("a", 1), Decimal("2.5"): ("c", 2)}
    assert sorted((row["_op"], row["id"]) for row in follower.follow()) == [("c", Decimal("2.5")), ("d", Decimal(2))]


def test_another_type_changes_the_rows_that_have_a_value(goods, follower):
    follower.follow()
    goods.schema = goods.schema.set(2, pa.field("qty", pa.string()))
    goods.rows = {key: (name, None if qty is None else str(qty)) for key, (name, qty) in goods.rows.items()}
    assert sorted(row["id"] for row in follower.follow()) == [1, 2, 4, 5]


def test_stored_changes_come_in_the_shape_that_is_asked_for_now(goods, follower):
    follower.follow()
    goods.rows[1] = ("bolt", 11)
    start = follower.state
    follower.follow()
    goods.schema = pa.schema([*list(goods.schema), ("colour", pa.string())]).set(2, pa.field("qty", pa.string()))
    goods.rows = {}
    told = rows_of(follower.read(start, follower.state))
    assert told == [{"_op": "u", "_known": [0, 1], "id": 1, "name": "bolt", "qty": None, "colour": None}]


@pytest.mark.parametrize(
    ("keys", "schema", "fields", "told"),
    [
        (("id", "qty"), None, ("qty",), "id int64, qty int32; it was id int64"),
        (("qty",), None, ("qty", "id"), "qty int32; it was id int64"),
        (
            ("id",),
            pa.schema([pa.field("id", pa.string()), ("name", pa.string()), ("qty", pa.int32())]),
            ("id",),
            "id string; it was id",
        ),
    ],
)
def test_another_key_is_drift(goods, follower, keys, schema, fields, told):
    goods.rows = {1: ("bolt", 1)}
    follower.follow()
    goods.keys = keys
    if schema is not None:
        goods.schema = schema
        goods.rows = {"1": ("bolt", 1)}
    with pytest.raises(SchemaDriftError, match="has another key") as caught:
        follower.follow()
    assert caught.value.fields == fields
    assert told in caught.value.message


# -- predicates, projections, other streams --------------------------------------------------------------------------------


def test_a_row_that_no_longer_meets_the_predicate_is_deleted(goods, tmp_path):
    follower = Follower(goods, tmp_path)
    split = follower.diff.plan([next(iter(follower.diff.discover()))], Mode.CHANGES, {"goods": parse_where("qty >= 20")})[0]
    split = Split.from_json(split.to_json())
    batches = list(follower.diff.read(split, None))
    assert sorted(row["id"] for row in rows_of(batches)) == [2, 4, 5]
    goods.rows |= {2: ("nut", 19), 1: ("bolt", 21), 3: ("washer", 1)}
    told = rows_of(follower.diff.read(split, batches[-1].state))
    assert [(row["_op"], row["id"]) for row in told] == [("d", 2), ("c", 1)]


def test_only_the_fields_that_are_asked_for_are_compared(goods, tmp_path):
    diff = SnapshotDiff(goods, tmp_path, max_change=None)
    (stream,) = diff.discover()
    (split,) = diff.plan([stream.only(["name", "id"])], Mode.CHANGES)
    state = list(diff.read(split, None))[-1].state
    goods.rows |= {1: ("bolt", 99), 2: ("NUT", 20)}
    assert rows_of(diff.read(split, state)) == [{"_op": "u", "name": "NUT", "id": 2}]


class Native(Drops):
    """Has its own changes for one stream, and none for the other."""

    @property
    def log(self):
        return replace(self.stream, name="log", reads=frozenset({Mode.FULL, Mode.CHANGES}))

    def discover(self, only=None):
        return [s for s in (self.stream, self.log) if only is None or s.name in only]

    def plan(self, streams, mode, where={}):  # noqa: B006 - as the contract has it
        if mode is Mode.FULL:
            return super().plan(streams, mode, where)
        return [Split(id="the log", streams=tuple(streams), mode=mode)]

    def read(self, split, state, until=None):
        if split.mode is Mode.FULL:
            return super().read(split, state, until)
        return iter([Batch(stream="log", data=self._data(split, []), state={"log": 1})])


def test_what_the_source_does_better_is_left_to_it(tmp_path):
    source = Native(GOODS)
    diff = SnapshotDiff(source, tmp_path)
    streams = list(diff.discover())
    splits = diff.plan(streams, Mode.CHANGES)
    assert [split.id for split in splits] == ["the log", "goods by comparison"]
    assert [batch.state for batch in diff.read(splits[0], None)] == [{"log": 1}]
    diff.ack(splits[0], {"log": 1})
    assert source.acks == [("the log", {"log": 1})]
    full = diff.plan(streams[:1], Mode.FULL)
    assert sum(batch.data.num_rows for split in full for batch in diff.read(split, None)) == 5
    assert rows_of(diff.read(splits[1], None))


def test_entering_and_checking_reach_the_source(goods, tmp_path):
    with SnapshotDiff(goods, tmp_path) as diff:
        diff.check()
        assert goods.entered == 1
    assert goods.entered == 0


def test_what_has_no_key_cannot_be_followed(goods, tmp_path):
    goods.keys = ()
    with pytest.raises(ConfigError, match="cannot be told: it has no key"):
        SnapshotDiff(goods, tmp_path).plan([goods.stream], Mode.CHANGES)
