"""The opened folder, as the rest of the connector sees it: a stream's complete files, and the layout they are written in."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import Layout
from connector_sdk.runtime.folder import Entry, Folder, LocalFolder

from connector_sftp.binding import Binding
from connector_sftp.config import SftpConfig
from connector_sftp.inference import infer_layout
from connector_sftp.listing import Settling, candidates
from connector_sftp.sftp_folder import SftpFolder

__all__ = ["Drops"]

logger = logging.getLogger(__name__)


class Drops:
    """What `config` leads to, opened. Usable from several threads."""

    def __init__(self, config: SftpConfig) -> None:
        self.config = config
        self.folder: Folder = LocalFolder(Path(config.folder).expanduser()) if config.is_local else SftpFolder(config)
        self._settling = Settling(config.settle, own_clock=config.is_local)
        self._inferred: dict[str, Layout] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Release what is connected. Never raises."""
        if isinstance(self.folder, SftpFolder):
            self.folder.close()

    def check(self) -> None:
        """Raises ConfigError when the folder is not there or cannot be listed, TransientError when it is out of reach."""
        if isinstance(self.folder, LocalFolder):
            if not self.folder.root.is_dir():
                what = "is not a folder" if self.folder.root.exists() else "is not there"
                raise ConfigError(f"the folder {self.folder.root} {what}", hint="check `folder`", code="no_folder")
        elif isinstance(self.folder, SftpFolder):
            self.folder.root()
        for _ in self.folder.list(depth=1):
            break

    def candidates(self, binding: Binding) -> list[Entry]:
        """The stream's files, by name, whether they have settled or not. Raises ConfigError when the folder is not there."""
        if isinstance(self.folder, LocalFolder) and not self.folder.root.is_dir():
            self.check()
        return candidates(self.folder, binding.pattern, done=binding.settings.done, archive=self.config.archive)

    def settled(self, binding: Binding, entries: Sequence[Entry]) -> list[Entry]:
        """Those of `entries` that nobody is writing any more. May wait `settle` seconds. A marker makes waiting needless."""
        if binding.settings.done is not None:
            return list(entries)
        return self._settling.settled(entries, lambda: self.candidates(binding))

    def layout(self, binding: Binding) -> Layout | None:
        """The stream's layout: the declared one, or what the first of its files shows; None while there is no file."""
        if binding.layout is not None:
            return binding.layout
        with self._lock:
            if binding.name not in self._inferred:
                found = infer_layout(self.folder, binding, self.settled(binding, self.candidates(binding)))
                if found is None:
                    logger.warning("stream %r: no file matches %s in %s", binding.name, binding.pattern.text, self.config.place)
                    return None
                self._inferred[binding.name] = found
            return self._inferred[binding.name]
