"""Law 5: a commit that is repeated changes nothing, neither at once nor by a process that comes later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector_sdk.contract import Batch, Checkpoint, Load, Receipt
from connector_sdk.schema import Mode, Stream, WriteMode
from connector_sdk.testing.comparison import difference
from connector_sdk.testing.laws.subject import WRITES, Stage, Subject, kit_source, require

__all__ = ["commit_once"]


def commit_once(subject: Subject) -> str:
    """Law 5."""
    told = []
    for write in WRITES:
        with subject.stage() as stage:
            with stage.opened() as sink:
                streams = [s for s in stage.written_in(sink) if write in s.writes]
            if not streams:
                told.append(f"{write}: not offered")
                continue
            for number, stream in enumerate(streams):
                _commit_twice(stage, Load(id=f"law5{write}{number}", streams=(stream,), mode=write))
            told.append(f"{write}: {len(streams)} streams")
    return "each commit repeated at once and after a restart; " + ", ".join(told)


def _commit_twice(stage: Stage, load: Load) -> None:
    (stream,), write = load.streams, load.mode
    pieces = _pieces(stage, stream, write)
    with stage.opened() as sink:
        sink.alter(stream, next(iter(sink.discover([stream.name])), None), dry_run=False)
        sink.resume(load)
        for number, piece in enumerate(pieces, start=1):
            receipts = [sink.write(load, f"piece-{number}", iter(piece))]
            at = Checkpoint(id=number, states={"split": {"v": 1, "n": number}}, done=number == len(pieces))
            first = sink.commit(load, receipts, at)
            content = stage.truth.rows(stream.name)
            again = sink.commit(load, receipts, at)
            _same(stage, stream, content, first, again, f"{write}, checkpoint {number}")
    with stage.opened() as sink:
        sink.resume(load)
        again = sink.commit(load, receipts, at)
        _same(stage, stream, content, first, again, f"{write}, checkpoint {at.id} after a restart")


def _same(stage: Stage, stream: Stream, content: Any, first: Receipt, again: Receipt, what: str) -> None:
    problem = difference(content, stage.truth.rows(stream.name))
    require(not problem, f"{what}, committed twice, changes stream {stream.name!r}: {problem}")
    same = (first.rows, first.token, first.returned) == (again.rows, again.token, again.returned)
    require(same, f"{what}, committed twice, gives another receipt: {first} and then {again}")


def _pieces(stage: Stage, stream: Stream, write: WriteMode) -> Sequence[Sequence[Batch]]:
    """Rows of the kit's source for `stream`, in two pieces."""
    with kit_source(stream, seed=5, rows=20, like=stage.simulator) as (_, source):
        mode = Mode.CHANGES if write is WriteMode.APPLY else Mode.INCREMENTAL
        (split,) = source.plan(tuple(source.discover()), mode)
        batches = list(source.read(split, None))
        return batches[: len(batches) // 2], batches[len(batches) // 2 :]
