"""The connections of one opened connector: SFTP sessions are lent to whoever reads or writes, and taken back for the next."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import paramiko
from connector_sdk.errors import ConfigError, TransientError

from connector_sftp.config import SftpConfig
from connector_sftp.ssh import connect
from connector_sftp.wire import Wire

__all__ = ["Session"]

WINDOW = 16 << 20
"""Bytes the server may send ahead of us on one channel."""
PACKET = 32 << 10
CHANNELS = 8
"""SFTP sessions on one connection; OpenSSH allows ten."""


class Session:
    """Connections to one server. Usable from several threads; a wire that is lent belongs to its borrower."""

    def __init__(self, config: SftpConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._transports: dict[paramiko.Transport, int] = {}  # and how many channels may still be opened on each
        self._idle: list[tuple[paramiko.Transport, Wire]] = []
        self._lent: dict[Wire, paramiko.Transport] = {}
        self._closed = False

    def borrow(self) -> Wire:
        """An SFTP session nobody else uses. Raises ConfigError or TransientError when none can be had."""
        with self._lock:
            while self._idle:
                transport, wire = self._idle.pop()
                if transport.is_active() and not wire.broken:
                    self._lent[wire] = transport
                    return wire
            # Opening under the lock: connections are made one after the other, gently to the server.
            transport, wire = self._open()
            self._lent[wire] = transport
            return wire

    def give_back(self, wire: Wire, *, clean: bool = True) -> None:
        """Return a borrowed session; not `clean` means that answers may still be under way, and it is closed instead."""
        with self._lock:
            transport = self._lent.pop(wire, None)
            if transport is not None and clean and not wire.broken and not self._closed and transport.is_active():
                self._idle.append((transport, wire))
                return
            if transport in self._transports:
                self._transports[transport] += 1
        with suppress(Exception):
            wire.close()

    @contextmanager
    def lend(self) -> Iterator[Wire]:
        """A session for the length of a ``with``. An answer that makes no sense becomes a TransientError."""
        wire = self.borrow()
        clean = False
        try:
            yield wire
            clean = True
        except TransientError:
            raise
        except ConfigError:
            clean = True
            raise
        except (struct.error, ValueError) as error:
            raise TransientError(f"{self._config.place}: it sent a malformed answer: {error}", code="cut") from None
        finally:
            self.give_back(wire, clean=clean)

    def close(self) -> None:
        """End everything. Never raises."""
        with self._lock:
            self._closed = True
            transports = list(self._transports)
            self._transports.clear()
            self._idle.clear()
        for transport in transports:
            with suppress(Exception):
                transport.close()

    def _open(self) -> tuple[paramiko.Transport, Wire]:
        if self._closed:
            raise TransientError(f"{self._config.place}: the connector is closed", code="cut")
        for transport in [t for t in self._transports if not t.is_active()]:
            del self._transports[transport]
            with suppress(Exception):
                transport.close()
        for transport, free in self._transports.items():
            if free > 0:
                try:
                    return transport, self._wire(transport)
                except paramiko.ChannelException:
                    self._transports[transport] = 0  # the server allows no more here: another connection then
                except TransientError:
                    if transport.is_active():
                        raise
        transport = connect(self._config)
        self._transports[transport] = CHANNELS
        try:
            return transport, self._wire(transport)
        except paramiko.ChannelException as error:
            raise ConfigError(
                f"{self._config.place} opens no session: {error.text}", hint="is SFTP allowed for this user?", code="sftp"
            ) from None

    def _wire(self, transport: paramiko.Transport) -> Wire:
        place, timeout = self._config.place, self._config.timeout
        alarm = threading.Timer(timeout, transport.close)
        alarm.daemon = True
        asked = False
        try:
            channel = transport.open_session(window_size=WINDOW, max_packet_size=PACKET, timeout=timeout)
            asked = True
            alarm.start()  # paramiko waits for the next answer without end: a server that never gives it loses the connection
            channel.invoke_subsystem("sftp")
        except paramiko.ChannelException:
            raise
        except (paramiko.SSHException, EOFError, OSError) as error:
            transport.join(0.5)  # a connection that was cut ends this thread a moment after it ends the channel
            if asked and transport.is_alive() and isinstance(error, paramiko.SSHException):
                raise ConfigError(
                    f"{place} has no SFTP: {str(error) or 'the request was refused'}",
                    hint="is the sftp subsystem enabled there, and allowed for this user?",
                    code="sftp",
                ) from None
            transport.close()
            raise TransientError(f"{place}: the connection was cut: {error or 'no answer'}", code="cut") from None
        finally:
            alarm.cancel()
        wire = Wire(channel, place=place, timeout=timeout)
        self._transports[transport] = self._transports.get(transport, CHANNELS) - 1
        return wire
