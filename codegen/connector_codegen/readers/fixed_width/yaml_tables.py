"""The rows of a layout table in YAML, as the text that stands there: ``on`` is a name, and ``010`` is ten."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from connector_sdk.errors import ConfigError

__all__ = ["mappings_in"]


def mappings_in(path: Path) -> tuple[list[tuple[int, Mapping[str, str]]], Mapping[str, str]]:
    """The rows with their lines, and what the table says beside them. Raises ConfigError for what is no YAML, or no text."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        about: dict[str, str] = {}
        if isinstance(node, yaml.MappingNode):
            beside = _plain(node)
            about = {key: _text(value) for key, value in beside.items() if isinstance(value, yaml.ScalarNode)}
            node = beside.get("fields", beside.get("rows"))
        if not isinstance(node, yaml.SequenceNode):
            return [], about
        rows = [(each.start_mark.line + 1, _plain(each)) for each in node.value if isinstance(each, yaml.MappingNode)]
        return [(line, {key: _text(value) for key, value in row.items()}) for line, row in rows], about
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ConfigError(f"is no YAML: {' '.join(str(error).split())}") from None


def _plain(node: yaml.MappingNode) -> Mapping[str, yaml.Node]:
    seen: set[str] = set()
    for key, _ in node.value:
        if str(key.value) in seen:
            raise ConfigError(f"line {key.start_mark.line + 1}: the key {key.value!r} is there twice")
        seen.add(str(key.value))
    yaml.constructor.SafeConstructor().flatten_mapping(node)  # what `<<` brings in comes first: the mapping's own keys count
    return {str(key.value): value for key, value in node.value}


def _text(node: yaml.Node) -> str:
    """A word or number as it is written; of several words all, with blanks between them."""
    if isinstance(node, yaml.SequenceNode) and all(isinstance(each, yaml.ScalarNode) for each in node.value):
        return " ".join(map(_text, node.value))
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigError(f"line {node.start_mark.line + 1}: a word or a number was expected")
    return "" if node.tag.endswith(":null") else str(node.value).strip()
