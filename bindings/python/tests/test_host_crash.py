"""A short run of `host_crash.py` on each database."""

from __future__ import annotations

import pytest
from host_crash import on
from host_suite import postgres_url


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_workers_that_are_killed_pay_nothing_twice_and_lose_nothing(database: str) -> None:
    if database == "postgres" and postgres_url() is None:
        pytest.skip("RULEBOUND_TEST_POSTGRES is not set")
    result = on(database, flows=12, workers=4, odds=12, seconds=120)
    assert result["kills"] > 0, "no worker was killed: the run shows nothing"
