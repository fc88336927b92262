"""Whatever is wrong around a real connector: one clear line, the right exit code, nothing written over, nothing lost."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import Result
from processes import Process

from tests.servers.sshd import Server, make_key, server

Run = Callable[..., Result]
Start = Callable[..., Process]

LAYOUT = {"fields": [{"name": "id", "type": "int64", "nullable": False}, {"name": "text", "type": "string"}]}
ORDERS = {"orders": {"files": "orders*.csv*", "layout": LAYOUT}}


def configure(folder: Path | str = "drop", **settings: Any) -> Path:
    path = Path("sftp.json")
    path.write_text(json.dumps({"folder": str(folder), "settle": 0, "streams": ORDERS, **settings}))
    return path


def drop(name: str, content: bytes = b"id,text\n1,one\n2,two\n") -> Path:
    path = Path("drop") / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


READ = ("read", "sftp", "-c", "sftp.json", "-s", "orders", "-o", "out.parquet", "--log", "none")


def refused(result: Result, code: int, *said: str) -> None:
    """One line with all of `said`, exit `code`, and no file made."""
    assert result.exit_code == code, result.output
    assert len(result.stderr.splitlines()) == 1, result.stderr
    for words in said:
        assert words in result.stderr
    assert not Path("out.parquet").exists()
    assert result.stdout == ""


def test_all_is_well_to_begin_with(connector: Run) -> None:
    drop("orders.csv")
    configure()
    assert connector(*READ).exit_code == 0
    assert pq.read_table("out.parquet").to_pylist() == [{"id": 1, "text": "one"}, {"id": 2, "text": "two"}]


def test_a_wrong_key(connector: Run) -> None:
    configure(hots="example.org")
    refused(connector(*READ), 2, "sftp.json", "unknown key 'hots'", "did you mean host?")


def test_a_wrong_key_of_a_stream(connector: Run) -> None:
    configure(streams={"orders": {"flies": "*.csv"}})
    refused(connector(*READ), 2, "sftp.json", "streams.orders.flies")


def test_a_layout_that_is_not_there(connector: Run) -> None:
    drop("orders.csv")
    configure(streams={"orders": {"files": "*.csv", "layout": "nowhere.yaml"}})
    refused(connector(*READ), 2, "nowhere.yaml")


def test_a_missing_folder(connector: Run) -> None:
    configure("nowhere")
    refused(connector("check", "sftp", "-c", "sftp.json"), 2, "nowhere")


def test_an_unreadable_file(process: Start) -> None:
    drop("orders.csv").chmod(0)
    configure()
    powers = "-dac_override,-dac_read_search"  # with them, root reads everything
    prefix = ["setpriv", "--bounding-set", powers, "--inh-caps", powers] if os.geteuid() == 0 else []
    if prefix and shutil.which("setpriv") is None:
        pytest.skip("running as root, and there is no setpriv to be less")
    code, _, err = process(*READ, prefix=prefix).end()
    assert code == 2, err
    assert "orders.csv" in err
    assert "ermission denied" in err
    assert len(err.splitlines()) == 1
    assert not Path("out.parquet").exists()


def test_a_truncated_gzip(connector: Run) -> None:
    whole = gzip.compress(b"id,text\n" + b"".join(b"%d,row %d\n" % (n, n * n) for n in range(100_000)))
    drop("orders.csv.gz", whole[: len(whole) // 2])
    configure()
    refused(connector(*READ), 4, "orders.csv.gz", "truncated")


def test_a_gzip_bomb(connector: Run) -> None:
    drop("orders.csv.gz", gzip.compress(b"id,text\n" + b"0" * 300_000_000, 9))
    configure()
    refused(connector(*READ), 4, "orders.csv.gz")


@pytest.mark.parametrize("content", [b"", b"id,text\n", b"\xef\xbb\xbfid,text\r\n"], ids=["empty", "header", "header with BOM"])
def test_a_file_without_rows_is_no_rows(connector: Run, content: bytes) -> None:
    drop("orders.csv", content)
    configure()
    result = connector(*READ)
    assert result.exit_code == 0, result.output
    table = pq.read_table("out.parquet")
    assert (table.num_rows, table.schema.names) == (0, ["id", "text"])


def test_another_header_is_drift_and_names_the_fields(connector: Run) -> None:
    drop("orders.csv", b"id,remark\n1,one\n")
    configure()
    refused(connector(*READ), 5, "orders.csv", "text")


def test_ten_thousand_columns(connector: Run) -> None:
    names = [f"c{n}" for n in range(10_000)]
    drop("orders.csv", ",".join(names).encode() + b"\n" + b",".join(b"%d" % n for n in range(10_000)) + b"\n")
    layout = {"fields": [{"name": name, "type": "int64"} for name in names]}
    configure(streams={"orders": {"files": "*.csv", "layout": layout}})
    result = connector(*READ)
    assert result.exit_code == 0, result.output
    assert list(pq.read_table("out.parquet").to_pylist()[0].values()) == list(range(10_000))


def peak_memory(pid: int) -> int:
    """The most bytes that a process has held so far. (`ru_maxrss` would count what pytest held when it forked.)"""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def test_a_line_of_200_megabytes_is_one_reject_in_little_memory(process: Start) -> None:
    path = drop("orders.csv", b"id,text\n1,one\n")
    with path.open("ab") as file:
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b"\n2,two\n")
    configure()
    running = process(*READ, "--rejects", "bad.jsonl", "--max-rejects", "1")
    memory = 0
    while running.popen.poll() is None:
        memory = max(memory, peak_memory(running.popen.pid))
        time.sleep(0.02)
    assert running.end() == (0, "", "")
    assert 50 << 20 < memory < 300 << 20
    assert pq.read_table("out.parquet").column("id").to_pylist() == [1, 2]
    (reject,) = [json.loads(line) for line in Path("bad.jsonl").read_text().splitlines()]
    assert reject["raw_length"] >= 200_000_000
    assert len(reject["raw"]) < 100_000
    path.unlink()


def test_a_bad_row_ends_the_run_and_is_shown_with_its_place(connector: Run) -> None:
    drop("orders.csv", b"id,text\n1,one\ntwo,two\n3,three\n")
    configure()
    refused(connector(*READ), 4, "1 rejected record, 0 allowed", "orders.csv", "line 3", "field id")


@pytest.fixture
def remote() -> Iterator[Server]:
    """An SFTP server for ./remote/folder."""
    with server(Path("remote").absolute()) as running:
        (running.folder / "orders.csv").write_bytes(b"id,text\n1,one\n")
        yield running


def test_an_unknown_host_key_is_refused(connector: Run, remote: Server) -> None:
    Path("known_hosts").touch()
    settings = {key: value for key, value in remote.settings.items() if key != "fingerprint"}
    configure(**settings, known_hosts="known_hosts")
    refused(connector(*READ), 2, "127.0.0.1", "known_hosts")


def test_a_changed_host_key_is_refused(connector: Run, remote: Server) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen on this machine")
    other = make_key(Path("other").absolute()).with_name("other.pub").read_text().split()[:2]
    Path("known_hosts").write_text(f"[127.0.0.1]:{remote.port} {' '.join(other)}\n")
    settings = {key: value for key, value in remote.settings.items() if key != "fingerprint"}
    configure(**settings, known_hosts="known_hosts")
    refused(connector(*READ), 2, "127.0.0.1", "key")


def test_a_missing_secret(connector: Run, remote: Server) -> None:
    settings = {key: value for key, value in remote.settings.items() if key != "key_file"}
    configure(**settings, password="env:NO_SUCH_PASSWORD", agent=False)
    refused(connector(*READ), 2, "env:NO_SUCH_PASSWORD is not set")


def test_a_server_that_is_not_there(connector: Run, remote: Server) -> None:
    configure(**{**remote.settings, "port": 1}, timeout=2)
    refused(connector("check", "sftp", "-c", "sftp.json"), 3, "127.0.0.1")


def test_a_missing_remote_folder(connector: Run, remote: Server) -> None:
    configure(**{**remote.settings, "folder": "nowhere/at/all"})
    refused(connector("check", "sftp", "-c", "sftp.json"), 2, "nowhere/at/all")


def test_a_real_server_is_read(connector: Run, remote: Server) -> None:
    configure(**remote.settings)
    result = connector(*READ)
    assert result.exit_code == 0, result.output
    assert pq.read_table("out.parquet").to_pylist() == [{"id": 1, "text": "one"}]
