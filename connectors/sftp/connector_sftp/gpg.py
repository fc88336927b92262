"""One run of the system's gpg: bytes in and out through pipes, secrets by a pipe of their own, never silent for too long."""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from connector_sdk.errors import ConfigError, LocalResourceError

__all__ = ["GPG", "Outcome", "gpg", "stop_agent"]

GPG = "gpg"
PIECE = 64 << 10
STATUS = 1 << 20
"""Bytes of status lines that are kept; a message has a dozen."""
KEPT = ("PATH", "HOME", "TMPDIR")
"""What of our environment gpg and its agent get: nothing that may be a secret."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How gpg ended: its exit code, and its status lines (doc/DETAILS of GnuPG) by keyword, in their order."""

    code: int
    lines: Sequence[tuple[str, tuple[str, ...]]]

    def all(self, keyword: str) -> list[tuple[str, ...]]:
        """The arguments of every line `keyword`."""
        return [arguments for name, arguments in self.lines if name == keyword]

    def has(self, *keywords: str) -> bool:
        """Whether there is a line of any of `keywords`."""
        return any(name in keywords for name, _ in self.lines)


def gpg(
    home: Path,
    arguments: Sequence[str],
    read: Callable[[int], bytes],
    take: Callable[[bytes], object],
    *,
    passphrase: str | None = None,
    silence: float,
) -> Outcome:
    """Run gpg on what `read` gives and hand what it writes to `take`.

    Raises ConfigError when there is no gpg, LocalResourceError when nothing moves for `silence` seconds; whatever `read` and
    `take` raise ends it too. It is not running any more when this returns or raises.
    """
    program = shutil.which(GPG)
    if program is None:
        raise ConfigError(
            "files encrypted by pgp need gpg, and it is not on this machine",
            hint="install GnuPG (Debian: apt-get install gnupg)",
            code="no_gpg",
        )
    status_read, status_write = os.pipe()
    secret_read, secret_write = os.pipe()
    command = [
        program,
        "--homedir",
        str(home),
        "--batch",
        "--no-tty",
        "--no-options",
        "--status-fd",
        str(status_write),
    ]
    command += ["--pinentry-mode", "loopback", "--passphrase-fd", str(secret_read), "--no-auto-key-retrieve"]
    command += ["--disable-dirmngr", "--trust-model", "always", *arguments]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(status_write, secret_read),
            env=_environment(),
        )
    except OSError as error:
        os.close(status_read)
        os.close(secret_write)
        raise LocalResourceError(f"gpg could not be started: {error.strerror}", code="gpg") from None
    finally:
        os.close(status_write)
        os.close(secret_read)
    try:
        with suppress(BrokenPipeError):
            os.write(secret_write, (passphrase or "").encode()[: PIECE // 2] + b"\n")
        os.close(secret_write)
        status = _exchange(process, status_read, read, take, silence)
        return Outcome(code=process.wait(silence), lines=_lines(status))
    except subprocess.TimeoutExpired:
        raise _silent(silence) from None
    finally:
        os.close(status_read)
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def stop_agent(home: Path) -> None:
    """End the agent that gpg has started for `home`. Never raises."""
    program = shutil.which("gpgconf")
    if program is not None:
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                [program, "--homedir", str(home), "--kill", "all"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                timeout=10,
                check=False,
            )


def _environment() -> Mapping[str, str]:
    return {"LC_ALL": "C.UTF-8", **{name: os.environ[name] for name in KEPT if name in os.environ}}


def _exchange(
    process: subprocess.Popen[bytes],
    status: int,
    read: Callable[[int], bytes],
    take: Callable[[bytes], object],
    silence: float,
) -> bytes:
    """Move bytes in whichever direction is ready until gpg has closed its ends; the status lines."""
    assert process.stdin is not None
    assert process.stdout is not None
    into, out = process.stdin.fileno(), process.stdout.fileno()
    said = b""
    pending = b""
    with selectors.DefaultSelector() as selector:
        os.set_blocking(into, False)
        selector.register(into, selectors.EVENT_WRITE)
        selector.register(out, selectors.EVENT_READ)
        selector.register(status, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(silence)
            if not ready:
                raise _silent(silence)
            for key, _ in ready:
                if key.fd == into:
                    pending = pending or read(PIECE)
                    pending, ended = _give(into, pending)
                    if ended:
                        selector.unregister(into)
                        process.stdin.close()
                    continue
                data = os.read(key.fd, PIECE)
                if not data:
                    selector.unregister(key.fd)
                elif key.fd == out:
                    take(data)
                elif len(said) < STATUS:
                    said += data
    return said


def _give(pipe: int, data: bytes) -> tuple[bytes, bool]:
    """What is left of `data` after as much as `pipe` takes, and whether that was the end: there is no more, or nobody listens."""
    if not data:
        return b"", True
    try:
        return data[os.write(pipe, data) :], False
    except BlockingIOError:
        return data, False
    except BrokenPipeError:
        return b"", True


def _silent(seconds: float) -> LocalResourceError:
    return LocalResourceError(
        f"gpg did nothing for {seconds:g} seconds and was ended", hint="is its agent waiting for somebody?", code="gpg"
    )


def _lines(status: bytes) -> list[tuple[str, tuple[str, ...]]]:
    found = []
    for line in status.decode("utf-8", "replace").splitlines():
        if line.startswith("[GNUPG:] "):
            keyword, *arguments = line.split()[1:] or [""]
            found.append((keyword, tuple(arguments)))
    return found
