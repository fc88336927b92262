"""Metadata for tabular data on the web (CSVW) as layouts (W3C: Metadata Vocabulary for Tabular Data, 17 December 2015).

What of it a layout cannot say is told, never dropped in silence. URLs are taken for names: nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from connector_sdk.errors import ConfigError
from connector_sdk.formats.delimited_inference.csvw_datatype import field_of
from connector_sdk.formats.delimited_inference.found import Finding
from connector_sdk.formats.layout import Delimited, Field, Layout
from connector_sdk.schema import Relation

__all__ = ["Table", "from_csvw"]

_INHERITED = (
    "aboutUrl",
    "datatype",
    "default",
    "lang",
    "null",
    "ordered",
    "propertyUrl",
    "required",
    "separator",
    "textDirection",
)
_UNSAID = ("default", "separator")
"""Inherited properties that decide what values are, and that a layout has no place for."""


@dataclass(frozen=True)
class Table:
    """One table: its layout, how its rows point to those of others, the name of its file, and what the layout does not say."""

    layout: Layout
    relations: tuple[Relation, ...]
    url: str | None
    findings: tuple[Finding, ...]


def from_csvw(metadata: Mapping[str, Any], where: str = "CSVW metadata") -> tuple[Table, ...]:
    """The tables that a table group or a single table describes.

    Raises ConfigError naming `where` for metadata without a table with columns, and for what contradicts itself.
    """
    tables = metadata.get("tables")
    if tables is None:
        tables = [metadata]
    if not isinstance(tables, Sequence) or not tables or not all(isinstance(table, Mapping) for table in tables):
        raise ConfigError(
            f"{where}: there is no table", hint="CSVW has {'url': …, 'tableSchema': {'columns': […]}}, or tables of it"
        )
    language = _language(metadata.get("@context"))
    described = [{**_shared(metadata), **table} for table in tables]
    by_url = {str(table.get("url")): _name(table, where) for table in described}
    by_schema = {
        str(schema["@id"]): _name(table, where)
        for table in described
        if isinstance(schema := table.get("tableSchema"), Mapping) and "@id" in schema
    }
    return tuple(_table(table, by_url, by_schema, language, where) for table in described if not table.get("suppressOutput"))


def _shared(group: Mapping[str, Any]) -> dict[str, Any]:
    """What a group says for each of its tables."""
    return {key: group[key] for key in (*_INHERITED, "dialect", "tableSchema") if key in group} if "tables" in group else {}


def _language(context: object) -> str:
    parts = context if isinstance(context, Sequence) and not isinstance(context, str) else [context]
    return next((str(part["@language"]) for part in parts if isinstance(part, Mapping) and "@language" in part), "und")


def _name(table: Mapping[str, Any], where: str) -> str:
    given = table.get("url") or table.get("@id")
    if not isinstance(given, str) or not given:
        return re.sub(r"(-metadata|\.csv-metadata)?\.json\Z", "", where.replace("\\", "/").rpartition("/")[2]) or "table"
    return re.sub(r"\.(csv|tsv|txt|tab|psv)(\.gz)?\Z", "", given.split("#")[0].split("?")[0].rpartition("/")[2]) or given


def _table(table: Mapping[str, Any], by_url: Mapping[str, str], by_schema: Mapping[str, str], language: str, where: str) -> Table:
    name = _name(table, where)
    place = f"{where}: {name}"
    schema = table.get("tableSchema")
    if not isinstance(schema, Mapping) or not isinstance(schema.get("columns"), Sequence):
        raise ConfigError(f"{place}: there is no list of columns", hint="a tableSchema has {'columns': [{'name': …}, …]}")
    findings: list[Finding] = []
    form, encoding = _form(table.get("dialect"), findings, place)
    keys = _words(schema.get("primaryKey"))
    above = {key: value for part in (table, schema) for key, value in part.items() if key in _INHERITED}
    fields = tuple(
        _column({**above, **column}, keys, language, findings, f"{place}, column {number}", number)
        for number, column in enumerate(_columns(schema["columns"], place), 1)
        if not column.get("virtual")
    )
    virtual = [_titled(column, language) for column in _columns(schema["columns"], place) if column.get("virtual")]
    if virtual:
        findings.append(
            Finding("note", None, f"virtual columns are in no file and were left out: {', '.join(map(str, virtual))}")
        )
    dialect = table.get("dialect")
    trim = dialect.get("trim", dialect.get("skipInitialSpace", False)) if isinstance(dialect, Mapping) else False
    if trim not in (False, "false") and any(pa.types.is_string(field.type) for field in fields):
        findings.append(Finding("question", None, "the dialect trims blanks; here text keeps those around it"))
    layout = Layout(name=name, encoding=encoding, form=form, fields=fields, keys=tuple(keys), doc=_doc(table, language))
    relations = tuple(_relations(schema.get("foreignKeys"), by_url, by_schema, findings, place))
    for relation in relations:
        unknown = [column for column in relation.columns if column not in layout.names]
        if unknown:
            raise ConfigError(f"{place}: a foreign key has the column {unknown[0]!r}, which the table has not")
    return Table(layout, relations, table.get("url") if isinstance(table.get("url"), str) else None, tuple(findings))


def _columns(columns: Sequence[Any], place: str) -> list[Mapping[str, Any]]:
    if not columns or not all(isinstance(column, Mapping) for column in columns):
        raise ConfigError(f"{place}: columns were expected, each with a name or titles")
    return list(columns)


def _form(dialect: object, findings: list[Finding], place: str) -> tuple[Delimited, str]:
    """The dialect's form and encoding. The defaults are those of section 5.9 of the vocabulary."""
    if dialect is None:
        return Delimited(), "utf-8"
    if not isinstance(dialect, Mapping):
        raise ConfigError(f"{place}: the dialect is no object, and dialects elsewhere are not fetched")
    count = dialect.get("headerRowCount", 1 if dialect.get("header", True) else 0)
    skip = dialect.get("skipRows", 0)
    if not isinstance(count, int) or not isinstance(skip, int):
        raise ConfigError(f"{place}: headerRowCount and skipRows are {count!r} and {skip!r}: whole numbers were expected")
    quote = dialect.get("quoteChar", '"')
    double = dialect.get("doubleQuote", True)
    for key in ("skipColumns",):
        if dialect.get(key):
            raise ConfigError(f"{place}: {key} is {dialect[key]}: columns cannot be passed over", hint="describe them as columns")
    if dialect.get("skipBlankRows") is False:
        findings.append(Finding("note", None, "skipBlankRows is false; an empty line is no record here, but of a single column"))
    form = Delimited(
        delimiter=str(dialect.get("delimiter", ",")),
        quote=None if quote is None else str(quote),
        escape=None if double else "\\",
        comment=None if dialect.get("commentPrefix") is None else str(dialect["commentPrefix"]),
        header=count,
        skip=skip,
    )
    return form, str(dialect.get("encoding", "utf-8"))


def _column(
    column: Mapping[str, Any], keys: Sequence[str], language: str, findings: list[Finding], place: str, number: int
) -> Field:
    title = _titled(column, language)
    name = str(column.get("name") or title or f"_col.{number}")
    found, told = field_of(name, column.get("datatype", "string"), place)
    findings += told
    for key in _UNSAID:
        if column.get(key) not in (None, ""):
            findings.append(
                Finding("question", name, f"{key} is {column[key]!r}, which a layout cannot say: values stay as they are")
            )
    null = tuple(word for word in _words(column.get("null", "")) if word)
    required = bool(column.get("required", False)) or name in keys
    return replace(
        found,
        title=title if title is not None and title != name else None,
        nullable=not required,
        null=null,
        doc=_doc(column, language),
    )


def _titled(column: Mapping[str, Any], language: str) -> str | None:
    """The header's word: the first title in the metadata's language, or in any."""
    titles = column.get("titles")
    if isinstance(titles, Mapping):
        titles = titles.get(language, next(iter(titles.values()), None))
    words = _words(titles)
    return words[0] if words else None


def _relations(
    keys: object, by_url: Mapping[str, str], by_schema: Mapping[str, str], findings: list[Finding], place: str
) -> Iterator[Relation]:
    for key in keys if isinstance(keys, Sequence) and not isinstance(keys, str) else []:
        reference = key.get("reference") if isinstance(key, Mapping) else None
        if not isinstance(reference, Mapping):
            raise ConfigError(f"{place}: a foreign key has columnReference and reference")
        columns, others = _words(key.get("columnReference")), _words(reference.get("columnReference"))
        if not columns or len(columns) != len(others):
            raise ConfigError(f"{place}: a foreign key refers from {columns} to {others}: as many columns were expected")
        to = by_url.get(str(reference.get("resource"))) or by_schema.get(str(reference.get("schemaReference")))
        if to is None:
            named = reference.get("resource") or reference.get("schemaReference")
            findings.append(
                Finding("note", None, f"the foreign key of {', '.join(columns)} refers to {named}, which is not described here")
            )
            continue
        yield Relation(columns=tuple(columns), to=to, to_columns=tuple(others))


def _doc(about: Mapping[str, Any], language: str) -> str | None:
    found = []
    for key in ("dc:title", "dc:description", "rdfs:comment", "schema:description"):
        value = about.get(key)
        if isinstance(value, Mapping):
            value = value.get("@value") or value.get(language)
        if isinstance(value, str) and value:
            found.append(value)
    return " — ".join(found) or None


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Sequence):
        return []
    return [str(word) for word in value]
