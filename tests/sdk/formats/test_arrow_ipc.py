"""Arrow files: the memory itself, whoever reads it."""

from __future__ import annotations

import io

import polars as pl
import pyarrow as pa
from connector_sdk.formats import FORMATS, Loss
from hypothesis import HealthCheck, given, settings

from tests.sdk.formats.tables import batches, exact, survives, written

ARROW = FORMATS["arrow"]
ANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@ANY
@given(batches())
def test_whatever_arrow_holds_survives_or_the_loss_is_declared(data):
    survives(ARROW, data)


@ANY
@given(batches(changes=True))
def test_change_batches_survive(data):
    survives(ARROW, data)


def words(*members: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"word": pa.array(members, pa.string()).dictionary_encode()})


def test_each_batch_may_bring_another_dictionary():
    given = [words("a", "b"), words("c", "a"), words(), words("d")]
    content = written(ARROW, given)
    back = list(ARROW.read(io.BytesIO(content), None))
    assert {batch.schema.field("word").type for batch in back} == {given[0].schema.field("word").type}
    assert [value for batch in back for value in exact(batch.column(0))] == ["'a'", "'b'", "'c'", "'a'", "'d'"]
    assert pl.read_ipc(io.BytesIO(content)).to_dict(as_series=False) == {"word": ["a", "b", "c", "a", "d"]}


def test_the_order_of_categories_is_a_declared_loss():
    schema = pa.schema([("size", pa.dictionary(pa.int8(), pa.string(), ordered=True)), ("id", pa.int64())])
    assert ARROW.losses(schema) == [Loss("size", "the order of the categories")]


def test_a_stream_is_read_like_a_file_and_from_a_pipe_too():
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    given = pa.RecordBatch.from_pydict({"a": [1, 2]})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, given.schema) as writer:
        writer.write_batch(given)
    for kind in (io.BytesIO, Pipe):
        assert [batch.to_pylist() for batch in ARROW.read(kind(out.getvalue()), None)] == [given.to_pylist()]


def test_a_file_is_readable_by_arrow_alone():
    given = pa.RecordBatch.from_pydict({"a": [1, 2]})
    assert pa.ipc.open_file(io.BytesIO(written(ARROW, [given]))).read_all().to_batches() == [given]
