"""A real OpenSSH server on loopback for tests, demo and benchmarks: own configuration, own host key, own folder, own port.

::

    with sshd(tmp_path) as server:      # tmp_path/folder is what its users see
        server.settings                 # what connector-sftp needs to reach it

Where no sshd is installed, :func:`server` starts paramiko's embedded one instead and says so in `Server.kind`.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server. `folder` is what its clients see as the folder they land in; `fingerprint` is that of its host key."""

    kind: str
    port: int
    user: str
    folder: Path
    key_file: Path
    known_hosts: Path
    fingerprint: str
    process: int | None = None
    log: Path | None = None
    host: str = "127.0.0.1"

    @property
    def settings(self) -> dict[str, object]:
        """The part of a connector-sftp configuration that says how to reach it."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "key_file": str(self.key_file),
            "fingerprint": self.fingerprint,
            "folder": str(self.folder) if self.kind == "sshd" else ".",
        }


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_key(path: Path, *, passphrase: str = "") -> Path:
    """A new ed25519 key pair at `path` and `path`.pub, by ssh-keygen."""
    for old in (path, path.with_name(f"{path.name}.pub")):
        old.unlink(missing_ok=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "connector-test", "-f", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path


def fingerprint_of(public_key: Path) -> str:
    """``SHA256:…`` of a public key file, as OpenSSH prints it."""
    shown = subprocess.run(["ssh-keygen", "-l", "-f", str(public_key)], check=True, capture_output=True, text=True)
    return shown.stdout.split()[1]


@contextmanager
def server(place: Path) -> Iterator[Server]:
    """A server for `place`/folder: a real sshd where there is one, else paramiko's embedded one. `Server.kind` says which."""
    if SSHD is not None and shutil.which("ssh-keygen"):
        with sshd(place) as running:
            yield running
    else:
        with embedded(place) as running:
            yield running


@contextmanager
def embedded(place: Path) -> Iterator[Server]:
    """paramiko's SFTP server inside this process, for `place`/folder."""
    import paramiko
    from connector_sftp.embedded_server import EmbeddedServer

    folder = place / "folder"
    folder.mkdir(parents=True, exist_ok=True)
    key = paramiko.ECDSAKey.generate()
    key_file = place / "user_key"
    key.write_private_key_file(str(key_file))
    with EmbeddedServer(folder, user="connector", key=key) as running:
        known_hosts = place / "known_hosts"
        host_key = running.host_key
        known_hosts.write_text(f"[127.0.0.1]:{running.port} {host_key.get_name()} {host_key.get_base64()}\n")
        yield Server(
            kind="embedded",
            port=running.port,
            user=running.user,
            folder=folder,
            key_file=key_file,
            known_hosts=known_hosts,
            fingerprint=running.fingerprint,
        )


@contextmanager
def sshd(
    place: Path, *, port: int | None = None, passphrase: str = "", host_key: Path | None = None, options: Sequence[str] = ()
) -> Iterator[Server]:
    """A real sshd that serves `place`/folder by internal-sftp to the user who runs the tests, by key. Stopped at the end.

    `options` are more lines for its configuration (the first word of a name counts, so these win). Raises RuntimeError when it
    does not come up within ten seconds.
    """
    if SSHD is None:
        raise RuntimeError("there is no sshd on this machine: apt-get install openssh-server")
    own = place / "sshd"
    own.mkdir(parents=True, exist_ok=True)
    own.chmod(0o700)
    folder = place / "folder"
    folder.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it gives up its privileges
    user_key = make_key(own / "user_key", passphrase=passphrase)
    host_key = host_key or make_key(own / "host_key")
    authorized = own / "authorized_keys"
    authorized.write_text(Path(f"{user_key}.pub").read_text())
    authorized.chmod(0o600)
    port = port or free_port()
    log = own / "log"
    config = own / "config"
    config.write_text(
        "\n".join(
            [
                *options,
                f"Port {port}",
                "ListenAddress 127.0.0.1",
                f"HostKey {host_key}",
                f"AuthorizedKeysFile {authorized}",
                f"PidFile {own / 'pid'}",
                "PubkeyAuthentication yes",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "UsePAM no",
                "StrictModes no",
                "PermitRootLogin prohibit-password",
                "Subsystem sftp internal-sftp",
                "LogLevel VERBOSE",
                "",
            ]
        )
    )
    command = [SSHD, "-D", "-e", "-f", str(config)]
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    try:
        _wait_for(port, process, log)
        public = Path(f"{host_key}.pub")
        known_hosts = own / "known_hosts"
        kind, key = public.read_text().split()[:2]
        known_hosts.write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
        yield Server(
            kind="sshd",
            port=port,
            user=getpass.getuser(),
            folder=folder,
            key_file=user_key,
            known_hosts=known_hosts,
            fingerprint=fingerprint_of(public),
            process=process.pid,
            log=log,
        )
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server we started: its listener and the sessions below it."""
    if process.poll() is None:
        for child in _children(process.pid):
            _kill(child)
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def cut_sessions(server: Server) -> int:
    """Kill the server's sessions (not its listener), as a crash or a firewall would; how many there were."""
    assert server.process is not None
    sessions = _children(server.process)
    for session in sessions:
        _kill(session)
    return len(sessions)


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue  # ended while we looked
        if int(text.rpartition(")")[2].split()[1]) == parent:
            child = int(stat.parent.name)
            found += [*_children(child), child]
    return found


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"sshd did not come up on port {port}: {log.read_text()[-500:]}")
