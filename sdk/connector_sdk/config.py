"""How a connector is configured: a pydantic model read from YAML, TOML or JSON, and secrets that are references."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from connector_sdk.errors import MASK, ConfigError, InternalError, redact, remember_secret

__all__ = [
    "MAX_CHANGE",
    "ConnectorConfig",
    "Limits",
    "Secret",
    "config_from",
    "load_config",
    "read_settings",
    "redact",
]

MAX_CHANGE = 0.2
"""The share of a stream's rows that one comparison of full reads may delete and change, unless `max_change` says otherwise."""

Model = TypeVar("Model", bound=BaseModel)


class Secret:
    """A secret by reference: ``env:NAME`` or ``file:PATH``, resolved where it is used and never before.

    A literal is accepted with a warning, never echoed, and refuses to be pickled. Once revealed, the value is masked in every
    error message and log line of this process.
    """

    __slots__ = ("_literal", "reference")

    def __init__(self, value: str) -> None:
        is_reference = value.startswith(("env:", "file:"))
        self.reference: str | None = value if is_reference else None
        self._literal: str | None = None if is_reference else value
        if self._literal is not None:
            remember_secret(self._literal)
            warnings.warn(
                "a secret is written in the configuration itself; write env:NAME or file:PATH instead",
                LiteralSecretWarning,
                stacklevel=2,
            )

    def reveal(self) -> str:
        """The secret itself. Raises ConfigError when the reference leads nowhere. A file's final line end is not part of it."""
        if self._literal is not None:
            return self._literal
        assert self.reference is not None
        kind, _, name = self.reference.partition(":")
        if kind == "env":
            value = os.environ.get(name)
            if value is None:
                raise ConfigError(f"the secret {self.reference} is not set", hint=f"export {name}=…", code="secret")
        else:
            try:
                value = Path(name).expanduser().read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
                raise ConfigError(f"the secret {self.reference} cannot be read: {reason}", code="secret") from None
        if not value:
            raise ConfigError(f"the secret {self.reference} is empty", code="secret")
        remember_secret(value)
        return value

    def __repr__(self) -> str:
        return f"Secret({self})"

    def __str__(self) -> str:
        return self.reference or MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.reference, self._literal) == (other.reference, other._literal)

    def __hash__(self) -> int:
        return hash((self.reference, self._literal))

    def __reduce__(self) -> tuple[object, ...]:
        if self.reference is None:
            raise ConfigError("a literal secret does not travel to another process", hint="write env:NAME or file:PATH instead")
        return Secret, (self.reference,)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def make(value: object) -> Secret:
            if isinstance(value, Secret):
                return value
            if isinstance(value, str) and value:
                return cls(value)
            raise ValueError("a secret is text: env:NAME or file:PATH")

        return core_schema.no_info_plain_validator_function(
            make, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "password", "writeOnly": True, "examples": ["env:NAME", "file:PATH"]}


class LiteralSecretWarning(UserWarning):
    """A configuration holds a secret itself instead of a reference to it."""


class Limits(BaseModel):
    """Courtesy towards fragile systems: what a run may ask of them at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_sessions: Annotated[int, Field(ge=1, le=64, description="connections, and splits read side by side")] = 4
    max_rate: Annotated[float | None, Field(gt=0, description="rows per second, over all splits together")] = None
    quiet_hours: Annotated[
        str | None,
        Field(
            pattern=r"^\d\d:\d\d-\d\d:\d\d$",
            description="local time in which the system is left alone, as 22:00-06:00",
        ),
    ] = None


def _share(value: object) -> object:
    if isinstance(value, str) and value.endswith("%"):
        try:
            return float(value.removesuffix("%")) / 100
        except ValueError:
            raise ValueError("a share is written 20% or 0.2") from None
    return value


class ConnectorConfig(BaseModel):
    """What every connector's configuration has. Subclass it; unknown keys are errors, and instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True)

    limits: Annotated[Limits, Field(description="courtesy towards a fragile system")] = Limits()
    index: Annotated[Path | None, Field(description="folder for what is larger than a state: file ledgers, row hashes")] = None
    max_change: Annotated[
        Annotated[float, Field(ge=0, le=1)] | None,
        BeforeValidator(_share),
        Field(
            description="of the rows that were there, how many (20% or 0.2) may be deleted and changed from one full read to the "
            "next where changes are found by comparing them; null: any number",
        ),
    ] = MAX_CHANGE
    before: Annotated[
        bool, Field(description="where changes are found by comparing full reads: tell the rows as they were; keeps whole rows")
    ] = False


def read_settings(path: Path) -> dict[str, Any]:
    """The mapping in a YAML, TOML or JSON file, told apart by its ending. Raises ConfigError naming file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"there is no file {path}", hint="`connector init NAME` prints one to start from") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder, a configuration file was expected") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    try:
        match path.suffix.lower():
            case ".toml":
                settings: object = tomllib.loads(text)
            case ".json":
                settings = json.loads(text)
            case ".yaml" | ".yml":
                settings = yaml.safe_load(text)
            case ending:
                raise ConfigError(f"{path}: {ending or 'no'} ending", hint="use .yaml, .toml or .json")
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: {getattr(error, 'problem', None) or 'not YAML'}") from None
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise ConfigError(f"{path} holds a {type(settings).__name__}, keys and values were expected")
    return settings


def config_from(model: type[Model], settings: Mapping[str, object], where: str = "configuration") -> Model:
    """`settings` checked against `model`. Raises ConfigError that names every wrong key; values are not echoed."""
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        raise ConfigError(f"{where}: {'; '.join(_explain(model, e) for e in error.errors())}", code="config") from None


def load_config(model: type[Model], path: Path) -> Model:
    """The configuration in the file `path`. Raises ConfigError that names the file and the key."""
    return config_from(model, read_settings(path), str(path))


def _explain(model: type[BaseModel], error: Any) -> str:
    place = ".".join(map(str, error["loc"]))
    match error["type"]:
        case "extra_forbidden":
            known = sorted(model.model_fields) if len(error["loc"]) == 1 else []
            near = difflib.get_close_matches(str(error["loc"][-1]), known, 1)
            if near:
                return f"unknown key {place!r} (did you mean {near[0]}?)"
            return f"unknown key {place!r}" + (f" (known: {', '.join(known)})" if known else "")
        case "missing":
            return f"key {place!r} is missing"
        case _:
            message = error["msg"].removeprefix("Value error, ")
            said = f"{message[0].lower()}{message[1:]}"
            return f"{place}: {said}" if place else said


def config_model(connector: object) -> type[BaseModel]:
    """The config model of a connector class: the annotation of its first parameter. Raises InternalError without one."""
    import inspect
    import typing

    target = connector.__init__ if isinstance(connector, type) else connector  # type: ignore[misc]
    try:
        hints = typing.get_type_hints(target)
    except NameError as error:
        raise InternalError(f"the annotations of {connector!r} do not resolve: {error}") from None
    names = [name for name in inspect.signature(target).parameters if name != "self"]  # type: ignore[arg-type]
    model = hints.get(names[0]) if names else None
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise InternalError(
            f"{connector!r} does not say its config model", hint="annotate it: def __init__(self, config: MyConfig)"
        )
    return model
