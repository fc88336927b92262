"""Where a run begins: decided from what the sink has committed and what the state file remembers of the job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector_sdk.contract import Checkpoint, Split, State
from connector_sdk.errors import ConfigError
from connector_sdk.runtime.state_store import Saved
from connector_sdk.schema import Mode

__all__ = ["Beginning", "begin_from"]


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """`states` to read on from, under the plan `splits` (empty: make one). `base` is what a run that stages everything until its
    end must start again from. `resumed` is the checkpoint of an unfinished run that goes on, None for a new one. Rejects that
    were written for checkpoints after `rejects_up_to` belong to what is read again."""

    states: Mapping[str, State]
    splits: tuple[Split, ...]
    base: Mapping[str, State]
    checkpoint: int
    resumed: int | None
    rejects_up_to: int


def begin_from(saved: Saved, truth: Checkpoint | None, mode: Mode, asked: str) -> Beginning:
    """The beginning of a run of `mode` that asks for the request with digest `asked`; `truth` is the sink's last checkpoint.

    The sink's checkpoint beats the state file. Raises ConfigError where an unfinished FULL plan was made for another request.
    """
    if mode is Mode.FULL and not saved.done and saved.splits and saved.asked != asked:
        names = sorted({stream.name for split in saved.splits for stream in split.streams})
        raise ConfigError(
            f"the state holds an unfinished full read of {', '.join(names)}, and this run asks for something else",
            hint="finish it with the same streams, columns and predicate, or reset the state",
        )
    checkpoint = max(saved.checkpoint, truth.id if truth else 0)
    if truth is not None and not truth.done:
        return Beginning(
            states=truth.states,
            splits=truth.splits or saved.splits,
            base={} if saved.done else saved.base,
            checkpoint=checkpoint,
            resumed=truth.id,
            rejects_up_to=checkpoint,
        )
    if truth is None and not saved.done:
        # The state file is further than a sink that keeps nothing half done: its run starts again.
        states, splits = saved.base, saved.splits
    else:
        earlier = saved.states if truth is None else truth.states
        states, splits = ({} if mode is Mode.FULL else earlier), ()
    return Beginning(
        states=states,
        splits=splits,
        base=states,
        checkpoint=checkpoint,
        resumed=None,
        rejects_up_to=checkpoint if saved.done else 0 if truth is None else truth.id,
    )
