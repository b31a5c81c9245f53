"""What the tests share."""

from __future__ import annotations

from typing import Any

import pytest
from host_fixtures import host as host
from host_fixtures import source as source
from rulebound import truemed

KEY = "00000000-0000-4000-8000-000000000001"
EFFECT = "create_payment_token:1"
ITEM: Any = {"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}
CREATE: Any = {
    "type": "create_payment_token",
    "order_items": [ITEM],
    "success_url": "https://shop.example/ok",
    "failure_url": "https://shop.example/no",
}
REPLY: Any = {
    "type": "reply",
    "effect": EFFECT,
    "http_status": 200,
    "body": b'{"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}',
}
UPDATED: Any = {
    "type": "webhook",
    "origin": "verified",
    "body": b'{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}',
}


@pytest.fixture
def new() -> truemed.PaymentToken:
    """A token before its first command."""
    return truemed.PaymentToken.start(KEY)


@pytest.fixture
def leased(new: truemed.PaymentToken) -> truemed.PaymentToken:
    """A token whose request a worker has leased."""
    return new.handle(CREATE, now=0).next.lease(EFFECT, now=1).next


@pytest.fixture
def issued(leased: truemed.PaymentToken) -> truemed.PaymentToken:
    """A token that can be charged."""
    return leased.observe(REPLY, now=2).next.observe(UPDATED, now=3).next
