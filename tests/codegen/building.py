"""Small interfaces for the tests of this folder."""

from __future__ import annotations

import pyarrow as pa
from connector_codegen.model import Enumeration, Field, Interface, Many, Named, Record, Source, Stream, stream_from
from connector_codegen.passes import PASSES
from connector_codegen.problems import Problem
from connector_sdk.formats import layout
from connector_sdk.formats.layout import Layout
from connector_sdk.schema import Relation


def passed(interface: Interface) -> tuple[Interface, list[Problem]]:
    """`interface` after all passes, and what they found."""
    problems: list[Problem] = []
    for step in PASSES:
        interface = step(interface, problems)
    return interface, problems


def flat(*fields: layout.Field, **settings: object) -> Interface:
    """One flat file of `fields`, with identifiers."""
    described = Layout(**{"name": "rows", "fields": fields, **settings})  # type: ignore[arg-type]
    return passed(Interface(source=Source(reader="layout"), streams=(stream_from(described),)))[0]


def orders() -> Interface:
    """What richer description languages will say: records in records, lists, an enumeration, absent beside null."""
    text, whole = pa.string(), pa.int64()
    line = Record(
        name="line",
        doc="One position of an order",
        fields=(
            Field(name="no", type=whole, nullable=False),
            Field(name="part", type=Named("line"), required=False),
            Field(name="price", type=pa.decimal128(12, 2)),
        ),
    )
    status = Enumeration(name="order status", values=("open", "in progress", 'it\'s "done"', "", "1", "class"))
    order = Stream(
        name="orders",
        doc='Every "order" ever taken',
        keys=("id",),
        relations=(Relation(columns=("customer",), to="customers", to_columns=("id",)),),
        fields=(
            Field(name="id", type=whole, nullable=False, native="xs:long", origin="orders.wsdl:12"),
            Field(name="customer", type=text),
            Field(name="lines", type=Many(Named("line")), nullable=False),
            Field(name="first line", type=Named("line")),
            Field(name="status", type=Named("order status"), nullable=False),
            Field(name="old status", type=Named("order status"), required=False),
            Field(name="tags", type=Many(text), nullable=False),
            Field(name="span", type=pa.month_day_nano_interval()),
        ),
    )
    customers = Stream(name="customers", keys=("id",), fields=(Field(name="id", type=text, nullable=False),))
    source = Source(reader="layout", files={"orders.wsdl": "0" * 64})
    return passed(Interface(source=source, streams=(order, customers), records=(line,), enumerations=(status,)))[0]
