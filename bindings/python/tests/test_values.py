"""Snapshots, steps and leases are values that never change, and classes are found by their names."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import uuid
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args, get_origin

import pytest
import rulebound
from conftest import EFFECT, KEY, REPLY, UPDATED
from rulebound import truemed


def test_a_row_is_loaded_by_its_flow(leased: truemed.PaymentToken) -> None:
    for loaded in (rulebound.load(leased.save()), truemed.PaymentToken.load(leased.save())):
        assert type(loaded) is truemed.PaymentToken
        assert loaded == leased and hash(loaded) == hash(leased)
        assert loaded.save() == leased.save() == leased.save_as(json.loads(leased.save())["format"])
    assert rulebound.flows["truemed.payment_token"] is truemed.PaymentToken


def test_a_key_may_be_a_uuid() -> None:
    assert truemed.PaymentToken.start(uuid.UUID(KEY)) == truemed.PaymentToken.start(KEY)


def test_a_row_may_be_bytes(leased: truemed.PaymentToken) -> None:
    for load in (rulebound.load, truemed.PaymentToken.load):
        assert load(leased.save().encode()) == leased


def test_every_flow_of_the_catalogue_has_a_class() -> None:
    ids = [flow["id"] for flow in rulebound.catalogue()["flows"]]
    assert sorted(rulebound.flows) == sorted(ids)
    for id, flow in rulebound.flows.items():
        provider, snapshot = getattr(rulebound, id.split(".")[0]), flow.start(KEY)
        assert getattr(provider, flow.__name__) is flow
        assert (flow.__module__, snapshot.flow) == (f"rulebound.{id.split('.')[0]}", id)
        assert flow.load(snapshot.save()) == snapshot


def test_snapshots_are_values(leased: truemed.PaymentToken, issued: truemed.PaymentToken) -> None:
    assert leased != issued and leased != leased.save()
    assert copy.copy(leased) is leased and copy.deepcopy([leased])[0] is leased
    assert pickle.loads(pickle.dumps(leased)) == leased
    assert len({leased, rulebound.load(leased.save()), issued}) == 2


def test_nothing_can_be_changed(leased: truemed.PaymentToken) -> None:
    for name in ("key", "revision", "anything"):
        with pytest.raises(AttributeError):
            setattr(leased, name, "x")
    step = leased.observe(REPLY, now=2)
    step.new_ids.clear()
    step.transitions.clear()
    step.next.waiting_for(now=2).clear()
    assert [it["id"] for it in step.new_ids] == ["ptr_1"] and len(step.transitions) == 1 and len(step.next.waiting_for(now=2)) == 1
    for value, name in ((step, "next"), (leased.lease(EFFECT, now=300_001), "request")):
        with pytest.raises(AttributeError):
            setattr(value, name, None)
    with pytest.raises(TypeError):
        rulebound.flows["x"] = truemed.PaymentToken  # type: ignore[index]
    for make in (rulebound.Snapshot, truemed.PaymentToken, rulebound.Step, rulebound.Lease):
        with pytest.raises(TypeError):
            make()
    for final in (truemed.PaymentToken, rulebound.Step, rulebound.Lease):
        with pytest.raises(TypeError):
            type("Own", (final,), {})


def test_values_are_copied_and_watched_like_any_other(leased: truemed.PaymentToken) -> None:
    for it in (leased, leased.observe(REPLY, now=2), leased.lease(EFFECT, now=300_001)):
        assert copy.copy(it) is it and copy.deepcopy(it) is it
        assert weakref.ref(it)() is it


def test_names_say_where_a_class_or_a_function_is_found() -> None:
    for flow, of in rulebound.flows.items():
        module = sys.modules[f"rulebound.{flow.split('.')[0]}"]
        name = f"rulebound.{flow.split('.')[0]}.{of.__name__}"
        assert getattr(module, of.__name__) is of and repr(of) == f"<class '{name}'>"
        with pytest.raises(TypeError, match=f"'{name}'"):
            of()
    for name, it in vars(rulebound).items():
        if callable(it) and not name.startswith("_"):
            assert (it.__module__, it.__name__) == ("rulebound", name)
            assert pickle.loads(pickle.dumps(it)) is it
    assert rulebound.__version__ == rulebound.versions()["library"]


def test_classes_take_their_parameters_at_run_time() -> None:
    row = rulebound.Snapshot[Any, Any]
    assert (get_origin(row), get_args(row)) == (rulebound.Snapshot, (Any, Any))
    assert get_origin(rulebound.Step[truemed.PaymentToken]) is rulebound.Step
    assert get_args(rulebound.Step[truemed.PaymentToken]) == (truemed.PaymentToken,)
    assert get_origin(rulebound.Lease[truemed.PaymentToken]) is rulebound.Lease
    assert get_args(rulebound.Lease[truemed.PaymentToken]) == (truemed.PaymentToken,)


def test_nothing_secret_is_printed(issued: truemed.PaymentToken) -> None:
    step = issued.handle({"type": "retrieve_payment_token"}, now=4)
    (effect,) = step.next.effects(now=4)
    lease = step.next.lease(effect["id"], now=4)
    ignored = issued.observe(UPDATED, now=4)
    assert "pt_1" in issued.save() and lease.request is not None and "pt_1" in lease.request["url"]
    assert repr(issued) == f"<truemed.payment_token {KEY} revision {issued.revision}>"
    assert repr(step) == f"<Step to truemed.payment_token {KEY} revision {issued.revision + 1}>"
    assert repr(lease) == f"<Lease to truemed.payment_token {KEY} revision {issued.revision + 2}>"
    assert repr(ignored) == f"<Step to truemed.payment_token {KEY} revision {issued.revision}, ignored: duplicate>"
    assert all("pt_1" not in repr(it) for it in (issued, step, lease, ignored))


def test_one_snapshot_serves_many_threads(issued: truemed.PaymentToken) -> None:
    def round(now: int) -> tuple[Any, ...]:
        with pytest.raises(rulebound.Rejected):
            issued.lease("nothing:1", now=now)
        step = issued.handle({"type": "delete_payment_token"}, now=now)
        lease = step.next.lease("delete_payment_token:1", now=now)
        assert lease.request is not None
        return issued.save(), (step.next.save(), lease.next.save()), issued.actions(now=4), hash(issued)

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(round, range(4, 2004)))
    assert all(result[0] == results[0][0] and result[2:] == results[0][2:] for result in results)


def test_the_error_about_an_unknown_flow_lists_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"there is no flow 'truemed\.token': use one of .*truemed\.payment_token"):
        rulebound.flows["truemed.token"]
    assert rulebound.flows.get("truemed.token") is None and "truemed.token" not in rulebound.flows
