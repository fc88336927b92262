"""The laws where the folder holds years of drops: a read finds what is new among a million names, in little memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from connector_sdk.testing.laws import check_law

from connectors.sftp.tests.crowded import Memory, crowded

READ_ON, COMPARED = (2, 3, 8, 12), (1, 2, 3, 4, 8, 11, 12)
"""The laws about reading, where rows are added up, and where whole drops are compared."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "takes", "served"),
    [("orders", "all", False), ("stock", "all", True), ("stock", "latest", False), ("orders", "latest", True)],
    ids=["delimited incremental", "fixed incremental sftp", "fixed changes", "delimited changes sftp"],
)
def test_among_twenty_thousand_files_laws_are_kept(name: str, takes: str, served: bool) -> None:
    for number in READ_ON if takes == "all" else COMPARED:
        connector, crowd = crowded(name, 20_000, takes=takes, served=served)
        result = check_law(number, connector)
        assert result.verdict == "kept", f"law {number}: {result.detail}"
        assert crowd.told, "the crowd was in no listing: nothing is shown"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the most memory that was held is told by /proc")
@pytest.mark.parametrize(("name", "takes", "number"), [("stock", "all", 8), ("orders", "latest", 4)])
def test_among_a_million_files_laws_are_kept_in_little_memory(name: str, takes: str, number: int) -> None:
    # A list of a million entries would be 200 MB. The index of those that were read is 64 MB, mapped.
    connector, crowd = crowded(name, 1_000_000, takes=takes)
    crowd.memory = Memory()
    crowd.memory.watch()
    result = check_law(number, connector)
    assert result.verdict == "kept", result.detail
    assert crowd.told >= 2
    assert crowd.memory.grown < 100 << 20, f"{crowd.memory.grown >> 20} MB"
