"""Where log records, warnings and the exceptions of threads go: to stderr, one line each, with every secret masked."""

from __future__ import annotations

import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from connector_sdk.cli.messages import Voice, one_line, plain
from connector_sdk.errors import redact

__all__ = ["heard"]


class RedactingFilter(logging.Filter):
    """Masks secrets in a record before any formatter sees it, its traceback included."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = f"{record.msg} {record.args}"
        record.msg, record.args = redact(message), ()
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True


class VoiceHandler(logging.Handler):
    """Writes records as the user asked: text, JSON lines, or not at all.

    What a library logs about itself (paramiko prints whole tracebacks) is shown only with ``--debug``: a connector says what
    matters in the error it raises.
    """

    def __init__(self, voice: Voice) -> None:
        super().__init__()
        self.voice = voice
        self.addFilter(RedactingFilter())

    def emit(self, record: logging.LogRecord) -> None:
        ours = record.name.startswith("connector")
        if not self.voice.debug and not (ours and record.levelno >= logging.WARNING):
            return
        if self.voice.log == "json":
            entry = {
                "event": "Log",
                "at": record.created,
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": plain(record.getMessage()),
            }
            if record.exc_text and self.voice.debug:
                entry["traceback"] = plain(record.exc_text)
            click.echo(json.dumps(entry), err=True)
        elif self.voice.log == "text":
            click.echo(f"{record.levelname.lower()}: {record.name}: {one_line(record.getMessage())}", err=True)
            if record.exc_text and self.voice.debug:
                click.echo(plain(record.exc_text), err=True)


@contextmanager
def heard(voice: Voice) -> Iterator[None]:
    """While this lasts, logging, warnings and exceptions that end a thread are told by `voice`."""
    root, handler = logging.getLogger(), VoiceHandler(voice)
    level, hook = root.level, threading.excepthook
    log = logging.getLogger("connector_sdk.cli")

    def thread_failed(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit and args.exc_value is not None:
            name = args.thread.name if args.thread else "a thread"
            log.warning("%s ended with %s: %s", name, args.exc_type.__name__, args.exc_value, exc_info=args.exc_value)

    def warned(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if category.__name__ == "LiteralSecretWarning":
            voice.warn(str(message))
        else:
            log.info("%s:%s: %s: %s", filename, lineno, category.__name__, message)

    root.addHandler(handler)
    root.setLevel(logging.DEBUG if voice.debug else logging.WARNING)
    threading.excepthook = thread_failed
    try:
        with warnings.catch_warnings():
            warnings.showwarning = warned
            if not sys.warnoptions:
                warnings.simplefilter("default")
            yield
    finally:
        threading.excepthook = hook
        root.setLevel(level)
        root.removeHandler(handler)
