"""The pytest plugin: the fixture `simulator`, and `--sim-strict`."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from .testing import Simulator, World


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("rulebound")
    about = "fail a test that relied on a simulated reply that no document shows"
    group.addoption("--sim-strict", action="store_true", default=False, help=about)


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[Simulator]:
    """The simulator that serves the worlds of all tests."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(simulator_process: Simulator) -> Iterator[World]:
    """A new world of the providers, for one test."""
    world = simulator_process.world()
    yield world
    world.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    world = getattr(item, "funcargs", {}).get("simulator")
    if item.config.getoption("--sim-strict") and isinstance(world, World):
        relied = [f"{it['operation']}: {it['why_inferred'] or 'the operation is inferred'}" for it in world.inferred()]
        if relied:
            pytest.fail("the test relied on replies that no document shows:\n" + "\n".join(relied), pytrace=False)
    return result
