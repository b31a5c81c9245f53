"""What a host pays: for the import, and in memory that does not grow."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import rulebound
from conftest import CREATE, REPLY, UPDATED
from rulebound import truemed


def seconds(statement: str) -> float:
    timed = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    runs = [subprocess.run([sys.executable, "-c", timed], check=True, capture_output=True) for _ in range(15)]
    return min(float(run.stdout) for run in runs)


def test_the_import_costs_at_most_ten_milliseconds() -> None:
    assert seconds("import rulebound") - seconds("pass") <= 0.010


def test_the_types_are_read_when_they_are_asked_for() -> None:
    asked = "import sys, rulebound; before = 'rulebound.types' in sys.modules; print(before, rulebound.types.__name__)"
    run = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert run.stdout == "False rulebound.types\n"


def everything(at: truemed.PaymentToken) -> None:
    step = at.observe(REPLY, now=2)
    at = step.next.observe(UPDATED, now=3).next
    _: Any = (step.learnt, step.warnings, step.failure, at.owed(now=4), at.offers(now=4), at.awaits(now=4), hash(at))
    at = rulebound.load(at.save())
    at.handle({"type": "delete_payment_token"}, now=4, policy={"lease": 5000}, settings={"environment": "staging"})
    for fails in (lambda: at.handle(CREATE, now=4), lambda: at.handle({}, now=4), lambda: rulebound.load("{}")):
        try:
            fails()
        except (rulebound.Refused, rulebound.Malformed):
            pass


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="tells memory by Linux's own count")
def test_no_memory_is_lost(begun: truemed.PaymentToken) -> None:
    for _ in range(2_000):
        everything(begun)
    gc.collect()
    before, blocks = resident(), sys.getallocatedblocks()
    for _ in range(10_000):
        everything(begun)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 1_000
    assert resident() - before < 4 << 20


def test_references_are_given_back(begun: truemed.PaymentToken) -> None:
    before = sys.getrefcount(begun), sys.getrefcount(CREATE), sys.getrefcount(REPLY["body"])
    for _ in range(1_000):
        everything(begun)
        begun.observe(UPDATED, now=2)
    assert (sys.getrefcount(begun), sys.getrefcount(CREATE), sys.getrefcount(REPLY["body"])) == before
