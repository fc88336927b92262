"""SFTP: one large file and many small ones from a real sshd on loopback, against OpenSSH's own `sftp` and paramiko's get()."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from tests.benchmarks.measure import PROGRAMS, Cost, Row, cost, scratch
from tests.servers.sshd import SSHD, Server, sshd

CIPHER = "aes128-gcm@openssh.com"


def run(quick: bool) -> list[Row]:
    """The table's lines; none, said on stderr, where no sshd is installed."""
    if SSHD is None or shutil.which("sftp") is None:
        print("left out, because there is no OpenSSH here: SFTP", file=sys.stderr)
        return []
    with scratch() as folder, sshd(folder) as server:
        return [*_large(server, folder, quick), *_small(server, folder, quick)]


def _large(server: Server, folder: Path, quick: bool) -> list[Row]:
    size = (50 if quick else 200) * 1_000_000
    source, target = server.folder / "large.bin", folder / "got"
    source.write_bytes(os.urandom(1_000_000) * (size // 1_000_000))
    paramiko = [sys.executable, PROGRAMS / "sftp_get_paramiko.py", server.host, str(server.port), server.user, server.key_file]
    found = _rounds(
        {
            "ours": _ours(server, "large.bin", target),
            "openssh": _openssh(server, str(source), target),
            "paramiko": [*paramiko, source, target],
        },
        target,
        2 if quick else 7,
    )
    assert found["ours"].told["bytes"] == size
    source.unlink()
    name = f"SFTP, one file of {size // 1_000_000} MB"
    rate = size / 1e6

    def row(peer: str, title: str, what: str, target: float | None) -> Row:
        ours, theirs = getattr(found["ours"], what), getattr(found[peer], what)
        unit = "MB per second" if what == "wall" else "MB per CPU second"
        return Row(name=f"{name}, {title}", ours=rate / ours, peer=rate / theirs, ratio=theirs / ours, target=target, unit=unit)

    return [
        row("openssh", "against sftp", "wall", 1.0),
        row("openssh", "against sftp", "cpu", 0.85),
        row("paramiko", "against paramiko's get()", "wall", None),
        row("paramiko", "against paramiko's get()", "cpu", None),
    ]


def _small(server: Server, folder: Path, quick: bool) -> list[Row]:
    count = 500 if quick else 2000
    source, target = server.folder / "small", folder / "got"
    source.mkdir()
    for number in range(count):
        (source / f"{number:05}.csv").write_bytes(os.urandom(20_000))
    found = _rounds(
        {"ours": _ours(server, "small/", target), "openssh": _openssh(server, str(source), target, "-r")},
        target,
        2 if quick else 7,
    )
    assert (found["ours"].told["files"], found["ours"].told["bytes"]) == (count, count * 20_000)
    return [
        Row(
            name=f"SFTP, {count:,} files of 20 KB, against sftp",
            ours=count / found["ours"].wall,
            peer=count / found["openssh"].wall,
            ratio=found["openssh"].wall / found["ours"].wall,
            target=1.2,
            unit="files per second",
        )
    ]


def _ours(server: Server, name: str, target: Path) -> list[str | Path]:
    return [sys.executable, PROGRAMS / "sftp_get_sdk.py", json.dumps(server.settings), name, target]


def _openssh(server: Server, path: str, target: Path, *options: str) -> list[str | Path]:
    known = f"UserKnownHostsFile={server.known_hosts}"
    to = f"{server.user}@{server.host}:{path}"
    return ["sftp", "-q", *options, "-P", str(server.port), "-i", server.key_file, "-o", known, "-c", CIPHER, to, target]


def _rounds(programs: dict[str, list[str | Path]], target: Path, rounds: int) -> dict[str, Cost]:
    """As `measure.interleaved`, with what was fetched cleared away after each program; medians."""
    found: dict[str, list[Cost]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, command in programs.items():
            found[name].append(cost(command))
            shutil.rmtree(target) if target.is_dir() else target.unlink()
    return {name: _median(costs) for name, costs in found.items()}


def _median(costs: list[Cost]) -> Cost:
    by_wall = sorted(c.wall for c in costs)
    by_cpu = sorted(c.cpu for c in costs)
    middle = len(costs) // 2
    return Cost(cpu=by_cpu[middle], wall=by_wall[middle], peak=max(c.peak for c in costs), told=costs[-1].told)
