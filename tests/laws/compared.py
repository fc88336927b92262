"""The fake connector without changes of its own, followed by comparing its full reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from connector_sdk.contract import Split
from connector_sdk.schema import Mode, Stream, Where
from connector_sdk.testing.fake_simulator import FakeSimulator
from connector_sdk.testing.fakes import FakeConnector


class ComparedSimulator(FakeSimulator):
    """The fake system, and a folder for the index."""

    @property
    def config(self) -> Mapping[str, object]:
        return {**super().config, "index": str(self._file.parent / "index"), "max_change": None}


class Compared(FakeConnector):
    """Reads what is there, and has no log."""

    simulator = "tests.laws.compared:ComparedSimulator"

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        return [replace(stream, reads=frozenset({Mode.FULL})) for stream in super().discover(only)]


class SimulatorWithImages(ComparedSimulator):
    """The rows as they were are asked for."""

    @property
    def config(self) -> Mapping[str, object]:
        return {**super().config, "before": True}


class ComparedWithImages(Compared):
    """Tells the rows as they were, too."""

    simulator = "tests.laws.compared:SimulatorWithImages"


class LosesASplit(Compared):
    """A full read that misses rows: what follows from it is wrong, too."""

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        return list(super().plan(streams, mode, where))[1:]
