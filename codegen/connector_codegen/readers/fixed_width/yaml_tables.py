"""The rows of a layout table in YAML, as the text that stands there: ``on`` is a name, and ``010`` is ten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml
from connector_sdk.errors import ConfigError

__all__ = ["mappings_in"]


def mappings_in(path: Path) -> tuple[Iterator[tuple[int, Mapping[str, str]]], Mapping[str, str]]:
    """The rows with their lines, and what the table says beside them.

    Raises ConfigError for what is no YAML; the iterator does for a row that is none, or has something else than words.
    """
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ConfigError(f"is no YAML: {' '.join(str(error).split())}") from None
    about: dict[str, str] = {}
    if isinstance(node, yaml.MappingNode):
        beside = _plain(node)
        about = {key: _text(value) for key, value in beside.items() if isinstance(value, yaml.ScalarNode)}
        node = beside.get("fields", beside.get("rows"))
    return _rows(node.value if isinstance(node, yaml.SequenceNode) else []), about


def _rows(nodes: Sequence[yaml.Node]) -> Iterator[tuple[int, Mapping[str, str]]]:
    for node in nodes:
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError(f"line {line}: the keys and values of a field were expected")
        yield line, {key: _text(value) for key, value in _plain(node).items()}


def _plain(node: yaml.MappingNode) -> Mapping[str, yaml.Node]:
    seen: set[str] = set()
    for key, _ in node.value:
        if str(key.value) in seen:
            raise ConfigError(f"line {key.start_mark.line + 1}: the key {key.value!r} is there twice")
        seen.add(str(key.value))
    try:
        yaml.constructor.SafeConstructor().flatten_mapping(node)  # what `<<` brings in comes first: the mapping's own keys count
    except yaml.YAMLError as error:
        raise ConfigError(f"line {node.start_mark.line + 1}: {getattr(error, 'problem', None) or error}") from None
    return {str(key.value): value for key, value in node.value}


def _text(node: yaml.Node) -> str:
    """A word or number as it is written; of several words all, with blanks between them."""
    if isinstance(node, yaml.SequenceNode) and all(isinstance(each, yaml.ScalarNode) for each in node.value):
        return " ".join(map(_text, node.value))
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigError(f"line {node.start_mark.line + 1}: a word or a number was expected")
    return "" if node.tag.endswith(":null") else str(node.value).strip()
