"""The opened folder, as the rest of the connector sees it: a stream's complete files, and the layout they are written in."""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from connector_sdk.errors import ConfigError
from connector_sdk.formats.compression import Limits
from connector_sdk.formats.layout import Layout
from connector_sdk.runtime.folder import Entry, Folder, LocalFolder

from connector_sftp.binding import Binding, keyed
from connector_sftp.config import SftpConfig
from connector_sftp.inference import infer_layout
from connector_sftp.latest import latest
from connector_sftp.listing import Settling, candidates
from connector_sftp.parts import Unpacking
from connector_sftp.pgp import Pgp
from connector_sftp.sftp_folder import SftpFolder

__all__ = ["Drops"]

logger = logging.getLogger(__name__)

FIRST = 1000
"""Files, by name, of which one mostly shows the layout."""


class Drops:
    """What `config` leads to, opened. Usable from several threads."""

    def __init__(self, config: SftpConfig) -> None:
        self.config = config
        self.folder: Folder = LocalFolder(Path(config.folder).expanduser()) if config.is_local else SftpFolder(config)
        self._settling = Settling(config.settle, own_clock=config.is_local)
        self._pgp = None if config.pgp is None else Pgp(config.pgp, silence=config.timeout)
        self._inferred: dict[str, Layout] = {}
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Release what is connected. Never raises."""
        if isinstance(self.folder, SftpFolder):
            self.folder.close()
        if self._pgp is not None:
            self._pgp.close()

    def check(self) -> None:
        """Raises ConfigError when the folder is not there or cannot be listed, TransientError when it is out of reach."""
        self._must_be_there()
        if isinstance(self.folder, SftpFolder):
            self.folder.root()
        for _ in self.folder.list(depth=1):
            break

    def files(self) -> list[Entry]:
        """All files in the folder itself. Raises ConfigError when it is not there."""
        self._must_be_there()
        return list(self.folder.list(depth=1))

    def listed(self, binding: Binding) -> Iterator[Entry]:
        """The stream's files, in no order and one at a time, whether they have settled or not. Raises as :meth:`candidates`."""
        self._must_be_there()
        return candidates(self.folder, binding.pattern, done=binding.settings.done, archive=self.config.archive)

    def candidates(self, binding: Binding) -> list[Entry]:
        """The stream's files, by name, whether they have settled or not. Raises ConfigError when the folder is not there."""
        return sorted(self.listed(binding), key=lambda entry: entry.name)

    def _must_be_there(self) -> None:
        if isinstance(self.folder, LocalFolder) and not self.folder.root.is_dir():
            what = "is not a folder" if self.folder.root.exists() else "is not there"
            raise ConfigError(f"the folder {self.folder.root} {what}", hint="check `folder`", code="no_folder")

    def settled(self, binding: Binding, entries: Sequence[Entry]) -> list[Entry]:
        """Those of `entries` that nobody is writing any more. May wait `settle` seconds. A marker makes waiting needless."""
        if binding.settings.done is not None:
            return list(entries)
        return self._settling.settled(entries, lambda: self.listed(binding))

    def unpacking(self, binding: Binding) -> Unpacking:
        """How the stream's files are opened."""
        config = self.config
        limits = Limits(largest=config.max_expanded_bytes, ratio=config.max_expansion, members=config.max_members)
        settings = binding.settings
        return Unpacking(
            compression=settings.compression, members=settings.members, limits=limits, pgp=self._pgp, size_of=self._size
        )

    def _size(self, entry: Entry) -> int:
        found = self.folder.stat(entry.name)
        return entry.size if found is None else found.size

    def layout(self, binding: Binding) -> Layout | None:
        """The stream's layout: the declared one, or what the first of its files shows; None while there is no file."""
        if binding.layout is not None:
            return binding.layout
        with self._lock:
            if binding.name not in self._inferred:
                entries = self._first(binding)
                settled = self.settled(binding, entries)
                if settled and binding.settings.takes == "latest":
                    settled = [latest(settled, binding.name, self.config.place)]
                found = infer_layout(self.folder, binding, self.unpacking(binding), settled)
                if found is None:
                    self._tell_nothing(binding, entries, settled)
                    return None
                self._inferred[binding.name] = keyed(found, binding.name, binding.settings)
            return self._inferred[binding.name]

    def _first(self, binding: Binding) -> list[Entry]:
        """The files that a layout may be inferred from: not all of very many, unless each of the first has nothing to show."""
        if binding.settings.takes == "all":
            found = heapq.nsmallest(FIRST, self.listed(binding), key=lambda entry: entry.name)
            if len(found) < FIRST or any(entry.size for entry in self.settled(binding, found)):
                return found
        return self.candidates(binding)

    def _tell_nothing(self, binding: Binding, entries: Sequence[Entry], settled: Sequence[Entry]) -> None:
        """Say, once, why a stream without a layout has none to infer either."""
        if not entries:
            why = f"no file matches {binding.pattern.text}"
        elif settled:
            why = f"{settled[0].name} is empty" if len(settled) == 1 else f"all {len(settled)} files are empty"
        else:
            why = f"{entries[0].name} is still being written"
        if (binding.name, why) not in self._told:
            self._told.add((binding.name, why))
            logger.warning("stream %r has no layout, and none can be inferred: %s in %s", binding.name, why, self.config.place)
