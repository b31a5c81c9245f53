"""Limits of an account: how many of its requests this process has in flight, and how many it begins in a second."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

SECOND = 1_000
REQUEST = 200
"""How long a request lasts as a rule, in milliseconds. After it, a place can be free."""


@dataclass(frozen=True)
class Limit:
    """What a provider accepts of one account; `None` is no limit."""

    in_flight: int | None
    per_second: int | None


@dataclass
class _Used:
    # The rows whose request is in flight, each with the end of its lease: a place that is not given back is free then.
    in_flight: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    # When requests were begun, within the last second.
    begun: deque[int] = field(default_factory=deque[int])
    # How many rows were turned away since a request began.
    turned_away: int = 0

    def free_at(self, row: tuple[str, str], limit: Limit, now: int) -> int | None:
        found = list[int]()
        if limit.in_flight and len(self.in_flight.keys() - {row}) >= limit.in_flight:
            found.append(now + (self.turned_away // limit.in_flight + 1) * REQUEST)
        if limit.per_second and len(self.begun) >= limit.per_second:
            rounds, place = divmod(self.turned_away, limit.per_second)
            found.append(self.begun[place] + (rounds + 1) * SECOND)
        return max(found, default=None)


class Limits:
    """What this process does at each account that has limits."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str], _Used] = {}
        self._lock = threading.Lock()

    def take(self, account: tuple[str, str], row: tuple[str, str], limit: Limit, now: int, until: int) -> int | None:
        """Takes a place for a request of a row, until its lease ends. If there is none, it says when to try again: the rows
        that are turned away get different times, so that each is likely to find a place."""
        if not limit.in_flight and not limit.per_second:
            return None
        with self._lock:
            used = self._used.setdefault(account, _Used())
            used.in_flight = {it: end for it, end in used.in_flight.items() if end > now}
            used.begun = deque(at for at in used.begun if at <= now < at + SECOND)
            free_at = used.free_at(row, limit, now)
            if free_at is None:
                used.in_flight[row] = until
                used.begun.append(now)
                used.turned_away = 0
            else:
                used.turned_away += 1
            return free_at

    def leave(self, account: tuple[str, str], row: tuple[str, str]) -> None:
        """Gives a place back, because the request has ended or was not begun."""
        with self._lock:
            if used := self._used.get(account):
                used.in_flight.pop(row, None)
