"""The members of a tar, one after the other as they come: nothing of it is kept, whatever its size."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field

from connector_sdk.errors import DataError
from connector_sdk.formats.compression.limits import LIMITS, Limits
from connector_sdk.formats.compression.members import Member, Members, Read, member_name, refused_member
from connector_sdk.formats.compression.unpacking import skip

__all__ = ["tar_members"]

BLOCK = 512
NOTE = 1 << 20
"""Bytes that the long name or the attributes of one member may have."""
_REFUSED = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
    b"M": "the rest of a file in another volume",
}


def tar_members(read: Read, *, place: str, limits: Limits = LIMITS) -> Iterator[Member]:
    """The regular files of the tar behind `read`, which stands at its start: ustar, pax and GNU (POSIX 1003.1, pax; tar(5)).

    Folders are passed over. Raises DataError: ``unsafe_name``, ``unsafe_member`` for links and devices, ``truncated``,
    ``damaged``, ``bomb`` for too many members, ``archive`` for what this reader does not know. The blocks that end a tar must be
    there, and nothing but padding after them; a file's content has no check sum in a tar.
    """
    tar = _Tar(read, place)
    met = Members(place, limits)
    base = 0
    while (info := tar.header()) is not None:
        name = member_name(info.name, place)
        if info.type in _REFUSED or any(key.startswith("GNU.sparse") for key in info.pax_headers):
            raise refused_member(_REFUSED.get(info.type, "a sparse file"), name, place)
        if info.type in (tarfile.DIRTYPE, b"V") or info.name.endswith("/"):
            tar.skip(info.size)
            continue
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE):
            raise refused_member(f"of the unknown type {info.type!r}", name, place)
        met.meet(name)
        content = _Content(tar, info.size)
        yield Member(name=name, base=base, size=info.size, open=content.open)
        content.finish()
        base += info.size
    tar.finish()


@dataclass
class _Tar:
    """A tar's blocks in their order."""

    source: Read
    place: str
    _global: dict[str, str] = field(default_factory=dict)

    def header(self) -> tarfile.TarInfo | None:
        """The next member's header, with its long name and attributes; None at the end."""
        notes: dict[str, str] = {}
        while True:
            block = self.exactly(BLOCK)
            if not any(block):
                return None
            try:
                info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            except tarfile.HeaderError as error:
                raise DataError(
                    f"{self.place} is damaged: {error} in a tar header", hint="get it again", code="damaged"
                ) from None
            if info.size < 0:
                raise DataError(f"{self.place} is damaged: a member of {info.size} bytes", hint="get it again", code="damaged")
            match info.type:
                case tarfile.XHDTYPE | tarfile.SOLARIS_XHDTYPE:
                    notes |= self._attributes(info.size)
                case tarfile.XGLTYPE:
                    self._global |= self._attributes(info.size)
                case tarfile.GNUTYPE_LONGNAME:
                    notes["path"] = self._note(info.size).rstrip(b"\0").decode("utf-8", "surrogateescape")
                case tarfile.GNUTYPE_LONGLINK:
                    self._note(info.size)
                case _:
                    return self._with(info, self._global | notes)

    def _with(self, info: tarfile.TarInfo, notes: dict[str, str]) -> tarfile.TarInfo:
        info.pax_headers = notes
        info.name = notes.get("path", info.name)
        if "size" in notes:
            if not notes["size"].isdecimal():
                raise DataError(f"{self.place} is damaged: a member of {notes['size']!r} bytes", code="damaged")
            info.size = int(notes["size"])
        return info

    def _attributes(self, size: int) -> dict[str, str]:
        """Records ``LENGTH KEYWORD=VALUE\\n`` (POSIX 1003.1, pax, "pax Extended Header")."""
        found: dict[str, str] = {}
        data = self._note(size)
        while data.rstrip(b"\0"):
            length, _, _ = data.partition(b" ")
            end = int(length) if length.isdigit() else 0
            key, equals, value = data[len(length) + 1 : end - 1].partition(b"=")
            if end <= len(length) + 1 or end > len(data) or not equals:
                raise DataError(f"{self.place} is damaged: attributes that are none", hint="get it again", code="damaged")
            found[key.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
            data = data[end:]
        return found

    def _note(self, size: int) -> bytes:
        if size > NOTE:
            raise DataError(f"{self.place}: a member with a name or attributes of {size:,} bytes", code="bomb")
        data = self.exactly(size)
        self.exactly(-size % BLOCK)
        return data

    def exactly(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0:
            data = self.some(size)
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def some(self, size: int) -> bytes:
        data = self.source(size)
        if not data:
            raise DataError(f"{self.place} is truncated: it ends within the tar", hint="get it again", code="truncated")
        return data

    def skip(self, size: int) -> None:
        left = size + -size % BLOCK
        while left > 0:
            left -= len(self.some(min(left, 1 << 20)))

    def finish(self) -> None:
        """After the first of the blocks that end it there is padding, and what it is packed in ends well."""
        while data := self.source(1 << 18):
            if any(data):
                raise DataError(
                    f"{self.place} goes on after the end of its tar",
                    hint="tars joined by cat? Send them one by one",
                    code="archive",
                )


class _Content:
    """The content of the member that the tar stands at."""

    def __init__(self, tar: _Tar, size: int) -> None:
        self._tar = tar
        self._size = self._left = size

    def open(self, offset: int) -> Read:
        skip(self.read, offset - (self._size - self._left), self._tar.place)
        return self.read

    def read(self, size: int) -> bytes:
        if self._left <= 0:
            return b""
        data = self._tar.some(min(size, self._left))
        self._left -= len(data)
        return data

    def finish(self) -> None:
        while self.read(1 << 20):
            pass
        self._tar.exactly(-self._size % BLOCK)
