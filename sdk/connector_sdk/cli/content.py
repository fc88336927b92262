"""The bytes that somebody wants to look at: those of a file once it is decompressed, or of a member of an archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from connector_sdk.errors import ConfigError

if TYPE_CHECKING:
    from connector_sdk.formats.compression import Member, Read

__all__ = ["Content", "content_of"]

NAMED = 20
"""Members that are named when there are several to choose from."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """`place` is the file, with the member (``drop.zip!in/orders.csv``), `name` what it is called without its folders.

    ``begin()`` reads it from its start, each time anew.
    """

    place: str
    name: str
    begin: Callable[[], Read]


@contextmanager
def content_of(file: Path, member: str | None) -> Iterator[Content]:
    """What is in `file`, for the length of a ``with``: of an archive its only member, or the one called `member`.

    Raises ConfigError that names the members when one has to be chosen, DataError for a file that is damaged.
    """
    from connector_sdk.formats.compression import decompressed

    with ExitStack() as stack:
        if (names := _names(stack, file)) is None:
            if member is not None:
                raise ConfigError(f"{file} is no archive: it has no member {member!r}", hint="leave out --member")

            def whole() -> Read:
                return decompressed(stack.enter_context(file.open("rb")).read, place=str(file))

            yield Content(place=str(file), name=file.name, begin=whole)
            return
        chosen = _chosen(file, names, member)
        place = f"{file}!{chosen}"
        yield Content(place=place, name=chosen.rpartition("/")[2], begin=partial(_begin, stack, file, chosen, place))


def _chosen(file: Path, names: list[str], member: str | None) -> str:
    # What is hidden is there only when it is asked for: a Mac puts `__MACOSX/._a.csv` beside each `a.csv`.
    shown = [name for name in names if not any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))]
    told = ", ".join(shown[:NAMED]) + (f", and {len(shown) - NAMED:,} more" if len(shown) > NAMED else "")
    if member is not None:
        if member not in names:
            raise ConfigError(f"{file} has no member {member!r}", hint=f"it has {told or 'none'}")
        return member
    if not shown:
        raise ConfigError(f"{file} is an archive without a file in it", hint="ask for it again")
    if len(shown) > 1:
        raise ConfigError(f"{file} has {len(shown):,} members: {told}", hint="choose one with --member NAME")
    return shown[0]


def _names(stack: ExitStack, file: Path) -> list[str] | None:
    """The names in an archive; None when `file` is none."""
    members = _members(stack, file)
    return None if members is None else [each.name for each in members]


def _begin(stack: ExitStack, file: Path, name: str, place: str) -> Read:
    from connector_sdk.formats.compression import refuse_nested

    found = next(each for each in _members(stack, file) or () if each.name == name)
    return refuse_nested(found.open(0), place)


def _members(stack: ExitStack, file: Path) -> Iterator[Member] | None:
    from connector_sdk.formats.compression import Kind, tar_members, unpacked, zip_members
    from connector_sdk.formats.delimited_inference.binary import refuse_office

    opened = stack.enter_context(file.open("rb"))
    refuse_office(opened.read(4096), str(file))  # a workbook is a zip, too
    opened.seek(0)
    found = unpacked(opened.read, place=str(file))
    if found.kind is Kind.ZIP:
        return zip_members(_Local(opened, file.stat().st_size), place=str(file))
    return tar_members(found.read, place=str(file)) if found.kind is Kind.TAR else None


@dataclass(frozen=True)
class _Local:
    """A file as a zip needs it: read from anywhere."""

    file: BinaryIO
    size: int

    def read_at(self, offset: int, size: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(size)
