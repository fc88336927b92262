"""Fixtures for packages that test their connectors; loaded by pytest through its entry point, so it imports next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from connector_sdk.testing.fault_proxy import FaultProxy
    from connector_sdk.testing.simulation import Simulator


@pytest.fixture
def simulate() -> Iterator[Callable[..., Simulator]]:
    """``simulate(MyConnector, seed=0)``: the connector's simulator, running until the test ends."""
    from connector_sdk.testing.simulation import simulator_of

    with ExitStack() as stack:

        def start(connector: Any, seed: int = 0) -> Simulator:
            simulator = simulator_of(connector)
            if simulator is None:
                pytest.fail(f"{connector.__qualname__} names no simulator", pytrace=False)
            running: Simulator = stack.enter_context(simulator(seed))
            return running

        yield start


@pytest.fixture
def fault_proxy() -> Iterator[Callable[..., FaultProxy]]:
    """``fault_proxy(host, port, Faults(cut_after=1000))``: a proxy before a server, running until the test ends."""
    from connector_sdk.testing.fault_proxy import FaultProxy

    with ExitStack() as stack:

        def start(host: str, port: int, faults: Any = None) -> FaultProxy:
            return stack.enter_context(FaultProxy(host, port, faults))

        yield start
