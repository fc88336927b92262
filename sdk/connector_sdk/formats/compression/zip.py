"""The members of a zip, by its directory at the end: read by ranges, so that neither memory nor disk holds the archive."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Protocol

from connector_sdk.errors import ConnectorError, DataError
from connector_sdk.formats.compression.kinds import Kind
from connector_sdk.formats.compression.limits import LIMITS, Expansion, Limits
from connector_sdk.formats.compression.members import Member, Members, Read, member_name, refused_member
from connector_sdk.formats.compression.unpacking import content_of, inflated, skip

__all__ = ["Source", "zip_members"]

ENTRY = 1 << 10
"""Bytes that one entry of the directory may have, on the average."""
ENCRYPTED = 0x1
LOCAL = struct.Struct("<4s22xHH")
"""The local header: signature, length of name, length of extra field (APPNOTE 4.3.7)."""
ZSTD = 93


class Source(Protocol):
    """A file that is read from anywhere."""

    @property
    def size(self) -> int:
        """Its bytes."""
        ...

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from byte `offset`; ``b""`` at the end."""
        ...


def zip_members(source: Source, *, place: str, limits: Limits = LIMITS) -> Iterator[Member]:
    """The regular files of the zip in `source`, in the order in which they lie there, for use while the iterator is.

    The whole directory is checked before the first member: names, links, doubles, members that share bytes, sizes. Methods are
    stored, deflate, bzip2 and zstd. Raises DataError: ``unsafe_name``, ``unsafe_member``, ``truncated``, ``damaged``, ``bomb``,
    ``archive``; what a member's `open` gives raises ``encrypted``, ``damaged`` and ``method`` too.
    """
    infos = _directory(source, place, limits)
    met = Members(place, limits)
    met.count(len(infos))
    files = []
    total = 0
    for info in infos:
        name = member_name(info.filename, place)
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise refused_member("a symbolic link" if stat.S_ISLNK(mode) else "a device", name, place)
        if info.is_dir() or info.filename.endswith("\\"):
            continue
        met.meet(name)
        total += info.file_size
        files.append((name, info))
    expansion = Expansion(place, limits)
    expansion.took(source.size)
    expansion.gave(total)
    base = 0
    for name, info in files:
        yield Member(name=name, base=base, size=info.file_size, open=partial(_open, source, info, f"{place}!{name}", limits))
        base += info.file_size


def _directory(source: Source, place: str, limits: Limits) -> list[zipfile.ZipInfo]:
    file = _File(source, place, limits.members * ENTRY)
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            end = archive.start_dir
    except ConnectorError:
        raise
    except zipfile.BadZipFile:
        raise DataError(
            f"{place} is truncated or damaged: it has no zip directory at its end", hint="get it again", code="truncated"
        ) from None
    except (NotImplementedError, ValueError, struct.error, EOFError, OSError) as error:
        raise DataError(f"{place} is damaged: {error}", hint="get it again", code="damaged") from None
    infos.sort(key=lambda info: info.header_offset)
    for info, following in zip(infos, [*(each.header_offset for each in infos), end][1:], strict=True):
        if info.header_offset + LOCAL.size + info.compress_size > following:
            raise DataError(
                f"{place}: the members {info.filename!r} and the next share bytes, as in a bomb",
                hint="do not read it",
                code="bomb",
            )
    return infos


def _open(source: Source, info: zipfile.ZipInfo, place: str, limits: Limits, offset: int) -> Read:
    if info.flag_bits & ENCRYPTED:
        raise DataError(f"{place} is encrypted with a zip password", hint="send it by PGP, or unpack it beside", code="encrypted")
    raw = _Raw(source, info, place)
    expansion = Expansion(place, limits)
    match info.compress_type:
        case zipfile.ZIP_STORED:
            content: Read = raw.read
        case zipfile.ZIP_DEFLATED:
            content = inflated(raw.read, expansion, place)
        case zipfile.ZIP_BZIP2:
            content = content_of(Kind.BZ2, raw.read, place, limits, expansion=expansion)
        case 93:
            content = content_of(Kind.ZSTD, raw.read, place, limits, expansion=expansion)
        case method:
            raise DataError(f"{place} is packed by the zip method {method}", hint="deflate is what all know", code="method")
    checked = _Checked(content, info, place).read
    skip(checked, offset, place)
    return checked


class _Raw:
    """The packed bytes of one member."""

    def __init__(self, source: Source, info: zipfile.ZipInfo, place: str) -> None:
        header = b""
        while len(header) < LOCAL.size and (more := source.read_at(info.header_offset + len(header), LOCAL.size - len(header))):
            header += more
        if len(header) < LOCAL.size or header[:4] != b"PK\x03\x04":
            raise DataError(
                f"{place} is damaged: its header is not where the directory says", hint="get it again", code="damaged"
            )
        _, name, extra = LOCAL.unpack(header)
        self._source = source
        self._place = place
        self._at = info.header_offset + LOCAL.size + name + extra
        self._end = self._at + info.compress_size

    def read(self, size: int) -> bytes:
        if self._at >= self._end:
            return b""
        data = self._source.read_at(self._at, min(size, self._end - self._at))
        if not data:
            raise DataError(f"{self._place} is truncated", hint="get it again", code="truncated")
        self._at += len(data)
        return data


class _Checked:
    """A member's content, whose length and check sum must be those that the directory says."""

    def __init__(self, read: Read, info: zipfile.ZipInfo, place: str) -> None:
        self._read = read
        self._info = info
        self._place = place
        self._given = self._sum = 0

    def read(self, size: int) -> bytes:
        data = self._read(size)
        self._given += len(data)
        self._sum = zlib.crc32(data, self._sum)
        if self._given > self._info.file_size or (not data and self._given != self._info.file_size):
            what = f"{'more than ' if data else ''}{self._given:,} bytes, and {self._info.file_size:,} in the directory"
            raise DataError(f"{self._place} is damaged: it has {what}", hint="get it again", code="damaged")
        if not data and self._sum != self._info.CRC:
            raise DataError(f"{self._place} is damaged: its check sum is wrong", hint="get it again", code="damaged")
        return data


class _File(io.RawIOBase):
    """A `Source` as the file that zipfile reads a directory from; one read of more than `largest` bytes is refused."""

    def __init__(self, source: Source, place: str, largest: int) -> None:
        self._source = source
        self._place = place
        self._largest = largest
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        if at < 0:
            raise OSError("a seek before the start")
        self._at = at
        return at

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._source.size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > self._largest:
            raise DataError(
                f"{self._place} has a directory of {wanted:,} bytes", hint="a real archive? Then raise max_members", code="bomb"
            )
        parts: list[bytes] = []
        while wanted > 0 and (data := self._source.read_at(self._at, wanted)):
            parts.append(data)
            self._at += len(data)
            wanted -= len(data)
        return b"".join(parts)
