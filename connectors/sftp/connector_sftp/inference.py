"""The layout of a stream that declares none: what its first file shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from connector_sdk.formats.delimited_inference import infer
from connector_sdk.formats.layout import Layout
from connector_sdk.runtime.folder import Entry, Folder

from connector_sftp.binding import Binding
from connector_sftp.content import content

__all__ = ["infer_layout"]

SAMPLE = 64 << 20
"""Bytes of the first file that are looked at."""


def infer_layout(folder: Folder, binding: Binding, entries: Sequence[Entry]) -> Layout | None:
    """The layout of the first of `entries` that is not empty; None when there is none. Raises DataError for a damaged file."""
    entry = next((entry for entry in entries if entry.size > 0), None)
    if entry is None:
        return None
    with ExitStack() as stack:

        def begin() -> Callable[[int], bytes]:
            opener = partial(folder.open_read, entry.name)
            return stack.enter_context(content(binding.settings.compression, entry, opener, 0))

        found = infer(begin, name=binding.name, limit=SAMPLE, place=entry.name).layout
        # What nobody declared is a guess that the next file may not keep: that a field is a key, or never empty.
        return replace(found, keys=(), fields=tuple(replace(field, nullable=True) for field in found.fields))
