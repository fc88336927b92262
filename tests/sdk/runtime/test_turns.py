"""Splits in turns: parents before children; references round about, and splits of many streams, wait for nobody for ever."""

from __future__ import annotations

import pyarrow as pa
from connector_sdk.contract import Split
from connector_sdk.runtime.turns import turns
from connector_sdk.schema import Mode, Stream
from hypothesis import given
from hypothesis import strategies as st


def split(number: int, *names: str) -> Split:
    streams = tuple(
        Stream(name=name, schema=pa.schema([("id", pa.int64())]), reads=frozenset({Mode.FULL}), writes=frozenset())
        for name in names
    )
    return Split(id=f"{'+'.join(names)}/{number}", streams=streams, mode=Mode.FULL, spec={}, left={})


def ids(groups: list[list[Split]]) -> list[list[str]]:
    return [[one.id for one in group] for group in groups]


def test_what_refers_to_others_comes_after_them() -> None:
    splits = [split(0, "lines"), split(0, "orders"), split(1, "orders"), split(0, "people"), split(0, "notes")]
    refers = {"lines": {"orders", "products"}, "orders": {"people"}, "people": {"people"}}
    assert ids(turns(splits, refers)) == [["people/0", "notes/0"], ["orders/0", "orders/1"], ["lines/0"]]


def test_without_references_all_are_at_once() -> None:
    splits = [split(0, "a"), split(0, "b")]
    assert ids(turns(splits, {})) == [["a/0", "b/0"]]
    assert turns([], {}) == []


def test_streams_of_one_split_are_not_torn_apart() -> None:
    splits = [split(0, "child", "parent"), split(0, "other")]
    assert ids(turns(splits, {"child": {"parent"}, "other": {"child"}})) == [["child+parent/0"], ["other/0"]]


@given(
    st.dictionaries(st.sampled_from("abcdefg"), st.sets(st.sampled_from("abcdefg"))),
    st.sets(st.sampled_from("abcdefg"), min_size=1),
)
def test_every_split_has_its_turn_and_none_comes_before_what_it_refers_to(refers: dict[str, set[str]], names: set[str]) -> None:
    groups = turns([split(0, name) for name in sorted(names)], refers)
    at = {one.streams[0].name: number for number, group in enumerate(groups) for one in group}
    assert at.keys() == names

    def reached(name: str) -> set[str]:
        found, todo = set[str](), [name]
        while todo:
            new = (refers.get(todo.pop(), set()) & names) - found
            found |= new
            todo += new
        return found

    for name in names:
        for to in reached(name) - {name}:
            assert name in reached(to) or at[to] < at[name]
