"""One snapshot against the generation before: which rows are new, which have other values, which are gone.

First the rows come in, in the source's own order, and are looked up in the index; new and changed ones are written down at once.
Then the old index and the sorted new rows are merged, bucket by bucket, into the new index, and what was not met is deleted.
Memory holds one chunk, a byte for each old row, and one bucket.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connector_sdk.changes import BEFORE, OP
from connector_sdk.errors import SchemaDriftError
from connector_sdk.runtime.snapshot_diff.blocks import Part, joined, no_rows, storable
from connector_sdk.runtime.snapshot_diff.brake import EXAMPLES, KeyProblems
from connector_sdk.runtime.snapshot_diff.history import INDEX, Draft
from connector_sdk.runtime.snapshot_diff.index import CHANGED, GONE, KEPT, REPLACED, Index
from connector_sdk.runtime.snapshot_diff.row_hash import Hashes, hash_rows, kind_of, plain
from connector_sdk.runtime.snapshot_diff.sorted_rows import BUCKETS, Hashed, SortedRows, bounds, order_of, same_as_next
from connector_sdk.schema import Stream
from connector_sdk.types import to_text

__all__ = ["Comparison", "conform"]

BUCKET_ROWS = 32 * 1024


class Comparison:
    """Call `add` with every chunk of the snapshot, then go through `merge`; `counts`, `parts` and `rows` are the outcome.

    `before`: whole rows are kept, so that changes can tell what was; `whole` says whether all are by now. Raises
    SchemaDriftError when the generation before has another key.
    """

    def __init__(self, stream: Stream, index: Index, draft: Draft, *, before: bool) -> None:
        self.stream = stream
        self.problems = KeyProblems(stream=stream.name, keys=stream.keys)
        self.counts = dict.fromkeys("rcud", 0)
        self.parts: dict[str, Part] = {}
        self.rows = 0
        self.whole = before
        self._index = index
        self._draft = draft
        self._before = before
        self._op = "r" if index.generation is None else "c"
        _same_keys(stream, index)
        # Whole rows are wanted, and the index has keys only: every row is stored anew.
        self._rebuild = before and not index.before and index.rows > 0
        nullable = [pa.field(field.name, storable(field.type)) for field in stream.schema]
        self._rows = pa.schema(nullable)
        self._kept = pa.schema([field for field in nullable if before or field.name in stream.keys])
        self._keys = self._deleted_schema = pa.schema([field for field in nullable if field.name in stream.keys])
        self._changed_schema = pa.schema([pa.field(OP, pa.string()), *nullable])
        if before:
            image = pa.field(BEFORE, pa.struct(nullable))
            self._deleted_schema = self._deleted_schema.append(image)
            self._changed_schema = self._changed_schema.append(image)
        self._sorted = SortedRows(self._kept, lambda: draft.blocks("spill"))
        self._changed = draft.blocks("changed")
        self._deleted = draft.blocks("deleted")

    @property
    def unseen(self) -> int:
        """How many rows of the generation before were not met."""
        return int(np.count_nonzero(self._index.marks == GONE))

    # -- the rows that are there now ----------------------------------------------------------------------------------------

    def add(self, chunk: pa.RecordBatch) -> None:
        """Some rows of the snapshot, with the stream's schema."""
        chunk = self._with_keys(conform(chunk, self._rows, strict=self._rows.names, stream=self.stream.name))
        if not chunk.num_rows:
            return
        hashes = hash_rows(chunk, self.stream.keys)
        if not self._index.rows:
            self.counts[self._op] += chunk.num_rows
            self._write_changed(pa.repeat(self._op, chunk.num_rows), chunk)
            self._sorted.add(Hashed(hashes, chunk.select(self._kept.names)))
            return
        order, hashes = self._each_once(chunk, hashes)
        at, known, same = self._index.find(hashes)
        again = known & (self._index.marks[at] != GONE)
        if again.any():
            self._note_duplicates(chunk, order[again])
            order, at, known, same = order[~again], at[~again], known[~again], same[~again]
            hashes = Hashes(*(words[~again] for words in hashes))
        updated = known & ~same
        self.counts["c"] += int(np.count_nonzero(~known))
        self.counts["u"] += int(np.count_nonzero(updated))
        self._index.marks[at[same]] = REPLACED if self._rebuild else KEPT
        self._index.marks[at[updated]] = CHANGED
        if self._rebuild:
            self._sorted.add(Hashed(hashes, chunk.select(self._kept.names).take(order)))
        elif not same.all():
            rows = np.flatnonzero(~same)
            fresh = Hashes(*(words[rows] for words in hashes))
            self._sorted.add(Hashed(fresh, chunk.select(self._kept.names).take(order[rows])))
        # In the order in which they came. What was before an update is known only when the old rows go by, in the merge.
        new = np.zeros(chunk.num_rows, np.bool_)
        new[order[~known]] = True
        told = new.copy()
        if not self._before:
            told[order[updated]] = True
        rows = np.flatnonzero(told)
        self._write_changed(_letters(new[rows], "c", "u"), chunk.take(rows))

    def _with_keys(self, chunk: pa.RecordBatch) -> pa.RecordBatch:
        missing: npt.NDArray[np.bool_] | None = None
        for key in self.stream.keys:
            column = plain(chunk.column(key))
            if column.null_count:
                nulls = column.is_null().to_numpy(zero_copy_only=False)
                missing = nulls if missing is None else missing | nulls
        if missing is None:
            return chunk
        rows = np.flatnonzero(missing)
        self.problems.nulls += len(rows)
        self._give_examples(self.problems.null_examples, chunk, rows)
        return chunk.filter(pa.array(~missing))

    def _each_once(self, chunk: pa.RecordBatch, hashes: Hashes) -> tuple[npt.NDArray[np.int64], Hashes]:
        order = order_of(hashes)
        hashes = Hashes(*(words[order] for words in hashes))
        twice = same_as_next(hashes)
        if twice.any():
            first = np.concatenate([np.ones(1, np.bool_), ~twice])
            self._note_duplicates(chunk, order[~first])
            order, hashes = order[first], Hashes(*(words[first] for words in hashes))
        return order, hashes

    def _note_duplicates(self, batch: pa.RecordBatch, rows: npt.NDArray[np.int64]) -> None:
        self.problems.duplicates += len(rows)
        self._give_examples(self.problems.duplicate_examples, batch, rows)

    def _give_examples(self, examples: list[str], batch: pa.RecordBatch, rows: npt.NDArray[np.int64]) -> None:
        examples.extend(
            ", ".join(f"{key}={batch.column(key)[row].as_py()!r:.60}" for key in self.stream.keys)
            for row in rows[: EXAMPLES - len(examples)].tolist()
        )

    def _write_changed(self, ops: pa.Array[Any], rows: pa.RecordBatch, before: pa.Array[Any] | None = None) -> None:
        columns = [ops, *rows.columns]
        if self._before:
            columns.append(pa.nulls(rows.num_rows, self._changed_schema.field(BEFORE).type) if before is None else before)
        if rows.num_rows:
            self._changed.append(pa.RecordBatch.from_arrays(columns, schema=self._changed_schema))

    # -- the new index, and the rows that are gone ------------------------------------------------------------------------------

    def merge(self, *, keep_unseen: bool) -> Iterator[None]:
        """Write the new index, a bucket at each step. With `keep_unseen`, rows that were not met stay as they were."""
        index = self._index
        if not keep_unseen:
            self.counts["d"] = self.unseen
        # Rows that were not met cannot be stored anew: the next snapshot will have to.
        self.whole = self._before and not (self._rebuild and keep_unseen and self.unseen)
        self.rows = index.rows - self.counts["d"] + self.counts["c"] + self.counts["r"]
        if index.generation is not None and not self._sorted.rows and not self.counts["d"] and self._as_stored():
            self.parts = {name: index.generation.parts[name] for name in INDEX}
        else:
            yield from self._write_index(keep_unseen)
        self.parts |= {"changed": self._changed.finish(), "deleted": self._deleted.finish()}

    def _as_stored(self) -> bool:
        """Whether the rows in the index are kept as they would be now."""
        stored = self._index.generation
        return stored is not None and stored.before == self._before and stored.stream.schema.equals(self.stream.schema)

    def _write_index(self, keep_unseen: bool) -> Iterator[None]:
        index, draft = self._index, self._draft
        lookup, entries, rows = draft.words("lookup"), draft.words("hashes"), draft.blocks("rows")
        buckets = 1
        while buckets < BUCKETS and buckets * BUCKET_ROWS < self.rows:
            buckets *= 2
        edges = [0, *np.searchsorted(index.high, bounds(buckets)).tolist(), index.rows]
        for number, fresh in enumerate(self._sorted.buckets(buckets)):
            twice = np.flatnonzero(same_as_next(fresh.hashes)) + 1
            if len(twice):
                self._note_duplicates(fresh.data, twice)
            start, stop = edges[number], edges[number + 1]
            marks = index.marks[start:stop]
            old = self._old(start, stop)
            if not keep_unseen:
                self._write_deleted(old, np.flatnonzero(marks == GONE))
            if self._before:
                self._write_updated(start, old, np.flatnonzero(marks == CHANGED), fresh)
            kept = np.flatnonzero((marks == KEPT) | ((marks == GONE) & keep_unseen))
            high = np.concatenate([index.high[start:stop][kept], fresh.hashes.key_high])
            order = np.argsort(high)
            hashes = [fresh.hashes.row_high, fresh.hashes.row_low, fresh.hashes.key_low]
            lookup.write(high[order])
            entries.write(np.concatenate([index.entries[start:stop][kept], np.stack(hashes, axis=1)])[order])
            if not old.schema.equals(self._kept):  # what is kept fits the new types; what has changed or gone need not
                old = conform(old.take(kept), self._kept, strict=self.stream.keys, stream=self.stream.name)
                kept = np.arange(len(kept))
            places = np.concatenate([kept, np.arange(fresh.data.num_rows) + old.num_rows])[order]
            for batch in joined([part for part in (old, fresh.data) if part.num_rows]):
                rows.append(batch.take(places))
            index.release()
            yield
        self.parts = {"lookup": lookup.finish(), "hashes": entries.finish(), "rows": rows.finish()}

    def _old(self, start: int, stop: int) -> pa.RecordBatch:
        """What the index keeps of a bucket's rows."""
        if start == stop:
            return no_rows(self._kept)
        (batch,) = joined(list(self._index.data(start, stop)))
        return batch

    def _write_deleted(self, old: pa.RecordBatch, rows: npt.NDArray[np.int64]) -> None:
        if not len(rows):
            return
        gone = old.take(rows)
        columns = list(conform(gone, self._keys, strict=self.stream.keys, stream=self.stream.name).columns)
        if self._before:
            columns.append(self._images(gone))
        self._deleted.append(pa.RecordBatch.from_arrays(columns, schema=self._deleted_schema))

    def _write_updated(self, start: int, old: pa.RecordBatch, rows: npt.NDArray[np.int64], fresh: Hashed) -> None:
        if not len(rows):
            return
        low = self._index.entries[start + rows, 2]
        at = np.searchsorted(fresh.hashes.key_high, self._index.high[start + rows])
        while (off := fresh.hashes.key_low[at] != low).any():
            at[off] += 1
        now = fresh.data.take(at)
        self._write_changed(pa.repeat("u", len(rows)), now, self._images(old.take(rows)))

    def _images(self, old: pa.RecordBatch) -> pa.Array[Any]:
        """Rows as they were, as far as the index has them: null when it has only their keys."""
        image = self._changed_schema.field(BEFORE).type
        if not self._index.before:
            return cast("pa.Array[Any]", pa.nulls(old.num_rows, image))
        return cast("pa.Array[Any]", conform(old, self._kept, strict=(), stream=self.stream.name).to_struct_array().cast(image))


def _letters(first: npt.NDArray[np.bool_], yes: str, no: str) -> pa.Array[Any]:
    return cast("pa.Array[Any]", pc.if_else(pa.array(first), yes, no))


def _same_keys(stream: Stream, index: Index) -> None:
    if index.generation is None:
        return
    then = index.generation.stream
    kinds = {key: kind_of(then.schema.field(key).type) for key in then.keys}
    fields = tuple(
        key
        for key in dict.fromkeys([*stream.keys, *then.keys])
        if key not in stream.keys or kinds.get(key) != kind_of(stream.schema.field(key).type)
    )
    if fields:
        raise SchemaDriftError(
            f"stream {stream.name!r} has another key than when its changes were last read: {_as_key(stream)}; "
            f"it was {_as_key(then)}",
            fields=fields,
            hint="by another key every row is another one: mend what was delivered, or reset the state and read everything again",
            stream=stream.name,
        )


def _as_key(stream: Stream) -> str:
    return ", ".join(f"{key} {to_text(stream.schema.field(key).type)}" for key in stream.keys) or "none"


def conform(batch: pa.RecordBatch, schema: pa.Schema, *, strict: Collection[str], stream: str) -> pa.RecordBatch:
    """Stored rows as `schema` has them now: fields that were not there are null, and so are values that no longer fit.

    Raises SchemaDriftError when that happens to a field of `strict`.
    """
    if batch.schema.equals(schema):
        return batch
    columns: list[pa.Array[Any]] = []
    for field in schema:
        column = batch.column(field.name) if field.name in batch.schema.names else pa.nulls(batch.num_rows, field.type)
        if column.type != field.type:
            try:
                column = column.cast(field.type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                if field.name in strict:
                    raise SchemaDriftError(
                        f"stream {stream!r}: a value that the index keeps does not fit field {field.name!r} any more: {error}",
                        fields=(field.name,),
                        hint="reset the state and read everything again",
                        stream=stream,
                    ) from None
                column = pa.nulls(batch.num_rows, field.type)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=schema)
