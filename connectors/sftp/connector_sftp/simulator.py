"""A folder of CSV drops that knows its truth, for the laws and for `connector simulate`: on this machine, or behind SFTP."""

from __future__ import annotations

import os
import random
import re
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import Layout, layout_from

from connector_sftp.embedded_server import EmbeddedServer
from connector_sftp.plain_layout import PlainLayout, Row

__all__ = ["ServedSimulator", "SftpSimulator"]

LAYOUTS: Mapping[str, Mapping[str, Any]] = {
    "orders": {
        "name": "orders",
        "doc": "What was ordered",
        "keys": ["id"],
        "fields": [
            {"name": "id", "type": "int64", "nullable": False, "doc": "who is who"},
            {"name": "customer", "type": "string", "doc": "as the customer writes it"},
            {"name": "amount", "type": "decimal(12,2)"},
            {"name": "ordered", "type": "date"},
            {"name": "changed", "type": "timestamp[us, UTC]", "nullable": False},
            {"name": "open", "type": "bool"},
            {"name": "weight", "type": "float64"},
        ],
    },
    "readings": {
        "name": "readings",
        "fields": [
            {"name": "station", "type": "string", "nullable": False},
            {"name": "taken", "type": "timestamp[us]"},
            {"name": "value", "type": "float64"},
        ],
    },
    "stock": {
        "name": "stock",
        "doc": "What lies in the warehouse",
        "format": "fixed_width",
        "encoding": "cp037",
        "framing": "none",
        "length": 40,
        "records": [
            {
                "name": "article",
                "when": {"start": 1, "value": "A"},
                "keys": ["number"],
                "fields": [
                    {"name": "number", "start": 2, "length": 7, "type": "int64", "nullable": False, "sign": "none"},
                    {"name": "called", "start": 9, "length": 12, "type": "string"},
                    {"name": "pieces", "start": 21, "length": 6, "type": "int32", "sign": "trailing"},
                    {"name": "price", "start": 27, "length": 6, "type": "decimal(6,2)", "scale": 2, "sign": "overpunch"},
                    {"name": "counted", "start": 33, "length": 8, "type": "date", "format": "%Y%m%d"},
                ],
            },
            {
                "name": "end",
                "role": "trailer",
                "when": {"start": 1, "value": "Z"},
                "checks": [{"field": "records", "counts": ["article"]}, {"field": "pieces", "sums": ["article.pieces"]}],
                "fields": [
                    {"name": "records", "start": 2, "length": 9, "type": "int64"},
                    {"name": "pieces", "start": 11, "length": 12, "type": "int64", "sign": "trailing"},
                ],
            },
        ],
    },
}
TAKES = {"stock": "latest"}
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
FILE_ROWS = 150
"""Enough that a file is more than one batch."""
OLD_FILES = 8_000
"""More than a state of 64 KB can have a digest of."""


class SftpSimulator:
    """Drops of the streams in `layouts`, a few files each, in a local folder; with each change, days go by.

    Those that `takes` says ``latest`` of are whole drops, day by day: rows come, change, go and get other keys, old drops come
    late, and drops come again. Of the others each file adds to the stream. Without `layouts` there are three: ``orders``, with a
    key, ``readings``, without, and ``stock``, whole drops of fixed width with a trailer.
    """

    transport = "local"
    old_files = OLD_FILES
    """How many :meth:`age` adds."""

    def __init__(
        self, seed: int = 0, layouts: Mapping[str, Layout] | None = None, takes: Mapping[str, str] | None = None
    ) -> None:
        self._seed = seed
        self._stack = ExitStack()
        self._folder: Path | None = None
        self._index: Path | None = None
        self._server: EmbeddedServer | None = None
        self._own = layouts is None
        found = {name: layout_from(each) for name, each in LAYOUTS.items()} if layouts is None else layouts
        self._files = {name: PlainLayout(name, layout) for name, layout in found.items()}
        self._takes = dict(TAKES if takes is None and self._own else takes or {})
        self._file_of = {stream: name for name, plain in self._files.items() for stream in plain.streams}
        self._stems = {name: f"{re.sub(r'[^0-9A-Za-z]+', '_', name)[:40]}{n}" for n, name in enumerate(self._files)}
        self._next = dict.fromkeys(self._files, 0)
        self._day = dict.fromkeys(self._files, 0)
        # The kit's own rows are more awkward; but not every layout can hold every text and every moment.
        self.sample = None if layouts is None else self._plausible
        self._variable = f"CONNECTOR_SFTP_{secrets.token_hex(4).upper()}"

    def __enter__(self) -> Self:
        self._folder, self._index = self._temporary(), self._temporary()
        rng = random.Random(self._seed)  # noqa: S311 - sample data
        for name in self._files:
            for number in range(3):
                if self._is_whole(name):
                    self._whole_drop(name, rng)
                else:
                    self._drop(name, f"2026010{number + 1}", rng, day=number)
        if self.transport == "sftp":
            os.environ[self._variable] = f"pw-{secrets.token_urlsafe(12)}"
            self._stack.callback(os.environ.pop, self._variable, None)
            self._server = self._stack.enter_context(EmbeddedServer(self._folder, password=os.environ[self._variable]))
        return self

    def _temporary(self) -> Path:
        made = Path(tempfile.mkdtemp(prefix="connector-sftp-"))
        self._stack.callback(shutil.rmtree, made, ignore_errors=True)
        return made

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self._stack.close()
        self._folder = self._index = self._server = None

    @property
    def folder(self) -> Path:
        """Where the drops lie on this machine."""
        if self._folder is None:
            raise ConfigError("the simulator is not running", hint="use it in a with statement")
        return self._folder

    @property
    def config(self) -> Mapping[str, object]:
        settings: dict[str, object] = {
            "settle": 0,
            "block_bytes": 1024,
            "split_bytes": 16 << 10,
            "index": str(self._index),
            "max_change": None,
            "streams": {
                name: {
                    "files": f"{stem}-*.csv",
                    **({"layout": dict(LAYOUTS[name])} if self._own else {}),
                    **({"takes": self._takes[name]} if name in self._takes else {}),
                }
                for name, stem in self._stems.items()
            },
        }
        if self._server is None:
            return {"folder": str(self.folder), **settings}
        return {
            "host": "127.0.0.1",
            "port": self._server.port,
            "user": self._server.user,
            "password": f"env:{self._variable}",
            "fingerprint": self._server.fingerprint,
            **settings,
        }

    @property
    def streams(self) -> tuple[str, ...]:
        return tuple(self._file_of)

    def rows(self, stream: str) -> pa.Table:
        """What the files hold now, read by a parser of our own; records that cannot be decoded are left out."""
        file = self._file_of[stream]
        paths = self._paths(file)[-1:] if self._is_whole(file) else self._paths(file)
        rows = [row for path in paths for own, row in self._read(file, path) if own == stream]
        return pa.Table.from_pylist(rows, schema=self._files[file].streams[stream].schema)

    def _plausible(self, stream: str, number: int, seed: int) -> dict[str, Any]:
        """A row that files in the stream's layout can hold."""
        rng = random.Random(f"{seed}/{number}")  # noqa: S311 - sample data
        return self._files[self._file_of[stream]].sample(stream, number, rng)

    def change(self, seed: int) -> None:
        """A new drop, one that is late (an older time), one with the very time of the newest, and a replaced one.

        Where drops are whole: the next day's, perhaps again with corrections, or twice; and an old one that comes late.
        """
        rng = random.Random(f"{self._seed}/{seed}")  # noqa: S311 - sample data
        for name in self._files:
            if self._is_whole(name):
                self._whole_change(name, rng)
                continue
            files = self._paths(name)
            newest = max(path.stat().st_mtime for path in files)
            stamp = f"{seed}-{self._next[name]}"
            self._drop(name, f"new-{stamp}", rng, day=10 + seed, rows=rng.randrange(3, 9))
            self._drop(name, f"late-{stamp}", rng, day=0, rows=rng.randrange(3, 9))
            self._drop(name, f"also-{stamp}", rng, mtime=newest, rows=rng.randrange(3, 9))
            self._replace(name, rng.choice(files), rng, day=11 + seed)

    def corrupt(self, stream: str) -> bytes:
        """A record in the middle gets a value that is none or, where every value is text, one too many or one too few."""
        file = self._file_of[stream]
        path = self._paths(file)[-1 if self._is_whole(file) else 1]
        rows = self._read(file, path)
        mine = [number for number, (own, _) in enumerate(rows) if own == stream]
        middle = mine[len(mine) // 2]
        records = self._files[file].records(rows)
        records[middle], raw = self._files[file].spoilt(stream, rows[middle][1])
        self._write(path, file, records, path.stat().st_mtime)
        return raw

    def alter(self, stream: str) -> tuple[str, ...]:
        """The last field has another name in the header from now on or, where fields have only places, is gone."""
        file = self._file_of[stream]
        altered = {path: self._files[file].altered(stream, path.read_bytes()) for path in self._paths(file)}
        for path, content in altered.items():
            path.write_bytes(content)
        return (self._files[file].last(stream),)

    def age(self) -> str:
        """More files than a state can remember one by one."""
        name, rng = next(iter(self._files)), random.Random(self._seed)  # noqa: S311 - sample data
        for number in range(self.old_files):
            path = self.folder / f"{self._stems[name]}-old-{number}.csv"
            self._write(path, name, self._more(name, 1, rng), (EPOCH + timedelta(days=60, seconds=number)).timestamp())
        return f"{self.old_files:,} more files"

    def serve(self, port: int | None = None) -> str:
        """Serve the folder by SFTP, and say how to reach it. The password is in the text: it protects nothing but sample data."""
        password = os.environ.setdefault(self._variable, secrets.token_urlsafe(12))
        self._server = self._stack.enter_context(EmbeddedServer(self.folder, password=password, port=port or 0))
        return (
            f"host: 127.0.0.1\nport: {self._server.port}\nuser: {self._server.user}\n"
            f"password: {password}\nfingerprint: {self._server.fingerprint}\nfolder: .   # {self.folder}"
        )

    def _is_whole(self, file: str) -> bool:
        return self._takes.get(file) == "latest"

    def _paths(self, file: str) -> list[Path]:
        return sorted(path for path in self.folder.glob(f"{self._stems[file]}-*.csv") if not path.name.startswith("."))

    def _whole_drop(self, file: str, rng: random.Random) -> None:
        """The next day's: what the last one held, with changes; the first one is all new."""
        plain, paths = self._files[file], self._paths(file)
        if paths:
            fresh = range(self._next[file], self._next[file] + rng.randrange(3, 9))
            self._next[file] = fresh.stop
            records = plain.records(plain.next_day(self._read(file, paths[-1]), fresh, rng))
        else:
            records = self._more(file, FILE_ROWS, rng)
        day = EPOCH + timedelta(days=self._day[file])
        self._day[file] += 1
        self._write(self.folder / f"{self._stems[file]}-{day:%Y%m%d}.csv", file, records, day.timestamp())

    def _whole_change(self, file: str, rng: random.Random) -> None:
        stem = self._stems[file]
        if rng.random() < 0.3:
            self._day[file] -= 1  # the last day's drop comes again, corrected
        self._whole_drop(file, rng)
        last = self._paths(file)[-1]
        day = EPOCH - timedelta(days=1 + rng.randrange(1000))
        self._write(
            self.folder / f"{stem}-{day:%Y%m%d}.csv", file, self._more(file, rng.randrange(3, 9), rng), last.stat().st_mtime
        )
        if rng.random() < 0.3:
            shutil.copy2(last, last.with_name(f"{last.stem}-again{last.suffix}"))

    def _drop(
        self, file: str, stamp: str, rng: random.Random, *, day: int = 0, mtime: float | None = None, rows: int = FILE_ROWS
    ) -> None:
        path = self.folder / f"{self._stems[file]}-{stamp}.csv"
        self._write(path, file, self._more(file, rows, rng), mtime or (EPOCH + timedelta(days=day)).timestamp())

    def _replace(self, file: str, path: Path, rng: random.Random, *, day: int) -> None:
        """The same file with some rows changed and one gone, unless it is the last."""
        plain, rows = self._files[file], self._read(file, path)
        if len(rows) > 1:
            del rows[rng.randrange(len(rows))]
        for stream, row in rng.sample(rows, min(3, len(rows))):
            keys = plain.streams[stream].keys
            row |= {name: value for name, value in plain.sample(stream, 0, rng).items() if name not in keys}
        self._write(path, file, plain.records(rows), (EPOCH + timedelta(days=day)).timestamp())

    def _more(self, file: str, rows: int, rng: random.Random) -> list[bytes]:
        """The next records of a file."""
        start = self._next[file]
        self._next[file] += rows
        return self._files[file].records(self._files[file].samples(range(start, start + rows), rng))

    def _read(self, file: str, path: Path) -> list[Row]:
        """The rows of a file, each with its stream."""
        return self._files[file].read(path.read_bytes())

    def _write(self, path: Path, file: str, records: Sequence[bytes], mtime: float) -> None:
        """Complete when it appears, as a well-behaved partner would drop it."""
        hidden = path.with_name(f".{path.name}")
        hidden.write_bytes(self._files[file].write(records))
        os.utime(hidden, (mtime, mtime))
        hidden.replace(path)


class ServedSimulator(SftpSimulator):
    """The same drops behind an embedded SFTP server."""

    transport = "sftp"
