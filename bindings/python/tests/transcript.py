"""Plays scenarios, one JSON object a line, and writes two lines for each step: what came of it, and how things stand."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import rulebound


def text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def instant(millis: Any) -> Any:
    """A time: as a number of milliseconds, one of 1970 would be taken for seconds."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis) if 10**9 <= millis < 10**11 else millis


def told(step: rulebound.Transition[Any]) -> str:
    rest = {name: getattr(step, name) for name in ("changed", "take", "learnt", "failure", "warnings")}
    return f'"next":{step.next.save()},{text(rest)[1:]}'


def outcome(at: Any, step: dict[str, Any], around: dict[str, Any]) -> tuple[str, Any]:
    try:
        if "command" in step:
            accepted = at.handle(step["command"], **around)
            return "{" + told(accepted), accepted.next
        if "fact" in step:
            seen = at.observe(step["fact"], **around)
            if seen.applied:
                return '{"applied":true,' + told(seen), seen.next
            return text({"applied": False, "unmoved": seen.because, "warnings": seen.warnings}), at
    except rulebound.Refused as refused:
        return text({"violations": refused.violations}), at
    except rulebound.Malformed as wrong:
        return problem(wrong), at
    return "null", at


def problem(wrong: rulebound.Malformed) -> str:
    return text({"code": wrong.code, "field": wrong.field, "message": wrong.message})


def views(at: Any, around: dict[str, Any]) -> str:
    try:
        seen = [view(**around) for view in (at.owed, at.awaits, at.offers, at.deadline)]
        return text([*seen, at.correlation_ids()])
    except rulebound.Malformed as wrong:
        return problem(wrong)


for line in sys.stdin.buffer:
    scenario = json.loads(line)
    at = rulebound.flows[scenario["flow"]].start(scenario["key"])
    for step in scenario["steps"]:
        around = {name: step.get(name, scenario.get(name)) for name in ("now", "policy", "settings")}
        around["now"] = instant(around["now"])
        first, at = outcome(at, step, around)
        sys.stdout.buffer.write(f"{first}\n{views(at, around)}\n".encode())
