"""A layout as plain values, and as the YAML text that people review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import yaml

from connector_sdk import types
from connector_sdk.formats.layout.field import Field
from connector_sdk.formats.layout.fixed_width import Check, FixedWidth, Record
from connector_sdk.formats.layout.forms import FORMS, VERSION
from connector_sdk.formats.layout.place import Place
from connector_sdk.formats.layout.when import When

if TYPE_CHECKING:
    from connector_sdk.formats.layout.layout import Layout

__all__ = ["settings_of", "to_yaml"]


def to_yaml(layout: Layout) -> str:
    """`layout` as a text that reads back equal."""
    dumper: Any = _Dumper
    return yaml.dump(settings_of(layout, evidence=True), Dumper=dumper, allow_unicode=True, sort_keys=False, width=120)


def settings_of(layout: Layout, *, evidence: bool) -> dict[str, object]:
    """The layout as plain values; what has its default is left out, save the dialect, which a reviewer wants to see."""
    form = next(word for word, kind in FORMS.items() if isinstance(layout.form, kind))
    found: dict[str, object] = {"layout": VERSION, "name": layout.name, "format": form, "encoding": layout.encoding}
    if layout.doc is not None and evidence:
        found["doc"] = layout.doc
    for field in fields(layout.form):
        value = getattr(layout.form, field.name)
        if field.name != "records" and (value is not None or field.name in _SHOWN) and (value or field.name not in _RARE):
            found[field.name] = bool(value) if field.name == "header" and value < 2 else value
    if isinstance(layout.form, FixedWidth) and layout.form.records:
        found["records"] = [_record_settings(record, evidence=evidence) for record in layout.form.records]
        return found
    if layout.keys:
        found["keys"] = list(layout.keys)
    found["fields"] = [_field_settings(field, evidence=evidence) for field in layout.fields]
    return found


def _field_settings(field: Field, *, evidence: bool) -> dict[str, object]:
    place = field.place
    found: dict[str, object] = {"name": field.name}
    if place is not None:
        found |= {"start": place.start, "length": place.length}
    found["type"] = types.to_text(field.type)
    for known in fields(Field):
        value = getattr(field, known.name)
        if known.name in found or value == known.default or (known.name in ("evidence", "doc") and not evidence):
            continue
        if isinstance(value, Place):
            found |= _differing(value, leaving_out=("start", "length"))
        else:
            found[known.name] = list(value) if isinstance(value, tuple) else value
    return found if place is None else _Line(found)


def _record_settings(record: Record, *, evidence: bool) -> dict[str, object]:
    found: dict[str, object] = {
        "name": record.name,
        **_differing(record, leaving_out=("name", "fields", "when", "checks", "doc")),
    }
    if record.doc is not None and evidence:
        found["doc"] = record.doc
    if record.when is not None:
        found["when"] = _Line(_differing(record.when))
    if record.checks:
        found["checks"] = [_Line(_differing(check)) for check in record.checks]
    found["fields"] = [_field_settings(field, evidence=evidence) for field in record.fields]
    return found


def _differing(value: Place | Record | When | Check, leaving_out: Sequence[str] = ()) -> dict[str, object]:
    """What of a dataclass has not its default, as plain values."""
    found = {each.name: getattr(value, each.name) for each in fields(value) if each.name not in leaving_out}
    defaults = {each.name: each.default for each in fields(value)}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in found.items() if v != defaults[name]}


_SHOWN = ("quote", "escape")
"""That there is none is worth a line."""
_RARE = ("footer",)
"""That there is none is not, as a rule."""


class _Line(dict[str, object]):
    """A mapping that stays on its line, as a layout table's row does."""


class _Dumper(yaml.SafeDumper):
    """Lists of words stay on their line; lists of fields do not."""

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        words = all(isinstance(item, str) for item in sequence)
        return super().represent_sequence(tag, sequence, flow_style=words or flow_style)

    def ignore_aliases(self, _data: object) -> bool:
        return True


_Dumper.add_representer(_Line, lambda dumper, line: dumper.represent_mapping("tag:yaml.org,2002:map", line, flow_style=True))
