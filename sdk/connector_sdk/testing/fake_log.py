"""How the fake system's log is read: every row or change between two states, cut into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from connector_sdk import changes
from connector_sdk.contract import Batch, Split, State
from connector_sdk.schema import Mode, Stream
from connector_sdk.testing.fake_records import Entry, decode
from connector_sdk.testing.fake_system import System

__all__ = ["Step", "batch_of", "chunks", "steps_between"]


class Step(NamedTuple):
    """One row or change: where it lies in the log, and the state after it."""

    stream: Stream
    place: int
    entry: Entry
    after: State


def steps_between(system: System, split: Split, state: State | None, until: State | None) -> Iterator[Step]:
    """What `split` has after `state`, up to `until`.

    FULL: every n-th row, by where it was inserted. INCREMENTAL: the log. CHANGES: the rows as they are, in the order of the
    streams, and then the log from where it stood before they were read (``low``).
    """
    at: Any = state or {}
    end: Any = until or {}
    if split.mode is Mode.FULL:
        spec: Any = split.spec
        part, parts = spec
        for place, entry in system.live(split.streams[0].name).items():
            if place % parts == part and at.get("row", -1) < place <= end.get("row", place):
                yield Step(split.streams[0], place, entry, {"v": 1, "row": place})
        return
    if "rows" in at:
        for number, stream in enumerate(split.streams):
            for place, entry in system.live(stream.name).items():
                if at["rows"] < [number, place] <= end.get("rows", [number, place]):
                    after = {"v": 1, "low": at["low"], "rows": [number, place]}
                    yield Step(stream, place, entry._replace(op="r"), after)
        if "rows" in end:
            return
    streams = {stream.name: stream for stream in split.streams}
    for place in range(at.get("log", at.get("low", 0)), end.get("log", len(system.log))):
        entry = system.log[place]
        if entry.stream in streams and (split.mode is Mode.CHANGES or entry.op in "cu"):
            yield Step(streams[entry.stream], place, entry, {"v": 1, "log": place + 1})


def chunks(steps: Iterable[Step], most: int) -> Iterator[tuple[Stream, list[Step]]]:
    """Runs of at most `most` steps of one stream."""
    chunk: list[Step] = []
    for step in steps:
        if chunk and (step.stream is not chunk[0].stream or len(chunk) == most):
            yield chunk[0].stream, chunk
            chunk = []
        chunk.append(step)
    if chunk:
        yield chunk[0].stream, chunk


def batch_of(system: System, stream: Stream, mode: Mode, steps: Sequence[Step], state: State) -> Batch:
    """The steps as one batch; records that are none are its rejects."""
    found = decode(stream.name, system.streams[stream.name].schema, [(step.place, step.entry) for step in steps])
    data = found.data.select(stream.schema.names)
    if mode is Mode.CHANGES:
        keys = [stream.schema.get_field_index(key) for key in stream.keys]
        data = changes.build(
            data,
            [entry.op for _, entry in found.entries],
            pos=[place.to_bytes(8, "big") for place, _ in found.entries],
            known=[{"d": keys, "t": []}.get(entry.op) for _, entry in found.entries],
        )
    return Batch(stream=stream.name, data=data, state=state, rejects=found.rejects)
