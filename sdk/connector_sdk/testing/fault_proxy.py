"""A TCP proxy that misbehaves on request: puts a bad network between a connector and its system, for tests of retry and resume.

::

    with FaultProxy("127.0.0.1", 2222, Faults(cut_after=100_000, connections=2)) as proxy:
        ...  # connect to proxy.host, proxy.port: the first two connections are reset after 100,000 bytes, the third is well

It runs in a thread of its own and needs nothing but the standard library.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

__all__ = ["FaultProxy", "Faults"]

T = TypeVar("T")

CHUNK = 16 * 1024


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What is wrong with the network. Byte counts are per connection, of what flows in `direction`.

    `connections` limits the harm to the first so many connections (None: all of them); later ones are passed on untouched.
    """

    refuse: bool = False
    """Reset the connection before a single byte."""
    cut_after: int | None = None
    """Reset it (RST) after that many bytes."""
    truncate_after: int | None = None
    """End it as if all were well (FIN) after that many bytes."""
    blackhole_after: int | None = None
    """Keep it open, and pass nothing more in either direction, after that many bytes."""
    delay: float = 0.0
    """Seconds by which every chunk is late, in both directions."""
    rate: float | None = None
    """Bytes per second, in `direction`."""
    direction: Literal["download", "upload"] = "download"
    """Which way is counted and throttled: from the system to the connector, or from the connector to the system."""
    connections: int | None = None


class FaultProxy:
    """``with FaultProxy(host, port, faults) as proxy:`` passes what comes to `proxy.host`, `proxy.port` on to `host`, `port`.

    `faults` may be assigned at any time: connections made from then on have them, and their count starts again.
    """

    def __init__(self, host: str, port: int, faults: Faults | None = None) -> None:
        self._upstream = host, port
        self._faults = faults or Faults()
        self._harmed = 0
        self.host = "127.0.0.1"
        self.port = 0
        self.accepted = 0
        """Connections so far."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._accept, self.host, 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def faults(self) -> Faults:
        """What is wrong with connections made from now on."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults, self._harmed = faults, 0

    def cut(self) -> None:
        """Reset every connection there is, now."""

        async def reset() -> None:
            for writer in list(self._writers):
                _reset(writer)

        self._call(reset())

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.accepted += 1
        self._harmed += 1
        harm = self._faults.connections is None or self._harmed <= self._faults.connections
        faults = self._faults if harm else Faults()
        upstream = None
        try:
            if faults.refuse:
                _reset(writer)
                return
            upstream_reader, upstream = await asyncio.open_connection(*self._upstream)
            self._writers.add(upstream)
            ends = writer, upstream
            stalled = asyncio.Event()
            await asyncio.gather(
                _pump(upstream_reader, writer, faults, faults.direction == "download", ends, stalled),
                _pump(reader, upstream, faults, faults.direction == "upload", ends, stalled),
            )
        except (OSError, asyncio.CancelledError):
            _reset(writer)  # the other side is gone, or we are
        finally:
            for one in (writer, upstream):
                if one is not None:
                    self._writers.discard(one)
                    one.transport.abort() if one.transport.is_closing() else one.close()
            self._tasks.discard(task)


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    faults: Faults,
    counted: bool,
    ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
    stalled: asyncio.Event,
) -> None:
    """Pass bytes on until their end, or until something goes wrong as ordered."""
    limits = {"cut": faults.cut_after, "truncate": faults.truncate_after, "stall": faults.blackhole_after} if counted else {}
    what, limit = min(((name, n) for name, n in limits.items() if n is not None), key=lambda pair: pair[1], default=("", None))
    passed = 0
    while True:
        data = await reader.read(CHUNK) if limit != passed else b""
        if faults.delay:
            await asyncio.sleep(faults.delay)
        if limit is not None:
            data = data[: limit - passed]
        if stalled.is_set():
            await asyncio.Event().wait()
        writer.write(data)
        await writer.drain()
        passed += len(data)
        if limit is not None and passed >= limit:
            if what == "stall":
                stalled.set()
                await asyncio.Event().wait()
            for end in ends:
                _reset(end) if what == "cut" else end.close()
            return
        if not data:
            with contextlib.suppress(OSError):
                writer.write_eof()
            return
        if counted and faults.rate:
            await asyncio.sleep(len(data) / faults.rate)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN: the peer sees "connection reset"."""
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
