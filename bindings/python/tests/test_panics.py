"""A panic is an ordinary exception, and the next call works: at everything that the native part exports."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
import rulebound
from conftest import CREATE, EFFECT, KEY, REPLY, UPDATED
from rulebound import _rulebound, truemed

native: Any = _rulebound
pytestmark = pytest.mark.skipif(not hasattr(native, "panic_next"), reason="built without the feature `panics`")

START = truemed.PaymentToken.start(KEY)
STEP = START.handle(CREATE, now=0)
LEASE = STEP.next.lease(EFFECT, now=0)
TEXT = START.save()

CALLS: dict[str, Callable[[], object]] = {
    "load": lambda: rulebound.load(TEXT),
    "key_for": lambda: rulebound.key_for("revup.token", "tok_1"),
    "read_webhook": lambda: rulebound.read_webhook("truemed", "s", {"x-truemed-api-key": "s"}, b"", 0),
    "webhook_ids": lambda: rulebound.webhook_ids("truemed", UPDATED),
    "ask": lambda: rulebound.ask("truemed", "needs_update", {"confirmed": [], "wanted": []}),
    "catalogue": rulebound.catalogue,
    "versions": rulebound.versions,
    "call": lambda: rulebound.call("{}"),
    "Snapshot.flow": lambda: START.flow,
    "Snapshot.key": lambda: START.key,
    "Snapshot.revision": lambda: START.revision,
    "Snapshot.save": START.save,
    "Snapshot.save_as": lambda: START.save_as(1),
    "Snapshot.handle": lambda: START.handle(CREATE, now=0),
    "Snapshot.lease": lambda: STEP.next.lease(EFFECT, now=0),
    "Snapshot.observe": lambda: LEASE.next.observe(REPLY, now=0),
    "Snapshot.status": lambda: START.status(now=0),
    "Snapshot.effects": lambda: START.effects(now=0),
    "Snapshot.waiting_for": lambda: START.waiting_for(now=0),
    "Snapshot.actions": lambda: START.actions(now=0),
    "Snapshot.wake_at": lambda: START.wake_at(now=0),
    "Snapshot.ids": START.ids,
    "Snapshot.__eq__": lambda: START == rulebound.load(TEXT),
    "Snapshot.__hash__": lambda: hash(START),
    "Snapshot.__repr__": lambda: repr(START),
    "Snapshot.__copy__": lambda: copy.copy(START),
    "Snapshot.__deepcopy__": lambda: copy.deepcopy(START),
    "Snapshot.__reduce__": lambda: pickle.dumps(START),
    "Step.next": lambda: STEP.next,
    "Step.ignored": lambda: STEP.ignored,
    "Step.transitions": lambda: STEP.transitions,
    "Step.new_ids": lambda: STEP.new_ids,
    "Step.failure": lambda: STEP.failure,
    "Step.warnings": lambda: STEP.warnings,
    "Step.__repr__": lambda: repr(STEP),
    "Step.__copy__": lambda: copy.copy(STEP),
    "Step.__deepcopy__": lambda: copy.deepcopy(STEP),
    "Lease.next": lambda: LEASE.next,
    "Lease.request": lambda: LEASE.request,
    "Lease.warnings": lambda: LEASE.warnings,
    "Lease.__repr__": lambda: repr(LEASE),
    "Lease.__copy__": lambda: copy.copy(LEASE),
    "Lease.__deepcopy__": lambda: copy.deepcopy(LEASE),
}
for _flow in rulebound.flows.values():
    CALLS[f"{_flow.__module__}.{_flow.__name__}.start"] = lambda flow=_flow: flow.start(KEY)
    CALLS[f"{_flow.__module__}.{_flow.__name__}.load"] = lambda flow=_flow, text=_flow.start(KEY).save(): flow.load(text)

OF_PYTHON = {"__class_getitem__", "__doc__", "__module__", "__new__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}
"""What Python itself, or PyO3, adds to a class."""


def exported() -> set[str]:
    names = {name for name in native.__all__ if name not in {"__version__", "panic_next", "flows"}}
    classes = {name: getattr(native, name) for name in names if isinstance(getattr(native, name), type)}
    classes |= {f"{flow.__module__}.{flow.__name__}": flow for flow in native.flows.values()}
    members = {f"{name}.{member}" for name, it in classes.items() for member in vars(it) if member not in OF_PYTHON}
    return {name for name in names if name not in classes} | members


def test_every_export_is_tried() -> None:
    assert isinstance(native.flows, MappingProxyType)
    assert set(CALLS) == exported()


@pytest.mark.parametrize("name", CALLS)
def test_a_panic_is_an_exception_and_the_next_call_works(name: str) -> None:
    call = CALLS[name]
    native.panic_next()
    with pytest.raises(RuntimeError, match="rulebound panicked, which is a bug: as a test asked"):
        call()
    call()
    assert START.save() == TEXT
