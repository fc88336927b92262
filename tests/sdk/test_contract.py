"""What passes between engine, sources and sinks goes to JSON and comes back the same."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from connector_sdk.contract import Checkpoint, Split, check_state
from connector_sdk.errors import InternalError
from connector_sdk.schema import Mode, Stream, describe

STREAM = Stream(name="orders", schema=pa.schema([describe("id", pa.int64(), nullable=False, doc="Nr.")]), keys=("id",))
WHERE = (
    (("id", ">=", 3), ("price", "<", Decimal("9.90"))),
    (
        ("day", "=", date(2024, 2, 29)),
        ("at", "!=", datetime(2024, 1, 1, tzinfo=UTC)),
        ("raw", "=", b"\x00"),
        ("n", "is null", None),
    ),
)
SPLIT = Split(id="orders-1", streams=(STREAM,), mode=Mode.FULL, spec={"files": ["a", "b"]}, left={"orders": WHERE})


def test_a_split_goes_to_json_and_back():
    assert Split.from_json(json.loads(json.dumps(SPLIT.to_json()))) == SPLIT


def test_a_checkpoint_goes_to_json_and_back():
    at = Checkpoint(id=7, states={"orders-1": {"v": 1, "at": [1, None, "x"]}}, splits=(SPLIT,), done=True)
    assert Checkpoint.from_json(json.loads(json.dumps(at.to_json()))) == at


@pytest.mark.parametrize(("state", "words"), [({"at": {1}}, "is not JSON"), ({"at": "x" * 70_000}, "70,010 bytes as JSON")])
def test_a_state_that_cannot_be_kept_is_a_defect_of_the_connector(state, words):
    with pytest.raises(InternalError, match=words):
        check_state(state, "orders-1")
