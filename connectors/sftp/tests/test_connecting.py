"""Getting in, and every way of not getting in: one clear line, the right class, what to do about it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from connector_sdk.errors import ConfigError, TransientError
from connector_sdk.plugins import make
from connector_sftp import SftpConnector
from connector_sftp.embedded_server import EmbeddedServer

from tests.servers.sshd import Server, make_key, sshd


def check(settings: dict[str, object], **more: object) -> None:
    given = {key: value for key, value in {**settings, **more}.items() if value is not None}
    with make(SftpConnector, given) as connector:
        connector.check()


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SFTP_PASSWORD", "correct horse")
    return "env:SFTP_PASSWORD"


@pytest.fixture
def by_password(tmp_path: Path, password: str) -> Iterator[dict[str, object]]:
    with EmbeddedServer(tmp_path, user="ada", password="correct horse") as server:
        yield {
            "host": "127.0.0.1",
            "port": server.port,
            "user": "ada",
            "password": password,
            "fingerprint": server.fingerprint,
        }


def test_a_key_and_a_pinned_fingerprint_get_in(real_server: Server) -> None:
    check(real_server.settings)


def test_known_hosts_get_in(real_server: Server) -> None:
    check(real_server.settings, fingerprint=None, known_hosts=str(real_server.known_hosts))


def test_a_password_gets_in(by_password: dict[str, object]) -> None:
    check(by_password)


def test_a_wrong_password_is_one_line_without_it(
    by_password: dict[str, object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SFTP_PASSWORD", "battery staple")
    with pytest.raises(ConfigError) as caught:
        check(by_password)
    assert "refused the login of ada by password" in str(caught.value)
    assert "battery" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_wrong_password_at_a_real_sshd(tmp_path: Path, password: str) -> None:
    options = ["PasswordAuthentication yes"]
    with sshd(tmp_path, options=options) as server, pytest.raises(ConfigError, match="refused the login"):
        check(server.settings, key_file=None, password=password)


@pytest.mark.parametrize("passphrase", ["open sesame", "open barley", None])
def test_a_locked_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str | None) -> None:
    monkeypatch.setenv("KEY_PASSPHRASE", passphrase or "")
    given = "env:KEY_PASSPHRASE" if passphrase else None
    with sshd(tmp_path, passphrase="open sesame") as server:
        if passphrase == "open sesame":
            check(server.settings, key_passphrase=given)
            return
        with pytest.raises(ConfigError, match="is locked" if passphrase is None else "passphrase is wrong") as caught:
            check(server.settings, key_passphrase=given)
        assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_other_kinds_of_keys(tmp_path: Path, kind: str) -> None:
    with sshd(tmp_path) as server:
        key = tmp_path / "other"
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(key)], check=True)
        (tmp_path / "sshd" / "authorized_keys").write_text(Path(f"{key}.pub").read_text())
        check(server.settings, key_file=str(key))


def test_a_key_file_that_is_none(tmp_path: Path, real_server: Server) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        check(real_server.settings, key_file=str(tmp_path / "absent"))
    (tmp_path / "text").write_text("not a key")
    with pytest.raises(ConfigError, match="no Ed25519, ECDSA or RSA key"):
        check(real_server.settings, key_file=str(tmp_path / "text"))


def test_a_key_the_server_does_not_know(tmp_path: Path, real_server: Server) -> None:
    with pytest.raises(ConfigError, match="refused the login"):
        check(real_server.settings, key_file=str(make_key(tmp_path / "other")))


def test_the_agent_gets_in(tmp_path: Path, real_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        while not (tmp_path / "agent").exists():
            pass
        with pytest.raises(ConfigError, match="the SSH agent has no keys"):
            check(real_server.settings, key_file=None, agent=True)
        subprocess.run(["ssh-add", "-q", str(real_server.key_file)], check=True)
        check(real_server.settings, key_file=None)
    finally:
        agent.terminate()
        agent.wait(5)


def test_nothing_to_log_in_with(real_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(ConfigError, match="by nothing — give password"):
        check(real_server.settings, key_file=None)


def test_an_unknown_host_key_says_how_to_pin_it_and_adds_nothing(tmp_path: Path, real_server: Server) -> None:
    known = tmp_path / "known_hosts"
    known.write_text("other.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOq/x7yGpL7p3aZ+6rl8V2l3Yq4I6xQd3yZl8e6T9j0m\n")
    before = known.read_bytes()
    with pytest.raises(ConfigError) as caught:
        check(real_server.settings, fingerprint=None, known_hosts=str(known))
    assert caught.value.code == "host_key_unknown"
    assert f"set `fingerprint: {real_server.fingerprint}`" in str(caught.value)
    assert known.read_bytes() == before


def test_a_changed_host_key_in_known_hosts(tmp_path: Path, real_server: Server) -> None:
    kind, key = Path(f"{make_key(tmp_path / 'other')}.pub").read_text().split()[:2]
    known = tmp_path / "known_hosts"
    known.write_text(f"# a comment\n\n[127.0.0.1]:{real_server.port} {kind} {key}\n")
    with pytest.raises(ConfigError, match=r"is not the one in .*known_hosts \(line 3\)") as caught:
        check(real_server.settings, fingerprint=None, known_hosts=str(known))
    assert caught.value.code == "host_key_changed"


def test_a_changed_host_key_against_a_pinned_one(real_server: Server) -> None:
    with pytest.raises(ConfigError, match="somebody may be in between") as caught:
        check(real_server.settings, fingerprint="SHA256:" + "A" * 43)
    assert caught.value.code == "host_key_changed"


def test_no_password_is_sent_to_an_unknown_host(tmp_path: Path, password: str) -> None:
    seen: list[str] = []

    class Curious(paramiko.ServerInterface):
        def check_auth_password(self, username: str, password: str) -> int:
            seen.append(password)
            return paramiko.common.AUTH_FAILED

    listener = socket.create_server(("127.0.0.1", 0))
    import threading

    def serve() -> None:
        transport = paramiko.Transport(listener.accept()[0])
        transport.add_server_key(paramiko.ECDSAKey.generate())
        with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
            transport.start_server(server=Curious())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with pytest.raises(ConfigError, match="is unknown"):
        check({"host": "127.0.0.1", "port": listener.getsockname()[1], "known_hosts": "/dev/null", "password": password})
    thread.join(5)
    listener.close()
    assert seen == []


def test_a_hashed_or_wildcard_entry_is_known_and_a_revoked_one_is_not(tmp_path: Path, real_server: Server) -> None:
    kind, key = real_server.known_hosts.read_text().split()[1:3]
    name = f"[127.0.0.1]:{real_server.port}"
    known = tmp_path / "known_hosts"
    for entry in (paramiko.HostKeys.hash_host(name), f"other,[127.0.0.*]:{real_server.port}"):
        known.write_text(f"{entry} {kind} {key}\n")
        check(real_server.settings, fingerprint=None, known_hosts=str(known))
    for text, said in (
        (f"[127.0.0.*]:{real_server.port},!{name} {kind} {key}\n", "is unknown"),
        (f"{name} {kind} {key}\n@revoked {name} {kind} {key}\n", "is revoked"),
    ):
        known.write_text(text)
        with pytest.raises(ConfigError, match=said):
            check(real_server.settings, fingerprint=None, known_hosts=str(known))


@pytest.mark.parametrize("folder", ["absent", "a-file"])
def test_a_missing_folder(real_server: Server, folder: str) -> None:
    (real_server.folder / "a-file").write_text("")
    with pytest.raises(ConfigError, match="there is no folder" if folder == "absent" else "is not a folder") as caught:
        check(real_server.settings, folder=f"{real_server.folder}/{folder}")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("folder", ["absent", "a-file"])
def test_a_missing_local_folder(tmp_path: Path, folder: str) -> None:
    (tmp_path / "a-file").write_text("")
    with pytest.raises(ConfigError, match="is not there" if folder == "absent" else "is not a folder"):
        check({"folder": str(tmp_path / folder)})


def test_nobody_listens() -> None:
    with pytest.raises(TransientError, match="not reachable: Connection refused") as caught:
        check({"host": "127.0.0.1", "port": 1})
    assert caught.value.exit_code == 3


def test_a_name_that_does_not_resolve() -> None:
    with pytest.raises(TransientError, match="does not resolve"):
        check({"host": "no.such.host.invalid"})


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", None])
def test_something_that_is_no_ssh_server(greeting: bytes | None) -> None:
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def serve() -> None:
            connection, _ = listener.accept()
            if greeting is None:
                held.append(connection)  # and says nothing
                return
            connection.sendall(greeting)
            connection.close()

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(TransientError, match="did not open an SSH session"):
            check({"host": "127.0.0.1", "port": listener.getsockname()[1], "timeout": 0.5})
        for connection in held:
            connection.close()


def test_a_user_without_sftp(tmp_path: Path) -> None:
    with sshd(tmp_path, options=["ForceCommand /bin/false"]) as server:
        config = tmp_path / "sshd" / "config"
        assert "Subsystem" in config.read_text()
        with pytest.raises((ConfigError, TransientError)) as caught:
            check(server.settings)
        assert "\n" not in str(caught.value)


def test_the_fast_cipher_is_chosen_and_any_other_does(tmp_path: Path) -> None:
    with sshd(tmp_path, options=["Ciphers aes256-ctr"]) as server:
        check(server.settings)


def test_several_host_keys_and_only_one_of_them_known(tmp_path: Path) -> None:
    rsa = tmp_path / "rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", str(rsa)], check=True)
    with sshd(tmp_path, options=[f"HostKey {rsa}"]) as server:
        kind, key = Path(f"{rsa}.pub").read_text().split()[:2]
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {kind} {key}\n")
        check(server.settings, fingerprint=None, known_hosts=str(server.known_hosts))


def test_a_server_that_allows_one_session_per_connection(tmp_path: Path) -> None:
    with sshd(tmp_path, options=["MaxSessions 1"]) as server:
        (server.folder / "a.csv").write_text("x\n1\n")
        with make(SftpConnector, server.settings) as connector:
            assert isinstance(connector, SftpConnector)
            folder = connector._here.drops.folder
            first, second = folder.open_read("a.csv"), folder.open_read("a.csv")
            assert first.read() == second.read() == b"x\n1\n"
            first.close()
            second.close()


def test_the_user_defaults_to_the_one_who_runs_this(real_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", os.environ.get("LOGNAME", real_server.user))
    check(real_server.settings, user=None)
