"""Archives and encrypted files that are wrong: one clear line, the right exit code, and no file made."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from tests.sdk.cli.test_bad_inputs import LAYOUT, READ, configure, drop, refused

Run = Callable[..., Result]
ROWS = b"id,text\n1,one\n2,two\n"


@pytest.fixture
def gpg_home() -> Iterator[Path]:
    """A GnuPG home with a key for ours@example.org and one for stranger@example.org."""
    home = Path(tempfile.mkdtemp(prefix="gpg-test-", dir="/tmp"))  # a short path: the agent's socket lies there
    try:
        for name in ("ours", "stranger"):
            gpg(home, "--passphrase", "", "--quick-gen-key", f"{name}@example.org", "future-default", "default", "never")
        yield home
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, timeout=30)
        shutil.rmtree(home, ignore_errors=True)


def gpg(home: Path, *arguments: str, data: bytes = b"") -> bytes:
    command = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", "--trust-model", "always"]
    return subprocess.run([*command, *arguments], input=data, capture_output=True, check=True, timeout=60).stdout


def zipped(name: str, content: bytes = ROWS) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def tarred(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, "/etc/passwd", len(ROWS) if kind == tarfile.REGTYPE else 0
        archive.addfile(info, io.BytesIO(ROWS))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("orders.zip", zipped("../../.bashrc"), "'../../.bashrc', which is no plain relative name"),
        ("orders.tar.gz", tarred("/etc/cron.d/x"), "'/etc/cron.d/x', which is no plain relative name"),
        ("orders.tar.gz", tarred("x.csv", tarfile.SYMTYPE), "'x.csv' is a symbolic link"),
        ("orders.zip", zipped("a.zip", zipped("b.zip")), "orders.zip!a.zip: what is inside is itself packed (zip)"),
        ("orders.zip", zipped("a.csv", b"0" * 3000)[:-5], "truncated or damaged"),
        ("orders.zip", zipped("a.csv").replace(b"1,one", b"1,two"), "orders.zip!a.csv is damaged: its check sum is wrong"),
        ("orders.csv.gz", ROWS, "is called gzip, and is none: it begins with b'id,text"),
        ("orders.csv.gz", gzip.compress(gzip.compress(ROWS)), "is itself packed (gzip)"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else None,  # packed bytes tell the time of day
)
def test_an_archive_that_is_not_to_be_read(connector: Run, name: str, content: bytes, said: str) -> None:
    drop(name, content)
    configure(streams={"orders": {"files": "orders*", "layout": LAYOUT}})
    refused(connector(*READ), 4, name, said)


def test_members_are_files_of_the_stream(connector: Run) -> None:
    drop("orders.zip", zipped("in/orders.csv"))
    configure(streams={"orders": {"files": "*.zip", "members": "orders*.csv", "layout": LAYOUT}})
    result = connector(*READ)
    assert result.exit_code == 0, result.output
    assert Path("out.parquet").exists()


def test_pgp_without_key_with_another_key_and_tampered_with(connector: Run, gpg_home: Path) -> None:
    streams = {"orders": {"files": "orders*", "layout": LAYOUT}}
    message = gpg(gpg_home, "--encrypt", "--recipient", "ours@example.org", data=ROWS)
    drop("orders.csv.pgp", message)
    configure(streams=streams)
    refused(connector(*READ), 2, "orders.csv.pgp is encrypted by PGP, and there is no private key")
    for name in ("ours", "stranger"):
        exported = gpg(gpg_home, "--armor", "--passphrase", "", "--export-secret-keys", f"{name}@example.org")
        Path(f"{name}.key").write_bytes(exported)
    configure(streams=streams, pgp={"key": "file:stranger.key"})
    refused(connector(*READ), 2, "orders.csv.pgp is encrypted for the key", "no private key for that")
    configure(streams=streams, pgp={"key": "file:ours.key"})
    drop("orders.csv.pgp", message[:-20] + bytes([message[-20] ^ 1]) + message[-19:])
    refused(connector(*READ), 4, "orders.csv.pgp is damaged or was tampered with")
    drop("orders.csv.pgp", message)
    result = connector(*READ)
    assert result.exit_code == 0, result.output
