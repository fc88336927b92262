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
from connector_sftp.latest import last_of, latest, newer_than
from connector_sftp.listing import Settling, candidates
from connector_sftp.parts import Unpacking
from connector_sftp.pgp import Pgp
from connector_sftp.release import Groups, Manifests
from connector_sftp.sftp_folder import SftpFolder

__all__ = ["Drops"]

logger = logging.getLogger(__name__)

FIRST = 1000
"""Files, by name, of which one mostly shows the layout."""
LAST = 1000
"""Files, by name, of which one mostly has settled."""


class Drops:
    """What `config` leads to, opened. Usable from several threads."""

    def __init__(self, config: SftpConfig) -> None:
        self.config = config
        self.folder: Folder = LocalFolder(Path(config.folder).expanduser()) if config.is_local else SftpFolder(config)
        self._settling = Settling(config.settle, own_clock=config.is_local)
        self._pgp = None if config.pgp is None else Pgp(config.pgp, silence=config.timeout)
        self._manifests: dict[str, Manifests] = {}
        self._manifests_lock = threading.Lock()
        self._inferred: dict[str, Layout] = {}
        self._told: set[str] = set()
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

    def listed(self, binding: Binding, *, unmarked: bool = False) -> Iterator[Entry]:
        """The stream's files, in no order and one at a time, whether they have settled or not. Raises as :meth:`candidates`.

        With `unmarked`, also those whose own marker is not there, or not any more.
        """
        self._must_be_there()
        shared, archive = binding.settings.group_marker, self.config.archive
        if shared is not None:
            groups = Groups(self.folder, binding.pattern, shared)
            found = candidates(self.folder, binding.pattern, done=None, archive=archive)
            return (entry for entry in found if groups.releases(entry.name))
        if binding.settings.manifest is not None:
            released = self._manifests_of(binding.settings.manifest).released()
            found = candidates(self.folder, binding.pattern, done=None, archive=archive)
            return (entry for entry in found if entry.name in released)
        done = None if unmarked else binding.settings.marker
        return candidates(self.folder, binding.pattern, done=done, archive=archive)

    def candidates(self, binding: Binding) -> list[Entry]:
        """The stream's files, by name, whether they have settled or not. Raises ConfigError when the folder is not there."""
        return sorted(self.listed(binding), key=lambda entry: entry.name)

    def _must_be_there(self) -> None:
        if isinstance(self.folder, LocalFolder) and not self.folder.root.is_dir():
            what = "is not a folder" if self.folder.root.exists() else "is not there"
            raise ConfigError(f"the folder {self.folder.root} {what}", hint="check `folder`", code="no_folder")

    def settled(self, binding: Binding, entries: Sequence[Entry]) -> list[Entry]:
        """Those of `entries` that nobody is writing any more. May wait `settle` seconds. A marker makes waiting needless.

        With a manifest, raises DataError when a file is not the one that it names.
        """
        if binding.settings.manifest is not None:
            self._manifests_of(binding.settings.manifest).prove(entries)
            return list(entries)
        if binding.settings.done is not None:
            return list(entries)
        return self._settling.settled(entries, lambda: self.listed(binding))

    def latest(self, binding: Binding, stream: str) -> Entry:
        """The file that counts where each is the whole stream. May wait `settle` seconds. Raises TransientError without one."""
        found = last_of(self.listed(binding), LAST)
        settled = self.settled(binding, found)
        if len(found) >= LAST and not any(entry in settled for entry in found[:LAST]):
            settled = self.settled(binding, self.candidates(binding))
        return self._latest(settled, stream)

    def _latest(self, settled: Sequence[Entry], stream: str) -> Entry:
        last = latest(settled, stream, self.config.place)
        newer = newer_than(last, settled)
        if newer is not None:
            what = f"{last.name} is read, the last by name, though {newer.name} is newer by its time"
            self._tell_once(f"{self.config.place}: {what} (names count: year, month, day, or a number)")
        return last

    def open_drops(self, binding: Binding, entries: Sequence[Entry]) -> None:
        """To be called before `entries` are put away: what is left of their drops is still to be read."""
        if binding.settings.manifest is not None:
            self._manifests_of(binding.settings.manifest).open(entries)

    def idle_markers(self, binding: Binding) -> list[Entry]:
        """The manifests and markers of groups of whose files none is left."""
        shared = binding.settings.group_marker
        if binding.settings.manifest is not None:
            return self._manifests_of(binding.settings.manifest).idle()
        if shared is not None:
            pattern = binding.pattern
            return Groups(self.folder, pattern, shared).idle(self.folder.list(pattern.below, depth=pattern.depth))
        return []

    def forget_marker(self, binding: Binding, marker: Entry) -> None:
        """`marker` has been put away."""
        if binding.settings.manifest is not None:
            self._manifests_of(binding.settings.manifest).forget(marker)

    def _manifests_of(self, pattern: str) -> Manifests:
        with self._manifests_lock:
            if pattern not in self._manifests:
                self._manifests[pattern] = Manifests(self.folder, pattern, self.config.archive)
            return self._manifests[pattern]

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
                    settled = [self._latest(settled, binding.name)]
                found = infer_layout(self.folder, binding, self.unpacking(binding), settled)
                if found is None:
                    self._tell_nothing(binding, entries, settled)
                    return None
                self._inferred[binding.name] = keyed(found, binding.name, binding.settings)
            return self._inferred[binding.name]

    def _first(self, binding: Binding) -> list[Entry]:
        """The files that a layout may be inferred from: not all of very many, unless each of the first has nothing to show."""
        if binding.settings.takes == "latest":
            found = last_of(self.listed(binding), LAST)
            if any(entry in found[:LAST] for entry in self.settled(binding, found)):
                return found
        else:
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
        self._tell_once(f"stream {binding.name!r} has no layout, and none can be inferred: {why} in {self.config.place}")

    def _tell_once(self, what: str) -> None:
        """Discovering, planning and every further try come by here: a warning that is the same each time is one warning."""
        if what not in self._told:
            self._told.add(what)
            logger.warning("%s", what)
