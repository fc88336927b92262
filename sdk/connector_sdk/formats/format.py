"""What a file format is to the rest: a name, a writer, a reader, and an honest list of what it cannot keep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Protocol, TypeAlias

import pyarrow as pa

from connector_sdk.errors import ConfigError, ConnectorError, DataError, InternalError

__all__ = [
    "EVERY_FIELD",
    "BatchWriter",
    "Format",
    "Kept",
    "Loss",
    "Output",
    "OutputFile",
    "Sift",
    "Tell",
    "accept",
    "at_least_one",
    "refuse",
    "unreadable",
    "unwritable",
]

EVERY_FIELD = "*"
"""`Loss.field` where a loss concerns the whole schema."""


class Kept(StrEnum):
    """What becomes of what a format has no place for."""

    BY_SCHEMA = "by schema"
    """Nothing is lost to a reader who is given the schema; the file alone does not say it."""
    NOT = "not kept"
    """It is gone."""
    REFUSED = "refused"
    """The writer raises before a row moves (a type), or at the value (a DataError that names the field)."""


@dataclass(frozen=True)
class Loss:
    """One thing a format cannot keep. `field` is a path such as ``address.street``, or ``*`` for the whole schema."""

    field: str
    what: str
    kept: Kept = Kept.NOT


class Output(Protocol):
    """All that a writer asks of a file: it need not seek, tell or flush, and is never closed."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""
        ...


class BatchWriter(Protocol):
    """A file being written. Dropping it without `close` writes nothing more."""

    def write(self, batch: pa.RecordBatch, /) -> None:
        """Append rows. Raises DataError for a value the format cannot hold, naming the field."""
        ...

    def close(self) -> None:
        """Write what is buffered and what ends the file. Does not close the file itself; twice is fine."""
        ...


Tell: TypeAlias = Callable[[pa.RecordBatch], None]
"""Takes rejects (`REJECT_SCHEMA`) of the rows that come next."""

Sift: TypeAlias = Callable[[BinaryIO, "pa.Schema | None", str, str, Tell], Iterator[pa.RecordBatch]]
"""``(file, schema, stream, place, tell)``: see `Format.sift`."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A file format. `suffix` has its dot; `appendable` means that two files joined end to end are one file of the format.

    ``losses(schema)`` is everything that does not survive writing and reading back; what is not in it survives exactly.
    ``writer(out, schema)`` raises ConfigError for a schema with refused types, before it writes anything.
    ``read(file, schema)`` yields at least one batch, empty if need be, so that the schema is known. Formats that carry their own
    schema ignore `schema`; for the others it restores the types, and without it they give what the text alone says. It raises
    DataError for a file that is damaged, and SchemaDriftError for one whose fields are not those of `schema`.

    ``sift(file, schema, stream, place, tell)``, of formats that people write by hand, reads as `read` does, but what is no row of
    `schema` is told as rejects of `stream` before the batch that follows, and the others go on. The raw bytes of such a reject
    (`raw_form` is the format's name) are a file of one row, which is read again alone.
    """

    name: str
    suffix: str
    appendable: bool
    losses: Callable[[pa.Schema], list[Loss]]
    writer: Callable[[Output, pa.Schema], BatchWriter]
    read: Callable[[BinaryIO, pa.Schema | None], Iterator[pa.RecordBatch]]
    sift: Sift | None = None


def refuse(name: str, losses: list[Loss]) -> None:
    """Raise ConfigError when `losses` has types that cannot be written at all."""
    refused = [loss for loss in losses if loss.kept is Kept.REFUSED and not loss.what.startswith(VALUES)]
    if refused:
        raise ConfigError(
            f"{name} cannot hold {'; '.join(f'{loss.field}: {loss.what}' for loss in refused)}",
            hint="choose another format, or other columns",
            code="format",
        )


VALUES = "values "
"""How `Loss.what` begins where only some values of a field are refused."""


def accept(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """`batch`, checked to be of `schema`. Raises InternalError: the engine and the writer must agree on the schema."""
    if not batch.schema.equals(schema):
        raise InternalError(f"a batch of {batch.schema.to_string()} came to a file of {schema.to_string()}")
    for field, column in zip(schema, batch.columns, strict=True):
        if not field.nullable and column.null_count:
            raise DataError(f"field {field.name!r} must not be null, and {column.null_count} values are", code="null")
    return batch


def at_least_one(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """`batches`, or one of no rows when there are none: a reader always tells the schema."""
    batch = None
    for batch in batches:
        yield batch
    if batch is None:
        yield pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


@contextmanager
def unwritable(name: str, field: str | None = None) -> Iterator[None]:
    """Turn complaints about a value into a DataError that names the format, and the field where the complaint does not."""
    try:
        yield
    except ConnectorError:
        raise
    except (pa.ArrowException, ValueError, OverflowError) as error:
        where = f"field {field!r}: " if field is not None else ""
        raise DataError(f"there is a value that {name} cannot hold: {where}{error}", code="format") from None


@contextmanager
def unreadable(name: str, file: BinaryIO) -> Iterator[None]:
    """Turn a library's complaints about a file into a DataError that names the format and, where known, the file."""
    try:
        yield
    except ConnectorError:
        raise
    except (pa.ArrowException, ValueError, OverflowError, EOFError, TypeError, KeyError, IndexError) as error:
        where = getattr(file, "name", None)
        raise DataError(
            f"{where if isinstance(where, str) else 'the file'} cannot be read as {name}: {error or type(error).__name__}",
            code="format",
        ) from None


class OutputFile:
    """A plain `Output` as the file object that pyarrow and fastavro expect; it counts, and does nothing else.

    After `drop` it swallows what the libraries' destructors still want to write into a file that was given up.
    """

    closed = False
    mode = "wb"

    def __init__(self, out: Output) -> None:
        self._out: Output | None = out
        self._size = 0

    def write(self, data: bytes) -> int:
        data = bytes(data)
        if self._out is not None:
            self._out.write(data)
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        """The file belongs to whoever opened it."""

    def drop(self) -> None:
        """From now on write nothing."""
        self._out = None

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False
