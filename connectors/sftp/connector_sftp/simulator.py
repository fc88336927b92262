"""A folder of CSV drops that knows its truth, for the laws and for `connector simulate`: on this machine, or behind SFTP."""

from __future__ import annotations

import os
import random
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import FixedWidth, Layout, layout_from

from connector_sftp import plain_files, plain_fixed_width
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
        self._files = {name: layout_from(each) for name, each in LAYOUTS.items()} if layouts is None else dict(layouts)
        self._layouts: dict[str, Layout] = {}
        self._file_of: dict[str, str] = {}
        for name, layout in self._files.items():
            for stream in [layout] if layout.fields else replace(layout, name=name).streams:
                own = name if layout.fields else stream.name
                self._layouts[own], self._file_of[own] = stream, name
        self._stems = {name: f"{re.sub(r'[^0-9A-Za-z]+', '_', name)[:40]}{n}" for n, name in enumerate(self._files)}
        self._next = dict.fromkeys(self._files, 0)
        # The kit's own rows are more awkward; but not every layout can hold every text and every moment.
        self.sample = None if layouts is None else self._plausible
        self._variable = f"CONNECTOR_SFTP_{secrets.token_hex(4).upper()}"

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="connector-sftp-"))
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        rng = random.Random(self._seed)  # noqa: S311 - sample data
        for name in self._files:
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
        rows = [row for path in self._paths(self._file_of[stream]) for own, row in self._read(path) if own == stream]
        return pa.Table.from_pylist(rows, schema=self._layouts[stream].schema)

    def _plausible(self, stream: str, number: int, seed: int) -> dict[str, Any]:
        """A row that files in the stream's layout can hold."""
        rng = random.Random(f"{seed}/{number}")  # noqa: S311 - sample data
        return self._sample(stream, number, rng)

    def change(self, seed: int) -> None:
        """A new drop, one that is late (an older time), one with the very time of the newest, and a replaced one."""
        rng = random.Random(f"{self._seed}/{seed}")  # noqa: S311 - sample data
        for name in self._files:
            files = self._paths(name)
            newest = max(path.stat().st_mtime for path in files)
            stamp = f"{seed}-{self._next[name]}"
            self._drop(name, f"new-{stamp}", rng, day=10 + seed, rows=rng.randrange(3, 9))
            self._drop(name, f"late-{stamp}", rng, day=0, rows=rng.randrange(3, 9))
            self._drop(name, f"also-{stamp}", rng, mtime=newest, rows=rng.randrange(3, 9))
            self._replace(name, rng.choice(files), rng, day=11 + seed)

    def corrupt(self, stream: str) -> bytes:
        """A record in the middle gets a value that is none or, where every value is text, one too many or one too few."""
        layout, path = self._layouts[stream], self._paths(self._file_of[stream])[1]
        rows = list(self._read(path))
        lines = [self._record(own, row) for own, row in rows]
        mine = [number for number, (own, _) in enumerate(rows) if own == stream]
        middle = mine[len(mine) // 2]
        fixed = isinstance(layout.form, FixedWidth)
        checks = [check for record in layout.fixed_width.records for check in record.checks] if fixed else []
        totals = {name for check in checks for _, name in check.totals}
        typed = [
            field.name
            for field in layout.fields
            if not _is_text(field.type) and not pa.types.is_binary(field.type) and field.name not in {*layout.keys, *totals}
        ]
        if typed:
            lines[middle] = self._record(stream, rows[middle][1], **{typed[-1]: "no such value"})
        elif totals:
            raise NotImplementedError("where a record that is wrong leaves the totals open, the whole file is refused")
        elif fixed and layout.fixed_width.framing == "lines":
            lines[middle] = plain_fixed_width.cut_off(layout, lines[middle])
        elif fixed:
            raise NotImplementedError("what is not right among texts without line ends cannot be told")
        else:
            end = "\n".encode(layout.encoding)
            more = f"{layout.delimited.delimiter}one too many".encode(layout.encoding)
            lines[middle] = lines[middle].removesuffix(end) + more + end
        self._write(path, self._file_of[stream], lines, path.stat().st_mtime)
        return plain_fixed_width.raw(layout, lines[middle]) if fixed else lines[middle].removesuffix("\n".encode(layout.encoding))

    def alter(self, stream: str) -> tuple[str, ...]:
        """The last field has another name in the header from now on or, where fields have only places, is gone."""
        layout, file = self._layouts[stream], self._file_of[stream]
        if isinstance(layout.form, FixedWidth):
            if layout.form.records or layout.form.framing != "lines":
                raise NotImplementedError("records of several types, or without line ends, do not show what they have lost")
            for path in self._paths(file):
                short = [plain_fixed_width.cut_off(layout, self._record(stream, row)) for _, row in self._read(path)]
                path.write_bytes(b"".join(short))
            return (max(layout.fields, key=lambda field: field.place.start if field.place else 0).name,)
        if not layout.form.header:
            raise NotImplementedError("files without a header do not name their fields")
        *others, last = layout.fields
        altered = replace(layout, fields=(*others, replace(last, name="renamed", title=None)), keys=())
        for path in self._paths(file):
            lines = [self._record(stream, row).decode(layout.encoding) for _, row in self._read(path)]
            path.write_bytes(plain_files.write(altered, lines))
        return (last.name,)

    def age(self) -> str:
        """More files than a state can remember one by one."""
        name, rng = next(iter(self._files)), random.Random(self._seed)  # noqa: S311 - sample data
        for number in range(CAPACITY + 500):
            line = self._lines(name, 1, rng)
            path = self.folder / f"{self._stems[name]}-old-{number}.csv"
            self._write(path, name, line, (EPOCH + timedelta(days=60, seconds=number)).timestamp())
        return f"{CAPACITY + 500:,} more files"

    def serve(self, port: int | None = None) -> str:
        """Serve the folder by SFTP, and say how to reach it. The password is in the text: it protects nothing but sample data."""
        password = os.environ.setdefault(self._variable, secrets.token_urlsafe(12))
        self._server = self._stack.enter_context(EmbeddedServer(self.folder, password=password, port=port or 0))
        return (
            f"host: 127.0.0.1\nport: {self._server.port}\nuser: {self._server.user}\n"
            f"password: {password}\nfingerprint: {self._server.fingerprint}\nfolder: .   # {self.folder}"
        )

    def _paths(self, file: str) -> list[Path]:
        return sorted(path for path in self.folder.glob(f"{self._stems[file]}-*.csv") if not path.name.startswith("."))

    def _drop(
        self, file: str, stamp: str, rng: random.Random, *, day: int = 0, mtime: float | None = None, rows: int = FILE_ROWS
    ) -> None:
        path = self.folder / f"{self._stems[file]}-{stamp}.csv"
        self._write(path, file, self._lines(file, rows, rng), mtime or (EPOCH + timedelta(days=day)).timestamp())

    def _replace(self, file: str, path: Path, rng: random.Random, *, day: int) -> None:
        """The same file with some rows changed and one gone, unless it is the last."""
        rows = list(self._read(path))
        if len(rows) > 1:
            del rows[rng.randrange(len(rows))]
        for stream, row in rng.sample(rows, min(3, len(rows))):
            keys = self._layouts[stream].keys
            row |= {name: value for name, value in self._sample(stream, 0, rng).items() if name not in keys}
        lines = [self._record(stream, row) for stream, row in rows]
        self._write(path, file, lines, (EPOCH + timedelta(days=day)).timestamp())

    def _lines(self, file: str, rows: int, rng: random.Random) -> list[bytes]:
        """The next records of a file, of one stream after the other."""
        start, streams = self._next[file], [stream for stream, of in self._file_of.items() if of == file]
        self._next[file] += rows
        found = []
        for number in range(start, start + rows):
            stream = streams[number % len(streams)]
            found.append(self._record(stream, self._sample(stream, number, rng)))
        return found

    def _sample(self, stream: str, number: int, rng: random.Random) -> dict[str, Any]:
        layout = self._layouts[stream]
        fixed = isinstance(layout.form, FixedWidth)
        return plain_fixed_width.sample(layout, number, rng) if fixed else plain_files.sample(layout, number, rng)

    def _record(self, stream: str, row: Mapping[str, Any], **instead: str) -> bytes:
        layout = self._layouts[stream]
        if isinstance(layout.form, FixedWidth):
            return plain_fixed_width.record(layout, row, **instead)
        return plain_files.record(layout, row, **instead).encode(layout.encoding)

    def _read(self, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
        """The rows of a file, each with its stream."""
        file = next(file for file in self._files if path in self._paths(file))
        layout, content = self._files[file], path.read_bytes()
        if not isinstance(layout.form, FixedWidth):
            yield from ((file, row) for row in plain_files.read(layout, content))
            return
        streams = {self._layouts[stream].fixed_width.record: stream for stream, of in self._file_of.items() if of == file}
        for record, row in plain_fixed_width.read(layout, content):
            yield streams[record], row

    def _write(self, path: Path, file: str, lines: Sequence[bytes], mtime: float) -> None:
        """Complete when it appears, as a well-behaved partner would drop it."""
        layout = self._files[file]
        hidden = path.with_name(f".{path.name}")
        if isinstance(layout.form, FixedWidth):
            content = plain_fixed_width.write(layout, lines)
        else:
            content = plain_files.write(layout, [line.decode(layout.encoding) for line in lines])
        hidden.write_bytes(content)
        os.utime(hidden, (mtime, mtime))
        hidden.replace(path)


class ServedSimulator(SftpSimulator):
    """The same drops behind an embedded SFTP server."""

    transport = "sftp"


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
