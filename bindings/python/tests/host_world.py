"""What surrounds the hosts of a scenario."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from rulebound.host import Incoming, NotSent, Outgoing

START = 1_700_000_000_000


class Killed(BaseException):
    """The process of the worker ends here."""


class Unscripted(BaseException):
    """A request that the scenario does not expect."""


class Away(sqlite3.OperationalError):
    """The database is away."""


class World:
    """What surrounds the hosts of one scenario: the clock, the providers, the handlers and the database's state."""

    def __init__(self) -> None:
        self.now = START
        self.steady = 0.0
        self.scripts: dict[str, list[Any]] = {}
        self.does: dict[str, str] = {}
        self.crash: str | None = None
        self.meanwhile: list[tuple[str, list[Any]]] = []
        self.sent: list[str] = []
        self.credentials: list[str] = []
        self.handled: list[str] = []
        self.is_away = False
        self.failing = 0

    def advance(self, ms: int) -> None:
        self.now += ms
        self.steady += max(ms, 0) / 1000

    def check_database(self) -> None:
        if self.failing > 0:
            self.failing -= 1
            raise Away("unable to open database file")
        if self.is_away:
            raise Away("unable to open database file")

    def reply(self, it: Outgoing) -> Incoming:
        script = self.scripts.get(it.operation)
        if not script:
            raise Unscripted(it.operation)
        entry = script[0]
        entry["times"] = entry.get("times", 1) - 1
        if entry["times"] == 0:
            script.pop(0)
        self.sent.append(it.operation)
        self.credentials.append(it.account)
        fault = entry.get("fault")
        if fault == "refused":
            raise NotSent("refused")
        if fault == "lost":
            raise ConnectionError("reset")
        if fault == "oversized":
            return Incoming(200, {}, b"x" * ((1 << 20) + 1))
        if fault == "redirect":
            return Incoming(302, {"location": "https://elsewhere.example/"}, b"")
        found = entry["reply"]
        return Incoming(found["status"], found.get("headers", {}), text_of(found.get("body", "")))


def text_of(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)
