"""The part of a profile that is about writing."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Writes"]


@dataclass(frozen=True, kw_only=True)
class Writes:
    """`transactional_ddl` says whether DDL is part of a transaction, or commits it."""

    transactional_ddl: bool = False
