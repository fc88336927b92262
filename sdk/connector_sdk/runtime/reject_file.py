"""The reject file: one JSON line per record that could not be used, with all that ``connector replay`` needs to try it again."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from connector_sdk.errors import ConfigError, redact
from connector_sdk.rejects import Reject
from connector_sdk.runtime.folder import local_error

__all__ = ["RejectFile", "RejectLine", "read_rejects"]

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class RejectLine:
    """One line: the reject, and which run of what it comes from. `checkpoint` is 0 for records of a run that was given up."""

    reject: Reject
    connector: str
    load: str
    checkpoint: int


class RejectFile:
    """Rejects of one load, appended in step with its checkpoints, so that a restart neither loses nor repeats one."""

    def __init__(self, path: Path, connector: str, load: str) -> None:
        self.path = path
        self.connector = connector
        self.load = load

    def rewind(self, checkpoint: int) -> None:
        """Drop this load's lines after `checkpoint`: their records are read again."""
        if not self.path.exists():
            return
        kept = [line for line, entry in _lines(self.path) if entry.load != self.load or (0 < entry.checkpoint <= checkpoint)]
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.writelines(kept)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except OSError as error:
            raise local_error(error, self.path) from None

    def kept(self, checkpoint: int) -> list[Reject]:
        """This load's rejects of one checkpoint that are in the file."""
        if not self.path.exists():
            return []
        return [line.reject for line in read_rejects(self.path) if line.load == self.load and line.checkpoint == checkpoint]

    def append(self, rejects: Iterable[Reject], checkpoint: int) -> None:
        """Add lines; when it returns they survive a crash. `checkpoint` 0 marks those of a run that is given up."""
        text = "".join(_line(r, self.connector, self.load, checkpoint) for r in rejects)
        if not text:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise local_error(error, self.path) from None


def _line(reject: Reject, connector: str, load: str, checkpoint: int) -> str:
    import hashlib

    value = {
        "reject": VERSION,
        "connector": connector,
        "load": load,
        "checkpoint": checkpoint,
        "stream": reject.stream,
        "code": reject.code,
        "reason": redact(reject.reason),
        "field": reject.field,
        "place": reject.place,
        "offset": reject.offset,
        "line": reject.line,
        "raw_form": reject.raw_form,
        "raw_length": len(reject.raw) if reject.raw_length is None else reject.raw_length,
        "raw_sha256": hashlib.sha256(reject.raw).hexdigest() if reject.raw_sha256 is None else reject.raw_sha256,
        # For the eye; `raw` is what counts.
        "text": _text(reject),
        "raw": base64.b64encode(reject.raw).decode(),
    }
    return json.dumps(value, ensure_ascii=False) + "\n"


def _text(reject: Reject) -> str | None:
    if reject.raw_form == "arrow":
        return None
    raw = reject.raw.partition(b"\n")[2] if reject.raw_form == "csv" else reject.raw  # the header is not what is wrong
    return raw[:200].decode("utf-8", "backslashreplace")


def read_rejects(path: Path) -> Iterator[RejectLine]:
    """The lines of a reject file in order. Raises ConfigError naming the line that is not one; a torn last line is left out."""
    for _, entry in _lines(path):
        yield entry


def _lines(path: Path) -> Iterator[tuple[str, RejectLine]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith("\n"):
                    return  # a crash cut it; its checkpoint never came, so its record is read again
                try:
                    value = json.loads(line)
                    if value["reject"] != VERSION:
                        raise ValueError
                    yield line, _entry(value)
                except (ValueError, KeyError, TypeError):
                    raise ConfigError(f"{path}, line {number}: not a reject of this version") from None
    except FileNotFoundError:
        raise ConfigError(f"there is no reject file {path}") from None
    except OSError as error:
        raise local_error(error, path) from None


def _entry(value: dict[str, object]) -> RejectLine:
    names = ("stream", "code", "reason", "field", "place", "offset", "line", "raw_form", "raw_length", "raw_sha256")
    return RejectLine(
        reject=Reject(raw=base64.b64decode(str(value["raw"])), **{name: value[name] for name in names}),  # type: ignore[arg-type]
        connector=str(value["connector"]),
        load=str(value["load"]),
        checkpoint=int(str(value["checkpoint"])),
    )
