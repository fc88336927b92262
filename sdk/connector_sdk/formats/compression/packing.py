"""Content written compressed: the same bytes for the same content, whatever the pieces it comes in and whenever it is written."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, Protocol, cast

import pyarrow as pa

from connector_sdk.formats.compression.kinds import Kind
from connector_sdk.formats.format import Output, OutputFile

__all__ = ["WRITABLE", "Packer", "packer"]

WRITABLE = frozenset({Kind.GZIP, Kind.BZ2, Kind.ZSTD, Kind.XZ})
"""What content can be written in."""

CHUNK = 1 << 20
"""Bytes that a compressor gets at a time: what it makes of them may depend on where they are cut."""
LEVEL = 6


class Packer(Protocol):
    """An `Output` that compresses; `finish` writes what ends the file, and does not close it."""

    def write(self, data: bytes, /) -> int: ...
    def finish(self) -> None: ...


def packer(kind: Kind, out: Output) -> Packer:
    """A compressor in front of `out`, for one of the kinds that are ``WRITABLE``. Neither name nor time is in its header."""
    if kind is Kind.ZSTD:
        return _Zstd(out)
    return _Packer(_COMPRESSORS[kind](), out)


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


_COMPRESSORS: dict[Kind, Callable[[], _Compressor]] = {
    Kind.GZIP: lambda: zlib.compressobj(LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16),
    Kind.BZ2: bz2.BZ2Compressor,
    Kind.XZ: lzma.LZMACompressor,
}


class _Packer:
    def __init__(self, compressor: _Compressor, out: Output) -> None:
        self._compressor = compressor
        self._chunks = _Chunks(self._pack)
        self._out = out

    def write(self, data: bytes, /) -> int:
        return self._chunks.write(data)

    def finish(self) -> None:
        self._chunks.flush()
        self._out.write(self._compressor.flush())

    def _pack(self, data: bytes) -> None:
        if packed := self._compressor.compress(data):
            self._out.write(packed)


class _Zstd:
    """By Arrow, as one frame; without a check sum, which Arrow does not offer."""

    def __init__(self, out: Output) -> None:
        self._stream = pa.CompressedOutputStream(pa.PythonFile(cast(Any, OutputFile(out)), mode="w"), "zstd")
        self._chunks = _Chunks(self._stream.write)

    def write(self, data: bytes, /) -> int:
        return self._chunks.write(data)

    def finish(self) -> None:
        self._chunks.flush()
        self._stream.close()


class _Chunks:
    """Cuts what it is given into pieces of CHUNK bytes."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        while len(self._held) >= CHUNK:
            self._take(bytes(self._held[:CHUNK]))
            del self._held[:CHUNK]
        return len(data)

    def flush(self) -> None:
        if self._held:
            self._take(bytes(self._held))
            self._held.clear()
