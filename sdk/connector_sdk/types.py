"""The type mapping tables: Arrow and how every other system here names the same type."""

from __future__ import annotations
