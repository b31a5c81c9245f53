"""The functions of the package, and the bodies and headers that they take."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Any

import pytest
import rulebound
from conftest import ITEM, KEY, REPLY, UPDATED
from rulebound import revup, truemed, vend


def test_a_webhook_is_read_from_its_raw_body(leased: truemed.PaymentToken) -> None:
    headers = {"X-Truemed-Api-Key": "whsec", "Content-Type": "application/json"}
    received = rulebound.read_webhook("truemed", "whsec", headers, UPDATED["body"], 0)
    assert received == {
        "fact": {
            "type": "webhook",
            "origin": "verified",
            "provider": "truemed",
            "content_type": "application/json",
            "topic": None,
            "body": UPDATED["body"].decode(),
        },
        "ids": [{"kind": "provision_token_request", "id": "ptr_1"}, {"kind": "payment_token", "id": "pt_1"}],
        "acknowledge_with": 204,
        "unreadable": None,
    }
    waiting = leased.observe(REPLY, now=2).next
    step = waiting.observe(received["fact"], now=3)
    assert step.new_ids == [{"kind": "payment_token", "id": "pt_1"}]
    again = rulebound.read_webhook("truemed", ["old", "whsec"], headers, UPDATED["body"].decode(), datetime.now(UTC))
    assert again["fact"]["body"] == UPDATED["body"].decode()
    assert waiting.observe(again["fact"], now=3).next == step.next


def test_a_webhook_that_is_not_authentic_changes_nothing() -> None:
    with pytest.raises(rulebound.NotAuthentic) as wrong:
        rulebound.read_webhook("truemed", ["other"], {"x-truemed-api-key": "whsec"}, b"{}", 0)
    assert wrong.value.code == "not_authentic" and "matches none of the secrets" in str(wrong.value)


def test_a_webhook_that_cannot_be_read_is_still_authentic(leased: truemed.PaymentToken) -> None:
    received = rulebound.read_webhook("truemed", "whsec", {"x-truemed-api-key": "whsec"}, b"\xff\xfe", 0)
    assert (received["fact"]["body"], received["ids"], received["acknowledge_with"]) == (b"\xff\xfe", [], 204)
    assert received["unreadable"] is not None
    ignored = leased.observe(received["fact"], now=2).ignored
    assert ignored is not None and ignored["reason"] == "unreadable"


def test_a_stored_webhook_gives_its_ids_again() -> None:
    ids = [{"kind": "provision_token_request", "id": "ptr_1"}, {"kind": "payment_token", "id": "pt_1"}]
    for body in (UPDATED["body"], UPDATED["body"].decode()):
        assert rulebound.webhook_ids("truemed", {**UPDATED, "body": body}) == {"ids": ids, "unreadable": None}
    unread = rulebound.webhook_ids("truemed", {**UPDATED, "body": b"\xff"})
    assert (unread["ids"], unread["unreadable"] is None) == ([], False)
    for provider, fact, pointer in [("x", UPDATED, "/provider"), ("truemed", {"type": "customer_returned"}, "/fact/type")]:
        with pytest.raises(rulebound.InvalidInput) as wrong:
            rulebound.webhook_ids(provider, fact)  # type: ignore[arg-type]
        assert wrong.value.pointer == pointer


def test_a_provider_that_does_not_sign_is_never_verified() -> None:
    received = rulebound.read_webhook("vend", [], {}, b"{}", 0, topic="subscription.update")
    assert (received["fact"]["origin"], received["fact"]["topic"]) == ("unverified", "subscription.update")


def test_a_tolerance_bounds_the_time_of_a_signature() -> None:
    signed = hmac.new(b"whsec", b"1700000000.{}", "sha256").hexdigest()
    headers = {"x-truemed-signature": f"t=1700000000,v1={signed}"}
    signed_at = 1_700_000_000_000

    def origin(now: int, tolerance: timedelta | int | None) -> str:
        return rulebound.read_webhook("truemed", "whsec", headers, b"{}", now, tolerance=tolerance)["fact"]["origin"]

    assert origin(signed_at + 60_001, None) == "verified"
    for minute in (60_000, timedelta(minutes=1)):
        assert origin(signed_at + 60_000, minute) == "verified"
        with pytest.raises(rulebound.NotAuthentic, match="too far from now"):
            origin(signed_at + 60_001, minute)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda it: it.decode()])
def test_a_body_is_whatever_holds_its_bytes(leased: truemed.PaymentToken, kind: Callable[[bytes], Any]) -> None:
    body = kind(b'{"provision_token_request_id":"ptr_1","redirect_url":"https://truemed.example/q/1"}')
    assert [it["id"] for it in leased.observe({**REPLY, "body": body}, now=2).new_ids] == ["ptr_1"]
    webhook = kind(UPDATED["body"])
    received = rulebound.read_webhook("truemed", "whsec", {"x-truemed-api-key": "whsec"}, webhook, 0)
    assert [it["id"] for it in received["ids"]] == ["ptr_1", "pt_1"]
    assert received["fact"]["body"] in (UPDATED["body"], UPDATED["body"].decode())
    row = kind(leased.save().encode())
    assert rulebound.load(row) == leased and truemed.PaymentToken.load(row) == leased


class Headers:
    """The headers of a framework that are not a mapping: a name can be there twice."""

    def items(self) -> Iterator[tuple[str, str]]:
        yield "Other", "1"
        yield "Other", "2"
        yield "X-Truemed-Api-Key", "whsec"
        yield "Retry-After", "90"


def message() -> Message:
    made = Message()
    for name, value in Headers().items():
        made[name] = value
    return made


RAW = [(name.lower().encode(), value.encode()) for name, value in Headers().items()]


@pytest.mark.parametrize(
    "headers",
    [
        Headers(),
        message(),
        list(Headers().items()),
        tuple(Headers().items()),
        [*Headers().items(), ("Via", None)],
        {**dict(Headers().items()), "Via": None},
        RAW,
        [list(pair) for pair in RAW],
        [*RAW, (b"via", b"caf\xe9")],
    ],
)
def test_headers_are_whatever_a_framework_has(leased: truemed.PaymentToken, headers: Any) -> None:
    assert rulebound.read_webhook("truemed", "whsec", headers, b"{}", 0)["fact"]["origin"] == "verified"
    limited: Any = {**REPLY, "http_status": 429}
    effects = leased.observe({**limited, "headers": headers}, now=2).next.effects(now=2)
    assert effects == leased.observe({**limited, "headers": {"retry-after": "90"}}, now=2).next.effects(now=2)
    assert effects != leased.observe(limited, now=2).next.effects(now=2)


def test_functions_need_no_snapshot() -> None:
    assert rulebound.versions()["protocol"] == 1
    assert len(rulebound.key_for("revup.token", "tok_1")) == 64
    assert rulebound.call('{"key_for": {"kind": "revup.token", "name": "tok_1"}}').startswith('{"ok":"')
    assert rulebound.load(truemed.PaymentSession.start(KEY).save()).flow == "truemed.payment_session"


def test_a_question_is_answered() -> None:
    wanted: Any = [{**ITEM, "quantity": 2}]
    assert rulebound.ask("truemed", "needs_update", {"confirmed": [ITEM], "wanted": wanted})
    assert truemed.needs_update(confirmed=[ITEM], wanted=wanted)
    assert truemed.coverage(snapshot=truemed.PaymentToken.start(KEY), order_items=[ITEM]) == "unknown"
    assert vend.partner_apps_page(settings={"domain_prefix": "m"}) == "https://m.retail.lightspeed.app/billing/partner-apps"
    assert revup.read_pay(status=200, body=b'{"status": "SUCCESS"}') == "success"
