"""Laws 4, 11 and 12: a changes read marks its place before anything else, replicas converge, and states stay small for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

from connector_sdk.contract import STATE_LIMIT, Batch, Checkpoint, Split, State
from connector_sdk.runtime.state_store import MemoryStore
from connector_sdk.schema import Mode, Stream, Where, WriteMode
from connector_sdk.testing.comparison import Replica, difference
from connector_sdk.testing.fakes import FakeConnector
from connector_sdk.testing.laws.subject import (
    NotOffered,
    Stage,
    Subject,
    in_each_mode,
    kit_source,
    kit_target,
    last_state,
    require,
    spread,
    transfer,
)

__all__ = ["converge", "low_water_first", "small_states"]


def low_water_first(subject: Subject) -> str:
    """Law 4."""
    with subject.stage() as stage, stage.opened() as connector:
        streams = stage.read_in(connector, Mode.CHANGES)
        splits = connector.plan(streams, Mode.CHANGES)
        for split in splits:
            batches = iter(connector.read(split, None))
            first = next(batches, None)
            require(
                first is not None, f"the read of split {split.id!r} from no state gives nothing, not even its low-water state"
            )
            assert first is not None
            require(first.data.num_rows == 0, f"split {split.id!r}: the first batch from no state has {first.data.num_rows} rows")
            require(first.state is not None, f"split {split.id!r}: the first batch from no state carries no state")
            if stage.simulator is not None:
                # What happens after the low-water mark and before the next pull must not fall through.
                stage.truth.change(1)
            seen = [first, *batches] if stage.simulator is not None else [first]
            if stage.simulator is None:
                _close(batches)
                continue
            seen += connector.read(split, last_state(split, seen))
            _equal(stage, split, seen, "changed between the low-water state and the next pull")
        if stage.simulator is None:
            return f"the first batch of {len(splits)} splits is empty and carries a state"
    with subject.stage() as stage, stage.opened() as connector, kit_target() as (_, sink):
        watched = _Watched(connector, sink)
        transfer(watched, sink, stage.read_in(connector, Mode.CHANGES), Mode.CHANGES, WriteMode.APPLY, piece_rows=1_000_000)
        require(watched.uncommitted is None, f"the second batch was pulled before {watched.uncommitted} was committed")
    return f"the first batch of {len(splits)} splits is empty, carries a state, and is committed before the next is pulled"


def _close(batches: Iterator[Batch]) -> None:
    close = getattr(batches, "close", None)
    if close is not None:
        close()


class _Watched:
    """The source, looking at the sink's commits each time it is pulled after its first batch."""

    def __init__(self, source: Any, sink: FakeConnector) -> None:
        self._source = source
        self._sink = sink
        self.uncommitted: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        return None

    def check(self) -> None:
        self._source.check()

    def discover(self, only: Sequence[str] | None = None) -> Any:
        return self._source.discover(only)

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Any:
        return self._source.plan(streams, mode, where)

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        for number, batch in enumerate(self._source.read(split, state, until)):
            if number == 1 and state is None:
                committed: list[Checkpoint] = [load.at for load in self._sink.system.snapshot().loads.values()]
                if not any(split.id in at.states for at in committed):
                    self.uncommitted = f"the low-water state of split {split.id!r}"
            yield batch

    def ack(self, split: Split, state: State) -> None:
        self._source.ack(split, state)


def converge(subject: Subject) -> str:
    """Law 11."""
    told = []
    for part in (_as_source, _as_sink):
        try:
            told.append(part(subject))
        except NotOffered as reason:
            told.append(f"not offered: {reason}")
    if all(text.startswith("not offered") for text in told):
        raise NotOffered("no stream offers changes reads or takes change operations")
    return "; ".join(text for text in told)


def _as_source(subject: Subject) -> str:
    with subject.stage() as stage, stage.opened() as connector:
        streams = stage.read_in(connector, Mode.CHANGES)
        truth = stage.truth
        deleted = 0
        splits = connector.plan(streams, Mode.CHANGES)
        for split in splits:
            # The first read is overtaken by a change while it is at work; then each change is read on its own.
            history: list[list[Batch]] = [[]]
            for number, batch in enumerate(connector.read(split, None)):
                history[-1].append(batch)
                if number in (1, 3):
                    truth.change(100 + number)
            for seed in range(1, 5):
                before = {s.name: _keys(truth, s) for s in split.streams}
                truth.change(seed)
                deleted += sum(len(before[s.name] - _keys(truth, s)) for s in split.streams)
                history.append(list(connector.read(split, last_state(split, history[-1]))))
            seen = [batch for batches in history for batch in batches]
            _equal(stage, split, seen, "followed from no state")
            # A reader that stopped anywhere in the first read, and comes back only now, gets there as well.
            for index in spread([i for i, batch in enumerate(history[0]) if batch.state is not None], 6):
                prefix = history[0][: index + 1]
                rest = list(connector.read(split, prefix[-1].state))
                _equal(stage, split, [*prefix, *rest], f"stopped after batch {index + 1} and came back after the changes")
        require(deleted, "the simulator deletes no row: nothing is shown about deletes")
        return f"replicas of {len(streams)} streams equal the source after 6 changes and {deleted} deletes, wherever they stopped"


def _keys(truth: Any, stream: Stream) -> set[Any]:
    return set(zip(*(truth.rows(stream.name).column(key).to_pylist() for key in stream.keys), strict=True))


def _equal(stage: Stage, split: Split, batches: Sequence[Batch], when: str) -> None:
    for stream in split.streams:
        replica = Replica(stream.schema, stream.keys)
        replica.apply(batch.data for batch in batches if batch.stream == stream.name)
        problem = difference(stage.truth.rows(stream.name), replica.table())
        require(not problem, f"the replica of {stream.name!r}, {when}, is not the source: {problem}")


def _as_sink(subject: Subject) -> str:
    with subject.stage() as stage, stage.opened() as connector:
        streams = [s for s in stage.written_in(connector) if WriteMode.APPLY in s.writes and s.keys]
        if not streams:
            raise NotOffered("no stream takes change operations")
        for stream in streams:
            replica = Replica(stream.schema, stream.keys)
            replica.apply(stage.truth.rows(stream.name).to_batches())
            store = MemoryStore("laws")
            with kit_source(stream, seed=7, like=stage.simulator) as (kit, source):
                for seed in range(4):
                    told = tuple(source.discover())
                    (split,) = source.plan(told, Mode.CHANGES)
                    replica.apply(batch.data for batch in source.read(split, store.saved.states.get(split.id)))
                    transfer(source, connector, told, Mode.CHANGES, WriteMode.APPLY, store)
                    problem = difference(replica.table(), stage.truth.rows(stream.name))
                    require(not problem, f"change operations written to {stream.name!r}: {problem}")
                    kit.change(seed)
        return f"change operations written to {len(streams)} streams make them equal to their source"


def small_states(subject: Subject) -> str:
    """Law 12."""
    return in_each_mode(subject, Mode, _sizes)


CHANGES = 40


def _sizes(stage: Stage, connector: Any, streams: Sequence[Stream], mode: Mode) -> str:
    splits = list(connector.plan(streams, mode))
    ids = [split.id for split in splits]
    with stage.opened() as other:
        again = [split.id for split in other.plan(streams, mode)]
    require(ids == again, f"planned twice, the {mode} splits are called {ids[:3]} and then {again[:3]}")
    reader = _Sizes(connector, splits)
    aged = ""
    for seed in range(CHANGES + 1 if mode is not Mode.FULL and stage.simulator else 1):
        if seed:
            stage.truth.change(seed)
            now = [split.id for split in connector.plan(streams, mode)]
            require(now == ids, f"after a change of the data the {mode} splits are called {now[:3]}, before {ids[:3]}")
        reader.read_on()
    if growing := reader.growing():
        # It may be bounded all the same, somewhere below the limit: then the simulator can show it.
        age = stage.truth.age()
        require(age is not None, growing)
        aged = f", nor after {age}"
        reader.read_on()
    after = f" after {CHANGES} changes" if mode is not Mode.FULL and stage.simulator else ""
    return f"{len(ids)} splits keep their ids, no state over {reader.largest:,} bytes{after}{aged}"


class _Sizes:
    """Reads splits on and on, and looks how large their states become."""

    def __init__(self, connector: Any, splits: Sequence[Split]) -> None:
        self._connector = connector
        self._splits = splits
        self._at: dict[str, State] = {}
        self._history: dict[str, list[int]] = {split.id: [] for split in splits}
        self.largest = 0

    def read_on(self) -> None:
        """Read every split on from where it stands. Raises LawBrokenError for a state that is too large."""
        for split in self._splits:
            state = self._at.get(split.id)
            for number, batch in enumerate(self._connector.read(split, state)):
                if batch.state is not None:
                    state = batch.state
                    if number > 100 and number % 20:
                        continue  # thousands of states in one read are looked at one in twenty
                    size = len(json.dumps(state))
                    self.largest = max(self.largest, size)
                    require(size <= STATE_LIMIT, f"a state of split {split.id!r} is {size:,} bytes, {STATE_LIMIT:,} allowed")
            require(state is not None, f"the read of split {split.id!r} ends without a state")
            assert state is not None
            self._at[split.id] = state
            self._history[split.id].append(len(json.dumps(state)))
            self.largest = max(self.largest, self._history[split.id][-1])
            require(self.largest <= STATE_LIMIT, f"a state of split {split.id!r} is {self.largest:,} bytes")

    def growing(self) -> str | None:
        """Which split's state grows with the history, and how fast, or None."""
        for split_id, history in self._history.items():
            half = history[len(history) // 2 :]
            growth = half[-1] - half[0]
            steps = sum(later > earlier for earlier, later in pairwise(half))
            # Numbers gain a digit now and then; a state that grows with most changes remembers them all.
            if len(half) >= 10 and steps >= len(half) // 2 and growth >= 2 * len(half):
                return (
                    f"the state of split {split_id!r} grows by {growth / (len(half) - 1):.0f} bytes with each change: "
                    f"it reaches {STATE_LIMIT:,} after some {STATE_LIMIT * len(half) // growth:,} of them "
                    "(if something stops it before, give the simulator an age() that shows it)"
                )
        return None
