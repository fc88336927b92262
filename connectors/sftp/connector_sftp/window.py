"""One file read or written through a sliding window of 32 KB requests: the line stays full and one thread is enough.

32 KB is what every server takes in one request and what fits one SSH packet. Larger requests, deeper windows and paramiko's
prefetch with its second thread were measured and gain nothing or collapse (docs/explanation/decisions).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from connector_sdk.errors import ConnectorError

from connector_sftp import protocol
from connector_sftp.protocol import Refused, integer32, integer64, string
from connector_sftp.wire import Wire

__all__ = ["CHUNK", "WindowReader", "WindowWriter"]

CHUNK = 32 << 10
DEPTH = 32
BATCH = 8
"""Requests that go out together, once that many answers have come in."""


@dataclass(slots=True)
class _Slot:
    """A stretch of the file that was asked for; `data` once it is here."""

    number: int
    offset: int
    length: int
    data: protocol.Bytes | None = None


class WindowReader:
    """A file from `offset` on, in order. Owns `wire` until it is closed."""

    def __init__(
        self,
        wire: Wire,
        handle: bytes,
        offset: int,
        *,
        size: int | None,
        release: Callable[[bool], None],
        explain: Callable[[Refused], ConnectorError],
    ) -> None:
        """`size`, when known, is where the end is expected; `release(clean)` takes the wire back."""
        self._wire = wire
        self._handle = string(handle)
        self._next = offset
        self._size = size
        self._release: Callable[[bool], None] | None = release
        self._explain = explain
        self._slots: deque[_Slot] = deque()
        self._waiting: dict[int, _Slot] = {}
        self._chunk = CHUNK
        self._ended = False
        self._ask()

    def read(self, size: int = -1, /) -> bytes:
        """`size` bytes, less only at the end; all that is left for -1. Raises TransientError when the connection is cut."""
        parts: list[protocol.Bytes] = []
        have = 0
        while size < 0 or have < size:
            piece = self._head()
            if piece is None:
                break
            if 0 <= size < have + len(piece):
                cut = size - have
                self._slots[0].data = memoryview(piece)[cut:]
                piece = memoryview(piece)[:cut]
            else:
                self._slots.popleft()
            parts.append(piece)
            have += len(piece)
        return b"".join(parts)

    def close(self) -> None:
        """Give the wire back; what is still under way is dropped with it."""
        if self._release is None:
            return
        release, self._release = self._release, None
        clean = not self._waiting and not self._wire.broken
        if clean:
            self._wire.tell(protocol.CLOSE, self._handle)
            try:
                self._wire.flush()
            except ConnectorError:
                clean = False
        release(clean)

    def _head(self) -> protocol.Bytes | None:
        """The bytes that come next, still in their slot; None at the end."""
        while True:
            if self._slots:
                data = self._slots[0].data
                if data is not None:
                    if len(data):
                        return data
                    self._slots.popleft()
                    continue
            elif self._ended:
                return None
            self._ask()
            self._take()

    def _ask(self) -> None:
        if self._ended or len(self._waiting) > DEPTH - BATCH:
            return
        limit = DEPTH if self._size is not None else BATCH  # an unknown end: do not run far beyond it
        while len(self._waiting) < limit:
            if self._size is not None and self._next > self._size and self._waiting:
                break  # a request that will see the expected end is under way
            self._request(self._next, self._chunk)
            self._next += self._chunk
        self._wire.flush()

    def _request(self, offset: int, length: int) -> _Slot:
        number = self._wire.ask(protocol.READ, self._handle, integer64(offset), integer32(length))
        slot = _Slot(number, offset, length)
        self._waiting[number] = slot
        self._slots.append(slot)
        return slot

    def _take(self) -> None:
        """Put one answer into its slot."""
        number, kind, body = self._wire.any_answer()
        slot = self._waiting.pop(number)
        try:
            data = self._wire.data(kind, body)
        except Refused as refused:
            if refused.code != protocol.EOF:
                raise self._explain(refused) from None
            slot.data = b""
            self._ended = True
            return
        slot.data = data[: slot.length]
        missing = slot.length - len(slot.data)
        if missing > 0:
            self._short(slot, missing)

    def _short(self, slot: _Slot, missing: int) -> None:
        """A short answer is the end of the file, or a server that gives less at a time: ask for the rest, in its place."""
        assert slot.data is not None
        got = len(slot.data)
        at_end = self._size is not None and slot.offset + got >= self._size
        if 0 < got < self._chunk and not at_end:
            self._chunk = max(got, 512)
        at = self._slots.index(slot)
        rest = self._request(slot.offset + got, missing)
        self._slots.pop()
        self._slots.insert(at + 1, rest)


class WindowWriter:
    """A file written from its start. Owns `wire` until it is closed."""

    def __init__(
        self, wire: Wire, handle: bytes, *, release: Callable[[bool], None], explain: Callable[[Refused], ConnectorError]
    ) -> None:
        self._wire = wire
        self._handle = string(handle)
        self._release: Callable[[bool], None] | None = release
        self._explain = explain
        self._offset = 0
        self._waiting: set[int] = set()

    def write(self, data: bytes, /) -> int:
        """Take all of `data`. A write that the server refuses may be told by a later call."""
        view = memoryview(data).cast("B")
        for start in range(0, len(view), CHUNK):
            chunk = bytes(view[start : start + CHUNK])
            self._waiting.add(self._wire.ask(protocol.WRITE, self._handle, integer64(self._offset), integer32(len(chunk)), chunk))
            self._offset += len(chunk)
            self._wire.flush()
            self._settle(DEPTH - 1)
        return len(view)

    def sync(self) -> None:
        """Return when the server has taken everything, and has it on disk where it offers fsync@openssh.com."""
        self._settle(0)
        if protocol.FSYNC in self._wire.extensions:
            try:
                self._wire.call(protocol.EXTENDED, string(protocol.FSYNC.encode()), self._handle)
            except Refused as refused:
                raise self._explain(refused) from None

    def close(self) -> None:
        """Close the file. Raises when the server refused what was written."""
        if self._release is None:
            return
        release, self._release = self._release, None
        clean = False
        try:
            if not self._wire.broken:
                self._settle(0)
                self._wire.call(protocol.CLOSE, self._handle)
                clean = True
        except Refused as refused:
            raise self._explain(refused) from None
        finally:
            release(clean)

    def _settle(self, left: int) -> None:
        while len(self._waiting) > left:
            number, kind, body = self._wire.any_answer()
            self._waiting.discard(number)
            try:
                self._wire.check(kind, body, protocol.STATUS)
            except Refused as refused:
                raise self._explain(refused) from None
