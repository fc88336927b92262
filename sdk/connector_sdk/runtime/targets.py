"""Where ``connector read -o`` puts rows: one file, a folder of parts, or standard output."""

from __future__ import annotations

import fnmatch
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import quote

import pyarrow as pa

from connector_sdk.contract import Batch, Checkpoint, Load, Receipt
from connector_sdk.errors import ConfigError
from connector_sdk.formats import FORMATS, BatchWriter, Format, Loss, format_of
from connector_sdk.runtime.file_sink import FileSink, Target
from connector_sdk.runtime.folder import LocalFolder
from connector_sdk.schema import Stream, WriteMode

__all__ = ["FileTarget", "FolderTarget", "OutputTarget", "StreamOutput", "open_target"]


def open_target(where: str, *, format: str | None = None, resumable: bool = False) -> OutputTarget:  # noqa: A002 - the option's name
    """The target that ``-o WHERE`` means: ``-`` is standard output, a name ending in ``/`` or an existing folder holds parts, any
    other is one file whose ending says its format. `resumable` says that the run has a state, so that a restart can go on.

    Raises ConfigError for an unknown format, LocalResourceError (code ``exists``) for a file that is there.
    """
    if format is not None and format not in FORMATS:
        raise ConfigError(f"there is no format {format!r}", hint=f"one of {', '.join(FORMATS)}")
    if where == "-":
        return StreamOutput(sys.stdout.buffer, FORMATS[format or "jsonl"])
    path = Path(where)
    if where.endswith("/") or path.is_dir():
        return FolderTarget(path, FORMATS[format or "parquet"], keep=resumable)
    chosen = FORMATS[format] if format else format_of(path)
    return FileTarget(path, chosen)


class OutputTarget:
    """What the three targets share as connectors: no discovery, nothing to check, and losses by their format."""

    mode = WriteMode.APPEND
    piece_bytes = 64 << 20

    def __init__(self, format: Format) -> None:  # noqa: A002
        self.format = format

    def check(self) -> None:
        return None

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        return ()

    def losses(self, stream: Stream) -> list[Loss]:
        return list(self.format.losses(stream.schema))

    def alter(self, want: Stream, have: Stream | None, *, dry_run: bool) -> list[str]:
        return []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        return None

    def resume(self, load: Load) -> Checkpoint | None:
        raise NotImplementedError

    def write(self, load: Load, piece: str, batches: Iterable[Batch]) -> Receipt:
        raise NotImplementedError

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        raise NotImplementedError


class _Files(OutputTarget):
    """A target made of files: the sink of `file_sink` behind it."""

    sink: FileSink

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self.sink.__exit__(kind, error, trace)

    def resume(self, load: Load) -> Checkpoint | None:
        return self.sink.resume(load)

    def write(self, load: Load, piece: str, batches: Iterable[Batch]) -> Receipt:
        return self.sink.write(load, piece, batches)

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        return self.sink.commit(load, receipts, at)


class FileTarget(_Files):
    """One file for one stream. It appears whole, when everything is in it, and never in place of another."""

    mode = WriteMode.REPLACE
    piece_bytes = 16 << 20  # a piece waits in memory until its checkpoint

    def __init__(self, path: Path, format: Format) -> None:  # noqa: A002
        super().__init__(format)
        self.path = path
        self._schemas: dict[str, pa.Schema] = {}
        self.sink = FileSink(LocalFolder(path.absolute().parent), self._target, overwrite=False, keep=False)

    def alter(self, want: Stream, have: Stream | None, *, dry_run: bool) -> list[str]:
        self._schemas[want.name] = want.schema
        if len(self._schemas) > 1:
            raise ConfigError(f"{self.path} is one file and holds one stream", hint="name a folder: -o DIR/")
        return []

    def _target(self, stream: Stream) -> Target:
        return Target(
            stream=stream.name,
            part=self.path.name,
            open=lambda file: self.format.writer(file, stream.schema),
            replaces=lambda _name: False,
        )


class FolderTarget(_Files):
    """A folder of parts, ``<stream>-<part>.<ending>``, each complete when it appears."""

    def __init__(self, path: Path, format: Format, *, keep: bool = True) -> None:  # noqa: A002
        super().__init__(format)
        self.path = path
        self.sink = FileSink(LocalFolder(path.absolute()), self._target, keep=keep)

    def _target(self, stream: Stream) -> Target:
        name = quote(stream.name, safe=" ()+,;=@&")
        return Target(
            stream=stream.name,
            part=f"{name}-{{part}}{self.format.suffix}",
            open=lambda file: self.format.writer(file, stream.schema),
            replaces=lambda found: fnmatch.fnmatchcase(found, f"{_literal(name)}-*-*-*{self.format.suffix}"),
        )


def _literal(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)


class StreamOutput(OutputTarget):
    """Standard output, or any file object. A piece is written at its checkpoint, so a retry repeats nothing."""

    piece_bytes = 1 << 20  # rows should be seen soon

    def __init__(self, file: BinaryIO, format: Format) -> None:  # noqa: A002
        super().__init__(format)
        self._file = file
        self._lock = threading.Lock()
        self._held: dict[str, list[pa.RecordBatch]] = {}
        self._writer: BatchWriter | None = None
        self._stream: Stream | None = None

    def alter(self, want: Stream, have: Stream | None, *, dry_run: bool) -> list[str]:
        if self._stream is not None and self._stream.name != want.name:
            raise ConfigError("one output holds one stream", hint="choose one with -s, or name a folder: -o DIR/")
        self._stream = want
        return []

    def resume(self, load: Load) -> Checkpoint | None:
        return None

    def write(self, load: Load, piece: str, batches: Iterable[Batch]) -> Receipt:
        rows = [batch.data for batch in batches if batch.data.num_rows]
        with self._lock:
            self._held[piece] = rows
        return Receipt(rows=sum(data.num_rows for data in rows), token=piece.encode())

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        if self._writer is None:
            self._writer = self.format.writer(self._file, load.streams[0].schema)
        for receipt in receipts:
            for data in self._held.pop(receipt.token.decode(), ()):
                self._writer.write(data)
        if at.done:
            self._writer.close()
        self._file.flush()
        return Receipt(rows=sum(receipt.rows for receipt in receipts))
