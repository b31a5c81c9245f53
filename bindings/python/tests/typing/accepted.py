"""What a strict checker must accept."""

from datetime import UTC, datetime, timedelta
from typing import Any, assert_never, assert_type

from email.message import Message
from uuid import uuid4

import rulebound
from rulebound import Lease, Snapshot, Step, facts, flex, revup, truemed, vend
from rulebound.host import AsyncHost, Host, Row
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
    TypedId,
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
    rulebound.read_webhook("truemed", "s", headers, b"", 0, tolerance=300_000)
for body in (b"{}", bytearray(b"{}"), memoryview(b"{}"), "{}"):
    rulebound.read_webhook("truemed", ["s"], {}, body, datetime.now(UTC), tolerance=timedelta(minutes=5))
step = token.handle(command, now=0, config=config)
assert_type(step, Step[truemed.PaymentToken])
assert_type(step.next, truemed.PaymentToken)
assert_type(step.ignored, Ignored | None)
assert_type(step.transitions, list[FacetTransition])
assert_type(step.new_ids, list[TypedId])
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

received = rulebound.read_webhook("truemed", "s", {}, b"", 0)
assert_type(received, rulebound.ReceivedWebhook)
seen = token.observe(received["fact"], now=0)
fact: Fact = {"type": "webhook", "origin": "verified", "body": b"{}"}
assert_type(seen, Step[truemed.PaymentToken])
assert_type(seen.next.ids(), list[TypedId])


def do(it: PendingEffect) -> str:
    if it["type"] == "request":
        return it["operation"]
    if it["type"] == "notify" or it["type"] == "review":
        return it["reason"]
    if it["type"] == "fulfill":
        return it["about"]["id"]
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

create = truemed.create_payment_token(order_items=[item], success_url="https://shop.example/ok")
step = token.handle(create, now=0)
token.handle(truemed.update_payment_token(update_card_info=True), now=0)
token.handle(truemed.create_payment_session(order_items=[item], total_amount=1500, intent="2026-12"), now=0)
token.handle(truemed.retrieve_payment_session(), now=0)
truemed.PaymentSession.start(key).handle(truemed.retrieve_payment_session(payment_session_id="ps_1"), now=0)
flex.Subscription.start(key).handle(flex.create_checkout_session(mode="subscription"), now=0)
flex.Checkout.start(key).handle(flex.create_checkout_session(mode="payment"), now=0)
vend.Subscription.start(key).handle(vend.cancel_subscription(), now=0)
revup.Subscription.start(key).handle(revup.create_subscription(planId="plan_1", tokenId="tok_1"), now=0)
assert_type(truemed.needs_update(confirmed=[item], wanted=[item]), bool)
truemed.coverage(snapshot=token, order_items=[item])
flex.create_product(product={"name": "B12"})
revup.read_callback(body=b"[]")
for happened in (
    facts.reply(effect, http_status=200, headers={"retry-after": "1"}, body=b"{}", sending=1),
    facts.lost(effect, sending=1),
    facts.not_sent(effect),
    facts.done("fulfill:a"),
    facts.reviewed("review:a", "not_created"),
    facts.customer_returned(),
    facts.restored(taken_at=1_700_000_000_000),
):
    token.observe(happened, now=0)
verdict: truemed.Verdict = "confirmed"
notice: truemed.Notice = "action_required"
signal: truemed.Signal = "payment_token_updated"
action: truemed.Action = "create_payment_session/charge"
code: truemed.Rule = rule
every: tuple[rulebound.ProviderName, rulebound.FlowId, rulebound.RuleCode] = ("truemed", "truemed.payment_token", rule)
assert_type(rulebound.key_for("revup.token", "tok_1"), str)
assert_type(token.status(now=0)["payment_token"], str | None)
print(verdict, notice, signal, action, code, every, fact, rulebound.flows["flex.checkout"])


def web(host: Host, tx: object) -> None:
    row = host.handle(truemed.PaymentToken, uuid4(), truemed.delete_payment_token(), tx=tx, actor="user:7")
    assert_type(row.status()["payment_token"], str | None)
    found = host.get(truemed.PaymentToken, "k" * 20)
    assert_type(found.wake_at if found else None, int | None)
    assert_type(host.transaction(lambda tx: 1), int)
    assert_type(host.customer_returned(truemed.PaymentToken, uuid4()).status()["payment_token"], str | None)
    for it in host.reviews().rows:
        host.answer(it.row["flow"], it.row["key"], it.reviews[0]["id"], "captured", actor="ada")
    host.retry("truemed.payment_token", "k" * 20, actor="ada")

    @host.on("notify", timeout=30)
    def mail(effect: Any, row: Row[Any, Any]) -> None:
        print(effect["id"], row.reference)


async def web_async(host: AsyncHost) -> None:
    row = await host.handle(truemed.PaymentToken, "k" * 20, truemed.delete_payment_token())
    assert_type(row.status()["payment_token"], str | None)
