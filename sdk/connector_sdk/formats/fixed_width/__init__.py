"""Fixed width to Arrow and back: columns at once, exact, byte for byte, every bad record kept with its bytes and place."""

from __future__ import annotations

from connector_sdk.formats.fixed_width.notation import check_notation
from connector_sdk.formats.fixed_width.reading import Decoded, Wanted, decode, decode_record

__all__ = ["Decoded", "Wanted", "check_notation", "decode", "decode_record"]
