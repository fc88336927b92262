"""Files as batches, each with a state from which reading goes on exactly there: at a file, and a byte offset in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import ConfigError, SchemaDriftError, StateInvalidError
from connector_sdk.formats.layout import FixedWidth, Layout
from connector_sdk.runtime.folder import Entry
from connector_sdk.schema import Stream

from connector_sftp.binding import Binding
from connector_sftp.content import Block, Opener, decoded, openers
from connector_sftp.drops import Drops
from connector_sftp.planning import planned_files

__all__ = ["Decoding", "FullState", "read_full"]

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class FullState:
    """Where a FULL split stands: `at` counts files; within that file `offset` bytes of its uncompressed content are read.

    `size` and `mtime` are those of a file that is read in part: another file of its name cannot be gone on with.
    """

    at: int = 0
    offset: int = 0
    line: int | None = 1
    size: int | None = None
    mtime: float | None = None

    def to_state(self) -> State:
        return {"v": VERSION, **vars(self)}

    @classmethod
    def from_state(cls, state: State | None, split: str) -> FullState:
        """Raises StateInvalidError when it is not one of ours."""
        if state is None:
            return cls()
        values: dict[str, Any] = dict(state)
        try:
            if values.pop("v") != VERSION:
                raise ValueError
            found = cls(**values)
            if found.at < 0 or found.offset < 0:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise StateInvalidError(
                f"the state of {split!r} is not one of this connector",
                hint="`connector state reset FILE` reads everything again",
                split=split,
            ) from None
        return found


class Decoding:
    """What the files of one or, where they hold several, of some streams are decoded with, for one read."""

    def __init__(self, bound: Sequence[tuple[Stream, Binding, Layout]], drops: Drops) -> None:
        """Raises SchemaDriftError when a stream asks for fields that its layout does not have, or has with other types."""
        self._streams = {stream.name: stream for stream, _, _ in bound}
        self._layouts = {stream.name: layout for stream, _, layout in bound}
        self._unpacking = drops.unpacking(bound[0][1])
        self._config = drops.config
        self._columns: dict[str, tuple[str, ...] | None] = {}
        for stream, _, layout in bound:
            names = tuple(stream.schema.names)
            self._columns[stream.name] = None if names == layout.names else names
            known = {field.name: field.type for field in layout.fields}
            drifted = tuple(field.name for field in stream.schema if known.get(field.name) != field.type)
            if drifted:
                raise SchemaDriftError(
                    f"the layout of stream {stream.name!r} has other fields than were asked for: {', '.join(drifted)}",
                    fields=drifted,
                    hint="discover again; with a saved plan, reset the state",
                    stream=stream.name,
                )

    @property
    def only_whole(self) -> bool:
        """Whether there is no safe place to stop inside a file: its trailer must hold first."""
        return any(isinstance(layout.form, FixedWidth) and layout.form.checked for layout in self._layouts.values())

    def blocks(self, entry: Entry, opener: Opener, offset: int, line: int | None, stop: int | None = None) -> Iterator[Block]:
        """The records of `entry` between two byte offsets."""
        return decoded(
            self._layouts, self._columns, self._unpacking, self._config, entry, opener, offset=offset, line=line, stop=stop
        )

    def batches(self, block: Block | None, state: State | None) -> Iterator[Batch]:
        """A block, a batch for each stream that has rows in it, with its state at the last; None is a batch of no rows."""
        streams = [name for name in self._streams if block is not None and block.data[name].num_rows] or list(self._streams)[:1]
        for name in streams:
            schema = self._streams[name].schema
            columns: Sequence[Any] = [pa.array([], field.type) for field in schema] if block is None else block.data[name].columns
            yield Batch(
                stream=name,
                data=pa.RecordBatch.from_arrays(columns, schema=schema),
                state=state if name == streams[-1] else None,
                rejects=None if block is None or name != streams[0] else block.rejects,
            )


def read_full(drops: Drops, decoding: Decoding, split: Split, state: State | None, until: State | None) -> Iterator[Batch]:
    """The rows of a FULL split after `state`.

    A file that is read in part must still be the same one; one that is not begun is read as it is now. Raises StateInvalidError
    when a planned file is gone, or the one read in part has been replaced.
    """
    files = planned_files(split)
    start = FullState.from_state(state, split.id)
    end = FullState(at=len(files)) if until is None else FullState.from_state(until, split.id)
    last = end.to_state() if until is None else until
    if start.at > len(files) or end.at > len(files):
        raise StateInvalidError(f"the state of {split.id!r} is beyond its plan", split=split.id)
    if start.offset:
        _require_same(drops, files[start.at], start, split)
    elif end.offset and end.at < len(files):
        _require_same(drops, files[end.at], end, split)
    emitted = False
    through = files[start.at : end.at + (1 if end.offset else 0)]
    for at, (entry, opener) in enumerate(openers(drops.folder, through), start.at):
        first = at == start.at
        held: Block | None = None
        try:
            blocks = decoding.blocks(
                entry,
                opener,
                start.offset if first else 0,
                start.line if first else 1,
                end.offset if at == end.at else None,
            )
            for block in blocks:
                if held is not None:
                    here = FullState(at=at, offset=held.offset, line=held.line, size=entry.size, mtime=entry.mtime)
                    yield from decoding.batches(held, None if decoding.only_whole else here.to_state())
                held = block
        except ConfigError:
            _raise_if_gone(drops, entry, split)
            raise
        following = FullState(at=at + 1)
        emitted = following == end or at == end.at
        yield from decoding.batches(held, last if emitted else following.to_state())
    if not emitted:
        yield from decoding.batches(None, last)


def _require_same(drops: Drops, planned: Entry, state: FullState, split: Split) -> None:
    _raise_if_gone(drops, planned, split)
    found = drops.folder.stat(planned.name)
    if found is not None and (found.size, found.mtime) != (state.size, state.mtime):
        raise StateInvalidError(
            f"{planned.name} was replaced after {state.offset:,} bytes of it had been read",
            hint="`connector state reset FILE` starts the read anew",
            code="replaced",
            split=split.id,
        )


def _raise_if_gone(drops: Drops, planned: Entry, split: Split) -> None:
    if drops.folder.stat(planned.name) is None:
        raise StateInvalidError(
            f"{planned.name} was there when the read was planned, and is gone",
            hint="run again; with a state file, `connector state reset FILE` first",
            code="gone",
            split=split.id,
        )
