"""Whether a server is the one we mean: known_hosts files and pinned fingerprints. A key is never added by itself."""

from __future__ import annotations

import base64
import binascii
import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
from connector_sdk.errors import ConfigError

__all__ = ["Known", "known_keys", "verify"]


@dataclass(frozen=True, kw_only=True)
class Known:
    """One line of a known_hosts file that is about this host."""

    kind: str
    key: bytes
    revoked: bool
    line: int


def known_keys(path: Path, host: str, port: int) -> list[Known]:
    """What the file `path` says about `host`: hashed names, patterns, negations and ``@revoked`` as in sshd(8).

    A missing file says nothing. Certificate authorities are not supported and their lines are skipped. Raises ConfigError when
    the file cannot be read.
    """
    name = host if port == 22 else f"[{host}]:{port}"
    try:
        text = path.expanduser().read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"known_hosts {path}: {error.strerror}", code="known_hosts") from None
    return list(_lines(text, name))


def _lines(text: str, name: str) -> Iterator[Known]:
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.split()
        marker = parts.pop(0) if parts and parts[0].startswith("@") else ""
        if len(parts) < 3 or parts[0].startswith("#") or marker not in ("", "@revoked"):
            continue
        if _matches(parts[0], name):
            try:
                key = base64.b64decode(parts[2], validate=True)
            except binascii.Error:
                continue
            yield Known(kind=parts[1], key=key, revoked=bool(marker), line=number)


def _matches(patterns: str, name: str) -> bool:
    found = False
    for pattern in patterns.split(","):
        if pattern.startswith("|1|"):
            found = found or _hashed(pattern, name)
        elif pattern.startswith("!"):
            if fnmatch.fnmatchcase(name.lower(), _literal(pattern[1:])):
                return False
        else:
            found = found or fnmatch.fnmatchcase(name.lower(), _literal(pattern))
    return found


def _literal(pattern: str) -> str:
    return pattern.lower().replace("[", "[[]")  # brackets are part of [host]:port, not a set


def _hashed(pattern: str, name: str) -> bool:
    try:
        return paramiko.HostKeys.hash_host(name, pattern) == pattern
    except (binascii.Error, AssertionError, IndexError):
        return False


def verify(key: paramiko.PKey, host: str, port: int, *, fingerprint: str | None, known: list[Known], file: Path) -> None:
    """Return when `key` is the one that is pinned or known. Raises ConfigError (``host_key_unknown``, ``host_key_changed``)."""
    shown = key.fingerprint
    blob = key.asbytes()
    if any(entry.revoked and entry.key == blob for entry in known):
        raise ConfigError(f"the host key {shown} of {host}:{port} is revoked in {file}", code="host_key_changed")
    if fingerprint is not None:
        if shown == fingerprint.rstrip("="):
            return
        raise ConfigError(
            f"{host}:{port} shows the host key {shown}, and {fingerprint} is pinned",
            hint="somebody may be in between, or the server has a new key: ask its owner before changing `fingerprint`",
            code="host_key_changed",
        )
    trusted = [entry for entry in known if not entry.revoked]
    if any(entry.key == blob for entry in trusted):
        return
    if trusted:
        lines = ", ".join(str(entry.line) for entry in trusted)
        raise ConfigError(
            f"{host}:{port} shows the host key {shown}, which is not the one in {file} (line {lines})",
            hint="somebody may be in between, or the server has a new key: ask its owner before changing the file",
            code="host_key_changed",
        )
    raise ConfigError(
        f"the host key of {host}:{port} is unknown: {key.get_name()} {shown}",
        hint=f"if its owner confirms that, set `fingerprint: {shown}`, or add the key to {file}",
        code="host_key_unknown",
    )
