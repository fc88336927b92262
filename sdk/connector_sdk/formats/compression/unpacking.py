"""The bytes inside a compressed file, a bounded piece at a time, to an end that is proved to be one."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import pyarrow as pa

from connector_sdk.errors import ConnectorError, DataError
from connector_sdk.formats.compression.kinds import HEAD, Kind, kind_of, named
from connector_sdk.formats.compression.limits import LIMITS, Expansion, Limits
from connector_sdk.formats.compression.members import Read

__all__ = ["Unpacked", "content_of", "decompressed", "inflated", "joined", "peek", "refuse_nested", "skip", "unpacked"]

MEMORY = 256 << 20
"""Bytes that an xz file may ask for; its own tool never asks for more than 65 MB."""


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """A file without its outer packing: `packed` is that, `kind` what is inside (NONE: plain bytes). A zip is not opened yet."""

    packed: Kind
    kind: Kind
    read: Read


def unpacked(read: Read, *, place: str, name: str | None = None, compression: str = "auto", limits: Limits = LIMITS) -> Unpacked:
    """What is in the file behind `read`, which stands at its start, once it is decompressed.

    `compression` is a :class:`Kind`, or ``auto``: what the first bytes say. `name` is the file's, for what its endings claim;
    `place`, if it is left out. Raises DataError: ``not_compressed`` when the file is not what it claims to be, ``nested`` for a
    packing in a packing; what is returned raises ``truncated``, ``damaged`` and ``bomb``.
    """
    if compression == Kind.NONE:
        return Unpacked(packed=Kind.NONE, kind=Kind.NONE, read=read)
    head = peek(read)
    found, claimed = kind_of(head), named(place if name is None else name)
    whole = joined(head, read)
    wanted = None if compression == "auto" else Kind(compression)
    if wanted is None and claimed and found is not claimed[0] and not _old_tar(head, claimed[0]):
        raise _not_what_it_claims(place, f"is called {claimed[0]}", claimed[0], head)
    if wanted is not None and not wanted.is_archive and found is not wanted:
        raise _not_what_it_claims(place, f"is to be {wanted}", wanted, head)
    if wanted is Kind.ZIP and found is not Kind.ZIP:
        raise _not_what_it_claims(place, "is to be zip", wanted, head)
    if found is Kind.ZIP:
        return Unpacked(packed=Kind.NONE, kind=Kind.ZIP, read=whole)
    if found is Kind.TAR or (found is Kind.NONE and _old_tar(head, Kind.TAR) and (wanted is Kind.TAR or claimed == (Kind.TAR,))):
        return Unpacked(packed=Kind.NONE, kind=Kind.TAR, read=whole)
    if found is Kind.NONE:
        if wanted is not None:
            raise _not_what_it_claims(place, f"is to be {wanted}", wanted, head)
        return Unpacked(packed=Kind.NONE, kind=Kind.NONE, read=whole)
    content = content_of(found, whole, place, limits)
    inner = peek(content)
    inside = kind_of(inner)
    is_tar = inside is Kind.TAR or ((claimed[1:] == (Kind.TAR,) or wanted is Kind.TAR) and _old_tar(inner, Kind.TAR))
    if (claimed[1:] == (Kind.TAR,) or wanted is Kind.TAR) and not is_tar:
        raise _not_what_it_claims(place, "is to be a tar once it is decompressed", Kind.TAR, inner)
    content = joined(inner, content)
    if is_tar and wanted in (None, Kind.TAR):
        return Unpacked(packed=found, kind=Kind.TAR, read=content)
    return Unpacked(packed=found, kind=Kind.NONE, read=refuse_nested(content, place))


def decompressed(read: Read, *, place: str, compression: str = "auto", offset: int = 0, limits: Limits = LIMITS) -> Read:
    """A function that reads the content behind `read`, which stands at the file's start, from byte `offset` of the content on.

    For files that hold one file: an archive is a DataError (code ``archive``). See :func:`unpacked` for the others.
    """
    found = unpacked(read, place=place, compression=compression, limits=limits)
    if found.kind.is_archive:
        raise DataError(f"{place} is a {found.kind} archive, a file was expected", hint="unpack it beside", code="archive")
    skip(found.read, offset, place)
    return found.read


def skip(read: Read, left: int, place: str) -> None:
    """Read `left` bytes and forget them. Raises DataError (code ``truncated``) when there are fewer."""
    wanted = left
    while left > 0:
        skipped = read(min(left, 1 << 20))
        if not skipped:
            raise DataError(f"{place} ends before byte {wanted:,}, where reading was to go on", code="truncated")
        left -= len(skipped)


def refuse_nested(read: Read, place: str) -> Read:
    """`read`, unless what it reads is itself packed. Raises DataError (code ``nested``): a bomb in a bomb, or a mistake."""
    head = peek(read)
    found = kind_of(head)
    if found is not Kind.NONE:
        raise DataError(
            f"{place}: what is inside is itself packed ({found}); packings within packings are not opened",
            hint="unpack the outer one beside, and read what is in it",
            code="nested",
        )
    return joined(head, read)


def peek(read: Read) -> bytes:
    """The first ``HEAD`` bytes, or all there are."""
    head = b""
    while len(head) < HEAD and (more := read(HEAD - len(head))):
        head += more
    return head


def joined(head: bytes, read: Read) -> Read:
    """What has been read already, then the rest."""
    left = [head]

    def both(size: int) -> bytes:
        if left[0]:
            data, left[0] = left[0][:size], left[0][size:]
            return data
        return read(size)

    return both


def _old_tar(head: bytes, claimed: Kind) -> bool:
    """Whether `head` is a tar header that only its check sum shows: it has no magic before 1988, nor when it is empty."""
    if claimed is not Kind.TAR or len(head) < HEAD:
        return False
    if not any(head):
        return True
    try:
        said = int(head[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return said == sum(head) - sum(head[148:156]) + 8 * 0x20


def _not_what_it_claims(place: str, claim: str, wanted: Kind, head: bytes) -> DataError:
    found = kind_of(head)
    if not head:
        return DataError(f"{place} {claim}, and is empty", hint="get it again", code="truncated")
    is_ = f"is {found}" if found is not Kind.NONE else f"is none: it begins with {head[:8]!r}"
    return DataError(
        f"{place} {claim}, and {is_}",
        hint="get it again; if it is right, say so with `compression: none`"
        if found is Kind.NONE
        else f"rename it, or say `compression: {found}`",
        code="truncated" if found is Kind.NONE and _begins(head, wanted) else "not_compressed",
    )


def _begins(head: bytes, wanted: Kind) -> bool:
    """Whether `head` may be a file of `wanted` that was cut off within its first bytes."""
    first = {
        Kind.GZIP: b"\x1f\x8b",
        Kind.BZ2: b"BZh",
        Kind.ZSTD: b"\x28\xb5\x2f\xfd",
        Kind.XZ: b"\xfd7zXZ\0",
        Kind.ZIP: b"PK\x03\x04",
    }.get(wanted)
    if first is None:
        return len(head) < HEAD
    return first.startswith(head[: len(first)]) and len(head) < 10


class _Decoder(Protocol):
    """One stream of a compressed file, as bz2 and lzma have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Inflate:
    """zlib's decompressor in the shape of the others."""

    def __init__(self, bits: int) -> None:
        self._inflate = zlib.decompressobj(bits)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max(max_length, 0))


_STREAMS: dict[Kind, Callable[[], _Decoder]] = {
    Kind.GZIP: lambda: _Inflate(zlib.MAX_WBITS | 16),
    Kind.BZ2: bz2.BZ2Decompressor,
    Kind.XZ: lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY),
}


def inflated(read: Read, expansion: Expansion, place: str) -> Read:
    """Raw deflate data, as a zip has them, decompressed."""
    return _Streams(read, lambda: _Inflate(-zlib.MAX_WBITS), "deflate", place, expansion, several=False).read


def content_of(kind: Kind, read: Read, place: str, limits: Limits, *, expansion: Expansion | None = None) -> Read:
    """What is in the compressed file behind `read`."""
    expansion = expansion or Expansion(place, limits)
    if kind is Kind.ZSTD:
        return _zstd(read, place, expansion)
    return _Streams(read, _STREAMS[kind], str(kind), place, expansion).read


class _Streams:
    """One compressed stream after the other, as `cat` joins them; zeroes between them are padding."""

    def __init__(
        self,
        read: Read,
        begin: Callable[[], _Decoder],
        kind: str,
        place: str,
        expansion: Expansion,
        *,
        several: bool = True,
    ) -> None:
        self._read = read
        self._begin = begin
        self._kind = kind
        self._place = place
        self._expansion = expansion
        self._several = several
        self._decoder = begin()
        self._rest = b""  # bytes after the end of a stream

    def read(self, size: int) -> bytes:
        while True:
            if self._decoder.eof:
                if not self._next():
                    return b""
                continue
            raw = b""
            if self._decoder.needs_input:
                raw, self._rest = self._rest or self._more(size), b""
            try:
                data = self._decoder.decompress(raw, size)
            except (zlib.error, OSError, lzma.LZMAError, EOFError) as error:
                raise DataError(f"{self._place} is damaged: {error}", hint="get it again", code="damaged") from None
            self._expansion.gave(len(data))
            if data:
                return data
            if self._decoder.needs_input and not raw and not self._decoder.eof:
                raise DataError(
                    f"{self._place} is truncated: its {self._kind} data do not end", hint="get it again", code="truncated"
                )

    def _next(self) -> bool:
        """Go on to the stream after the one that has ended; False at the end of the file."""
        if not self._several:
            return False
        rest = self._decoder.unused_data.lstrip(b"\0")
        while not rest:
            more = self._more(1 << 12)
            if not more:
                return False
            rest = more.lstrip(b"\0")
        self._rest = rest
        self._decoder = self._begin()
        return True

    def _more(self, size: int) -> bytes:
        data = self._read(min(max(size, 1 << 12), 1 << 18))
        self._expansion.took(len(data))
        return data


def _zstd(read: Read, place: str, expansion: Expansion) -> Read:
    """Zstandard by Arrow, which checks frames and their sums, and refuses windows of more than 128 MB."""
    file = _Input(read, expansion)
    stream = pa.CompressedInputStream(pa.PythonFile(cast(Any, file), mode="r"), "zstd")

    def content(size: int) -> bytes:
        try:
            data = stream.read(size)
        except ConnectorError:
            raise
        except (OSError, ValueError, pa.ArrowException) as error:
            cut = "Truncated" in str(error)
            what = "truncated: its zstd data do not end" if cut else f"damaged: {error}"
            raise DataError(f"{place} is {what}", hint="get it again", code="truncated" if cut else "damaged") from None
        expansion.gave(len(data))
        return bytes(data)

    return content


class _Input:
    """A `Read` as the file that Arrow expects."""

    closed = False

    def __init__(self, read: Read, expansion: Expansion) -> None:
        self._read = read
        self._expansion = expansion

    def read(self, size: int = -1) -> bytes:
        data = self._read(size if size > 0 else 1 << 16)
        self._expansion.took(len(data))
        return data

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """The file belongs to whoever opened it."""
