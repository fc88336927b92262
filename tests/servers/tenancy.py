"""A folder under /tmp with one server process in it, gone with the test run: after its end, and after a SIGKILL too.

Database servers refuse to run as root, so that root's tests start them as another account, to which the folder then belongs.
Where the kernel lets us, `small_disk` is a real file system of a few megabytes that only the server sees: for disks that fill up.
"""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from tests.servers import janitor

SMALL_DISK = 8
"""Megabytes on `Tenancy.small_disk`."""

_MOUNT = f'mount -t tmpfs -o size={SMALL_DISK}m,mode=700,uid="$1",gid="$2" small "$0" && shift 2 && exec "$@"'


class Tenancy:
    """The folder and, between :meth:`start` and :meth:`stop`, the process. `account` names who shall run it when we are root."""

    def __init__(self, kind: str, *, account: str) -> None:
        self.account = _account(account) if os.geteuid() == 0 else None
        # Below pytest's own folders nobody but their owner may look, and a socket's path has little room.
        self.folder = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir="/tmp")).resolve()
        command = [sys.executable, "-S", "-E", janitor.__file__, str(os.getpid()), str(self.folder)]
        self._janitor = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd="/", start_new_session=True)
        self.folder.chmod(0o755)
        self.small_disk = self.make("small_disk") if can_mount() else None
        self.log = self.write("log", "")
        self._process: subprocess.Popen[bytes] | None = None
        self._hand_over(self.folder)

    def make(self, name: str) -> Path:
        """A new folder of the server's own."""
        path = self.folder / name
        path.mkdir(mode=0o700)
        self._hand_over(path)
        return path

    def write(self, name: str, text: str) -> Path:
        """A file of the server's own, which nobody else can read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        self._hand_over(path)
        return path

    def run(self, command: Sequence[str]) -> None:
        """Run `command` as the server's account, for a minute at most. Raises RuntimeError with what it said when it fails."""
        done = subprocess.run(
            [*self._become(), *command],
            cwd=self.folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {(done.stdout + done.stderr)[-1000:].decode(errors='replace')}")

    def start(self, command: Sequence[str], ready: Callable[[], bool], patience: float = 30.0) -> None:
        """Start the server and wait until `ready`. Raises RuntimeError with its last words when it is not."""
        if self._process is not None:
            raise RuntimeError(f"{self.folder.name} is running already")
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [*self._on_small_disk(), *command],
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        deadline = time.monotonic() + patience
        while self._process.poll() is None and time.monotonic() < deadline:
            if ready():
                return
            time.sleep(0.01)
        self.stop(signal.SIGKILL)
        raise RuntimeError(f"{command[0]} did not come up: {self.log.read_text(errors='replace')[-1000:]}")

    @property
    def process(self) -> int | None:
        """The id of the server's (first) process while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def stop(self, how: signal.Signals, patience: float = 30.0) -> None:
        """Signal the server and wait for its end and its children's; SIGKILL for those left after `patience` seconds."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        deadline = time.monotonic() + patience
        while self._process.poll() is None or janitor.tenants(self.folder):
            if time.monotonic() > deadline:
                for process in janitor.tenants(self.folder):
                    os.kill(process, signal.SIGKILL)
                self._process.wait(patience)
                break
            time.sleep(0.01)
        self._process = None

    def close(self) -> None:
        """End whatever runs here, and remove the folder."""
        self.stop(signal.SIGKILL)
        janitor.evict(self.folder)
        self._janitor.terminate()
        self._janitor.wait(10)

    def _become(self) -> list[str]:
        if self.account is None:
            return []
        user, group = str(self.account.pw_uid), str(self.account.pw_gid)
        return ["setpriv", "--reuid", user, "--regid", group, "--clear-groups"]

    def _on_small_disk(self) -> list[str]:
        if self.small_disk is None:
            return self._become()
        if self.account is None:  # root of a namespace in which that is what we are called; then ourselves again
            return [*_namespace("sh", "-c", _MOUNT, str(self.small_disk), "0", "0"), *_back_to_ourselves()]
        owner = [str(self.account.pw_uid), str(self.account.pw_gid)]
        return [*_namespace("sh", "-c", _MOUNT, str(self.small_disk), *owner), *self._become()]

    def _hand_over(self, path: Path) -> None:
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)


def quiet_port() -> int:
    """A TCP port on loopback that nobody listens on, out of the range from which the kernel takes those of clients.

    A server that is restarted on its port would otherwise find a client there now and then.
    """
    for port in random.sample(range(15_000, 32_000), 1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 15000 and 32000")


def on_quiet_port(start: Callable[[int], None]) -> int:
    """Call `start` with a quiet port, and with another one where somebody was faster; the port that it was."""
    for _ in range(5):
        port = quiet_port()
        try:
            start(port)
        except RuntimeError as error:
            if "Address already in use" not in str(error):
                raise
        else:
            return port
    raise RuntimeError("five ports between 15000 and 32000 were free, and taken a moment later")


@cache
def can_mount() -> bool:
    """Whether a process of ours can have a file system of its own: as root, or where user namespaces are allowed."""
    with tempfile.TemporaryDirectory() as place:
        back = [] if os.geteuid() == 0 else _back_to_ourselves()
        command = _namespace("sh", "-c", _MOUNT, place, "0", "0", *back, "true")
        try:
            return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=10).returncode == 0
        except OSError:
            return False


def find_program(name: str, *folders: str) -> str | None:
    """The path of a program in one of these folders, or else on the PATH."""
    for folder in folders:
        if shutil.which(name, path=folder):
            return f"{folder}/{name}"
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _namespace(*command: str) -> list[str]:
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_root, "--mount", *command]


def _back_to_ourselves() -> list[str]:
    return ["unshare", "--user", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}"]


def _account(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return pwd.getpwnam("nobody")


def _environment() -> dict[str, str]:
    # Nobody's settings for clients (PGHOST, MYSQL_HOME …) and no language but one.
    return {"PATH": f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
