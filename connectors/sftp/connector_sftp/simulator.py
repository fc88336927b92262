"""A folder of CSV drops that knows its truth, for the laws and for `connector simulate`: on this machine, or behind SFTP."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import Layout, layout_from

from connector_sftp.embedded_server import EmbeddedServer

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
CUSTOMERS = (
    "Ada",
    'said "yes"',
    "semi;colon, comma",
    "two\nlines",
    "",
    " padded ",
    "Müller & Søn – 東京",
    "007",
    "NULL",
    "x" * 120,
)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
FILE_ROWS = {"orders": 150, "readings": 150}
"""Enough that a file is more than one batch."""


class SftpSimulator:
    """Drops of two streams: ``orders``, with a key, and ``readings``, without; a few files each. A local folder by default."""

    transport = "local"

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._stack = ExitStack()
        self._folder: Path | None = None
        self._server: EmbeddedServer | None = None
        self._layouts = {name: layout_from(settings) for name, settings in LAYOUTS.items()}
        self._next = dict.fromkeys(LAYOUTS, 0)
        self._variable = f"CONNECTOR_SFTP_{secrets.token_hex(4).upper()}"

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="connector-sftp-"))
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        rng = random.Random(self._seed)  # noqa: S311 - sample data
        for name in LAYOUTS:
            for number in range(3):
                self._drop(name, f"{name}-2026010{number + 1}.csv", rng, day=number)
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
            "streams": {name: {"files": f"{name}-*.csv", "layout": dict(layout)} for name, layout in LAYOUTS.items()},
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
        return tuple(LAYOUTS)

    def rows(self, stream: str) -> pa.Table:
        """What the files hold now, read by a parser of our own; records that cannot be decoded are left out."""
        layout = self._layouts[stream]
        rows = [row for path in self._files(stream) for row in _rows(path, layout)]
        return pa.Table.from_pylist(rows, schema=layout.schema)

    def change(self, seed: int) -> None:
        """A new drop, one that is late (an older time), one with the very time of the newest, and a replaced one."""
        rng = random.Random(f"{self._seed}/{seed}")  # noqa: S311 - sample data
        for name in LAYOUTS:
            files = self._files(name)
            newest = max(path.stat().st_mtime for path in files)
            stamp = f"{seed}-{self._next[name]}"
            self._drop(name, f"{name}-new-{stamp}.csv", rng, day=10 + seed, rows=rng.randrange(3, 9))
            self._drop(name, f"{name}-late-{stamp}.csv", rng, day=0, rows=rng.randrange(3, 9))
            self._drop(name, f"{name}-also-{stamp}.csv", rng, mtime=newest, rows=rng.randrange(3, 9))
            self._replace(name, rng.choice(files), rng, day=11 + seed)

    def corrupt(self, stream: str) -> bytes:
        """A record in the middle gets a number that is none."""
        path = self._files(stream)[1]
        field = "weight" if stream == "orders" else "value"
        rows = list(_rows(path, self._layouts[stream]))
        lines = [_line([row[f] for f in self._layouts[stream].names]) for row in rows]
        bad = [*(rows[75][f] for f in self._layouts[stream].names)]
        bad[self._layouts[stream].names.index(field)] = "1,2,3 or so"
        lines[75] = _line(bad)
        self._write(path, stream, lines, path.stat().st_mtime)
        return lines[75].removesuffix("\n").encode()

    def alter(self, stream: str) -> tuple[str, ...]:
        """The last field has another name from now on."""
        old = self._layouts[stream].names[-1]
        for path in self._files(stream):
            head, _, rest = path.read_text(encoding="utf-8").partition("\n")
            path.write_text(f"{head.removesuffix(old)}renamed\n{rest}", encoding="utf-8")
        return (old,)

    def serve(self, port: int | None = None) -> str:
        """Serve the folder by SFTP, and say how to reach it. The password is in the text: it protects nothing but sample data."""
        password = os.environ.setdefault(self._variable, secrets.token_urlsafe(12))
        self._server = self._stack.enter_context(EmbeddedServer(self.folder, password=password, port=port or 0))
        return (
            f"host: 127.0.0.1\nport: {self._server.port}\nuser: {self._server.user}\n"
            f"password: {password}\nfingerprint: {self._server.fingerprint}\nfolder: .   # {self.folder}"
        )

    def _files(self, stream: str) -> list[Path]:
        return sorted(path for path in self.folder.glob(f"{stream}-*.csv") if not path.name.startswith("."))

    def _drop(
        self, stream: str, name: str, rng: random.Random, *, day: int = 0, mtime: float | None = None, rows: int | None = None
    ) -> None:
        lines = [_line(self._row(stream, rng)) for _ in range(rows or FILE_ROWS[stream])]
        self._write(self.folder / name, stream, lines, mtime or (EPOCH + timedelta(days=day)).timestamp())

    def _replace(self, stream: str, path: Path, rng: random.Random, *, day: int) -> None:
        """The same file with some rows changed and one gone."""
        names = self._layouts[stream].names
        rows = list(_rows(path, self._layouts[stream]))
        del rows[rng.randrange(len(rows))]
        for row in rng.sample(rows, min(3, len(rows))):
            row["weight" if stream == "orders" else "value"] = rng.random()
        self._write(path, stream, [_line([row[n] for n in names]) for row in rows], (EPOCH + timedelta(days=day)).timestamp())

    def _row(self, stream: str, rng: random.Random) -> list[object]:
        number = self._next[stream]
        self._next[stream] += 1
        moment = EPOCH + timedelta(seconds=number, microseconds=rng.randrange(10**6))
        if stream == "readings":
            return [f"S{number:06d}", moment.replace(tzinfo=None), rng.choice([None, rng.gauss(0, 1e6)])]
        return [
            number,
            rng.choice([None, *CUSTOMERS]),
            rng.choice([None, Decimal(rng.randrange(-(10**12) + 1, 10**12)).scaleb(-2)]),
            rng.choice([None, date(2026, 1, 1) + timedelta(days=rng.randrange(365))]),
            moment,
            rng.choice([None, True, False]),
            rng.choice([None, rng.random(), 1e300, -0.1]),
        ]

    def _write(self, path: Path, stream: str, lines: Sequence[str], mtime: float) -> None:
        """Complete when it appears, as a well-behaved partner would drop it."""
        hidden = path.with_name(f".{path.name}")
        hidden.write_text(_line(self._layouts[stream].names) + "".join(lines), encoding="utf-8", newline="")
        os.utime(hidden, (mtime, mtime))
        hidden.replace(path)


class ServedSimulator(SftpSimulator):
    """The same drops behind an embedded SFTP server."""

    transport = "sftp"


def _line(values: Sequence[object]) -> str:
    return ",".join(map(_text, values)) + "\n"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.isoformat() if isinstance(value, date) else str(value)
    return '"' + text.replace('"', '""') + '"' if not text or set(text) & set('",\r\n') else text


def _rows(path: Path, layout: Layout) -> Iterator[dict[str, Any]]:
    records = _records(path.read_bytes().decode())
    names = [text for text, _ in next(records)]
    types = {field.name: _READERS[str(field.type)] for field in layout.fields}
    for record in records:
        if len(record) != len(names):
            continue
        try:
            yield {
                name: None if not text and not quoted else types[name](text)
                for name, (text, quoted) in zip(names, record, strict=True)
            }
        except (ValueError, ArithmeticError, KeyError):
            continue


def _records(text: str) -> Iterator[list[tuple[str, bool]]]:
    """Records as (text, was quoted): the one thing that `csv` does not tell, and that makes an empty value a text or a null."""
    record: list[tuple[str, bool]] = []
    at = 0
    while at < len(text):
        if text[at] == '"':
            parts = []
            while True:
                end = text.index('"', at + 1)
                parts.append(text[at + 1 : end])
                at = end + 1
                if text[at : at + 1] != '"':
                    break
                parts.append('"')
            record.append(("".join(parts), True))
        else:
            end = min((found for found in (text.find(mark, at) for mark in ",\r\n") if found >= 0), default=len(text))
            record.append((text[at:end], False))
            at = end
        if text[at : at + 1] == ",":
            at += 1
            if at < len(text) and text[at] not in "\r\n":
                continue
            record.append(("", False))
        at += 2 if text[at : at + 2] == "\r\n" else 1
        if record != [("", False)]:
            yield record
        record = []


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "int64": int,
    "string": str,
    "decimal128(12, 2)": Decimal,
    "date32[day]": date.fromisoformat,
    "timestamp[us, tz=UTC]": _moment,
    "timestamp[us]": _moment,
    "bool": lambda text: {"true": True, "false": False}[text],
    "double": float,
}
