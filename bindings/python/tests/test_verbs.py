"""Every verb of a snapshot, and its result."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
import rulebound
from conftest import CREATE, EFFECT, ITEM, KEY, REPLY, UPDATED
from rulebound import truemed


def charged(token: truemed.PaymentToken) -> truemed.PaymentToken:
    """The same token after a charge that Truemed has captured."""
    charge: Any = {"type": "create_payment_session", "payment_token": "pt_1", "intent": "2026-12", "total_amount": 1500}
    urls = {name: CREATE[name] for name in ("success_url", "failure_url")}
    token = token.handle({**charge, "order_items": [ITEM], **urls}, now=4).next
    effect = "create_payment_session:2026-12"
    token = token.lease(effect, now=5).next
    token = token.observe({"type": "reply", "effect": effect, "http_status": 200, "body": b'{"id": "ps_1"}'}, now=6).next
    captured = b'{"payment_session_id": "ps_1", "status": "captured", "capture_amount": 1500, "payment_token": "pt_1"}'
    return token.observe({"type": "webhook", "origin": "verified", "body": captured}, now=7).next


def test_an_accepted_command_says_what_it_needs(new: truemed.PaymentToken) -> None:
    step = new.handle(CREATE, now=0)
    assert (step.ignored, step.new_ids, step.failure, step.warnings) == (None, [], None, [])
    (transition,) = step.transitions
    assert transition == {"facet": "token", "before": "absent", "after": "requested", "trigger": "create_payment_token"}
    assert type(step.next) is truemed.PaymentToken
    assert (step.next.flow, step.next.key, step.next.revision) == ("truemed.payment_token", KEY, 1)
    effects = step.next.effects(now=0)
    assert [(it["id"], it["type"], it["ready"]) for it in effects] == [(EFFECT, "request", True)]
    assert new.revision == 0 and new.effects(now=0) == []


def test_the_same_command_is_ignored(new: truemed.PaymentToken) -> None:
    token = new.handle(CREATE, now=0).next
    again = token.handle(CREATE, now=1)
    assert again.ignored is not None and again.ignored["reason"] == "duplicate"
    assert again.next is token
    assert (again.transitions, again.new_ids, again.failure, again.warnings) == ([], [], None, [])


def test_a_lease_hands_out_the_request(new: truemed.PaymentToken) -> None:
    token = new.handle(CREATE, now=0).next
    lease = token.lease(EFFECT, now=1)
    request = lease.request
    assert request is not None
    assert request["url"] == "https://api.truemed.com/api/v1/payment_tokens/create"
    assert request["credential"] == {"header": "x-truemed-api-key", "scheme": None}
    assert request["idempotency_key"] == f"truemed.payment_token:{KEY}:{EFFECT}"
    assert (request["retry"], request["sending"]) == ("harmless", 1)
    assert json.loads(request["body"] or "")["metadata"] == KEY
    assert type(lease.next) is truemed.PaymentToken and lease.next.revision == 2 and lease.warnings == []
    (effect,) = lease.next.effects(now=1)
    assert (effect["ready"], effect["leased_until"], effect["attempts"]) == (False, 300_001, 1)
    assert token.effects(now=1)[0]["ready"] is True


def test_an_effect_that_is_not_a_request_is_leased_without_one(issued: truemed.PaymentToken) -> None:
    token = charged(issued)
    (effect,) = [it for it in token.effects(now=8) if it["type"] == "fulfill"]
    lease = token.lease(effect["id"], now=8)
    assert lease.request is None
    assert [it["leased_until"] for it in lease.next.effects(now=8) if it["id"] == effect["id"]] == [300_008]
    done = lease.next.observe({"type": "done", "effect": effect["id"]}, now=9)
    assert done.ignored is None and effect["id"] not in [it["id"] for it in done.next.effects(now=9)]


def test_only_one_worker_leases_an_effect(leased: truemed.PaymentToken) -> None:
    with pytest.raises(rulebound.Rejected) as rejected:
        leased.lease(EFFECT, now=2)
    (violation,) = rejected.value.violations
    assert (violation["rule"], violation["level"]) == ("rulebound.effect.leased", "forbid")
    assert violation["pointer"] == "/effect"
    assert violation["unblocked_by"] == {"type": "time", "at": 300_001}
    assert str(rejected.value) == (
        f"rulebound.effect.leased: {violation['message']} At `/effect`."
        " Unblocked by the time 300001 (1970-01-01 00:05:00 UTC)."
    )
    with pytest.raises(rulebound.Rejected, match=r"^rulebound\.effect\.not-pending: .* At `/effect`\."):
        leased.lease("create_payment_token:2", now=2)


def test_a_rejected_command_raises_every_broken_rule(issued: truemed.PaymentToken) -> None:
    with pytest.raises(rulebound.Rejected) as rejected:
        issued.handle({"type": "update_payment_token", "update_card_info": True, "order_items": [ITEM]}, now=4)
    (violation,) = rejected.value.violations
    assert violation["rule"] == "truemed.update.card-xor-items"
    assert violation["unblocked_by"] is None
    assert violation["instead"] == ["update_payment_token/items", "update_payment_token/card"]
    source = violation["source"]
    assert source is not None
    assert str(rejected.value) == (
        f"truemed.update.card-xor-items: {violation['message']} At `/update_card_info`. Instead:"
        f" `update_payment_token/items`, then `update_payment_token/card`. See https://{source['page']}."
    )
    assert pickle.loads(pickle.dumps(rejected.value)).violations == rejected.value.violations


def test_a_rejection_prints_codes_pointers_and_messages(issued: truemed.PaymentToken) -> None:
    with pytest.raises(rulebound.Rejected) as rejected:
        issued.handle({**CREATE, "order_items": [], "success_url": "ok"}, now=4)
    first, *others = rejected.value.violations
    assert (first["rule"], first["pointer"]) == ("rulebound.flow.already-started", "")
    assert [it["pointer"] for it in others] == ["/order_items", "/success_url"]
    lines = str(rejected.value).split("\n")
    assert lines[0].startswith(f"{first['rule']}: {first['message']}")
    for line, it in zip(lines[1:], others, strict=True):
        assert line.startswith(f"{it['rule']}: {it['message']} At `{it['pointer']}`.")
        assert it["source"] is not None and line.endswith(f"See https://{it['source']['page']}.")


def test_a_fact_changes_the_snapshot_or_says_why_not(leased: truemed.PaymentToken) -> None:
    early = leased.observe(UPDATED, now=2)
    assert early.ignored is not None and early.ignored["reason"] == "early" and "ptr_1" in (early.ignored["detail"] or "")
    assert early.next is leased and early.transitions == []
    step = leased.observe(REPLY, now=2)
    assert (step.ignored, step.new_ids) == (None, [{"kind": "provision_token_request", "id": "ptr_1"}])
    assert [(it["facet"], it["before"]) for it in step.transitions] == [("token", "requested")]
    assert step.next.waiting_for(now=2)[0]["customer_url"] == "https://truemed.example/q/1"
    assert [it["id"] for it in step.next.ids()] == [KEY, "ptr_1"]
    again = step.next.observe(REPLY, now=3)
    assert again.ignored is not None and again.ignored["reason"] == "duplicate" and again.next is step.next


def test_a_customer_who_returns_is_a_fact(leased: truemed.PaymentToken) -> None:
    waiting = leased.observe(REPLY, now=2).next
    step = waiting.observe({"type": "customer_returned"}, now=3)
    assert step.ignored is None
    lookups = [it for it in step.next.effects(now=3) if it["type"] == "request"]
    assert [(it["operation"], it["ready"]) for it in lookups] == [("retrieve_provision_token_request", True)]


def test_a_failure_is_reported(leased: truemed.PaymentToken) -> None:
    step = leased.observe({**REPLY, "http_status": 400, "body": '{"error": "Odd", "message": "no"}'}, now=2)
    assert step.failure is not None
    assert (step.failure["effect"], step.failure["http_status"]) == (EFFECT, 400)
    assert (step.failure["kind"], step.failure["pointer"], step.failure["rule"]) == ("refused", None, None)
    assert (step.failure["code"], step.failure["message"]) == ("Odd", "no")


def test_a_body_is_bytes_or_text_and_the_same(leased: truemed.PaymentToken) -> None:
    body = REPLY["body"]
    assert leased.observe(REPLY, now=2).next == leased.observe({**REPLY, "body": body.decode()}, now=2).next
    broken = leased.observe({**UPDATED, "body": b"\xff\xfe"}, now=2)
    assert broken.ignored is not None and broken.ignored["reason"] == "unreadable"


def test_what_a_provider_sends_is_never_an_error(leased: truemed.PaymentToken) -> None:
    for odd in ({"body": b"x" * (2 << 20)}, {"body": "x" * (2 << 20)}, {"http_status": 600}, {"http_status": 999}):
        step = leased.observe({**REPLY, **odd}, now=2)
        assert step.new_ids == []
        assert [it["id"] for it in step.next.effects(now=2)] == [EFFECT]


def test_views_follow_the_clock_and_the_config(leased: truemed.PaymentToken) -> None:
    assert leased.wake_at(now=2) == 300_001
    assert leased.wake_at(now=2, config={"lease_ms": 1000}) == 300_001
    assert leased.effects(now=2)[0]["ready"] is False
    assert leased.effects(now=300_001)[0]["ready"] is True
    allowed = {it["action"]: it["allowed"] for it in leased.actions(now=2)}
    assert (allowed["create_payment_session/charge"], allowed["delete_payment_token"]) == (False, True)
    lease = leased.lease(EFFECT, now=300_001, config={"lease_ms": 7000})
    assert lease.next.wake_at(now=300_001) == 307_001


def test_the_config_has_the_settings_of_each_provider(new: truemed.PaymentToken) -> None:
    token = new.handle(CREATE, now=0).next
    for settings, server in (
        ({"base_url": "https://double.example"}, "https://double.example/"),
        ({"environment": "staging"}, "https://dev-api.truemed.com/"),
        ({}, "https://api.truemed.com/"),
    ):
        config: Any = {"truemed": settings, "flex": {"test_mode": True}}
        request = token.lease(EFFECT, now=1, config=config).request
        assert request is not None and request["url"].startswith(server)


def test_a_config_is_read_again_for_each_call(new: truemed.PaymentToken) -> None:
    token = new.handle(CREATE, now=0).next
    config: Any = {"lease_ms": 7000}
    assert token.lease(EFFECT, now=1, config=MappingProxyType(config)).next.wake_at(now=1) == 7001  # type: ignore[arg-type]
    config["lease_ms"] = 9000
    assert token.lease(EFFECT, now=1, config=config).next.wake_at(now=1) == 9001
    assert token.lease(EFFECT, now=1, config=None).next.wake_at(now=1) == 300_001


def test_an_override_softens_a_rule_and_is_reported(issued: truemed.PaymentToken) -> None:
    rule: Any = "truemed.update.card-xor-items"
    both: Any = {"type": "update_payment_token", "update_card_info": True, "order_items": [ITEM]}
    config: Any = {"overrides": {rule: "warn"}}
    step = issued.handle(both, now=4, config=config)
    assert [(it["rule"], it["level"]) for it in step.warnings] == [(rule, "deny")]
    assert step.ignored is None


def test_now_is_milliseconds_or_an_aware_datetime(leased: truemed.PaymentToken) -> None:
    moment = datetime(2026, 11, 22, 1, 2, 3, 456_789, tzinfo=UTC)
    millis = 1_795_309_323_456
    far = moment.astimezone(timezone(timedelta(hours=-7, minutes=-30)))
    waits = [leased.observe(REPLY, now=now).next.waiting_for(now=now) for now in (millis, moment, far)]
    assert waits[0][0]["started_at"] == millis
    assert waits[0] == waits[1] == waits[2]
    before = datetime(1969, 12, 31, 23, 59, 59, 999_500, tzinfo=UTC)
    assert leased.observe(REPLY, now=before).next.waiting_for(now=0)[0]["started_at"] == -1


def test_mappings_of_every_kind_are_read(new: truemed.PaymentToken) -> None:
    frozen: Any = MappingProxyType({**CREATE, "order_items": (MappingProxyType(ITEM),)})
    assert new.handle(frozen, now=0).next == new.handle(CREATE, now=0).next
    assert new.handle(OrderedDict(CREATE), now=0).next == new.handle(CREATE, now=0).next
    webhook: Any = MappingProxyType(UPDATED)
    assert new.observe(webhook, now=0).ignored == new.observe(UPDATED, now=0).ignored is not None
    escaped = {**ITEM, "name": 'a "quoted"\\ \n\x00 naïve 🧪 name'}
    request = new.handle({**CREATE, "order_items": [escaped]}, now=0).next.lease(EFFECT, now=0).request
    assert request is not None and json.loads(request["body"] or "")["order_items"][0]["name"] == escaped["name"]
