"""What the command line says beside its results: one line per error, warning or note, on stderr, with every secret masked."""

from __future__ import annotations

import errno
import json
import sys
import time
import traceback
from dataclasses import dataclass, field

import click

from connector_sdk.errors import ConnectorError, Stopped, redact

__all__ = ["Voice", "one_line", "plain"]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EMFILE)
"""What an operating system says when this machine cannot go on."""

EXTRAS = {
    "cookiecutter": "codegen",
    "datamodel_code_generator": "codegen",
    "jinja2": "codegen",
    "openpyxl": "codegen",
    "hypothesis": "testing",
    "pytest": "testing",
    "paramiko": "testing",
}
"""Which extra of connector-sdk brings a package that a command may miss."""


def plain(text: str) -> str:
    """`text` without anything a terminal would obey: control characters become visible escapes, secrets a mask."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in redact(text))


def one_line(text: str) -> str:
    """`text` as :func:`plain`, its white space folded into single blanks."""
    return plain(" ".join(text.split()))


@dataclass
class Voice:
    """How this process speaks on stderr: `log` is ``text``, ``json`` or ``none``; `debug` adds tracebacks."""

    log: str = "text"
    debug: bool = False
    _said: set[str] = field(default_factory=set)

    def note(self, text: str) -> None:
        """Something worth knowing. Silent with ``--log none``."""
        if self.log != "none":
            self._say("note", text)

    def warn(self, text: str) -> None:
        """Something to change; said once however often it happens."""
        if text not in self._said:
            self._said.add(text)
            self._say("warning", text)

    def fail(self, error: BaseException) -> int:
        """Tell why the command ends, in one line (and the traceback with ``--debug``), and return the exit code."""
        kind, text, code, word = _explain(error, self.debug)
        if self.debug and not isinstance(error, click.ClickException | Stopped):
            click.echo(plain("".join(traceback.format_exception(error))), err=True, nl=False)
        if self.log == "json":
            self._line({"event": "Failed", "exit": code, "code": word, "message": one_line(text)})
        else:
            self._say(kind, text)
        return code

    def _say(self, kind: str, text: str) -> None:
        if self.log == "json":
            self._line({"event": "Message", "level": kind, "message": one_line(text)})
            return
        colour = {"error": "red", "warning": "yellow", "stopped": "yellow"}.get(kind)
        head = click.style(f"{kind}:", fg=colour, bold=True) if colour and sys.stderr.isatty() else f"{kind}:"
        click.echo(f"{head} {one_line(text)}", err=True)

    @staticmethod
    def _line(value: dict[str, object]) -> None:
        click.echo(json.dumps({"at": time.time(), **value}, ensure_ascii=False), err=True)


def _explain(error: BaseException, debug: bool) -> tuple[str, str, int, str | None]:
    """(kind, text, exit code, code word) of whatever ended a command."""
    match error:
        case Stopped():
            return "stopped", str(error), error.exit_code, "stopped"
        case ConnectorError():
            return "error", str(error), error.exit_code, error.code
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "connector"
            return "error", f"{_unquoted(error.format_message())} — see {path} --help", 2, "usage"
        case click.ClickException():
            return "error", error.format_message(), 2, "usage"
        case click.Abort() | KeyboardInterrupt():
            return "stopped", "interrupted; what was committed stays", 130, "stopped"
        case OSError() if error.errno in NO_ROOM:
            where = f"{error.filename}: " if error.filename else ""
            return "error", f"{where}{error.strerror} — free space and run again; nothing committed is lost", 8, "no_room"
        case OSError() if error.filename and error.strerror:
            return "error", f"{error.filename}: {error.strerror}", 2, "file"
        case MemoryError():
            return "error", "this machine is out of memory — nothing committed is lost", 8, "no_room"
        case ModuleNotFoundError() if (error.name or "").partition(".")[0] in EXTRAS:
            package = (error.name or "").partition(".")[0]
            return (
                "error",
                f'this needs the package {package} — pip install "connector-sdk[{EXTRAS[package]}]"',
                2,
                "missing_extra",
            )
        case _:
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            hint = "this is a defect; please report it" + ("" if debug else ", with the traceback that --debug shows")
            return "error", f"internal: {what} — {hint}", 1, "internal"


def _unquoted(message: str) -> str:
    message = message.strip().removesuffix(".")
    return message[:1].lower() + message[1:]
