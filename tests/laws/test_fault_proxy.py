"""The proxy does to a connection what it was told to do, and nothing to the others."""

import socket
import threading
import time
from contextlib import closing

import pytest
from connector_sdk.testing.fault_proxy import Faults

DATA = bytes(range(256)) * 4096  # 1 MB


@pytest.fixture
def server():
    """Sends DATA to whoever connects, and then everything that it is sent."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(connection):
        with closing(connection):
            try:
                connection.sendall(DATA)
                while chunk := connection.recv(65536):
                    connection.sendall(chunk)
            except OSError:
                pass

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with closing(listener):
        yield listener.getsockname()


SIZE = len(DATA)


def receive(proxy, size=SIZE, timeout=10.0):
    got = bytearray()
    with socket.create_connection((proxy.host, proxy.port), timeout=timeout) as connection:
        while len(got) < size:
            chunk = connection.recv(65536)
            if not chunk:
                break
            got += chunk
    return bytes(got)


def test_a_good_network_passes_everything_both_ways(server, fault_proxy):
    proxy = fault_proxy(*server)
    with socket.create_connection((proxy.host, proxy.port), timeout=10) as connection:
        connection.sendall(b"hello")
        connection.shutdown(socket.SHUT_WR)
        got = b"".join(iter(lambda: connection.recv(65536), b""))
    assert got == DATA + b"hello"


def test_a_cut_is_a_reset_after_so_many_bytes(server, fault_proxy):
    proxy = fault_proxy(*server, Faults(cut_after=100_000))
    got = bytearray()
    with (
        socket.create_connection((proxy.host, proxy.port), timeout=10) as connection,
        pytest.raises(ConnectionResetError),
    ):
        while True:
            got += connection.recv(1000)
    assert len(got) <= 100_000


def test_a_truncation_looks_like_a_proper_end(server, fault_proxy):
    assert receive(fault_proxy(*server, Faults(truncate_after=12_345))) == DATA[:12_345]


def test_the_first_connections_are_refused(server, fault_proxy):
    proxy = fault_proxy(*server, Faults(refuse=True, connections=2))
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            receive(proxy)
    assert receive(proxy) == DATA
    assert proxy.accepted == 3


def test_a_black_hole_keeps_the_line_open_and_silent(server, fault_proxy):
    proxy = fault_proxy(*server, Faults(blackhole_after=1000))
    with socket.create_connection((proxy.host, proxy.port), timeout=0.5) as connection:
        got = b""
        with pytest.raises(TimeoutError):
            while True:
                chunk = connection.recv(65536)
                assert chunk
                got += chunk
    assert got == DATA[:1000]


def test_a_slow_line_takes_its_time(server, fault_proxy):
    started = time.monotonic()
    assert receive(fault_proxy(*server, Faults(rate=4_000_000))) == DATA
    assert time.monotonic() - started >= 0.2


def test_a_far_line_takes_its_time(server, fault_proxy):
    started = time.monotonic()
    receive(fault_proxy(*server, Faults(delay=0.2)), size=10)
    assert time.monotonic() - started >= 0.2


def test_uploads_can_be_cut_too(server, fault_proxy):
    proxy = fault_proxy(*server, Faults(cut_after=10_000, direction="upload"))
    with (
        socket.create_connection((proxy.host, proxy.port), timeout=10) as connection,
        pytest.raises((ConnectionResetError, BrokenPipeError)),
    ):
        for _ in range(10_000):
            connection.sendall(b"x" * 1000)


def test_every_connection_can_be_cut_now(server, fault_proxy):
    proxy = fault_proxy(*server)
    with socket.create_connection((proxy.host, proxy.port), timeout=10) as connection:
        connection.recv(1)
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            while connection.recv(65536):
                pass


def test_faults_change_while_it_runs(server, fault_proxy):
    proxy = fault_proxy(*server, Faults(refuse=True))
    with pytest.raises(ConnectionResetError):
        receive(proxy)
    proxy.faults = Faults()
    assert receive(proxy) == DATA
