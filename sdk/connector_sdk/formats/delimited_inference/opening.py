"""A sample is read several times, each time from its start: a file, its bytes, or whatever begins to read it anew."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from connector_sdk.errors import ConfigError
from connector_sdk.formats.compression import decompressed
from connector_sdk.formats.delimited_inference.binary import refuse_office

__all__ = ["Opener", "Read", "Sample", "beginnings", "reader_of"]

Read: TypeAlias = Callable[[int], bytes]
Sample: TypeAlias = "Path | bytes | Callable[[], Read]"
"""A file, its bytes, or a function that begins to read it anew; gzip is told by its first bytes."""
Opener: TypeAlias = Callable[[], Iterator[Read]]
"""Gives one function to read the sample by; whoever closes the iterator closes the file."""


def beginnings(sample: Sample, limit: int | None) -> Iterator[Read]:
    """One function to read the sample's (decompressed) bytes from its start, at most `limit` of them."""
    if isinstance(sample, Path):
        try:
            with sample.open("rb") as file:
                refuse_office(file.read(4096), str(sample))
                file.seek(0)
                yield _limited(decompressed(file.read, place=str(sample)), limit)
        except OSError as error:
            raise ConfigError(f"{sample}: {error.strerror or error}") from None
    elif isinstance(sample, bytes):
        yield _limited(decompressed(reader_of(sample), place="the sample"), limit)
    else:
        yield _limited(decompressed(sample(), place="the sample"), limit)


def reader_of(data: bytes) -> Read:
    """The function that reads `data`."""
    return io.BytesIO(data).read


def _limited(read: Read, limit: int | None) -> Read:
    if limit is None:
        return read
    left = limit

    def some(size: int) -> bytes:
        nonlocal left
        data = read(min(size, left)) if left > 0 else b""
        left -= len(data)
        return data

    return some
