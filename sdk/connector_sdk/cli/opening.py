"""From the words on a command line to a session with a connector and its streams."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from connector_sdk import plugins
from connector_sdk.cli.messages import Voice
from connector_sdk.config import LiteralSecretWarning, read_settings
from connector_sdk.errors import ConfigError
from connector_sdk.runtime.session import Session
from connector_sdk.runtime.telemetry import Event, Retrying
from connector_sdk.schema import Mode, Stream

__all__ = ["choose", "did_you_mean", "find", "session", "split_columns"]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint: the nearest of `known`, or all of them when none is near."""
    names = list(known)
    near = difflib.get_close_matches(word, names, 3, 0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f"there is {shown}" if names else "there is none"


def find(name: str) -> Any:
    """The connector class called `name`. For ``module:Class``, modules of the current folder are found too."""
    here = str(Path.cwd())
    if ":" in name and here not in sys.path:
        sys.path.insert(0, here)
    return plugins.find(name)


def session(name: str, config: Path | None, voice: Voice, *, confirm: bool = False) -> Session:
    """A session with the connector `name` and the configuration in `config`, not opened yet; `confirm` lifts its brake.

    Raises ConfigError that names file and key. A literal secret is warned of once, and not shown.
    """
    found = find(name)
    settings = {} if config is None else read_settings(config)
    where = f"configuration of {name} (no -c FILE given)" if config is None else str(config)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = plugins.make(found, settings, where)
    for warning in caught:
        if issubclass(warning.category, LiteralSecretWarning):
            voice.warn(f"{where}: {warning.message}")

    def patience(event: Event) -> None:
        if isinstance(event, Retrying):
            voice.note(f"{event.reason}; try {event.attempt} in {event.wait:.1f} s")

    return Session(made, name, confirm=confirm, listener=patience)


def choose(opened: Session, wanted: Sequence[str], everything: bool = False, mode: Mode | None = None) -> tuple[Stream, ...]:
    """The streams named `wanted`; with `everything` all that can be read as `mode`; else the only one there is."""
    if wanted:
        if everything:
            raise ConfigError("-s and --all together", hint="name the streams, or take all")
        return tuple(opened.discover(list(dict.fromkeys(wanted))))
    found = opened.discover()
    if not found:
        raise ConfigError(f"{opened.name} has no stream", hint="the configuration says where it looks")
    if everything:
        chosen = tuple(stream for stream in found if mode is None or mode in stream.reads)
        if not chosen:
            raise ConfigError(f"no stream of {opened.name} offers {mode} reads", hint="connector discover shows what each can do")
        return chosen
    if len(found) > 1:
        names = ", ".join(stream.name for stream in found[:20]) + (", …" if len(found) > 20 else "")
        raise ConfigError(f"which of the {len(found)} streams of {opened.name}?", hint=f"-s NAME, or --all: {names}")
    return tuple(found)


def split_columns(text: str | None) -> tuple[str, ...]:
    """``a,b`` as names."""
    return tuple(dict.fromkeys(filter(None, (word.strip() for word in (text or "").split(",")))))
