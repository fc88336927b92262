"""Folders in which years of drops lie that were read long ago: any number of names, told one at a time, no file behind them."""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from connector_sdk.contract import Batch, Split, State
from connector_sdk.formats.layout import layout_from
from connector_sdk.runtime.folder import Entry, LocalFolder
from connector_sdk.schema import Mode, Stream
from connector_sftp import SftpConnector
from connector_sftp.config import SftpConfig
from connector_sftp.ledger import ExactLedger
from connector_sftp.ledger.segments import WORDS, Shelf, merged
from connector_sftp.planning import in_lane
from connector_sftp.sftp_folder import SftpFolder
from connector_sftp.simulator import LAYOUTS, SftpSimulator

__all__ = ["Crowd", "Memory", "crowded"]


class Memory:
    """How much more memory this process has held, at its peak, since :meth:`watch`: from /proc."""

    def __init__(self) -> None:
        self._before = 0

    def watch(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self._before = _status("VmRSS")

    @property
    def grown(self) -> int:
        """In bytes."""
        return _status("VmHWM") - self._before


def _status(name: str) -> int:
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(told[name].split()[0]) << 10


@dataclass
class Crowd:
    """`count` files that begin with `stem`, older by name and by time than any that a simulator drops.

    `told` is how often a listing had all of them in it. `memory` is not about what :meth:`read` needs.
    """

    stem: str
    count: int
    told: int = 0
    memory: Memory | None = None

    def names(self) -> Iterator[Entry]:
        """Each of them, as a listing has it."""
        for number in range(self.count):
            yield Entry(name=f"{self.stem}-{number:07}.csv", size=number % 977, mtime=1e9 + number // 3)

    def among(self, real: Iterable[Entry]) -> Iterator[Entry]:
        """A listing with `real` files before, amid and after the others: none may get lost in them."""
        files = list(real)
        yield from files[::3]
        for number, entry in enumerate(self.names()):
            if number == self.count // 2:
                yield from files[1::3]
            yield entry
        self.told += 1
        yield from files[2::3]

    def read(self, split: Split, index: Path) -> State:
        """The state of `split` in which all of them were read, and nothing else was; its files are in `index`."""
        spec = split.spec
        assert isinstance(spec, dict)
        lanes = "one" if spec["of"] == 1 else str(spec["by"])
        empty = dict(ExactLedger(None, index=index, split=split.id, lanes=lanes, compares=True).state())
        words = array("Q")
        for number, entry in enumerate(in_lane(split, self.names())):
            words.frombytes(hashlib.blake2b(entry.name.encode(), digest_size=16).digest())
            words.append(entry.size)
            words.frombytes(struct.pack("<d", entry.mtime))
            words.extend((0, 0, 0, 2 * number))
        rows = np.frombuffer(words, np.uint64).reshape(-1, WORDS)
        told = Shelf(index, split.id, str(empty["history"])).write(1, merged([rows.T])).told
        del rows, words
        if self.memory is not None:
            self.memory.watch()
        return {**empty, "seq": 2, "count": told.rows, "index": [[told.seq, told.digest, told.rows, told.crc]]}


class CrowdedLocal(LocalFolder):
    """A local folder with a crowd in it."""

    def __init__(self, root: Path, crowd: Crowd) -> None:
        super().__init__(root)
        self._crowd = crowd

    def list(self, below: str = "", *, depth: int | None = None) -> Iterator[Entry]:
        return self._crowd.among(super().list(below, depth=depth))


class CrowdedSftp(SftpFolder):
    """A folder behind SFTP with a crowd in it."""

    def __init__(self, config: SftpConfig, crowd: Crowd) -> None:
        super().__init__(config)
        self._crowd = crowd

    def list(self, below: str = "", *, depth: int | None = None) -> Iterator[Entry]:
        return self._crowd.among(super().list(below, depth=depth))


def crowded(name: str, count: int, *, takes: str, served: bool = False) -> tuple[Any, Crowd]:
    """A connector class for the laws, whose simulator has drops of the stream `name` in a crowd of `count` others.

    Those were read before the laws begin: "from no state" is from there. A stream that `takes` ``all`` of its drops offers
    INCREMENTAL only, since a FULL read would be of the crowd, too; one that takes the ``latest`` offers FULL and CHANGES.
    """
    layout = layout_from(LAYOUTS[name])
    crowd = Crowd(f"{name}0", count)

    class CrowdedSimulator(SftpSimulator):
        transport = "sftp" if served else "local"
        old_files = 600  # more than a state holds itself; with those of the crowd, far more than it could

        def __init__(self, seed: int = 0) -> None:
            super().__init__(seed, {name: layout}, {name: takes})

    class Crowded(SftpConnector):
        simulator = CrowdedSimulator

        def __init__(self, config: SftpConfig) -> None:
            super().__init__(config, {name: layout})
            self._before: dict[str, State] = {}

        def __enter__(self) -> Self:
            super().__enter__()
            drops: Any = self._here.drops
            if served:
                drops.folder.close()
                drops.folder = CrowdedSftp(self.config, crowd)
            else:
                drops.folder = CrowdedLocal(drops.folder.root, crowd)
            return self

        def discover(self, only: Sequence[str] | None = None) -> Iterator[Stream]:
            for stream in super().discover(only):
                yield replace(stream, reads=frozenset({Mode.INCREMENTAL})) if takes == "all" else stream

        def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
            if split.mode is Mode.INCREMENTAL and state is None:
                assert self.config.index is not None
                if split.id not in self._before:
                    self._before[split.id] = crowd.read(split, self.config.index)
                state = self._before[split.id]
            return super().read(split, state, until)

    return Crowded, crowd
