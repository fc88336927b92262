"""Fixed width to Arrow and back: columns at once, exact, byte for byte, every bad record kept with its bytes and place."""

from __future__ import annotations

from connector_sdk.formats.fixed_width.looking import look
from connector_sdk.formats.fixed_width.notation import check_notation
from connector_sdk.formats.fixed_width.reading import Decoded, decode, decode_record
from connector_sdk.formats.fixed_width.record_types import Wanted
from connector_sdk.formats.fixed_width.writing import Encoder, check_writable

__all__ = ["Decoded", "Encoder", "Wanted", "check_notation", "check_writable", "decode", "decode_record", "look"]
