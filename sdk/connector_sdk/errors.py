"""Every way a connector can fail, arranged by what the caller does next.

::

    ConnectorError                 exit
    ├── ConfigError                  2   fix the configuration or the command line, then run again
    ├── TransientError               3   wait (``retry_after`` seconds when the system said so), then try again
    ├── DataError                    4   records could not be used; look at the rejects
    ├── SchemaDriftError             5   the system changed shape: regenerate the adapter, or fix the system
    ├── StateInvalidError            6   the saved position is no longer valid: reset it and read again
    ├── LawBrokenError               7   the connector breaks a promise it declares
    ├── LocalResourceError           8   this machine: disk full, lock held, file in the way
    ├── Stopped                130/143   a signal asked the run to stop, and it did so at a checkpoint
    └── InternalError                1   a defect of the SDK or the connector: report it

Messages are written for the person on call: what, where, what was expected, and as ``hint`` what to do. A secret that was
revealed in this process is masked in every message (see :func:`redact`).
"""

from __future__ import annotations

import threading

__all__ = [
    "ConfigError",
    "ConnectorError",
    "DataError",
    "InternalError",
    "LawBrokenError",
    "LocalResourceError",
    "SchemaDriftError",
    "StateInvalidError",
    "Stopped",
    "TransientError",
    "redact",
]

MASK = "•••"
_revealed: set[str] = set()
_revealed_lock = threading.Lock()


def remember_secret(value: str) -> None:
    """From now on mask `value` wherever this process writes text. Values under four characters are masked only whole."""
    if value:
        with _revealed_lock:
            _revealed.add(value)


def redact(text: str) -> str:
    """`text` with every secret that this process has revealed replaced by a mask."""
    with _revealed_lock:
        values = sorted(_revealed, key=len, reverse=True)
    for value in values:
        if len(value) >= 4:
            text = text.replace(value, MASK)
            escaped = repr(value)[1:-1]
            if escaped != value:
                text = text.replace(escaped, MASK)
        elif text == value:
            return MASK
    return text


class ConnectorError(Exception):
    """The root. `message` says what is wrong and where; `hint` what to do; `code` is a stable word for programs."""

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str | None = None,
        stream: str | None = None,
        split: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.stream = stream
        self.split = split

    def __str__(self) -> str:
        """One line: the message, then the hint."""
        text = self.message if self.hint is None else f"{self.message} — {self.hint}"
        return redact(" ".join(text.split()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), redact(self.message), dict(self.__dict__, message=redact(self.message)))


def _rebuild(kind: type[ConnectorError], message: str, attributes: dict[str, object]) -> ConnectorError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.__dict__.update(attributes)
    return error


class ConfigError(ConnectorError):
    """The configuration or the request is wrong; trying again unchanged cannot help."""

    exit_code = 2


class TransientError(ConnectorError):
    """The system is unavailable now. `retry_after` is in seconds, when the system named a time."""

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        hint: str | None = None,
        code: str | None = None,
        stream: str | None = None,
        split: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code, stream=stream, split=split)
        self.retry_after = retry_after


class DataError(ConnectorError):
    """Records are wrong: more rejects than the budget allows, or a control total that does not add up.

    `rejects`, where a sink gives up over its budget, are the records it would have rejected (a `connector_sdk.rejects` batch).
    """

    exit_code = 4
    rejects: object = None


class SchemaDriftError(ConnectorError):
    """The system's shape is no longer the one the adapter was made for. `fields` names what differs."""

    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        fields: tuple[str, ...] = (),
        hint: str | None = None,
        code: str | None = None,
        stream: str | None = None,
        split: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code, stream=stream, split=split)
        self.fields = fields


class StateInvalidError(ConnectorError):
    """The saved position cannot be continued from: its log is gone, its file is damaged, or it is somebody else's."""

    exit_code = 6


class LawBrokenError(ConnectorError):
    """A connector does not keep a law it declares (see :mod:`connector_sdk.testing.laws`)."""

    exit_code = 7


class LocalResourceError(ConnectorError):
    """This machine cannot go on: the disk is full, a lock is held, a file is in the way."""

    exit_code = 8


class Stopped(ConnectorError):  # noqa: N818 - it is what happened, not what went wrong
    """A signal asked the run to stop; what was read is committed. `signal` is its number (2 or 15)."""

    def __init__(self, message: str, *, signal: int) -> None:
        super().__init__(message)
        self.signal = signal
        self.exit_code = 128 + signal


class InternalError(ConnectorError):
    """A defect in the SDK or in a connector."""

    exit_code = 1
