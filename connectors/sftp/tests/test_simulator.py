"""The simulator's drops over days: they grow, shift, replace and delete, and what it says is there is there."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import connector_sdk
import pytest
from connector_sdk.formats.layout import Layout, layout_from
from connector_sdk.testing.comparison import difference
from connector_sftp.plain_layout import PlainLayout
from connector_sftp.simulator import LAYOUTS, SftpSimulator

LAYOUT: Mapping[str, Layout] = {name: layout_from(value) for name, value in LAYOUTS.items()}


@pytest.mark.parametrize("name", ["orders", "stock"])
def test_a_day_adds_changes_removes_and_moves(name: str) -> None:
    plain, rng = PlainLayout(name, LAYOUT[name]), random.Random(1)
    (stream,) = plain.streams
    (key,) = plain.streams[stream].keys
    today, number = plain.samples(range(30), rng), 30
    grown = 0
    for _ in range(20):
        fresh = range(number, number + 4)
        tomorrow = plain.next_day(today, fresh, rng)
        was, now = ({row[key]: row for _, row in rows} for rows in (today, tomorrow))
        assert len(now) == len(tomorrow)
        assert set(now) - set(was) == {plain.sample(stream, n, rng)[key] for n in fresh}
        assert set(was) - set(now)
        assert any(was[k] != now[k] for k in set(was) & set(now))
        assert plain.read(plain.write(plain.records(tomorrow))) == tomorrow
        grown += len(tomorrow) > len(today)
        today, number = tomorrow, fresh.stop
    assert grown


@pytest.mark.parametrize("takes", ["all", "latest"])
@pytest.mark.parametrize("name", ["orders", "stock"])
def test_any_layout_can_be_dropped_either_way(name: str, takes: str) -> None:
    layouts = {name: LAYOUT[name]}
    with SftpSimulator(5, layouts, {name: takes}) as simulator:
        config: dict[str, Any] = dict(simulator.config)
        config["streams"] = {name: {**config["streams"][name], "layout": dict(LAYOUTS[name])}}
        seen = []
        for seed in range(8):
            with connector_sdk.open("sftp", **config) as session:
                problem = difference(simulator.rows(name), session.read(name).table())
            assert not problem, problem
            seen.append(simulator.rows(name).num_rows)
            simulator.change(seed)
        assert len(set(seen)) > 2


def test_the_same_seed_makes_the_same_days() -> None:
    def days(seed: int) -> dict[str, bytes]:
        with SftpSimulator(seed) as simulator:
            for number in range(3):
                simulator.change(number)
            return {path.name: path.read_bytes() for path in simulator.folder.iterdir()}

    assert days(3) == days(3) != days(4)
