"""Changes of whatever can only be read whole: each snapshot is compared with the one before, by hashes kept in the index.

Use it through a session, which offers changes by itself where a connector does not and `index` is configured, or wrap a source:
:class:`SnapshotDiff`.
"""

from connector_sdk.runtime.snapshot_diff.offer import offer
from connector_sdk.runtime.snapshot_diff.source import SnapshotDiff

__all__ = ["SnapshotDiff", "offer"]
