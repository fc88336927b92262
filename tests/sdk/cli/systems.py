"""Small connectors that behave, or misbehave, in one way each. The tests name them ``systems:Class``."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import pyarrow as pa
from connector_sdk.config import ConnectorConfig, Secret
from connector_sdk.contract import Batch, Operation, Split, State
from connector_sdk.errors import ConfigError, TransientError
from connector_sdk.rejects import Reject, reject_batch, rejects_of
from connector_sdk.schema import Mode, Stream, describe
from pydantic import BaseModel, ConfigDict, Field

ROWS = pa.schema([describe("id", pa.int64(), nullable=False), describe("name", pa.string(), doc="what it is called")])


class NumbersConfig(ConnectorConfig):
    """How many numbers."""

    count: Annotated[int, Field(ge=0, description="rows in each stream")] = 10
    bad: Annotated[int, Field(description="records that cannot be decoded")] = 0
    pause: Annotated[float, Field(description="seconds between two batches of one row")] = 0.0


class Base:
    """Two streams of numbers; what the others vary."""

    def __init__(self, config: NumbersConfig) -> None:
        self.config = config

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def check(self) -> None:
        pass

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        reads = frozenset({Mode.FULL, Mode.INCREMENTAL})
        for name in ("numbers", "others"):
            if only is None or name in only:
                yield Stream(name=name, schema=ROWS, keys=("id",), cursor="id", reads=reads)

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Any] = {}) -> Sequence[Split]:
        return [
            Split(id=s.name, streams=(s,), mode=mode, left={s.name: where[s.name]} if s.name in where else {}) for s in streams
        ]

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        (stream,) = split.streams
        after = int(str(state["id"])) if state else 0
        step = 1 if self.config.pause else 1000
        for start in range(after, self.config.count, step):
            ids = list(range(start + 1, min(start + step, self.config.count) + 1))
            data = pa.RecordBatch.from_pydict({"id": ids, "name": [f"n{i}" for i in ids]}, schema=ROWS)
            yield Batch(stream=stream.name, data=data.select(stream.schema.names), state={"v": 1, "id": ids[-1]})
            time.sleep(self.config.pause)
        empty = pa.RecordBatch.from_pylist([], schema=ROWS).select(stream.schema.names)
        bad = [
            Reject(
                stream=stream.name, code="type", reason="not a number", raw=b"bad,%d" % i, place="numbers.txt", line=i, field="id"
            )
            for i in range(self.config.bad if after == 0 else 0)
        ]
        yield Batch(
            stream=stream.name,
            data=empty,
            state={"v": 1, "id": max(after, self.config.count)},
            rejects=reject_batch(bad) if bad else None,
        )

    def ack(self, split: Split, state: State) -> None:
        pass


class Numbers(Base):
    """Counts to the configured number."""


class Down(Base):
    """Never answers."""

    def check(self) -> None:
        raise TransientError("the system at 192.0.2.1 does not answer", hint="is it up?")

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        raise TransientError("the system at 192.0.2.1 does not answer", hint="is it up?")


class GuardedConfig(ConnectorConfig):
    """Needs a password."""

    host: Annotated[str, Field(description="where it is")]
    password: Annotated[Secret, Field(description="how to get in")]


class Guarded(Base):
    """Logs, raises, warns, and dies in a thread with its password in hand: none of it may be seen."""

    def __init__(self, config: GuardedConfig) -> None:
        self.guarded = config

    def check(self) -> None:
        password = self.guarded.password.reveal()
        if self.guarded.host == "log":
            logging.getLogger("connector_guarded").warning("logging in with %s", password)
            logging.getLogger("paramiko.transport").error("Traceback (most recent call last): %s", password)
            try:
                raise ValueError(password)
            except ValueError:
                logging.getLogger("connector_guarded").exception("that went wrong")
        elif self.guarded.host == "thread":
            thread = threading.Thread(target=self._die, args=(password,))
            thread.start()
            thread.join()
        elif self.guarded.host == "refuse":
            raise ConfigError(f"the system refuses the password {password}")
        else:
            raise RuntimeError(f"cannot log in with {password}")

    @staticmethod
    def _die(password: str) -> None:
        raise RuntimeError(f"lost {password}")


class Place(BaseModel):
    """Where something is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Annotated[str, Field(description="path of a folder")]
    depth: Annotated[int, Field(ge=0, le=9, description="how deep to look")] = 3


class RichConfig(ConnectorConfig):
    """Every kind of setting."""

    host: Annotated[str, Field(description="name | address\nof the server")]
    password: Annotated[Secret, Field(description="how to get in")]
    main: Annotated[Place, Field(description="the main place")]
    port: Annotated[int, Field(ge=1, le=65535, description="TCP port")] = 22
    token: Annotated[Secret | None, Field(description="another way in")] = None
    kind: Annotated[str, Field(pattern="^(a|b)$", description="a or b")] = "a"
    names: Annotated[tuple[str, ...], Field(description="some names")] = ("x", "y: z")
    places: Annotated[dict[str, Place], Field(default_factory=dict, description="more places")]
    listed: Annotated[list[Place], Field(default_factory=list, description="places in order")]
    options: Annotated[dict[str, str], Field(default_factory=dict, description="passed on", examples=[{"encoding": "cp037"}])]


class Rich(Base):
    """Has every kind of setting."""

    def __init__(self, config: RichConfig) -> None:
        pass


class Calling:
    """Has operations and no streams."""

    def __init__(self, config: NumbersConfig) -> None:
        pass

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def check(self) -> None:
        pass

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        return []

    def operations(self) -> Iterable[Operation]:
        half = pa.schema([pa.field("amount", pa.decimal128(12, 2), nullable=False), pa.field("tags", pa.list_(pa.string()))])
        yield Operation(name="Halve", input=half, doc="Half of an amount", changes_system=False)
        yield Operation(name="capture.status", input=pa.schema([("streams", pa.list_(pa.string()))]), changes_system=False)

    def call(self, name: str, arguments: Mapping[str, object]) -> object:
        if name == "capture.status":
            streams: Any = arguments.get("streams", ["all"])
            return [{"stream": stream, "installed": True} for stream in streams]
        amount: Any = arguments["amount"]
        return {"half": amount / 2, "tags": arguments.get("tags")}


class Flaky(Base):
    """Its first read fails half-way."""

    failed = False

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        for batch in super().read(split, state, until):
            yield batch
            if not self.failed:
                self.failed = True
                raise TransientError("the connection was cut")


def stick() -> None:
    print("stuck", flush=True)
    for _ in range(600):  # one long sleep would miss a signal that comes just before it begins
        time.sleep(0.1)


class Stuck(Base):
    """Waits and cannot be asked to stop."""

    def check(self) -> None:
        stick()

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        stick()
        yield from super().read(split, state, until)


class Mendable(Base):
    """Can decode a rejected record when `bad` is -1, and record 0 when it is -2."""

    def replay(self, stream: Stream, rejects: pa.RecordBatch) -> Iterator[Batch]:
        found = rejects_of(rejects)
        good = [r for r in found if self.config.bad == -1 or r.raw == b"bad,0"]
        data = pa.RecordBatch.from_pylist([{"id": 0, "name": r.raw.decode()} for r in good], schema=ROWS)
        bad = [r for r in found if r not in good]
        yield Batch(stream=stream.name, data=data, rejects=reject_batch(bad) if bad else None)


class Doubling(Base):
    """Plans every split twice over: breaks the first law."""

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Any] = {}) -> Sequence[Split]:
        once = super().plan(streams, mode, where)
        return [*once, *(replace(split, id=f"{split.id}-again") for split in once)]


class Quiet(Base):
    """Its simulator listens on no port."""

    simulator = "systems:QuietSimulator"


class QuietSimulator:
    """Never started."""
