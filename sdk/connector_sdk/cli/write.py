"""``connector write``: files, a folder of them, or stdin into a stream."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO

import click
import pyarrow as pa

from connector_sdk.changes import change_schema
from connector_sdk.cli import options
from connector_sdk.cli.messages import Voice
from connector_sdk.cli.opening import session
from connector_sdk.cli.options import WRITE_MODES, example
from connector_sdk.cli.run import allowed, carry_out, reject_path
from connector_sdk.errors import ConfigError, SchemaDriftError
from connector_sdk.formats import FORMATS, Format, format_of
from connector_sdk.formats.format import Tell
from connector_sdk.runtime.engine import Job
from connector_sdk.runtime.exact_rows import roomy
from connector_sdk.runtime.folder import local_error
from connector_sdk.runtime.state_store import MemoryStore
from connector_sdk.runtime.table_source import TableSource
from connector_sdk.schema import WriteMode

__all__ = ["write"]


@click.command(
    epilog=example(
        "connector write sftp -c sftp.yaml -s runways -i runways.parquet",
        "connector write crm -c crm.yaml -s customers -i changes.avro --mode apply --dry-run",
        "produce | connector write crm -c crm.yaml -s customers -i - --format jsonl --mode upsert",
    )
)
@options.name
@options.config
@options.stream
@click.option("-i", "--input", "path", required=True, metavar="PATH|-", help="A file, a folder of files of one format, or stdin.")
@click.option(
    "--mode", type=click.Choice(WRITE_MODES), default="append", show_default=True, help="What is done to what is there."
)
@click.option(
    "--format", "format_name", type=click.Choice(options.FORMAT_NAMES), help="Format of stdin, or where the ending lies."
)
@click.option("--dry-run", is_flag=True, help="Show what would be made or altered, and stop.")
@options.reject_file
@options.max_rejects
@click.pass_obj
def write(
    voice: Voice,
    name: str,
    config: Path | None,
    stream: str,
    path: str,
    mode: str,
    format_name: str | None,
    dry_run: bool,
    rejects: Path | None,
    max_rejects: int,
) -> None:
    """Files into a stream. Types are checked against the stream's before the first row; no cast that loses something is made.

    A row with a value that its field cannot have is a reject; so is a CSV record or a JSON line that is no row.
    """
    files, kind = _inputs(path, format_name)
    with ExitStack() as stack:
        opened = stack.enter_context(session(name, config, voice))
        sink = opened.sink()
        have = next((found for found in sink.discover([stream]) if found.name == stream), None)
        schema = None if have is None else change_schema(have.schema) if mode == "apply" else have.schema
        told: deque[pa.RecordBatch] = deque()
        batches = stack.enter_context(closing(_batches(files, kind, schema, stream, told.append)))
        source = stack.enter_context(TableSource(stream, batches, like=have, told=told))
        (want,) = source.discover()
        if dry_run:
            steps = sink.alter(want, have, dry_run=True)
            click.echo("\n".join(steps) if steps else f"{stream}: nothing to alter")
            return
        job = Job(
            source=source,
            sink=sink,
            streams=(want,),
            mode=source.mode,
            write=WriteMode(mode),
            store=MemoryStore(name),
            limits=opened.limits,
            max_rejects=allowed(max_rejects),
            rejects=reject_path(rejects, f"{stream}.write", None),
        )
        carry_out(job, voice)


def _inputs(text: str, format_name: str | None) -> tuple[list[Path], Format]:
    """The files that ``-i`` means (none: stdin) and their format. Raises ConfigError."""
    if text == "-":
        return [], FORMATS[format_name or "jsonl"]
    path = Path(text)
    if not path.exists():
        raise ConfigError(f"there is no file {path}")
    if not path.is_dir():
        return [path], FORMATS[format_name] if format_name else format_of(path)
    files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    if format_name:
        files = [file for file in files if file.suffix == FORMATS[format_name].suffix]
    endings = {file.suffix for file in files}
    if len(endings) != 1:
        what = f"files of {len(endings)} kinds: {', '.join(sorted(endings))}" if endings else "no files"
        raise ConfigError(f"{path} holds {what}", hint="one kind was expected; --format says which")
    return files, format_of(files[0])


def _batches(
    files: list[Path], kind: Format, schema: pa.Schema | None, stream: str, tell: Tell
) -> Generator[pa.RecordBatch, None, None]:
    if not files:
        yield from _rows(sys.stdin.buffer, "stdin", kind, schema, stream, tell)
        return
    first: pa.Schema | None = None
    for path in files:
        with _opened(path) as file:
            for batch in _rows(file, str(path), kind, schema, stream, tell):
                first = first or batch.schema
                if not batch.schema.equals(first):
                    raise SchemaDriftError(f"{path} has other fields than {files[0]}", hint="write them one by one")
                yield batch


def _rows(
    file: BinaryIO, place: str, kind: Format, schema: pa.Schema | None, stream: str, tell: Tell
) -> Iterator[pa.RecordBatch]:
    if kind.sift is not None:
        return kind.sift(file, schema, stream, place, tell)
    return kind.read(file, None if schema is None else roomy(schema))


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise local_error(error, path) from None
