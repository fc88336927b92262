"""``connector new``, ``generate`` and ``diff``: codegen on the command line, plugged in by an entry point."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from connector_codegen.problems import Problem
    from connector_codegen.writers import Models

__all__ = ["commands"]

DIFFERENT = 5
"""Exit code: generated code is out of date, or a difference breaks or loses something."""

_READERS = ("layout", "interface", "fixed_width", "delimited")  # said again so that --help imports no reader; a test compares
_MODELS = ("msgspec", "pydantic", "dataclass")

_reader = click.option("--reader", type=click.Choice(_READERS), help="How to read SOURCE; else it is recognised.")


def _example(*lines: str) -> str:
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


@click.command(
    epilog=_example(
        "connector new airports --from runways.csv",
        "connector new airports --from 'samples/*.csv' --models pydantic --out ~/connectors",
        "connector new shop --from 'odbc:DRIVER=PostgreSQL Unicode;SERVER=db;DATABASE=shop;UID=reader' --schema sales",
    )
)
@click.argument("name")
@click.option(
    "--from",
    "source",
    required=True,
    metavar="SOURCE",
    help="A sample, a Table Schema, CSVW metadata, a layout table, a layout.yaml; a folder or pattern of them. "
    "A database is odbc: with a data source name, a connection string, or env:NAME of one.",
)
@click.option("--schema", "schemas", multiple=True, metavar="NAME", help="Of a database: this schema. Again for more.")
@click.option("--tables", multiple=True, metavar="PATTERN", help="Of a database: the tables called so. Again for more.")
@_reader
@click.option("--models", type=click.Choice(_MODELS), default="msgspec", show_default=True, help="What typed rows are.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=".", show_default=True, help="The folder in which connector-NAME is made."
)
def new(
    name: str, source: str, schemas: tuple[str, ...], tables: tuple[str, ...], reader: str | None, models: Models, out: Path
) -> None:
    """A connector package from the description a system already has: typed, tested, installable."""
    from connector_codegen.generate import generate, understand
    from connector_codegen.scaffold import project_name, scaffold
    from connector_codegen.writers.layouts import descriptions

    variable = re.sub(r"\W", "_", project_name(name).removeprefix("connector-")).upper() + "_PASSWORD"
    interface, problems = understand(source, reader, schemas=schemas, tables=tables, variable=variable)
    folder = scaffold(
        name,
        out,
        interface,
        models=models,
        source=descriptions(interface, problems),
        generate=lambda folder: generate(str(folder), models=models).files,
    )
    package, name = folder.name.replace("-", "_"), folder.name.removeprefix("connector-")
    click.echo(f"Made {folder}/")
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "py.typed"):
        click.echo(f"  {path.relative_to(folder)}")
    _tell(problems)
    if any(problem.level == "question" for problem in problems):
        click.echo(f"Answers go into {folder / package / 'source'}; then `connector generate` (the README says how).")
    click.echo("\nNext:")
    click.echo(f"  pip install -e {folder}")
    click.echo(f"  connector test {name}")
    click.echo(f"  connector init {name} > {name}.yaml")


@click.command(
    epilog=_example(
        "connector generate connector_airports/source --out connector_airports/generated",
        "connector generate connector_airports/source --out connector_airports/generated --check",
    )
)
@click.argument("source")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder of generated files.")
@_reader
@click.option("--models", type=click.Choice(_MODELS), help="What typed rows are; else what they are in --out, or msgspec.")
@click.option("--refresh", is_flag=True, help="Read the catalogue that SOURCE is of from its database again, first.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 5 and say what differs from --out.")
@click.pass_context
def generate(
    context: click.Context, source: str, out: Path, reader: str | None, models: Models | None, refresh: bool, check: bool
) -> None:
    """The generated part of a package, made again from its description, or checked against it."""
    from connector_codegen import generate as generating

    kind = models or generating.models_in(out)
    fresh = generating.refreshed(source, reader) if refresh else None
    if fresh is not None and not check:
        fresh.write()
    generated = generating.generate(source, reader=reader, models=kind)
    if check:
        stale = [] if fresh is None else fresh.outdated()
        stale += generating.outdated(generated.files, out)
        for line in stale:
            click.echo(line)
        if stale:
            anew = f"connector generate {source} --out {out}{' --refresh' if refresh else ''}"
            click.echo(f"{out} is not what {source} describes: {anew}", err=True)
            context.exit(DIFFERENT)
        return
    generating.publish(generated.files, out)
    for file in generated.files:
        click.echo(out / file.path)
    _tell(generated.problems)


@click.command(
    epilog=_example(
        "connector diff connector_airports/source runways-2027.csv",
        "connector diff old/interface.json new/interface.json --json",
        "connector diff connector_shop/source odbc:",
    )
)
@click.argument("old")
@click.argument("new")
@_reader
@click.option("--json", "as_json", is_flag=True, help="JSON for programs.")
@click.pass_context
def diff(context: click.Context, old: str, new: str, reader: str | None, as_json: bool) -> None:
    """What changed between two descriptions, field by field: compatible, breaking or data-losing.

    OLD and NEW are samples, layouts, Table Schemas, folders of them, or a generated interface.json; NEW is also odbc: for the
    database that OLD was read from, as it is now. Exits with 5 when a difference breaks something made for OLD, or loses data.
    """
    from connector_codegen.diff import Verdict, compare, worst
    from connector_codegen.generate import again, understand

    was = understand(old, reader)[0]
    found = compare(was, (again(was, old) if new == "odbc:" else understand(new, reader))[0])
    verdict = worst([each.verdict for each in found])
    if as_json:
        differences = [{"stream": each.stream, "field": each.field, "verdict": each.verdict, "what": each.what} for each in found]
        content = {"old": old, "new": new, "verdict": verdict, "differences": differences}
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    elif found:
        rows = [(each.verdict, each.stream if each.field is None else f"{each.stream}.{each.field}", each.what) for each in found]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        for row in rows:
            click.echo(f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}")
    else:
        click.echo("no difference")
    if verdict is not Verdict.COMPATIBLE:
        context.exit(DIFFERENT)


def _tell(problems: Iterable[Problem]) -> None:
    """Questions first: those want an answer."""
    ordered = sorted(problems, key=lambda problem: ("question", "note").index(problem.level))
    if ordered:
        click.echo("\nDecided:")
    for problem in ordered:
        click.echo(f"  {'?' if problem.level == 'question' else '·'} {problem}")


commands: Sequence[click.Command] = (new, generate, diff)
