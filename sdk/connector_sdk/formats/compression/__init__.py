"""Compressed files and archives as the bytes inside them, and the way back: told by their first bytes, checked to their end."""

from connector_sdk.formats.compression.kinds import Kind, kind_of, named
from connector_sdk.formats.compression.limits import LIMITS, Expansion, Limits
from connector_sdk.formats.compression.members import Member, Read
from connector_sdk.formats.compression.packing import WRITABLE, Packer, packer
from connector_sdk.formats.compression.tar import tar_members
from connector_sdk.formats.compression.unpacking import Unpacked, decompressed, joined, peek, refuse_nested, skip, unpacked
from connector_sdk.formats.compression.zip import Source, zip_members

__all__ = [
    "LIMITS",
    "WRITABLE",
    "Expansion",
    "Kind",
    "Limits",
    "Member",
    "Packer",
    "Read",
    "Source",
    "Unpacked",
    "decompressed",
    "joined",
    "kind_of",
    "named",
    "packer",
    "peek",
    "refuse_nested",
    "skip",
    "tar_members",
    "unpacked",
    "zip_members",
]
