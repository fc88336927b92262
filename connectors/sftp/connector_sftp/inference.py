"""The layout of a stream that declares none: what its first file shows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

from connector_sdk.formats.delimited_inference import infer
from connector_sdk.formats.layout import Layout
from connector_sdk.runtime.folder import Entry, Folder

from connector_sftp.binding import Binding
from connector_sftp.parts import Part, Unpacking, parts
from connector_sftp.ranges import Opener

__all__ = ["infer_layout"]

logger = logging.getLogger(__name__)

SAMPLE = 64 << 20
"""Bytes of the first file that are looked at."""
NOTHING = Part(place="", base=0, offset=0, size=0, read=lambda size: b"")


def infer_layout(folder: Folder, binding: Binding, unpacking: Unpacking, entries: Sequence[Entry]) -> Layout | None:
    """The layout of the first of `entries` that is not empty; None when there is none. Raises DataError for a damaged file.

    What that file leaves open is said in the log: nobody is there to be asked.
    """
    for entry in entries:
        if entry.size == 0:
            continue
        with ExitStack() as stack:

            def begin(entry: Entry = entry, stack: ExitStack = stack) -> Callable[[int], bytes]:
                return _first(stack, unpacking, entry, partial(folder.open_read, entry.name)).read

            opener = partial(folder.open_read, entry.name)
            place = _first(stack, unpacking, entry, opener).place
            if not place:
                continue
            inference = infer(begin, name=binding.name, limit=SAMPLE, place=place)
            for finding in inference.findings:
                if finding.level == "question":
                    what = finding.message if finding.field is None else f"{finding.field}: {finding.message}"
                    logger.warning("stream %r has no layout, and %s leaves open: %s", binding.name, place, what)
            found = inference.layout
            # What nobody declared is a guess that the next file may not keep: that a field is a key, or never empty.
            return replace(found, keys=(), fields=tuple(replace(field, nullable=True) for field in found.fields))
    return None


def _first(stack: ExitStack, unpacking: Unpacking, entry: Entry, opener: Opener) -> Part:
    """The first part of `entry`, for as long as `stack` holds it; one without a place when there is none."""
    found = stack.enter_context(closing(parts(unpacking, entry, opener)))
    return next(found, NOTHING)
