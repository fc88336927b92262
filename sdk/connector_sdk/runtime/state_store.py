"""Where a job keeps how far it got: one small JSON file, written whole or not at all, held by one run at a time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

from connector_sdk.contract import Split, State, check_state
from connector_sdk.errors import ConfigError, LocalResourceError, StateInvalidError
from connector_sdk.runtime.folder import local_error

__all__ = ["FileStore", "MemoryStore", "Saved", "StateStore", "read_saved", "reset_state", "write_saved"]

FORMAT = "connector-sdk.state/1"
_KEYS = ("connector", "load", "mode", "asked", "checkpoint", "rejects", "done", "states", "base", "splits")


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What is kept between runs.

    `connector` is whose state this is, `load` the job's identity. `states` is where each split stands; `base` where it stood
    when the run that is not `done` began: what a run starts from again when its sink kept nothing. `splits` is the plan of a FULL
    read that is not done, `asked` a digest of what it reads, `rejects` counts what the current run has put aside.
    """

    connector: str
    load: str = field(default_factory=lambda: uuid.uuid4().hex)
    mode: str = ""
    checkpoint: int = 0
    states: Mapping[str, State] = field(default_factory=dict)
    base: Mapping[str, State] = field(default_factory=dict)
    splits: tuple[Split, ...] = ()
    asked: str = ""
    rejects: int = 0
    done: bool = True


class StateStore(Protocol):
    """Where the engine keeps :class:`Saved`; a host supplies its own."""

    def load(self) -> Saved:
        """What was saved last, or a fresh one with a new load id."""
        ...

    def save(self, saved: Saved) -> None:
        """Keep `saved`; when it returns, it survives a crash."""
        ...


class MemoryStore:
    """State that lives as long as its object: one-shot reads and tests. `load_id` fixes the job's identity."""

    def __init__(self, connector: str = "", states: Mapping[str, State] | None = None, load_id: str | None = None) -> None:
        fresh = Saved(connector=connector, states=states or {}, base=states or {})
        self.saved = replace(fresh, load=load_id) if load_id else fresh

    def load(self) -> Saved:
        return self.saved

    def save(self, saved: Saved) -> None:
        self.saved = saved


class FileStore:
    """A state file. ``with FileStore(path, "sftp") as store:`` holds it: a second run is refused while the first lives.

    The lock is ``PATH.lock`` beside it, released by the operating system when its process dies. Raises LocalResourceError
    (code ``locked``) when another run holds it, StateInvalidError when the file is damaged or belongs to another connector.
    """

    def __init__(self, path: Path, connector: str) -> None:
        self.path = path
        self.connector = connector
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        lock_path = self.path.with_name(self.path.name + ".lock")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = lock_path.open("a+")
        except OSError as error:
            raise local_error(error, lock_path) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            holder = self._lock.read().strip() or "unknown"
            self._lock.close()
            self._lock = None
            raise LocalResourceError(
                f"{self.path} is in use by another run (process {holder})",
                hint="wait for it, or use another state file",
                code="locked",
            ) from None
        with suppress(OSError):  # a full disk must not keep a run from saying so itself
            self._lock.truncate(0)
            self._lock.write(str(os.getpid()))
            self._lock.flush()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        if self._lock is not None:
            # The lock file stays: removing it would let two runs hold two files of one name.
            self._lock.close()
            self._lock = None

    def load(self) -> Saved:
        if not self.path.exists():
            return Saved(connector=self.connector)
        saved = read_saved(self.path)
        if saved.connector != self.connector:
            raise StateInvalidError(
                f"{self.path} is the state of {saved.connector!r}, this run reads {self.connector!r}",
                hint="name the right file, or start a new one",
                code="foreign_state",
            )
        return saved

    def save(self, saved: Saved) -> None:
        write_saved(self.path, saved)


def write_saved(path: Path, saved: Saved) -> None:
    """Write a state file in one step: a temporary file, synced, then renamed over `path`, then the folder synced."""
    body = {
        "connector": saved.connector,
        "load": saved.load,
        "mode": saved.mode,
        "asked": saved.asked,
        "checkpoint": saved.checkpoint,
        "rejects": saved.rejects,
        "done": saved.done,
        "states": {split: check_state(state, split) for split, state in saved.states.items()},
        "base": {} if saved.done else dict(saved.base),
        "splits": [split.to_json() for split in saved.splits],
    }
    text = json.dumps({"format": FORMAT, "digest": _digest(body), **body}, ensure_ascii=False, indent=1, default=dict)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise local_error(error, path) from None


def read_saved(path: Path) -> Saved:
    """The content of a state file. Raises StateInvalidError when it is damaged, ConfigError when it cannot be read."""
    hint = "restore it from a backup, or move it away: the next run starts anew"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"there is no state file {path}") from None
    except OSError as error:
        raise local_error(error, path) from None
    except UnicodeDecodeError:
        raise StateInvalidError(f"{path} is not a state file, or is damaged", hint=hint, code="damaged_state") from None
    try:
        value: dict[str, Any] = json.loads(text)
        if value["format"] != FORMAT:
            raise StateInvalidError(
                f"{path} is of format {value['format']!r}, {FORMAT!r} was expected", hint="use the version that wrote it"
            )
        body = {key: value[key] for key in _KEYS}
        if value["digest"] != _digest(body):
            raise StateInvalidError(
                f"{path} was changed by hand or damaged: its digest does not match",
                hint="change states with `connector state set`; " + hint,
                code="damaged_state",
            )
        return Saved(**{**body, "splits": tuple(Split.from_json(split) for split in body["splits"])})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StateInvalidError(f"{path} is not a state file, or is damaged", hint=hint, code="damaged_state") from None


def reset_state(path: Path, split: str | None = None) -> Saved:
    """Forget how far a job got, or one of its splits; the job begins anew under a new load id. Returns what was written."""
    saved = read_saved(path)
    if split is None:
        fresh = Saved(connector=saved.connector)
    else:
        if split not in saved.states:
            raise ConfigError(f"{path} has no split {split!r}", hint=f"it has {', '.join(saved.states) or 'none'}")
        states = {key: state for key, state in saved.states.items() if key != split}
        fresh = Saved(connector=saved.connector, mode=saved.mode, states=states)
    write_saved(path, fresh)
    return fresh


def set_state(path: Path, split: str, state: State, connector: str | None = None) -> Saved:
    """Put `state` in place of what the file has for `split`, under a new load id. A new file is `connector`'s."""
    if path.exists():
        saved = read_saved(path)
    elif connector is not None:
        saved = Saved(connector=connector)
    else:
        raise ConfigError(f"there is no state file {path}", hint="say whose it will be with --connector NAME")
    fresh = Saved(connector=saved.connector, mode=saved.mode, states={**saved.states, split: state})
    write_saved(path, fresh)
    return fresh


def _digest(body: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=dict).encode()).hexdigest()
