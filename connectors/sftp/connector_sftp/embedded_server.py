"""A small SFTP server inside this process, over a folder of this machine: for simulators, tests, and demos without an sshd.

::

    with EmbeddedServer(folder, user="demo", password="…") as server:
        server.port, server.fingerprint

It listens on loopback only. It is paramiko's server, correct but slow, and no more meant for production than that.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, OPEN_SUCCEEDED
from paramiko.sftp import SFTP_OK
from paramiko.sftp_attr import SFTPAttributes
from paramiko.sftp_handle import SFTPHandle
from paramiko.sftp_server import SFTPServer
from paramiko.sftp_si import SFTPServerInterface

__all__ = ["EmbeddedServer"]

LOG = "connector_sftp.embedded_server"
logging.getLogger(LOG).addHandler(logging.NullHandler())
logging.getLogger(LOG).propagate = False  # clients that go away are nothing to report


T = TypeVar("T")


class EmbeddedServer:
    """Serves `folder` to one `user`, by password or public key. Connections are served by daemon threads."""

    def __init__(
        self,
        folder: Path,
        *,
        user: str = "connector",
        password: str | None = None,
        key: paramiko.PKey | None = None,
        port: int = 0,
        host_key: paramiko.PKey | None = None,
        extra_names: Sequence[str] = (),
        forbidden: Sequence[str] = (),
    ) -> None:
        """`port` 0 takes a free one. `extra_names` are listed in every folder without being there, as an evil server would; files
        called as in `forbidden` may not be opened, and folders not be made."""
        self.folder = folder
        self.user = user
        self.host_key: paramiko.PKey = host_key or paramiko.ECDSAKey.generate()
        self.port = port
        self._password = password
        self._key = key
        self._extra_names = tuple(extra_names)
        self._forbidden = tuple(forbidden)
        self._listener: socket.socket | None = None
        self._transports: set[paramiko.Transport] = set()
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """``SHA256:…`` of the host key."""
        return self.host_key.fingerprint

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, args=(self._listener,), name="sftp-accept", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self.cut()

    def cut(self) -> int:
        """End all connections without a word, as a crash or a firewall would; how many there were."""
        with self._lock:
            transports, self._transports = self._transports, set()
        for transport in transports:
            with suppress(Exception):
                transport.close()
        return len(transports)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # answers are many and small
            threading.Thread(target=self._serve, args=(connection,), name="sftp-serve", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        transport: Any = paramiko.Transport(connection)  # what it hands out is typed as clients need it
        transport.set_log_channel(LOG)
        transport.add_server_key(self.host_key)
        transport.set_subsystem_handler("sftp", SFTPServer, _Files, self.folder.resolve(), self._extra_names, self._forbidden)
        with self._lock:
            self._transports = {t for t in self._transports if t.is_active()} | {transport}
        try:
            transport.start_server(server=_Login(self.user, self._password, self._key))
        except (paramiko.SSHException, EOFError, OSError):
            transport.close()


class _Login(paramiko.ServerInterface):
    def __init__(self, user: str, password: str | None, key: paramiko.PKey | None) -> None:
        self._user = user
        self._password = password
        self._key = key

    def get_allowed_auths(self, username: str) -> str:
        return ",".join(
            [*(["password"] if self._password is not None else []), *(["publickey"] if self._key is not None else [])]
        )

    def check_auth_password(self, username: str, password: str) -> int:
        return self._answer(self._password is not None and (username, password) == (self._user, self._password))

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return self._answer(self._key is not None and username == self._user and key.asbytes() == self._key.asbytes())

    def _answer(self, accepted: bool) -> int:
        return AUTH_SUCCESSFUL if accepted else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class _Handle(SFTPHandle):
    def __init__(self, file: int, flags: int) -> None:
        super().__init__(flags)
        self._file = file

    def close(self) -> None:
        os.close(self._file)

    def read(self, offset: int, length: int) -> bytes | int:
        return _tried(lambda: os.pread(self._file, min(length, 256 << 10), offset))

    def write(self, offset: int, data: bytes) -> int:  # type: ignore[override]  # paramiko hands on bytes; the stubs say Buffer
        def write() -> int:
            done = 0
            while done < len(data):
                done += os.pwrite(self._file, data[done:], offset + done)
            return SFTP_OK

        return _tried(write)

    def stat(self) -> SFTPAttributes | int:
        return _tried(lambda: SFTPAttributes.from_stat(os.fstat(self._file)))


class _Files(SFTPServerInterface):
    """The folder as the root of all there is: paths are resolved and kept inside."""

    def __init__(
        self, server: paramiko.ServerInterface, root: Path, extra_names: Sequence[str], forbidden: Sequence[str]
    ) -> None:
        super().__init__(server)
        self._root = root
        self._extra_names = extra_names
        self._forbidden = forbidden

    def _path(self, path: str) -> Path:
        # The last part stays as it is, so that a link can be renamed and removed; where it leads is checked when it is followed.
        parts = [part for part in os.path.normpath("/" + path).split("/") if part]
        where = self._root.joinpath(*parts)
        if not where.parent.resolve().is_relative_to(self._root) and where != self._root:
            raise PermissionError(errno.EACCES, "outside of the folder")
        return where

    def _followed(self, path: str) -> Path:
        where = self._path(path).resolve()
        if not where.is_relative_to(self._root):
            raise PermissionError(errno.EACCES, "outside of the folder")
        return where

    def canonicalize(self, path: str) -> str:
        inside = os.path.normpath("/" + path)
        with suppress(OSError):
            where = self._path(path).resolve()
            if where.is_relative_to(self._root):
                return "/" + where.relative_to(self._root).as_posix().removeprefix(".")
            return str(where)
        return inside

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        def read() -> list[SFTPAttributes]:
            found = [SFTPAttributes.from_stat(e.stat(follow_symlinks=False), e.name) for e in os.scandir(self._followed(path))]
            example = Path(__file__).stat()
            return [*found, *(SFTPAttributes.from_stat(example, name) for name in self._extra_names)]

        return _tried(read)

    def stat(self, path: str) -> SFTPAttributes | int:
        return _tried(lambda: SFTPAttributes.from_stat(self._followed(path).stat()))

    def lstat(self, path: str) -> SFTPAttributes | int:
        return _tried(lambda: SFTPAttributes.from_stat(self._path(path).lstat()))

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> SFTPHandle | int:
        def handle() -> SFTPHandle:
            where = self._followed(path)
            if where.name in self._forbidden:
                raise PermissionError(errno.EACCES, "forbidden")
            if where.is_dir():
                raise IsADirectoryError(errno.EISDIR, "a folder")
            return _Handle(os.open(where, flags | os.O_CLOEXEC, 0o666), flags)

        return _tried(handle)

    def remove(self, path: str) -> int:
        return self._do(lambda: self._path(path).unlink())

    def rename(self, oldpath: str, newpath: str) -> int:
        def rename() -> None:
            old, new = self._path(oldpath), self._path(newpath)
            if old.is_dir():
                old.rename(new)
            else:
                os.link(old, new)  # unlike rename(), it fails when the name is taken, as version 3 wants it
                old.unlink()

        return self._do(rename)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        return self._do(lambda: self._path(oldpath).replace(self._path(newpath)))

    def mkdir(self, path: str, attr: SFTPAttributes) -> int:
        def make() -> None:
            where = self._path(path)
            if where.name in self._forbidden:
                raise PermissionError(errno.EACCES, "forbidden")
            where.mkdir()

        return self._do(make)

    def rmdir(self, path: str) -> int:
        return self._do(lambda: self._path(path).rmdir())

    def _do(self, action: Callable[[], object]) -> int:
        result = _tried(action)
        return result if isinstance(result, int) else SFTP_OK


def _tried(action: Callable[[], T]) -> T | int:
    """What `action` returns, or the status for the OSError it raised."""
    try:
        return action()
    except OSError as error:
        return SFTPServer.convert_errno(error.errno or errno.EIO)
