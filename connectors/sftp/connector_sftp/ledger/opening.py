"""Which ledger a read has: the exact one where the configuration has an index, else the one that fits a state."""

from __future__ import annotations

from collections.abc import Mapping

from connector_sdk.contract import Split, State
from connector_sdk.errors import StateInvalidError

from connector_sftp.config import SftpConfig
from connector_sftp.ledger.exact import VERSION, ExactLedger
from connector_sftp.ledger.in_state import InStateLedger

__all__ = ["open_ledger"]


def open_ledger(config: SftpConfig, split: Split, state: State | None) -> ExactLedger | InStateLedger:
    """The files that `split` had read at `state`. Raises StateInvalidError when the state cannot be gone on from."""
    if config.index is not None:
        spec = split.spec
        assert isinstance(spec, Mapping)
        lanes = "one" if spec["of"] == 1 else str(spec.get("by", "name"))
        return ExactLedger(state, index=config.index, split=split.id, lanes=lanes, compares=config.duplicates == "skip")
    if state is not None and state.get("v") == VERSION:
        raise StateInvalidError(
            f"the state of {split.id!r} names files of an index, and there is no `index` in the configuration",
            hint="put `index` back, or reset the state and read everything again",
            code="index_missing",
            split=split.id,
        )
    return InStateLedger(state, split=split.id)
