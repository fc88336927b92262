"""A folder of files, here or far away: the few verbs that publishing files safely needs, and the local one.

Names are relative, with ``/`` between parts. A name that came from another system is never trusted as a path: it goes through
:func:`safe_name` before it touches a disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from connector_sdk.errors import ConfigError, DataError, LocalResourceError

__all__ = ["Entry", "Folder", "LocalFolder", "Reader", "Writer", "local_error", "safe_name"]

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")  # one search and not a loop: every name of a million passes here


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A regular file in a folder: its relative name, size in bytes, and modification time in seconds since 1970 (UTC)."""

    name: str
    size: int
    mtime: float


class Reader(Protocol):
    """What `Folder.open_read` returns."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes; ``b""`` at the end."""
        ...

    def close(self) -> None:
        """Release it; twice is fine."""
        ...


class Writer(Protocol):
    """What `Folder.open_write` returns."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data`."""
        ...

    def sync(self) -> None:
        """Return when what was written survives a crash, as far as the system offers that."""
        ...

    def close(self) -> None:
        """Release it; twice is fine. Does not sync."""
        ...


class Folder(Protocol):
    """Files below one root. Usable from several threads at once. Raises TransientError when trying again may help."""

    def list(self, below: str = "", *, depth: int | None = None) -> Iterator[Entry]:
        """Regular files below the folder `below`, recursively, in no order, one at a time. A missing folder is empty.

        `depth` says how many folders deep to look: 1 is `below` itself. Names starting with a dot are listed too; links that lead
        out of the root are not followed.
        """
        ...

    def stat(self, name: str) -> Entry | None:
        """The file `name`, or None."""
        ...

    def open_read(self, name: str, offset: int = 0) -> Reader:
        """The content of `name` from byte `offset`. Raises ConfigError when it does not exist or may not be read."""
        ...

    def open_write(self, name: str) -> Writer:
        """A new file `name`, replacing what is there; folders on the way are made."""
        ...

    def rename(self, old: str, new: str, *, replace: bool = True) -> None:
        """Rename in one step. Without `replace`, raises LocalResourceError (code ``exists``) when `new` is there."""
        ...

    def remove(self, name: str) -> None:
        """Delete a file; a missing one is fine."""
        ...

    def prune(self, below: str) -> None:
        """Remove the folder `below` and the folders above it, as long as they are empty. Never fails."""
        ...

    def sync(self, below: str = "") -> None:
        """Return when the names in folder `below` survive a crash, as far as the system offers that."""
        ...


def safe_name(name: str) -> str:
    """`name` itself, when it is a relative path without ``..``, empty parts, drive letters or control characters.

    Raises DataError otherwise: a name from another system is data, and this one tries to be something else.
    """
    parts = name.split("/")
    bad = (
        not name
        or _UNSAFE.search(name) is not None
        or any(part in ("", ".", "..") for part in parts)
        or (len(name) > 1 and name[1] == ":")
    )
    if bad:
        raise DataError(f"the file name {name!r} is not a plain relative name", code="unsafe_name")
    return name


def local_error(error: OSError, path: object) -> ConfigError | LocalResourceError:
    """The ConnectorError for an OSError of this machine, naming `path`."""
    import errno

    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.EROFS, errno.EFBIG):
        return LocalResourceError(f"{path}: {reason}", hint="nothing that was committed is lost; free space and run again")
    return ConfigError(f"{path}: {reason}")


class _LocalWriter:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("wb", buffering=0)

    def write(self, data: bytes, /) -> int:
        view = memoryview(data).cast("B")
        done = 0
        try:
            while done < len(view):
                done += self._file.write(view[done:]) or 0
        except OSError as error:
            raise local_error(error, self._path) from None
        return done

    def sync(self) -> None:
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise local_error(error, self._path) from None

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()


class LocalFolder:
    """A folder on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, name: str) -> Path:
        return self.root / safe_name(name)

    def list(self, below: str = "", *, depth: int | None = None) -> Iterator[Entry]:
        pending = [(below, depth)]
        while pending:
            folder, left = pending.pop()
            try:
                entries = os.scandir(self.root / safe_name(folder) if folder else self.root)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise local_error(error, self.root / folder) from None
            with entries:
                for entry in entries:
                    name = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if left is None or left > 1:
                            pending.append((name, None if left is None else left - 1))
                    elif entry.is_file(follow_symlinks=False) or self._inside(entry):
                        try:
                            found = entry.stat()
                        except FileNotFoundError:
                            continue  # removed while we looked
                        yield Entry(name=name, size=found.st_size, mtime=found.st_mtime)

    def _inside(self, entry: os.DirEntry[str]) -> bool:
        target = Path(entry.path).resolve()
        return target.is_file() and target.is_relative_to(self.root.resolve())

    def stat(self, name: str) -> Entry | None:
        try:
            found = self._path(name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise local_error(error, self._path(name)) from None
        return Entry(name=name, size=found.st_size, mtime=found.st_mtime)

    def open_read(self, name: str, offset: int = 0) -> Reader:
        path = self._path(name)
        try:
            file = path.open("rb", buffering=0)
            if offset:
                file.seek(offset)
        except FileNotFoundError:
            raise ConfigError(f"{path}: there is no such file") from None
        except OSError as error:
            raise local_error(error, path) from None
        return file

    def open_write(self, name: str) -> Writer:
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return _LocalWriter(path)
        except OSError as error:
            raise local_error(error, path) from None

    def rename(self, old: str, new: str, *, replace: bool = True) -> None:
        source, target = self._path(old), self._path(new)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if replace:
                source.replace(target)
            else:
                # rename() would replace silently; a link fails when the name is taken, unless by an earlier try of ours.
                if not (target.exists() and target.samefile(source)):
                    os.link(source, target)
                source.unlink()
        except FileExistsError:
            raise LocalResourceError(
                f"{target} is there already, and is not written over", hint="name another file", code="exists"
            ) from None
        except OSError as error:
            raise local_error(error, f"{source} → {target}") from None

    def remove(self, name: str) -> None:
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise local_error(error, self._path(name)) from None

    def prune(self, below: str) -> None:
        path = self._path(below)
        with suppress(OSError):
            while path != self.root:
                path.rmdir()
                path = path.parent

    def sync(self, below: str = "") -> None:
        path = self._path(below) if below else self.root
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise local_error(error, path) from None
