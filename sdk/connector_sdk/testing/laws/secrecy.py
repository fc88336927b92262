"""Law 9: no secret in any log line, exception, repr, pickle, state or written file, whether it is right, wrong or literal."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import pickle
import secrets as random_secrets
import tempfile
import traceback
import types
import typing
import urllib.parse
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from connector_sdk import plugins
from connector_sdk.config import Secret, config_model
from connector_sdk.contract import Sink, Source
from connector_sdk.errors import ConnectorError, LawBrokenError
from connector_sdk.runtime import telemetry
from connector_sdk.runtime.engine import Job, run
from connector_sdk.runtime.retry import Retry
from connector_sdk.runtime.state_store import FileStore
from connector_sdk.schema import Mode, WriteMode
from connector_sdk.testing.laws.subject import NotOffered, Stage, Subject, kit_target, require

__all__ = ["no_secret_told", "secret_paths"]

VARIABLE = "CONNECTOR_LAW_9"


def no_secret_told(subject: Subject) -> str:
    """Law 9."""
    paths = secret_paths(config_model(subject.connector))
    if not paths:
        raise NotOffered("the configuration has no secrets")
    tried = 0
    for path in paths:
        with subject.stage() as stage:
            given = _get(stage.settings, path)
            for settings, values in _plantings(stage, path, given):
                places = _Places(values)
                with places.watching():
                    _use(stage, settings, places, live=subject.config is not None)
                places.judge(".".join(path))
                tried += 1
    return f"{', '.join('.'.join(path) for path in paths)}: {tried} ways of giving them, nowhere told"


def secret_paths(model: type[BaseModel], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Where in a config model secrets stand, as paths of keys; models in models are looked into."""
    found: list[tuple[str, ...]] = []
    for name, info in model.model_fields.items():
        for kind in _kinds(info.annotation):
            if kind is Secret:
                found.append((*above, name))
            elif isinstance(kind, type) and issubclass(kind, BaseModel) and len(above) < 5:
                found += secret_paths(kind, (*above, name))
    return found


def _kinds(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _kinds(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [kind for part in typing.get_args(annotation) for kind in _kinds(part)]
    return [annotation]


def _plantings(stage: Stage, path: tuple[str, ...], given: Any) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Configurations that give the secret at `path`, each with the values that must not be told."""
    right = None
    if isinstance(given, str):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            right = Secret(given).reveal()
        yield _put(stage.settings, path, given), [right]
        yield _put(stage.settings, path, right), [right]
    if stage.simulator is None:
        return  # wrong passwords lock accounts
    wrong = f"Canary-{random_secrets.token_hex(8)}/+&'\""
    os.environ[VARIABLE] = wrong
    try:
        yield _put(stage.settings, path, f"env:{VARIABLE}"), [wrong, *([right] if right else [])]
    finally:
        del os.environ[VARIABLE]
    yield _put(stage.settings, path, wrong), [wrong, *([right] if right else [])]


def _get(settings: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = settings
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _put(settings: Mapping[str, Any], path: tuple[str, ...], value: object) -> dict[str, Any]:
    first, *rest = path
    inner = settings.get(first)
    nested = _put(inner if isinstance(inner, Mapping) else {}, tuple(rest), value) if rest else value
    return {**settings, first: nested}


class _Places:
    """Everything that was told while the connector was at work, and where."""

    def __init__(self, values: Sequence[str]) -> None:
        self.values = values
        self.told: list[tuple[str, bytes]] = []

    def add(self, where: str, text: str | bytes) -> None:
        self.told.append((where, text.encode(errors="replace") if isinstance(text, str) else text))

    def error(self, error: BaseException) -> None:
        """An exception as a log would show it, as a debugger would, and as another process would get it."""
        self.add(f"the text of {type(error).__name__}", f"{error!s} {error!r}")
        self.add(f"the traceback of {type(error).__name__}", "".join(traceback.format_exception(error)))
        try:
            self.add(f"the pickle of {type(error).__name__}", pickle.dumps(error))
        except Exception as unpicklable:
            self.add("an exception that does not pickle", repr(unpicklable))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Collect all logging from DEBUG on, warnings, and what is written to stdout and stderr."""
        log = _LogLines(self)
        root = logging.getLogger()
        level, loggers = root.level, [x for x in logging.root.manager.loggerDict.values() if isinstance(x, logging.Logger)]
        levels = [(logger, logger.level) for logger in loggers]
        out, err = io.StringIO(), io.StringIO()
        root.addHandler(log)
        root.setLevel(logging.DEBUG)
        for logger in loggers:
            if logger.level:
                logger.setLevel(logging.DEBUG)
        try:
            with warnings.catch_warnings(record=True) as caught, redirect_stdout(out), redirect_stderr(err):
                warnings.simplefilter("always")
                yield
            for warning in caught:
                self.add("a warning", str(warning.message))
        finally:
            root.removeHandler(log)
            root.setLevel(level)
            for logger, before in levels:
                logger.setLevel(before)
            self.add("stdout", out.getvalue())
            self.add("stderr", err.getvalue())

    def judge(self, key: str) -> None:
        """Raises LawBrokenError that names the first place where a secret was told, in any of its usual disguises."""
        for value in self.values:
            if len(value) < 6:
                continue  # a word that is found everywhere
            plain = value.encode()
            forms = {
                "": plain,
                ", escaped": repr(value)[1:-1].encode(),
                ", as JSON": json.dumps(value)[1:-1].encode(),
                ", in base64": base64.b64encode(plain).rstrip(b"=")[:-1],
                ", percent-encoded": urllib.parse.quote(value, safe="").encode(),
                ", in hexadecimal": plain.hex().encode(),
            }
            for where, text in self.told:
                for how, form in forms.items():
                    require(form not in text, f"the secret {key!r} is told in {where}{how}")


class _LogLines(logging.Handler):
    def __init__(self, places: _Places) -> None:
        super().__init__(logging.DEBUG)
        self._places = places

    def emit(self, record: logging.LogRecord) -> None:
        text = logging.Formatter().format(record)
        self._places.add(f"a log line of {record.name!r}, level {record.levelname}", text)


def _use(stage: Stage, settings: Mapping[str, object], places: _Places, *, live: bool) -> None:
    """Do with the connector what people do, errors included, and collect everything it tells."""
    try:
        connector = plugins.make(stage.connector, settings)
    except ConnectorError as error:
        places.error(error)
        return
    places.add("its repr", f"{connector!r} {connector!s} {getattr(connector, 'config', '')!r}")
    try:
        places.add("its pickle", pickle.dumps(connector))
    except Exception as error:  # a literal refuses, and must not tell itself in refusing
        places.error(error)
    try:
        with tempfile.TemporaryDirectory(prefix="connector-law9-") as folder, connector:
            places.add("its repr when open", repr(connector))
            connector.check()
            streams = stage.streams(connector)
            places.add("its streams", repr(streams) + json.dumps([stream.to_json() for stream in streams]))
            if isinstance(connector, Sink) and not live:
                for stream in streams:
                    places.add("its steps", repr(connector.alter(stream, stream, dry_run=True)))
            if isinstance(connector, Source):
                _run(connector, streams, Path(folder), places)
            for file in Path(folder).rglob("*"):
                if file.is_file():
                    places.add(f"the written file {file.name}", file.read_bytes())
    except LawBrokenError:
        raise
    except ConnectorError as error:
        places.error(error)
    except Exception as error:
        places.error(error)
        raise


def _run(connector: Any, streams: Sequence[Any], folder: Path, places: _Places) -> None:
    mode = next((mode for mode in Mode if any(mode in stream.reads for stream in streams)), None)
    if mode is None:
        return
    write = WriteMode.APPLY if mode is Mode.CHANGES else WriteMode.APPEND
    with kit_target() as (_, sink), FileStore(folder / "state.json", type(connector).__name__) as store:
        job = Job(
            source=connector,
            sink=sink,
            streams=tuple(stream for stream in streams if mode in stream.reads),
            mode=mode,
            write=write,
            store=store,
            rejects=folder / "rejects.jsonl",
            max_rejects=None,
            retry=Retry(attempts=2, first=0.05),
            listener=lambda event: places.add("a telemetry event", repr(event) + json.dumps(telemetry.to_json(event))),
        )
        places.add("its result", repr(run(job)))
