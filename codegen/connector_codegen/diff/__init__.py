"""What changed between two interfaces, field by field, and whether what was made for the old one still works with the new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from connector_codegen.diff.layouts import rewritten, rewritten_field
from connector_codegen.diff.types import retyped, text_of
from connector_codegen.diff.verdict import Change, Difference, Verdict, worst
from connector_codegen.model import Enumeration, Field, Interface, Record, Stream

__all__ = ["Difference", "Verdict", "compare", "worst"]

SAMPLES = "delimited"
"""The reader whose streams are called as their files."""

Item = TypeVar("Item", Stream, Record, Enumeration, Field)


def compare(old: Interface, new: Interface) -> list[Difference]:
    """Every difference, in the order of the old interface, then of the new one. An empty list: they mean the same."""
    found: list[Difference] = []
    new = _paired(old, new)
    for was, now in _pairs(old.streams, new.streams):
        if was is None or now is None:
            found.append(_whole(was, now, "the stream"))
        else:
            found += [Difference(stream=was.name, field=None, verdict=v, what=what) for v, what in _stream(was, now)]
            found += _fields(was, now)
    for before, after in _pairs(old.records, new.records):
        if before is None or after is None:
            found.append(_whole(before, after, "the type"))
        else:
            found += _fields(before, after)
    for one, other in _pairs(old.enumerations, new.enumerations):
        if one is None or other is None:
            found.append(_whole(one, other, "the type"))
        else:
            found += [Difference(stream=one.name, field=None, verdict=v, what=what) for v, what in _values(one, other)]
    return found


def _paired(old: Interface, new: Interface) -> Interface:
    """`new` with its only stream called as the only one of `old`: the name of a sample says nothing."""
    if len(old.streams) == len(new.streams) == 1 and SAMPLES in (old.source.reader, new.source.reader):
        return replace(new, streams=(replace(new.streams[0], name=old.streams[0].name),))
    return new


def _pairs(old: Sequence[Item], new: Sequence[Item]) -> Iterator[tuple[Item | None, Item | None]]:
    then, now = {each.name: each for each in old}, {each.name: each for each in new}
    for name in then | now:
        yield then.get(name), now.get(name)


def _whole(was: Stream | Record | Enumeration | None, now: Stream | Record | Enumeration | None, what: str) -> Difference:
    gone = was is not None
    name = was.name if was is not None else now.name if now is not None else ""
    return Difference(
        stream=name,
        field=None,
        verdict=Verdict.LOSING if gone else Verdict.COMPATIBLE,
        what=f"{what} is {'gone' if gone else 'new'}",
    )


def _stream(old: Stream, new: Stream) -> Iterator[Change]:
    if old.keys != new.keys:
        if not old.keys:
            verdict = Verdict.COMPATIBLE
        else:
            verdict = Verdict.LOSING if set(new.keys) < set(old.keys) and new.keys else Verdict.BREAKING
        yield verdict, f"keys {', '.join(old.keys) or 'none'} → {', '.join(new.keys) or 'none'}"
    if old.layout is not None and new.layout is not None:
        yield from rewritten(old.layout, new.layout)


def _fields(old: Stream | Record, new: Stream | Record) -> Iterator[Difference]:
    for was, now in _pairs(old.fields, new.fields):
        name = was.name if was is not None else now.name if now is not None else ""
        if was is None and now is not None:
            accepted = now.nullable or not now.required or now.default is not None
            changes: list[Change] = [
                (Verdict.COMPATIBLE, "is new") if accepted else (Verdict.BREAKING, "is new, and rows made for the old lack it")
            ]
        elif was is not None and now is None:
            changes = [(Verdict.LOSING, "is gone")]
        else:
            assert was is not None and now is not None
            changes = [*_field(was, now), *_written(old, new, name)]
        yield from (Difference(stream=old.name, field=name, verdict=verdict, what=what) for verdict, what in changes)


def _field(old: Field, new: Field) -> Iterator[Change]:
    if old.type != new.type:
        yield retyped(old.type, new.type), f"{text_of(old.type)} → {text_of(new.type)}"
    if old.nullable != new.nullable:
        if new.nullable:
            yield Verdict.BREAKING, "may now be null"
        else:
            yield Verdict.LOSING, "may no longer be null: rows without a value are rejected"
    if old.required != new.required:
        if new.required:
            yield Verdict.LOSING, "may no longer be absent"
        else:
            yield Verdict.BREAKING, "may now be absent"
    if old.identifier != new.identifier:
        yield Verdict.BREAKING, f"is called {new.identifier} in generated code, was {old.identifier}"
    if old.doc != new.doc:
        yield Verdict.COMPATIBLE, "its description"


def _written(old: Stream | Record, new: Stream | Record, name: str) -> Iterator[Change]:
    layouts = [each.layout if isinstance(each, Stream) else None for each in (old, new)]
    if layouts[0] is not None and layouts[1] is not None:
        was, now = (next(field for field in layout.fields if field.name == name) for layout in layouts if layout is not None)
        yield from rewritten_field(was, now)


def _values(old: Enumeration, new: Enumeration) -> Iterator[Change]:
    yield from ((Verdict.LOSING, f"the value {value!r} is gone") for value in old.values if value not in new.values)
    yield from ((Verdict.BREAKING, f"the value {value!r} is new") for value in new.values if value not in old.values)
