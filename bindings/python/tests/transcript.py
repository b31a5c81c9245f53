"""Plays scripts, one JSON object a line, and writes two lines for each step: its result, and the views after it."""

from __future__ import annotations

import json
import sys
from typing import Any

import rulebound

STEP = ("ignored", "transitions", "new_ids", "failure", "warnings")
LEASE = ("request", "warnings")


def text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def result(changed: rulebound.Step[Any] | rulebound.Lease[Any], names: tuple[str, ...]) -> tuple[str, Any]:
    rest = {name: getattr(changed, name) for name in names}
    return f'{{"next":{changed.next.save()},{text(rest)[1:]}', changed.next


def outcome(snapshot: Any, step: dict[str, Any], context: dict[str, Any]) -> tuple[str, Any]:
    try:
        if "command" in step:
            return result(snapshot.handle(step["command"], **context), STEP)
        if "lease" in step:
            return result(snapshot.lease(step["lease"], **context), LEASE)
        if "fact" in step:
            return result(snapshot.observe(step["fact"], **context), STEP)
    except rulebound.Rejected as rejected:
        return text({"violations": rejected.violations}), snapshot
    except rulebound.InvalidInput as invalid:
        return error(invalid), snapshot
    return "null", snapshot


def error(invalid: rulebound.InvalidInput) -> str:
    return text({"code": invalid.code, "pointer": invalid.pointer, "message": invalid.message})


def views(snapshot: Any, context: dict[str, Any]) -> str:
    try:
        views = (snapshot.status, snapshot.effects, snapshot.waiting_for, snapshot.actions, snapshot.wake_at)
        return text([*(view(**context) for view in views), snapshot.ids()])
    except rulebound.InvalidInput as invalid:
        return error(invalid)


for line in sys.stdin.buffer:
    script = json.loads(line)
    snapshot = rulebound.flows[script["flow"]].start(script["key"])
    for step in script["steps"]:
        context = {"now": step["now"], "config": step.get("config", script.get("config"))}
        first, snapshot = outcome(snapshot, step, context)
        sys.stdout.buffer.write(f"{first}\n{views(snapshot, context)}\n".encode())
