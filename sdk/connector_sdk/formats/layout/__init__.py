"""The description of a flat file: how it is written and what its fields are, as one reviewable YAML text.

Every flat format reads and writes by a :class:`Layout`; its `form` says which one. Codegen writes layouts, connectors load them,
and a person can correct one by hand: an unknown key or type is a ConfigError with file and line.
"""

from __future__ import annotations

from connector_sdk.formats.layout.delimited import Delimited
from connector_sdk.formats.layout.field import FALSE, TRUE, Field
from connector_sdk.formats.layout.fixed_width import Check, FixedWidth, Record
from connector_sdk.formats.layout.layout import Layout
from connector_sdk.formats.layout.place import Place
from connector_sdk.formats.layout.reading import layout_from
from connector_sdk.formats.layout.when import When

__all__ = ["FALSE", "TRUE", "Check", "Delimited", "Field", "FixedWidth", "Layout", "Place", "Record", "When", "layout_from"]
