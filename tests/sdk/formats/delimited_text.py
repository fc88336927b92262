"""Delimited text in a test: a layout of two words, and what is decoded, rejected and written."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
from connector_sdk.formats.delimited import Decoded, Encoder, decode
from connector_sdk.formats.layout import Delimited, Field, Layout
from connector_sdk.rejects import Reject, rejects_of

A, B = Field(name="a", type=pa.string()), Field(name="b", type=pa.string())
Told = list[tuple[str, bytes, int | None, int | None]]
Rows = list[tuple[str | None, ...]]


def layout(form: Delimited, *fields: Field, encoding: str = "utf-8") -> Layout:
    return Layout(name="t", form=form, fields=fields or (A, B), encoding=encoding)


def blocks(of: Layout, data: bytes, **options: Any) -> list[Decoded]:
    offset = options.get("offset", 0)
    return list(decode(of, io.BytesIO(data[offset:]).read, **{"stream": "t", "place": "t.csv", **options}))


def rows(found: list[Decoded]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for block in found for row in block.data.to_pylist()]


def rejected(found: list[Decoded]) -> list[Reject]:
    return [reject for block in found if block.rejects is not None for reject in rejects_of(block.rejects)]


def told(found: list[Decoded]) -> Told:
    return [(r.code, r.raw, r.offset, r.line) for r in rejected(found)]


def written(of: Layout, batch: pa.RecordBatch) -> bytes:
    out = io.BytesIO()
    encoder = Encoder(of, out)
    encoder.write(batch)
    encoder.close()
    return out.getvalue()
