"""The fake connector's simulator, and the kit's own source and sink: a fake system in a file, filled with sample rows."""

from __future__ import annotations

import os
import random
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import pyarrow as pa

from connector_sdk.errors import ConfigError
from connector_sdk.schema import Mode, Stream, WriteMode, describe
from connector_sdk.testing import samples
from connector_sdk.testing.fake_records import Entry, key_of
from connector_sdk.testing.fake_system import System, digest, system_at

__all__ = ["NOTES", "ORDERS", "FakeSimulator"]

ORDERS = Stream(
    name="orders",
    schema=pa.schema(
        [
            describe("id", pa.int64(), nullable=False, native="NUMBER(18)", doc="who is who", origin="orders.sql:2"),
            describe("customer", pa.string(), native="VARCHAR2(200)", doc="as the customer writes it"),
            describe("amount", pa.decimal128(12, 2), native="NUMBER(12,2)"),
            describe("ordered", pa.date32()),
            describe("changed", pa.timestamp("us", tz="UTC"), nullable=False),
            describe("open", pa.bool_()),
            describe("weight", pa.float64(), native="BINARY_DOUBLE"),
            describe("photo", pa.binary(), native="BLOB"),
        ],
        {b"connector.doc": b"What was ordered"},
    ),
    keys=("id",),
    cursor="changed",
    reads=frozenset(Mode),
    writes=frozenset({WriteMode.APPEND, WriteMode.REPLACE, WriteMode.UPSERT, WriteMode.APPLY}),
)
NOTES = Stream(
    name="notes",
    schema=pa.schema([describe("text", pa.string()), describe("number", pa.int32())]),
    reads=frozenset({Mode.FULL, Mode.INCREMENTAL}),
    writes=frozenset({WriteMode.APPEND, WriteMode.REPLACE}),
)


class FakeSimulator:
    """A fake system with `rows` rows in each of `streams`, in a folder of its own, behind a password in the environment."""

    def __init__(
        self,
        seed: int = 0,
        *,
        streams: Sequence[Stream] = (ORDERS, NOTES),
        rows: int = 40,
        sample: Callable[[str, int, int], Mapping[str, object]] | None = None,
    ) -> None:
        self._seed = seed
        self._sample = sample
        self._rows = rows
        self._streams = tuple(
            replace(s, reads=_readable(s), writes=s.writes or ORDERS.writes, repeats=frozenset()) for s in streams
        )
        self._next = {stream.name: 0 for stream in streams}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._variable = f"CONNECTOR_FAKE_{secrets.token_hex(4).upper()}"

    @property
    def config(self) -> Mapping[str, object]:
        return {"file": str(self._file), "password": f"env:{self._variable}"}

    @property
    def streams(self) -> tuple[str, ...]:
        return tuple(stream.name for stream in self._streams)

    @property
    def system(self) -> System:
        """The system itself."""
        return system_at(self._file)

    @property
    def _file(self) -> Path:
        if self._folder is None:
            raise ConfigError("the simulator is not running", hint="use it in a with statement")
        return Path(self._folder.name) / "system.json"

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="connector-fake-")
        os.environ[self._variable] = f"pw-{secrets.token_urlsafe(12)}"
        with self.system.change() as system:
            system.password_digest = digest(os.environ[self._variable])
            for stream in self._streams:
                system.streams[stream.name] = stream
                for _ in range(self._rows):
                    self._insert(system, stream, self._seed)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        os.environ.pop(self._variable, None)
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def rows(self, stream: str) -> pa.Table:
        return self.system.snapshot().table(stream)

    def change(self, seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311 - sample data
        with self.system.change() as system:
            for stream in self._streams:
                for _ in range(rng.randrange(2, 9)):
                    self._insert(system, stream, seed)
                # Late: with the cursor value of a row that was there from the start.
                self._insert(system, stream, seed, tick=rng.randrange(max(1, self._rows)))
                if not stream.keys:
                    continue
                now = list(system.live(stream.name).values())
                *updated, gone = rng.sample(now, min(5, len(now)))
                for entry in updated:
                    self._next[stream.name] += 1
                    row = self._row(stream, self._next[stream.name], seed) | _keys(stream, entry)
                    system.log.append(Entry(stream.name, "u", entry.key, msgspec.json.encode(row)))
                system.log.append(Entry(stream.name, "d", gone.key, msgspec.json.encode(_keys(stream, gone))))

    def renew(self, seed: int) -> None:
        """Every row goes, and as many come that have other keys."""
        with self.system.change() as system:
            for stream in self._streams:
                for entry in list(system.live(stream.name).values()):
                    system.log.append(Entry(stream.name, "d", entry.key, msgspec.json.encode(_keys(stream, entry))))
                for _ in range(self._rows):
                    self._insert(system, stream, seed)

    def _insert(self, system: System, stream: Stream, seed: int, tick: int | None = None) -> None:
        number = self._next[stream.name]
        self._next[stream.name] += 1
        row = self._row(stream, number, seed, tick=tick)
        system.log.append(Entry(stream.name, "c", key_of(stream, row), msgspec.json.encode(row)))

    def _row(self, stream: Stream, number: int, seed: int, tick: int | None = None) -> dict[str, Any]:
        row = samples.row(stream, number, seed, tick=tick)
        if self._sample is None:
            return row
        cursor = {stream.cursor: row[stream.cursor]} if stream.cursor else {}
        return {**self._sample(stream.name, number, seed), **cursor}

    def corrupt(self, stream: str) -> bytes:
        with self.system.change() as system:
            rows = system.live(stream)
            place = list(rows)[len(rows) // 2]
            field = system.streams[stream].schema.field(-1).name
            bad = msgspec.json.encode(msgspec.json.decode(rows[place].record) | {field: ["not", "this"]})
            system.log[system.log.index(rows[place])] = rows[place]._replace(record=bad)
        return bad

    def alter(self, stream: str) -> tuple[str, ...]:
        with self.system.change() as system:
            old = system.streams[stream]
            field = old.schema.field(-1)
            schema = old.schema.set(len(old.schema) - 1, describe(field.name, pa.list_(pa.string())))
            system.streams[stream] = replace(old, schema=schema)
        return (field.name,)

    def age(self) -> str:
        """Thousands of changes at once."""
        with self.system.change() as system:
            for _ in range(4000):
                for stream in self._streams:
                    self._insert(system, stream, 1)
        return "4,000 more rows"

    def serve(self, port: int | None = None) -> str:
        """How to reach it: it is a file."""
        return f"file: {self._file}"


def _readable(stream: Stream) -> frozenset[Mode]:
    return frozenset(Mode) if stream.keys else frozenset({Mode.FULL, Mode.INCREMENTAL})


def _keys(stream: Stream, entry: Entry) -> dict[str, object]:
    record = msgspec.json.decode(entry.record)
    return {key: record[key] for key in stream.keys}
