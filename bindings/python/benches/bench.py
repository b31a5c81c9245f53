"""The cost of a decision in Python, in nanoseconds: the least of several runs, with an empty call in the same run."""

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
    "effect": "create_payment_token:1",
    "http_status": 200,
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


def rejected(call: Callable[[], object]) -> None:
    try:
        call()
    except (rulebound.Rejected, peers.Rejected):
        pass


def main() -> None:
    new = truemed.PaymentToken.start("00000000-0000-4000-8000-000000000001")
    leased = new.handle(CREATE, now=0).next.lease("create_payment_token:1", now=1).next
    waiting = leased.observe(REPLY, now=2).next
    token = waiting.observe(WEBHOOK, now=3).next
    updating = token.handle(UPDATE, now=4).next
    row = token.save()
    moment = datetime.now(UTC)
    config: Any = {"lease_ms": 60_000, "truemed": {"environment": "staging"}}
    items = [peers.Item.model_validate(it) for it in ITEMS[:1]]
    hand = peers.State(key=token.key, revision=3, place="issued", change="settled", token="pt_1", items=items, outbox=[])
    saved = hand.model_dump_json()

    machine: Any = peers.Token()

    def transition() -> None:
        machine.state = "issued"
        machine.update(UPDATE)

    cases: dict[str, Callable[[], object]] = {
        "an empty call": lambda: token.revision,
        "handle: items, accepted": lambda: token.handle(UPDATE, now=4),
        "handle: items, with a config": lambda: token.handle(UPDATE, now=4, config=config),
        "handle: items, now a datetime": lambda: token.handle(UPDATE, now=moment),
        "handle: card and items, rejected": lambda: rejected(lambda: token.handle(BOTH, now=4)),
        "observe: payment_token_updated": lambda: waiting.observe(WEBHOOK, now=4),
        "load": lambda: rulebound.load(row),
        "save": token.save,
        "load, handle, save": lambda: rulebound.load(row).handle(UPDATE, now=4).next.save(),
        "effects": lambda: updating.effects(now=4),
        "lease, and the request": lambda: updating.lease("update_payment_token:1", now=4).request,
        "pydantic and match: items": lambda: peers.handle(hand, UPDATE),
        "pydantic and match: load, items, save": lambda: peers.handle(
            peers.State.model_validate_json(saved), UPDATE
        ).model_dump_json(),
        "transitions: items": transition,
        "json.loads and json.dumps of the row": lambda: json.dumps(json.loads(row)),
    }
    loop = nanoseconds(lambda: None)
    for name, call in cases.items():
        print(f"{name:42}{nanoseconds(call) - loop:10.0f} ns")


if __name__ == "__main__":
    main()
