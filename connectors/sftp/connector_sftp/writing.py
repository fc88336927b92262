"""How a stream's rows become files: which names its parts get, in which layout, compressed or not."""

from __future__ import annotations

import pyarrow as pa
from connector_sdk.errors import ConfigError, SchemaDriftError
from connector_sdk.formats import delimited, fixed_width
from connector_sdk.formats.compression import WRITABLE, Kind, named, packer
from connector_sdk.formats.format import BatchWriter
from connector_sdk.formats.layout import Field, FixedWidth, Layout
from connector_sdk.runtime.file_sink import Target
from connector_sdk.runtime.folder import Writer
from connector_sdk.schema import Stream, WriteMode, doc_of

from connector_sftp.binding import Binding
from connector_sftp.listing import UNFINISHED
from connector_sftp.pgp import without_pgp

__all__ = ["alterations", "new_layout", "target", "writes"]


def writes(binding: Binding) -> frozenset[WriteMode]:
    """What can be done to the stream: a plain name is one file, which can only be replaced.

    Files that hold the rows of other streams too are only added to, and each new one has rows of a single stream. Where each file
    is the whole stream nothing is written: what is written may take several.
    """
    if binding.settings.takes == "latest":
        return frozenset()
    form = None if binding.layout is None else binding.layout.form
    if without_pgp(binding.settings.files) is not None or binding.settings.manifest is not None:
        return frozenset()  # nothing is encrypted here, and no manifest is written
    try:
        _packing(binding)
        part = binding.pattern.part
        if binding.layout is not None and isinstance(form, FixedWidth):
            fixed_width.check_writable(binding.layout)
    except ConfigError:
        return frozenset()
    if isinstance(form, FixedWidth) and len(form.rows) > 1:
        return frozenset({WriteMode.APPEND} if "{part}" in part else ())
    return frozenset({WriteMode.APPEND, WriteMode.REPLACE} if "{part}" in part else {WriteMode.REPLACE})


def _packing(binding: Binding) -> Kind:
    """What new files are compressed with: what `compression` says, else the pattern's ending. Raises ConfigError for archives."""
    claimed = named(binding.settings.files)
    kind = (
        (claimed[0] if claimed else Kind.NONE) if binding.settings.compression == "auto" else Kind(binding.settings.compression)
    )
    if kind.is_archive or len(claimed) > 1:
        raise ConfigError(
            f"files {binding.settings.files!r}: archives are read, and not written",
            hint=f"write single files: {', '.join(sorted(WRITABLE))} or none",
            code="format",
        )
    return kind


def new_layout(stream: Stream) -> Layout:
    """The layout of a stream that has none yet: UTF-8, commas, a header, ISO dates."""
    return Layout(
        name=stream.name,
        fields=tuple(Field(name=f.name, type=f.type, nullable=f.nullable, doc=doc_of(f)) for f in stream.schema),
        keys=stream.keys,
        doc=stream.doc,
    )


def target(stream: Stream, binding: Binding, layout: Layout, archive: str) -> Target:
    """Where and how the rows of `stream` are written. Raises ConfigError when its pattern leaves the name open."""
    pattern = binding.pattern
    kind = _packing(binding)
    order = [name for name in layout.names if name in stream.schema.names]

    def replaces(name: str) -> bool:
        hidden = name.startswith(".") or "/." in name or name.endswith(UNFINISHED)
        return pattern.matches(name) and not hidden and not name.startswith(f"{archive}/")

    def open_file(file: Writer) -> BatchWriter:
        return _Part(layout, file, order, kind)

    return Target(stream=stream.name, part=_part(binding), open=open_file, replaces=replaces)


def _part(binding: Binding) -> str:
    """The name of a new file; where it has only the rows of one of several streams, with that record's name."""
    form = None if binding.layout is None else binding.layout.form
    several = isinstance(form, FixedWidth) and len(form.rows) > 1
    record = "".join(letter if letter.isalnum() else "-" for letter in form.record or "") if isinstance(form, FixedWidth) else ""
    return binding.pattern.part.replace("{part}", f"{{part}}-{record}") if several else binding.pattern.part


def alterations(want: Stream, have: Layout | None, binding: Binding, *, declared: bool) -> list[str]:
    """What writing `want` means. Raises SchemaDriftError when its fields are not those of the files that are there.

    Of a layout that was only inferred, names count and types do not: what looks like a number may be written as text.
    """
    pattern = binding.pattern
    part = _part(binding).replace("{part}", "<part>")
    if have is None:
        header = "" if binding.layout is not None and isinstance(binding.layout.form, FixedWidth) else "a header of "
        return [f"write {part} with {header}{len(want.schema)} field{'s' if len(want.schema) != 1 else ''}"]
    known = {field.name: field.type for field in have.fields}
    names = want.schema.names
    differing = [name for name in names if name not in known] + [name for name in known if name not in names]
    if not differing and declared:
        differing = [field.name for field in want.schema if not _fits(field.type, known[field.name])]
    if differing:
        raise SchemaDriftError(
            f"stream {want.name!r} and the files {pattern.text} have different fields: {', '.join(differing)}",
            fields=tuple(differing),
            hint="write to another stream, or change its layout",
            stream=want.name,
        )
    return []


def _fits(new: pa.DataType, there: pa.DataType) -> bool:
    """Whether every value of type `new` can be written where `there` will be read."""
    if new == there or pa.types.is_null(new) or pa.types.is_string(there):
        return True
    if pa.types.is_integer(new) and pa.types.is_integer(there):
        signed = pa.types.is_signed_integer(there)
        if pa.types.is_signed_integer(new):
            return signed and new.bit_width <= there.bit_width
        return new.bit_width < there.bit_width if signed else new.bit_width <= there.bit_width
    if pa.types.is_floating(new) and pa.types.is_floating(there):
        return new.bit_width <= there.bit_width
    if isinstance(new, pa.Decimal128Type | pa.Decimal256Type) and isinstance(there, pa.Decimal128Type | pa.Decimal256Type):
        return bool(new.scale <= there.scale and new.precision - new.scale <= there.precision - there.scale)
    texts = pa.types.is_large_string(new) or pa.types.is_string(new)
    return bool(texts and pa.types.is_large_string(there))


class _Part:
    """One file of a stream: batches in, encoded and perhaps compressed bytes out."""

    def __init__(self, layout: Layout, file: Writer, order: list[str], kind: Kind) -> None:
        self._order = order
        self._schema = layout.schema
        self._packer = None if kind is Kind.NONE else packer(kind, file)
        fixed = isinstance(layout.form, FixedWidth)
        self._encoder: BatchWriter = (fixed_width.Encoder if fixed else delimited.Encoder)(layout, self._packer or file)

    def write(self, batch: pa.RecordBatch, /) -> None:
        rows = batch.select(self._order) if batch.schema.names != self._order else batch
        self._encoder.write(rows)

    def close(self) -> None:
        self._encoder.close()
        if self._packer is not None:
            self._packer.finish()
