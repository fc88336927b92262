"""What a flat file is as a whole: its form, its encoding, and its fields in order."""

from __future__ import annotations

import codecs
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa
import yaml

from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout.delimited import Delimited
from connector_sdk.formats.layout.field import Field
from connector_sdk.formats.layout.forms import Form
from connector_sdk.formats.layout.writing import settings_of, to_yaml
from connector_sdk.schema import describe

__all__ = ["Layout"]

_STATEFUL = ("iso2022", "utf_7", "hz", "punycode", "idna", "raw_unicode", "unicode_escape")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A flat file: its name, its encoding (a Python codec), its form, its fields in order, and the keys that identify a row."""

    name: str
    encoding: str = "utf-8"
    form: Form = field(default_factory=Delimited)
    fields: tuple[Field, ...]
    keys: tuple[str, ...] = ()
    doc: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoding", _encoding(self.encoding))
        if not self.fields:
            raise ConfigError(f"layout {self.name!r} has no fields", code="layout")
        counts = Counter(self.names)
        twice = sorted(name for name, count in counts.items() if count > 1)
        if twice:
            raise ConfigError(f"layout {self.name!r} has two fields called {', '.join(map(repr, twice))}", code="layout")
        for key in self.keys:
            if key not in self.names:
                raise ConfigError(f"layout {self.name!r}: the key {key!r} is not one of its fields", code="layout")

    @property
    def names(self) -> tuple[str, ...]:
        """The fields' names, in order."""
        return tuple(each.name for each in self.fields)

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema of what is read; field metadata carries docs and how dates and the like are written."""
        return pa.schema(
            [
                describe(f.name, f.type, nullable=f.nullable, doc=f.doc, native=f.format[0] if f.format else None)
                for f in self.fields
            ]
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of everything that decides what is read; evidence and docs do not count."""
        meaning = settings_of(self, evidence=False)
        text = yaml.safe_dump(meaning, allow_unicode=True, sort_keys=True, default_flow_style=True, width=1 << 20)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_yaml(self) -> str:
        """The layout as a text that :meth:`from_yaml` reads back, the same for equal layouts."""
        return to_yaml(self)

    @classmethod
    def from_yaml(cls, text: str, where: str = "layout") -> Layout:
        """The layout in `text`. Raises ConfigError naming `where`, the line and the key."""
        from connector_sdk.formats.layout.reading import from_yaml

        return from_yaml(text, where)


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
