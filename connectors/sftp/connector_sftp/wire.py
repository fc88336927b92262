"""One SFTP session over one SSH channel: requests go out several to a packet, answers come in as they may.

Speaking the protocol ourselves over paramiko's public `Channel` is what makes it fast: paramiko's own client sends one packet per
request, takes its lock for each, and reads answers four bytes at a time out of a buffer that it shifts for every read.
"""

from __future__ import annotations

import struct
from typing import Protocol

from connector_sdk.errors import TransientError

from connector_sftp import protocol

__all__ = ["Wire"]

_HEAD = struct.Struct(">IBI")
_LENGTH = struct.Struct(">I")
MAX_ANSWER = 16 << 20
TAKE = (
    128 << 10
)  # more at a time, and each of these comes from fresh pages of the kernel's, which costs as much as the decryption
SEND = 32 << 10


class Channel(Protocol):
    """What we need of `paramiko.Channel`; a socket will do."""

    def recv(self, nbytes: int, /) -> bytes: ...
    def send(self, s: bytes, /) -> int: ...
    def settimeout(self, timeout: float | None, /) -> None: ...
    def close(self) -> None: ...


class Wire:
    """One session. For one thread at a time. After a TransientError it is of no more use."""

    def __init__(self, channel: Channel, *, place: str, timeout: float) -> None:
        """Say hello. Raises TransientError when the server does not answer in SFTP."""
        self._channel = channel
        self._place = place
        self._timeout = timeout
        self._buffer = b""
        self._at = 0
        self._out = bytearray()
        self._last = 0
        self._asked: set[int] = set()
        self._unwanted: set[int] = set()
        self._early: dict[int, tuple[int, protocol.Bytes]] = {}
        self.broken = False
        channel.settimeout(timeout)
        self._out += _HEAD.pack(5, protocol.INIT, 3)
        kind, body = self._packet()
        if kind != protocol.VERSION:
            raise self._cut("it does not speak SFTP")
        self.extensions = self._parse_version(body)

    def _parse_version(self, body: protocol.Bytes) -> frozenset[str]:
        found, at = set(), 4
        while at < len(body):
            name, at = protocol.take_string(body, at)
            _, at = protocol.take_string(body, at)
            found.add(name.decode("ascii", "replace"))
        return frozenset(found)

    def ask(self, kind: int, *parts: bytes) -> int:
        """Queue one request; its number. It goes out with :meth:`flush`, or before the next wait for an answer."""
        self._last = (self._last + 1) & 0xFFFFFFFF
        self._asked.add(self._last)
        self._out += _HEAD.pack(5 + sum(map(len, parts)), kind, self._last)
        for part in parts:
            self._out += part
        return self._last

    def tell(self, kind: int, *parts: bytes) -> None:
        """Queue a request whose answer nobody waits for."""
        self._unwanted.add(self.ask(kind, *parts))

    def flush(self) -> None:
        """Send what is queued."""
        out = bytes(self._out)
        self._out.clear()
        done = 0
        try:
            while done < len(out):
                # Slices, since what does not fit the window at once would be copied over and over.
                sent = self._channel.send(out[done : done + SEND])
                if sent == 0:
                    raise self._cut("the connection was closed")
                done += sent
        except TimeoutError:
            raise self._cut(f"it took nothing for {self._timeout:g} s") from None
        except (OSError, EOFError) as error:
            raise self._cut(f"the connection was cut: {error}") from None

    def any_answer(self) -> tuple[int, int, protocol.Bytes]:
        """The next answer, whatever it is to: request number, kind, body."""
        if self._early:
            number = next(iter(self._early))
            return number, *self._early.pop(number)
        return self._receive()

    def answer(self, number: int) -> tuple[int, protocol.Bytes]:
        """The answer to request `number`: kind and body. Others that come first are kept."""
        if number in self._early:
            return self._early.pop(number)
        while True:
            found, kind, body = self._receive()
            if found == number:
                return kind, body
            self._early[found] = kind, bytes(body)

    def _receive(self) -> tuple[int, int, protocol.Bytes]:
        while True:
            kind, body = self._packet()
            if len(body) < 4:
                raise self._cut("it sent an answer without a number")
            (number,) = _LENGTH.unpack_from(body)
            if number not in self._asked:
                raise self._cut("it answered a request that was not made")
            self._asked.discard(number)
            if number not in self._unwanted:
                return number, kind, body[4:]
            self._unwanted.discard(number)

    def call(self, kind: int, *parts: bytes, expect: int = protocol.STATUS) -> protocol.Bytes:
        """Ask and wait: the body of an answer of kind `expect`. Raises Refused for a status other than OK."""
        return self.expect(self.ask(kind, *parts), expect)

    def expect(self, number: int, expect: int) -> protocol.Bytes:
        """The body of the answer to `number`, of kind `expect`. Raises Refused for a status other than OK."""
        return self.check(*self.answer(number), expect)

    def check(self, kind: int, body: protocol.Bytes, expect: int) -> protocol.Bytes:
        """`body` when it is of kind `expect`. Raises Refused for a status other than OK, TransientError for nonsense."""
        if kind == protocol.STATUS:
            try:
                refused = protocol.refusal(body)
            except (struct.error, ValueError):
                raise self._cut("it sent a malformed answer") from None
            if refused is not None:
                raise refused
        if kind != expect:
            raise self._cut(f"it answered {kind} where {expect} was expected")
        return body

    def data(self, kind: int, body: protocol.Bytes) -> protocol.Bytes:
        """The bytes in the answer to a READ. Raises as :meth:`check`."""
        body = self.check(kind, body, protocol.DATA)
        if len(body) < 4 or _LENGTH.unpack_from(body)[0] != len(body) - 4:
            raise self._cut("it sent a malformed answer")
        return body[4:]

    def handle(self, kind: int, body: protocol.Bytes) -> bytes:
        """The handle in the answer to an OPEN or OPENDIR. Raises as :meth:`check`."""
        body = self.check(kind, body, protocol.HANDLE)
        try:
            found, _ = protocol.take_string(body, 0)
        except (struct.error, ValueError):
            found = b""
        if not found:
            raise self._cut("it sent a malformed answer")
        return found

    def close(self) -> None:
        """End the session; whatever it had open is closed by the server."""
        self.broken = True
        self._channel.close()

    def _packet(self) -> tuple[int, protocol.Bytes]:
        length = self._need(4)
        (size,) = _LENGTH.unpack_from(self._buffer, self._at)
        if not 1 <= size <= MAX_ANSWER:
            raise self._cut(f"it sent an answer of {size:,} bytes")
        if length < 4 + size:
            self._need(4 + size)
        start = self._at + 4
        self._at = start + size
        return self._buffer[start], memoryview(self._buffer)[start + 1 : start + size]

    def _need(self, size: int) -> int:
        have = len(self._buffer) - self._at
        if have >= size:
            return have
        parts: list[bytes] = [self._buffer[self._at :]] if have else []
        if self._out:
            self.flush()
        try:
            while have < size:
                data = self._channel.recv(TAKE)
                if not data:
                    raise self._cut("the connection was cut")
                parts.append(data)
                have += len(data)
        except TimeoutError:
            raise self._cut(f"no answer for {self._timeout:g} s") from None
        except (OSError, EOFError) as error:
            raise self._cut(f"the connection was cut: {error}") from None
        self._buffer = parts[0] if len(parts) == 1 else b"".join(parts)
        self._at = 0
        return have

    def _cut(self, reason: str) -> TransientError:
        self.broken = True
        return TransientError(f"{self._place}: {reason}", code="cut")
