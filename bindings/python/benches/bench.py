"""What a decision costs in Python, in nanoseconds: the least of several runs, beside an empty call in the same run."""

from __future__ import annotations

import json
import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import peers
import rulebound
from rulebound import truemed

ITEMS = [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}, {"name": "Mg", "sku": "mg", "quantity": 1, "price": 900}]
UPDATE: Any = {"type": "update_payment_token", "order_items": ITEMS}
BOTH: Any = {**UPDATE, "update_card_info": True}
URLS = {"success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no"}
CREATE: Any = {"type": "create_payment_token", "order_items": ITEMS[:1], **URLS}
REPLY: Any = {
    "type": "reply",
    "to": "create_payment_token:1",
    "status": 200,
    "body": b'{"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}',
}
WEBHOOK: Any = {
    "type": "webhook",
    "origin": "verified",
    "body": b'{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}',
}


def nanoseconds(call: Callable[[], object]) -> float:
    timer = timeit.Timer(call)
    times, _ = timer.autorange()
    times = max(1, times // 4)
    return min(timer.repeat(15, times)) / times * 1e9


def refused(call: Callable[[], object]) -> None:
    try:
        call()
    except (rulebound.Refused, peers.Refused):
        pass


def main() -> None:
    at = truemed.PaymentToken.start("00000000-0000-4000-8000-000000000001").handle(CREATE, now=0).next
    at = at.handle({"type": "begin", "effect": "create_payment_token:1"}, now=1).next
    waiting = at.observe(REPLY, now=2).next
    at = waiting.observe(WEBHOOK, now=3).next
    owing = at.handle(UPDATE, now=4).next
    row = at.save()
    moment = datetime.now(UTC)
    policy: Any = {"lease": 60_000}
    items = [peers.Item.model_validate(it) for it in ITEMS[:1]]
    hand = peers.State(key=at.key, revision=3, place="issued", change="settled", token="pt_1", items=items, owed=[])
    saved = hand.model_dump_json()

    token: Any = peers.Token()

    def machine() -> None:
        token.state = "issued"
        token.update(UPDATE)

    cases: dict[str, Callable[[], object]] = {
        "an empty call": lambda: at.revision,
        "handle: items, accepted": lambda: at.handle(UPDATE, now=4),
        "handle: items, with a policy": lambda: at.handle(UPDATE, now=4, policy=policy),
        "handle: items, now a datetime": lambda: at.handle(UPDATE, now=moment),
        "handle: card and items, refused": lambda: refused(lambda: at.handle(BOTH, now=4)),
        "observe: payment_token_updated": lambda: waiting.observe(WEBHOOK, now=4),
        "load": lambda: rulebound.load(row),
        "save": at.save,
        "load, handle, save": lambda: rulebound.load(row).handle(UPDATE, now=4).next.save(),
        "owed": lambda: owing.owed(now=4),
        "begin, and the request": lambda: owing.handle({"type": "begin", "effect": "update_payment_token:1"}, now=4).take,
        "pydantic and match: items": lambda: peers.handle(hand, UPDATE),
        "pydantic and match: load, items, save": lambda: peers.handle(
            peers.State.model_validate_json(saved), UPDATE
        ).model_dump_json(),
        "transitions: items": machine,
        "json.loads and json.dumps of the row": lambda: json.dumps(json.loads(row)),
    }
    around = nanoseconds(lambda: None)
    for name, call in cases.items():
        print(f"{name:42}{nanoseconds(call) - around:10.0f} ns")


if __name__ == "__main__":
    main()
