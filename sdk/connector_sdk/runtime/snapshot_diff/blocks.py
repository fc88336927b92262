"""Files of the index: written once, synced, and read back only as far as their checksums agree."""

from __future__ import annotations

import mmap
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector_sdk.runtime.folder import local_error
from connector_sdk.runtime.index_files import NewFile, damaged, missing

__all__ = [
    "Block",
    "BlockWriter",
    "Blocks",
    "Part",
    "PartFile",
    "joined",
    "no_rows",
    "storable",
    "words_of",
]

BLOCK_ROWS = 64 * 1024
BLOCK_BYTES = 8 << 20


class Block(NamedTuple):
    """One record batch of a file: an Arrow IPC stream of its own, so that its dictionaries are its own too."""

    length: int
    rows: int
    crc: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file as its generation's manifest tells it."""

    name: str
    size: int
    crc: int
    blocks: tuple[Block, ...] = ()

    @property
    def rows(self) -> int:
        return sum(block.rows for block in self.blocks)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "size": self.size, "crc": self.crc, "blocks": [list(block) for block in self.blocks]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Part:
        blocks = tuple(Block(*map(int, block)) for block in value["blocks"])
        return cls(name=str(value["name"]), size=int(value["size"]), crc=int(value["crc"]), blocks=blocks)


class PartFile:
    """A new file being written. `finish` makes it durable and says what it holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = NewFile(path)

    def write(self, data: Any) -> None:
        """Add what `data`, anything with a buffer, holds."""
        self._file.write(data)

    def finish(self, blocks: Sequence[Block] = (), *, durable: bool = True) -> Part:
        self._file.finish(durable=durable)
        return Part(name=self.path.name, size=self._file.size, crc=self._file.crc, blocks=tuple(blocks))

    def close(self) -> None:
        self._file.close()


class BlockWriter:
    """Record batches into a file, gathered and cut so that no block is very small or very large."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = PartFile(path)
        self._blocks: list[Block] = []
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def append(self, batch: pa.RecordBatch) -> None:
        """Add the rows of `batch`; all batches have one schema."""
        step = max(1, min(BLOCK_ROWS, BLOCK_BYTES * batch.num_rows // max(1, batch.nbytes)))
        for start in range(0, batch.num_rows, step):
            piece = batch.slice(start, step)
            self._waiting.append(piece)
            self._rows += piece.num_rows
            self._bytes += piece.nbytes
            if self._rows >= BLOCK_ROWS or self._bytes >= BLOCK_BYTES:
                self.flush()

    def flush(self) -> None:
        """End the block at hand."""
        for batch in joined(self._waiting):
            self.block(batch)
        self._waiting, self._rows, self._bytes = [], 0, 0

    def block(self, batch: pa.RecordBatch) -> int:
        """Write `batch` as one block. Returns its number."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        data = sink.getvalue()
        self._file.write(data)
        self._blocks.append(Block(length=data.size, rows=batch.num_rows, crc=zlib.crc32(data)))
        return len(self._blocks) - 1

    def finish(self, *, durable: bool = True) -> Part:
        self.flush()
        return self._file.finish(self._blocks, durable=durable)

    def close(self) -> None:
        self._file.close()


def no_rows(schema: pa.Schema) -> pa.RecordBatch:
    """A batch of nothing, of any types."""
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


def storable(type: Any) -> Any:  # noqa: A002 - the field's own word
    """The type in which values of `type` are kept: Arrow cannot reorder views yet."""
    types = pa.types
    if types.is_string_view(type):
        return pa.large_string()
    if types.is_binary_view(type):
        return pa.large_binary()
    if types.is_struct(type):
        return pa.struct([field.with_type(storable(field.type)) for field in type])
    if types.is_list(type) or types.is_large_list(type):
        make = pa.list_ if types.is_list(type) else pa.large_list
        return make(type.value_field.with_type(storable(type.value_type)))
    return type


def joined(batches: Sequence[pa.RecordBatch]) -> Sequence[pa.RecordBatch]:
    """The same rows in as few batches as can be."""
    if len(batches) < 2:
        return batches
    return pa.Table.from_batches(batches).combine_chunks().to_batches()


class Blocks:
    """Reads the blocks of a file. Raises StateInvalidError when the file is missing, or a block is not what was written."""

    def __init__(self, path: Path, blocks: Sequence[Block]) -> None:
        self.path = path
        self._blocks = blocks
        self._offsets = [0, *accumulate(block.length for block in blocks)]
        self._starts = [0, *accumulate(block.rows for block in blocks)]
        try:
            self._file = path.open("rb", buffering=0)
        except FileNotFoundError:
            raise missing(path) from None
        except OSError as error:
            raise local_error(error, path) from None
        self._last: tuple[int, pa.RecordBatch] | None = None

    def close(self) -> None:
        self._last = None
        with suppress(OSError):
            self._file.close()

    def block(self, number: int) -> pa.RecordBatch:
        """One block's rows."""
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        told = self._blocks[number]
        self._last = None  # free it before the next one comes
        data = bytearray(told.length)
        try:
            self._file.seek(self._offsets[number])
            view = memoryview(data)
            while view and (count := self._file.readinto(view)):
                view = view[count:]
        except OSError as error:
            raise local_error(error, self.path) from None
        if view or zlib.crc32(data) != told.crc:
            raise damaged(self.path, f"block {number + 1} of {len(self._blocks)} {'ends early' if view else 'has changed'}")
        with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
            batch = reader.read_next_batch()
        self._last = number, batch
        return batch

    def between(self, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """The rows from `start` up to `stop`."""
        while start < stop:
            number = bisect_right(self._starts, start) - 1
            first = self._starts[number]
            end = min(stop, self._starts[number + 1])
            yield self.block(number).slice(start - first, end - start)
            start = end


def words_of(content: mmap.mmap | None, width: int = 1) -> npt.NDArray[np.uint64]:
    """A mapped file of little-endian 64-bit words; with `width`, so many in each row."""
    words = np.frombuffer(content, "<u8") if content is not None else np.empty(0, "<u8")
    return words if width == 1 else words.reshape(-1, width)
