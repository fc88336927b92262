"""A number beyond its type is a reject; only the word for infinity is infinite."""

from __future__ import annotations

import io
import math

import pyarrow as pa
import pytest
from connector_sdk.formats.delimited import decode
from connector_sdk.formats.layout import Field, Layout
from connector_sdk.rejects import rejects_of


@pytest.mark.parametrize("nullable", [True, False])
@pytest.mark.parametrize("decimal", [".", ","])
def test_1e400_is_no_infinity(decimal, nullable):
    fields = (Field(name="id", type=pa.int64()), Field(name="x", type=pa.float64(), decimal=decimal, nullable=nullable))
    data = b"id,x\n1,1e400\n2,inf\n3,-1e400\n4,1e300\n5,-Infinity\n"
    (block,) = decode(Layout(name="s", fields=fields), io.BytesIO(data).read, stream="s", place="s")
    assert block.data.to_pylist() == [{"id": 2, "x": math.inf}, {"id": 4, "x": 1e300}, {"id": 5, "x": -math.inf}]
    assert [(reject.raw, reject.field, reject.line) for reject in rejects_of(block.rejects)] == [
        (b"1,1e400", "x", 2),
        (b"3,-1e400", "x", 4),
    ]
