"""What becomes of a file that has been read and committed: it stays, moves to the archive, or is deleted. Never a newer one."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import replace

from connector_sdk.contract import Split, State
from connector_sdk.errors import ConfigError, LocalResourceError
from connector_sdk.runtime.folder import Entry
from connector_sdk.schema import Mode

from connector_sftp.binding import Binding
from connector_sftp.drops import Drops
from connector_sftp.latest import superseded
from connector_sftp.ledger import Ledger, open_ledger
from connector_sftp.listing import Identity, identity
from connector_sftp.planning import in_lane, planned_files
from connector_sftp.reading import FullState

__all__ = ["Aftercare"]

logger = logging.getLogger(__name__)

ASIDE = ".read"
"""Ending of a hidden name under which a file waits a moment for its deletion."""


class Aftercare:
    """Puts away what is done with. Cumulative, idempotent, and safe beside readers of other files."""

    def __init__(self, drops: Drops) -> None:
        self._drops = drops
        self._away: set[Identity] = set()
        self._lock = threading.Lock()

    def put_away(self, binding: Binding, split: Split, state: State, others: Sequence[Binding]) -> None:
        """Archive or delete the files of `split` that `state` has read to their end and that have not been replaced since.

        Raises ConfigError (code ``shared``), and puts nothing away, when one of them is also of a stream of `others`, which are
        those that the split does not read.
        """
        config = self._drops.config
        ledger = None if split.mode is Mode.FULL else open_ledger(config, split, state)
        if ledger is not None:
            ledger.forget()
        if config.after == "leave":
            return
        with self._lock:
            if ledger is None:
                done = planned_files(split)[: FullState.from_state(state, split.id).at]
                if done and binding.settings.takes == "latest":
                    # The one that was read stays until a later one is: it is what tells that an old one comes late.
                    done = superseded(self._drops.settled(binding, self._drops.candidates(binding)), done[-1])
            else:
                done = list(ledger.known(in_lane(split, self._drops.listed(binding, unmarked=True))))
                done += self._left_aside(binding, split, ledger) if config.after == "delete" else []
            put = self._archive if config.after == "archive" else self._delete
            fresh = [entry for entry in done if identity(entry) not in self._away]
            self._require_unshared(binding, others, fresh)
            if fresh:
                self._drops.open_drops(binding, fresh)
            for entry in fresh:
                self._remove_marker(binding, entry)
                put(entry)
                self._away.add(identity(entry))
            for idle in self._drops.idle_markers(binding) if fresh else []:
                put(idle)
                self._drops.forget_marker(binding, idle)

    def _require_unshared(self, binding: Binding, others: Sequence[Binding], entries: Sequence[Entry]) -> None:
        patterns = [(other.name, other.pattern) for other in others]
        for entry in entries:
            for name, pattern in patterns:
                if pattern.matches(entry.name):
                    raise ConfigError(
                        f"{entry.name} was read for stream {binding.name!r} and is a file of stream {name!r} too, "
                        f"which would lose it by after: {self._drops.config.after}",
                        hint="give the two other `files`; read records of one file in one run; or set after: leave",
                        code="shared",
                        stream=binding.name,
                    )

    def _remove_marker(self, binding: Binding, entry: Entry) -> None:
        """Before its file goes: a marker that is left behind would say of the next file of that name that it is complete."""
        marker = binding.settings.marker
        if marker is not None and self._drops.folder.stat(entry.name) == entry:  # or it is that of a newer one
            self._drops.folder.remove(entry.name + marker)

    def _archive(self, entry: Entry) -> None:
        """Move it below the archive: under its own name, or with what tells it apart when that is taken there."""
        folder = self._drops.folder
        if folder.stat(entry.name) != entry:
            return  # gone already, or another file by now
        target = f"{self._drops.config.archive}/{entry.name}"
        try:
            folder.rename(entry.name, target, replace=False)
        except LocalResourceError as error:
            if error.code != "exists":
                raise
            path, _, name = target.rpartition("/")
            stem, dot, ending = name.partition(".")
            mark = hashlib.sha256(repr(identity(entry)).encode("utf-8", "surrogateescape")).hexdigest()[:8]
            target = f"{path}/{stem}-{int(entry.mtime)}-{mark}{dot}{ending}"
            folder.rename(entry.name, target)
        self._keep_if_new(target, entry)

    def _delete(self, entry: Entry) -> None:
        """Taken aside first and looked at again: a new file of this name may come in between."""
        folder = self._drops.folder
        aside = _aside(entry.name)
        if folder.stat(entry.name) == entry:
            folder.rename(entry.name, aside)
            if not self._keep_if_new(aside, entry):
                return
        if folder.stat(aside) == replace(entry, name=aside):
            folder.remove(aside)

    def _keep_if_new(self, moved: str, entry: Entry) -> bool:
        """Whether what was moved is `entry`; if another file of its name was caught instead, it is put back."""
        folder = self._drops.folder
        if folder.stat(moved) == replace(entry, name=moved):
            return True
        try:
            folder.rename(moved, entry.name, replace=False)
        except LocalResourceError:
            logger.warning(
                "%s: %r came twice while it was put away; one is kept as %r", self._drops.config.place, entry.name, moved
            )
        return False

    def _left_aside(self, binding: Binding, split: Split, ledger: Ledger) -> list[Entry]:
        """Files that were taken aside by a process that died before it deleted them."""
        pattern = binding.pattern
        found: list[Entry] = []
        for entry in self._drops.folder.list(pattern.below, depth=pattern.depth):
            path, slash, name = entry.name.rpartition("/")
            if name.startswith(".") and name.endswith(ASIDE):
                original = replace(entry, name=f"{path}{slash}{name[1 : -len(ASIDE)]}")
                found.append(original)
        return list(ledger.known(in_lane(split, found)))


def _aside(name: str) -> str:
    path, slash, own = name.rpartition("/")
    return f"{path}{slash}.{own}{ASIDE}"
