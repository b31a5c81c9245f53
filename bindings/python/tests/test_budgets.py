"""What a host pays: the time of the import, and memory that does not grow."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import rulebound
from conftest import CREATE, EFFECT, REPLY, UPDATED
from rulebound import truemed


def seconds(statement: str) -> float:
    timed = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    runs = [subprocess.run([sys.executable, "-c", timed], check=True, capture_output=True) for _ in range(15)]
    return min(float(run.stdout) for run in runs)


def test_the_import_costs_at_most_ten_milliseconds() -> None:
    assert seconds("import rulebound") - seconds("pass") <= 0.010


def test_the_types_are_read_when_they_are_first_used() -> None:
    used = "import sys, rulebound; before = 'rulebound.types' in sys.modules; print(before, rulebound.types.__name__)"
    run = subprocess.run([sys.executable, "-c", used], check=True, capture_output=True, text=True)
    assert run.stdout == "False rulebound.types\n"


CONFIG: Any = {"lease_ms": 5000, "truemed": {"environment": "staging"}}


def everything(token: truemed.PaymentToken) -> None:
    step = token.observe(REPLY, now=2)
    _: Any = (step.ignored, step.transitions, step.new_ids, step.failure, step.warnings)
    token = step.next.observe(UPDATED, now=3).next
    _ = (token.effects(now=4), token.actions(now=4), token.waiting_for(now=4), token.wake_at(now=4), hash(token))
    token = rulebound.load(token.save())
    deleting = token.handle({"type": "delete_payment_token"}, now=4, config=CONFIG).next
    lease = deleting.lease("delete_payment_token:1", now=4, config=CONFIG)
    _ = (lease.request, lease.warnings, lease.next)
    for fails in (
        lambda: token.handle({**CREATE, "order_items": []}, now=4),
        lambda: token.lease(EFFECT, now=4),
        lambda: token.handle({}, now=4),
        lambda: rulebound.load("{}"),
    ):
        try:
            fails()
        except (rulebound.Rejected, rulebound.InvalidInput):
            continue
        raise AssertionError("nothing was wrong")


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads what Linux counts")
def test_no_memory_is_lost(leased: truemed.PaymentToken) -> None:
    for _ in range(2_000):
        everything(leased)
    gc.collect()
    before, blocks = resident(), sys.getallocatedblocks()
    for _ in range(10_000):
        everything(leased)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 1_000
    assert resident() - before < 4 << 20


def test_references_are_released(leased: truemed.PaymentToken) -> None:
    held = (leased, CREATE, CONFIG, EFFECT, REPLY["body"])
    before = [sys.getrefcount(it) for it in held]
    for _ in range(1_000):
        everything(leased)
        leased.observe(UPDATED, now=2)
    assert [sys.getrefcount(it) for it in held] == before
