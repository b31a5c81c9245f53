"""A day of the shop: a webhook that comes early, two workers at one row, a crash between saving and sending."""

import json
from pathlib import Path
from typing import Any

import host
import httpx
import pytest
from fastapi.testclient import TestClient
from rulebound import truemed


class Truemed:
    """A double of the provider: it keeps what it was sent, and may call back before it answers."""

    def __init__(self) -> None:
        self.sent: list[httpx.Request] = []
        self.before_answering: Any = None

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        if self.before_answering:
            self.before_answering()
        if request.url.path.endswith("/payment_tokens/create"):
            told = {"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}
            return httpx.Response(200, json=told)
        return httpx.Response(200, json={"next_action": None})


class Shop:
    def __init__(self, database: Path) -> None:
        self.truemed = Truemed()
        self.host = host.Host(str(database), httpx.Client(transport=httpx.MockTransport(self.truemed.answer)))
        self.browser = TestClient(host.web(self.host))

    def subscribe(self) -> str:
        return str(self.browser.post("/subscriptions", json=["b12"]).json()["key"])

    def webhook(self, body: dict[str, str], secret: str = "whsec") -> int:
        return int(self.browser.post("/webhooks/truemed", json=body, headers={"x-truemed-api-key": secret}).status_code)

    def rows(self, table: str) -> list[Any]:
        with self.host.transaction() as db:
            return db.execute(f"SELECT * FROM {table}").fetchall()


UPDATED = {"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setitem(host.SECRETS, "truemed", "whsec")
    return Shop(tmp_path / "shop.db")


def test_a_customer_subscribes_and_changes_the_items(shop: Shop) -> None:
    key = shop.subscribe()
    page = shop.browser.get(f"/subscriptions/{key}").json()
    assert page["awaits"][0]["customer_at"] == "https://truemed.example/q/1"
    refused = shop.browser.put(f"/subscriptions/{key}/items", json=["mg"])
    assert refused.status_code == 409
    assert refused.json()["violations"][0]["rule"] == "truemed.update.needs-existing-token"
    assert shop.webhook(UPDATED, secret="guessed") == 401
    assert shop.webhook({"no": "webhook"}) == 400
    assert shop.webhook(UPDATED) == 204
    assert shop.browser.put(f"/subscriptions/{key}/items", json=["mg"]).status_code == 200
    create, update = shop.truemed.sent
    assert json.loads(create.content)["metadata"] == key
    assert json.loads(update.content)["order_items"] == [host.SHELF["mg"]]


def test_a_webhook_comes_before_the_reply(shop: Shop) -> None:
    shop.truemed.before_answering = lambda: shop.webhook(UPDATED)
    key = shop.subscribe()
    assert shop.rows("inbox") == []  # it waited there until the reply told its id
    offers = shop.browser.get(f"/subscriptions/{key}").json()["offers"]
    assert "update_payment_token/items" in [offer["wish"] for offer in offers if offer["open"]]


def test_two_workers_take_one_row(shop: Shop) -> None:
    at = truemed.PaymentToken.start("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")
    command: Any = {"type": "create_payment_token", "order_items": [host.SHELF["b12"]]}
    row = shop.host.save(at, at.handle(command, now=host.now()))
    shop.host.work(row)
    with pytest.raises(host.Conflict):
        shop.host.work(row)  # loaded before the other had begun
    assert len(shop.truemed.sent) == 1


def test_a_worker_dies_between_saving_and_sending(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class PowerCut(BaseException):
        pass

    def cut() -> None:
        raise PowerCut

    at = truemed.PaymentToken.start("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")
    command: Any = {"type": "create_payment_token", "order_items": [host.SHELF["b12"]]}
    shop.host.save(at, at.handle(command, now=host.now()))
    shop.truemed.before_answering = cut
    with pytest.raises(PowerCut):
        shop.host.run()
    shop.truemed.before_answering = None
    shop.host.run()
    assert len(shop.truemed.sent) == 1  # the dead worker still has it in hand
    later = host.now() + 301_000
    monkeypatch.setattr(host, "now", lambda: later)
    shop.host.run()
    first, again = shop.truemed.sent
    assert first.content == again.content
    assert shop.host.load("truemed.payment_token", at.key).awaits(now=later)[0]["signal"] == "payment_token_updated"
