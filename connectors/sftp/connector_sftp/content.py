"""The records of a stream's files, in their order: small files fetched together, and any file from any record on."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa
from connector_sdk.formats import delimited, fixed_width
from connector_sdk.formats.fixed_width import Wanted
from connector_sdk.formats.layout import FixedWidth, Layout
from connector_sdk.runtime.folder import Entry, Folder, Reader

from connector_sftp.config import SftpConfig
from connector_sftp.parts import Part, Unpacking, parts
from connector_sftp.ranges import Opener
from connector_sftp.sftp_folder import SftpFolder

__all__ = ["Block", "Opener", "decoded", "openers"]


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
    unpacking: Unpacking,
    config: SftpConfig,
    entry: Entry,
    opener: Opener,
    *,
    offset: int,
    line: int | None,
    stop: int | None,
) -> Iterator[Block]:
    """The records of one file between two byte offsets of its content; `stop` None is its end.

    The content is what is in the file once it is decrypted and decompressed; that of an archive is all its members, joined.
    `layouts` are those of the streams to read, `columns` what of each. There are several only where one file holds them all.
    """
    with closing(parts(unpacking, entry, opener, offset)) as found:
        for part in found:
            if stop is not None and stop <= part.base:
                return
            cut = stop is not None and (part.size is None or stop < part.base + part.size)
            read = _until(part.read, (stop or 0) - part.base - part.offset) if cut else part.read
            held: Block | None = None
            for block in _blocks(layouts, columns, config, part, read, line if part.offset else 1):
                if held is not None:
                    yield held
                held = replace(block, offset=part.base + block.offset)
            if not cut:
                while part.read(1 << 20):  # what follows the last record may show that the member is damaged
                    pass
                if held is not None and part.size is not None:
                    held = replace(held, offset=part.base + part.size, line=1)
            if held is not None:
                yield held


def _blocks(
    layouts: Mapping[str, Layout],
    columns: Mapping[str, tuple[str, ...] | None],
    config: SftpConfig,
    part: Part,
    read: Callable[[int], bytes],
    line: int | None,
) -> Iterator[Block]:
    (stream, layout), *_ = layouts.items()
    place, offset = part.place, part.offset
    limits: Any = {"max_record_bytes": config.max_record_bytes, "block_bytes": config.block_bytes}
    if isinstance(layout.form, FixedWidth):
        wanted = {each.fixed_width.record or each.name: Wanted(name, columns[name]) for name, each in layouts.items()}
        for found in fixed_width.decode(layout, read, wanted, place=place, offset=offset, line=line, **limits):
            yield Block(data=found.data, rejects=found.rejects, offset=found.offset, line=found.line)
        return
    for block in delimited.decode(
        layout, read, stream=stream, place=place, offset=offset, line=line, columns=columns[stream], **limits
    ):
        yield Block(data={stream: block.data}, rejects=block.rejects, offset=block.offset, line=block.line)


def _until(read: Callable[[int], bytes], left: int) -> Callable[[int], bytes]:
    def limited(size: int) -> bytes:
        nonlocal left
        data = read(min(size, left)) if left > 0 else b""
        left -= len(data)
        return data

    return limited
