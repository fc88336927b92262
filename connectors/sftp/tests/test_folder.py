"""The verbs of a folder do the same here, behind OpenSSH, and behind the embedded server."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from connector_sdk.errors import ConfigError, ConnectorError, DataError, LocalResourceError
from connector_sdk.runtime.folder import Folder
from connector_sftp.config import SftpConfig
from connector_sftp.drops import Drops
from connector_sftp.embedded_server import EmbeddedServer
from connector_sftp.sftp_folder import SftpFolder

from connectors.sftp.tests.conftest import Place


@pytest.fixture
def folder(place: Place) -> Iterator[Folder]:
    drops = Drops(place.connector().config)
    yield drops.folder
    drops.close()


def put(folder: Folder, name: str, data: bytes) -> None:
    file = folder.open_write(name)
    file.write(data)
    file.sync()
    file.close()
    file.close()


def get(folder: Folder, name: str, offset: int = 0) -> bytes:
    file = folder.open_read(name, offset)
    data = b"".join(iter(lambda: file.read(100_000), b""))
    file.close()
    file.close()
    return data


@pytest.mark.parametrize("size", [0, 1, 32 << 10, (32 << 10) + 1, 3_000_000])
def test_what_is_written_is_read(folder: Folder, size: int) -> None:
    data = random.Random(size).randbytes(size)
    put(folder, "new/folders/on the way/ü.bin", data)
    assert get(folder, "new/folders/on the way/ü.bin") == data
    assert get(folder, "new/folders/on the way/ü.bin", size // 2) == data[size // 2 :]
    found = folder.stat("new/folders/on the way/ü.bin")
    assert found is not None
    assert found.size == size


def test_writing_again_replaces(folder: Folder) -> None:
    put(folder, "a", b"long content")
    put(folder, "a", b"short")
    assert get(folder, "a") == b"short"


def test_lists_files_below_and_stays_inside(folder: Folder, place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("a.csv", ".hidden", "in/b.csv", "in/deep/c.csv"):
        place.write(name, "x")
    (place.folder / "empty").mkdir()
    (place.folder / "link.csv").symlink_to("a.csv")
    outside = tmp_path_factory.mktemp("outside") / "secret"
    outside.write_text("secret")
    (place.folder / "evil.csv").symlink_to(outside)
    (place.folder / "evil-folder").symlink_to(outside.parent)
    (place.folder / "loop").symlink_to(".")
    (place.folder / "broken").symlink_to("nowhere")
    names = {entry.name for entry in folder.list()}
    assert names == {"a.csv", ".hidden", "in/b.csv", "in/deep/c.csv", "link.csv"}
    assert {entry.name for entry in folder.list("in")} == {"in/b.csv", "in/deep/c.csv"}
    assert {entry.name for entry in folder.list("in", depth=1)} == {"in/b.csv"}
    assert {entry.name for entry in folder.list(depth=2)} == {"a.csv", ".hidden", "in/b.csv", "link.csv"}
    assert list(folder.list("absent")) == []


def test_a_folder_of_a_thousand_files(folder: Folder, place: Place) -> None:
    for number in range(1000):
        (place.folder / f"{number}").write_text("x" * (number % 7))
    found = {entry.name: entry.size for entry in folder.list()}
    assert found == {f"{number}": number % 7 for number in range(1000)}


def test_time_and_size_are_the_files(folder: Folder, place: Place) -> None:
    path = place.write("a", "12345", age=5000)
    (listed,) = folder.list()
    assert listed == folder.stat("a")
    assert (listed.size, int(listed.mtime)) == (5, int(path.stat().st_mtime))


def test_a_rename_replaces_or_refuses(folder: Folder) -> None:
    put(folder, "a", b"1")
    put(folder, "b", b"2")
    with pytest.raises(LocalResourceError) as caught:
        folder.rename("a", "b", replace=False)
    assert caught.value.code == "exists"
    assert (get(folder, "a"), get(folder, "b")) == (b"1", b"2")
    folder.rename("a", "b")
    assert get(folder, "b") == b"1"
    folder.rename("b", "new/folder/c", replace=False)
    assert [entry.name for entry in folder.list()] == ["new/folder/c"]


def test_removing_what_is_not_there_is_fine(folder: Folder) -> None:
    put(folder, "x/a", b"1")
    folder.remove("x/a")
    folder.remove("x/a")
    folder.remove("no/folder/a")
    folder.prune("x")
    assert folder.stat("x/a") is None
    assert list(folder.list()) == []


def test_pruning_leaves_what_is_not_empty(folder: Folder, place: Place) -> None:
    place.write("x/keep", "1")
    (place.folder / "x" / "y" / "z").mkdir(parents=True)
    folder.prune("x/y/z")
    folder.prune("never/there")
    assert (place.folder / "x" / "keep").exists()
    assert not (place.folder / "x" / "y").exists()


@pytest.mark.parametrize("action", ["open_read", "rename"])
def test_a_missing_file_is_named(folder: Folder, action: str) -> None:
    with pytest.raises(ConfigError, match="absent"):
        folder.open_read("absent") if action == "open_read" else folder.rename("absent", "b")


def test_a_folder_is_no_file(folder: Folder, place: Place) -> None:
    (place.folder / "sub").mkdir()
    with pytest.raises(ConnectorError):
        get(folder, "sub")
    with pytest.raises(ConnectorError):
        put(folder, "sub", b"1")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "", "a//b", "a\0b", "a\nb", "..", "c:x", "a\\b"])
@pytest.mark.parametrize("verb", ["open_read", "open_write", "stat", "remove", "rename"])
def test_a_name_that_is_no_plain_name_goes_nowhere(folder: Folder, name: str, verb: str) -> None:
    with pytest.raises(DataError):
        folder.rename("a", name) if verb == "rename" else getattr(folder, verb)(name)


def test_readers_side_by_side(folder: Folder) -> None:
    contents = {f"f{number}": random.Random(number).randbytes(200_000 + number) for number in range(12)}
    for name, data in contents.items():
        put(folder, name, data)
    files = {name: folder.open_read(name) for name in contents}
    got = dict.fromkeys(contents, b"")
    for _ in range(5):
        for name, file in files.items():
            got[name] += file.read(50_000)
    assert got == contents
    for file in files.values():
        file.close()


def test_a_reader_closed_early_leaves_the_folder_usable(folder: Folder) -> None:
    put(folder, "big", b"x" * 5_000_000)
    for _ in range(20):
        file = folder.open_read("big")
        assert file.read(10) == b"x" * 10
        file.close()
    assert get(folder, "big") == b"x" * 5_000_000


def test_a_malicious_server_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PW", "secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "good.csv").write_text("1")
    (tmp_path / "x").write_text("outside")
    names = ["../x", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "c:x", "new\nline", "\x1b[31mred"]
    with EmbeddedServer(inside, password="secret", extra_names=names) as server:
        config = SftpConfig(
            host="127.0.0.1", port=server.port, user=server.user, password="env:PW", fingerprint=server.fingerprint
        )
        folder = SftpFolder(config)
        assert [entry.name for entry in folder.list()] == ["good.csv"]
        folder.close()
    assert "skipped '../x'" in caplog.text
    assert "\x1b" not in caplog.text


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "secret")
    (tmp_path / "closed.csv").write_text("1")
    with EmbeddedServer(tmp_path, password="secret", forbidden=["closed.csv"]) as server:
        config = SftpConfig(
            host="127.0.0.1", port=server.port, user=server.user, password="env:PW", fingerprint=server.fingerprint
        )
        folder = SftpFolder(config)
        with pytest.raises(ConfigError, match=r"'closed.csv': permission denied — what may this user read") as caught:
            folder.open_read("closed.csv")
        assert caught.value.exit_code == 2
        folder.close()


def test_a_folder_that_may_not_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "secret")
    with EmbeddedServer(tmp_path, password="secret", forbidden=["closed"]) as server:
        config = SftpConfig(
            host="127.0.0.1", port=server.port, user=server.user, password="env:PW", fingerprint=server.fingerprint
        )
        folder = SftpFolder(config)
        with pytest.raises(ConfigError, match=r"'open/closed': permission denied"):
            folder.open_write("open/closed/deep/file.csv")
        folder.close()


@contextmanager
def nobody() -> Iterator[None]:
    """As a user who may not read everything, which root may."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_local_file_that_may_not_be_read(local: Place) -> None:
    local.write("closed.csv", "1").chmod(0)
    drops = Drops(local.connector().config)
    with nobody(), pytest.raises(ConfigError, match="Permission denied"):
        drops.folder.open_read("closed.csv")


@pytest.mark.parametrize("streams", [{}, {"orders": {"files": "*.csv"}}])
def test_a_local_folder_that_is_not_there(local: Place, streams: dict[str, object]) -> None:
    nowhere = str(local.folder / "nowhere")
    with local.connector(folder=nowhere, streams=streams) as connector, pytest.raises(ConfigError, match="nowhere is not there"):
        list(connector.discover())


def test_a_stream_with_nothing_to_infer_a_layout_from_says_why_once(local: Place, caplog: pytest.LogCaptureFixture) -> None:
    streams = {"orders": {"files": "*.csv"}}
    with local.connector(streams=streams) as connector:
        assert list(connector.discover()) == list(connector.discover()) == []
        local.write("nothing.csv", "")
        assert list(connector.discover()) == []
    assert [record.getMessage().partition("inferred: ")[2].partition(" in ")[0] for record in caplog.records] == [
        "no file matches *.csv",
        "nothing.csv is empty",
    ]
