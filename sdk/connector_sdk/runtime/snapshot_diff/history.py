"""What the index keeps of one stream for one reader: a chain of generations, each published whole or not at all.

A folder ``INDEX/snapshot-diff/<stream>/<history>/``. A generation is what one read of everything found: its *index* (``lookup``,
``hashes`` and ``rows``: by the order of the key hashes, the hashes and the key fields of every row), its *differences* from the
generation before (``deleted`` and ``changed``), and what came along (``rejects``, ``acks``). Its files are written under hidden
names, synced, renamed to ``<sequence>-<digest>.<part>``; the manifest ``<sequence>.json`` comes last and makes them count. They
never change. A state names a generation by sequence and digest; the digests form a chain.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Self

from connector_sdk.contract import State
from connector_sdk.errors import LocalResourceError, StateInvalidError
from connector_sdk.runtime.folder import local_error
from connector_sdk.runtime.index_files import HIDDEN, damaged, folder_name, make_folder, missing, remove, sync
from connector_sdk.runtime.snapshot_diff.blocks import BlockWriter, Part, PartFile
from connector_sdk.schema import Stream

__all__ = ["Draft", "Generation", "History", "Position"]

FORMAT = "connector-sdk.snapshot-diff/1"
INDEX = ("lookup", "hashes", "rows")
DIFFERENCES = ("rejects", "deleted", "changed")
_MANIFEST = re.compile(r"(\d{8,})\.json")


@dataclass(frozen=True, order=True)
class Position:
    """Where a reader stands: `at` rows into the differences of generation `seq`; generation 0 is before the first."""

    history: str
    seq: int = 0
    at: int = 0
    digest: str = field(default="", compare=False)

    def to_state(self) -> State:
        return {"v": 1, "history": self.history, "seq": self.seq, "digest": self.digest, "at": self.at}

    @classmethod
    def from_state(cls, state: State) -> Position:
        """Raises StateInvalidError for anything that :meth:`to_state` did not write."""
        match state:
            case {"v": 1, "history": str(history), "seq": int(seq), "digest": str(digest), "at": int(at)} if (
                re.fullmatch("[0-9a-f]{16}", history) and seq >= 0 and at >= 0
            ):
                return cls(history=history, seq=seq, at=at, digest=digest)
        raise StateInvalidError(
            "the state is not one of changes found by comparing full reads",
            hint="was it made by another way of reading? reset it and read again",
        )

    @classmethod
    def fresh(cls) -> Position:
        """Before the first generation of a history of its own."""
        return cls(history=secrets.token_hex(8))


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What a manifest says. `rows` counts the rows of the snapshot, `counts` the differences by operation."""

    seq: int
    previous: str
    stream: Stream
    before: bool
    hashing: int
    rows: int
    counts: Mapping[str, int]
    parts: Mapping[str, Part]

    @property
    def differences(self) -> int:
        """How many change rows lead from the generation before to this one."""
        return sum(self.counts.values())

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self._body(), sort_keys=True).encode()).hexdigest()

    def _body(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "seq": self.seq,
            "previous": self.previous,
            "stream": self.stream.to_json(),
            "before": self.before,
            "hashing": self.hashing,
            "rows": self.rows,
            "counts": dict(self.counts),
            # Names follow from the digest, or are those of the generation that wrote the file.
            "parts": {name: {**part.to_json(), "name": ""} for name, part in self.parts.items()},
        }

    def to_bytes(self) -> bytes:
        names = {name: part.name for name, part in self.parts.items()}
        return json.dumps({**self._body(), "names": names, "digest": self.digest}).encode()

    @classmethod
    def from_bytes(cls, data: bytes, path: Path) -> Generation:
        try:
            value = json.loads(data)
            if value["format"] != FORMAT:
                raise StateInvalidError(
                    f"{path} is of format {value['format']!r}, {FORMAT!r} was expected", hint="use the version that wrote it"
                )
            found = cls(
                **{key: value[key] for key in ("seq", "previous", "before", "hashing", "rows", "counts")},
                stream=Stream.from_json(value["stream"]),
                parts={name: Part.from_json({**part, "name": value["names"][name]}) for name, part in value["parts"].items()},
            )
            told = value["digest"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise damaged(path, "it is not a manifest") from None
        if found.digest != told:
            raise damaged(path, "its digest does not match")
        return found


class History:
    """The generations in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, index: Path, stream: str, position: Position) -> History:
        """Where the index keeps the generations that `position` is about."""
        return cls(index / "snapshot-diff" / folder_name(stream) / position.history)

    def sequences(self) -> list[int]:
        """The numbers of the generations that are published, in order."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise local_error(error, self.folder) from None
        return sorted(int(match[1]) for name in names if (match := _MANIFEST.fullmatch(name)))

    def path(self, seq: int) -> Path:
        """The manifest of a generation."""
        return self.folder / f"{seq:08d}.json"

    def generation(self, seq: int) -> Generation:
        """Raises StateInvalidError when it is missing or damaged."""
        path = self.path(seq)
        try:
            return Generation.from_bytes(path.read_bytes(), path)
        except FileNotFoundError:
            raise missing(path) from None
        except OSError as error:
            raise local_error(error, path) from None

    def at(self, position: Position) -> Generation | None:
        """The generation that `position` names, None before the first. Raises StateInvalidError when it is another one."""
        if not position.seq:
            return None
        found = self.generation(position.seq)
        if found.digest != position.digest or position.at > found.differences:
            raise StateInvalidError(
                f"{self.path(position.seq)} is not the generation that the state names",
                hint="the index is not the one that the state was made with: put it back, or reset the state and read again",
                code="index_foreign",
            )
        return found

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one who adds a generation. Raises LocalResourceError (code ``locked``) when another run is at it."""
        path = self.folder / "lock"
        try:
            make_folder(self.folder)
            lock: IO[bytes] = path.open("ab")
        except OSError as error:
            raise local_error(error, path) from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise LocalResourceError(
                    f"{self.folder} is in use by another run that reads these changes",
                    hint="wait for it; two jobs need a state each",
                    code="locked",
                ) from None
            yield

    def clean(self) -> None:
        """Remove what a run that died left behind. Call it with the folder held."""
        kept = {"lock"}
        for seq in self.sequences():
            kept.add(self.path(seq).name)
            kept.update(part.name for part in self.generation(seq).parts.values())
        for path in list(self.folder.iterdir()):
            if path.name not in kept:
                remove(path)

    def forget(self, upto: Position) -> None:
        """Remove what no state from `upto` on needs: earlier differences, and every index but the latest."""
        sequences = self.sequences()
        if not sequences or upto.seq > sequences[-1]:
            return
        needed: set[str] = set()
        files: set[str] = set()
        for seq in sequences:
            generation = self.generation(seq)
            files |= {part.name for part in generation.parts.values()}
            wanted: set[str] = set()
            if seq > upto.seq or (seq == upto.seq and upto.at < generation.differences):
                wanted |= {*DIFFERENCES, "acks"}
            if seq == sequences[-1]:
                wanted |= generation.parts.keys() - set(DIFFERENCES)
            needed |= {part.name for name, part in generation.parts.items() if name in wanted}
        for name in sorted(files - needed):
            remove(self.folder / name)
        for seq in sequences:
            if seq < upto.seq:
                remove(self.path(seq))


class Draft:
    """A generation in the making: ``with Draft(history) as draft``. What is not published is removed at the end."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._open: list[PartFile | BlockWriter] = []

    def __enter__(self) -> Self:
        try:
            self._history.clean()
        except OSError as error:
            raise local_error(error, self._history.folder) from None
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._open:
            writer.close()
        with suppress(OSError):
            for path in self._history.folder.glob(f"{HIDDEN}*"):
                path.unlink(missing_ok=True)

    def words(self, part: str) -> PartFile:
        """A new file of plain bytes."""
        self._open.append(made := PartFile(self._history.folder / f"{HIDDEN}{part}"))
        return made

    def blocks(self, part: str) -> BlockWriter:
        """A new file of record batches."""
        self._open.append(made := BlockWriter(self._history.folder / f"{HIDDEN}{part}"))
        return made

    def path(self, part: Part) -> Path:
        """Where a finished part lies."""
        return self._history.folder / part.name

    def publish(self, generation: Generation) -> Generation:
        """Make `generation` count: its parts are finished files of this draft, or files of the generation before."""
        folder, digest = self._history.folder, generation.digest
        named = {
            name: replace(part, name=f"{generation.seq:08d}-{digest[:16]}.{name}") if part.name.startswith(HIDDEN) else part
            for name, part in generation.parts.items()
        }
        result = replace(generation, parts=named)
        path = self._history.path(result.seq)
        try:
            for name, part in named.items():
                if part.name != generation.parts[name].name:
                    (folder / generation.parts[name].name).rename(folder / part.name)
            manifest = self.words("manifest")
            manifest.write(result.to_bytes())
            manifest.finish()
            sync(folder)
            manifest.path.rename(path)
            sync(folder)
        except OSError as error:
            raise local_error(error, path) from None
        return result
