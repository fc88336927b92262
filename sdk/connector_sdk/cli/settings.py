"""What a connector's configuration can hold, read off its pydantic model: as a Markdown table, and as a YAML file to fill in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel

from connector_sdk.config import ConnectorConfig

__all__ = ["Setting", "as_markdown", "as_yaml", "settings_of"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One key: its type in words, its default as JSON, and what is below it.

    `many` is true where keys of the user's choosing come between this key and `below` (a mapping or a list of them).
    """

    key: str
    kind: str
    required: bool
    default: Any = None
    doc: str = ""
    example: Any = None
    secret: bool = False
    many: str = ""
    below: tuple[Setting, ...] = ()


def settings_of(model: type[BaseModel]) -> tuple[Setting, ...]:
    """The settings of `model`, in its order; what every connector has comes last."""
    schema = model.model_json_schema()
    found = _properties(schema, schema.get("$defs", {}))
    return tuple(sorted(found, key=lambda setting: setting.key in ConnectorConfig.model_fields))


def _properties(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Setting]:
    required = set(schema.get("required", ()))
    for key, raw in schema.get("properties", {}).items():
        choices, optional = _choices(raw, definitions)
        main = choices[0] if choices else {}
        many, inner = "", main
        if isinstance(main.get("additionalProperties"), Mapping):
            many, inner = "name", _choices(main["additionalProperties"], definitions)[0][0]
        elif main.get("type") == "array" and isinstance(main.get("items"), Mapping):
            found = _choices(main["items"], definitions)[0]
            many, inner = ("-", found[0]) if found and "properties" in found[0] else ("", main)
        examples = raw.get("examples") or main.get("examples") or [None]
        yield Setting(
            key=key,
            kind=" or ".join(dict.fromkeys(_kind(c, definitions) for c in choices)) + (", optional" if optional else ""),
            required=key in required,
            default=raw.get("default"),
            doc=" ".join(str(raw.get("description") or main.get("description") or "").split()),
            example=examples[0],
            secret=any(c.get("format") == "password" for c in choices),
            many=many if "properties" in inner else "",
            below=tuple(_properties(inner, definitions)),
        )


def _choices(raw: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], bool]:
    """The alternatives of a schema with references followed, and whether null is one of them."""
    if "$ref" in raw:
        return _choices(definitions[raw["$ref"].rpartition("/")[2]], definitions)
    nested = raw.get("anyOf") or raw.get("oneOf") or raw.get("allOf")
    if not nested:
        return ([], True) if raw.get("type") == "null" else ([raw], False)
    found: list[Mapping[str, Any]] = []
    optional = False
    for one in nested:
        inner, null = _choices(one, definitions)
        found += inner
        optional |= null
    return found, optional


WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def _kind(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = schema.get("type")
    if schema.get("format") == "password":
        return "secret"
    if schema.get("format") in ("path", "file-path", "directory-path"):
        return "path"
    if kind == "array":
        inner = _choices(schema["items"], definitions)[0] if schema.get("items") else []
        return "list" + (f" of {_kind(inner[0], definitions)}" if inner and "properties" not in inner[0] else "")
    if kind == "object":
        return "keys" if "properties" in schema else "keys and values"
    low, high = (schema.get(k, schema.get(f"exclusive{k.capitalize()}")) for k in ("minimum", "maximum"))
    bounds = f" {'' if low is None else low}…{'' if high is None else high}" if (low, high) != (None, None) else ""
    return WORDS.get(str(kind), "any") + bounds


def as_markdown(settings: tuple[Setting, ...]) -> str:
    """A table: key, type, default, meaning; keys below others are written with dots."""
    rows = ["| key | type | default | what it is |", "|---|---|---|---|"]
    for path, setting in _walk(settings):
        default = "**required**" if setting.required else _cell(setting)
        cells = [f"`{path}`", setting.kind, default, setting.doc]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def _walk(settings: tuple[Setting, ...], prefix: str = "") -> Iterator[tuple[str, Setting]]:
    for setting in settings:
        path = prefix + setting.key
        yield path, setting
        between = {"": ".", "name": ".<name>.", "-": "[]."}[setting.many]
        yield from _walk(setting.below, path + between)


def _cell(setting: Setting) -> str:
    if setting.default is None or setting.below or setting.default in ({}, []):
        return ""
    return f"`{json.dumps(setting.default, ensure_ascii=False)}`"


def as_yaml(settings: tuple[Setting, ...], name: str, doc: str = "") -> str:
    """A commented configuration: required keys to be filled in, every other one behind a ``#`` with its default.

    Lines with ``##`` explain; taking one ``#`` away from a setting makes it count.
    """
    slug = name.rpartition(":")[2]
    head = [f"## Configuration of the connector {name}." + (f" {doc}" if doc else "")]
    head.append(f"## Try it with: connector check {name} -c {slug}.yaml")
    head.append("## Keys without a # in front are to be filled in; the others show their defaults.")
    prefix = slug.upper().replace("-", "_")
    for setting in sorted(settings, key=lambda setting: not setting.required):
        head.append("")
        head += [
            f"# {line}" if not live and not line.startswith("##") else line
            for live, line in _lines(setting, prefix, "", live=True)
        ]
    return "\n".join(head) + "\n"


def _lines(setting: Setting, prefix: str, indent: str, *, live: bool) -> Iterator[tuple[bool, str]]:
    """A setting's lines as they are when they all count, each with whether it does."""
    live = live and setting.required
    env = f"{prefix}_{setting.key.upper()}"
    about = filter(None, [setting.doc, setting.kind + (", required" if setting.required else "")])
    yield live, f"{indent}## {'; '.join(about)}"
    if setting.secret:
        yield live, f"{indent}{setting.key}: env:{env}"
    elif setting.below and setting.example is None:
        yield live, f"{indent}{setting.key}:"
        deeper = indent + "  "
        if setting.many == "name":
            yield live, f"{deeper}name:"
            deeper += "  "
        first = setting.many == "-"
        for below in setting.below:
            for counts, line in _lines(below, env, deeper, live=live):
                if first and not line.lstrip().startswith("##"):
                    line, first = line.replace(deeper, f"{indent}- ", 1), False
                yield counts, line
    else:
        value = setting.example if setting.example is not None else setting.default
        yield from ((live, indent + line) for line in _value(setting.key, value, setting.required))


def _value(key: str, value: Any, required: bool) -> list[str]:
    if value is None and required:
        return [f"{key}:"]
    text = yaml.safe_dump({key: value}, allow_unicode=True, sort_keys=False, default_flow_style=False, width=1000)
    return text.rstrip("\n").split("\n")
