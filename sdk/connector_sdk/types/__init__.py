"""The names a type has: Arrow's, ours in layouts and messages, and those of the systems around us."""

from __future__ import annotations

from connector_sdk.types.table import TABLE, Row, markdown, table, to_avro, to_json_schema
from connector_sdk.types.text import from_text, to_text

__all__ = ["TABLE", "Row", "from_text", "markdown", "table", "to_avro", "to_json_schema", "to_text"]
