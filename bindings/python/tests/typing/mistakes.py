"""Mistakes, each of which a strict checker must report: the lines that end in `# wrong`, and no other."""

import rulebound
from rulebound import Refused, flex, truemed
from rulebound.types import Fact, Owed, Policy, TruemedOrderItem, TruemedRule

at = truemed.PaymentToken.start("00000000-0000-4000-8000-000000000001")
item: TruemedOrderItem = {"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}
text: TruemedOrderItem = {"name": "B12", "sku": "b12", "quantity": 1, "price": "15.00"}  # wrong
short: TruemedOrderItem = {"name": "B12", "sku": "b12", "quantity": 1}  # wrong
at.handle({"type": "update_payment_token", "order_item": [item]}, now=0)  # wrong
at.handle({"type": "update_payment_tokens", "order_items": [item]}, now=0)  # wrong
at.handle({"type": "create_checkout_session"}, now=0)  # wrong
at.handle({"type": "begin"}, now=0)  # wrong
at.handle({"type": "begin", "effect": 1}, now=0)  # wrong
at.handle({"type": "delete_payment_token"})  # wrong
at.handle({"type": "delete_payment_token"}, now="2026-11-22")  # wrong
at.handle({"type": "delete_payment_token"}, now=0, settings={"environment": "test"})  # wrong
at.handle({"type": "delete_payment_token"}, now=0, policy={"mode": "relaxed"})  # wrong
flex.Checkout.start(at.key).handle({"type": "delete_payment_token"}, now=0)  # wrong
at.observe({"type": "webhook", "body": b"{}"}, now=0)  # wrong
at.observe({"type": "webhook", "body": b"{}", "origin": "proved"}, now=0)  # wrong
at.observe({"type": "reply", "to": "a:1", "status": "200"}, now=0)  # wrong
code: TruemedRule = "truemed.updates.card-xor-items"  # wrong
level: Policy = {"overrides": {"truemed.update.card-xor-items": "ignore"}}  # wrong
fact: Fact = {"type": "tick"}  # wrong
other: flex.Checkout = at.handle({"type": "delete_payment_token"}, now=0).next  # wrong
at.revision = 3  # wrong
truemed.PaymentToken.start(7)  # wrong
truemed.PaymentToken.load(None)  # wrong
rulebound.authenticat("truemed", "s", {}, b"", 0)  # wrong
rulebound.authenticate("truemed", "s", {"a": 5}, b"", 0)  # wrong
print(rulebound.types.Facts)  # wrong
step = at.handle({"type": "delete_payment_token"}, now=0)
print(step.take["url"])  # wrong
print(step.failure["status"])  # wrong
print(at.owed(now=0)[0]["operation"])  # wrong
print(at.awaits(now=0)[0]["wish"])  # wrong
print(at.deadline(now=0) + 1)  # wrong
print(at.offers(now=0)[0]["wish"] == "delete")  # wrong
if at.observe({"type": "lost", "to": "a:1"}, now=0).because == "late":  # wrong
    print(at)


def reason(owed: Owed) -> str:
    if owed["type"] == "access":
        return owed["reason"]  # wrong
    return owed["id"]


try:
    at.handle({"type": "delete_payment_token"}, now=0)
except Refused as refused:
    print(refused.violations[0]["until"], refused.codes)  # wrong
