"""The fake connector without changes of its own, followed by comparing its full reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector_sdk.contract import Batch, Split, State
from connector_sdk.runtime.snapshot_diff import SnapshotDiff
from connector_sdk.schema import Mode, Stream, Where
from connector_sdk.testing.fake_simulator import FakeSimulator
from connector_sdk.testing.fakes import FakeConfig, FakeConnector


class WholeOnly(FakeConnector):
    """Reads what is there, and has no log."""

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        return [replace(stream, reads=frozenset({Mode.FULL})) for stream in super().discover(only)]


class ComparedSimulator(FakeSimulator):
    """The fake system, and a folder for the index."""

    @property
    def config(self) -> Mapping[str, object]:
        return {**super().config, "index": str(self._file.parent / "index"), "max_change": None}


class Compared(FakeConnector):
    """Reads through a `SnapshotDiff`, writes as the fake connector does."""

    simulator = "tests.laws.compared:ComparedSimulator"

    def __init__(self, config: FakeConfig) -> None:
        super().__init__(config)
        assert config.index is not None
        self._compared: Any = SnapshotDiff(WholeOnly(config), config.index, max_change=config.max_change, before=config.before)

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        return self._compared.discover(only)

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        return self._compared.plan(streams, mode, where)

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        return self._compared.read(split, state, until)

    def ack(self, split: Split, state: State) -> None:
        self._compared.ack(split, state)


class ComparedWithImages(Compared):
    """Tells the rows as they were, too."""

    def __init__(self, config: FakeConfig) -> None:
        super().__init__(config.model_copy(update={"before": True}))
