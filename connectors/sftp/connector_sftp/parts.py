"""What is in a file once it is decrypted and unpacked: one part, or the members of an archive, each with where it comes from."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from connector_sdk.errors import ConfigError, DataError
from connector_sdk.formats.compression import (
    LIMITS,
    Kind,
    Limits,
    Member,
    Read,
    joined,
    peek,
    refuse_nested,
    skip,
    tar_members,
    unpacked,
    zip_members,
)
from connector_sdk.runtime.folder import Entry

from connector_sftp.patterns import Pattern
from connector_sftp.pgp import Pgp, looks_like_pgp, without_pgp
from connector_sftp.ranges import Opener, Ranges, from_file

__all__ = ["MEMBER", "Part", "Unpacking", "parts"]

MEMBER = "!"
"""What stands between an archive's name and a member's in a place: ``drop.zip!orders.csv``."""


@dataclass(frozen=True, kw_only=True)
class Unpacking:
    """How a stream's files are opened: what they are packed in, which members count, how far they may expand, and the keys.

    ``size_of(entry)`` is how many bytes the file has now.
    """

    compression: str = "auto"
    members: str | None = None
    limits: Limits = LIMITS
    pgp: Pgp | None = None
    size_of: Callable[[Entry], int] = lambda entry: entry.size


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file as its decoder sees it: `read` goes on from byte `offset` of it, to its end.

    Of an archive it is a member, of `size` bytes after `base` bytes of the members before it, whether they are read or not; a
    position in an archive is ``base + offset``. `place` is the file's name, with the member's.
    """

    place: str
    base: int
    offset: int
    size: int | None
    read: Read


def parts(
    unpacking: Unpacking, entry: Entry, opener: Opener, offset: int = 0, *, only: str | None = None
) -> Generator[Part, None, None]:
    """The parts of a file from byte `offset` of its content on; each is good until the next. `only` is the member that is wanted.

    When the iterator ends by itself, the whole file has been found sound. Raises DataError and, for a file that is encrypted,
    ConfigError; see :mod:`connector_sftp.pgp` and :mod:`connector_sdk.formats.compression`.
    """
    with ExitStack() as stack:
        if unpacking.compression == Kind.NONE and unpacking.pgp is None and without_pgp(entry.name) is None:
            yield _plain(stack, entry, opener, offset)
            return
        first = opener(0)
        stack.callback(first.close)
        head = peek(first.read)
        length: int | None = None
        read, name = joined(head, first.read), entry.name
        if without_pgp(name) is not None or looks_like_pgp(head):
            spool = stack.enter_context(_pgp(unpacking, entry).decrypted(read, entry.name, unpacking.limits))
            length = spool.seek(0, io.SEEK_END)
            opener, name = from_file(spool), without_pgp(name) or name
            inner = opener(0).read
            head = peek(inner)
            if looks_like_pgp(head):
                raise DataError(f"{entry.name}: what is inside is encrypted again", hint="decrypt it beside", code="nested")
            read = joined(head, inner)
        found = unpacked(read, place=entry.name, name=name, compression=unpacking.compression, limits=unpacking.limits)
        if found.kind is Kind.NONE:
            if offset and found.packed is Kind.NONE:
                first.close()
                yield _plain(stack, entry, opener, offset)
                return
            skip(found.read, offset, entry.name)
            yield Part(place=entry.name, base=0, offset=offset, size=None, read=found.read)
            return
        if found.kind is Kind.ZIP:
            first.close()
            ranges = Ranges(opener, unpacking.size_of(entry) if length is None else length)
            stack.callback(ranges.close)
            members = zip_members(ranges, place=entry.name, limits=unpacking.limits)
        else:
            members = tar_members(found.read, place=entry.name, limits=unpacking.limits)
        yield from _members(unpacking, entry, members, offset, only)


def _plain(stack: ExitStack, entry: Entry, opener: Opener, offset: int) -> Part:
    file = opener(offset)
    stack.callback(file.close)
    return Part(place=entry.name, base=0, offset=offset, size=None, read=file.read)


def _members(unpacking: Unpacking, entry: Entry, members: Iterator[Member], offset: int, only: str | None) -> Iterator[Part]:
    """The members that count, from byte `offset` of all of them on."""
    pattern = None if unpacking.members is None else Pattern(unpacking.members)
    passed: list[str] = []
    counted = False
    for member in members:
        if not _counts(member.name, pattern) if only is None else member.name != only:
            passed = [*passed, member.name][:3]
            continue
        counted = True
        if member.base + member.size <= offset:
            continue
        start = max(0, offset - member.base)
        place = f"{entry.name}{MEMBER}{member.name}"
        read = member.open(start) if start else refuse_nested(member.open(0), place)
        yield Part(place=place, base=member.base, offset=start, size=member.size, read=read)
    if passed and not counted and pattern is not None and only is None:
        raise DataError(
            f"{entry.name} has no member that matches {pattern.text}: it has {', '.join(passed)}",
            hint="check `members`, or look at what was sent",
            code="no_member",
        )


def _counts(name: str, pattern: Pattern | None) -> bool:
    """Whether the member `name` is data. A pattern without / is about the name alone, in whatever folder it lies.

    What is hidden counts only where the pattern itself names it, as of files in a folder: a Mac puts ``__MACOSX/._a.csv`` beside
    each ``a.csv``.
    """
    if pattern is not None and not pattern.matches(name if "/" in pattern.text else name.rpartition("/")[2]):
        return False
    asked = pattern is not None and _hidden(pattern.text)
    return asked or not _hidden(name)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _pgp(unpacking: Unpacking, entry: Entry) -> Pgp:
    if unpacking.pgp is None:
        raise ConfigError(
            f"{entry.name} is encrypted by PGP, and there is no private key",
            hint="give it under `pgp: {key: file:…}`",
            code="pgp_key",
        )
    return unpacking.pgp
