"""Mistakes, each of which a strict checker must report: the lines that end in `# wrong`, and no other."""

import rulebound
from rulebound import InvalidInput, Rejected, facts, flex, revup, truemed, vend
from rulebound.host import Host
from rulebound.types import Config, Fact, PendingEffect, TruemedOrderItem, TruemedRule

token = truemed.PaymentToken.start("00000000-0000-4000-8000-000000000001")
item: TruemedOrderItem = {"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}
text: TruemedOrderItem = {"name": "B12", "sku": "b12", "quantity": 1, "price": "15.00"}  # wrong
short: TruemedOrderItem = {"name": "B12", "sku": "b12", "quantity": 1}  # wrong
token.handle({"type": "update_payment_token", "order_item": [item]}, now=0)  # wrong
token.handle({"type": "update_payment_tokens", "order_items": [item]}, now=0)  # wrong
token.handle({"type": "create_checkout_session"}, now=0)  # wrong
token.handle({"type": "begin", "effect": "a:1"}, now=0)  # wrong
token.lease(now=0)  # wrong
token.lease(1, now=0)  # wrong
token.lease({"type": "begin", "effect": "a:1"}, now=0)  # wrong
token.lease("a:1")  # wrong
token.handle({"type": "delete_payment_token"})  # wrong
token.handle({"type": "delete_payment_token"}, now="2026-11-22")  # wrong
token.handle({"type": "delete_payment_token"}, now=0, config={"truemed": {"environment": "test"}})  # wrong
token.handle({"type": "delete_payment_token"}, now=0, config={"mode": "relaxed"})  # wrong
token.handle({"type": "delete_payment_token"}, now=0, config={"lease": 60_000})  # wrong
token.handle({"type": "delete_payment_token"}, now=0, policy={"mode": "lenient"})  # wrong
token.handle({"type": "delete_payment_token"}, now=0, settings={"environment": "staging"})  # wrong
flex.Checkout.start(token.key).handle({"type": "delete_payment_token"}, now=0)  # wrong
token.observe({"type": "webhook", "body": b"{}"}, now=0)  # wrong
token.observe({"type": "webhook", "body": b"{}", "origin": "proved"}, now=0)  # wrong
token.observe({"type": "reply", "effect": "a:1", "http_status": "200"}, now=0)  # wrong
token.observe({"type": "reply", "to": "a:1", "status": 200}, now=0)  # wrong
token.observe({"type": "done", "effect": "a:1", "verdict": "observed"}, now=0)  # wrong
token.observe({"type": "reviewed", "effect": "a:1"}, now=0)  # wrong
code: TruemedRule = "truemed.updates.card-xor-items"  # wrong
level: Config = {"overrides": {"truemed.update.card-xor-items": "ignore"}}  # wrong
fact: Fact = {"type": "tick"}  # wrong
other: flex.Checkout = token.handle({"type": "delete_payment_token"}, now=0).next  # wrong
leased: flex.Checkout = token.lease("a:1", now=0).next  # wrong
token.revision = 3  # wrong
truemed.PaymentToken.start(7)  # wrong
truemed.PaymentToken.load(None)  # wrong
rulebound.read_webhok("truemed", "s", {}, b"", 0)  # wrong
rulebound.authenticate("truemed", "s", {}, b"", 0)  # wrong
rulebound.read_webhook("truemed", "s", {"a": 5}, b"", 0)  # wrong

# Commands of the same name and with the same fields, but of another provider.
vend.Subscription.start(token.key).handle(flex.cancel_subscription(), now=0)  # wrong
flex.Subscription.start(token.key).handle(revup.cancel_subscription(), now=0)  # wrong
revup.Subscription.start(token.key).handle(vend.cancel_subscription(), now=0)  # wrong
flex.Subscription.start(token.key).handle(vend.retrieve_subscription(), now=0)  # wrong
vend.Subscription.start(token.key).handle({"type": "cancel_subscription", "flow": "flex.subscription"}, now=0)  # wrong

# Nineteen mistakes that only an error at run time would show without the types.
truemed.create_payment_token(order_items=[item], succes_url="https://shop.example/ok")  # wrong
truemed.create_payment_token(success_url="https://shop.example/ok")  # wrong
truemed.create_payment_token(order_items=item)  # wrong
truemed.create_payment_token([item])  # wrong
truemed.create_payment_session(order_items=[item], total_amount=15.0)  # wrong
truemed.update_payment_token(update_card_info="yes")  # wrong
token.handle(truemed.create_payment_token(order_items=[item]))  # wrong
token.handle(truemed.create_refund(amount=1500, reason="requested_by_customer"), now=0)  # wrong
truemed.create_refund(intent="rma-1", amount=1500, reason="customer-request")  # wrong
flex.create_checkout_session(mode="paiment", line_items=[], success_url="https://shop.example/ok")  # wrong
flex.Checkout.start(token.key).handle(flex.update_subscription(cancel_at_period_end=True), now=0)  # wrong
flex.create_checkout_session(line_items=[{"price": "fprice_1", "quantity": 1}])  # wrong
token.observe(facts.reviewed("review:a", "perhaps"), now=0)  # wrong
token.observe(facts.reply("create_payment_token:1", body=b"{}"), now=0)  # wrong
rulebound.key_for("revup.tokn", "tok_1")  # wrong
rulebound.read_webhook("stripe", "s", {}, b"", 0)  # wrong
rulebound.read_webhook("truemed", "s", {}, {"payment_token": "pt_1"}, 0)  # wrong
rulebound.read_webhook("truemed", "s", {}, b"", "2026-11-22T01:02:03Z")  # wrong
token.observe(rulebound.read_webhook("truemed", "s", {}, b"", 0), now=0)  # wrong
rulebound.flows["truemed.token"].start(token.key)  # wrong
truemed.needs_update(confirmed=[item])  # wrong
print(rulebound.types.Facts)  # wrong
step = token.handle({"type": "delete_payment_token"}, now=0)
lease = token.lease("a:1", now=0)
print(lease.request["url"])  # wrong
print(step.request)  # wrong
print(lease.ignored)  # wrong
print(step.failure["http_status"])  # wrong
print(step.ignored["reason"])  # wrong
print(step.transitions[0]["from"])  # wrong
print(token.effects(now=0)[0]["operation"])  # wrong
print(token.waiting_for(now=0)[0]["action"])  # wrong
print(token.wake_at(now=0) + 1)  # wrong
print(token.actions(now=0)[0]["action"] == "delete")  # wrong
observed = token.observe({"type": "lost", "effect": "a:1"}, now=0)
if observed.ignored and observed.ignored["reason"] == "late":  # wrong
    print(token)


def reason(effect: PendingEffect) -> str:
    if effect["type"] == "access":
        return effect["reason"]  # wrong
    return effect["id"]


try:
    token.handle({"type": "delete_payment_token"}, now=0)
except Rejected as rejected:
    print(rejected.violations[0]["until"], rejected.codes)  # wrong
except InvalidInput as invalid:
    print(invalid.pointer, invalid.field)  # wrong


def web(host: Host) -> None:
    host.handle(truemed.PaymentToken, "k" * 20, {"type": "create_checkout_session"})  # wrong
    host.ignore("mail")  # wrong
    host.retry("truemed.tokens", "k" * 20)  # wrong
    host.answer(truemed.PaymentToken, "k" * 20, "review:x", "perhaps")  # wrong
    print(host.get(truemed.PaymentToken, "k" * 20).key)  # wrong
