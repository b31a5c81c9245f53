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
        self.garbled = "no request has this in it"

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        if self.before_answering:
            self.before_answering()
        if self.garbled in request.content.decode():
            return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))
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

    def wish(self, key: str) -> host.Row:
        at = truemed.PaymentToken.start(key)
        urls = {"success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no"}
        command: Any = {"type": "create_payment_token", "order_items": [host.SHELF["b12"]], **urls}
        return self.host.save(at, at.handle(command, now=host.now()))

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


def test_a_browser_that_comes_back_is_looked_into(shop: Shop) -> None:
    key = shop.subscribe()
    page = shop.browser.get(f"/subscriptions/{key}?back=success")
    assert page.status_code == 200
    assert [it.url.path for it in shop.truemed.sent][1:] == ["/api/v1/payment_tokens/provision_request/ptr_1"]
    assert shop.browser.get(f"/subscriptions/{key}?back=sideways").status_code == 422


def test_what_a_browser_or_a_provider_may_not_ask_is_refused(shop: Shop) -> None:
    assert shop.browser.post("/subscriptions", json=["b13"]).status_code == 422
    key = shop.subscribe()
    assert shop.browser.put(f"/subscriptions/{key}/items", json=["b12", "b13"]).status_code == 422
    for nobody in ("7", "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11"):
        assert shop.browser.get(f"/subscriptions/{nobody}").status_code == 404
        assert shop.browser.put(f"/subscriptions/{nobody}/items", json=["b12"]).status_code == 404
    assert shop.browser.post("/webhooks/truemde", json=UPDATED).status_code == 404
    assert len(shop.truemed.sent) == 1


def test_settings_and_the_scheme_are_put_where_they_belong(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(host.SETTINGS, "truemed", {"environment": "staging"})
    monkeypatch.setitem(host.API_KEYS, "truemed", "sk_1")
    at = shop.host.load("truemed.payment_token", shop.subscribe())
    (create,) = shop.truemed.sent
    assert (create.url.host, create.headers["x-truemed-api-key"]) == ("dev-api.truemed.com", "sk_1")
    take: Any = {"method": "GET", "url": "https://double.example", "headers": {}, "sending": 1}
    take["credential"] = "Authorization"
    for scheme, value in ((None, "sk_1"), ("Bearer", "Bearer sk_1")):
        shop.host.send(at, "any:1", {**take, "scheme": scheme})
        assert shop.truemed.sent[-1].headers["authorization"] == value


def test_a_webhook_comes_before_the_reply(shop: Shop) -> None:
    shop.truemed.before_answering = lambda: shop.webhook(UPDATED)
    key = shop.subscribe()
    assert shop.rows("inbox") == []  # it waited there until the reply told its id
    offers = shop.browser.get(f"/subscriptions/{key}").json()["offers"]
    assert "update_payment_token/items" in [offer["wish"] for offer in offers if offer["open"]]


def test_two_workers_take_one_row(shop: Shop) -> None:
    row = shop.wish("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")
    shop.host.work(row)
    with pytest.raises(host.Conflict):
        shop.host.work(row)  # loaded before the other had begun
    assert len(shop.truemed.sent) == 1


def test_a_worker_dies_between_saving_and_sending(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class PowerCut(BaseException):
        pass

    def cut() -> None:
        raise PowerCut

    at = shop.wish("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")
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


def test_an_answer_that_nobody_can_read_is_lost(shop: Shop) -> None:
    at = shop.wish("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")
    shop.truemed.garbled = at.key
    shop.host.run()
    (owed,) = shop.host.load(at.flow, at.key).owed(now=host.now())
    assert owed["ready"] is False and "not_before" in owed  # it is still owed, and rests for a while


def test_a_row_that_fails_keeps_no_other_from_being_served(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    bad, good = "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11", "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a22"
    for key in (bad, good):
        shop.wish(key)
    with shop.host.transaction() as db:
        db.execute("UPDATE flows SET snapshot = '{' WHERE key = ?", (bad,))
    shop.host.run()
    assert [json.loads(it.content)["metadata"] for it in shop.truemed.sent] == [good]
    assert bad in caplog.text and "/snapshot" in caplog.text
    caplog.clear()
    shop.host.run()
    assert caplog.text == ""  # not at once again
