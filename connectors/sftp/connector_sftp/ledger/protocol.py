"""What a read asks of a ledger, whichever keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from connector_sdk.contract import State
from connector_sdk.runtime.folder import Entry

from connector_sftp.fingerprint import Content
from connector_sftp.ledger.position import Position

__all__ = ["Ledger"]


class Ledger(Protocol):
    """The files that one split has read. `position` is the one that is read in part; whoever reads sets it."""

    position: Position | None

    @property
    def compares(self) -> bool:
        """Whether :meth:`finish` and :meth:`is_copy` want to know the contents of files."""
        ...

    @property
    def more(self) -> bool:
        """Whether the last :meth:`new` left files out, so as not to hold too many: list again when those are read."""
        ...

    def new(self, listed: Iterable[Entry]) -> list[Entry]:
        """What of `listed`, all files of the split, is to be read: the one read in part, then the others, oldest first."""
        ...

    def known(self, listed: Iterable[Entry]) -> Iterator[Entry]:
        """Those of `listed` that were read, each for certain."""
        ...

    def between(self, later: State, listed: Iterable[Entry]) -> list[Entry]:
        """The files that the ledger `later` has read and this has not, last the one that `later` has read in part.

        Raises StateInvalidError (code ``gone``) when one of them is not in `listed`.
        """
        ...

    def is_copy(self, entry: Entry, content: Content) -> bool:
        """Whether `entry`, which is new, holds what was read already: of another file, or of this one before."""
        ...

    def finish(self, entry: Entry, content: Content | None = None, *, copy: bool = False) -> None:
        """`entry` is read to its end, or is a `copy` that needs no reading."""
        ...

    def state(self) -> State:
        """The ledger as a state."""
        ...

    def forget(self) -> None:
        """This ledger's state is acknowledged: remove what only the states before it needed."""
        ...
