"""The bytes of SFTP version 3 (draft-ietf-secsh-filexfer-02) that a client needs, and OpenSSH's extensions of it. No I/O."""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Attributes", "Refused", "attributes", "integer64", "names", "string", "take_string"]

Bytes: TypeAlias = "bytes | memoryview"

INIT, VERSION, OPEN, CLOSE, READ, WRITE = 1, 2, 3, 4, 5, 6
LSTAT, FSTAT, OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME = 7, 8, 11, 12, 13, 14, 15, 16, 17, 18
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
EXTENDED = 200

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, NO_CONNECTION, CONNECTION_LOST, UNSUPPORTED = range(9)

READ_FLAG, WRITE_FLAG, CREATE_FLAG, TRUNCATE_FLAG = 0x01, 0x02, 0x08, 0x10
HAS_SIZE, HAS_OWNER, HAS_PERMISSIONS, HAS_TIMES, HAS_EXTENDED = 0x1, 0x2, 0x4, 0x8, 0x80000000

POSIX_RENAME = "posix-rename@openssh.com"
FSYNC = "fsync@openssh.com"

_INT = struct.Struct(">I")
_TWO_INTS = struct.Struct(">II")
_LONG = struct.Struct(">Q")
NO_ATTRIBUTES = _INT.pack(0)


class Refused(Exception):  # noqa: N818 - a status, not yet an error: who asked knows what it means
    """The server answered with a status other than OK."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text or f"status {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the server tells of a file; None where it does not."""

    size: int | None = None
    mode: int | None = None
    mtime: int | None = None

    @property
    def is_file(self) -> bool:
        return self.mode is None or stat.S_IFMT(self.mode) in (0, stat.S_IFREG)

    @property
    def is_folder(self) -> bool:
        return self.mode is not None and stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return self.mode is not None and stat.S_ISLNK(self.mode)


def string(value: bytes) -> bytes:
    """`value` with its length before it."""
    return _INT.pack(len(value)) + value


def path_bytes(path: str) -> bytes:
    """A path as the server wrote it, whatever its encoding."""
    return string(path.encode("utf-8", "surrogateescape"))


def integer32(value: int) -> bytes:
    return _INT.pack(value)


def integer64(value: int) -> bytes:
    return _LONG.pack(value)


def take_string(body: Bytes, at: int) -> tuple[bytes, int]:
    """The string at `at`, and where it ends. Raises struct.error or ValueError when the message is too short."""
    (length,) = _INT.unpack_from(body, at)
    end = at + 4 + length
    if end > len(body):
        raise ValueError("string reaches past the end of its message")
    return bytes(body[at + 4 : end]), end


def attributes(body: Bytes, at: int) -> tuple[Attributes, int]:
    """The attributes at `at`, and where they end."""
    (flags,) = _INT.unpack_from(body, at)
    at += 4
    size = mode = mtime = None
    if flags & HAS_SIZE:
        (size,) = _LONG.unpack_from(body, at)
        at += 8
    if flags & HAS_OWNER:
        at += 8
    if flags & HAS_PERMISSIONS:
        (mode,) = _INT.unpack_from(body, at)
        at += 4
    if flags & HAS_TIMES:
        _, mtime = _TWO_INTS.unpack_from(body, at)
        at += 8
    if flags & HAS_EXTENDED:
        (count,) = _INT.unpack_from(body, at)
        at += 4
        for _ in range(min(count, 1024)):
            _, at = take_string(body, at)
            _, at = take_string(body, at)
    return Attributes(size, mode, mtime), at


def names(body: Bytes) -> list[tuple[str, Attributes]]:
    """The entries of a NAME answer, as the server spells them: not to be trusted as paths."""
    (count,) = _INT.unpack_from(body, 0)
    at = 4
    found = []
    for _ in range(count):
        name, at = take_string(body, at)
        _, at = take_string(body, at)  # the line of `ls -l`
        about, at = attributes(body, at)
        found.append((name.decode("utf-8", "surrogateescape"), about))
    return found


def refusal(body: Bytes) -> Refused | None:
    """What a STATUS answer says: None for OK."""
    (code,) = _INT.unpack_from(body, 0)
    if code == OK:
        return None
    text = ""
    if len(body) > 4:
        raw, _ = take_string(body, 4)
        text = "".join(c if c.isprintable() else "?" for c in raw.decode("utf-8", "replace")[:500])
    return Refused(code, text)
