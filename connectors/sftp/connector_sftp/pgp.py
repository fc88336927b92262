"""Files encrypted by PGP, as what is in them: decrypted by the system's gpg, and seen by nobody before it is proved whole."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO

from connector_sdk.errors import ConfigError, DataError
from connector_sdk.formats.compression import Expansion, Limits
from connector_sdk.runtime.folder import local_error

from connector_sftp.config import PgpConfig
from connector_sftp.gpg import Outcome, gpg, stop_agent

__all__ = ["Pgp", "looks_like_pgp", "without_pgp"]

NAME = "connector-pgp-"
STALE = 60.0
"""Seconds after which the home of a process that is gone is removed by the next one."""
SILENCE = 60.0
_ENDING = re.compile(r"\.(?:pgp|gpg|asc)$", re.IGNORECASE)
_ARMOUR = b"-----BEGIN PGP MESSAGE-----"
_PUBLIC_KEY = {1, 2, 3, 16, 18, 25, 26}
BAD_PASSPHRASE, NO_PASSPHRASE = (11, 31), (177, 99)
"""Of GnuPG's error codes (libgpg-error, err-codes.h): bad passphrase, bad PIN; no passphrase, cancelled."""


def looks_like_pgp(head: bytes) -> bool:
    """Whether a file that begins with `head` is an encrypted message (RFC 9580, 4.2, 5.1): armoured, or by its packet."""
    if head.lstrip(b"\xef\xbb\xbf\r\n ").startswith(_ARMOUR):
        return True
    if len(head) < 16 or not head[0] & 0x80:
        return False
    if head[0] & 0x40:  # the newer header: one, two or five bytes of length
        tag, body = head[0] & 0x3F, 2 if head[1] < 192 else 3 if head[1] < 224 else 6
    else:
        tag, body = (head[0] >> 2) & 0xF, {0: 2, 1: 3, 2: 5, 3: 1}[head[0] & 3]
    if tag == 1:  # a session key for a public key
        return head[body] == 3 and head[body + 9] in _PUBLIC_KEY
    return tag == 3 and head[body] in (4, 5) and head[body + 1] in range(1, 14) and head[body + 2] in (0, 1, 3, 4)


def without_pgp(name: str) -> str | None:
    """`name` without the ending that says PGP; None when it has none."""
    found = _ENDING.sub("", name)
    return None if found == name else found


class Pgp:
    """gpg with the keys of `settings`, in a private home that goes away on :meth:`close`. For several threads."""

    def __init__(self, settings: PgpConfig, *, silence: float = SILENCE) -> None:
        self._settings = settings
        self._own = None if settings.home is None else settings.home.expanduser()
        self._silence = max(silence, SILENCE)
        self._lock = threading.Lock()
        self._made: Path | None = None
        self._held: IO[bytes] | None = None
        self._signers: frozenset[str] = frozenset()
        self._ready = False

    def close(self) -> None:
        """Stop the agent and remove the keys. Never raises."""
        with self._lock:
            made, self._made, self._ready = self._made, None, False
            held, self._held = self._held, None
        if made is not None:
            stop_agent(made)
            shutil.rmtree(made, ignore_errors=True)
        if held is not None:
            held.close()

    def decrypted(self, read: Callable[[int], bytes], place: str, limits: Limits) -> BinaryIO:
        """What is in the message behind `read`: a file without a name, at its start, that is gone when it is closed.

        Nothing is returned before gpg has found the message whole, and signed by a key of `verify` where there is one. Raises
        ConfigError (no gpg, no key for it, wrong passphrase), DataError (``damaged``, ``unsigned``, ``bomb``, ``not_encrypted``)
        and LocalResourceError (no room, a gpg that hangs).
        """
        home = self._home()
        settings = self._settings
        expansion = Expansion(place, limits)

        def counted(size: int) -> bytes:
            data = read(size)
            expansion.took(len(data))
            return data

        spool: BinaryIO = tempfile.TemporaryFile(prefix=NAME)  # noqa: SIM115 - whoever asked closes it
        try:

            def take(data: bytes) -> None:
                expansion.gave(len(data))
                try:
                    spool.write(data)
                except OSError as error:
                    raise local_error(error, tempfile.gettempdir()) from None

            passphrase = None if settings.passphrase is None else settings.passphrase.reveal()
            more = [] if settings.verify is not None else ["--skip-verify"]
            outcome = gpg(home, [*more, "--decrypt"], counted, take, passphrase=passphrase, silence=self._silence)
            self._judge(outcome, place)
            spool.flush()
            spool.seek(0)
        except BaseException:
            spool.close()
            raise
        return spool

    def _judge(self, outcome: Outcome, place: str) -> None:
        """Raise unless `outcome` says that all is well."""
        if outcome.has("DECRYPTION_OKAY") and outcome.has("GOODMDC") and not outcome.has("BADMDC", "DECRYPTION_FAILED"):
            self._judge_signature(outcome, place)
            if outcome.code == 0:
                return
        if outcome.has("NO_SECKEY") and not outcome.has("DECRYPTION_INFO"):
            keys = ", ".join(arguments[0] for arguments in outcome.all("NO_SECKEY") if arguments)
            raise ConfigError(
                f"{place} is encrypted for the key {keys}, and there is no private key for that",
                hint="check `pgp.key`, or have it encrypted for the key that is there",
                code="pgp_key",
            )
        codes = {
            int(arguments[1]) & 0xFFFF for arguments in outcome.all("ERROR") if len(arguments) > 1 and arguments[1].isdigit()
        }
        if codes & {*BAD_PASSPHRASE, *NO_PASSPHRASE} and not outcome.has("DECRYPTION_INFO"):
            given = self._settings.passphrase is not None
            raise ConfigError(
                f"{place} cannot be decrypted: the passphrase of the private key is {'wrong' if given else 'not given'}",
                hint="check `pgp.passphrase`",
                code="pgp_passphrase",
            )
        if not outcome.has("BEGIN_DECRYPTION", "ENC_TO", "NEED_PASSPHRASE_SYM"):
            raise DataError(
                f"{place} is no PGP message that is encrypted", hint="get it again; is it only signed?", code="not_encrypted"
            )
        raise DataError(
            f"{place} is damaged or was tampered with: gpg cannot prove it whole",
            hint="nothing of it was read; get it again",
            code="damaged",
        )

    def _judge_signature(self, outcome: Outcome, place: str) -> None:
        if self._settings.verify is None:
            return
        bad = outcome.has("BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG")
        signers = {arguments[at] for arguments in outcome.all("VALIDSIG") for at in (0, -1) if arguments}
        if bad or not outcome.has("GOODSIG") or not signers & self._signers:
            what = (
                "its signature is bad"
                if outcome.has("BADSIG")
                else "it is signed by another key"
                if bad or signers
                else "it is not signed"
            )
            raise DataError(
                f"{place} is not to be trusted: {what}",
                hint=f"it must be signed by the key in {self._settings.verify}",
                code="unsigned",
            )

    def _home(self) -> Path:
        """The home with the keys in it, made when it is first needed."""
        with self._lock:
            if not self._ready:
                home = self._own or self._make()
                if not home.is_dir():
                    raise ConfigError(f"pgp.home: {home} is not a folder", code="pgp_key")
                if self._settings.verify is not None:
                    self._signers = self._import_signers(home)
                if self._settings.key is not None:
                    self._import_key(home, self._settings.key.reveal())
                self._ready = True
            found = self._own or self._made
            assert found is not None
            return found

    def _make(self) -> Path:
        """A new private folder; in memory where the system has that, and with a short name: a socket will lie in it."""
        if self._made is not None:
            return self._made
        for parent in ("/dev/shm", tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes it private
            _sweep(Path(parent))
            try:
                made = Path(tempfile.mkdtemp(prefix=NAME, dir=parent))
            except OSError:
                continue
            if len(str(made)) > 70:
                made.rmdir()
                continue
            self._made = made
            self._held = (made / "lock").open("wb")
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return made
        raise ConfigError("there is no folder for gpg's home", hint="set TMPDIR to a short path", code="no_gpg")

    def _import_key(self, home: Path, armour: str) -> None:
        outcome = self._import(home, armour.encode())
        if not any(int(arguments[0]) & 16 for arguments in outcome.all("IMPORT_OK") if arguments and arguments[0].isdigit()):
            raise ConfigError(
                "`pgp.key` holds no private PGP key", hint="as `gpg --export-secret-keys --armor` writes it", code="pgp_key"
            )

    def _import_signers(self, home: Path) -> frozenset[str]:
        path = self._settings.verify
        assert path is not None
        try:
            armour = path.expanduser().read_bytes()
        except OSError as error:
            raise ConfigError(f"pgp.verify: {path}: {error.strerror}", code="pgp_key") from None
        if self._settings.home is None:
            outcome = self._import(home, armour)
            found = frozenset(arguments[1] for arguments in outcome.all("IMPORT_OK") if len(arguments) > 1)
        else:  # somebody else's home stays as it is
            shown: list[bytes] = []
            self._import(home, armour, "--with-colons", "--import-options", "show-only", take=shown.append)
            found = frozenset(re.findall(r"^fpr:+([0-9A-F]+):", b"".join(shown).decode("utf-8", "replace"), re.MULTILINE))
        if not found:
            raise ConfigError(f"pgp.verify: {path} holds no public PGP key", code="pgp_key")
        return found

    def _import(self, home: Path, armour: bytes, *how: str, take: Callable[[bytes], object] = len) -> Outcome:
        left = [armour]

        def read(size: int) -> bytes:
            data, left[0] = left[0][:size], left[0][size:]
            return data

        return gpg(home, [*how, "--import"], read, take, silence=self._silence)


def _sweep(parent: Path) -> None:
    """Remove the homes of processes that were killed: those whose lock nobody holds."""
    try:
        homes = [home for home in parent.glob(f"{NAME}*") if home.is_dir() and home.stat().st_uid == os.getuid()]
    except OSError:
        return
    for home in homes:
        try:
            if time.time() - home.stat().st_mtime < STALE:
                continue
            with (home / "lock").open("ab") as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stop_agent(home)
                shutil.rmtree(home, ignore_errors=True)
        except OSError:
            continue
