"""connector-sdk: typed, tested connectors to legacy systems.

::

    import connector_sdk

    with connector_sdk.open("sftp", folder="drop", streams={"orders": {"files": "orders*.csv"}}) as shop:
        for stream in shop.discover():
            print(stream.name, stream.schema)
        table = shop.read("orders", where="amount >= 10").table()

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector_sdk.config import ConnectorConfig, Limits, Secret
    from connector_sdk.contract import (
        Batch,
        Caller,
        Checkpoint,
        Connector,
        Load,
        Operation,
        Receipt,
        Replayer,
        Sink,
        Source,
        Split,
        State,
    )
    from connector_sdk.errors import (
        ConfigError,
        ConnectorError,
        DataError,
        InternalError,
        LawBrokenError,
        LocalResourceError,
        SchemaDriftError,
        StateInvalidError,
        Stopped,
        TransientError,
    )
    from connector_sdk.rejects import Reject, reject_batch
    from connector_sdk.runtime.engine import Job, Result, run
    from connector_sdk.runtime.reading import Reading
    from connector_sdk.runtime.session import Session, copy, open  # noqa: A004
    from connector_sdk.schema import Mode, Relation, Stream, Where, WriteMode, describe

_HOMES = {
    "config": ("ConnectorConfig", "Limits", "Secret"),
    "contract": (
        "Batch",
        "Caller",
        "Checkpoint",
        "Connector",
        "Load",
        "Operation",
        "Receipt",
        "Replayer",
        "Sink",
        "Source",
        "Split",
        "State",
    ),
    "errors": (
        "ConfigError",
        "ConnectorError",
        "DataError",
        "InternalError",
        "LawBrokenError",
        "LocalResourceError",
        "SchemaDriftError",
        "StateInvalidError",
        "Stopped",
        "TransientError",
    ),
    "rejects": ("Reject", "reject_batch"),
    "runtime.engine": ("Job", "Result", "run"),
    "runtime.reading": ("Reading",),
    "runtime.session": ("Session", "copy", "open"),
    "schema": ("Mode", "Relation", "Stream", "Where", "WriteMode", "describe"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Batch",
    "Caller",
    "Checkpoint",
    "ConfigError",
    "Connector",
    "ConnectorConfig",
    "ConnectorError",
    "DataError",
    "InternalError",
    "Job",
    "LawBrokenError",
    "Limits",
    "Load",
    "LocalResourceError",
    "Mode",
    "Operation",
    "Reading",
    "Receipt",
    "Reject",
    "Relation",
    "Replayer",
    "Result",
    "SchemaDriftError",
    "Secret",
    "Session",
    "Sink",
    "Source",
    "Split",
    "State",
    "StateInvalidError",
    "Stopped",
    "Stream",
    "TransientError",
    "Where",
    "WriteMode",
    "copy",
    "describe",
    "open",
    "reject_batch",
    "run",
]


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
