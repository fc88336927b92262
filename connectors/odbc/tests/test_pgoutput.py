"""Messages of pgoutput come back as they were written, and what is none is one clear error."""

from __future__ import annotations

from struct import pack

import pytest
from connector_odbc.changes.pgoutput import (
    UNCHANGED,
    Begin,
    Change,
    Commit,
    Message,
    Relation,
    RelationColumn,
    Truncate,
    Values,
    message,
)
from connector_sdk.errors import InternalError
from hypothesis import given, settings
from hypothesis import strategies as st

LONG = st.integers(-(2**63), 2**63 - 1)
ID = st.integers(0, 2**32 - 1)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
ROWS: st.SearchStrategy[Values] = st.lists(st.none() | st.binary(max_size=300) | st.just(UNCHANGED), max_size=12)
COLUMNS = st.builds(RelationColumn, NAMES, ID, st.integers(-1, 2**31 - 1), st.booleans())
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Begin, LONG, LONG, ID),
    st.builds(Commit, LONG, LONG, LONG),
    st.builds(Relation, ID, NAMES, NAMES, st.sampled_from("dnfi"), st.lists(COLUMNS, max_size=9).map(tuple)),
    st.builds(Change, ID, st.just("c"), ROWS),
    st.builds(Change, ID, st.just("u"), ROWS),
    st.builds(Change, ID, st.just("u"), ROWS, ROWS, st.booleans()),
    st.builds(Change, ID, st.just("d"), st.none(), ROWS, st.booleans()),
    st.builds(Truncate, st.lists(ID, max_size=5).map(tuple)),
)


def written(told: Message) -> bytes:
    """As the server writes it."""
    match told:
        case Begin(position, moment, transaction):
            return b"B" + pack(">qqI", position, moment, transaction)
        case Commit(position, end, moment):
            return b"C\0" + pack(">qqq", position, end, moment)
        case Relation(number, schema, name, identity, columns):
            head = b"R" + pack(">I", number) + schema.encode() + b"\0" + name.encode() + b"\0" + identity.encode()
            parts = [bytes([c.identity]) + c.name.encode() + b"\0" + pack(">Ii", c.type, c.modifier) for c in columns]
            return head + pack(">H", len(columns)) + b"".join(parts)
        case Truncate(relations):
            return b"T" + pack(">IB", len(relations), 3) + b"".join(pack(">I", number) for number in relations)
    assert isinstance(told, Change)
    old = b"" if told.old is None else (b"O" if told.whole else b"K") + row(told.old)
    new = b"" if told.new is None else b"N" + row(told.new)
    return {"c": b"I", "u": b"U", "d": b"D"}[told.op] + pack(">I", told.relation) + old + new


def row(values: Values) -> bytes:
    parts = [b"n" if v is None else b"u" if v is UNCHANGED else b"t" + pack(">I", len(v)) + v for v in values]
    return pack(">H", len(values)) + b"".join(parts)


@settings(max_examples=100)
@given(told=MESSAGES)
def test_a_message_comes_back_as_it_was_written(told: Message) -> None:
    assert message(written(told)) == told


@settings(max_examples=100)
@given(told=MESSAGES, cut=st.integers(1, 40))
def test_a_message_that_is_cut_is_never_taken_for_another(told: Message, cut: int) -> None:
    whole = written(told)
    if cut < len(whole):
        with pytest.raises(InternalError, match="cannot be read"):
            message(whole[:-cut])


@pytest.mark.parametrize("data", [b"", b"Z", b"I\0\0\0\1N\0\1x", b"U\0\0\0\1K\0\0I"])
def test_what_is_no_message_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(InternalError, match="pgoutput"):
        message(data)


@pytest.mark.parametrize("data", [b"Ytype", b"Oorigin", b"Mmessage"])
def test_messages_that_are_not_about_rows_are_passed_over(data: bytes) -> None:
    assert message(data) is None
