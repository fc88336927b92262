"""An SFTP server of fifty lines that misbehaves on request: short reads, answers out of order, nonsense."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from connector_sftp import protocol
from connector_sftp.protocol import integer32, string
from connector_sftp.wire import Wire


@contextmanager
def scripted(
    files: Mapping[str, bytes], *, most: int = 1 << 20, shuffle: int | None = None, garbage: bytes | None = None, cut: int = -1
) -> Iterator[Wire]:
    """A wire to a server that has `files`, gives at most `most` bytes per read, answers in random order (seed `shuffle`), sends
    `garbage` in place of every answer, or goes away after `cut` answers."""
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=_serve, args=(theirs, files, most, shuffle, garbage, cut), daemon=True)
    thread.start()
    wire = Wire(ours, place="scripted", timeout=5)
    try:
        yield wire
    finally:
        wire.close()
        thread.join(5)
        theirs.close()


def _serve(
    channel: socket.socket, files: Mapping[str, bytes], most: int, shuffle: int | None, garbage: bytes | None, cut: int
) -> None:
    order = random.Random(shuffle)
    pending: list[bytes] = []
    buffer = b""
    answered = 0

    def requests() -> Iterator[bytes]:
        nonlocal buffer
        while len(buffer) >= 4 and len(buffer) >= 4 + int.from_bytes(buffer[:4], "big"):
            size = int.from_bytes(buffer[:4], "big")
            yield buffer[4 : 4 + size]
            buffer = buffer[4 + size :]

    while True:
        try:
            data = channel.recv(1 << 16)
            if not data:
                return
            buffer += data
            pending += [_answer(request, files, most) for request in requests()]
            if shuffle is not None:
                order.shuffle(pending)
            for answer in pending:
                if answered == cut:
                    channel.close()
                    return
                first = answer[0] == protocol.VERSION
                body = answer if garbage is None or first else garbage
                channel.sendall(struct.pack(">I", len(body)) + body)
                answered += 1
            pending.clear()
        except OSError:
            return


def _answer(request: bytes, files: Mapping[str, bytes], most: int) -> bytes:
    kind, number = request[0], request[1:5]
    if kind == protocol.INIT:
        return bytes([protocol.VERSION]) + integer32(3)
    name = protocol.take_string(request, 5)[0]
    content = files.get(name.decode())

    def status(code: int) -> bytes:
        return bytes([protocol.STATUS]) + number + integer32(code) + string(b"told") + string(b"")

    if content is None:
        return status(protocol.NO_SUCH_FILE)
    if kind == protocol.OPEN:
        return bytes([protocol.HANDLE]) + number + string(name)
    if kind == protocol.READ:
        offset, length = struct.unpack_from(">QI", request, 9 + len(name))
        data = content[offset : offset + min(length, most)]
        return bytes([protocol.DATA]) + number + string(data) if data else status(protocol.EOF)
    return status(protocol.OK)
