"""``connector inspect``: one record of a file, byte by byte, and how the file is written: the first question to a wrong one."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector_sdk.cli import options
from connector_sdk.cli.content import Content, content_of
from connector_sdk.cli.messages import Voice
from connector_sdk.cli.options import example
from connector_sdk.cli.tables import show_table
from connector_sdk.errors import ConfigError

if TYPE_CHECKING:
    from connector_sdk.formats.layout import Layout
    from connector_sdk.formats.looked import LookedAt, Value

__all__ = ["inspect"]

SHOWN = 32
"""Bytes shown in hex; --json has all of them."""
WIDEST = 200
"""Characters of a value that are shown, likewise."""


@click.command(
    epilog=example(
        "connector inspect payments-0131.txt --layout payments.layout.yaml --record 17",
        "connector inspect runways.csv",
        "connector inspect drop-1.zip --member in/orders.csv",
    )
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--layout", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its layout.yaml; else inferred.")
@click.option("--record", type=click.IntRange(min=1), default=1, show_default=True, help="Which one, counted from 1.")
@click.option("--offset", type=click.IntRange(min=0), help="The record at this byte, as a reject says it, instead.")
@click.option("--member", help="Which file of an archive; needless when it holds one.")
@options.as_json
@click.pass_obj
def inspect(
    voice: Voice, file: Path, layout: Path | None, record: int, offset: int | None, member: str | None, as_json: bool
) -> None:
    """One record of a file: each field with its offset, its bytes in hex and its value.

    Without --layout the file is taken for delimited text, and how it is written is inferred and shown first. A compressed file
    and an archive are looked into; offsets are those of the content, or of the archive's member.
    """
    from connector_sdk.formats.layout import FixedWidth, Layout

    given = None if layout is None else Layout.from_yaml(_text(layout), str(layout))
    with content_of(file, member) as content:
        known, findings = (given, []) if given is not None else _inferred(content)
        if not as_json and not isinstance(known.form, FixedWidth):
            _show_decisions(known, findings)
        found = _look(known, content, record, offset)
    if as_json:
        click.echo(json.dumps(_plain(known, found), indent=2, ensure_ascii=False, default=str))
        return
    _show_record(found)
    if found.problem is not None:
        voice.warn(f"the record is wrong: {found.problem}")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text: a layout was expected") from None


def _inferred(content: Content) -> tuple[Layout, list[str]]:
    from connector_sdk.formats.delimited_inference import infer

    inference = infer(content.begin, name=content.name.partition(".")[0], place=content.place)
    told = [
        f"{finding.level}: {finding.field + ': ' if finding.field else ''}{finding.message}" for finding in inference.findings
    ]
    return inference.layout, told


def _look(layout: Layout, content: Content, record: int, offset: int | None) -> LookedAt:
    from connector_sdk.formats.compression import skip
    from connector_sdk.formats.delimited.looking import look as look_at_delimited
    from connector_sdk.formats.fixed_width.looking import look as look_at_fixed_width
    from connector_sdk.formats.layout import FixedWidth

    look = look_at_fixed_width if isinstance(layout.form, FixedWidth) else look_at_delimited
    read = content.begin()
    skip(read, offset or 0, content.place)
    found = look(layout, read, 1 if offset is not None else record, offset=offset)
    if found is None:
        what = f"byte {offset:,}" if offset is not None else f"record {record:,}"
        raise ConfigError(f"{content.place} ends before {what}")
    return found


def _show_decisions(layout: Layout, findings: list[str]) -> None:
    from connector_sdk.types import to_text

    dialect = [f"{each.name} {getattr(layout.form, each.name)!r}" for each in fields(layout.form)]
    title = f"{layout.name}: encoding {layout.encoding}, {', '.join(dialect)}"
    rows = [
        (f.name, to_text(f.type), "null" if f.nullable else "", " ".join([*f.format, f.zone or "", *f.marks]).strip(), f.evidence)
        for f in layout.fields
    ]
    show_table(("FIELD", "TYPE", "NULL", "FORMAT", "EVIDENCE"), rows, title=title)
    for finding in findings:
        click.echo(finding)
    click.echo()


def _show_record(found: LookedAt) -> None:
    name = "record" if found.number is None else f"record {found.number:,}"
    parts = [f"{name}{f' ({found.record})' if found.record else ''}: {len(found.raw):,} bytes from {found.offset:,}"]
    parts += [f"line {found.line:,}"] if found.line is not None else []
    rows = [
        (value.field or "(no field)", value.offset, value.offset - found.offset + 1, _hex(value), _shown(value), value.problem)
        for value in found.values
    ]
    show_table(("FIELD", "OFFSET", "START", "HEX", "VALUE", "PROBLEM"), rows, title=", ".join(parts))


def _hex(value: Value) -> str:
    return value.raw[:SHOWN].hex(" ") + (f" … ({len(value.raw):,} bytes)" if len(value.raw) > SHOWN else "")


def _shown(value: Value) -> str:
    if value.problem is not None or (value.field is None and value.value is None):
        return ""
    if not isinstance(value.value, str | bytes):
        return "null" if value.value is None else str(value.value)
    more = len(value.value) - WIDEST
    return repr(value.value[:WIDEST]) + (f" … ({more:,} more)" if more > 0 else "")


def _plain(layout: Layout, found: LookedAt) -> dict[str, Any]:
    """What was found, as JSON for programs."""
    from connector_sdk.types import to_text

    return {
        "layout": layout.name,
        "record": found.record,
        "number": found.number,
        "line": found.line,
        "offset": found.offset,
        "raw": found.raw.hex(),
        "problem": found.problem,
        "values": [
            {
                "field": value.field,
                "type": None if value.type is None else to_text(value.type),
                "offset": value.offset,
                "raw": value.raw.hex(),
                "value": value.value.hex() if isinstance(value.value, bytes) else value.value,
                "problem": value.problem,
            }
            for value in found.values
        ],
    }
