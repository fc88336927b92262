"""Where changes by comparison are offered: on every connector with an `index`, for keyed streams that have no better way."""

from __future__ import annotations

from typing import Any

from connector_sdk.config import MAX_CHANGE
from connector_sdk.contract import Connector, Source
from connector_sdk.runtime.snapshot_diff.source import SnapshotDiff

__all__ = ["offer"]


def offer(connector: Connector, *, confirm: bool = False) -> Connector:
    """`connector` as it is to be read: with changes by comparison when its configuration has an `index`.

    `confirm` lifts the brake for this run. What is no source, or has no index, is returned as it is.
    """
    config: Any = getattr(connector, "config", None)
    index = getattr(config, "index", None)
    if index is None or not isinstance(connector, Source) or isinstance(connector, SnapshotDiff):
        return connector
    return SnapshotDiff(
        connector,
        index,
        max_change=getattr(config, "max_change", MAX_CHANGE),
        confirm=confirm,
        before=getattr(config, "before", False),
        limits=getattr(config, "limits", None),
    )
