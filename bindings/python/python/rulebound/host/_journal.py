"""The journal: one line for each step, by an allow-list. No body, URL, token or customer data is written."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import rulebound

from ._sql import Statement

_COLUMNS = (
    "flow, key, seq, revision, at, kind, actor, effect, http_status, code, rules, transitions, failure, money, rules_version, digest"
)
_SEQ = "coalesce((SELECT max(seq) FROM {p}journal WHERE flow = ? AND key = ?), 0) + ?"
_LINE = f"(?, ?, {_SEQ}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FAILURE = ("kind", "http_status", "code", "pointer", "rule")
_INTENT = ("intent", "action", "state", "cause")
_REFUND = ("id", "provider_status")


@cache
def rules_version() -> str:
    return rulebound.versions()["rules"]


def digest(text: str) -> str:
    """The SHA-256 of a snapshot's text."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Line:
    """One line, without the name of its row."""

    revision: int
    kind: str
    actor: str | None = None
    effect: str | None = None
    http_status: int | None = None
    code: str | None = None
    rules: Sequence[str] = ()
    transitions: Sequence[Any] = ()
    failure: dict[str, Any] | None = None
    money: Sequence[Any] = ()
    digest: str = ""


def describe_step(line: Line, step: Any) -> Line:
    """Adds what a step says about itself."""
    ignored, failure = step.ignored, step.failure
    if ignored:
        line.code = ignored["reason"]
    line.transitions = step.transitions
    line.rules = [it["rule"] for it in step.warnings]
    if failure:
        line.failure = {name: failure[name] for name in _FAILURE}
    return line


def money(before: Any, after: Any) -> list[dict[str, Any]]:
    """The charges, captures and refunds of a status that the status before did not have, or had in another state."""
    intents = _news(before["intents"], after["intents"], _INTENT, ("amount",))
    return intents + _news(before.get("refunds", ()), after.get("refunds", ()), _REFUND, ("intent", "amount"))


def _news(before: Sequence[Any], after: Sequence[Any], names: tuple[str, ...], more: tuple[str, ...]) -> list[dict[str, Any]]:
    known = [tuple(it[name] for name in names) for it in before]
    new = (it for it in after if tuple(it[name] for name in names) not in known)
    return [{name: it[name] for name in names + more} for it in new]


def event_of(topic: str | None, body: Any) -> str | None:
    """The name of a webhook's event. The journal has no other part of a body."""
    name: Any = topic
    if name is None:
        try:
            name = json.loads(body)["event_type"]
        except (ValueError, KeyError, TypeError):
            return None  # a form says its event in the topic
    return name if isinstance(name, str) and _EVENT.fullmatch(name) else None


def added(flow: str, key: str, at: int, lines: Sequence[Line]) -> Statement:
    """The write of lines, under the row's lock, which makes their numbers consecutive."""
    params: list[Any] = []
    for number, it in enumerate(lines, 1):
        params += [flow, key, flow, key, number, it.revision, at, it.kind, it.actor, it.effect, it.http_status, it.code]
        params += [_json(it.rules), _json(it.transitions), _json(it.failure), _json(it.money), rules_version(), it.digest]
    return Statement(_insert(len(lines)), params)


@cache
def _insert(lines: int) -> str:
    return f"INSERT INTO {{p}}journal ({_COLUMNS}) VALUES {', '.join([_LINE] * lines)}"


_EVENT = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
_compact = json.JSONEncoder(separators=(",", ":")).encode


def _json(value: Any) -> str | None:
    return _compact(value) if value else None
