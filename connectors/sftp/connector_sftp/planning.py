"""How the reading of a stream is cut into splits: FULL by files, INCREMENTAL by a rule that does not depend on the files."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connector_sdk.contract import Split
from connector_sdk.runtime.folder import Entry
from connector_sdk.schema import JSON, Mode, Stream, Where

__all__ = ["LANES", "full_splits", "in_lane", "incremental_splits", "planned_files"]

FILES = 1000
"""Files in one split at most: its plan is part of the saved state."""
LANES = 4
"""INCREMENTAL splits of a stream without keys. Changing this makes states invalid."""


def full_splits(
    name: str,
    streams: Sequence[Stream],
    entries: Sequence[Entry],
    where: Mapping[str, Where],
    *,
    split_bytes: int,
    layout: str | None,
) -> Iterator[Split]:
    """Splits of about `split_bytes`: large files alone, small ones together. `layout` travels along when it was inferred."""
    for number, group in enumerate(_groups(entries, split_bytes)):
        spec: dict[str, JSON] = {"files": [[entry.name, entry.size, entry.mtime] for entry in group]}
        if layout is not None:
            spec["layout"] = layout
        left = _left(streams, where)
        yield Split(id=f"{name}:full:{number}", streams=tuple(streams), mode=Mode.FULL, spec=spec, left=left)


def _groups(entries: Sequence[Entry], split_bytes: int) -> Iterator[list[Entry]]:
    group: list[Entry] = []
    size = 0
    for entry in entries:
        if group and (size + entry.size > split_bytes or len(group) == FILES):
            yield group
            group, size = [], 0
        group.append(entry)
        size += entry.size
    if group:
        yield group


def incremental_splits(
    name: str, streams: Sequence[Stream], where: Mapping[str, Where], *, layout: str | None, by_size: bool
) -> Iterator[Split]:
    """One split for streams with keys, since all rows of a key must lie in one; several lanes for those without.

    Files are told to lanes by their names or, with `by_size`, by their sizes: copies of one another are in one lane then.
    """
    lanes = 1 if any(stream.keys for stream in streams) else LANES
    for lane in range(lanes):
        spec: dict[str, JSON] = {"lane": lane, "of": lanes}
        if by_size and lanes > 1:
            spec["by"] = "size"
        if layout is not None:
            spec["layout"] = layout
        own = f"{name}:incremental" if lanes == 1 else f"{name}:incremental:{lane}"
        yield Split(id=own, streams=tuple(streams), mode=Mode.INCREMENTAL, spec=spec, left=_left(streams, where))


def _left(streams: Sequence[Stream], where: Mapping[str, Where]) -> Mapping[str, Where]:
    # Nothing is pushed down: a file is read whole.
    return {stream.name: where[stream.name] for stream in streams if where.get(stream.name)}


def planned_files(split: Split) -> list[Entry]:
    """The files of a FULL split, as they were when it was planned."""
    spec = split.spec
    assert isinstance(spec, Mapping)
    files: Any = spec["files"]
    return [Entry(name=str(name), size=int(size), mtime=float(mtime)) for name, size, mtime in files]


def in_lane(split: Split, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Those of `entries` that belong to an INCREMENTAL split."""
    spec = split.spec
    assert isinstance(spec, Mapping)
    lane, lanes, by_size = int(str(spec["lane"])), int(str(spec["of"])), spec.get("by") == "size"
    for entry in entries:
        told = str(entry.size) if by_size else entry.name
        if lanes == 1 or zlib.crc32(told.encode("utf-8", "surrogateescape")) % lanes == lane:
            yield entry
