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
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import Layout, layout_from

from connector_sftp import plain_files
from connector_sftp.embedded_server import EmbeddedServer
from connector_sftp.ledger import CAPACITY

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
}
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
FILE_ROWS = 150
"""Enough that a file is more than one batch."""


class SftpSimulator:
    """Drops of the streams in `layouts`, a few files each, in a local folder.

    Without `layouts` there are two streams: ``orders``, with a key, and ``readings``, without.
    """

    transport = "local"

    def __init__(self, seed: int = 0, layouts: Mapping[str, Layout] | None = None) -> None:
        self._seed = seed
        self._stack = ExitStack()
        self._folder: Path | None = None
        self._server: EmbeddedServer | None = None
        self._own = layouts is None
        self._layouts = {name: layout_from(each) for name, each in LAYOUTS.items()} if layouts is None else dict(layouts)
        self._stems = {name: f"{re.sub(r'[^0-9A-Za-z]+', '_', name)[:40]}{n}" for n, name in enumerate(self._layouts)}
        self._next = dict.fromkeys(self._layouts, 0)
        # The kit's own rows are more awkward; but not every layout can hold every text and every moment.
        self.sample = None if layouts is None else self._plausible
        self._variable = f"CONNECTOR_SFTP_{secrets.token_hex(4).upper()}"

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="connector-sftp-"))
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        rng = random.Random(self._seed)  # noqa: S311 - sample data
        for name in self._layouts:
            for number in range(3):
                self._drop(name, f"2026010{number + 1}", rng, day=number)
        if self.transport == "sftp":
            os.environ[self._variable] = f"pw-{secrets.token_urlsafe(12)}"
            self._stack.callback(os.environ.pop, self._variable, None)
            self._server = self._stack.enter_context(EmbeddedServer(self._folder, password=os.environ[self._variable]))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self._stack.close()
        self._folder = self._server = None

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
            "streams": {
                name: {"files": f"{stem}-*.csv", **({"layout": dict(LAYOUTS[name])} if self._own else {})}
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
        return tuple(self._layouts)

    def rows(self, stream: str) -> pa.Table:
        """What the files hold now, read by a parser of our own; records that cannot be decoded are left out."""
        layout = self._layouts[stream]
        rows = [row for path in self._files(stream) for row in plain_files.read(layout, path.read_bytes())]
        return pa.Table.from_pylist(rows, schema=layout.schema)

    def _plausible(self, stream: str, number: int, seed: int) -> dict[str, Any]:
        """A row that files in the stream's layout can hold."""
        rng = random.Random(f"{seed}/{number}")  # noqa: S311 - sample data
        return plain_files.sample(self._layouts[stream], number, rng)

    def change(self, seed: int) -> None:
        """A new drop, one that is late (an older time), one with the very time of the newest, and a replaced one."""
        rng = random.Random(f"{self._seed}/{seed}")  # noqa: S311 - sample data
        for name in self._layouts:
            files = self._files(name)
            newest = max(path.stat().st_mtime for path in files)
            stamp = f"{seed}-{self._next[name]}"
            self._drop(name, f"new-{stamp}", rng, day=10 + seed, rows=rng.randrange(3, 9))
            self._drop(name, f"late-{stamp}", rng, day=0, rows=rng.randrange(3, 9))
            self._drop(name, f"also-{stamp}", rng, mtime=newest, rows=rng.randrange(3, 9))
            self._replace(name, rng.choice(files), rng, day=11 + seed)

    def corrupt(self, stream: str) -> bytes:
        """A record in the middle gets a value that is none or, where every value is text, one too many."""
        layout, path = self._layouts[stream], self._files(stream)[1]
        rows = list(plain_files.read(layout, path.read_bytes()))
        lines = [plain_files.record(layout, row) for row in rows]
        middle = len(lines) // 2
        typed = [field.name for field in layout.fields if not _is_text(field.type) and field.name not in layout.keys]
        if typed:
            lines[middle] = plain_files.record(layout, rows[middle], **{typed[-1]: "no such value"})
        else:
            lines[middle] = lines[middle].removesuffix("\n") + f"{layout.delimited.delimiter}one too many\n"
        self._write(path, stream, lines, path.stat().st_mtime)
        return lines[middle].removesuffix("\n").encode(layout.encoding)

    def alter(self, stream: str) -> tuple[str, ...]:
        """The last field has another name in the header from now on."""
        layout = self._layouts[stream]
        if not layout.delimited.header:
            raise NotImplementedError("files without a header do not name their fields")
        *others, last = layout.fields
        altered = replace(layout, fields=(*others, replace(last, name="renamed", title=None)), keys=())
        for path in self._files(stream):
            rows = list(plain_files.read(layout, path.read_bytes()))
            lines = [plain_files.record(layout, row) for row in rows]
            path.write_bytes(plain_files.write(altered, lines))
        return (last.name,)

    def age(self) -> str:
        """More files than a state can remember one by one."""
        name = next(iter(self._layouts))
        layout, rng = self._layouts[name], random.Random(self._seed)  # noqa: S311 - sample data
        for number in range(CAPACITY + 500):
            self._next[name] += 1
            line = plain_files.record(layout, plain_files.sample(layout, self._next[name], rng))
            path = self.folder / f"{self._stems[name]}-old-{number}.csv"
            self._write(path, name, [line], (EPOCH + timedelta(days=60, seconds=number)).timestamp())
        return f"{CAPACITY + 500:,} more files"

    def serve(self, port: int | None = None) -> str:
        """Serve the folder by SFTP, and say how to reach it. The password is in the text: it protects nothing but sample data."""
        password = os.environ.setdefault(self._variable, secrets.token_urlsafe(12))
        self._server = self._stack.enter_context(EmbeddedServer(self.folder, password=password, port=port or 0))
        return (
            f"host: 127.0.0.1\nport: {self._server.port}\nuser: {self._server.user}\n"
            f"password: {password}\nfingerprint: {self._server.fingerprint}\nfolder: .   # {self.folder}"
        )

    def _files(self, stream: str) -> list[Path]:
        return sorted(path for path in self.folder.glob(f"{self._stems[stream]}-*.csv") if not path.name.startswith("."))

    def _drop(
        self, stream: str, stamp: str, rng: random.Random, *, day: int = 0, mtime: float | None = None, rows: int = FILE_ROWS
    ) -> None:
        layout, start = self._layouts[stream], self._next[stream]
        self._next[stream] += rows
        lines = [plain_files.record(layout, plain_files.sample(layout, start + n, rng)) for n in range(rows)]
        path = self.folder / f"{self._stems[stream]}-{stamp}.csv"
        self._write(path, stream, lines, mtime or (EPOCH + timedelta(days=day)).timestamp())

    def _replace(self, stream: str, path: Path, rng: random.Random, *, day: int) -> None:
        """The same file with some rows changed and one gone, unless it is the last."""
        layout = self._layouts[stream]
        rows = list(plain_files.read(layout, path.read_bytes()))
        if len(rows) > 1:
            del rows[rng.randrange(len(rows))]
        for row in rng.sample(rows, min(3, len(rows))):
            row |= {name: value for name, value in plain_files.sample(layout, 0, rng).items() if name not in layout.keys}
        self._write(path, stream, [plain_files.record(layout, row) for row in rows], (EPOCH + timedelta(days=day)).timestamp())

    def _write(self, path: Path, stream: str, lines: Sequence[str], mtime: float) -> None:
        """Complete when it appears, as a well-behaved partner would drop it."""
        hidden = path.with_name(f".{path.name}")
        hidden.write_bytes(plain_files.write(self._layouts[stream], lines))
        os.utime(hidden, (mtime, mtime))
        hidden.replace(path)


class ServedSimulator(SftpSimulator):
    """The same drops behind an embedded SFTP server."""

    transport = "sftp"


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
