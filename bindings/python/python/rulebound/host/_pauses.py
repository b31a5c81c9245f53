"""Accounts that take no requests for now. A pause concerns an account, never a row."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ._sql import Script, Statement

if TYPE_CHECKING:
    from ._visit import Locked, Work

MINUTE, HOUR = 60_000, 3_600_000
CONFIG = "config"
"""The reason of a pause that a mistake in the account's config began."""
_NOT_ADMITTED = (401, 403, 407)
_READ = "SELECT until, reason, count FROM {p}pauses WHERE provider = ? AND account = ?"
# Only one worker moves the end of a pause on: it sends the probe.
_PROBE = "UPDATE {p}pauses SET until = ? WHERE provider = ? AND account = ? AND until <= ?"
_DELETE = "DELETE FROM {p}pauses WHERE provider = ? AND account = ?"
_SET = (
    "INSERT INTO {p}pauses AS it (provider, account, until, reason, count) VALUES (?, ?, ?, ?, 1) ON CONFLICT (provider, account) "
    "DO UPDATE SET until = excluded.until, reason = excluded.reason, count = ?"
)


def may_send(locked: Locked) -> Script[tuple[bool, bool]]:
    """Whether a request of the row's account can be leased now, and whether it is the probe after a pause."""
    kit, account, row = locked.kit, (locked.provider, locked.account), (locked.flow, locked.key)
    until = locked.now + kit.lease_ms(locked.flow, "request")
    locked.paused_until = kit.limits.take(account, row, kit.limit(*account), locked.now, until)
    if locked.paused_until is not None:
        return False, False
    may, is_probe = yield from _gate(locked, account)
    if not may:
        kit.limits.leave(account, row)
    return may, is_probe


def _gate(locked: Locked, account: tuple[str, str]) -> Script[tuple[bool, bool]]:
    if locked.pause is None:
        return True, False
    until, reason = locked.pause
    if until <= locked.now:
        if reason in ("429", CONFIG):  # the stated time is over, or the config is right now: nothing has to be proved
            return True, True
        moved = yield Statement(_PROBE, (locked.now + MINUTE, *account, locked.now))
        if moved.affected == 1:
            return True, True
        until = locked.now + MINUTE
    locked.paused_until = until
    return False, False


def after_reply(locked: Locked, work: Work, fact: Any) -> Script[None]:
    """Begins, prolongs or ends the pause of the row's account, as the provider's reply says."""
    status, account = fact["http_status"], (locked.provider, locked.account)
    is_refused = status in _NOT_ADMITTED
    if not is_refused and status != 429:
        if work.is_probe:
            yield Statement(_DELETE, account)
        return
    rows = (yield Statement(_READ, account)).rows
    until, reason, count = rows[0] if rows else (0, "", 0)
    if until > locked.now and not work.is_probe and reason != "429":
        return  # a request that was in flight when the pause began
    if is_refused:
        number = count + 1 if reason != "429" else 1
        end = locked.now + min(MINUTE * 2 ** min(number - 1, 10), HOUR)
    else:
        number, end = 1, locked.now + retry_after(fact["headers"], locked.now)
    yield Statement(_SET, (*account, end, str(status), number))


def misconfigured(provider: str, account: str, now: int) -> Script[int]:
    """An account whose config has a mistake rests for a minute, until it is looked up again."""
    until = now + MINUTE
    yield Statement(_SET, (provider, account, until, CONFIG, 1))
    return until


def end(provider: str, account: str) -> Script[None]:
    """A person says that the account can take requests again."""
    yield Statement(_DELETE, (provider, account))


def retry_after(headers: Any, now: int) -> int:
    """How long to rest after a 429: what the provider says, otherwise a minute; an hour at most."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    if text is None:
        return MINUTE
    try:
        rest = int(text) * 1000
    except ValueError:
        try:
            at = parsedate_to_datetime(text)
            rest = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000) - now
        except ValueError:
            rest = MINUTE
    return min(max(rest, 1000), HOUR)
