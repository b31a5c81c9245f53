"""What a strict checker must accept."""

from datetime import UTC, datetime
from typing import Any, assert_never, assert_type

from email.message import Message
from uuid import uuid4

import rulebound
from rulebound import Observation, Snapshot, Transition, flex, revup, truemed, vend
from rulebound.types import (
    Begin,
    Fact,
    Owed,
    Policy,
    Request,
    TruemedOrderItem,
    TruemedPaymentTokenCommand,
    TruemedRule,
    Violation,
)

item: TruemedOrderItem = {"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}
command: TruemedPaymentTokenCommand = {"type": "create_payment_token", "order_items": [item]}
policy: Policy = {"mode": "lenient", "overrides": {"truemed.update.card-xor-items": "warn"}}
rule: TruemedRule = "truemed.update.card-xor-items"
begin: Begin = {"type": "begin", "effect": "create_payment_token:1"}

at = truemed.PaymentToken.start("00000000-0000-4000-8000-000000000001")
again: rulebound.types.Fact = {"type": "lost", "to": "create_payment_token:1"}
assert_type(rulebound.__version__, str)
assert_type(truemed.PaymentToken.start(uuid4()).observe(again, now=0).because, rulebound.types.Because | None)
for headers in ({"a": "b"}, Message(), [("a", "b")], (("a", "b"),), [(b"a", b"b")], {"a": None}):
    rulebound.authenticate("truemed", "s", headers, b"", 0, tolerance=300_000)
for body in (b"{}", bytearray(b"{}"), memoryview(b"{}"), "{}"):
    rulebound.correlate("truemed", body)
step = at.handle(command, now=0, policy=policy, settings={"environment": "staging"})
assert_type(step, Transition[truemed.PaymentToken])
assert_type(step.next, truemed.PaymentToken)
assert_type(step.take, Request | None)
assert_type(step.warnings, list[Violation])
at.handle({"type": "update_payment_token", "update_card_info": True}, now=datetime.now(UTC))
for flow in (at, truemed.PaymentSession.start(at.key), flex.Checkout.start(at.key), flex.Subscription.start(at.key)):
    flow.handle(begin, now=0)
vend.Subscription.load("{}").handle(begin, now=0)
revup.Subscription.load("{}").handle(begin, now=0)

fact: Fact = {"type": "webhook", "origin": rulebound.authenticate("truemed", "s", {}, b"", 0), "body": b"{}"}
seen = at.observe(fact, now=0)
assert_type(seen, Observation[truemed.PaymentToken])
assert_type(seen.next.correlation_ids(), list[str])


def do(owed: Owed) -> str:
    if owed["type"] == "request":
        return owed["operation"]
    if owed["type"] == "notify" or owed["type"] == "review":
        return owed["reason"]
    if owed["type"] == "fulfill":
        return owed["of"]
    if owed["type"] == "access":
        return str(owed["until"])
    assert_never(owed)


def store(row: Snapshot[Any, Any, Any]) -> str:
    row.handle({"type": "begin", "effect": do(row.owed(now=0)[0])}, now=0)
    return row.save()


store(at)
store(rulebound.load("{}"))
wishes = [offer["wish"] for offer in at.offers(now=0) if offer["open"]]
assert "delete_payment_token" in wishes
