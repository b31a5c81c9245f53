"""What operators look at: gauges, the lists of the dashboard, the checks of the journal, and pruning."""

from __future__ import annotations

import base64
import json
from typing import Any

from . import _inbox, _journal
from ._checks import check_time
from ._kit import Kit, account_of
from ._sql import Script, Statement
from ._types import HostError, Problem, Stats

DAY = 86_400_000
PAGE = 50
_LATEST = (1 << 53) - 1
"""The largest instant: every language reads it exactly."""
_ROW = (
    "flow, key, account, reference, revision, wake_at, reviews, failing, tries, last_error, created_at, updated_at"
)
ROW_NAMES: tuple[str, ...] = tuple(_ROW.split(", "))
_ENTRY = "id, provider, account, deliveries, origin, topic, received_at, wake_at, tries, last_error"
_LINE = (
    "seq, revision, at, kind, actor, effect, http_status, code, rules, transitions, failure, money, rules_version, digest"
)
_HELD = (
    "SELECT min(f.updated_at) FROM {p}pauses p JOIN {p}flows f ON f.account = p.account "
    "AND substr(f.flow, 1, length(p.provider) + 1) = p.provider || '.' WHERE p.until > ? AND f.wake_at <= p.until"
)
# The condition of an index is found only word for word.
_IS_REFUSED = "failure LIKE '%\"kind\":\"refused\"%'"
_REFUSED = f"SELECT count(*) FROM {{p}}journal WHERE at > ? AND {_IS_REFUSED}"
_OF_ROW = "(SELECT {name} FROM {{p}}flows f WHERE f.flow = j.flow AND f.key = j.key)"
_REFUSALS = (
    f"SELECT {_LINE}, flow, key, {_OF_ROW.format(name='account')}, {_OF_ROW.format(name='reference')} FROM {{p}}journal j "
    f"WHERE (kind = 'rejected' OR {_IS_REFUSED}) AND at <= ? AND (at < ? OR (flow, key, seq) > (?, ?, ?)) "
    f"ORDER BY at DESC, flow, key, seq LIMIT {PAGE + 1}"
)
# Three queries, each with its index: in one with OR, PostgreSQL reads every row.
_SEARCH = (
    f"SELECT {_ROW} FROM {{p}}flows WHERE key = ? UNION SELECT {_ROW} FROM {{p}}flows WHERE reference >= ? AND reference < ? "
    f"UNION SELECT {_ROW} FROM {{p}}flows WHERE (flow, key) IN (SELECT flow, key FROM {{p}}ids WHERE id = ?) "
    f"ORDER BY updated_at DESC, flow, key LIMIT {PAGE}"
)
_PRUNE = (
    "DELETE FROM {p}journal WHERE (flow, key, seq) IN (SELECT flow, key, seq FROM {p}journal WHERE at < ? ORDER BY at LIMIT 1000)"
)


def stats(kit: Kit) -> Script[Stats]:
    """The gauges, as they are now."""
    due = (yield Statement("SELECT min(wake_at), count(*), {now} FROM {p}flows WHERE wake_at <= {due}", (kit.due(),))).rows[0]
    inbox = (yield Statement("SELECT min(received_at) FROM {p}inbox")).rows[0]
    failing = (yield Statement("SELECT sum(failing + CASE WHEN tries > 0 THEN 1 ELSE 0 END) FROM {p}flows WHERE failing > 0 OR tries > 0")).rows[0]
    reviews = (yield Statement("SELECT sum(reviews) FROM {p}flows WHERE reviews > 0")).rows[0]
    now = kit.now(due[2])
    paused = (yield Statement("SELECT count(*) FROM {p}pauses WHERE until > ?", (now,))).rows[0]
    held = (yield Statement(_HELD, (now,))).rows[0]
    refused = (yield Statement(_REFUSED, (now - DAY,))).rows[0]
    return Stats(
        oldest_overdue_ms=0 if due[0] is None else max(now - due[0], 0),
        due=due[1],
        inbox_age_ms=0 if inbox[0] is None else max(now - inbox[0], 0),
        failing_effects=int(failing[0] or 0),
        reviews_open=int(reviews[0] or 0),
        accounts_paused=paused[0],
        oldest_held_ms=0 if held[0] is None else max(now - held[0], 0),
        refused_in_day=refused[0],
    )


def pauses(kit: Kit) -> Script[list[dict[str, Any]]]:
    """Every account that is paused, or was and has not been proved since."""
    rows = (yield Statement("SELECT provider, account, until, reason FROM {p}pauses ORDER BY provider, account")).rows
    return [dict(zip(("provider", "account", "until", "reason"), row, strict=True)) for row in rows]


def paused(kit: Kit) -> Script[list[Problem]]:
    """What the doctor says of accounts that take no requests now."""
    now = kit.now((yield Statement("SELECT {now}")).rows[0][0])
    cures = {"429": "The provider limits its requests.", "config": "Its config has a mistake, which the log names: correct it."}
    return [
        Problem("account", f"The {account_of(it['provider'], it['account'])} is paused ({it['reason']}). {cures.get(it['reason'], 'Correct its API key.')}")
        for it in (yield from pauses(kit))
        if it["until"] > now
    ]


# A list of rows is its condition, the column that sorts it, and whether the newest comes first.
LISTS: dict[str, tuple[str, str, bool]] = {
    "due": ("wake_at <= {due}", "wake_at", False),
    "waiting": ("wake_at > {due}", "wake_at", False),
    "failing": ("(failing > 0 OR tries > 0)", "updated_at", False),
    "reviews": ("reviews > 0", "updated_at", False),
    "recent": ("1 = 1", "updated_at", True),
}
"""The lists of rows; `inbox` and `refused` have something else."""
VIEWS = (*LISTS, "inbox", "refused")


def listed(kit: Kit, name: str, after: str | None) -> Script[dict[str, Any]]:
    """One page of a list, and the cursor of the next one."""
    if name == "inbox":
        return (yield from _entries(after))
    if name == "refused":
        return (yield from _refusals(after))
    condition, column, newest_first = LISTS[name]
    compare, order = ("<", "DESC") if newest_first else (">", "ASC")
    params: list[Any] = [kit.due()] if "{due}" in condition else []
    if after is not None:
        # Equal instants are in the order of their names, in both directions.
        condition += f" AND ({column} {compare} ? OR ({column} = ? AND (flow, key) > (?, ?)))"
        at, *names = _cursor(after, int, str, str)
        params += [at, at, *names]
    sql = f"SELECT {_ROW} FROM {{p}}flows WHERE {condition} ORDER BY {column} {order}, flow, key LIMIT {PAGE + 1}"
    rows = [dict(zip(ROW_NAMES, row, strict=True)) for row in (yield Statement(sql, params)).rows]
    return {"rows": rows[:PAGE], "next": _next(rows, (column, "flow", "key"))}


def _entries(after: str | None) -> Script[dict[str, Any]]:
    condition, params = ("WHERE (received_at, id) > (?, ?)", _cursor(after, int, str)) if after is not None else ("", [])
    sql = f"SELECT {_ENTRY} FROM {{p}}inbox {condition} ORDER BY received_at, id LIMIT {PAGE + 1}"
    found = (yield Statement(sql, params)).rows
    entries: list[dict[str, Any]] = [dict(zip(_ENTRY.split(", "), row, strict=True)) for row in found]
    for entry in entries[:PAGE]:
        entry["ids"] = yield from _inbox.shown_ids(entry["id"])
    return {"entries": entries[:PAGE], "next": _next(entries, ("received_at", "id"))}


def _refusals(after: str | None) -> Script[dict[str, Any]]:
    at, *names = _cursor(after, int, str, str, int) if after is not None else (_LATEST, "", "", 0)
    found = (yield Statement(_REFUSALS, (at, at, *names))).rows
    columns = (*_LINE.split(", "), "flow", "key", "account", "reference")
    refusals = [_parsed(dict(zip(columns, row, strict=True))) for row in found]
    return {"refusals": refusals[:PAGE], "next": _next(refusals, ("at", "flow", "key", "seq"))}


def _next(rows: list[dict[str, Any]], names: tuple[str, ...]) -> str | None:
    if len(rows) <= PAGE:
        return None
    text = json.dumps([rows[PAGE - 1][name] for name in names])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _cursor(text: str, *types: type) -> list[Any]:
    try:
        given: Any = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, RecursionError):
        given = None
    found = list[Any](given if isinstance(given, list) else ())  # pyright: ignore[reportUnknownArgumentType]
    if tuple(map(type, found)) != types or not all("\0" not in it if isinstance(it, str) else 0 <= it <= _LATEST for it in found):
        raise HostError("after: this is not a cursor. Pass `next` of the page before.")
    return found


def search(text: str) -> Script[list[dict[str, Any]]]:
    """Rows by key, id or reference; the reference also by how it begins."""
    if not text:
        return []
    rows = (yield Statement(_SEARCH, (text, text, text + "\U0010ffff", text))).rows
    return [dict(zip(ROW_NAMES, row, strict=True)) for row in rows]


def record(flow: str, key: str) -> Script[dict[str, Any] | None]:
    """A row without its snapshot, so that it can be shown also if it cannot be loaded."""
    rows = (yield Statement(f"SELECT {_ROW} FROM {{p}}flows WHERE flow = ? AND key = ?", (flow, key))).rows
    return dict(zip(ROW_NAMES, rows[0], strict=True)) if rows else None


def journal(flow: str, key: str, before: int | None) -> Script[list[dict[str, Any]]]:
    """The newest 200 lines of a row, the newest first."""
    condition, params = (" AND seq < ?", (flow, key, before)) if before is not None else ("", (flow, key))
    sql = f"SELECT {_LINE} FROM {{p}}journal WHERE flow = ? AND key = ?{condition} ORDER BY seq DESC LIMIT 200"
    return [_parsed(dict(zip(_LINE.split(", "), row, strict=True))) for row in (yield Statement(sql, params)).rows]


def _parsed(line: dict[str, Any]) -> dict[str, Any]:
    for name in ("rules", "transitions", "failure", "money"):
        line[name] = json.loads(line[name]) if line[name] else None if name == "failure" else []
    return line


def keys(after: tuple[str, str], limit: int = 500) -> Script[list[tuple[str, str]]]:
    """The rows in the order of their keys, for what visits all of them."""
    sql = f"SELECT flow, key FROM {{p}}flows WHERE (flow, key) > (?, ?) ORDER BY flow, key LIMIT {limit}"
    return [(row[0], row[1]) for row in (yield Statement(sql, after)).rows]


def check_restored(taken_at: int, now: int) -> None:
    """A wrong time would be refused row by row, or count what was done before the backup as unknown."""
    check_time("restored", taken_at)
    if taken_at > now + 60_000:
        raise HostError("restored: this time is in the future. Give the time when the backup was taken.")


_SAVES = (
    "SELECT revision, digest FROM {p}journal WHERE flow = ? AND key = ? AND kind NOT IN ('error', 'rejected', 'retry') ORDER BY seq"
)
"""The lines that saved the row: the others have the digest of whatever they found."""


def verify(flow: str, key: str) -> Script[list[Problem]]:
    """Compares a row with its journal: no gap in the revisions, and the last digest is the row's."""
    lock = "SELECT revision, snapshot FROM {p}flows WHERE flow = ? AND key = ? {lock}"
    row = (yield Statement(lock, (flow, key))).rows
    lines = (yield Statement(_SAVES, (flow, key))).rows
    if not row or not lines:
        return []
    problems = list[Problem]()
    for before, after in zip(lines, lines[1:], strict=False):
        if not 0 <= after[0] - before[0] <= 1:
            problems.append(Problem("gap", f"revision {after[0]} follows {before[0]}", flow, key))
    revision, snapshot = row[0]
    if lines[-1] != (revision, _journal.digest(snapshot)):
        problems.append(Problem("digest", "the row is not what the journal's last line says", flow, key))
    return problems


def prune(kit: Kit, journal_days: float, inbox_days: float) -> Script[int]:
    """Deletes a portion of what is too old, and returns how much."""
    now = kit.now((yield Statement("SELECT {now}")).rows[0][0])
    count = (yield Statement(_PRUNE, (now - int(journal_days * DAY),))).affected
    return count + (yield from _inbox.prune(now - int(inbox_days * DAY)))
