"""What a strict checker must accept: code that tells every union apart, to the last member."""

from typing import Any, TypeVar, assert_never

from rulebound import Refused, Snapshot, Transition, truemed
from rulebound.types import Because, Fact, Owed, TruemedPaymentTokenWish, Until, Verdict, Violation


def by_type(owed: Owed) -> str:
    match owed["type"]:
        case "request":
            return owed["operation"]
        case "notify":
            return owed["reason"]
        case "fulfill":
            return owed["of"]
        case "access":
            return str(owed["until"])
        case "review":
            return ",".join(owed["verdicts"])
        case _:
            assert_never(owed)


def by_field(until: Until) -> str:
    if "signal" in until:
        return until["signal"]
    if "at" in until:
        return str(until["at"])
    if "reply" in until:
        return until["reply"]
    if "command" in until:
        return until.get("flow") or until["command"]
    assert_never(until)


def by_fields_of_some(owed: Owed) -> str:
    if "operation" in owed:
        return owed["retry"]
    if "verdicts" in owed:
        return ",".join(owed["verdicts"])
    if "reason" in owed:
        return owed.get("customer_at", owed["reason"])
    if "until" in owed:
        return str(owed["until"])
    return owed["of"]


def by_shape(verdict: Verdict) -> str:
    if isinstance(verdict, str):
        return verdict
    return verdict["id"]


def fact(it: Fact) -> str:
    if it["type"] == "reply":
        return str(it["status"])
    if it["type"] == "lost" or it["type"] == "not_sent":
        return it["to"]
    if it["type"] == "restored":
        return str(it["taken_at"])
    if it["type"] == "webhook":
        return it["origin"]
    if it["type"] == "returned":
        return it["via"]
    if it["type"] == "done":
        return by_shape(it.get("verdict") or it["effect"])
    assert_never(it)


def because(it: Because) -> int:
    match it:
        case "known":
            return 1
        case "early":
            return 2
        case "unrelated":
            return 3
        case "unreadable":
            return 4


def legal_by(violation: Violation) -> str:
    until = violation.get("until")
    return "never" if until is None else by_field(until)


At = TypeVar("At", bound=Snapshot[Any, Any, Any])


def newest(at: At, step: Transition[At]) -> At:
    return step.next if step.changed else at


def refused(at: truemed.PaymentToken) -> list[str]:
    try:
        at = newest(at, at.handle({"type": "delete_payment_token"}, now=0))
    except Refused as why:
        return [legal_by(violation) for violation in why.violations]
    open_now: list[TruemedPaymentTokenWish] = [offer["wish"] for offer in at.offers(now=0) if offer["open"]]
    return [*open_now, *map(by_type, at.owed(now=0)), *map(by_fields_of_some, at.owed(now=0))]
