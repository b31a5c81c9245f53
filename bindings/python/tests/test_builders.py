"""The functions that make commands and facts, and the names that are `Literal`s."""

from __future__ import annotations

import importlib
import inspect
from typing import Any, get_args

import pytest
import rulebound
from conftest import CREATE, ITEM, KEY, REPLY
from rulebound import facts, flex, revup, truemed, vend

PROVIDERS: dict[str, Any] = {
    it["name"]: importlib.import_module(f"rulebound.{it['name']}") for it in rulebound.catalogue()["providers"]
}


def commands() -> dict[str, set[str]]:
    """The commands of each provider, from the catalogue."""
    found: dict[str, set[str]] = {name: set() for name in PROVIDERS}
    for flow in rulebound.catalogue()["flows"]:
        found[flow["id"].split(".")[0]] |= {action["command"] for action in flow["actions"]}
    return found


def test_a_builder_makes_the_command(new: truemed.PaymentToken) -> None:
    made = truemed.create_payment_token(
        order_items=[ITEM], success_url=CREATE["success_url"], failure_url=CREATE["failure_url"]
    )
    assert made == {**CREATE, "flow": "truemed.payment_token"}
    assert new.handle(made, now=0).next == new.handle(CREATE, now=0).next


def test_what_is_none_is_left_out() -> None:
    assert truemed.update_payment_token(order_items=None, update_card_info=True) == {
        "type": "update_payment_token",
        "flow": "truemed.payment_token",
        "update_card_info": True,
    }
    assert flex.update_subscription(cancel_at_period_end=False)["cancel_at_period_end"] is False


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_command_and_question_has_a_function(provider: str) -> None:
    module = PROVIDERS[provider]
    (entry,) = [it for it in rulebound.catalogue()["providers"] if it["name"] == provider]
    asked = {it["name"] for it in entry["questions"]}
    classes = {flow.__name__ for id, flow in rulebound.flows.items() if id.startswith(f"{provider}.")}
    assert set(module.__all__) == commands()[provider] | asked | classes
    for name in commands()[provider]:
        builder = getattr(module, name)
        parameters = inspect.signature(builder).parameters.values()
        assert all(it.kind is it.KEYWORD_ONLY for it in parameters)
        needed: Any = {it.name: "x" for it in parameters if it.default is it.empty}
        built = builder(**needed)
        flow = built.pop("flow", None)  # unless several flows of the provider have the command
        assert built == {"type": name, **needed}
        assert flow is None or flow.startswith(f"{provider}.")


def test_a_command_of_another_provider_names_its_flow() -> None:
    row: Any = vend.Subscription.start("00000000-0000-4000-8000-000000000001")
    assert flex.cancel_subscription() == {"type": "cancel_subscription", "flow": "flex.subscription"}
    with pytest.raises(rulebound.InvalidInput, match="a command of `flex.subscription`") as wrong:
        row.handle(flex.cancel_subscription(), now=0)
    assert wrong.value.pointer == "/command/flow"


def test_a_misspelt_field_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="succes_url"):
        truemed.create_payment_token(order_items=[ITEM], succes_url="https://shop.example/ok")  # type: ignore[call-arg]


def test_facts_are_what_observe_takes(leased: truemed.PaymentToken) -> None:
    reply = facts.reply(REPLY["effect"], http_status=200, body=REPLY["body"])
    assert leased.observe(reply, now=2).next == leased.observe(REPLY, now=2).next
    sent = [facts.lost(REPLY["effect"], sending=1), facts.not_sent(REPLY["effect"], sending=1)]
    for fact in (*sent, facts.customer_returned(), facts.restored(taken_at=1)):
        assert leased.observe(fact, now=2).failure is None or fact["type"] == "lost"
    assert leased.observe(sent[1], now=2).ignored is None
    unknown = leased.observe(facts.done("fulfill:a"), now=2)
    assert unknown.ignored is not None and unknown.next is leased
    with pytest.raises(rulebound.InvalidInput, match="which this flow has never had"):
        leased.observe(facts.reviewed("review:a", "confirmed", id="x"), now=2)


def test_names_are_literals() -> None:
    names: Any = rulebound
    assert set(get_args(names.ProviderName)) == set(PROVIDERS)
    assert set(get_args(names.FlowId)) == set(rulebound.flows)
    assert "truemed.update.card-xor-items" in get_args(names.RuleCode)
    assert set(get_args(names.KeyKind)) == {"revup.token", "vend.subscription"}
    for module in PROVIDERS.values():
        for name in ("Verdict", "Notice", "Signal", "Action"):
            assert set(get_args(getattr(module, name))) <= set(get_args(getattr(names, name)))
        assert get_args(module.Rule)
    with pytest.raises(AttributeError, match="has no attribute 'Verdicts'"):
        truemed.Verdicts  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    ("flow", "command"),
    [
        (truemed.PaymentToken, truemed.retrieve_payment_token(payment_token="pt_9")),
        (flex.Subscription, flex.retrieve_subscription(subscription_id="fsub_9")),
        (revup.Subscription, revup.retrieve_subscription(subscriptionId=KEY)),
        (vend.Subscription, vend.retrieve_subscription(subscription_id="7")),
    ],
)
def test_an_existing_subscriber_is_adopted_by_a_lookup(flow: Any, command: Any) -> None:
    step = flow.start(KEY).handle(command, now=0, config={"vend": {"domain_prefix": "shop"}, "revup": {"environment": "test"}})
    assert [it["type"] for it in step.next.effects(now=0)] == ["request"]
