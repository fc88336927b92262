"""The list of a drop's files, as its sender writes it: names, and perhaps sizes and digests."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connector_sdk.errors import DataError
from connector_sdk.runtime.folder import safe_name

__all__ = ["LARGEST", "Named", "read_manifest"]

LARGEST = 16 << 20
"""Bytes of a manifest."""
_DIGESTS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
_BSD = re.compile(r"(MD5|SHA1|SHA256|SHA512) \((.+)\) = ([0-9A-Fa-f]+)")
_PLAIN = re.compile(
    r"(?:([0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{128})(?:  | \*|\t))?(?:(\d{1,18})(?:  |\t))?(.+)"
)


@dataclass(frozen=True, kw_only=True)
class Named:
    """A file that a manifest names, below the same root as the manifest; `digest` is in lower-case hexadecimal."""

    name: str
    size: int | None = None
    algorithm: str | None = None
    digest: str | None = None


def read_manifest(name: str, content: bytes) -> list[Named]:
    """The files that the manifest `name` names; they lie in its folder, or below it.

    One line is one file: ``NAME``, ``DIGEST  NAME`` as sha256sum, sha1sum, sha512sum and md5sum write it, ``SIZE  NAME``, or
    ``DIGEST  SIZE  NAME``, with two spaces or a tab between; or ``SHA256 (NAME) = DIGEST``. Empty lines and those that begin with
    # are passed over. Raises DataError (code ``manifest``) for a manifest that is not UTF-8 text, too large or empty, or that
    names a file outside or twice.
    """
    if len(content) > LARGEST:
        raise DataError(f"the manifest {name} has more than {LARGEST:,} bytes", code="manifest")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"the manifest {name} is not UTF-8 text", hint="is its pattern right?", code="manifest") from None
    folder, slash, _ = name.rpartition("/")
    found: dict[str, Named] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        bsd, plain = _BSD.fullmatch(line), _PLAIN.fullmatch(line)
        if bsd is not None:
            algorithm, digest, size, own = bsd[1].lower(), bsd[3], None, bsd[2]
        else:
            assert plain is not None
            digest, size, own = plain[1], plain[2], plain[3]
            algorithm = None if digest is None else _DIGESTS[len(digest)]
        try:
            own = safe_name(own.removeprefix("./"))
        except DataError:
            raise DataError(
                f"the manifest {name}, line {number}: {own!r} is no plain relative name",
                hint="it may only name its own drop",
                code="manifest",
            ) from None
        if own in found:
            raise DataError(f"the manifest {name}, line {number}: {own!r} is named twice", code="manifest")
        found[own] = Named(
            name=f"{folder}{slash}{own}",
            size=None if size is None else int(size),
            algorithm=algorithm,
            digest=None if digest is None else digest.lower(),
        )
    if not found:
        raise DataError(f"the manifest {name} names no file", hint="one line is one file", code="manifest")
    return list(found.values())
