"""What a generated package knows of its tables, held against what the database has now: the same, or a SchemaDriftError."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

import pyarrow as pa
from connector_sdk.errors import SchemaDriftError
from connector_sdk.schema import Stream, default_of, with_default
from connector_sdk.types import to_text

from connector_odbc.config import OdbcConfig

__all__ = ["held", "in_their_schemas"]


def held(generated: Mapping[str, Stream], found: Iterable[Stream], keyed: Collection[str] = ()) -> Iterator[Stream]:
    """`found` with the schemas of `generated`; columns that are new since then are left out.

    Keys of the streams in `keyed` come from the configuration and are not compared. Raises SchemaDriftError naming the fields
    that are gone, of another type, or null where they could not be, and key columns that are others.
    """
    for stream in found:
        was = generated.get(stream.name)
        yield stream if was is None else _held(was, stream, keys=stream.name not in keyed)


def in_their_schemas(config: OdbcConfig, generated: Mapping[str, Stream]) -> OdbcConfig:
    """`config`, which looks where the tables of `generated` are called to be, unless it says itself where to look."""
    called = {stream.namespace for name, stream in generated.items() if name.startswith(f"{stream.namespace}.")}
    if config.schemas or not called:
        return config
    return config.model_copy(update={"schemas": sorted({stream.namespace or "" for stream in generated.values()})})


def _held(was: Stream, now: Stream, *, keys: bool) -> Stream:
    there = {field.name: field for field in now.schema}
    said = {field.name: what for field in was.schema if (what := _drift(field, there.get(field.name))) is not None}
    if keys and was.keys != now.keys:
        for name in (*was.keys, *now.keys):
            said.setdefault(name, f"the key was {', '.join(was.keys) or 'none'} and is {', '.join(now.keys) or 'none'}")
    if said:
        raise SchemaDriftError(
            f"{now.name} is not what this package was generated from: {'; '.join(dict.fromkeys(said.values()))}",
            fields=tuple(said),
            hint="`connector generate … --refresh` makes it anew, `connector diff` says what that breaks",
            stream=now.name,
        )
    # What the database fills in is no matter of the rows that are read, and is as it is now.
    fields = [with_default(field, default_of(there[field.name])) for field in was.schema]
    return replace(now, schema=pa.schema(fields).with_metadata(was.schema.metadata))


def _drift(was: pa.Field[pa.DataType], now: pa.Field[pa.DataType] | None) -> str | None:
    if now is None:
        return f"{was.name} is gone"
    if was.type != now.type:
        return f"{was.name} was {to_text(was.type)} and is {to_text(now.type)}"
    return f"{was.name} can be null now" if now.nullable and not was.nullable else None
