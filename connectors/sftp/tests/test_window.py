"""Every byte arrives, in order, whatever the server makes of our requests."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from connector_sdk.errors import ConfigError, TransientError
from connector_sftp.fetching import fetch
from connector_sftp.protocol import Refused
from connector_sftp.window import CHUNK, WindowReader
from connector_sftp.wire import Wire
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sftp.tests.scripted_server import scripted

SIZES = st.one_of(st.integers(0, 70_000), st.sampled_from([CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 40 * CHUNK + 7]))


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def reader(wire: Wire, name: str, *, offset: int = 0, size: int | None) -> WindowReader:
    return WindowReader(
        wire,
        name.encode(),
        offset,
        size=size,
        release=lambda clean: None,
        explain=lambda refused: ConfigError(str(refused)),
    )


def taken(read: Callable[[int], bytes], by: int) -> bytes:
    return b"".join(iter(lambda: read(by), b""))


@settings(max_examples=60, deadline=None)
@given(
    size=SIZES,
    told=st.one_of(st.none(), st.integers(-40_000, 40_000)),
    most=st.sampled_from([777, 16 << 10, CHUNK, 1 << 20]),
    shuffle=st.one_of(st.none(), st.integers(0, 9)),
    by=st.sampled_from([1000, CHUNK, 100_000, -1]),
    data=st.data(),
)
def test_a_file_is_read_whole_from_any_offset(
    size: int, told: int | None, most: int, shuffle: int | None, by: int, data: st.DataObject
) -> None:
    offset = data.draw(st.integers(0, size))
    whole = content(size)
    with scripted({"f": whole}, most=most, shuffle=shuffle) as wire:
        file = reader(wire, "f", offset=offset, size=None if told is None else max(0, size + told))
        assert taken(file.read, by) == whole[offset:]
        assert file.read(10) == b""
        file.close()


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(SIZES, max_size=50),
    wrong=st.integers(-500, 500),
    most=st.sampled_from([777, 16 << 10, 1 << 20]),
    shuffle=st.one_of(st.none(), st.integers(0, 9)),
)
def test_small_files_come_whole_and_in_order(sizes: list[int], wrong: int, most: int, shuffle: int | None) -> None:
    files = {f"f{number}": content(size) for number, size in enumerate(sizes) if number % 7 != 3}
    asked = [(f"f{number}", max(0, size + wrong)) for number, size in enumerate(sizes)]
    with scripted(files, most=most, shuffle=shuffle) as wire:
        got = list(fetch(wire, asked))
        assert [isinstance(found, Refused) for found in got] == [name not in files for name, _ in asked]
        assert [found for found in got if isinstance(found, bytes)] == list(files.values())
        again = [found for found in fetch(wire, asked) if isinstance(found, bytes)]
        assert again == list(files.values()), "the wire can be used again"


def test_reads_that_take_little_at_a_time_give_exactly_what_was_asked_for() -> None:
    with scripted({"f": content(100_000)}) as wire:
        file = reader(wire, "f", size=100_000)
        assert [len(file.read(33_333)) for _ in range(5)] == [33_333, 33_333, 33_333, 1, 0]


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"g",
        b"g" * 5,
        b"\x67\xff\xff\xff\xff" + b"\xff" * 4,
        b"\x65\x00\x00\x00\x01",
        b"g\x00\x00\x00\x01\x00\x00\xff\xff",
    ],
)
def test_nonsense_is_an_unusable_connection_and_never_data(garbage: bytes) -> None:
    with scripted({"f": content(10)}, garbage=garbage) as wire, pytest.raises((TransientError, ConfigError)):
        assert reader(wire, "f", size=10).read(100) == b""
        raise TransientError("nothing came")


@pytest.mark.parametrize("answers", [1, 2, 5, 20])
def test_a_cut_connection_is_transient(answers: int) -> None:
    with scripted({"f": content(40 * CHUNK)}, cut=answers) as wire:
        file = reader(wire, "f", size=40 * CHUNK)
        with pytest.raises(TransientError, match="cut"):
            taken(file.read, CHUNK)
        assert wire.broken


def test_a_silent_server_is_not_waited_for_without_end() -> None:
    import socket

    ours, theirs = socket.socketpair()
    with pytest.raises(TransientError, match=r"no answer for 0\.1 s"):
        Wire(ours, place="silent", timeout=0.1)
    theirs.close()
