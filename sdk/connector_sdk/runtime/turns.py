"""Which splits may be written at once: rows that refer to others come after those, where the target holds them to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from connector_sdk.contract import Split

__all__ = ["turns"]


def turns(splits: Sequence[Split], refers: Mapping[str, Collection[str]]) -> list[list[Split]]:
    """`splits` in groups that are written one after the other. `refers` says to which streams the target's rows of each refer.

    Streams that refer to each other, round about, are in no order; those of one split have the order that it gives them.
    """
    groups: dict[tuple[str, ...], list[Split]] = {}
    for split in splits:
        groups.setdefault(tuple(stream.name for stream in split.streams), []).append(split)
    home = {name: group for group in groups for name in group}
    to = {group: {home[name] for own in group for name in refers.get(own, ()) if name in home} for group in groups}
    reached = {group: _reached(group, to) for group in groups}
    turn: dict[tuple[str, ...], int] = {}

    def turn_of(group: tuple[str, ...]) -> int:
        if group not in turn:
            before = [other for other in reached[group] if group not in reached[other]]
            turn[group] = 1 + max((turn_of(other) for other in before), default=-1)
        return turn[group]

    found: dict[int, list[Split]] = {}
    for group in groups:
        found.setdefault(turn_of(group), []).extend(groups[group])
    return [found[number] for number in sorted(found)]


def _reached(group: tuple[str, ...], to: Mapping[tuple[str, ...], set[tuple[str, ...]]]) -> set[tuple[str, ...]]:
    found, left = set[tuple[str, ...]](), [group]
    while left:
        new = to[left.pop()] - found
        found |= new
        left += new
    return found
