"""The functions of the package, and the bodies and headers that they take."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import Message
from typing import Any

import pytest
import rulebound
from conftest import ITEM, KEY, REPLY, UPDATED
from rulebound import truemed


def test_webhooks_are_authenticated_by_their_raw_body() -> None:
    headers = {"X-Truemed-Api-Key": "whsec"}
    assert rulebound.authenticate("truemed", "whsec", headers, b"{}", 0) == "verified"
    assert rulebound.authenticate("truemed", ["old", "whsec"], headers, "{}", datetime.now(UTC)) == "verified"
    with pytest.raises(rulebound.NotAuthentic) as wrong:
        rulebound.authenticate("truemed", ["other"], headers, b"{}", 0)
    assert wrong.value.code == "not_authentic" and "matches none of the secrets" in str(wrong.value)


def test_a_tolerance_bounds_the_time_of_a_signature() -> None:
    signed = hmac.new(b"whsec", b"1700000000.{}", "sha256").hexdigest()
    headers = {"x-truemed-signature": f"t=1700000000,v1={signed}"}
    signed_at = 1_700_000_000_000
    assert rulebound.authenticate("truemed", "whsec", headers, b"{}", signed_at + 60_001) == "verified"
    assert rulebound.authenticate("truemed", "whsec", headers, b"{}", signed_at + 60_000, tolerance=60_000) == "verified"
    with pytest.raises(rulebound.NotAuthentic, match="too far from now"):
        rulebound.authenticate("truemed", "whsec", headers, b"{}", signed_at + 60_001, tolerance=60_000)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda it: it.decode()])
def test_a_body_is_whatever_holds_its_bytes(leased: truemed.PaymentToken, kind: Callable[[bytes], Any]) -> None:
    body = kind(b'{"provision_token_request_id":"ptr_1","redirect_url":"https://truemed.example/q/1"}')
    assert leased.observe({**REPLY, "body": body}, now=2).new_ids == ["ptr_1"]
    assert rulebound.authenticate("truemed", "whsec", {"x-truemed-api-key": "whsec"}, body, 0) == "verified"
    assert rulebound.correlate("truemed", kind(UPDATED["body"])) == ["ptr_1", "pt_1"]
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
    assert rulebound.authenticate("truemed", "whsec", headers, b"{}", 0) == "verified"
    limited: Any = {**REPLY, "http_status": 429}
    effects = leased.observe({**limited, "headers": headers}, now=2).next.effects(now=2)
    assert effects == leased.observe({**limited, "headers": {"retry-after": "90"}}, now=2).next.effects(now=2)
    assert effects != leased.observe(limited, now=2).next.effects(now=2)


def test_functions_need_no_snapshot() -> None:
    assert rulebound.correlate("truemed", UPDATED["body"]) == ["ptr_1", "pt_1"]
    assert rulebound.acknowledgement("truemed") == 204
    assert rulebound.versions()["protocol"] == 1
    assert len(rulebound.key_for("revup.token", "tok_1")) == 64
    assert rulebound.call('{"acknowledgement": {"provider": "truemed"}}') == '{"ok":204}'
    assert rulebound.load(truemed.PaymentSession.start(KEY).save()).flow == "truemed.payment_session"


def test_a_question_is_answered() -> None:
    asked = {"confirmed": [ITEM], "wanted": [{**ITEM, "quantity": 2}]}
    assert rulebound.ask("truemed", "needs_update", asked)
