"""What a strict checker must accept."""

from datetime import UTC, datetime
from typing import Any, assert_never, assert_type

from email.message import Message
from uuid import uuid4

import rulebound
from rulebound import Lease, Snapshot, Step, flex, revup, truemed, vend
from rulebound.types import (
    Config,
    Fact,
    FacetTransition,
    Failure,
    Ignored,
    PendingEffect,
    Request,
    TruemedOrderItem,
    TruemedPaymentTokenCommand,
    TruemedRule,
    Violation,
)

item: TruemedOrderItem = {"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}
command: TruemedPaymentTokenCommand = {"type": "create_payment_token", "order_items": [item]}
config: Config = {
    "mode": "lenient",
    "overrides": {"truemed.update.card-xor-items": "warn"},
    "lease_ms": 60_000,
    "lookups": {"while_waiting_ms": [86_400_000]},
    "truemed": {"environment": "staging"},
    "vend": {"domain_prefix": "marshmallow"},
}
rule: TruemedRule = "truemed.update.card-xor-items"
effect = "create_payment_token:1"

token = truemed.PaymentToken.start("00000000-0000-4000-8000-000000000001")
lost: rulebound.types.Fact = {"type": "lost", "effect": effect}
assert_type(rulebound.__version__, str)
assert_type(truemed.PaymentToken.start(uuid4()).observe(lost, now=0).ignored, rulebound.types.Ignored | None)
for headers in ({"a": "b"}, Message(), [("a", "b")], (("a", "b"),), [(b"a", b"b")], {"a": None}):
    rulebound.authenticate("truemed", "s", headers, b"", 0, tolerance=300_000)
for body in (b"{}", bytearray(b"{}"), memoryview(b"{}"), "{}"):
    rulebound.correlate("truemed", body)
step = token.handle(command, now=0, config=config)
assert_type(step, Step[truemed.PaymentToken])
assert_type(step.next, truemed.PaymentToken)
assert_type(step.ignored, Ignored | None)
assert_type(step.transitions, list[FacetTransition])
assert_type(step.new_ids, list[str])
assert_type(step.failure, Failure | None)
assert_type(step.warnings, list[Violation])
lease = step.next.lease(effect, now=datetime.now(UTC), config=config)
assert_type(lease, Lease[truemed.PaymentToken])
assert_type(lease.next, truemed.PaymentToken)
assert_type(lease.request, Request | None)
assert_type(lease.warnings, list[Violation])
token.handle({"type": "update_payment_token", "update_card_info": True}, now=datetime.now(UTC))
key = token.key
for flow in (token, truemed.PaymentSession.start(key), flex.Checkout.start(key), flex.Subscription.start(key)):
    flow.lease(effect, now=0)
vend.Subscription.load("{}").lease(effect, now=0)
revup.Subscription.load("{}").lease(effect, now=0)

fact: Fact = {"type": "webhook", "origin": rulebound.authenticate("truemed", "s", {}, b"", 0), "body": b"{}"}
seen = token.observe(fact, now=0)
assert_type(seen, Step[truemed.PaymentToken])
assert_type(seen.next.ids(), list[str])


def do(it: PendingEffect) -> str:
    if it["type"] == "request":
        return it["operation"]
    if it["type"] == "notify" or it["type"] == "review":
        return it["reason"]
    if it["type"] == "fulfill":
        return it["about"]
    if it["type"] == "access":
        return str(it["access_until"])
    assert_never(it)


def store(snapshot: Snapshot[Any, Any]) -> str:
    snapshot.lease(do(snapshot.effects(now=0)[0]), now=0)
    return snapshot.save()


store(token)
store(rulebound.load("{}"))
allowed = [it["action"] for it in token.actions(now=0) if it["allowed"]]
assert "delete_payment_token" in allowed
