"""Files encrypted by PGP are read like any other, and nothing of one is, that gpg cannot prove whole and rightly signed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from connector_sdk.contract import Batch
from connector_sdk.errors import ConfigError, ConnectorError, DataError, LocalResourceError
from connector_sdk.rejects import rejects_of
from connector_sftp import gpg as running
from connector_sftp import pgp

from connectors.sftp.tests.conftest import LAYOUT, Place
from connectors.sftp.tests.test_archives import rows, zipped
from connectors.sftp.tests.test_reading import everything, plan

Ids = Callable[[Sequence[Batch]], list[int]]
WORD = "correct horse battery staple"


@dataclass(frozen=True)
class Keys:
    """A GnuPG home with keys for ours@, locked@ (with a passphrase), sender@ and stranger@, and each as a file."""

    home: Path
    files: Path

    def run(self, *arguments: str, data: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"]
        return subprocess.run(
            [*command, "--trust-model", "always", *arguments], input=data, capture_output=True, check=True, timeout=60
        ).stdout

    def encrypted(self, data: bytes, *more: str, to: str = "ours") -> bytes:
        return self.run("--encrypt", "--recipient", f"{to}@example.org", *more, data=data)

    def key(self, name: str) -> str:
        return f"file:{self.files / name}.key"


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    if shutil.which("gpg") is None:
        pytest.fail("no gpg on this machine: apt-get install gnupg")
    home = Path(tempfile.mkdtemp(prefix="gpg-test-", dir="/tmp"))  # a short path: the agent's socket lies there
    made = Keys(home, tmp_path_factory.mktemp("keys"))
    try:
        for name in ("ours", "locked", "sender", "stranger"):
            word = WORD if name == "locked" else ""
            made.run("--passphrase", word, "--quick-gen-key", f"{name}@example.org", "ed25519", "sign", "never")
            fingerprint = made.run("--with-colons", "--list-keys", f"{name}@example.org").decode().partition("\nfpr:")[2]
            made.run(
                "--passphrase", word, "--quick-add-key", fingerprint.strip(":").partition(":")[0], "cv25519", "encr", "never"
            )
            exported = made.run("--armor", "--passphrase", word, "--export-secret-keys", f"{name}@example.org")
            (made.files / f"{name}.key").write_bytes(exported)
            (made.files / f"{name}.pub").write_bytes(made.run("--armor", "--export", f"{name}@example.org"))
        yield made
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, timeout=30)
        shutil.rmtree(home, ignore_errors=True)


def homes() -> set[Path]:
    return {path for parent in ("/dev/shm", "/tmp", tempfile.gettempdir()) for path in Path(parent).glob(f"{pgp.NAME}*")}


@pytest.mark.parametrize("name", ["orders-0.csv.pgp", "orders-0.csv.gpg", "orders-0.csv.asc", "orders-0.csv"])
def test_an_encrypted_file_is_read_and_resumed(place: Place, keys: Keys, ids: Ids, name: str) -> None:
    place.streams = {"orders": {"files": "orders-*", "layout": LAYOUT}}
    armour = ["--armor"] if name.endswith("asc") else []
    place.write(name, keys.encrypted(rows(range(400)), *armour))
    before = homes()
    with place.connector(pgp={"key": keys.key("ours")}, block_bytes=1024) as connector:
        (split,) = plan(connector)
        batches = list(connector.read(split, None))
        assert ids(batches) == list(range(400))
        assert ids(list(connector.read(split, batches[1].state))) == ids(batches[2:])
        (home,) = homes() - before
        assert home.stat().st_mode & 0o077 == 0
    assert homes() == before
    assert not [
        line
        for line in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
        if str(home) in line
    ]


def test_what_is_inside_may_be_compressed_or_an_archive(place: Place, keys: Keys, ids: Ids) -> None:
    place.streams = {"orders": {"files": "d*", "layout": LAYOUT}}
    place.write("d.zip.pgp", keys.encrypted(zipped({"a.csv": rows([1, 2]), "b.csv": b"id,text\nx,y\n" + rows([3])[8:]})))
    with place.connector(pgp={"key": keys.key("ours")}) as connector:
        batches = everything(connector)
        assert ids(batches) == [1, 2, 3]
        (reject,) = [r for batch in batches if batch.rejects is not None for r in rejects_of(batch.rejects)]
        assert (reject.place, reject.offset) == ("d.zip.pgp!b.csv", 8)


def test_a_layout_is_inferred_from_an_encrypted_file(local: Place, keys: Keys) -> None:
    local.streams = {"orders": {"files": "orders-*"}}
    local.write("orders-0.csv.pgp", keys.encrypted(b"id;x\n1;2,5\n"))
    with local.connector(pgp={"key": keys.key("ours")}) as connector:
        (batch,) = [batch for batch in everything(connector) if batch.data.num_rows]
        assert [(row["id"], str(row["x"])) for row in batch.data.to_pylist()] == [(1, "2.5")]


def failing(place: Place, content: bytes, expected: type[ConnectorError], **settings: object) -> ConnectorError:
    place.streams = {"orders": {"files": "orders-*", "layout": LAYOUT}}
    place.write("orders-0.csv.pgp", content)
    got: list[Batch] = []
    with place.connector(pgp=settings, block_bytes=1024) as connector, pytest.raises(expected) as caught:
        got.extend(connector.read(plan(connector)[0], None))
    assert got == []  # not a row before all is proved
    assert "orders-0.csv.pgp" in str(caught.value) or "pgp" in str(caught.value)
    assert "BEGIN PGP PRIVATE" not in str(caught.value)
    return caught.value


def test_a_key_with_a_passphrase(local: Place, keys: Keys, ids: Ids, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = keys.encrypted(rows(range(3)), to="locked")
    error = failing(local, content, ConfigError, key=keys.key("locked"))
    assert (error.code, "is not given" in str(error)) == ("pgp_passphrase", True)
    monkeypatch.setenv("WORD", "wrong word")
    error = failing(local, content, ConfigError, key=keys.key("locked"), passphrase="env:WORD")
    assert (error.code, "is wrong" in str(error), "wrong word" in str(error)) == ("pgp_passphrase", True, False)
    monkeypatch.setenv("WORD", WORD)
    with local.connector(pgp={"key": keys.key("locked"), "passphrase": "env:WORD"}) as connector:
        assert ids(everything(connector)) == [0, 1, 2]


def test_a_file_for_another_key(local: Place, keys: Keys) -> None:
    error = failing(local, keys.encrypted(rows([1]), to="stranger"), ConfigError, key=keys.key("ours"))
    assert (error.code, error.exit_code) == ("pgp_key", 2)
    assert "there is no private key for that" in str(error)


def test_a_key_that_is_none(local: Place, keys: Keys) -> None:
    content = keys.encrypted(rows([1]))
    for key in ("ours.pub", "nothing.key"):
        (keys.files / "nothing.key").write_text("there is no key in this file")
        error = failing(local, content, ConfigError, key=f"file:{keys.files / key}")
        assert (error.code, "holds no private PGP key" in str(error)) == ("pgp_key", True)


def test_a_file_that_was_tampered_with_or_cut_off_at_any_place(local: Place, keys: Keys) -> None:
    content = keys.encrypted(os.urandom(1500).hex().encode())
    for at in range(200, len(content), len(content) // 8):
        flipped = bytearray(content)
        flipped[at] ^= 4
        for bad in (bytes(flipped), content[:at]):
            error = failing(local, bad, DataError, key=keys.key("ours"))
            assert (error.code, error.exit_code) == ("damaged", 4)
    error = failing(local, rows([1]), DataError, key=keys.key("ours"))
    assert error.code == "not_encrypted"
    error = failing(
        local, keys.run("--sign", "--local-user", "sender@example.org", data=rows([1])), DataError, key=keys.key("ours")
    )
    assert error.code == "not_encrypted"


def test_a_signature_that_is_asked_for(local: Place, keys: Keys, ids: Ids) -> None:
    signed = ["--sign", "--local-user"]
    wanted = {"key": keys.key("ours"), "verify": str(keys.files / "sender.pub")}
    for content, words in (
        (keys.encrypted(rows([1])), "it is not signed"),
        (keys.encrypted(rows([1]), *signed, "stranger@example.org"), "it is signed by another key"),
    ):
        error = failing(local, content, DataError, **wanted)
        assert (error.code, error.exit_code, words in str(error)) == ("unsigned", 4, True)
    local.write("orders-0.csv.pgp", keys.encrypted(rows([1]), *signed, "sender@example.org"))
    for settings in (wanted, {"key": keys.key("ours")}, {"home": str(keys.home), "verify": str(keys.files / "sender.pub")}):
        with local.connector(pgp=settings) as connector:
            assert ids(everything(connector)) == [1]


def test_a_bomb_within_a_message(local: Place, keys: Keys) -> None:
    bomb = keys.encrypted(b"0" * (70 << 20), "--compress-algo", "zlib")
    assert failing(local, bomb, DataError, key=keys.key("ours")).code == "bomb"


def test_no_gpg_and_a_gpg_that_hangs(local: Place, keys: Keys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = keys.encrypted(rows([1]))
    monkeypatch.setattr(running, "GPG", "no-such-gpg")
    error = failing(local, content, ConfigError, key=keys.key("ours"))
    assert (error.code, "install GnuPG" in str(error)) == ("no_gpg", True)
    slow = tmp_path / "bin" / "slow-gpg"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 1000\n")
    slow.chmod(0o755)
    monkeypatch.setattr(running, "GPG", str(slow))
    with pytest.raises(LocalResourceError, match="did nothing for 0.3 seconds"):
        running.gpg(tmp_path, ["--decrypt"], lambda size: b"", len, silence=0.3)


def test_no_secret_is_on_a_command_line_in_the_environment_or_in_a_file_that_stays(
    local: Place, keys: Keys, ids: Ids, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A gpg in front of gpg notes what it is started with."""
    real = shutil.which("gpg")
    spy, notes = tmp_path / "spy" / "gpg", tmp_path / "spy" / "notes"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\necho "$@" >>{notes}\nenv >>{notes}\nexec {real} "$@"\n')
    spy.chmod(0o755)
    monkeypatch.setattr(running, "GPG", str(spy))
    monkeypatch.setenv("WORD", WORD)
    monkeypatch.setenv("KEY", (keys.files / "locked.key").read_text())
    local.streams = {"orders": {"files": "orders-*", "layout": LAYOUT}}
    local.write("orders-0.csv.pgp", keys.encrypted(rows([1]), to="locked"))
    with local.connector(pgp={"key": "env:KEY", "passphrase": "env:WORD"}) as connector:
        assert ids(everything(connector)) == [1]
    noted = notes.read_text()
    assert "--decrypt" in noted
    assert WORD not in noted
    assert "PRIVATE KEY" not in noted


def test_the_home_of_a_process_that_was_killed_is_removed_by_the_next(
    local: Place, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = Path(tempfile.mkdtemp(prefix=pgp.NAME, dir="/tmp"))
    (left / "lock").touch()
    monkeypatch.setattr(pgp, "STALE", 0.0)
    pgp._sweep(Path("/tmp"))
    assert not left.exists()


@pytest.mark.parametrize("settings", [{}, {"key": "file:a", "home": "b"}, {"key": "file:a", "word": "x"}])
def test_settings_that_do_not_fit(local: Place, settings: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="pgp"):
        local.connector(pgp=settings)


def test_what_looks_like_pgp(keys: Keys) -> None:
    assert pgp.looks_like_pgp(keys.encrypted(b"x")[:512])
    assert pgp.looks_like_pgp(keys.encrypted(b"x", "--armor")[:512])
    assert pgp.looks_like_pgp(keys.run("--symmetric", "--passphrase", "x", data=b"x")[:512])
    for plain in (
        b"id,text\n1,a\n",
        "Äpfel,text\n1,a\n2,b\n".encode(),
        "ABCDE FGHIJ 00012345".encode("cp037"),
        bytes(range(128, 256)),
        b"",
    ):
        assert not pgp.looks_like_pgp(plain)
