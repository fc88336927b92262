"""What several tests of the runtime follow: a few goods, and a reader that keeps up with them."""

from __future__ import annotations

import pytest

from .drops import GOODS, Drops, Follower


@pytest.fixture
def goods():
    return Drops(GOODS)


@pytest.fixture
def follower(goods, tmp_path):
    return Follower(goods, tmp_path / "index")
