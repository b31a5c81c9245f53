"""A day of the shop: a webhook that is early, two workers at one row, a crash between saving and sending."""

import json
from pathlib import Path
from typing import Any

import host
import httpx
import pytest
import shop as web
from fastapi.testclient import TestClient
from rulebound import truemed


class Truemed:
    """A test double of the provider: it records requests, and can send a webhook before it replies."""

    def __init__(self) -> None:
        self.sent: list[httpx.Request] = []
        self.before_reply: Any = None
        self.garbled = "no request has this in it"

    def reply(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        if self.before_reply:
            self.before_reply()
        if self.garbled in request.content.decode():
            return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))
        if request.url.path.endswith("/payment_tokens/create"):
            requested = {"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}
            return httpx.Response(200, json=requested)
        return httpx.Response(200, json={"next_action": None})


class Shop:
    def __init__(self, database: Path) -> None:
        self.truemed = Truemed()
        self.host = host.Host(str(database), httpx.Client(transport=httpx.MockTransport(self.truemed.reply)))
        self.browser = TestClient(web.web(self.host))

    def subscribe(self) -> str:
        return str(self.browser.post("/subscriptions", json=["b12"]).json()["key"])

    def create(self, key: str) -> host.Row:
        token = truemed.PaymentToken.start(key)
        command = truemed.create_payment_token(
            order_items=[web.SHELF["b12"]], success_url="https://shop.example/ok", failure_url="https://shop.example/no"
        )
        return self.host.save(token, token.handle(command, **host.context()))

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
    assert page["waiting_for"][0]["customer_url"] == "https://truemed.example/q/1"
    rejected = shop.browser.put(f"/subscriptions/{key}/items", json=["mg"])
    assert rejected.status_code == 409
    assert rejected.json()["violations"][0]["rule"] == "truemed.update.needs-existing-token"
    assert shop.webhook(UPDATED, secret="guessed") == 401
    assert shop.webhook({"no": "webhook"}) == 204 and shop.rows("inbox") == []
    assert shop.webhook(UPDATED) == 204
    assert shop.browser.put(f"/subscriptions/{key}/items", json=["mg"]).status_code == 200
    create, update = shop.truemed.sent
    assert json.loads(create.content)["metadata"] == key
    assert json.loads(update.content)["order_items"] == [web.SHELF["mg"]]


def test_the_return_of_a_browser_makes_a_lookup_due(shop: Shop) -> None:
    key = shop.subscribe()
    page = shop.browser.get(f"/subscriptions/{key}?back=success")
    assert page.status_code == 200
    assert [it.url.path for it in shop.truemed.sent][1:] == ["/api/v1/payment_tokens/provision_request/ptr_1"]
    assert shop.browser.get(f"/subscriptions/{key}?back=sideways").status_code == 422


def test_what_a_browser_or_a_provider_may_not_ask_is_rejected(shop: Shop) -> None:
    assert shop.browser.post("/subscriptions", json=["b13"]).status_code == 422
    key = shop.subscribe()
    assert shop.browser.put(f"/subscriptions/{key}/items", json=["b12", "b13"]).status_code == 422
    for unknown in ("7", "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11"):
        assert shop.browser.get(f"/subscriptions/{unknown}").status_code == 404
        assert shop.browser.put(f"/subscriptions/{unknown}/items", json=["b12"]).status_code == 404
    assert shop.browser.post("/webhooks/truemde", json=UPDATED).status_code == 404
    assert len(shop.truemed.sent) == 1


def test_the_config_and_the_credential_reach_the_request(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "CONFIG", {"truemed": {"environment": "staging"}})
    monkeypatch.setitem(host.API_KEYS, "truemed", "sk_1")
    token = shop.host.load("truemed.payment_token", shop.subscribe())
    (create,) = shop.truemed.sent
    assert (create.url.host, create.headers["x-truemed-api-key"]) == ("dev-api.truemed.com", "sk_1")
    sent: Any = {"method": "GET", "url": "https://double.example", "headers": {}, "body": None, "sending": 1}
    for scheme, value in ((None, "sk_1"), ("Bearer", "Bearer sk_1")):
        shop.host.send(token, "any:1", {**sent, "credential": {"header": "Authorization", "scheme": scheme}})
        assert shop.truemed.sent[-1].headers["authorization"] == value


def test_a_webhook_comes_before_the_reply(shop: Shop) -> None:
    shop.truemed.before_reply = lambda: shop.webhook(UPDATED)
    key = shop.subscribe()
    assert shop.rows("inbox") == []  # the webhook was stored there until the reply named its id
    actions = shop.browser.get(f"/subscriptions/{key}").json()["actions"]
    assert "update_payment_token/items" in [it["action"] for it in actions if it["allowed"]]


def test_two_workers_load_one_row(shop: Shop) -> None:
    row = shop.create("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")
    shop.host.work(row)
    with pytest.raises(host.Conflict):
        shop.host.work(row)  # loaded before the other worker leased the effect
    assert len(shop.truemed.sent) == 1


def test_a_worker_stops_between_saving_and_sending(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class PowerCut(BaseException):
        pass

    def cut() -> None:
        raise PowerCut

    token = shop.create("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")
    shop.truemed.before_reply = cut
    with pytest.raises(PowerCut):
        shop.host.run()
    shop.truemed.before_reply = None
    shop.host.run()
    assert len(shop.truemed.sent) == 1  # the lease of the stopped worker still runs
    later = host.now() + 301_000
    monkeypatch.setattr(host, "now", lambda: later)
    shop.host.run()
    first, again = shop.truemed.sent
    assert first.content == again.content
    (wait,) = shop.host.load("truemed.payment_token", token.key).waiting_for(now=later)
    assert wait["signal"] == "payment_token_updated"


def test_a_reply_that_cannot_be_read_is_lost(shop: Shop) -> None:
    token = shop.create("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")
    shop.truemed.garbled = token.key
    shop.host.run()
    (effect,) = shop.host.load(token.flow, token.key).effects(now=host.now())
    assert effect["id"] == "create_payment_token:1" and effect["ready"] is False  # still pending
    assert effect["not_before"] is not None and effect["not_before"] > host.now()


def test_a_row_that_fails_does_not_stop_the_others(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    bad, good = "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11", "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a22"
    for key in (bad, good):
        shop.create(key)
    with shop.host.transaction() as db:
        db.execute("UPDATE flows SET snapshot = '{' WHERE key = ?", (bad,))
    shop.host.run()
    assert [json.loads(it.content)["metadata"] for it in shop.truemed.sent] == [good]
    assert bad in caplog.text and "/snapshot" in caplog.text
    caplog.clear()
    shop.host.run()
    assert caplog.text == ""  # not at once again
