"""What a delimited file is, decided over every byte of a sample: encoding, dialect, header, and each field with its evidence."""

from __future__ import annotations

from connector_sdk.formats.delimited_inference.sample import Finding, Inference, infer
from connector_sdk.formats.delimited_inference.table_schema import from_table_schema

__all__ = ["Finding", "Inference", "from_table_schema", "infer"]
