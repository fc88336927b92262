"""The bytes of a stream's files, in their order: small files fetched together, and any file from any record on."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import pyarrow as pa
from connector_sdk.formats import delimited, fixed_width
from connector_sdk.formats.compression import decompressed, gzipped
from connector_sdk.formats.fixed_width import Wanted
from connector_sdk.formats.layout import FixedWidth, Layout
from connector_sdk.runtime.folder import Entry, Folder, Reader

from connector_sftp.binding import Binding
from connector_sftp.config import SftpConfig
from connector_sftp.sftp_folder import SftpFolder

__all__ = ["Block", "Opener", "content", "decoded", "openers"]

Opener: TypeAlias = Callable[[int], Reader]
"""Opens one file at a byte offset."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Some records of a file: the rows of each stream, and where to go on; see the formats' own `Decoded`."""

    data: Mapping[str, pa.RecordBatch]
    rejects: pa.RecordBatch | None
    offset: int
    line: int | None


def openers(folder: Folder, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Opener]]:
    """Each of `entries` with the way to open it. On a server the small ones are on their way before they are asked for."""
    if not isinstance(folder, SftpFolder):
        for entry in entries:
            yield entry, partial(folder.open_read, entry.name)
        return
    for entry, whole in folder.open_many(entries):
        yield entry, partial(folder.open_read, entry.name) if whole is None else partial(_from_memory, whole)


def _from_memory(whole: Callable[[], bytes], offset: int) -> Reader:
    file = io.BytesIO(whole())
    file.seek(offset)
    return file


def decoded(
    layouts: Mapping[str, Layout],
    columns: Mapping[str, tuple[str, ...] | None],
    binding: Binding,
    config: SftpConfig,
    entry: Entry,
    opener: Opener,
    *,
    offset: int,
    line: int | None,
    stop: int | None,
) -> Iterator[Block]:
    """The records of one file between two byte offsets of its (uncompressed) content; `stop` None is its end.

    `layouts` are those of the streams to read, `columns` what of each. There are several only where one file holds them all.
    """
    with content(binding.settings.compression, entry, opener, offset) as whole:
        read = whole if stop is None else _until(whole, stop - offset)
        (stream, layout), *_ = layouts.items()
        limits = {"max_record_bytes": config.max_record_bytes, "block_bytes": config.block_bytes}
        if isinstance(layout.form, FixedWidth):
            wanted = {each.fixed_width.record or each.name: Wanted(name, columns[name]) for name, each in layouts.items()}
            for found in fixed_width.decode(layout, read, wanted, place=entry.name, offset=offset, line=line, **limits):
                yield Block(data=found.data, rejects=found.rejects, offset=found.offset, line=found.line)
            return
        for block in delimited.decode(
            layout, read, stream=stream, place=entry.name, offset=offset, line=line, columns=columns[stream], **limits
        ):
            yield Block(data={stream: block.data}, rejects=block.rejects, offset=block.offset, line=block.line)


@contextmanager
def content(compression: str, entry: Entry, opener: Opener, offset: int) -> Iterator[Callable[[int], bytes]]:
    """A function that reads on from byte `offset` of what is in the file once it is decompressed."""
    packed = compression == "gzip"
    if compression == "auto" and offset:  # what is not compressed can be entered anywhere
        head = opener(0)
        try:
            packed = gzipped(head.read(2))
        finally:
            head.close()
    start = 0 if packed or not offset else offset
    file = opener(start)
    try:
        kind = "none" if start else compression
        yield decompressed(file.read, place=entry.name, compression=kind, offset=offset - start)
    finally:
        file.close()


def _until(read: Callable[[int], bytes], left: int) -> Callable[[int], bytes]:
    def limited(size: int) -> bytes:
        nonlocal left
        data = read(min(size, left)) if left > 0 else b""
        left -= len(data)
        return data

    return limited
