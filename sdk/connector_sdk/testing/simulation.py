"""A simulator: the stand-in for a connector's system that knows the truth, so that the laws can ask what they should have got."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

import pyarrow as pa

from connector_sdk.errors import ConfigError

__all__ = ["Simulator", "simulator_of"]


@runtime_checkable
class Simulator(Protocol):
    """``with SomeSimulator(seed=0) as simulator:`` a small system of the connector's kind, with data in it, on this machine.

    Everything follows from `seed`. It is reached from other processes too: law 6 kills real ones. Enough rows that a read emits
    several states (settings in `config` that make batches small are fine), few enough that a full read takes well under a second.
    What it cannot do raises NotImplementedError with the reason, and the law that needs it is reported as not offered.
    Optional methods: ``serve(port: int | None) -> str`` prepares it for people (``connector simulate``) and says how to reach it.
    ``age() -> str`` makes its history so long that a state which remembers all of it passes 64 KB, and says how long; law 12 asks
    for it when states grow with the history. ``sample(stream: str, number: int, seed: int) -> dict`` is a row that such a system
    can hold, its keys following from `number`; without it the kit writes whatever the types allow.
    With an `index` in `config` (and `max_change: None`, or a large change is refused) the laws are held against the changes, too,
    that comparing full reads finds.
    """

    @property
    def config(self) -> Mapping[str, object]:
        """Settings with which the connector reaches it: plain, JSON-able, secrets as references (``env:`` it has set)."""
        ...

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of the streams that the laws use."""
        ...

    def __enter__(self) -> Self:
        """Start it."""
        ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        """Stop it and leave nothing behind."""
        ...

    def rows(self, stream: str) -> pa.Table:
        """What is in `stream` now, with exact types, without records that cannot be decoded. It does not use the connector."""
        ...

    def change(self, seed: int) -> None:
        """The system evolves a little: inserts, updates, deletes, and rows that become visible late (with a cursor value that
        readers have already passed), as far as such a system can. Another `seed` is another change."""
        ...

    def corrupt(self, stream: str) -> bytes:
        """One record goes bad. Returns its bytes as the connector will meet them, and as a reject must show them."""
        ...

    def alter(self, stream: str) -> tuple[str, ...]:
        """The shape of `stream` changes (a field's type, a field gone). Returns the fields that a drift error must name."""
        ...


def simulator_of(connector: Any) -> Any:
    """The simulator class that a connector class names, or None. Raises ConfigError when it names one that does not load."""
    name = getattr(connector, "simulator", None)
    if name is None:
        return None
    if not isinstance(name, str):
        return name
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"the simulator {name} of {getattr(connector, '__qualname__', connector)} does not load: {error}",
            hint='name it as simulator = "package.module:Class"',
        ) from None
