"""What operators look at: gauges, the lists of the dashboard, the checks of the journal, and pruning."""

from __future__ import annotations

import base64
import json
from typing import Any

from . import _inbox, _journal
from ._kit import Kit
from ._sql import Script, Statement
from ._types import HostError, Problem, Stats

DAY = 86_400_000
PAGE = 50
_ROW = (
    "flow, key, account, reference, revision, wake_at, reviews, failing, tries, last_error, created_at, updated_at"
)
ROW_NAMES = tuple(_ROW.split(", "))
_ENTRY = "id, provider, account, deliveries, origin, topic, received_at, wake_at, tries, last_error"
_LINE = (
    "seq, revision, at, kind, actor, effect, http_status, code, rules, transitions, failure, rules_version, digest"
)
_HELD = (
    "SELECT min(f.updated_at) FROM {p}pauses p JOIN {p}flows f ON f.account = p.account "
    "AND substr(f.flow, 1, length(p.provider) + 1) = p.provider || '.' WHERE p.until > ? AND f.wake_at <= p.until"
)
_REFUSED = "SELECT count(*) FROM {p}journal WHERE at > ? AND failure LIKE '%\"kind\":\"refused\"%'"
_PRUNE = (
    "DELETE FROM {p}journal WHERE (flow, key, seq) IN (SELECT flow, key, seq FROM {p}journal WHERE at < ? ORDER BY at LIMIT 1000)"
)


def stats(kit: Kit) -> Script[Stats]:
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
    rows = (yield Statement("SELECT provider, account, until, reason FROM {p}pauses ORDER BY provider, account")).rows
    return [dict(zip(("provider", "account", "until", "reason"), row, strict=True)) for row in rows]


def paused(kit: Kit) -> Script[list[Problem]]:
    """What the doctor says of accounts that take no requests now."""
    now = kit.now((yield Statement("SELECT {now}")).rows[0][0])
    cures = {"429": "The provider limits its requests.", "config": "Its config has a mistake, which the log names: correct it."}
    return [
        Problem("account", f"`{it['account']}` of {it['provider']} is paused ({it['reason']}). {cures.get(it['reason'], 'Correct its API key.')}")
        for it in (yield from pauses(kit))
        if it["until"] > now
    ]


# A list is its condition, the column that sorts it, and whether the newest comes first.
LISTS: dict[str, tuple[str, str, bool]] = {
    "due": ("wake_at <= {due}", "wake_at", False),
    "waiting": ("wake_at > {due}", "wake_at", False),
    "failing": ("(failing > 0 OR tries > 0)", "updated_at", False),
    "reviews": ("reviews > 0", "updated_at", False),
    "recent": ("1 = 1", "updated_at", True),
    "inbox": ("", "received_at", False),
}


def listed(kit: Kit, name: str, after: str | None) -> Script[dict[str, Any]]:
    """One page of a list, and the cursor of the next one."""
    if name == "inbox":
        return (yield from _entries(after))
    if name not in LISTS:
        raise HostError(f"There is no list `{name}`. Use {', '.join(LISTS)}.")
    condition, column, newest_first = LISTS[name]
    compare, order = ("<", "DESC") if newest_first else (">", "ASC")
    params: list[Any] = [kit.due()] if "{due}" in condition else []
    if after is not None:
        # Equal instants are in the order of their names, in both directions.
        condition += f" AND ({column} {compare} ? OR ({column} = ? AND (flow, key) > (?, ?)))"
        at, *names = _cursor(after, 3)
        params += [at, at, *names]
    sql = f"SELECT {_ROW} FROM {{p}}flows WHERE {condition} ORDER BY {column} {order}, flow, key LIMIT {PAGE + 1}"
    rows = [dict(zip(ROW_NAMES, row, strict=True)) for row in (yield Statement(sql, params)).rows]
    return {"rows": rows[:PAGE], "next": _next(rows, (column, "flow", "key"))}


def _entries(after: str | None) -> Script[dict[str, Any]]:
    condition, params = ("WHERE (received_at, id) > (?, ?)", _cursor(after, 2)) if after is not None else ("", [])
    sql = f"SELECT {_ENTRY} FROM {{p}}inbox {condition} ORDER BY received_at, id LIMIT {PAGE + 1}"
    found = (yield Statement(sql, params)).rows
    entries = [dict(zip(_ENTRY.split(", "), row, strict=True)) for row in found]
    for entry in entries[:PAGE]:
        entry["ids"] = yield from _inbox.shown_ids(entry["id"])
    return {"entries": entries[:PAGE], "next": _next(entries, ("received_at", "id"))}


def _next(rows: list[dict[str, Any]], names: tuple[str, ...]) -> str | None:
    if len(rows) <= PAGE:
        return None
    text = json.dumps([rows[PAGE - 1][name] for name in names])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _cursor(text: str, length: int) -> list[Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, RecursionError):
        found = None
    types = [int, *[str] * (length - 1)]
    is_one = isinstance(found, list) and [type(it) for it in found] == types
    if not is_one or not 0 <= found[0] < 1 << 53 or any("\0" in it for it in found[1:]):
        raise HostError("after: this is not a cursor. Pass `next` of the page before.")
    return found


def search(text: str) -> Script[list[dict[str, Any]]]:
    """Rows by key, id or reference; the reference also by how it begins."""
    if not text:
        return []
    # The prefix is a range of code points, whatever the database's collation is.
    sql = (
        f"SELECT {_ROW} FROM {{p}}flows WHERE key = ? OR (reference {{bytes}} >= ? AND reference {{bytes}} < ?) "
        "OR (flow, key) IN (SELECT flow, key FROM {p}ids WHERE id = ?) ORDER BY updated_at DESC, flow, key LIMIT 50"
    )
    rows = (yield Statement(sql, (text, text, text + "\U0010ffff", text))).rows
    return [dict(zip(ROW_NAMES, row, strict=True)) for row in rows]


def record(flow: str, key: str) -> Script[dict[str, Any] | None]:
    """A row without its snapshot, so that it can be shown also if it cannot be loaded."""
    rows = (yield Statement(f"SELECT {_ROW} FROM {{p}}flows WHERE flow = ? AND key = ?", (flow, key))).rows
    return dict(zip(ROW_NAMES, rows[0], strict=True)) if rows else None


def journal(flow: str, key: str, before: int | None) -> Script[list[dict[str, Any]]]:
    """The newest 200 lines of a row, the newest first."""
    condition, params = (" AND seq < ?", (flow, key, before)) if before is not None else ("", (flow, key))
    sql = f"SELECT {_LINE} FROM {{p}}journal WHERE flow = ? AND key = ?{condition} ORDER BY seq DESC LIMIT 200"
    lines = [dict(zip(_LINE.split(", "), row, strict=True)) for row in (yield Statement(sql, params)).rows]
    for line in lines:
        for name in ("rules", "transitions", "failure"):
            line[name] = json.loads(line[name]) if line[name] else None if name == "failure" else []
    return lines


def keys(after: tuple[str, str], limit: int = 500) -> Script[list[tuple[str, str]]]:
    """The rows in the order of their keys, for what visits all of them."""
    sql = f"SELECT flow, key FROM {{p}}flows WHERE (flow, key) > (?, ?) ORDER BY flow, key LIMIT {limit}"
    return [(row[0], row[1]) for row in (yield Statement(sql, after)).rows]


def verify(flow: str, key: str) -> Script[list[Problem]]:
    """Compares a row with its journal: no gap in the revisions, and the last digest is the row's."""
    lock = "SELECT revision, snapshot FROM {p}flows WHERE flow = ? AND key = ? {lock}"
    row = (yield Statement(lock, (flow, key))).rows
    lines = (yield Statement("SELECT revision, digest FROM {p}journal WHERE flow = ? AND key = ? ORDER BY seq", (flow, key))).rows
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
