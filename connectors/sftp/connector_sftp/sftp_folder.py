"""A folder on an SFTP server, with the verbs of `connector_sdk.runtime.folder.Folder`."""

from __future__ import annotations

import logging
import posixpath
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from connector_sdk.errors import ConfigError, ConnectorError, DataError, LocalResourceError, TransientError
from connector_sdk.runtime.folder import Entry, safe_name

from connector_sftp import protocol
from connector_sftp.config import SftpConfig
from connector_sftp.fetching import SMALL, fetch
from connector_sftp.protocol import Attributes, Refused, integer32, path_bytes, string
from connector_sftp.session import Session
from connector_sftp.window import WindowReader, WindowWriter
from connector_sftp.wire import Wire

__all__ = ["SftpFolder"]

logger = logging.getLogger(__name__)

LISTS_AHEAD = 4
GROUP = 64
"""Small files that are fetched by one turn on the line."""
NEW_FOLDER = protocol.integer32(protocol.HAS_PERMISSIONS) + integer32(0o777)
NEW_FILE = integer32(protocol.WRITE_FLAG | protocol.CREATE_FLAG | protocol.TRUNCATE_FLAG)


class SftpFolder:
    """The folder that `config` names. Connects when first used; :meth:`close` ends the connections."""

    def __init__(self, config: SftpConfig) -> None:
        self._config = config
        self._session = Session(config)
        self._resolved: str | None = None
        self._warned: set[str] = set()

    def close(self) -> None:
        """End the connections. Never raises."""
        self._session.close()

    def root(self) -> str:
        """The folder's absolute path. Raises ConfigError when it is not there, or is no folder."""
        if self._resolved is None:
            with self._session.lend() as wire:
                self._resolved = self._resolve(wire)
        return self._resolved

    def list(self, below: str = "", *, depth: int | None = None) -> Iterator[Entry]:
        """Regular files below `below`; `depth` 1 stays in it. What is no plain name is skipped, with a warning."""
        root = self.root()
        pending = [(below, depth)]
        while pending:
            folder, left = pending.pop()
            with self._session.lend() as wire:  # until the folder is listed: a million names are not held
                for name, about in self._list_one(wire, root, folder):
                    if about.is_folder:
                        if left is None or left > 1:
                            pending.append((name, None if left is None else left - 1))
                    elif about.is_file:
                        yield Entry(name=name, size=about.size or 0, mtime=float(about.mtime or 0))

    def stat(self, name: str) -> Entry | None:
        """The file `name`, or None."""
        path = self._path(name)
        with self._session.lend() as wire:
            try:
                about, _ = protocol.attributes(wire.call(protocol.STAT, path_bytes(path), expect=protocol.ATTRS), 0)
            except Refused as refused:
                if refused.code == protocol.NO_SUCH_FILE:
                    return None
                raise self._explain(name, refused) from None
        return Entry(name=name, size=about.size or 0, mtime=float(about.mtime or 0))

    def open_read(self, name: str, offset: int = 0) -> WindowReader:
        """The content of `name` from byte `offset`. Raises ConfigError when it does not exist or may not be read."""
        path = self._path(name)
        wire = self._session.borrow()
        with self._returned(wire):
            flags = integer32(protocol.READ_FLAG)
            try:
                number = wire.ask(protocol.OPEN, path_bytes(path), flags, protocol.NO_ATTRIBUTES)
                handle = wire.handle(*wire.answer(number))
                about, _ = protocol.attributes(wire.call(protocol.FSTAT, string(handle), expect=protocol.ATTRS), 0)
            except Refused as refused:
                raise self._explain(name, refused) from None
            release = partial(self._release, wire)
            return WindowReader(wire, handle, offset, size=about.size, release=release, explain=lambda r: self._explain(name, r))

    def open_many(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Callable[[], bytes] | None]]:
        """Each of `entries` with a way to its content: small ones are fetched ahead, together; None: open it yourself.

        The function that comes with a small file raises what opening it would have raised.
        """
        small: list[Entry] = []
        for entry in entries:
            if entry.size <= SMALL and len(small) < GROUP:
                small.append(entry)
                continue
            yield from self._fetched(small)
            small = []
            if entry.size <= SMALL:
                small.append(entry)
            else:
                yield entry, None
        yield from self._fetched(small)

    def open_write(self, name: str) -> WindowWriter:
        """A new file `name`; folders on the way are made."""
        path = self._path(name)
        wire = self._session.borrow()
        with self._returned(wire):
            try:
                handle = self._made(
                    wire,
                    name,
                    lambda: wire.call(protocol.OPEN, path_bytes(path), NEW_FILE, protocol.NO_ATTRIBUTES, expect=protocol.HANDLE),
                )
                content, _ = protocol.take_string(handle, 0)
            except Refused as refused:
                raise self._explain(name, refused) from None
            release = partial(self._release, wire)
            return WindowWriter(wire, content, release=release, explain=lambda r: self._explain(name, r))

    def rename(self, old: str, new: str, *, replace: bool = True) -> None:
        """Rename in one step, where the server has posix-rename@openssh.com or `new` is free; else by removing `new` first."""
        source, target = path_bytes(self._path(old)), path_bytes(self._path(new))
        with self._session.lend() as wire:
            try:
                if replace:
                    name = string(protocol.POSIX_RENAME.encode())
                    try:
                        self._made(wire, new, lambda: wire.call(protocol.EXTENDED, name, source, target))
                        return
                    except Refused as refused:
                        if refused.code != protocol.UNSUPPORTED:
                            raise
                try:
                    self._made(wire, new, lambda: wire.call(protocol.RENAME, source, target))
                except Refused:
                    if not self._exists(wire, target) or not self._exists(wire, source):
                        raise
                    if not replace:
                        raise LocalResourceError(
                            f"{self._config.place}: {new!r} is there already, and is not written over",
                            hint="name another file",
                            code="exists",
                        ) from None
                    wire.call(protocol.REMOVE, target)
                    wire.call(protocol.RENAME, source, target)
            except Refused as refused:
                raise self._explain(old, refused) from None

    def remove(self, name: str) -> None:
        """Delete a file; a missing one is fine."""
        path = self._path(name)
        with self._session.lend() as wire:
            try:
                wire.call(protocol.REMOVE, path_bytes(path))
            except Refused as refused:
                if refused.code != protocol.NO_SUCH_FILE:
                    raise self._explain(name, refused) from None

    def prune(self, below: str) -> None:
        """Remove the folder `below` and those above it, as long as they are empty. Never fails."""
        with suppress(ConnectorError), self._session.lend() as wire, suppress(Refused):
            while below:
                wire.call(protocol.RMDIR, path_bytes(self._path(below)))
                below = posixpath.dirname(below)

    def sync(self, below: str = "") -> None:
        """SFTP has no word for this: names are as safe as the server keeps them."""

    def _path(self, name: str) -> str:
        return posixpath.join(self.root(), safe_name(name))

    def _resolve(self, wire: Wire) -> str:
        wanted = self._config.folder
        try:
            found = protocol.names(wire.call(protocol.REALPATH, path_bytes(wanted), expect=protocol.NAME))
            path = found[0][0] if found else wanted
            about, _ = protocol.attributes(wire.call(protocol.STAT, path_bytes(path), expect=protocol.ATTRS), 0)
        except Refused as refused:
            if refused.code != protocol.NO_SUCH_FILE:
                raise self._explain(wanted, refused) from None
            raise ConfigError(
                f"there is no folder {wanted!r} on {self._config.host}", hint="check `folder`", code="no_folder"
            ) from None
        if about.mode is not None and not about.is_folder:
            raise ConfigError(f"{wanted!r} on {self._config.host} is not a folder", hint="check `folder`", code="no_folder")
        return path

    def _list_one(self, wire: Wire, root: str, folder: str) -> Iterator[tuple[str, Attributes]]:
        path = posixpath.join(root, safe_name(folder)) if folder else root
        try:
            body = wire.call(protocol.OPENDIR, path_bytes(path), expect=protocol.HANDLE)
        except Refused as refused:
            if refused.code == protocol.NO_SUCH_FILE and folder:
                return
            raise self._explain(folder or ".", refused) from None
        handle = string(protocol.take_string(body, 0)[0])
        ended = False
        asked = [wire.ask(protocol.READDIR, handle) for _ in range(LISTS_AHEAD)]
        links: list[str] = []
        while asked:
            try:
                entries = protocol.names(wire.expect(asked.pop(0), protocol.NAME))
            except Refused as refused:
                if refused.code != protocol.EOF:
                    raise self._explain(folder or ".", refused) from None
                ended = True
                continue
            if not ended:
                asked.append(wire.ask(protocol.READDIR, handle))
            for raw, about in entries:
                if raw in (".", ".."):
                    continue
                if not _plain(raw):
                    self._warn(raw)
                    continue
                name = f"{folder}/{raw}" if folder else raw
                if about.is_link:
                    links.append(name)
                else:
                    yield name, about
        wire.tell(protocol.CLOSE, handle)
        for name in links:
            target = self._target(wire, root, posixpath.join(root, name))
            if target is not None and not target.is_folder:
                yield name, target

    def _warn(self, raw: str) -> None:
        if raw not in self._warned and len(self._warned) < 1000:
            self._warned.add(raw)
            logger.warning("%s: skipped %r: not a plain file name", self._config.place, raw)

    def _target(self, wire: Wire, root: str, path: str) -> Attributes | None:
        """What a link leads to; None when that is missing, or outside of the root."""
        try:
            found = protocol.names(wire.call(protocol.REALPATH, path_bytes(path), expect=protocol.NAME))
            if not found or not found[0][0].startswith(root.rstrip("/") + "/"):
                return None
            return protocol.attributes(wire.call(protocol.STAT, path_bytes(path), expect=protocol.ATTRS), 0)[0]
        except Refused:
            return None

    def _fetched(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Callable[[], bytes] | None]]:
        if not entries:
            return
        if len(entries) == 1:
            yield entries[0], None
            return
        paths = [(self._path(entry.name), entry.size) for entry in entries]
        wire = self._session.borrow()
        clean = False
        try:
            for entry, result in zip(entries, fetch(wire, paths), strict=True):
                yield entry, partial(self._content, entry.name, result)
            clean = True
        finally:
            self._session.give_back(wire, clean=clean)

    def _content(self, name: str, result: bytes | Refused) -> bytes:
        if isinstance(result, Refused):
            raise self._explain(name, result)
        return result

    def _made(self, wire: Wire, name: str, attempt: Callable[[], protocol.Bytes]) -> protocol.Bytes:
        """`attempt`, once more after making the folders above `name` when it failed for want of them."""
        try:
            return attempt()
        except Refused as refused:
            if refused.code not in (protocol.NO_SUCH_FILE, protocol.FAILURE) or "/" not in name:
                raise
            denied: ConnectorError | None = None
            parts = name.split("/")[:-1]
            for count in range(1, len(parts) + 1):
                folder = posixpath.join(self.root(), *parts[:count])
                try:
                    wire.call(protocol.MKDIR, path_bytes(folder), NEW_FOLDER)
                except Refused as reason:  # it is there, or the next attempt tells
                    if reason.code == protocol.PERMISSION_DENIED:
                        denied = denied or self._explain("/".join(parts[:count]), reason)
            try:
                return attempt()
            except Refused as again:
                if denied is not None and again.code == protocol.NO_SUCH_FILE:
                    raise denied from None
                raise

    def _exists(self, wire: Wire, path: bytes) -> bool:
        try:
            wire.call(protocol.LSTAT, path, expect=protocol.ATTRS)
        except Refused:
            return False
        return True

    def _release(self, wire: Wire, clean: bool) -> None:
        self._session.give_back(wire, clean=clean)

    @contextmanager
    def _returned(self, wire: Wire) -> Iterator[None]:
        """Gives `wire` back when what follows fails; else it goes along with what was opened."""
        try:
            yield
        except ConnectorError:
            self._session.give_back(wire, clean=not wire.broken)
            raise
        except BaseException as error:
            self._session.give_back(wire, clean=False)
            if isinstance(error, ValueError | struct.error):
                raise TransientError(f"{self._config.place}: it sent a malformed answer: {error}", code="cut") from None
            raise

    def _explain(self, name: str, refused: Refused) -> ConnectorError:
        """What a refusal means to the user."""
        where = f"{self._config.place}: {name!r}"
        match refused.code:
            case protocol.NO_SUCH_FILE:
                return ConfigError(f"{where}: there is no such file", code="no_file")
            case protocol.PERMISSION_DENIED:
                return ConfigError(
                    f"{where}: permission denied", hint="what may this user read and write there?", code="permission"
                )
            case protocol.NO_CONNECTION | protocol.CONNECTION_LOST:
                return TransientError(f"{where}: {refused}", code="cut")
        return ConfigError(f"{where}: the server refused it: {refused}", code="refused")


def _plain(name: str) -> bool:
    if "/" in name:
        return False
    try:
        safe_name(name)
    except DataError:
        return False
    return True
