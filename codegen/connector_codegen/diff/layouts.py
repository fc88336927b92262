"""Whether files written by one layout are read as the same values by another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

import pyarrow as pa
from connector_sdk.formats.layout import Delimited, Field, FixedWidth, Layout, Place

from connector_codegen.diff.verdict import Change, Verdict

__all__ = ["rewritten", "rewritten_field"]


def rewritten(old: Layout, new: Layout) -> Iterator[Change]:
    """What differs in how whole files are written."""
    if old.encoding != new.encoding:
        verdict = Verdict.COMPATIBLE if old.encoding == "ascii" else Verdict.LOSING
        yield verdict, f"encoding {old.encoding} → {new.encoding}"
    if type(old.form) is not type(new.form):
        yield Verdict.BREAKING, f"{type(old.form).__name__} → {type(new.form).__name__}"
        return
    if isinstance(old.form, FixedWidth) and isinstance(new.form, FixedWidth):
        yield from _records(old.form, new.form)
    for field in fields(old.form):
        was, now = getattr(old.form, field.name), getattr(new.form, field.name)
        if was != now and field.name not in ("records", "record"):
            yield Verdict.BREAKING, f"{field.name} {was!r} → {now!r}"
    if isinstance(new.form, Delimited) and not new.form.header:
        common = set(old.names) & set(new.names)
        kept = [name for name in new.names if name in common]
        if [name for name in old.names if name in common] != kept or new.names[: len(kept)] != tuple(kept):
            yield Verdict.LOSING, "the order of fields, which without a header says what is what"


def _records(old: FixedWidth, new: FixedWidth) -> Iterator[Change]:
    """What tells the record from others, and what headers and trailers promise; the fields of rows are compared as fields."""
    then, now = ({record.name: record for record in form.records} for form in (old, new))
    own = (then.get(old.record or ""), now.get(new.record or ""))
    if own[0] is not None and own[1] is not None:
        if own[0].when != own[1].when:
            yield Verdict.LOSING, f"what tells the record {own[0].name} from others"
        if own[0].length != own[1].length:
            yield (
                Verdict.BREAKING,
                f"length {own[0].length or 'as far as its fields'} → {own[1].length or 'as far as its fields'}",
            )
    for name, record in (then | now).items():
        if record.role != "data" and then.get(name) != now.get(name):
            what = "is gone" if name not in now else "is new" if name not in then else "is another"
            yield Verdict.BREAKING, f"the {record.role} record {name} {what}"


def rewritten_field(old: Field, new: Field) -> Iterator[Change]:
    """What differs in how the values of one field are written."""
    for name, judge in _JUDGES.items():
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            yield judge(old, new, was, now), f"{name} {_shown(was)} → {_shown(now)}"


def _shown(value: Any) -> str:
    if isinstance(value, Place):
        parts = {each.name: getattr(value, each.name) for each in fields(value) if getattr(value, each.name) != each.default}
        return " ".join(f"{name} {part}" for name, part in parts.items())
    if not value:
        return "none"
    return " ".join(map(repr, value)) if isinstance(value, tuple) else repr(value)


def _losing(_old: Field, _new: Field, _was: Any, _now: Any) -> Verdict:
    return Verdict.LOSING


def _breaking(_old: Field, _new: Field, _was: Any, _now: Any) -> Verdict:
    return Verdict.BREAKING


def _if_begins(_old: Field, _new: Field, was: Any, now: Any) -> Verdict:
    # Patterns are tried in order: one put in front may take what another meant.
    return Verdict.COMPATIBLE if was and now[: len(was)] == was else Verdict.LOSING


def _if_within(_old: Field, _new: Field, was: Any, now: Any) -> Verdict:
    return Verdict.COMPATIBLE if set(was) <= set(now) else Verdict.LOSING


def _null_words(_old: Field, new: Field, was: Any, now: Any) -> Verdict:
    if pa.types.is_string(new.type):
        # What was null is now that word, or the word is now null.
        return Verdict.LOSING if set(now) - set(was) else Verdict.BREAKING
    return _if_within(_old, new, was, now)


_JUDGES: Mapping[str, Callable[[Field, Field, Any, Any], Verdict]] = {
    "title": _breaking,
    "place": _losing,
    "format": _if_begins,
    "decimal": _losing,
    "group": lambda _old, _new, was, _now: Verdict.COMPATIBLE if was is None else Verdict.LOSING,
    "null": _null_words,
    "true": _if_within,
    "false": _if_within,
}
