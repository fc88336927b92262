"""A TCP proxy on loopback that cuts what passes through it, or stops passing it on."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """`budgets`: bytes towards the client that each connection in turn may pass; None is no limit. `silent` holds all back."""

    port: int = 0
    connections: int = 0
    budgets: list[int | None] = field(default_factory=list)
    silent: threading.Event = field(default_factory=threading.Event)


@contextmanager
def proxy(target: int, budgets: Iterable[int | None] = ()) -> Iterator[Proxy]:
    """A proxy to port `target`. Beyond the given budgets, connections pass unharmed."""
    running = Proxy(budgets=list(budgets))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running.port = listener.getsockname()[1]
        threading.Thread(target=_accept, args=(listener, target, running), daemon=True).start()
        yield running
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, target: int, running: Proxy) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        running.connections += 1
        budget = running.budgets.pop(0) if running.budgets else None
        server = socket.create_connection(("127.0.0.1", target))
        for arguments in ((client, server, None, running), (server, client, budget, running)):
            threading.Thread(target=_pass, args=arguments, daemon=True).start()


def _pass(source: socket.socket, sink: socket.socket, budget: int | None, running: Proxy) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            while running.silent.is_set():
                running.silent.wait(0.05)
            if budget is not None:
                data = data[:budget]
                budget -= len(data)
            sink.sendall(data)
            if budget == 0:
                break
    for end in (source, sink):
        with suppress(OSError):  # a reset, as a firewall sends it
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
