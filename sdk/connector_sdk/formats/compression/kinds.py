"""What a file is packed in: told by its first bytes, and what its name claims."""

from __future__ import annotations

import re
from enum import StrEnum

__all__ = ["HEAD", "Kind", "kind_of", "named"]

HEAD = 512
"""First bytes of a file that are enough to tell."""


class Kind(StrEnum):
    """A packing. ZIP and TAR hold members; the others hold one file."""

    NONE = "none"
    GZIP = "gzip"
    BZ2 = "bz2"
    ZSTD = "zstd"
    XZ = "xz"
    ZIP = "zip"
    TAR = "tar"

    @property
    def is_archive(self) -> bool:
        """Whether it holds members."""
        return self in (Kind.ZIP, Kind.TAR)


_BZ2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_ENDINGS: dict[str, tuple[Kind, ...]] = {
    "gz": (Kind.GZIP,),
    "gzip": (Kind.GZIP,),
    "bz2": (Kind.BZ2,),
    "zst": (Kind.ZSTD,),
    "zstd": (Kind.ZSTD,),
    "xz": (Kind.XZ,),
    "zip": (Kind.ZIP,),
    "tar": (Kind.TAR,),
    "tgz": (Kind.GZIP, Kind.TAR),
    "tbz2": (Kind.BZ2, Kind.TAR),
    "tbz": (Kind.BZ2, Kind.TAR),
    "tzst": (Kind.ZSTD, Kind.TAR),
    "txz": (Kind.XZ, Kind.TAR),
}


def kind_of(head: bytes) -> Kind:
    """What a file that begins with `head` (512 bytes, or all it has) is; NONE when nothing is recognised.

    The magic numbers are those of RFC 1952, the bzip2 and xz formats, RFC 8878 (frames and skippable frames), PKWARE's APPNOTE
    (4.3.7, 4.3.16) and POSIX ustar, which GNU tar has too. A tar from before ustar has none.
    """
    if head.startswith(b"\x1f\x8b"):
        return Kind.GZIP
    if _BZ2.match(head):
        return Kind.BZ2
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50):
        return Kind.ZSTD
    if head.startswith(b"\xfd7zXZ\0"):
        return Kind.XZ
    if head.startswith(b"PK\x03\x04") or (head.startswith(b"PK\x05\x06") and len(head) >= 22):  # the latter is an empty one
        return Kind.ZIP
    if head[257:262] == b"ustar":
        return Kind.TAR
    return Kind.NONE


def named(name: str) -> tuple[Kind, ...]:
    """What the endings of `name` claim, from the outside in: ``orders.tar.gz`` is gzip, then tar; ``orders.csv`` is nothing."""
    parts = name.rpartition("/")[2].lower().split(".")
    if len(parts) < 2:
        return ()
    kinds = _ENDINGS.get(parts[-1], ())
    if len(kinds) == 1 and not kinds[0].is_archive and len(parts) > 2 and parts[-2] == "tar":
        return (*kinds, Kind.TAR)
    return kinds
