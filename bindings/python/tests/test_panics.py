"""A panic is an ordinary exception, and the next call works: at everything that the native part exports."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
import rulebound
from conftest import CREATE, KEY, REPLY, UPDATED
from rulebound import _rulebound, truemed

native: Any = _rulebound
pytestmark = pytest.mark.skipif(not hasattr(native, "panic_next"), reason="built without the feature `panics`")

START = truemed.PaymentToken.start(KEY)
STEP = START.handle(CREATE, now=0)
SEEN = START.observe(UPDATED, now=0)
TEXT = START.save()

CALLS: dict[str, Callable[[], object]] = {
    "load": lambda: rulebound.load(TEXT),
    "key_of": lambda: rulebound.key_of("revup.token", "tok_1"),
    "authenticate": lambda: rulebound.authenticate("truemed", "s", {"x-truemed-api-key": "s"}, b"", 0),
    "correlate": lambda: rulebound.correlate("truemed", UPDATED["body"]),
    "acknowledgement": lambda: rulebound.acknowledgement("truemed"),
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
    "Snapshot.observe": lambda: START.observe(REPLY, now=0),
    "Snapshot.owed": lambda: START.owed(now=0),
    "Snapshot.awaits": lambda: START.awaits(now=0),
    "Snapshot.offers": lambda: START.offers(now=0),
    "Snapshot.deadline": lambda: START.deadline(now=0),
    "Snapshot.correlation_ids": START.correlation_ids,
    "Snapshot.__eq__": lambda: START == rulebound.load(TEXT),
    "Snapshot.__hash__": lambda: hash(START),
    "Snapshot.__repr__": lambda: repr(START),
    "Snapshot.__copy__": lambda: copy.copy(START),
    "Snapshot.__deepcopy__": lambda: copy.deepcopy(START),
    "Snapshot.__reduce__": lambda: pickle.dumps(START),
    "Transition.next": lambda: STEP.next,
    "Transition.changed": lambda: STEP.changed,
    "Transition.take": lambda: STEP.take,
    "Transition.learnt": lambda: STEP.learnt,
    "Transition.failure": lambda: STEP.failure,
    "Transition.warnings": lambda: STEP.warnings,
    "Transition.__repr__": lambda: repr(STEP),
    "Transition.__copy__": lambda: copy.copy(STEP),
    "Transition.__deepcopy__": lambda: copy.deepcopy(STEP),
    "Observation.applied": lambda: SEEN.applied,
    "Observation.because": lambda: SEEN.because,
    "Observation.__repr__": lambda: repr(SEEN),
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
