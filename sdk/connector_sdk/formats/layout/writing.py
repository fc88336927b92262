"""A layout as plain values, and as the YAML text that people review."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import yaml

from connector_sdk import types
from connector_sdk.formats.layout.field import Field
from connector_sdk.formats.layout.forms import FORMS, VERSION

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
        found[field.name] = getattr(layout.form, field.name)
    if layout.keys:
        found["keys"] = list(layout.keys)
    found["fields"] = [_field_settings(field, evidence=evidence) for field in layout.fields]
    return found


def _field_settings(field: Field, *, evidence: bool) -> dict[str, object]:
    found: dict[str, object] = {"name": field.name, "type": types.to_text(field.type)}
    for known in fields(Field):
        value = getattr(field, known.name)
        if known.name in found or value == known.default or (known.name in ("evidence", "doc") and not evidence):
            continue
        found[known.name] = list(value) if isinstance(value, tuple) else value
    return found


class _Dumper(yaml.SafeDumper):
    """Lists of words stay on their line; lists of fields do not."""

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        words = all(isinstance(item, str) for item in sequence)
        return super().represent_sequence(tag, sequence, flow_style=words or flow_style)

    def ignore_aliases(self, _data: object) -> bool:
        return True
