"""A stream's name bound to the files that are it and to the layout they are written in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import FixedWidth, Layout, layout_from
from connector_sdk.runtime.folder import Entry

from connector_sftp.config import SftpConfig, StreamConfig
from connector_sftp.patterns import Pattern

__all__ = ["Binding", "bind", "found_bindings", "free_binding", "keyed"]

_DELIMITED = re.compile(r"([^./][^/]*?)\.(?:csv|tsv|tab|psv|txt)(?:\.(?:gz|bz2|zst|xz))?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Binding:
    """One stream: `layout` is None when it is to be inferred from the first file.

    Streams of one `group` are different records of the same files, and are read together.
    """

    name: str
    group: str
    settings: StreamConfig
    layout: Layout | None

    @property
    def pattern(self) -> Pattern:
        return Pattern(self.settings.files)


def bind(config: SftpConfig, layouts: Mapping[str, Layout], files: Mapping[str, str]) -> dict[str, Binding]:
    """The streams that `config` names, and those of `layouts`: the pattern in `files`, unless `config` says otherwise.

    A layout with several types of rows is as many streams, called ``<name>.<record>``. Raises ConfigError for a layout file that
    is missing or wrong.
    """
    settings = {name: StreamConfig(files=files.get(name, f"{name}*.csv")) for name in layouts} | dict(config.streams)
    return {b.name: b for name, s in settings.items() for b in _bindings(name, s, _layout(name, s, layouts.get(name)))}


def keyed(layout: Layout, name: str, settings: StreamConfig) -> Layout:
    """`layout` with the keys that `settings` of the stream `name` give it. Raises ConfigError for fields that are not there."""
    if settings.keys is None:
        return layout
    form, where = layout.form, f"streams.{name}.keys"
    records = [each for each in form.rows if form.record in (None, each.name)] if isinstance(form, FixedWidth) else []
    if len(records) > 1:
        raise ConfigError(
            f"{where}: the layout has {len(records)} types of rows",
            hint="give each of its records `keys` in the layout",
            stream=name,
        )
    names = tuple(field.name for field in records[0].fields) if records else layout.names
    unknown = [key for key in settings.keys if key not in names]
    if unknown:
        raise ConfigError(
            f"{where}: the layout has no field {', '.join(map(repr, unknown))}", hint=f"it has {', '.join(names)}", stream=name
        )
    if not records:
        return replace(layout, keys=settings.keys)
    assert isinstance(form, FixedWidth)
    own = tuple(replace(each, keys=settings.keys) if each is records[0] else each for each in form.records)
    return replace(layout, form=replace(form, records=own), fields=(), keys=())


def _bindings(name: str, settings: StreamConfig, layout: Layout | None) -> Iterator[Binding]:
    if layout is None or layout.fields:
        yield Binding(name=name, group=name, settings=settings, layout=layout)
        return
    for stream in replace(layout, name=name).streams:
        yield Binding(name=stream.name, group=name, settings=settings, layout=stream)


def free_binding(name: str) -> Binding:
    """What a stream is bound to that is written to and that nobody has configured: ``<name>-*.csv``."""
    if not name or set(name) & set("/\\*?[]{}\0") or name.startswith("."):
        raise ConfigError(f"the stream name {name!r} cannot be part of a file name", hint=f"give it `files` under streams.{name}")
    return Binding(name=name, group=name, settings=StreamConfig(files=f"{name}-*.csv"), layout=None)


def found_bindings(entries: Iterable[Entry]) -> dict[str, Binding]:
    """A stream for each delimited file among `entries`, when nobody has configured any: ``runways.csv`` is ``runways``."""
    found: dict[str, Binding] = {}
    for entry in sorted(entries, key=lambda entry: entry.name):
        match = _DELIMITED.fullmatch(entry.name)
        if match is not None and match[1] not in found:
            files = re.sub(r"[*?\[]", lambda wild: f"[{wild[0]}]", entry.name)
            found[match[1]] = Binding(name=match[1], group=match[1], settings=StreamConfig(files=files), layout=None)
    return found


def _layout(name: str, settings: StreamConfig, given: Layout | None) -> Layout | None:
    found = _told(name, settings, given)
    return None if found is None else keyed(found, name, settings)


def _told(name: str, settings: StreamConfig, given: Layout | None) -> Layout | None:
    match settings.layout:
        case None:
            return given
        case str(path):
            try:
                text = Path(path).expanduser().read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
                raise ConfigError(f"streams.{name}.layout: {path}: {reason}", stream=name) from None
            return Layout.from_yaml(text, path)
        case settings_of_layout:
            return layout_from({"name": name, **settings_of_layout}, f"streams.{name}.layout")
