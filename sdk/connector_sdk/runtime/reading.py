"""A stream as it will be read: Arrow batches, one table, rows, typed rows, or whatever takes an Arrow stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

import pyarrow as pa

from connector_sdk.changes import change_schema
from connector_sdk.contract import Batch, Split, State
from connector_sdk.rejects import REJECT_SCHEMA, Budget, rejects_of
from connector_sdk.runtime.reader import Reader, Request, request
from connector_sdk.runtime.row_models import own_names, row_maker
from connector_sdk.schema import Mode, Stream, Where

__all__ = ["Reading"]

Row = TypeVar("Row")


@dataclass(eq=False)
class Reading:
    """A stream as it will be read: iterate it as often as you like; each time it is read anew.

    ``polars.DataFrame(reading)``, ``pyarrow.table(reading)`` and ``duckdb.sql("select … from reading")`` work through
    ``__arrow_c_stream__``, which reads only what is asked for. After a use that came to the end, `state` is where to go on and
    `rejects` what could not be decoded (`connector_sdk.rejects.REJECT_SCHEMA`). `open` begins a use; `name` is the connector's.
    """

    name: str
    open: Callable[[Request], Reader]
    stream: Stream
    mode: Mode
    where: Mapping[str, Where]
    columns: tuple[str, ...] | None
    start: Mapping[str, State]
    max_rejects: int | None
    state: Mapping[str, State] = field(default_factory=dict)
    rejects: pa.Table = field(default_factory=lambda: REJECT_SCHEMA.empty_table())

    def __post_init__(self) -> None:
        columns = {} if self.columns is None else {self.stream.name: self.columns}
        self._asked = request([self.stream], self.mode, self.where, columns)
        self.state = dict(self.start)
        self._read: tuple[Reader, tuple[Split, ...]] | None = None

    def __repr__(self) -> str:
        return f"<Reading {self.name} {self.stream.name}, {self.mode}, {len(self.schema)} columns>"

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the batches."""
        schema = self._asked.streams[0].schema
        return change_schema(schema) if self.mode is Mode.CHANGES else schema

    def splits(self) -> tuple[Split, ...]:
        """The splits a use would read."""
        return self.open(self._asked).plan()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Record batches of `schema`, none of them empty. Raises DataError when there are more rejects than allowed."""
        for batch in self._batches():
            if batch.data.num_rows:
                yield batch.data

    def _batches(self) -> Iterator[Batch]:
        reader = self.open(self._asked)
        budget = Budget(self.max_rejects)
        states = dict(self.start)
        rejects: list[pa.RecordBatch] = []
        plan = reader.plan()
        for split in plan:
            with closing(reader.read(split, states.get(split.id))) as batches:
                for batch in batches:
                    if batch.rejects is not None:
                        rejects.append(batch.rejects)
                        self.rejects = pa.Table.from_batches(rejects, REJECT_SCHEMA)
                        budget.spend(batch.rejects.num_rows, rejects_of(batch.rejects)[-1])
                    yield batch
                    if batch.state is not None:
                        states[split.id] = batch.state
        self.state = states
        self._read = reader, plan
        self.rejects = pa.Table.from_batches(rejects, REJECT_SCHEMA)

    def acknowledge(self) -> None:
        """Tell the source that you hold durably what was read and `state`: it need not be able to give it again.

        A file may then be archived, kept changes forgotten. Only you can know when; without it the source keeps everything. Does
        nothing before a use has come to its end.
        """
        if self._read is None:
            return
        reader, plan = self._read
        for split in plan:
            if split.id in self.state:
                reader.source.ack(split, self.state[split.id])

    @overload
    def rows(self) -> Iterator[dict[str, Any]]: ...
    @overload
    def rows(self, model: type[Row], columns: Mapping[str, str] | None = None) -> Iterator[Row]: ...
    def rows(self, model: type[Any] | None = None, columns: Mapping[str, str] | None = None) -> Iterator[Any]:
        """Rows as dicts, or as instances of `model`: a generated Struct, pydantic model or dataclass, or your own.

        `columns` says which column a field of `model` takes, where the two are called differently and the model does not say so
        itself: for generated dataclasses it is ``COLUMNS[stream]`` of their ``streams.py``. What a model says itself comes first.
        Raises DataError naming row and field when a row does not fit the model.
        """
        convert = row_maker(model)
        said = own_names(model)
        fields = {column: field for field, column in (columns or {}).items() if field not in said}
        for batch in self.batches():
            named = batch.rename_columns([fields.get(name, name) for name in batch.schema.names]) if fields else batch
            yield from convert(named.to_pylist())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.rows()

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        # A generator: the source is not touched before the first batch is asked for (DuckDB asks for three streams a query).
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        capsule: object = reader.__arrow_c_stream__(requested_schema)  # type: ignore[no-untyped-call]
        return capsule

    def table(self) -> pa.Table:
        """Everything, as one Arrow table."""
        return pa.Table.from_batches(self.batches(), self.schema)
