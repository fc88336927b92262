"""Laws 7, 8 and 10: types, metadata and values survive, a bad record is one reject, and a changed shape is an error."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from connector_sdk import changes
from connector_sdk.contract import Batch
from connector_sdk.errors import DataError, SchemaDriftError
from connector_sdk.formats import FORMATS, Format, Kept, Loss
from connector_sdk.formats.format import EVERY_FIELD, VALUES
from connector_sdk.rejects import RAW_LIMIT, REJECT_SCHEMA, Reject, rejects_of
from connector_sdk.schema import Mode, Stream, WriteMode
from connector_sdk.testing.comparison import difference, frozen_rows, show
from connector_sdk.testing.laws.subject import NotOffered, Subject, kit_source, require, rows_by_stream, transfer

__all__ = ["drift_is_an_error", "exact_types", "one_reject"]


def exact_types(subject: Subject) -> str:
    """Law 7."""
    told = []
    for part in (_read_types, _written_types):
        try:
            told.append(part(subject))
        except NotOffered as reason:
            told.append(f"not offered: {reason}")
    if all(text.startswith("not offered") for text in told):
        raise NotOffered("no stream can be read or written")
    return "; ".join(told)


def _read_types(subject: Subject) -> str:
    with subject.stage() as stage, stage.opened() as connector:
        streams = [s for s in stage.streams(connector) if s.reads]
        if not streams:
            raise NotOffered("no stream can be read")
        losses = 0
        for stream in streams:
            mode = next(mode for mode in Mode if mode in stream.reads)
            batches = [b for split in connector.plan([stream], mode) for b in connector.read(split, None)]
            for batch in batches:
                _as_declared(stream, batch.data, mode)
            data = pa.Table.from_batches([_payload(batch, mode).cast(stream.schema) for batch in batches], schema=stream.schema)
            if stage.simulator is not None:
                _only_true_rows(stream, stage.truth.rows(stream.name), data)
            _over_the_wire(stream, data)
            losses += sum(_through(name, stream, data) for name in FORMATS)
        return (
            f"{len(streams)} streams as declared, over the wire and through {', '.join(FORMATS)} ({losses} losses, all reported)"
        )


def _payload(batch: Batch, mode: Mode) -> pa.RecordBatch:
    return changes.payload(batch.data) if mode is Mode.CHANGES else batch.data


def _as_declared(stream: Stream, data: pa.RecordBatch, mode: Mode) -> None:
    expected = changes.change_schema(stream.schema, before=changes.BEFORE in data.schema.names)
    expected = expected if mode is Mode.CHANGES else stream.schema
    problem = _schema_difference(expected, data.schema)
    require(not problem, f"a batch of {stream.name!r} is not as declared: {problem}")


def _schema_difference(expected: pa.Schema, found: pa.Schema, lost: frozenset[str] = frozenset()) -> str | None:
    if expected.names != found.names:
        return f"fields {', '.join(found.names)}; declared are {', '.join(expected.names)}"
    for one, other in zip(expected, found, strict=True):
        if one.name in lost:
            continue
        if one.type != other.type or one.nullable != other.nullable:
            return f"field {one.name!r} is {_type(other)}, declared is {_type(one)}"
        if (one.metadata or {}) != (other.metadata or {}):
            return f"field {one.name!r} has the metadata {other.metadata}, declared is {one.metadata}"
    return None


def _type(field: pa.Field[Any]) -> str:
    return f"{field.type}{'' if field.nullable else ' not null'}"


def _only_true_rows(stream: Stream, expected: pa.Table, found: pa.Table) -> None:
    """Whether each row is one of the source's, value for value. Whether all are there, and once, are other laws."""
    problem = _schema_difference(pa.schema(list(stream.schema)), pa.schema(list(expected.schema)))
    require(not problem, f"the simulator's rows of {stream.name!r} are not as declared: {problem}")
    true = set(frozen_rows(expected))
    wrong = [row for row in frozen_rows(found) if row not in true]
    example = show(stream.schema.names, wrong[0]) if wrong else ""
    require(not wrong, f"{len(wrong)} rows of {stream.name!r} have other values than the source's, one is {example}")


def _over_the_wire(stream: Stream, data: pa.Table) -> None:
    there = Stream.from_json(json.loads(json.dumps(stream.to_json())))
    require(there == stream, f"stream {stream.name!r} is another one after JSON")
    require(there.schema.equals(stream.schema, check_metadata=True), f"stream {stream.name!r} loses metadata in JSON")
    out = io.BytesIO()
    with pa.ipc.new_stream(out, data.schema) as writer:
        writer.write_table(data)
    back = pa.ipc.open_stream(out.getvalue()).read_all()
    require(back.equals(data, check_metadata=True), f"stream {stream.name!r} is another one after Arrow IPC")


def _through(name: str, stream: Stream, data: pa.Table) -> int:
    """Write and read back one file of one format. Returns how many losses were reported beforehand."""
    form = FORMATS[name]
    losses = [loss for loss in form.losses(data.schema) if loss.kept is not Kept.BY_SCHEMA]  # the schema comes along here
    if any(loss.field == EVERY_FIELD and loss.kept is Kept.REFUSED for loss in losses):
        return len(losses)
    where = f"stream {stream.name!r} through {name}"
    refused = [loss for loss in losses if loss.kept is Kept.REFUSED]
    data = _without(data, [loss for loss in refused if not loss.what.startswith(VALUES)])
    try:
        file = _written(form, data)
    except DataError as error:
        require(refused, f"{where}, and no loss was reported: {error}")
        data = _without(data, refused)
        file = _written(form, data)
    batches = list(form.read(file, data.schema))
    back = pa.Table.from_batches(batches, schema=batches[0].schema if batches else data.schema)
    lost = frozenset(field for field in data.schema.names for loss in losses if _concerns(loss, field))
    problem = _schema_difference(data.schema, back.schema, lost)
    require(not problem, f"{where}, and no loss was reported: {problem}")
    if not any(loss.field == EVERY_FIELD for loss in losses):
        same = (data.schema.metadata or {}) == (back.schema.metadata or {})
        require(same, f"{where}, and no loss was reported: the metadata is {back.schema.metadata}, not {data.schema.metadata}")
    kept = [field for field in data.schema.names if field not in lost]
    problem = difference(data.select(kept), back.select(kept)) if kept else None
    require(not problem, f"{where}, and no loss was reported: {problem}")
    return len(losses)


def _written(form: Format, data: pa.Table) -> io.BytesIO:
    out = io.BytesIO()
    writer = form.writer(out, data.schema)
    for batch in data.to_batches(max_chunksize=max(1, data.num_rows // 3)):
        writer.write(batch)
    writer.close()
    return io.BytesIO(out.getvalue())


def _without(data: pa.Table, losses: Sequence[Loss]) -> pa.Table:
    return data.select([field for field in data.schema.names if not any(_concerns(loss, field) for loss in losses)])


def _concerns(loss: Loss, field: str) -> bool:
    return loss.field == field or loss.field.startswith(f"{field}.")


def _written_types(subject: Subject) -> str:
    with subject.stage() as stage, stage.opened() as connector:
        streams = stage.written_in(connector)
        for stream in streams:
            write = next(mode for mode in WriteMode if mode in stream.writes)
            with kit_source(stream, seed=3, like=stage.simulator) as (kit, source):
                # APPLY takes change batches; the others take rows.
                mode = Mode.CHANGES if write is WriteMode.APPLY else Mode.FULL
                transfer(source, connector, tuple(source.discover()), mode, write)
                found = Counter(frozen_rows(stage.truth.rows(stream.name), stream.schema.names))
                missing = [row for row in frozen_rows(kit.rows(stream.name)) if row not in found]
                example = show(stream.schema.names, missing[0]) if missing else ""
                require(not missing, f"{len(missing)} rows written to {stream.name!r} have other values there, one was {example}")
        return f"rows written to {len(streams)} streams are there value for value"


def one_reject(subject: Subject) -> str:
    """Law 8."""
    told = []
    with subject.stage() as stage, stage.opened() as connector:
        streams = [s for s in stage.streams(connector) if s.reads]
        names = [stream.name for stream in streams]
    for name in names:
        with subject.stage() as stage, stage.opened() as connector:
            stream = next(s for s in stage.streams(connector) if s.name == name)
            before, rejects = _rows_and_rejects(connector, stream)
            require(not rejects, f"{len(rejects)} records of {name!r} are rejected before any has gone bad")
            try:
                raw = stage.truth.corrupt(name)
            except NotOffered as reason:
                told.append(f"{name}: not offered ({reason})")
                continue
            # A new instance, so that nothing is answered from memory.
            with stage.opened() as other:
                after, rejects = _rows_and_rejects(other, stream)
            _one_bad_record(stream, raw, before, after, rejects)
            told.append(f"{name}: one reject of {len(raw)} bytes, {after.num_rows} rows arrive")
    if not told or all("not offered" in text for text in told):
        raise NotOffered("; ".join(told) or "no stream can be read")
    return "; ".join(told)


def _rows_and_rejects(connector: Any, stream: Stream) -> tuple[pa.Table, list[Reject]]:
    mode = next(mode for mode in Mode if mode in stream.reads)
    rejects: list[Reject] = []
    tables = []
    for split in connector.plan([stream], mode):
        batches = list(connector.read(split, None))
        for batch in batches:
            if batch.rejects is not None:
                require(batch.rejects.schema == REJECT_SCHEMA, f"the rejects of {stream.name!r} are not of REJECT_SCHEMA")
                rejects += rejects_of(batch.rejects)
        tables.append(rows_by_stream(split, batches)[stream.name])
    return pa.concat_tables([stream.schema.empty_table(), *tables]), rejects


def _one_bad_record(stream: Stream, raw: bytes, before: pa.Table, after: pa.Table, rejects: Sequence[Reject]) -> None:
    require(len(rejects) == 1, f"one bad record of {stream.name!r} is {len(rejects)} rejects")
    (reject,) = rejects
    require(reject.stream == stream.name, f"the reject is of stream {reject.stream!r}, the bad record of {stream.name!r}")
    require(
        reject.raw == raw[:RAW_LIMIT],
        f"the reject of {stream.name!r} has the raw bytes {reject.raw[:60]!r}, the record had {raw[:60]!r}",
    )
    require(reject.raw_length == len(raw), f"the reject says {reject.raw_length} bytes, the record had {len(raw)}")
    require(reject.raw_sha256 == hashlib.sha256(raw).hexdigest(), f"the reject of {stream.name!r} has another digest")
    require(reject.place, f"the reject of {stream.name!r} does not say in which place it was")
    require(reject.reason and reject.code, f"the reject of {stream.name!r} gives no reason")
    gone = Counter(frozen_rows(before)) - Counter(frozen_rows(after))
    fresh = Counter(frozen_rows(after)) - Counter(frozen_rows(before))
    require(gone.total() <= 1, f"{gone.total()} rows of {stream.name!r} go missing with one bad record")
    example = show(stream.schema.names, next(iter(fresh))) if fresh else ""
    require(not fresh, f"a bad record of {stream.name!r} arrives as a row: {example}")


def drift_is_an_error(subject: Subject) -> str:
    """Law 10."""
    told = []
    with subject.stage() as stage, stage.opened() as connector:
        streams = [s for s in stage.streams(connector) if s.reads]
    for stream in streams:
        with subject.stage() as stage, stage.opened() as connector:
            declared = next(s for s in stage.streams(connector) if s.name == stream.name)
            try:
                fields = stage.truth.alter(stream.name)
            except NotOffered as reason:
                told.append(f"{stream.name}: not offered ({reason})")
                continue
            for mode in sorted(declared.reads):
                with stage.opened() as other:
                    for who, reader in (("a connection from before", connector), ("a new connection", other)):
                        _drifts(reader, declared, mode, fields, who)
            told.append(f"{stream.name}: {', '.join(fields)}")
    if not told or all("not offered" in text for text in told):
        raise NotOffered("; ".join(told) or "no stream can be read")
    return "SchemaDriftError names the fields that changed; " + "; ".join(told)


def _drifts(connector: Any, stream: Stream, mode: Mode, fields: Sequence[str], who: str) -> None:
    what = f"stream {stream.name!r} changed shape ({', '.join(fields)}), and {who} reading it in mode {mode}"
    rows = 0
    try:
        for split in connector.plan([stream], mode):
            rows += sum(batch.data.num_rows for batch in connector.read(split, None))
    except SchemaDriftError as error:
        unnamed = [field for field in fields if field not in error.fields]
        require(not unnamed, f"{what} raises a SchemaDriftError whose fields {error.fields} leave out {', '.join(unnamed)}")
        return
    require(False, f"{what} gets {rows} rows and no SchemaDriftError")
