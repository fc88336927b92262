"""From words on a command line to a connector and its streams, with what was probably meant when a word is wrong."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from connector_sdk import plugins
from connector_sdk.cli.messages import Voice
from connector_sdk.config import LiteralSecretWarning, read_settings
from connector_sdk.contract import Caller, Connector, Sink, Source
from connector_sdk.errors import ConfigError
from connector_sdk.schema import Mode, Stream

__all__ = ["caller", "choose", "connector", "did_you_mean", "fields", "sink", "source"]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint: the nearest of `known`, or all of them when none is near."""
    names = list(known)
    near = difflib.get_close_matches(word, names, 3, 0.6)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f"there is {shown}" if names else "there is none"


def connector(name: str, config: Path | None, voice: Voice) -> Connector:
    """The connector `name` with the configuration in `config`, not opened yet. A literal secret in it is warned of once."""
    found = plugins.find(name)
    settings = {} if config is None else read_settings(config)
    where = f"configuration of {name} (no -c FILE given)" if config is None else str(config)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = plugins.make(found, settings, where)
    for warning in caught:
        if issubclass(warning.category, LiteralSecretWarning):
            voice.warn(f"{where}: {warning.message}")
    return made


def source(name: str, config: Path | None, voice: Voice) -> Source:
    """As :func:`connector`. Raises ConfigError when it cannot be read from."""
    made: Any = connector(name, config, voice)
    if not isinstance(made, Source):
        raise ConfigError(f"the connector {name} cannot be read from", hint="it has no plan and read")
    return made


def sink(name: str, config: Path | None, voice: Voice) -> Sink:
    """As :func:`connector`. Raises ConfigError when it cannot be written to."""
    made: Any = connector(name, config, voice)
    if not isinstance(made, Sink):
        raise ConfigError(f"the connector {name} cannot be written to", hint="it has no write and commit")
    return made


def caller(name: str, config: Path | None, voice: Voice, what: str) -> Caller:
    """As :func:`connector`. Raises ConfigError that says `what` is not offered when it has no operations."""
    made: Any = connector(name, config, voice)
    if not isinstance(made, Caller):
        raise ConfigError(f"{what} is not offered by the connector {name}", hint="it has no operations")
    return made


def choose(opened: Connector, wanted: Sequence[str], everything: bool = False, mode: Mode | None = None) -> tuple[Stream, ...]:
    """The streams named `wanted`; with `everything` all that can be read as `mode`; else the only one there is."""
    if wanted and everything:
        raise ConfigError("-s and --all together", hint="name the streams, or take all")
    found = {stream.name: stream for stream in opened.discover(list(wanted) or None)}
    for name in wanted:
        if name not in found:
            known = [stream.name for stream in opened.discover()]
            raise ConfigError(f"there is no stream {name!r}", hint=did_you_mean(name, known), stream=name)
    if wanted:
        return tuple(found[name] for name in dict.fromkeys(wanted))
    if not found:
        raise ConfigError("the connector has no stream", hint="connector discover shows what it looked at")
    if everything:
        chosen = tuple(stream for stream in found.values() if mode is None or mode in stream.reads)
        if not chosen:
            raise ConfigError(f"no stream offers {mode} reads", hint="connector discover shows what each can do")
        return chosen
    if len(found) > 1:
        names = ", ".join(list(found)[:20]) + (", …" if len(found) > 20 else "")
        raise ConfigError(f"which of {len(found)} streams?", hint=f"-s NAME, or --all: {names}")
    return tuple(found.values())


def fields(streams: Sequence[Stream], columns: Iterable[str], option: str) -> None:
    """Raise ConfigError, naming `option`, for a column that one of `streams` does not have."""
    for column in columns:
        for stream in streams:
            if column not in stream.schema.names:
                raise ConfigError(
                    f"{option}: stream {stream.name!r} has no field {column!r}",
                    hint=did_you_mean(column, stream.schema.names),
                    stream=stream.name,
                )
