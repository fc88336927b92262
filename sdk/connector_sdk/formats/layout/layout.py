"""What a flat file is as a whole: its form, its encoding, and its fields in order."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pyarrow as pa

from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout.delimited import Delimited
from connector_sdk.formats.layout.field import Field, check_names
from connector_sdk.formats.layout.fixed_width import FixedWidth, check_places
from connector_sdk.formats.layout.forms import Form
from connector_sdk.formats.layout.writing import settings_of, to_yaml
from connector_sdk.schema import describe

__all__ = ["Layout", "schema_of"]

_STATEFUL = ("iso2022", "utf_7", "hz", "punycode", "idna", "raw_unicode", "unicode_escape")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A flat file: its name, its encoding (a Python codec), its form, its fields in order, and the keys that identify a row.

    A file with several types of records (`FixedWidth.records`) has no fields of its own; `streams` are the layouts of those of
    its records that are rows, and each of them knows the whole file.
    """

    name: str
    encoding: str = "utf-8"
    form: Form = field(default_factory=Delimited)
    fields: tuple[Field, ...] = ()
    keys: tuple[str, ...] = ()
    doc: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoding", _encoding(self.encoding))
        what = f"layout {self.name!r}"
        form = self.form
        if isinstance(form, FixedWidth) and form.records:
            own = next((record for record in form.records if record.name == form.record), None)
            fields, keys = (own.fields, own.keys) if own is not None else ((), ())
            if self.fields not in ((), fields) or self.keys not in ((), keys):
                raise ConfigError(f"{what} has records: its fields and keys are theirs", code="layout")
            object.__setattr__(self, "fields", fields)
            object.__setattr__(self, "keys", keys)
            return
        check_names(what, self.fields, self.keys)
        if isinstance(form, FixedWidth):
            check_places(what, self.fields, form.length)
        else:
            _check_marks(what, form, self.encoding)

    @property
    def delimited(self) -> Delimited:
        """The form, where it must be delimited text. Raises ConfigError for another."""
        if not isinstance(self.form, Delimited):
            raise ConfigError(f"layout {self.name!r} is not of delimited text", code="layout")
        return self.form

    @property
    def fixed_width(self) -> FixedWidth:
        """The form, where it must be fixed width. Raises ConfigError for another."""
        if not isinstance(self.form, FixedWidth):
            raise ConfigError(f"layout {self.name!r} is not of fixed width", code="layout")
        return self.form

    @property
    def streams(self) -> tuple[Layout, ...]:
        """The layout of each stream: itself, or one for each record with rows. A single one is called as the file."""
        if self.fields:
            return (self,)
        rows = self.fixed_width.rows
        return tuple(
            replace(
                self,
                name=self.name if len(rows) == 1 else f"{self.name}.{record.name}",
                form=replace(self.fixed_width, record=record.name),
            )
            for record in rows
        )

    @property
    def about(self) -> str | None:
        """What its rows are, in words: the record's, or the file's."""
        if not isinstance(self.form, FixedWidth):
            return self.doc
        return next((each.doc for each in self.form.records if each.name == self.form.record and each.doc), self.doc)

    @property
    def whole(self) -> Layout:
        """The layout of the file that this one of a stream belongs to: it has the same `streams`."""
        form = self.form
        if not isinstance(form, FixedWidth) or form.record is None:
            return self
        name = self.name if len(form.rows) == 1 else self.name.removesuffix(f".{form.record}")
        return replace(self, name=name, form=replace(form, record=None), fields=(), keys=())

    @property
    def names(self) -> tuple[str, ...]:
        """The fields' names, in order."""
        return tuple(each.name for each in self.fields)

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema of what is read; field metadata carries docs and how dates and the like are written."""
        return schema_of(self.fields)

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of everything that decides what is read; evidence and docs do not count."""
        meaning = settings_of(self, evidence=False)
        return hashlib.sha256(json.dumps(meaning, ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    def to_yaml(self) -> str:
        """The layout as a text that :meth:`from_yaml` reads back, the same for equal layouts."""
        return to_yaml(self)

    @classmethod
    def from_yaml(cls, text: str, where: str = "layout") -> Layout:
        """The layout in `text`. Raises ConfigError naming `where`, the line and the key."""
        from connector_sdk.formats.layout.reading import from_yaml

        return from_yaml(text, where)


def schema_of(fields: Sequence[Field]) -> pa.Schema:
    """The Arrow schema of `fields`."""
    return pa.schema(
        [describe(f.name, f.type, nullable=f.nullable, doc=f.doc, native=f.format[0] if f.format else None) for f in fields]
    )


def _check_marks(what: str, form: Delimited, encoding: str) -> None:
    for mark in (form.delimiter, form.quote, form.escape, form.comment):
        try:
            (mark or "").encode(encoding)
        except UnicodeEncodeError:
            raise ConfigError(f"{what}: {mark!r} is not in its encoding {encoding}", code="layout") from None


def _encoding(name: str) -> str:
    """The codec's own name. Raises ConfigError for one that does not exist or whose bytes cannot be cut at a line end."""
    try:
        codec = codecs.lookup(name)
        "".encode(name)
    except LookupError:
        raise ConfigError(
            f"there is no encoding {name!r}", hint="as utf-8, cp1252, iso8859-1, utf-16-le", code="layout"
        ) from None
    if codec.name == "utf-8-sig":
        return "utf-8"
    if codec.name in ("utf-16", "utf-32"):
        raise ConfigError(
            f"encoding {name!r} leaves the byte order open", hint=f"say {codec.name}-le or {codec.name}-be", code="layout"
        )
    if codec.name.replace("-", "_").startswith(_STATEFUL):
        raise ConfigError(f"encoding {name!r} has shift states: a file cannot be resumed inside it", code="layout")
    return codec.name
