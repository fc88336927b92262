"""Patterns mean what people expect, and nothing is looked for where it cannot be."""

from __future__ import annotations

import pytest
from connector_sdk.errors import ConfigError
from connector_sftp.patterns import Pattern


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("orders-*.csv", ["orders-1.csv", "orders-.csv"], ["orders.csv", "in/orders-1.csv", "orders-1.csv.gz", "ORDERS-1.csv"]),
        ("in/*.csv", ["in/a.csv"], ["a.csv", "in/b/a.csv"]),
        ("**/*.csv", ["a.csv", "x/a.csv", "x/y/a.csv"], ["a.txt"]),
        ("in/**/*.csv", ["in/a.csv", "in/x/y/a.csv"], ["a.csv", "inn/a.csv"]),
        ("in/**", ["in/a", "in/x/y"], ["a"]),
        ("a?c.csv", ["abc.csv"], ["ac.csv", "a/c.csv"]),
        ("[ab]-[!0-9].csv", ["a-x.csv", "b-x.csv"], ["c-x.csv", "a-1.csv"]),
        ("a[^]b.csv", ["a^b.csv"], ["axb.csv"]),
        ("plain (1)+.csv", ["plain (1)+.csv"], ["plain 1.csv"]),
        ("[x.csv", ["[x.csv"], ["x.csv"]),
        ("*\n.csv", ["a\n.csv"], ["a.csv"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [name for name in yes if not Pattern(pattern).matches(name)] == []
    assert [name for name in no if Pattern(pattern).matches(name)] == []


@pytest.mark.parametrize(
    ("pattern", "below", "depth"),
    [
        ("*.csv", "", 1),
        ("in/*.csv", "in", 1),
        ("in/x.csv", "in", 1),
        ("in/2*/*.csv", "in", 2),
        ("**/x.csv", "", None),
        ("a/b/**/x", "a/b", None),
    ],
)
def test_where_to_look(pattern: str, below: str, depth: int | None) -> None:
    assert (Pattern(pattern).below, Pattern(pattern).depth) == (below, depth)


@pytest.mark.parametrize(
    ("pattern", "part"),
    [("o-*.csv", "o-{part}.csv"), ("in/**/*.csv.gz", "in/{part}.csv.gz"), ("*/x.csv", "{part}/x.csv"), ("one.csv", "one.csv")],
)
def test_the_name_of_a_written_part_matches_its_pattern(pattern: str, part: str) -> None:
    assert Pattern(pattern).part == part
    assert Pattern(pattern).matches(part.replace("{part}", "abc-000001-0"))


@pytest.mark.parametrize("pattern", ["*-*.csv", "o?.csv", "[ab].csv", "x-?-*.csv"])
def test_a_pattern_with_no_single_place_for_a_part_is_not_written(pattern: str) -> None:
    with pytest.raises(ConfigError, match="which name"):
        _ = Pattern(pattern).part
