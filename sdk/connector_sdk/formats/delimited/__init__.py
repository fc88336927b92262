"""Delimited text (CSV and its kin) to Arrow and back: streaming, exact, every bad record kept with its bytes and place."""

from __future__ import annotations

from connector_sdk.formats.delimited.reading import Decoded, decode, decode_record
from connector_sdk.formats.delimited.writing import Encoder

__all__ = ["Decoded", "Encoder", "decode", "decode_record"]
