"""What a delimited file is, decided over every byte of a sample: encoding, dialect, header, and each field with its evidence."""

from __future__ import annotations

from connector_sdk.formats.delimited_inference.csvw import Table, from_csvw
from connector_sdk.formats.delimited_inference.found import Finding
from connector_sdk.formats.delimited_inference.sample import Inference, infer
from connector_sdk.formats.delimited_inference.table_schema import from_table_schema

__all__ = ["Finding", "Inference", "Table", "from_csvw", "from_table_schema", "infer"]
