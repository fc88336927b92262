"""What is new in a split's files since a state, as batches: each file once, and again when it is replaced."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import ConfigError, StateInvalidError
from connector_sdk.runtime.folder import Entry

from connector_sftp.binding import Binding
from connector_sftp.content import Block, openers
from connector_sftp.drops import Drops
from connector_sftp.fingerprint import Content
from connector_sftp.ledger import Ledger, Position, open_ledger
from connector_sftp.planning import in_lane
from connector_sftp.reading import Decoding

__all__ = ["read_incremental"]

logger = logging.getLogger(__name__)

NAMED = 20
"""Copies that are named one by one; of further ones only the number is told."""


def read_incremental(
    drops: Drops, decoding: Decoding, binding: Binding, split: Split, state: State | None, until: State | None
) -> Iterator[Batch]:
    """The rows of files that are new or replaced since `state`, oldest first, each with a ledger of what has been read.

    With `until`, exactly the files between the two ledgers. Raises StateInvalidError when one of them, or the file that was read
    in part, is gone, or when the index does not have what the state names.
    """
    ledger = open_ledger(drops.config, split, state)
    later = None if until is None else open_ledger(drops.config, split, until).position
    _require_part(drops, ledger, split)
    emitted: State | None = None
    copies = 0
    for fresh in _rounds(drops, binding, split, ledger, until):
        for entry, opener in openers(drops.folder, fresh):
            position, ledger.position = ledger.position, None
            mine = position is not None and position.is_of(entry)
            offset, line = (position.offset, position.line) if position is not None and mine else (0, 1)
            stop = later if later is not None and later.is_of(entry) else None
            content = Content(entry, opener) if ledger.compares else None
            held: Block | None = None
            try:
                if content is not None and until is None and not mine and ledger.is_copy(entry, content):
                    copies += 1
                    _tell_copy(drops, entry, copies)
                    ledger.finish(entry, content, copy=True)
                    continue
                for block in decoding.blocks(entry, content or opener, offset, line, None if stop is None else stop.offset):
                    if held is not None:
                        ledger.position = None if decoding.only_whole else _position(entry, held)
                        yield from decoding.batches(held, None if decoding.only_whole else ledger.state())
                    held = block
            except ConfigError:
                if until is not None or drops.folder.stat(entry.name) is not None:
                    raise
                logger.warning("%s: %r went away before it was read", drops.config.place, entry.name)
                continue
            finally:
                if content is not None:
                    content.close()
            if stop is None:
                ledger.finish(entry, content)
                emitted = ledger.state()
            else:
                emitted = until
            yield from decoding.batches(held, emitted or {})
    if copies > NAMED:
        logger.warning("%s: %s more copies were not read again", drops.config.place, f"{copies - NAMED:,}")
    final = until or ledger.state()
    if emitted != final:
        yield from decoding.batches(None, final)


def _rounds(drops: Drops, binding: Binding, split: Split, ledger: Ledger, until: State | None) -> Iterator[list[Entry]]:
    """The files to read. More than a ledger holds at a time are found by listing again, when the first of them are read."""
    if until is not None:
        yield ledger.between(until, in_lane(split, drops.listed(binding)))
        return
    while True:
        fresh = ledger.new(in_lane(split, drops.listed(binding)))
        part = ledger.position
        begun = [entry for entry in fresh[:1] if part is not None and part.is_of(entry)]
        ready = begun + drops.settled(binding, fresh[len(begun) :])
        more = ledger.more
        yield ready
        if not (more and ready):
            return


def _position(entry: Entry, block: Block) -> Position:
    return Position(name=entry.name, size=entry.size, mtime=entry.mtime, offset=block.offset, line=block.line)


def _require_part(drops: Drops, ledger: Ledger, split: Split) -> None:
    """The file that was read in part must be there. If it was replaced, it is read again from its start, as a new one."""
    part = ledger.position
    if part is None:
        return
    found = drops.folder.stat(part.name)
    if found is None:
        raise StateInvalidError(
            f"{part.name} is gone after {part.offset:,} bytes of it had been read",
            hint="put it back, or reset the state and read again",
            code="gone",
            split=split.id,
        )
    if not part.is_of(found):
        ledger.position = None


def _tell_copy(drops: Drops, entry: Entry, number: int) -> None:
    if number <= NAMED:
        logger.warning(
            "%s: %r is not read again: a file that was read has its content (duplicates: read reads both)",
            drops.config.place,
            entry.name,
        )
