"""What the tests share."""

from __future__ import annotations

from typing import Any

import pytest
from rulebound import truemed

KEY = "00000000-0000-4000-8000-000000000001"
ITEM: Any = {"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}
CREATE: Any = {
    "type": "create_payment_token",
    "order_items": [ITEM],
    "success_url": "https://shop.example/ok",
    "failure_url": "https://shop.example/no",
}
REPLY: Any = {
    "type": "reply",
    "to": "create_payment_token:1",
    "status": 200,
    "body": b'{"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}',
}
UPDATED: Any = {
    "type": "webhook",
    "origin": "verified",
    "body": b'{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}',
}


@pytest.fixture
def start() -> truemed.PaymentToken:
    """A token that nobody has asked for yet."""
    return truemed.PaymentToken.start(KEY)


@pytest.fixture
def begun(start: truemed.PaymentToken) -> truemed.PaymentToken:
    """A token whose request is in hand."""
    at = start.handle(CREATE, now=0).next
    return at.handle({"type": "begin", "effect": "create_payment_token:1"}, now=1).next


@pytest.fixture
def issued(begun: truemed.PaymentToken) -> truemed.PaymentToken:
    """A token that may be charged."""
    return begun.observe(REPLY, now=2).next.observe(UPDATED, now=3).next
