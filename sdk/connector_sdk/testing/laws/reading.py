"""Laws 1 to 3: a full read is the stream, a read goes on exactly where it stopped, and what comes late still arrives."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from connector_sdk import changes
from connector_sdk.contract import Batch, Split, State
from connector_sdk.runtime.reader import Reader, request
from connector_sdk.schema import Mode, Stream, Where
from connector_sdk.testing.comparison import difference, frozen_rows, show
from connector_sdk.testing.laws.subject import Stage, Subject, in_each_mode, last_state, require, rows_by_stream, spread

__all__ = ["every_row_once", "exact_states", "late_rows"]


def every_row_once(subject: Subject) -> str:
    """Law 1."""
    with subject.stage() as stage, stage.opened() as connector:
        streams = stage.read_in(connector, Mode.FULL)
        splits = connector.plan(streams, Mode.FULL)
        ids = [split.id for split in splits]
        require(
            len(set(ids)) == len(ids), f"two splits of the plan have one id: {sorted(i for i in ids if ids.count(i) > 1)[:2]}"
        )
        found = _full(connector, [travelled(split) for split in splits], streams)
        again = None if stage.simulator else _full(connector, connector.plan(streams, Mode.FULL), streams)
        for stream in streams:
            expected = stage.truth.rows(stream.name) if again is None else again[stream.name]
            problem = difference(expected, found[stream.name], repeats=Mode.FULL in stream.repeats)
            require(not problem, f"stream {stream.name!r}: {problem}")
            if stream.keys and Mode.FULL not in stream.repeats:
                twice = [key for key, n in Counter(frozen_rows(found[stream.name], stream.keys)).items() if n > 1]
                require(not twice, f"stream {stream.name!r}: {len(twice)} keys arrive twice, one is {twice and twice[0]}")
            if Mode.FULL not in stream.repeats:
                _reduced(connector, stream, expected)
        rows = sum(table.num_rows for table in found.values())
        return f"{rows} rows of {len(streams)} streams in {len(splits)} splits; also with fewer columns and with a predicate"


def travelled(split: Split) -> Split:
    """The split as another process gets it: through JSON, or through pickle."""
    through_json = Split.from_json(json.loads(json.dumps(split.to_json())))
    require(through_json == split, f"split {split.id!r} is another one after JSON")
    require(pickle.loads(pickle.dumps(split)) == split, f"split {split.id!r} is another one after pickle")  # noqa: S301 - ours
    return through_json


def _full(connector: Any, splits: Sequence[Split], streams: Sequence[Stream]) -> dict[str, pa.Table]:
    with ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda split: rows_by_stream(split, list(connector.read(split, None))), splits))
    return {
        stream.name: pa.concat_tables([stream.schema.empty_table(), *(t[stream.name] for t in tables if stream.name in t)])
        for stream in streams
    }


def _reduced(connector: Any, stream: Stream, everything: pa.Table) -> None:
    """A projection and a predicate give what they would give on the whole."""
    names = stream.schema.names[::-1][: max(1, len(stream.schema.names) // 2)]
    where = _middle(stream, everything)
    asked = request([stream], Mode.FULL, {stream.name: where} if where else {}, {stream.name: names})
    reader = Reader(connector, asked)
    batches = [batch.data for split in reader.plan() for batch in reader.read(split, None)]
    found = pa.Table.from_batches(batches, schema=asked.streams[0].schema)
    expected = everything
    if where:
        ((column, _, value),) = where[0]
        values = everything.column(column).to_pylist()
        mask = [v is not None and v >= value for v in values]
        expected = everything.filter(pa.array(mask, pa.bool_()))
    problem = difference(expected.select(names), found)
    require(not problem, f"stream {stream.name!r} with columns {', '.join(names)} and predicate {where}: {problem}")


def _middle(stream: Stream, data: pa.Table) -> Where:
    """A predicate that keeps about half of `data`, on the first column where one is easily told."""
    for field in stream.schema:
        if pa.types.is_integer(field.type) or pa.types.is_string(field.type):
            values = sorted(value for value in data.column(field.name).to_pylist() if value is not None)
            if values:
                return (((field.name, ">=", values[len(values) // 2]),),)
    return ()


def exact_states(subject: Subject) -> str:
    """Law 2."""
    # A live system moves between two reads: only its FULL reads are compared.
    return in_each_mode(subject, Mode if subject.config is None else (Mode.FULL,), _exact)


def _exact(stage: Stage, connector: Any, streams: Sequence[Stream], mode: Mode) -> str:
    states = checks = 0
    for split in connector.plan(streams, mode):
        start: State | None = None
        for epoch in range(1 if mode is Mode.FULL else 3):
            if epoch:
                stage.truth.change(epoch)
            batches = list(connector.read(split, start))
            last = last_state(split, batches)
            states += sum(batch.state is not None for batch in batches)
            checks += _from_everywhere(connector, split, start, batches)
            start = last
    return f"{states} states, {checks} reads between them"


def _from_everywhere(connector: Any, split: Split, start: State | None, batches: Sequence[Batch]) -> int:
    places = [(-1, start), *((i, batch.state) for i, batch in enumerate(batches) if batch.state is not None)]
    checks = 0
    for number, (index, state) in enumerate(spread(places, 7)):
        targets = [place for place in places if place[0] > index]
        for end, until in [(len(batches) - 1, None), *spread(targets, 3 if number else 5)]:
            if state is None and until is None:
                continue
            got = list(connector.read(split, state, until))
            problem = _compare(split, batches[index + 1 : end + 1], got)
            there = "the start" if index < 0 else f"the state after batch {index + 1}"
            here = "the end" if until is None else f"the state after batch {end + 1}"
            require(not problem, f"split {split.id!r}, from {there} until {here} of {len(batches)} batches: {problem}")
            last_state(split, got)
            checks += 1
    return checks


def _compare(split: Split, expected: Sequence[Batch], found: Sequence[Batch]) -> str | None:
    for stream in split.streams:
        want, have = (_rows(stream, batches, split.mode) for batches in (expected, found))
        names = want.schema.names
        problem = difference(want, have, repeats=split.mode in stream.repeats)
        if problem:
            return f"stream {stream.name!r}: {problem}"
        if split.mode is Mode.CHANGES and stream.keys and split.mode not in stream.repeats:
            for one, other in zip(_in_key_order(stream, want), _in_key_order(stream, have), strict=True):
                if one != other:
                    return f"stream {stream.name!r}: changes of one key in another order: {show(names, other)}"
    return None


def _rows(stream: Stream, batches: Sequence[Batch], mode: Mode) -> pa.Table:
    """The rows of one stream; of the reserved columns only the operation, since times and positions may be told anew."""
    schema = stream.schema
    data = [batch.data for batch in batches if batch.stream == stream.name]
    if mode is Mode.CHANGES:
        full = changes.change_schema(schema)
        schema = pa.schema([full.field(changes.OP), *(full.field(name) for name in schema.names)])
    return pa.Table.from_batches([batch.select(schema.names).cast(schema) for batch in data], schema=schema)


def _in_key_order(stream: Stream, data: pa.Table) -> list[tuple[Any, ...]]:
    rows = frozen_rows(data)
    keys = frozen_rows(data, stream.keys)
    return [rows[i] for i in sorted(range(len(rows)), key=lambda i: repr(keys[i]))]


def late_rows(subject: Subject) -> str:
    """Law 3."""
    return in_each_mode(subject, (Mode.INCREMENTAL, Mode.CHANGES), _late)


def _late(stage: Stage, connector: Any, streams: Sequence[Stream], mode: Mode) -> str:
    truth = stage.truth
    before = {stream.name: truth.rows(stream.name) for stream in streams}
    splits = connector.plan(streams, mode)
    first = {split.id: list(connector.read(split, None)) for split in splits}
    arrived: dict[str, set[Any]] = {stream.name: set() for stream in streams}
    at = {split.id: last_state(split, first[split.id]) for split in splits}
    for seed in range(1, 5):
        truth.change(seed)
        for split in splits:
            batches = list(connector.read(split, at[split.id]))
            at[split.id] = last_state(split, batches)
            _gather(arrived, split, batches)
    fresh = {s.name: Counter(frozen_rows(truth.rows(s.name))) - Counter(frozen_rows(before[s.name])) for s in streams}
    late = 0
    for stream in streams:
        _all_there(stream, fresh[stream.name], arrived[stream.name], "reading on after each change")
        if stream.cursor is not None:
            place = stream.schema.get_field_index(stream.cursor)
            passed = max((row[place] for row in frozen_rows(before[stream.name]) if row[place] is not None), default=None)
            late_here = sum(passed is not None and row[place] is not None and row[place] <= passed for row in fresh[stream.name])
            require(
                late_here, f"the simulator lets no row of {stream.name!r} become visible late: nothing is shown about this law"
            )
            late += late_here
    asked = 0
    for split in splits:
        for state in spread([batch.state for batch in first[split.id] if batch.state is not None], 5):
            arrived = {stream.name: set() for stream in streams}
            _gather(arrived, split, list(connector.read(split, state)))
            for other in splits:  # a stream may lie in several
                if other.id != split.id and {s.name for s in other.streams} & {s.name for s in split.streams}:
                    _gather(arrived, other, list(connector.read(other, last_state(other, first[other.id]))))
            for stream in split.streams:
                _all_there(stream, fresh[stream.name], arrived[stream.name], f"reading on from {json.dumps(state):.80}")
            asked += 1
    rows = sum(counter.total() for counter in fresh.values())
    return f"{rows} rows became visible, {late} of them with a cursor value passed before; all arrive, from {asked} states"


def _gather(into: dict[str, set[Any]], split: Split, batches: Sequence[Batch]) -> None:
    for stream in split.streams:
        into[stream.name] |= set(frozen_rows(_rows(stream, batches, split.mode).select(stream.schema.names)))


def _all_there(stream: Stream, expected: Counter[Any], arrived: set[Any], when: str) -> None:
    missing = [row for row in expected if row not in arrived]
    example = show(stream.schema.names, missing[0]) if missing else ""
    require(not missing, f"stream {stream.name!r}, {when}: {len(missing)} new rows never arrive, one is {example}")
