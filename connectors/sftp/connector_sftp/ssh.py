"""How one SSH connection comes about: socket, ciphers, host key, login. What can go wrong is told in one line."""

from __future__ import annotations

import getpass
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import paramiko
from connector_sdk.errors import ConfigError, TransientError

from connector_sftp.config import SftpConfig
from connector_sftp.host_keys import known_keys, verify

__all__ = ["connect"]

LOG = "connector_sftp.ssh"
logging.getLogger("connector_sftp").addHandler(logging.NullHandler())  # its errors reach the user as ours

DEFAULT_KNOWN_HOSTS = Path("~/.ssh/known_hosts")
FAST_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
KEY_KINDS: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


def connect(config: SftpConfig) -> paramiko.Transport:
    """A logged-in connection, its host key verified.

    Raises ConfigError (unknown or changed host key, refused login, unreadable key) or TransientError (unreachable, cut, silent).
    """
    assert config.host is not None
    place = f"{config.host}:{config.port}"
    try:
        raw = socket.create_connection((config.host, config.port), timeout=config.timeout)
    except socket.gaierror as error:
        raise TransientError(f"the name {config.host} does not resolve: {error.strerror}", code="unreachable") from None
    except OSError as error:
        reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise TransientError(f"{place} is not reachable: {reason}", code="unreachable") from None
    transport: paramiko.Transport | None = None
    try:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # paramiko sends to a peer that is gone without end; the kernel gives up
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(config.timeout * 1000))
        transport = paramiko.Transport(raw)
        transport.set_log_channel(LOG)
        transport.banner_timeout = config.timeout
        transport.auth_timeout = config.timeout
        transport.channel_timeout = config.timeout
        _establish(transport, config, place)
        transport.set_keepalive(int(config.keepalive))
    except BaseException:
        if transport is not None:
            transport.close()
        raw.close()
        raise
    return transport


def _establish(transport: paramiko.Transport, config: SftpConfig, place: str) -> None:
    assert config.host is not None
    file = config.known_hosts or DEFAULT_KNOWN_HOSTS
    known = known_keys(file, config.host, config.port) if config.fingerprint is None or config.known_hosts else []
    options = transport.get_security_options()
    options.ciphers = (*FAST_CIPHERS, *(c for c in options.ciphers if c not in FAST_CIPHERS))
    kinds = {entry.kind for entry in known if not entry.revoked}
    kinds |= {"rsa-sha2-512", "rsa-sha2-256"} if "ssh-rsa" in kinds else set()
    # Ask for a kind of host key that we know, or a server with several looks unknown.
    options.key_types = sorted(options.key_types, key=lambda kind: kind not in kinds)
    try:
        transport.start_client(timeout=config.timeout)
        key = transport.get_remote_server_key()  # refused when time ran out, of which start_client does not tell
    except paramiko.ssh_exception.IncompatiblePeer as error:
        raise ConfigError(f"{place} and we share no algorithm: {error}", code="algorithms") from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise TransientError(
            f"{place} did not open an SSH session: {str(error) or 'connection closed'}", code="unreachable"
        ) from None
    verify(
        key,
        config.host,
        config.port,
        fingerprint=config.fingerprint,
        known=known,
        file=file,
    )
    _log_in(transport, config, place)


def _log_in(transport: paramiko.Transport, config: SftpConfig, place: str) -> None:
    user = config.user or getpass.getuser()
    tried: list[str] = []
    started = time.monotonic()
    try:
        for key in _keys(config, tried):
            try:
                if not transport.auth_publickey(user, key):
                    return
            except paramiko.BadAuthenticationType:
                break
            except paramiko.AuthenticationException:
                continue
            break  # the server wants a second factor: the password
        if config.password is not None:
            tried.append("password")
            if not transport.auth_password(user, config.password.reveal()):
                return
    except paramiko.AuthenticationException:
        pass
    except (paramiko.SSHException, EOFError, OSError):
        transport.close()
    # paramiko raises the same error for a refusal and for silence.
    silent = time.monotonic() - started >= config.timeout
    if silent or not transport.is_active():
        what = f"did not answer for {config.timeout:g} s" if silent else "closed the connection"
        raise TransientError(f"{place} {what} during the login of {user} by {', '.join(tried) or 'nothing'}", code="unreachable")
    raise ConfigError(
        f"{place} refused the login of {user} by {', '.join(tried) or 'nothing'}",
        hint="check user, password and key" if tried else "give password, key_file, or start an SSH agent",
        code="login",
    )


def _keys(config: SftpConfig, tried: list[str]) -> Iterator[paramiko.PKey]:
    if config.key_file is not None:
        tried.append(f"key {config.key_file}")
        yield _load(config.key_file, None if config.key_passphrase is None else config.key_passphrase.reveal())
    wanted = config.agent if config.agent is not None else config.password is None and config.key_file is None
    if wanted:
        with closing(paramiko.Agent()) as agent:
            keys = agent.get_keys()
            if config.agent and not keys:
                raise ConfigError("the SSH agent has no keys, or none is running", hint="ssh-add", code="login")
            if keys:
                tried.append("agent")
            yield from keys


def _load(path: Path, passphrase: str | None) -> paramiko.PKey:
    where = path.expanduser()
    for kind in KEY_KINDS:
        try:
            return kind.from_private_key_file(str(where), password=passphrase)
        except paramiko.PasswordRequiredException:
            raise ConfigError(f"the private key {path} is locked", hint="set key_passphrase: env:NAME", code="key") from None
        except OSError as error:
            raise ConfigError(f"the private key {path}: {error.strerror}", code="key") from None
        except (paramiko.SSHException, ValueError):
            continue  # another kind, or the wrong passphrase: the last kind tells
    reason = "the passphrase is wrong, or it" if passphrase else "it"
    raise ConfigError(f"the private key {path} cannot be used: {reason} is no Ed25519, ECDSA or RSA key", code="key")
