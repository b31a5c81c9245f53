"""What the README promises: every verb, on objects that never change."""

from __future__ import annotations

import copy
import hmac
import json
import pickle
import sys
import uuid
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from email.message import Message
from types import MappingProxyType
from typing import Any, get_args, get_origin

import pytest
import rulebound
from conftest import CREATE, ITEM, KEY, REPLY, UPDATED
from rulebound import truemed


def test_an_accepted_command_says_what_it_owes(start: truemed.PaymentToken) -> None:
    step = start.handle(CREATE, now=0)
    assert (step.changed, step.take, step.learnt, step.failure, step.warnings) == (True, None, [], None, [])
    assert type(step.next) is truemed.PaymentToken
    assert (step.next.flow, step.next.key, step.next.revision) == ("truemed.payment_token", KEY, 1)
    owed = step.next.owed(now=0)
    assert [(it["id"], it["type"], it["ready"]) for it in owed] == [("create_payment_token:1", "request", True)]
    assert start.revision == 0 and start.owed(now=0) == []


def test_begin_alone_hands_out_the_request(start: truemed.PaymentToken) -> None:
    at = start.handle(CREATE, now=0).next
    take = at.handle({"type": "begin", "effect": "create_payment_token:1"}, now=1).take
    assert take is not None
    assert take["url"] == "https://api.truemed.com/api/v1/payment_tokens/create"
    assert take["idempotency_key"] == f"truemed.payment_token:{KEY}:create_payment_token:1"
    assert json.loads(take.get("body", ""))["metadata"] == KEY


def test_a_refused_command_raises_every_broken_rule(issued: truemed.PaymentToken) -> None:
    with pytest.raises(rulebound.Refused) as refused:
        issued.handle({"type": "update_payment_token", "update_card_info": True, "order_items": [ITEM]}, now=4)
    (violation,) = refused.value.violations
    assert violation["rule"] == "truemed.update.card-xor-items"
    assert violation.get("instead") == ["update_payment_token/items", "update_payment_token/card"]
    assert str(refused.value) == "refused by truemed.update.card-xor-items"
    assert pickle.loads(pickle.dumps(refused.value)).violations == refused.value.violations


def test_a_fact_moves_the_flow_or_says_why_not(begun: truemed.PaymentToken) -> None:
    early = begun.observe(UPDATED, now=2)
    assert (early.applied, early.because, early.changed) == (False, "early", False)
    assert early.next is begun
    seen = begun.observe(REPLY, now=2)
    assert (seen.applied, seen.because, seen.learnt) == (True, None, ["ptr_1"])
    assert seen.next.awaits(now=2)[0].get("customer_at") == "https://truemed.example/q/1"
    assert seen.next.correlation_ids() == [KEY, "ptr_1"]


def test_a_failure_is_told(begun: truemed.PaymentToken) -> None:
    seen = begun.observe({**REPLY, "status": 400, "body": '{"error": "no"}'}, now=2)
    assert seen.failure is not None
    assert (seen.failure["to"], seen.failure["status"]) == ("create_payment_token:1", 400)


def test_a_body_is_bytes_or_text_and_the_same(begun: truemed.PaymentToken) -> None:
    body = REPLY["body"]
    assert begun.observe(REPLY, now=2).next == begun.observe({**REPLY, "body": body.decode()}, now=2).next
    broken = begun.observe({**UPDATED, "body": b"\xff\xfe"}, now=2)
    assert broken.because == "unreadable"


def test_what_a_provider_sends_is_never_an_error(begun: truemed.PaymentToken) -> None:
    for odd in ({"body": b"x" * (2 << 20)}, {"body": "x" * (2 << 20)}, {"status": 600}, {"status": 999}):
        seen = begun.observe({**REPLY, **odd}, now=2)
        assert "ptr_1" not in seen.learnt
        assert [it["id"] for it in seen.next.owed(now=2)] == ["create_payment_token:1"]


def test_views_follow_the_clock_and_the_policy(begun: truemed.PaymentToken) -> None:
    assert begun.deadline(now=2) == 300_001
    assert begun.deadline(now=2, policy={"lease": 1000}) == 300_001
    assert begun.owed(now=2)[0]["ready"] is False
    assert begun.owed(now=300_001)[0]["ready"] is True
    assert {it["wish"]: it["open"] for it in begun.offers(now=2)}["delete_payment_token"] is False
    lent = begun.handle({"type": "begin", "effect": "create_payment_token:1"}, now=300_001, policy={"lease": 7000})
    assert lent.next.deadline(now=300_001) == 307_001


def test_settings_choose_the_server(start: truemed.PaymentToken) -> None:
    at = start.handle(CREATE, now=0).next
    begin: Any = {"type": "begin", "effect": "create_payment_token:1"}
    take = at.handle(begin, now=1, settings={"base_url": "https://double.example"}).take
    assert take is not None and take["url"].startswith("https://double.example/")


def test_now_is_milliseconds_or_an_aware_datetime(begun: truemed.PaymentToken) -> None:
    moment = datetime(2026, 11, 22, 1, 2, 3, 456_789, tzinfo=UTC)
    millis = 1_795_309_323_456
    far = moment.astimezone(timezone(timedelta(hours=-7, minutes=-30)))
    seen = [begun.observe(REPLY, now=now).next.awaits(now=now) for now in (millis, moment, far)]
    assert seen[0][0]["since"] == millis
    assert seen[0] == seen[1] == seen[2]
    before = datetime(1969, 12, 31, 23, 59, 59, 999_500, tzinfo=UTC)
    assert begun.observe(REPLY, now=before).next.awaits(now=0)[0]["since"] == -1


def test_mappings_of_every_kind_are_read(start: truemed.PaymentToken) -> None:
    frozen: Any = MappingProxyType({**CREATE, "order_items": (MappingProxyType(ITEM),)})
    assert start.handle(frozen, now=0).next == start.handle(CREATE, now=0).next
    assert start.handle(OrderedDict(CREATE), now=0).next == start.handle(CREATE, now=0).next
    webhook: Any = MappingProxyType(UPDATED)
    assert start.observe(webhook, now=0).because == start.observe(UPDATED, now=0).because
    escaped = {**ITEM, "name": 'a "quoted"\\ \n\x00 naïve 🧪 name'}
    at = start.handle({**CREATE, "order_items": [escaped]}, now=0).next
    take = at.handle({"type": "begin", "effect": "create_payment_token:1"}, now=0).take
    assert take is not None and json.loads(take.get("body", ""))["order_items"][0]["name"] == escaped["name"]


def test_a_row_is_loaded_by_its_flow(begun: truemed.PaymentToken) -> None:
    for loaded in (rulebound.load(begun.save()), truemed.PaymentToken.load(begun.save())):
        assert type(loaded) is truemed.PaymentToken
        assert loaded == begun and hash(loaded) == hash(begun)
        assert loaded.save() == begun.save() == begun.save_as(json.loads(begun.save())["format"])
    assert rulebound.flows["truemed.payment_token"] is truemed.PaymentToken


def test_a_key_may_be_a_uuid() -> None:
    assert truemed.PaymentToken.start(uuid.UUID(KEY)) == truemed.PaymentToken.start(KEY)


def test_a_row_may_be_bytes(begun: truemed.PaymentToken) -> None:
    for load in (rulebound.load, truemed.PaymentToken.load):
        assert load(begun.save().encode()) == begun


def test_every_flow_of_the_catalogue_has_a_class() -> None:
    ids = [flow["id"] for flow in rulebound.catalogue()["flows"]]
    assert sorted(rulebound.flows) == sorted(ids)
    for id, flow in rulebound.flows.items():
        provider, at = getattr(rulebound, id.split(".")[0]), flow.start(KEY)
        assert getattr(provider, flow.__name__) is flow
        assert (flow.__module__, at.flow) == (f"rulebound.{id.split('.')[0]}", id)
        assert flow.load(at.save()) == at


def test_snapshots_are_values(begun: truemed.PaymentToken, issued: truemed.PaymentToken) -> None:
    assert begun != issued and begun != begun.save()
    assert copy.copy(begun) is begun and copy.deepcopy([begun])[0] is begun
    assert pickle.loads(pickle.dumps(begun)) == begun
    assert len({begun, rulebound.load(begun.save()), issued}) == 2


def test_nothing_can_be_changed(begun: truemed.PaymentToken) -> None:
    for name in ("key", "revision", "anything"):
        with pytest.raises(AttributeError):
            setattr(begun, name, "x")
    step = begun.observe(REPLY, now=2)
    step.learnt.append("x")
    step.next.awaits(now=2).clear()
    assert step.learnt == ["ptr_1"] and len(step.next.awaits(now=2)) == 1
    with pytest.raises(TypeError):
        rulebound.flows["x"] = truemed.PaymentToken  # type: ignore[index]
    for make in (rulebound.Snapshot, truemed.PaymentToken, rulebound.Transition, rulebound.Observation):
        with pytest.raises(TypeError):
            make()
    with pytest.raises(TypeError):
        type("Own", (truemed.PaymentToken,), {})


def test_values_are_copied_and_watched_like_any_other(begun: truemed.PaymentToken) -> None:
    step, seen = begun.handle({"type": "begin", "effect": "create_payment_token:1"}, now=300_001), begun.observe(REPLY, now=2)
    for it in (begun, step, seen):
        assert copy.copy(it) is it and copy.deepcopy(it) is it
        assert weakref.ref(it)() is it


def test_names_say_where_a_class_or_a_function_is_found() -> None:
    for flow, of in rulebound.flows.items():
        module = sys.modules[f"rulebound.{flow.split('.')[0]}"]
        name = f"rulebound.{flow.split('.')[0]}.{of.__name__}"
        assert getattr(module, of.__name__) is of and repr(of) == f"<class '{name}'>"
        with pytest.raises(TypeError, match=f"'{name}'"):
            of()
    for name, it in vars(rulebound).items():
        if callable(it) and not name.startswith("_"):
            assert (it.__module__, it.__name__) == ("rulebound", name)
            assert pickle.loads(pickle.dumps(it)) is it
    assert rulebound.__version__ == rulebound.versions()["library"]


def test_classes_take_their_parameters_at_run_time() -> None:
    row = rulebound.Snapshot[Any, Any, Any]
    assert (get_origin(row), get_args(row)) == (rulebound.Snapshot, (Any, Any, Any))
    assert get_origin(rulebound.Transition[truemed.PaymentToken]) is rulebound.Transition
    assert get_args(rulebound.Observation[truemed.PaymentToken]) == (truemed.PaymentToken,)


def test_nothing_secret_is_printed(issued: truemed.PaymentToken) -> None:
    step = issued.handle({"type": "retrieve_payment_token"}, now=4)
    seen = issued.observe(UPDATED, now=4)
    assert repr(issued) == f"<truemed.payment_token {KEY} revision {issued.revision}>"
    assert repr(step) == f"<Transition to truemed.payment_token {KEY} revision {step.next.revision}>"
    assert repr(seen) == f"<Observation of truemed.payment_token {KEY} revision {issued.revision}, Known>"
    assert repr(rulebound.load(issued.save()).observe(REPLY, now=4)).startswith("<Observation ")
    assert all("pt_1" not in repr(it) for it in (issued, step, seen))


def test_one_snapshot_serves_many_threads(issued: truemed.PaymentToken) -> None:
    def round(now: int) -> tuple[Any, ...]:
        with pytest.raises(rulebound.Refused):
            issued.handle({"type": "begin", "effect": "nothing:1"}, now=now)
        step = issued.handle({"type": "delete_payment_token"}, now=now)
        return issued.save(), step.next.save(), issued.offers(now=4), hash(issued)

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(round, range(4, 2004)))
    assert all(result[0] == results[0][0] and result[2:] == results[0][2:] for result in results)


def test_webhooks_are_authenticated_by_their_raw_body() -> None:
    headers = {"X-Truemed-Api-Key": "whsec"}
    assert rulebound.authenticate("truemed", "whsec", headers, b"{}", 0) == "verified"
    assert rulebound.authenticate("truemed", ["old", "whsec"], headers, "{}", datetime.now(UTC)) == "verified"
    with pytest.raises(rulebound.NotAuthentic) as wrong:
        rulebound.authenticate("truemed", ["other"], headers, b"{}", 0)
    assert wrong.value.code == "not_authentic" and "fits none of the secrets" in str(wrong.value)


def test_a_tolerance_bounds_the_time_of_a_signature() -> None:
    signed = hmac.new(b"whsec", b"1700000000.{}", "sha256").hexdigest()
    headers = {"x-truemed-signature": f"t=1700000000,v1={signed}"}
    at = 1_700_000_000_000
    assert rulebound.authenticate("truemed", "whsec", headers, b"{}", at + 60_001) == "verified"
    assert rulebound.authenticate("truemed", "whsec", headers, b"{}", at + 60_000, tolerance=60_000) == "verified"
    with pytest.raises(rulebound.NotAuthentic, match="too far from now"):
        rulebound.authenticate("truemed", "whsec", headers, b"{}", at + 60_001, tolerance=60_000)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda it: it.decode()])
def test_a_body_is_whatever_holds_its_bytes(begun: truemed.PaymentToken, kind: Callable[[bytes], Any]) -> None:
    body = kind(b'{"provision_token_request_id":"ptr_1","redirect_url":"https://truemed.example/q/1"}')
    assert begun.observe({**REPLY, "body": body}, now=2).learnt == ["ptr_1"]
    assert rulebound.authenticate("truemed", "whsec", {"x-truemed-api-key": "whsec"}, body, 0) == "verified"
    assert rulebound.correlate("truemed", kind(UPDATED["body"])) == ["ptr_1", "pt_1"]
    row = kind(begun.save().encode())
    assert rulebound.load(row) == begun and truemed.PaymentToken.load(row) == begun


def test_a_flow_that_is_misspelt_is_told_with_those_that_there_are() -> None:
    with pytest.raises(KeyError, match=r"there is no flow 'truemed\.token': use one of .*truemed\.payment_token"):
        rulebound.flows["truemed.token"]
    assert rulebound.flows.get("truemed.token") is None and "truemed.token" not in rulebound.flows


class Headers:
    """As of a framework whose headers are no mapping: a name may stand there twice."""

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
def test_headers_are_whatever_a_framework_has(begun: truemed.PaymentToken, headers: Any) -> None:
    assert rulebound.authenticate("truemed", "whsec", headers, b"{}", 0) == "verified"
    waits = begun.observe({**REPLY, "status": 429, "headers": headers}, now=2).next.owed(now=2)
    assert waits == begun.observe({**REPLY, "status": 429, "headers": {"retry-after": "90"}}, now=2).next.owed(now=2)
    assert waits != begun.observe({**REPLY, "status": 429}, now=2).next.owed(now=2)


def test_what_stands_beside_the_flows() -> None:
    assert rulebound.correlate("truemed", UPDATED["body"]) == ["ptr_1", "pt_1"]
    assert rulebound.acknowledgement("truemed") == 204
    assert rulebound.versions()["protocol"] == 1
    assert len(rulebound.key_of("revup.token", "tok_1")) == 64
    assert rulebound.call('{"acknowledgement": {"provider": "truemed"}}') == '{"ok":204}'
    assert rulebound.load(truemed.PaymentSession.start(KEY).save()).flow == "truemed.payment_session"


def test_a_question_is_answered() -> None:
    asked = {"confirmed": [ITEM], "wanted": [{**ITEM, "quantity": 2}]}
    assert rulebound.ask("truemed", "needs_update", asked)
