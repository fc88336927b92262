"""Many small files at once: opening, reading and closing overlap, so that no file waits for the answer about another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from connector_sftp import protocol
from connector_sftp.protocol import Refused, integer32, integer64, string
from connector_sftp.window import CHUNK
from connector_sftp.wire import Wire

__all__ = ["SMALL", "fetch"]

SMALL = 256 << 10
"""Bytes up to which a file is fetched whole, with others."""
AHEAD = 32
"""Files on their way at once; with SMALL, this bounds the memory."""


@dataclass(slots=True)
class _File:
    """A file on its way: its handle once it is open, its pieces by offset, its content or refusal once it is finished."""

    path: str
    size: int
    handle: bytes = b""
    waiting: int = 0
    pieces: dict[int, protocol.Bytes] = field(default_factory=dict)
    end: int | None = None
    refused: Refused | None = None
    result: bytes | Refused | None = None


def fetch(wire: Wire, files: Sequence[tuple[str, int]]) -> Iterator[bytes | Refused]:
    """The content of each of `files` (path, expected size) in their order, or why the server refused it.

    A file that is longer by now is read to its end. The wire is clean only after the last one. Raises TransientError.
    """
    ahead: deque[_File] = deque()
    asked: dict[int, tuple[_File, int]] = {}
    coming = iter(files)
    for _ in files:
        while len(ahead) < AHEAD and (following := next(coming, None)) is not None:
            file = _File(*following)
            number = wire.ask(
                protocol.OPEN, protocol.path_bytes(file.path), integer32(protocol.READ_FLAG), protocol.NO_ATTRIBUTES
            )
            asked[number] = file, 0
            ahead.append(file)
        while ahead[0].result is None:
            number, kind, body = wire.any_answer()
            file, offset = asked.pop(number)
            if file.handle:
                _take(wire, file, offset, kind, body)
            else:
                try:
                    file.handle = wire.handle(kind, body)
                except Refused as refused:
                    file.result = refused
                    continue
                _ask(wire, asked, file, 0, file.size + 1)
            if file.waiting == 0:
                _finish(wire, asked, file)
        result = ahead.popleft().result
        assert result is not None
        yield result


def _ask(wire: Wire, asked: dict[int, tuple[_File, int]], file: _File, start: int, end: int) -> None:
    for offset in range(start, end, CHUNK):
        number = wire.ask(protocol.READ, string(file.handle), integer64(offset), integer32(CHUNK))
        asked[number] = file, offset
        file.waiting += 1


def _take(wire: Wire, file: _File, offset: int, kind: int, body: protocol.Bytes) -> None:
    file.waiting -= 1
    try:
        file.pieces[offset] = wire.data(kind, body)
    except Refused as refused:
        if refused.code == protocol.EOF:
            file.end = offset if file.end is None else min(file.end, offset)
        else:
            file.refused = refused


def _finish(wire: Wire, asked: dict[int, tuple[_File, int]], file: _File) -> None:
    """Every request is answered: the file is whole, or there is more to ask for."""
    file.result = file.refused
    if file.result is None:
        parts, at = [], 0
        while (piece := file.pieces.get(at)) is not None and len(piece):
            parts.append(piece)
            at += len(piece)
        if at != file.size and (file.end is None or at < file.end):  # short answers, or it has grown
            _ask(wire, asked, file, at, at + 1)
            return
        file.result = b"".join(parts)
    wire.tell(protocol.CLOSE, string(file.handle))
