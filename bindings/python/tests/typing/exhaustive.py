"""What a strict checker must accept: code that handles every member of every union."""

from typing import Any, TypeVar, assert_never

from rulebound import Rejected, Snapshot, Step, truemed
from rulebound.types import (
    Fact,
    FailureKind,
    IgnoredReason,
    Level,
    PendingEffect,
    TruemedPaymentTokenActionName,
    UnblockedBy,
    Violation,
)


def by_type(effect: PendingEffect) -> str:
    match effect["type"]:
        case "request":
            return effect["operation"]
        case "notify":
            return effect["reason"]
        case "fulfill":
            return effect["about"]["id"]
        case "access":
            return str(effect["access_until"])
        case "review":
            return ",".join(it["verdict"] for it in effect["verdicts"])
        case _:
            assert_never(effect)


def by_field(unblocked_by: UnblockedBy) -> str:
    if "signal" in unblocked_by:
        return unblocked_by["signal"]
    if "at" in unblocked_by:
        return str(unblocked_by["at"])
    if "effect" in unblocked_by:
        return unblocked_by["effect"]
    if "action" in unblocked_by:
        return unblocked_by["flow"] or unblocked_by["action"]
    assert_never(unblocked_by)


def by_tag(unblocked_by: UnblockedBy) -> str:
    match unblocked_by["type"]:
        case "signal":
            return unblocked_by["signal"]
        case "time":
            return str(unblocked_by["at"])
        case "reply":
            return unblocked_by["effect"]
        case "action":
            return unblocked_by["flow"] or unblocked_by["action"]
        case _:
            assert_never(unblocked_by)


def by_fields_of_some(effect: PendingEffect) -> str:
    if "operation" in effect:
        return effect["retry"]
    if "verdicts" in effect:
        return ",".join(it["label"] for it in effect["verdicts"])
    if "reason" in effect:
        return effect["customer_url"] or effect["reason"]
    if "access_until" in effect:
        return str(effect["access_until"])
    return effect["about"]["id"]


def fact(it: Fact) -> str:
    if it["type"] == "reply":
        return str(it["http_status"])
    if it["type"] == "lost" or it["type"] == "not_sent":
        return it["effect"]
    if it["type"] == "restored":
        return str(it["taken_at"])
    if it["type"] == "webhook":
        return it["origin"]
    if it["type"] == "customer_returned":
        return it["type"]
    if it["type"] == "done":
        return it["effect"]
    if it["type"] == "reviewed":
        return it.get("id") or it["verdict"]
    assert_never(it)


def ignored(it: IgnoredReason) -> int:
    match it:
        case "duplicate":
            return 1
        case "early":
            return 2
        case "unrelated":
            return 3
        case "unreadable":
            return 4
        case "inconclusive":
            return 5


def failed(it: FailureKind) -> int:
    match it:
        case "refused":
            return 1
        case "not_admitted":
            return 2
        case "throttled":
            return 3
        case "unreadable":
            return 4
        case "no_reply":
            return 5
        case "dropped":
            return 6
        case "not_made":
            return 7


def is_rejected(it: Level) -> bool:
    match it:
        case "forbid" | "deny":
            return True
        case "warn":
            return False


def allowed_by(violation: Violation) -> str:
    unblocked_by = violation["unblocked_by"]
    return "never" if unblocked_by is None else by_field(unblocked_by) + by_tag(unblocked_by)


Row = TypeVar("Row", bound=Snapshot[Any, Any])


def newest(snapshot: Row, step: Step[Row]) -> Row:
    return snapshot if step.ignored else step.next


def rejected(token: truemed.PaymentToken) -> list[str]:
    try:
        token = newest(token, token.handle({"type": "delete_payment_token"}, now=0))
    except Rejected as why:
        return [allowed_by(violation) for violation in why.violations]
    actions = token.actions(now=0)
    allowed: list[TruemedPaymentTokenActionName] = [it["action"] for it in actions if it["allowed"]]
    return [*allowed, *map(by_type, token.effects(now=0)), *map(by_fields_of_some, token.effects(now=0))]
