"""What can go wrong between us and a database, in the words of whoever has to mend it."""

from __future__ import annotations

from dataclasses import dataclass

from connector_sdk.errors import ConfigError, ConnectorError, DataError, SchemaDriftError, TransientError

__all__ = ["Meaning"]


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """`kind` is the error class, by which the caller goes on or gives up; `hint` what to do about it."""

    kind: type[ConnectorError]
    hint: str | None = None


LOGIN = Meaning(kind=ConfigError, hint="check `user` and `password`")
DATABASE = Meaning(kind=ConfigError, hint="check `database`")
UNREACHABLE = Meaning(kind=TransientError, hint="check `server` and `port`; is the server running?")
DENIED = Meaning(kind=ConfigError, hint="the login lacks a privilege for this")
READ_ONLY = Meaning(kind=ConfigError, hint="the login, or the server, may only read")
LOCKED = Meaning(kind=TransientError, hint="somebody else holds a lock; `timeout` says how long it is waited for")
DEADLOCK = Meaning(kind=TransientError)
TOO_LONG = Meaning(kind=TransientError, hint="`query_timeout`, or a limit of the server, says how long a statement may take")
LOST = Meaning(kind=TransientError, hint="the server restarted, or the connection was cut")
EXHAUSTED = Meaning(kind=TransientError, hint="the server is out of disk, memory or connections")
GONE = Meaning(
    kind=SchemaDriftError, hint="it was dropped or altered since discovery: run `connector discover`, regenerate the adapter"
)
REFUSED = Meaning(kind=DataError)
UNSUPPORTED = Meaning(kind=ConfigError)
NO_DRIVER = Meaning(kind=ConfigError, hint="the driver's library does not load: is its package installed?")
