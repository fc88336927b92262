"""Which files of a drop may be read: those whose group has its marker, or whose manifest names nothing missing or wrong."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from connector_sdk.errors import DataError
from connector_sdk.runtime.folder import Entry, Folder, Reader

from connector_sftp.content import openers
from connector_sftp.listing import UNFINISHED, Identity, identity
from connector_sftp.manifest import LARGEST, Named, read_manifest
from connector_sftp.patterns import Pattern

__all__ = ["Groups", "Manifests"]

logger = logging.getLogger(__name__)

OPENED = ".opened"
"""Ending of the hidden note beside a manifest: its drop was complete, and its files are being put away."""


class Groups:
    """The markers in a folder that are each for all files whose names begin with what the marker's ``*`` stands for.

    ``orders-1.done`` is for ``orders-1.csv`` and ``orders-1-a.csv``, and not for ``orders-10.csv``: what follows the part
    that the names share is no letter or digit.
    """

    def __init__(self, folder: Folder, pattern: Pattern, done: str) -> None:
        self._before, _, self._after = done.partition("*")
        self._stems = {
            stem: e for e in folder.list(pattern.below, depth=pattern.depth) if (stem := self._stem(e.name)) is not None
        }

    def releases(self, name: str) -> bool:
        """Whether the file `name` is no marker, and has one."""
        return self._stem(name) is None and any(stem in self._stems for stem in _stems(name))

    def idle(self, entries: Iterable[Entry]) -> list[Entry]:
        """The markers for which there is no file any more among `entries`."""
        used = {stem for entry in entries if self._stem(entry.name) is None for stem in _stems(entry.name)}
        return [marker for stem, marker in self._stems.items() if stem not in used]

    def _stem(self, name: str) -> str | None:
        path, slash, own = name.rpartition("/")
        stem = own.removeprefix(self._before).removesuffix(self._after)
        is_marker = (
            own.startswith(self._before) and own.endswith(self._after) and stem and own == f"{self._before}{stem}{self._after}"
        )
        return f"{path}{slash}{stem}" if is_marker else None


def _stems(name: str) -> Iterator[str]:
    start = name.rpartition("/")[0]
    first = len(start) + bool(start)
    return (name[:at] for at in range(first + 1, len(name) + 1) if at == len(name) or not name[at].isalnum())


@dataclass(frozen=True, kw_only=True)
class _Drop:
    """A manifest, what it names, and which of that is there."""

    manifest: Entry
    named: Sequence[Named]
    here: dict[str, Entry]
    opened: bool

    @property
    def missing(self) -> list[str]:
        return [each.name for each in self.named if each.name not in self.here]

    @property
    def wrong(self) -> str | None:
        """What is wrong with a file that is there."""
        for each in self.named:
            entry = self.here.get(each.name)
            if entry is not None and each.size is not None and entry.size != each.size:
                return f"{each.name} has {entry.size:,} bytes, and {each.size:,} in the manifest {self.manifest.name}"
        return None

    @property
    def complete(self) -> bool:
        return self.wrong is None and (self.opened or not self.missing)


class Manifests:
    """The drops of a folder whose manifests match a pattern. What was read and found right is not looked at again."""

    def __init__(self, folder: Folder, pattern: str, archive: str) -> None:
        self._folder = folder
        self._pattern = Pattern(pattern)
        self._archive = archive
        self._read: dict[Identity, list[Named]] = {}
        self._sound: set[tuple[Identity, str]] = set()
        self._told: set[Identity] = set()

    def released(self) -> set[str]:
        """The names of all files of drops that are complete: there, and of the sizes told; digests are not looked at."""
        found: set[str] = set()
        for drop in self._drops():
            if drop.complete:
                found.update(drop.here)
            elif drop.wrong is None and identity(drop.manifest) not in self._told:
                self._told.add(identity(drop.manifest))
                missing = drop.missing
                logger.warning("the drop of %s waits for %d of its files, as %s", drop.manifest.name, len(missing), missing[0])
        return found

    def prove(self, entries: Sequence[Entry]) -> None:
        """Raise DataError (code ``manifest``) when a file has a wrong size, or one of the drops of `entries` a wrong digest."""
        wanted = {entry.name for entry in entries}
        for drop in self._drops():
            if drop.wrong is not None:
                raise DataError(
                    f"{drop.wrong}: nothing of that drop was read", hint="have it sent again, manifest last", code="manifest"
                )
            if not drop.complete or not wanted & drop.here.keys():
                continue
            digests = {each.name: each for each in drop.named if each.digest is not None and each.name in drop.here}
            unproved = [
                e for name, e in drop.here.items() if name in digests and (identity(e), digests[name].digest) not in self._sound
            ]
            for entry, opener in openers(self._folder, unproved):
                each = digests[entry.name]
                file = opener(0)
                try:
                    found = _digest(file, each.algorithm or "sha256")
                finally:
                    file.close()
                if found != each.digest:
                    raise DataError(
                        f"{entry.name} has another {each.algorithm} than the manifest {drop.manifest.name} says; it is not read",
                        hint="have it sent again, manifest last",
                        code="manifest",
                    )
                self._sound.add((identity(entry), found))

    def open(self, entries: Sequence[Entry]) -> None:
        """Before any of `entries` is put away: note that its drop was complete, or what is left of it would wait for ever."""
        wanted = {entry.name for entry in entries}
        for drop in self._drops():
            if not drop.opened and drop.complete and wanted & drop.here.keys():
                file = self._folder.open_write(_note(drop.manifest))
                try:
                    file.sync()
                finally:
                    file.close()

    def idle(self) -> list[Entry]:
        """The manifests of which no file is left, to be put away too; their notes go first."""
        return [drop.manifest for drop in self._drops() if drop.opened and not drop.here]

    def forget(self, manifest: Entry) -> None:
        """The manifest is put away: so is its note."""
        self._folder.remove(_note(manifest))

    def _counts(self, name: str) -> bool:
        """Whether `name` is that of a manifest, and not one of those that are never data."""
        own = name.rpartition("/")[2]
        hidden = own.startswith(".") or own.endswith(UNFINISHED) or name.startswith(f"{self._archive}/")
        return self._pattern.matches(name) and not hidden

    def _drops(self) -> list[_Drop]:
        manifests: list[Entry] = []
        notes: set[str] = set()
        for entry in self._folder.list(self._pattern.below, depth=self._pattern.depth):
            own = entry.name.rpartition("/")[2]
            if own.startswith(".") and own.endswith(OPENED):
                notes.add(entry.name)
            elif self._counts(entry.name):
                manifests.append(entry)
        for entry, opener in openers(self._folder, [entry for entry in manifests if identity(entry) not in self._read]):
            file = opener(0)
            try:
                self._read[identity(entry)] = read_manifest(entry.name, _whole(file))
            finally:
                file.close()
        wanted = {each.name for entry in manifests for each in self._read[identity(entry)]}
        here = {e.name: e for e in self._folder.list(self._pattern.below, depth=self._pattern.depth) if e.name in wanted}
        drops: list[_Drop] = []
        taken: set[str] = set()
        for entry in sorted(manifests, key=lambda entry: (entry.mtime, entry.name), reverse=True):
            # A file that a later manifest names, too, has come again since: it is of that drop.
            named = [each for each in self._read[identity(entry)] if each.name not in taken]
            taken.update(each.name for each in named)
            present: dict[str, Entry] = {}
            for each in named:
                found = here.get(each.name) or (self._folder.stat(each.name) if _deeper(each.name, entry.name) else None)
                if found is not None:
                    present[each.name] = found
            if named:
                drops.append(_Drop(manifest=entry, named=named, here=present, opened=_note(entry) in notes))
        return drops[::-1]


def _deeper(name: str, manifest: str) -> bool:
    """Whether `name` lies in a folder below that of the manifest, where its pattern does not look."""
    return name.count("/") > manifest.count("/")


def _note(manifest: Entry) -> str:
    """Of this very manifest: one that replaces it begins a drop of its own."""
    path, slash, own = manifest.name.rpartition("/")
    mark = hashlib.sha256(repr(identity(manifest)).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{path}{slash}.{own}.{mark}{OPENED}"


def _whole(file: Reader) -> bytes:
    content = b""
    while len(content) <= LARGEST and (more := file.read(1 << 20)):
        content += more
    return content


def _digest(file: Reader, algorithm: str) -> str:
    made = hashlib.new(algorithm, usedforsecurity=False)
    while data := file.read(1 << 20):
        made.update(data)
    return made.hexdigest()
