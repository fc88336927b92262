"""Streams published as files in a folder, here or far away, each row once: staged, named in a manifest, renamed, rolled forward.

Everything of a load that is not published lies in ``.connector/<load>/`` below the folder. A commit first writes
``checkpoint.json`` there in one step (temporary name, sync, rename): that is the moment it counts. Then the staged files get
their names. Whoever comes after a crash reads the manifest, finishes the renames, and drops what no manifest names.

::

    .connector/<load>/<piece>-0.part  ──┐
    .connector/<load>/<piece>-1.part  ──┤ commit: checkpoint.json says "a → orders-000007-0.csv, …" ──►  rename each
    .connector/<load>/checkpoint.json ◄─┘
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from connector_sdk.contract import Batch, Checkpoint, Load, Receipt, Split
from connector_sdk.errors import ConfigError, ConnectorError, InternalError, LocalResourceError, StateInvalidError
from connector_sdk.formats import BatchWriter
from connector_sdk.runtime.folder import Folder, Writer
from connector_sdk.schema import Stream, WriteMode

__all__ = ["STAGING", "FileSink", "Target"]

STAGING = ".connector"
"""The folder, below the target's, where loads stage. Its files are never data."""

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Target:
    """How one stream becomes files.

    `part` is a relative name with ``{part}`` where what tells parts apart goes (``orders-{part}.csv``). Without it the stream is
    one file, which appears when the load is done. `open` starts a file; `replaces` says which of the names that exist are this
    stream's, so that a REPLACE takes them away.
    """

    stream: str
    part: str
    open: Callable[[Writer], BatchWriter]
    replaces: Callable[[str], bool]

    @property
    def single(self) -> bool:
        """Whether the stream is one file."""
        return "{part}" not in self.part


@dataclass(kw_only=True)
class _Manifest:
    """The sink's truth about one load, as it stands in ``checkpoint.json``."""

    load: str
    id: int = 0
    states: Mapping[str, Any] = field(default_factory=dict)
    splits: Sequence[Any] = ()
    done: bool = False
    rows: int = 0
    staged: list[dict[str, Any]] = field(default_factory=list)  # REPLACE: [{stream, file}], kept until done
    moves: list[tuple[str, str]] = field(default_factory=list)
    removes: list[str] = field(default_factory=list)
    overwrite: bool = True

    def to_bytes(self) -> bytes:
        return json.dumps({"manifest": VERSION, **self.__dict__}, ensure_ascii=False, default=dict).encode()


@dataclass
class _Staged:
    """A staged file while it is being written."""

    name: str
    file: Writer
    writer: BatchWriter
    finished: bool = False

    def finish(self) -> None:
        """End the file and sync it; again is fine, since a commit may be tried again."""
        if not self.finished:
            self.writer.close()
            self.file.sync()
            self.file.close()
            self.finished = True


class FileSink:
    """The :class:`~connector_sdk.contract.Sink` methods ``resume``, ``write`` and ``commit`` over any :class:`Folder`.

    APPEND adds parts; REPLACE shows its files, and takes the old ones away, when the load is done. One-file targets cannot go on
    in the middle: their ``resume`` knows nothing of an unfinished load, and the engine starts it from its beginning. With
    `overwrite` off, a published name that is taken is an error (LocalResourceError, code ``exists``) and nothing is lost.
    `keep` off leaves nothing behind: for loads that end with this process, finished or not.
    """

    def __init__(self, folder: Folder, target: Callable[[Stream], Target], *, overwrite: bool = True, keep: bool = True) -> None:
        self._folder = folder
        self._target = target
        self._overwrite = overwrite
        self._keep = keep
        self._lock = threading.Lock()
        self._manifest: _Manifest | None = None
        self._singles: dict[str, _Staged] = {}
        self._pending: dict[str, list[pa.RecordBatch]] = {}  # rows for one-file streams, by token, until their commit

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        for single in self._singles.values():
            single.file.close()
        manifest = self._manifest
        if manifest is None or self._keep:
            return
        # A finished load whose state could not be saved keeps its manifest: the next run learns from it that it is finished.
        if kind is None or not manifest.done:
            with suppress(ConnectorError):
                self._clear(manifest.load)

    # -- the three verbs -----------------------------------------------------------------------------------------------------

    def resume(self, load: Load) -> Checkpoint | None:
        """The last checkpoint of `load`. Rolls its renames forward, and drops staging that was never committed.

        Raises StateInvalidError when the manifest is damaged.
        """
        manifest = self._read_manifest(load.id)
        self._manifest = manifest or _Manifest(load=load.id, overwrite=self._overwrite)
        if manifest is None or (not manifest.done and self._has_single(load)):
            self._clear(load.id)
            self._manifest = _Manifest(load=load.id, overwrite=self._overwrite)
            self._refuse_taken_names(load)
            return None
        self._roll_forward(manifest)
        self._discard_staging(load.id, keep={entry["file"] for entry in manifest.staged})
        return Checkpoint(
            id=manifest.id,
            states=manifest.states,
            splits=tuple(Split.from_json(split) for split in manifest.splits),
            done=manifest.done,
        )

    def write(self, load: Load, piece: str, batches: Iterable[Batch]) -> Receipt:
        """Stage one piece: a file per stream that has rows in it, synced; or, for one-file streams, its rows in memory."""
        self._check_mode(load)
        targets = {stream.name: self._target(stream) for stream in load.streams}
        open_files: dict[str, _Staged] = {}
        held: dict[str, list[pa.RecordBatch]] = {}
        rows = 0
        try:
            for batch in batches:
                if not batch.data.num_rows:
                    continue
                target = targets[batch.stream]
                rows += batch.data.num_rows
                if target.single:
                    held.setdefault(batch.stream, []).append(batch.data)
                    continue
                if batch.stream not in open_files:
                    name = f"{STAGING}/{load.id}/{piece}-{len(open_files)}.part"
                    file = self._folder.open_write(name)
                    open_files[batch.stream] = _Staged(name, file, target.open(file))
                open_files[batch.stream].writer.write(batch.data)
            for staged in open_files.values():
                staged.finish()
        except BaseException:
            for staged in open_files.values():
                with suppress(ConnectorError, OSError):
                    staged.file.close()
                    self._folder.remove(staged.name)
            raise
        entries = [{"stream": stream, "file": staged.name} for stream, staged in open_files.items()]
        for stream, data in held.items():
            key = f"{piece}:{stream}"
            with self._lock:
                self._pending[key] = data
            entries.append({"stream": stream, "held": key})
        return Receipt(rows=rows, token=json.dumps(entries).encode())

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        """Publish. The manifest is the moment that counts; the renames after it are repeated until they are done."""
        with self._lock:
            manifest = self._manifest or self._read_manifest(load.id) or _Manifest(load=load.id, overwrite=self._overwrite)
            if at.id <= manifest.id:
                if at.id < manifest.id:
                    raise InternalError(f"checkpoint {at.id} of load {load.id} comes after {manifest.id}")
                self._roll_forward(manifest)
                return Receipt(rows=manifest.rows)
            rows = sum(receipt.rows for receipt in receipts)
            entries = [entry for receipt in receipts for entry in json.loads(receipt.token or b"[]")]
            targets = {stream.name: self._target(stream) for stream in load.streams}
            for entry in entries:
                if "held" in entry:
                    self._append_single(load, targets[entry["stream"]], self._pending.pop(entry["held"], []))
            staged = [*manifest.staged, *(entry for entry in entries if "file" in entry)]
            later = load.mode is WriteMode.REPLACE and not at.done
            new = _Manifest(
                load=load.id,
                id=at.id,
                states=at.states,
                splits=[split.to_json() for split in at.splits],
                done=at.done,
                rows=rows,
                staged=staged if later else [],
                moves=[] if later else self._moves(load, at, targets, staged),
                overwrite=self._overwrite,
            )
            if at.done and load.mode is WriteMode.REPLACE:
                fresh = {new_name for _, new_name in new.moves}
                # Only files of the stream itself: what lies beside them is somebody else's.
                new.removes = sorted(name for name in self._existing(targets) if name not in fresh)
            if not self._overwrite:
                self._refuse([name for _, name in new.moves])
            if self._singles and not at.done:
                # Nothing of it is durable yet; see `resume`.
                self._manifest = new
                return Receipt(rows=rows)
            self._write_manifest(new)
            self._manifest = new
            self._roll_forward(new)
            if at.done:
                self._singles = {}
            return Receipt(rows=rows)

    # -- how ------------------------------------------------------------------------------------------------------------------

    def _check_mode(self, load: Load) -> None:
        if load.mode not in (WriteMode.APPEND, WriteMode.REPLACE):
            raise ConfigError(f"files offer append and replace, not {load.mode}")

    def _has_single(self, load: Load) -> bool:
        return any(self._target(stream).single for stream in load.streams)

    def _refuse_taken_names(self, load: Load) -> None:
        """Better before the first row than after the last."""
        if not self._overwrite:
            self._refuse([target.part for target in map(self._target, load.streams) if target.single])

    def _refuse(self, names: Iterable[str]) -> None:
        for name in names:
            if self._folder.stat(name) is not None:
                raise LocalResourceError(
                    f"{name} is there already, and is not written over", hint="name another file", code="exists"
                )

    def _append_single(self, load: Load, target: Target, batches: Iterable[pa.RecordBatch]) -> None:
        single = self._singles.get(target.stream)
        if single is None:
            single = self._open_single(load, target)
        for batch in batches:
            single.writer.write(batch)

    def _open_single(self, load: Load, target: Target) -> _Staged:
        number = [stream.name for stream in load.streams].index(target.stream)
        name = f"{STAGING}/{load.id}/whole-{number}.part"
        file = self._folder.open_write(name)
        single = self._singles[target.stream] = _Staged(name, file, target.open(file))
        return single

    def _moves(
        self, load: Load, at: Checkpoint, targets: Mapping[str, Target], staged: Iterable[Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        moves: list[tuple[str, str]] = []
        counts: dict[str, int] = {}
        for entry in staged:
            number = counts[entry["stream"]] = counts.get(entry["stream"], -1) + 1
            part = f"{load.id[:8]}-{at.id:06d}-{number}"
            moves.append((entry["file"], targets[entry["stream"]].part.replace("{part}", part)))
        if at.done:
            for stream, target in targets.items():
                if target.single:  # a stream without rows is an empty file, not a missing one
                    single = self._singles.get(stream) or self._open_single(load, target)
                    single.finish()
                    moves.append((single.name, target.part))
        return moves

    def _existing(self, targets: Mapping[str, Target]) -> set[str]:
        return {
            entry.name
            for entry in self._folder.list()
            if not entry.name.startswith(f"{STAGING}/") and any(target.replaces(entry.name) for target in targets.values())
        }

    def _roll_forward(self, manifest: _Manifest) -> None:
        folders: set[str] = set()
        for old, new in manifest.moves:
            if self._folder.stat(old) is None:
                continue  # done before
            self._folder.rename(old, new, replace=manifest.overwrite)
            folders.add(new.rpartition("/")[0])
        for name in manifest.removes:
            self._folder.remove(name)
            folders.add(name.rpartition("/")[0])
        for below in sorted(folders):
            self._folder.sync(below)

    def _path(self, load: str) -> str:
        return f"{STAGING}/{load}/checkpoint.json"

    def _write_manifest(self, manifest: _Manifest) -> None:
        path = self._path(manifest.load)
        file = self._folder.open_write(f"{path}.tmp")
        try:
            file.write(manifest.to_bytes())
            file.sync()
        finally:
            file.close()
        self._folder.rename(f"{path}.tmp", path)
        self._folder.sync(f"{STAGING}/{manifest.load}")

    def _read_manifest(self, load: str) -> _Manifest | None:
        path = self._path(load)
        if self._folder.stat(path) is None:
            return None
        file = self._folder.open_read(path)
        try:
            text = b"".join(iter(lambda: file.read(1 << 20), b""))
        finally:
            file.close()
        try:
            value = json.loads(text)
            if value.pop("manifest") != VERSION or value["load"] != load:
                raise ValueError
            value["moves"] = [(old, new) for old, new in value["moves"]]
            return _Manifest(**value)
        except (ValueError, KeyError, TypeError):
            raise StateInvalidError(
                f"the manifest {path} is damaged", hint="look at the folder, remove the manifest, and load again"
            ) from None

    def _discard_staging(self, load: str, keep: Iterable[str]) -> None:
        kept = {self._path(load), *keep}
        for entry in list(self._folder.list(f"{STAGING}/{load}")):
            if entry.name not in kept:
                self._folder.remove(entry.name)

    def _clear(self, load: str) -> None:
        for entry in list(self._folder.list(f"{STAGING}/{load}")):
            self._folder.remove(entry.name)
        self._folder.prune(f"{STAGING}/{load}")
