"""What a user says about where the files are, who may fetch them, and which of them are which stream."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from connector_sdk.config import ConnectorConfig, Secret
from connector_sdk.errors import DataError
from connector_sdk.formats.compression import LIMITS
from connector_sdk.runtime.folder import safe_name
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

__all__ = ["PgpConfig", "SftpConfig", "StreamConfig"]


class StreamConfig(BaseModel):
    """One stream: the files that are it, and how they are written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: Annotated[
        str,
        Field(
            description="pattern below the folder: * and ? within a name, ** across folders, [abc] sets",
            examples=["orders-*.csv", "in/**/*.csv.gz"],
        ),
    ]
    layout: Annotated[
        str | dict[str, Any] | None,
        Field(description="a layout.yaml, or a layout itself; without one it is inferred from the first file"),
    ] = None
    compression: Annotated[
        Literal["auto", "none", "gzip", "bz2", "zstd", "xz", "zip", "tar"],
        Field(description="auto looks at the file's first bytes; tar may be compressed too"),
    ] = "auto"
    members: Annotated[
        str | None,
        Field(
            description="pattern of the files in a zip or tar that are the stream; without one, all; not hidden ones",
            examples=["*.csv", "out/**/orders-*.csv"],
        ),
    ] = None
    done: Annotated[
        str | None,
        Field(
            description="a file counts once NAME plus this is there too, e.g. .done; with a *, as *.done, one marker is for all "
            "files that begin with what * stands for",
            pattern=r"^[^/\\*]+$|^\*[^/\\*]+$|^[^/\\*]+\*[^/\\*]*$",
            examples=[".done", "*.done"],
        ),
    ] = None
    manifest: Annotated[
        str | None,
        Field(
            description="pattern of lists of names, sizes and digests: a file counts once a list names it and all that it names "
            "is there",
            examples=["*.manifest", "in/SHA256SUMS-*"],
        ),
    ] = None
    keys: Annotated[
        tuple[str, ...] | None, Field(description="the fields that identify a row, in place of the layout's own", min_length=1)
    ] = None
    takes: Annotated[
        Literal["all", "latest"],
        Field(description="all: the files together are the stream; latest: each is the whole of it, the last by name counts"),
    ] = "all"

    @property
    def marker(self) -> str | None:
        """What follows a file's name in that of its own marker; None where files have none."""
        return None if self.done is None or "*" in self.done else self.done

    @property
    def group_marker(self) -> str | None:
        """What a marker is called that is for several files; None where none is."""
        return self.done if self.done is not None and "*" in self.done else None

    @field_validator("files", "members", "manifest")
    @classmethod
    def _relative(cls, pattern: str | None) -> str | None:
        return None if pattern is None else _plain(pattern, "a pattern")

    @model_validator(mode="after")
    def _one_marker(self) -> Self:
        if self.done is not None and self.manifest is not None:
            raise ValueError("done and manifest are two ways to say that a drop is complete: give one")
        return self

    @field_validator("keys")
    @classmethod
    def _once(cls, keys: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if keys is not None and len(set(keys)) < len(keys):
            raise ValueError("a field is named twice")
        return keys


def _plain(name: str, what: str) -> str:
    try:
        return safe_name(name)
    except DataError:
        raise ValueError(f"{what} is relative to the folder, with / between parts and without ..") from None


def _short(value: object) -> object:
    return {"files": value} if isinstance(value, str) else value


class PgpConfig(BaseModel):
    """With which keys files that are encrypted by PGP are opened."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    key: Annotated[
        Secret | None, Field(description="the private key itself, as `gpg --export-secret-keys --armor` writes it; env: or file:")
    ] = None
    passphrase: Annotated[Secret | None, Field(description="what the private key is locked with")] = None
    verify: Annotated[
        Path | None, Field(description="file of the public keys one of which must have signed; without it, nobody must")
    ] = None
    home: Annotated[Path | None, Field(description="a GnuPG home that has the private key, in place of `key`")] = None

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key is None) == (self.home is None):
            raise ValueError("give the private key by `key`, or the GnuPG home that has it by `home`")
        return self


class SftpConfig(ConnectorConfig):
    """Where the files are: on an SFTP server when `host` is given, else in a folder of this machine."""

    transport: Annotated[
        Literal["sftp", "local"] | None, Field(description="sftp when a host is given, else local: a folder of this machine")
    ] = None
    host: Annotated[str | None, Field(description="name or address of the SFTP server", min_length=1)] = None
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    user: Annotated[str | None, Field(description="login name; that of this process if left out")] = None
    password: Annotated[Secret | None, Field(description="also given to keyboard-interactive logins")] = None
    key_file: Annotated[Path | None, Field(description="private key file (Ed25519, ECDSA or RSA)")] = None
    key_passphrase: Annotated[Secret | None, Field(description="what the private key is locked with")] = None
    agent: Annotated[
        bool | None, Field(description="use the keys of the SSH agent; true if there is neither password nor key_file")
    ] = None
    known_hosts: Annotated[
        Path | None, Field(description="file of host keys to trust; ~/.ssh/known_hosts if there is no fingerprint")
    ] = None
    fingerprint: Annotated[
        str | None,
        Field(
            description="the one host key to trust, as ssh-keygen -l prints it",
            pattern=r"^SHA256:[A-Za-z0-9+/]{43}=?$",
            examples=["SHA256:uNiVztksCsDhcc0u9e8BrrJhvVnFqX9wCVnHCnz2sqA"],
        ),
    ] = None
    timeout: Annotated[float, Field(gt=0, description="seconds to wait for any one answer")] = 30.0
    keepalive: Annotated[float, Field(ge=0, description="seconds of silence after which to say hello; 0: never")] = 15.0
    folder: Annotated[str, Field(description="the folder that all names are below", min_length=1)] = "."
    streams: Annotated[
        dict[str, Annotated[StreamConfig, BeforeValidator(_short)]],
        Field(
            default_factory=dict,
            description="stream name: pattern, or its settings; without any, every delimited file is a stream",
        ),
    ]
    settle: Annotated[
        float, Field(ge=0, description="seconds that size and time of a file must stay unchanged before it is read")
    ] = 2.0
    after: Annotated[
        Literal["leave", "archive", "delete"], Field(description="what to do with a file that is read and committed")
    ] = "leave"
    archive: Annotated[str, Field(description="folder, below `folder`, for `after: archive`")] = "archive"
    duplicates: Annotated[
        Literal["skip", "read"],
        Field(
            description="with an `index`, for incremental reads: skip leaves out a new name with the content of a file that was "
            "read; read compares names, sizes and times alone"
        ),
    ] = "skip"
    pgp: Annotated[PgpConfig | None, Field(description="with which key encrypted files (.pgp, .gpg, .asc) are opened")] = None
    max_expanded_bytes: Annotated[
        int, Field(ge=1, description="bytes that a compressed or encrypted file may become; more is taken for a bomb")
    ] = LIMITS.largest
    max_expansion: Annotated[
        float, Field(ge=1, description="how many bytes one may become, beyond 64 MB; text compresses by 3 to 30")
    ] = LIMITS.ratio
    max_members: Annotated[int, Field(ge=1, description="files that an archive may hold")] = LIMITS.members
    max_record_bytes: Annotated[int, Field(ge=1024, description="a longer record is a reject")] = 16 << 20
    block_bytes: Annotated[int, Field(ge=16, description="about how much of a file one batch holds")] = 1 << 20
    split_bytes: Annotated[int, Field(ge=1, description="files are grouped into splits of about this size")] = 64 << 20

    @field_validator("archive")
    @classmethod
    def _below(cls, archive: str) -> str:
        return _plain(archive, "the archive folder")

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.transport == "sftp" and self.host is None:
            raise ValueError("transport sftp needs a host")
        if self.key_passphrase is not None and self.key_file is None:
            raise ValueError("key_passphrase is given without key_file")
        shared = {stream.files for stream in self.streams.values()}
        if self.after != "leave" and len(shared) < len(self.streams):
            raise ValueError(f"after: {self.after}, and two streams have the same files: the first would put them away for both")
        return self

    @property
    def is_local(self) -> bool:
        """Whether the folder is on this machine."""
        return self.transport == "local" or (self.transport is None and self.host is None)

    @property
    def place(self) -> str:
        """The folder in words, for messages."""
        return self.folder if self.is_local else f"sftp://{self.host}:{self.port}/{self.folder.lstrip('/').removeprefix('.')}"
