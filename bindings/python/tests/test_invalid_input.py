"""What cannot be read is an ordinary error that names the field, and changes nothing."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any

import pytest
import rulebound
from conftest import CREATE, EFFECT, ITEM, KEY, REPLY, UPDATED
from rulebound import InvalidInput, truemed

CYCLE: list[Any] = []
CYCLE.append(CYCLE)


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def wrong(call: Callable[[], object]) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        call()
    assert isinstance(raised.value, ValueError)
    assert str(raised.value).startswith(f"`{raised.value.pointer}`: ") or not raised.value.pointer
    return raised.value


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("price", 15.5, "15.5"),
        ("price", float("nan"), "finite"),
        ("price", float("-inf"), "finite"),
        ("price", "1500", "a whole number of cents, such as 1550 for 15.50, found the string `1500`"),
        ("price", Decimal("15"), "`Decimal`"),
        ("price", None, "null"),
        ("price", True, "true"),
        ("price", 2**53, "2^53"),
        ("price", 2**63, str(2**63)),
        ("price", 10**30, "1e30"),
        pytest.param("price", 10**5000, "digits", id="price-digits"),
        ("price", [], "a whole number of cents, such as 1550 for 15.50, found an array"),
        ("name", 5, "5"),
        ("name", b"B12", "bytes"),
        ("name", bytearray(b"B12"), "bytes"),
        ("name", memoryview(b"B12"), "bytes"),
        ("name", "\ud800", "surrogate"),
        ("name", datetime.now(UTC), "`datetime`"),
        ("name", {"B12"}, "`set`"),
        ("name", object(), "`object`"),
        ("colour", "red", "colour"),
    ],
)
def test_a_field_is_named(new: truemed.PaymentToken, name: str, value: object, message: str) -> None:
    command = {**CREATE, "order_items": [ITEM, {**ITEM, name: value}]}
    error = wrong(lambda: new.handle(command, now=0))
    assert (error.code, error.pointer) == ("malformed", f"/command/order_items/1/{name}")
    assert message in error.message
    assert new == truemed.PaymentToken.start(KEY)


@pytest.mark.parametrize(
    ("command", "pointer"),
    [
        ({}, "/command/type"),
        ({"type": "buy"}, "/command/type"),
        ({"type": 5}, "/command/type"),
        ([], "/command"),
        (None, "/command"),
        ("delete_payment_token", "/command"),
        (b"{}", "/command"),
        (7, "/command"),
        ({"type": "begin", "effect": "create_payment_token:1"}, "/command/type"),
        ({"type": "delete_payment_token", "more": 1}, "/command/more"),
        ({"type": "retrieve_payment_token", "payment_token": ""}, "/command/payment_token"),
        ({"type": "create_payment_token", "order_items": {1: 2}}, "/command/order_items"),
        ({**CREATE, "a/b~c": {"x": {1}}}, "/command/a~1b~0c/x"),
    ],
)
def test_a_command_is_named(new: truemed.PaymentToken, command: Any, pointer: str) -> None:
    assert wrong(lambda: new.handle(command, now=0)).pointer == pointer


@pytest.mark.parametrize(
    ("fact", "pointer"),
    [
        ({}, "/fact/type"),
        ([], "/fact"),
        ({"type": "tick"}, "/fact/type"),
        ({**REPLY, "http_status": 99_999}, "/fact/http_status"),
        ({**REPLY, "effect": ""}, "/fact/effect"),
        ({**REPLY, "body": {}}, "/fact/body"),
        ({**REPLY, "body": [123, 125]}, "/fact/body"),
        ({**REPLY, "body": "\udfff"}, "/fact/body"),
        ({**REPLY, "headers": {"a": 5}}, "/fact/headers/a"),
        ({**REPLY, "headers": [(b"a", bytearray(b"b"))]}, "/fact/headers/a"),
        ({**REPLY, "headers": {5: "b"}}, "/fact/headers"),
        ({**REPLY, "headers": [("a", "b"), "c"]}, "/fact/headers/1"),
        ({**REPLY, "headers": "a: b"}, "/fact/headers"),
        ({**REPLY, "headers": []}, "/fact/headers"),
        ({**REPLY, "headers": [["a", "b", "c"]]}, "/fact/headers/0"),
        ({**REPLY, "headers": 5}, "/fact/headers"),
        ({**UPDATED, "origin": "sure"}, "/fact/origin"),
        ({**UPDATED, "topic": b"paid"}, "/fact/topic"),
        ({"type": "webhook", "body": b"{}"}, "/fact/origin"),
        ({"type": "lost", "effect": "a:1", "body": b"{}"}, "/fact/body"),
        ({"type": "done", "effect": ""}, "/fact/effect"),
        ({"type": "done", "effect": "fulfill:a", "verdict": "seen"}, "/fact/verdict"),
        ({"type": "reviewed", "effect": "review:a"}, "/fact/verdict"),
        ({"type": "customer_returned", "via": "success_url"}, "/fact/via"),
    ],
)
def test_a_fact_is_named(leased: truemed.PaymentToken, fact: Any, pointer: str) -> None:
    assert wrong(lambda: leased.observe(fact, now=0)).pointer == pointer


@pytest.mark.parametrize("now", [True, None, "0", 1.0, 2**53, -(2**53), 2**70, b"0", datetime.now(), datetime.min, []])
def test_a_time_is_named(new: truemed.PaymentToken, now: Any) -> None:
    assert wrong(lambda: new.handle(CREATE, now=now)).pointer == "/now"
    assert wrong(lambda: new.lease(EFFECT, now=now)).pointer == "/now"
    assert wrong(lambda: new.observe(UPDATED, now=now)).pointer == "/now"
    assert wrong(lambda: new.effects(now=now)).pointer == "/now"
    assert wrong(lambda: new.wake_at(now=now)).pointer == "/now"
    assert wrong(lambda: rulebound.read_webhook("truemed", "s", {}, b"", now)).pointer == "/now"


def test_a_naive_time_says_what_to_do(new: truemed.PaymentToken) -> None:
    error = wrong(lambda: new.effects(now=datetime.now()))
    assert error.message == "is a naive datetime: give it a time zone, or use integer milliseconds"


def test_an_error_says_what_to_do(new: truemed.PaymentToken, leased: truemed.PaymentToken) -> None:
    parsed: Any = {"payment_token": "pt_1"}
    reply: Any = {"type": "reply", "effect": EFFECT, "sending": 1, "http_status": 200, "body": parsed}
    number: Any = 42
    themed: Any = {**CREATE, "theme": "dark"}
    now: Any = "2026-11-22T01:02:03Z"
    for call, pointer, cure in (
        (lambda: new.effects(now=now), "/now", "`datetime.fromisoformat` reads a text."),
        (lambda: rulebound.read_webhook("truemed", "s", {}, parsed, 0), "/body", "give the raw body, before it is parsed"),
        (lambda: leased.observe(reply, now=0), "/fact/body", "not a parsed one."),
        (lambda: rulebound.load("not json"), "/snapshot", "Load what `save()` gave, unchanged."),
        (lambda: new.handle(themed, now=0), "/command/theme", "names its fields."),
        (lambda: truemed.PaymentSession.load(new.save()), "/snapshot/flow", "or with `rulebound.load`."),
        (lambda: truemed.PaymentToken.start(number), "/key", "Pass a UUID, such as `uuid.uuid4()`."),
    ):
        error = wrong(call)
        assert error.pointer == pointer
        assert str(error).endswith(cure), str(error)


def test_what_read_webhook_returned_is_not_a_fact(new: truemed.PaymentToken) -> None:
    received = rulebound.read_webhook("vend", [], {}, b"{}", 1_700_000_000_000)
    error = wrong(lambda: new.observe(received, now=1_700_000_000_000))  # type: ignore[arg-type]
    assert error.message == "is what `read_webhook` returned: pass its `fact`"


@pytest.mark.parametrize("now", [10**14, 1_700_000_000_000_000, 1_700_000_000_000_000_000])
def test_a_time_in_microseconds_or_nanoseconds_says_what_to_do(new: truemed.PaymentToken, now: int) -> None:
    for call in (lambda: new.handle(CREATE, now=now), lambda: new.wake_at(now=now), lambda: new.effects(now=now)):
        error = wrong(call)
        assert error.pointer == "/now"
        assert error.message == "looks like microseconds or nanoseconds since 1970: pass milliseconds or a datetime"
    assert new.effects(now=10**14 - 1) == []


@pytest.mark.parametrize("now", [10**9, 1_700_000_000, 10**11 - 1])
def test_a_time_in_seconds_says_what_to_do(new: truemed.PaymentToken, now: int) -> None:
    for call in (
        lambda: new.handle(CREATE, now=now),
        lambda: new.lease(EFFECT, now=now),
        lambda: new.observe(UPDATED, now=now),
        lambda: new.effects(now=now),
        lambda: new.wake_at(now=now),
        lambda: rulebound.read_webhook("truemed", "s", {}, b"", now),
    ):
        error = wrong(call)
        assert error.pointer == "/now" and error.message == "looks like seconds since 1970: pass milliseconds or a datetime"
    assert '"pointer":"/now"' in rulebound.call(f'{{"wake_at": {{"snapshot": {new.save()}, "now": {now}}}}}')
    # A `datetime` shows the intention.
    assert new.effects(now=datetime.fromtimestamp(now / 1000, UTC)) == []


def test_a_missing_time_is_a_type_error(new: truemed.PaymentToken) -> None:
    with pytest.raises(TypeError, match="now"):
        new.handle(CREATE)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        (5, "/config"),
        ({"lease_ms": -1}, "/config/lease_ms"),
        ({"lease_ms": 1.5}, "/config/lease_ms"),
        ({"lease_ms": 300}, "/config/lease_ms"),
        ({"leese_ms": 1}, "/config/leese_ms"),
        ({"lease": 5000}, "/config/lease"),
        ({"mode": "loose"}, "/config/mode"),
        ({"lookups": {"while_waiting_ms": [1]}}, "/config/lookups/while_waiting_ms"),
        ({"overrides": {"truemed.no.such-rule": "warn"}}, "/config/overrides/truemed.no.such-rule"),
        ({"overrides": {"rulebound.effect.leased": "warn"}}, "/config/overrides/rulebound.effect.leased"),
        ({"overrides": {1: "warn"}}, "/config/overrides"),
        ({"truemed": 5}, "/config/truemed"),
        ({"truemed": {"server": "x"}}, "/config/truemed/server"),
        ({"truemed": {"environment": b"staging"}}, "/config/truemed/environment"),
        ({"flex": {"prices": {"p": {}}}}, "/config/flex/prices/p/unit_amount"),
    ],
)
def test_a_choice_is_named(new: truemed.PaymentToken, config: Any, pointer: str) -> None:
    assert wrong(lambda: new.handle(CREATE, now=0, config=config)).pointer == pointer
    assert wrong(lambda: new.lease(EFFECT, now=0, config=config)).pointer == pointer
    assert wrong(lambda: new.observe(UPDATED, now=0, config=config)).pointer == pointer
    assert wrong(lambda: new.actions(now=0, config=config)).pointer == pointer
    assert wrong(lambda: new.wake_at(now=0, config=config)).pointer == pointer


@pytest.mark.parametrize("effect", ["", "create payment", "x" * 1000, "\ud800", None, 1, b"create_payment_token:1", [], {}])
def test_an_effect_is_named(new: truemed.PaymentToken, effect: Any) -> None:
    error = wrong(lambda: new.lease(effect, now=0))
    assert (error.code, error.pointer) == ("malformed", "/effect")


def test_what_is_too_deep_or_holds_itself_is_rejected(new: truemed.PaymentToken) -> None:
    for value in (CYCLE, deep(1000)):
        error = wrong(lambda: new.handle({**CREATE, "extra": {"x": value}}, now=0))
        assert error.pointer.startswith("/command/extra/x/") and "deep" in error.message
    own: Any = {"type": "retrieve_payment_token"}
    own["payment_token"] = own
    assert "deep" in wrong(lambda: new.handle(own, now=0)).message
    assert new.handle({**CREATE, "extra": {"x": deep(50)}}, now=0).ignored is None


def test_what_expands_to_more_than_memory_holds_is_rejected(new: truemed.PaymentToken) -> None:
    doubled: Any = [1]
    for _ in range(100):
        doubled = [doubled, doubled]
    paired: Any = {}
    for _ in range(100):
        paired = {"a": paired, "b": paired}
    for value in (doubled, paired, [range(10**12)], ["x" * (1 << 20)] * 5, {str(it): "x" * 10_000 for it in range(1_000)}):
        error = wrong(lambda: new.handle({**CREATE, "extra": {"x": value}}, now=0))
        assert error.pointer.startswith("/command/extra/x/") and error.message == "is longer than 4 MiB"


def test_values_of_subclasses_count_as_what_they_are(new: truemed.PaymentToken) -> None:
    class Price(IntEnum):
        B12 = 1500

    class Sku(StrEnum):
        B12 = "b12"

    command: Any = {**CREATE, "order_items": [{**ITEM, "price": Price.B12, "sku": Sku.B12}]}
    assert new.handle(command, now=0).next == new.handle(CREATE, now=0).next


def test_an_exception_of_the_host_passes_through(new: truemed.PaymentToken) -> None:
    class Odd(list[Any]):
        def __iter__(self) -> Any:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        rulebound.read_webhook("truemed", Odd(["x"]), {}, b"", 0)


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("", "/snapshot"),
        ("{}", "/snapshot/flow"),
        ("[]", "/snapshot"),
        ('{"flow": "truemed.nothing"}', "/snapshot/format"),
        (truemed.PaymentToken.start(KEY).save().replace("payment_token", "nothing"), "/snapshot/flow"),
        (truemed.PaymentToken.start(KEY).save().replace('"format":1', '"format":999'), "/snapshot/format"),
        (truemed.PaymentToken.start(KEY).save().replace('"absent"', '"gone"'), "/snapshot/state/token/state"),
        (" " * (2 << 20) + "{}", "/snapshot"),
    ],
)
def test_a_row_that_is_not_a_snapshot_is_rejected(text: str, pointer: str) -> None:
    error = wrong(lambda: rulebound.load(text))
    assert (error.code, error.pointer) == ("unreadable_snapshot", pointer)
    assert wrong(lambda: truemed.PaymentToken.load(text)).pointer == pointer


def test_a_row_of_another_flow_is_rejected(new: truemed.PaymentToken) -> None:
    error = wrong(lambda: truemed.PaymentSession.load(new.save()))
    assert (error.code, error.pointer) == ("unreadable_snapshot", "/snapshot/flow")


@pytest.mark.parametrize("key", ["7", "", "x" * 129, 7, None, b"0123456789abcdef", "0123456789abcde\ud800", [KEY]])
def test_a_key_is_named(key: Any) -> None:
    assert wrong(lambda: truemed.PaymentToken.start(key)).pointer == "/key"


@pytest.mark.parametrize("text", [b"\xff{}", "\ud800"])
def test_a_row_that_is_not_text_is_unreadable(text: Any) -> None:
    for load in (rulebound.load, truemed.PaymentToken.load):
        error = wrong(lambda: load(text))
        assert (error.code, error.pointer) == ("unreadable_snapshot", "/snapshot")


@pytest.mark.parametrize("text", [5, None, {}, [123, 125]])
def test_a_row_of_another_type_is_named(text: Any) -> None:
    for load in (rulebound.load, truemed.PaymentToken.load):
        error = wrong(lambda: load(text))
        assert (error.code, error.pointer) == ("malformed", "/snapshot")
        assert error.message == f"is a `{type(text).__name__}`, but must be text"


@pytest.mark.parametrize("format", [-1, True, 1.0, "1", None, 2**32, 2**70])
def test_a_format_is_named(new: truemed.PaymentToken, format: Any) -> None:
    error = wrong(lambda: new.save_as(format))
    assert (error.code, error.pointer) == ("malformed", "/format")
    assert wrong(lambda: new.save_as(999)).code == "unknown_format"


def test_arguments_of_read_webhook_are_named() -> None:
    read: Any = rulebound.read_webhook
    assert wrong(lambda: read("truemed", b"s", {}, b"", 0)).pointer == "/secrets/0"
    assert wrong(lambda: read("truemed", ["s", 5], {}, b"", 0)).pointer == "/secrets/1"
    assert wrong(lambda: read("truemed", 5, {}, b"", 0)).pointer == "/secrets"
    assert wrong(lambda: read("truemed", "s", 5, b"", 0)).pointer == "/headers"
    assert wrong(lambda: read("truemed", "s", "x", b"", 0)).pointer == "/headers"
    assert wrong(lambda: read("truemed", "s", [("a", "b"), "ab"], b"", 0)).pointer == "/headers/1"
    assert wrong(lambda: read("truemed", "s", {"a": 5}, b"", 0)).pointer == "/headers/a"
    assert wrong(lambda: read("truemed", "s", [(b"a", 5)], b"", 0)).pointer == "/headers/a"
    assert wrong(lambda: read("truemed", "s", {}, {}, 0)).pointer == "/body"
    for span in (-1, 1.5, "60000", True):
        assert wrong(lambda: read("truemed", "s", {}, b"", 0, tolerance=span)).pointer == "/tolerance"


@pytest.mark.parametrize("value", [5, None, b"truemed", "\ud800"])
def test_arguments_beside_the_flows_are_named(value: Any) -> None:
    assert wrong(lambda: rulebound.read_webhook(value, "s", {}, b"", 0)).pointer == "/provider"
    assert wrong(lambda: rulebound.ask(value, "needs_update", {})).pointer == "/provider"
    assert wrong(lambda: rulebound.ask("truemed", value, {})).pointer == "/question"
    assert wrong(lambda: rulebound.key_for(value, "x")).pointer == "/kind"
    assert wrong(lambda: rulebound.key_for("revup.token", value)).pointer == "/name"
    assert wrong(lambda: rulebound.call(value)).pointer == "/request"


def test_what_the_functions_cannot_read_is_named() -> None:
    assert wrong(lambda: rulebound.key_for("revup.tokn", "tok_1")).pointer == "/kind"
    assert wrong(lambda: rulebound.key_for("revup.token", "")).pointer == "/name"
    assert wrong(lambda: rulebound.ask("truemed", "why", {})).pointer == "/question"
    assert wrong(lambda: rulebound.ask("truemed", "needs_update", {"x": {1}})).pointer == "/with/x"


def test_an_unknown_provider_is_not_a_forged_webhook() -> None:
    for call in (
        lambda it: rulebound.read_webhook(it, "s", {}, b"", 0),
        lambda it: rulebound.ask(it, "needs_update", {}),
    ):
        error = wrong(lambda: call("stripe"))
        assert (type(error), error.code, error.pointer) == (InvalidInput, "unknown", "/provider")
        names = ", ".join(f"`{it['name']}`" for it in rulebound.catalogue()["providers"])
        assert error.message == f"there is no provider `stripe`, only {names}"


@pytest.mark.parametrize(
    ("secrets", "pointer"),
    [("", "/secrets/0"), ([], "/secrets"), (["s", ""], "/secrets/1"), ("s\n", "/secrets/0"), (["s", '"s"'], "/secrets/1")],
)
def test_a_wrong_secret_is_not_a_forged_webhook(secrets: Any, pointer: str) -> None:
    error = wrong(lambda: rulebound.read_webhook("truemed", secrets, {"x-truemed-api-key": ""}, b"", 0))
    assert (type(error), error.code, error.pointer) == (InvalidInput, "malformed", pointer)


def test_a_long_name_is_not_repeated_whole(new: truemed.PaymentToken) -> None:
    long = "ä" * (1 << 20)
    error = wrong(lambda: new.handle({**CREATE, "extra": {long: {"x": {1}}}}, now=0))
    assert error.pointer == f"/command/extra/{'ä' * 64}…/x"
    assert wrong(lambda: rulebound.read_webhook(long, "s", {}, b"", 0)).message.startswith(f"there is no provider `{'ä' * 64}…`, only ")


def test_errors_can_be_copied_and_pickled() -> None:
    error = wrong(lambda: rulebound.read_webhook("stripe", "s", {}, b"", 0))
    for same in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (same.code, same.pointer, same.message) == (error.code, error.pointer, error.message)
