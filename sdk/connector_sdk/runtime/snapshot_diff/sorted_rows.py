"""Rows by the order of their key hashes, however many: sorted in runs, spilled, and put together bucket by bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector_sdk.runtime.snapshot_diff.blocks import Blocks, BlockWriter, joined, no_rows
from connector_sdk.runtime.snapshot_diff.row_hash import Hashes, Words

__all__ = ["BUCKETS", "Hashed", "SortedRows", "bounds", "order_of", "same_as_next"]

RUN_ROWS = 1 << 20
RUN_BYTES = 64 << 20
BUCKETS = 256
"""Into how many buckets a spilled run is cut: the most there can be."""


class Hashed(NamedTuple):
    """Rows and their hashes."""

    hashes: Hashes
    data: pa.RecordBatch


def bounds(buckets: int) -> Words:
    """Where each bucket begins, but for the first: `buckets`, a power of two, share the 64-bit hashes evenly."""
    return np.arange(1, buckets, dtype=np.uint64) << np.uint64(65 - buckets.bit_length())


def order_of(hashes: Hashes) -> npt.NDArray[np.int64]:
    """The order by both halves of the key's hash."""
    order = np.argsort(hashes.key_high)
    high = hashes.key_high[order]
    if (high[1:] == high[:-1]).any():  # one key twice or, once in a life, two keys that agree in 64 bits
        return np.lexsort((hashes.key_low, hashes.key_high))
    return order


def same_as_next(hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Of ordered hashes: whether the key of each row but the last is that of the next."""
    high, low = hashes.key_high, hashes.key_low
    same: npt.NDArray[np.bool_] = np.logical_and(high[1:] == high[:-1], low[1:] == low[:-1])
    return same


class SortedRows:
    """Takes rows in any order and gives them back in order. `spill` opens a file for what does not fit into memory."""

    def __init__(self, schema: pa.Schema, spill: Callable[[], BlockWriter]) -> None:
        self.rows = 0
        self._schema = pa.schema([pa.field(name, pa.uint64()) for name in Hashes._fields] + list(schema))
        self._open_spill = spill
        self._spill: BlockWriter | None = None
        self._runs: list[list[int | None]] = []  # of each run, by bucket, the number of its block
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._waiting_bytes = 0

    def add(self, rows: Hashed) -> None:
        """Add rows, all of one schema."""
        if not rows.data.num_rows:
            return
        columns = [*(pa.array(np.ascontiguousarray(words)) for words in rows.hashes), *rows.data.columns]
        batch = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        self.rows += batch.num_rows
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        self._waiting_bytes += batch.nbytes
        if self._waiting_rows >= RUN_ROWS or self._waiting_bytes >= RUN_BYTES:
            self._end_run()

    def _end_run(self) -> None:
        self._spill = self._spill or self._open_spill()
        for run in self._sorted():
            edges = [0, *np.searchsorted(_hashes(run).key_high, bounds(BUCKETS)).tolist(), run.num_rows]
            self._runs.append(
                [self._spill.block(run.slice(start, stop - start)) if stop > start else None for start, stop in pairwise(edges)]
            )

    def _sorted(self) -> list[pa.RecordBatch]:
        """What waits, in order: one batch, unless its texts are too long for one."""
        waiting, self._waiting = self._waiting, []
        self._waiting_rows = self._waiting_bytes = 0
        batches = joined(waiting)
        del waiting
        return [batch.take(order_of(_hashes(batch))) for batch in batches]

    def buckets(self, count: int) -> Iterator[Hashed]:
        """Everything that was added, as `count` buckets (a power of two, at most `BUCKETS`) that follow one another."""
        spilled: Blocks | None = None
        if self._spill is None:
            runs = self._sorted()
            edges = [[0, *np.searchsorted(_hashes(run).key_high, bounds(count)).tolist(), run.num_rows] for run in runs]
        else:
            if self._waiting:
                self._end_run()
            part = self._spill.finish(durable=False)
            spilled = Blocks(self._spill.path, part.blocks)
        try:
            for bucket in range(count):
                if spilled is None:
                    parts = [run.slice(e[bucket], e[bucket + 1] - e[bucket]) for run, e in zip(runs, edges, strict=True)]
                else:
                    each = BUCKETS // count
                    numbers = [n for run in self._runs for n in run[bucket * each : (bucket + 1) * each] if n is not None]
                    parts = [spilled.block(number) for number in numbers]
                yield self._bucket(parts)
        finally:
            if spilled is not None:
                spilled.close()

    def _bucket(self, parts: list[pa.RecordBatch]) -> Hashed:
        if len(parts) > 1:
            (batch,) = joined(parts)
            batch = batch.take(order_of(_hashes(batch)))
        else:
            batch = parts[0] if parts else no_rows(self._schema)
        return Hashed(_hashes(batch), batch.select(list(range(len(Hashes._fields), batch.num_columns))))


def _hashes(batch: pa.RecordBatch) -> Hashes:
    return Hashes(*(batch.column(index).to_numpy() for index in range(len(Hashes._fields))))
