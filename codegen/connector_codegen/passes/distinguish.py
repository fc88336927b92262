"""Makes identifiers differ where two names came out the same: the later one gets a number, and a note says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from connector_codegen.model import Field, Interface
from connector_codegen.problems import Problem

__all__ = ["distinguish"]


def distinguish(interface: Interface, problems: list[Problem]) -> Interface:
    """`interface` with no two streams, no two classes and no two fields of one class under one identifier."""
    streams = interface.streams
    names = [stream.name for stream in streams]
    problems += [
        Problem(level="error", where=name, what=f"{names.count(name)} streams have this name", hint="leave one out, or rename it")
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    modules = _apart(stream.identifier for stream in streams)
    classes = _apart([each.class_name for each in interface.rows] + [each.class_name for each in interface.enumerations])
    given = iter(classes)
    return replace(
        interface,
        streams=tuple(
            replace(stream, identifier=module, class_name=next(given), fields=_fields(stream.name, stream.fields, problems))
            for stream, module in zip(streams, modules, strict=True)
        ),
        records=tuple(
            replace(record, class_name=next(given), fields=_fields(record.name, record.fields, problems))
            for record in interface.records
        ),
        enumerations=tuple(replace(each, class_name=next(given)) for each in interface.enumerations),
    )


def _fields(where: str, fields: tuple[Field, ...], problems: list[Problem]) -> tuple[Field, ...]:
    found = []
    for field, identifier in zip(fields, _apart(field.identifier for field in fields), strict=True):
        if identifier != field.identifier:
            problems.append(
                Problem(
                    level="note",
                    where=f"{where}.{field.name}",
                    what=f"is called {identifier} in generated code, since {field.identifier} is another field",
                )
            )
        found.append(replace(field, identifier=identifier))
    return tuple(found)


def _apart(names: Iterable[str]) -> list[str]:
    wanted = list(names)
    taken: set[str] = set()
    given = []
    # A name that is nobody's second choice keeps its place: "a_2" is not renamed because there are two "a".
    originals = set(wanted)
    for name in wanted:
        number, chosen = 1, name
        while chosen in taken or (number > 1 and chosen in originals):
            number += 1
            chosen = f"{name}_{number}" if name[:1].islower() or "_" in name else f"{name}{number}"
        taken.add(chosen)
        given.append(chosen)
    return given
