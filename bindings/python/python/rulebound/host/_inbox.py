"""Webhooks: stored before anything else, and applied under the lock of each row that knows one of their ids."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import rulebound

from ._journal import event_of
from ._kit import Kit, describe
from ._sql import Script, Statement
from ._types import HostError

if TYPE_CHECKING:
    from ._visit import Locked

log = logging.getLogger("rulebound.host")
HOUR, MINUTE = 3_600_000, 60_000
AT_ONCE = 50
"""How many entries one visit applies."""
HINTS = 1_000
"""How many unverified entries of a provider are kept that no row knows."""

_INSERT = (
    "INSERT INTO {p}inbox AS it (id, provider, account, digest, deliveries, origin, content_type, topic, body, received_at, "
    "wake_at, tries) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, {due}, {due}, 0) ON CONFLICT (provider, account, digest) "
    "DO UPDATE SET deliveries = it.deliveries + 1, wake_at = excluded.wake_at, tries = 0 RETURNING id"
)
_ADD_ID = "INSERT INTO {p}inbox_ids (provider, id, inbox) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_HINTS = "SELECT count(*) FROM {p}inbox WHERE provider = ? AND origin = 'unverified'"
_KNOWN = "SELECT 1 FROM {p}ids WHERE provider = ? AND id {any} LIMIT 1"
_ROWS = (
    "SELECT DISTINCT i.flow, i.key FROM {p}inbox_ids n JOIN {p}inbox e ON e.id = n.inbox "
    "JOIN {p}ids i ON i.provider = n.provider AND i.id = n.id JOIN {p}flows f ON f.flow = i.flow AND f.key = i.key "
    "WHERE n.inbox = ? AND (e.account = '' OR e.account = f.account) ORDER BY i.flow, i.key"
)
_KNOWING = (
    "SELECT DISTINCT i.flow, i.key FROM {p}ids i JOIN {p}flows f ON f.flow = i.flow AND f.key = i.key "
    "WHERE i.provider = ? AND i.id {any} ORDER BY i.flow, i.key"
)
_WAKE = (
    "UPDATE {p}flows SET wake_at = {due} WHERE (flow, key) IN "
    "(SELECT flow, key FROM {p}flows WHERE flow = ? AND key = ? {lock_skipping})"
)
_REST = "UPDATE {p}inbox SET wake_at = ? WHERE id = ?"
_SLEEP = "UPDATE {p}inbox SET wake_at = NULL WHERE id = ?"
_SLEEP_UNKNOWN = (
    "UPDATE {p}inbox SET wake_at = CASE WHEN origin = 'unverified' THEN received_at + 3600000 END WHERE id = ?"
)
_AGAIN = "UPDATE {p}inbox SET wake_at = ? WHERE id = ? AND wake_at IS NULL"
_AROUND = (
    "SELECT EXISTS (SELECT 1 FROM {p}inbox_ids i WHERE i.provider = ? AND i.id {any}), a.until, a.reason "
    "FROM (SELECT 1) AS one LEFT JOIN {p}pauses a ON a.provider = ? AND a.account = ?"
)
_OFFERED = (
    "SELECT e.id, e.deliveries, e.origin, e.content_type, e.topic, e.body, e.received_at FROM {p}inbox e WHERE e.id IN "
    "(SELECT inbox FROM {p}inbox_ids WHERE provider = ? AND id {any}) AND (e.account = '' OR e.account = ?) "
    "AND (e.tries = 0 OR e.wake_at <= ?) AND (e.received_at, e.id) > (?, ?) ORDER BY e.received_at, e.id LIMIT 50"
)
_DELETE = "DELETE FROM {p}inbox WHERE id = ? AND deliveries = ?"
_DELETE_IDS = "DELETE FROM {p}inbox_ids WHERE inbox = ?"
_FAIL = "UPDATE {p}inbox SET tries = tries + 1, last_error = ?, wake_at = ? WHERE id = ?"
_UNKNOWN = (
    "SELECT id, deliveries, provider, origin, content_type, topic, body FROM {p}inbox e WHERE origin = 'verified' "
    "AND NOT EXISTS (SELECT 1 FROM {p}inbox_ids n WHERE n.inbox = e.id) ORDER BY received_at LIMIT 1000"
)
_ENTRY = "SELECT provider, origin, content_type, topic, body FROM {p}inbox WHERE id = ?"
_ENTRY_IDS = "SELECT id FROM {p}inbox_ids WHERE inbox = ? ORDER BY id"
_OLD = (
    "SELECT id, deliveries, provider FROM {p}inbox e WHERE received_at < ? AND NOT EXISTS (SELECT 1 FROM {p}inbox_ids n "
    "JOIN {p}ids i ON i.provider = n.provider AND i.id = n.id WHERE n.inbox = e.id) ORDER BY received_at LIMIT 1000"
)
_DUE = "UPDATE {p}inbox SET wake_at = received_at, tries = 0 WHERE id = ?"
_PICK = (
    "SELECT id, deliveries, origin, received_at, {now} FROM {p}inbox WHERE wake_at <= {due} ORDER BY wake_at LIMIT 1 "
    "{lock_skipping}"
)


class Entry(NamedTuple):
    """An entry that a worker correlates, with the rows that know one of its ids."""

    id: str
    deliveries: int
    rows: list[tuple[str, str]]


def knowing(kit: Kit, provider: str, ids: Sequence[str]) -> Script[list[tuple[str, str]]]:
    """The rows that know one of these ids."""
    return [(row[0], row[1]) for row in (yield Statement(_KNOWING, (provider, kit.dialect.array(ids)))).rows]


def digest(topic: str | None, content_type: str | None, body: bytes) -> str:
    """What tells a repeat: the SHA-256 of the topic, the content type and the body, each after a line break."""
    head = f"{topic or ''}\n{content_type or ''}\n".encode()
    return hashlib.sha256(head + body).hexdigest()


def store(kit: Kit, provider: str, account: str, fact: Any, ids: Sequence[str]) -> Script[str | None]:
    """Stores a webhook as it came. `None` if it is a hint too many, which may be dropped."""
    body = fact["body"].encode() if isinstance(fact["body"], str) else bytes(fact["body"])
    if fact["origin"] == "unverified" and (yield Statement(_HINTS, (provider,))).rows[0][0] >= HINTS:
        if not (yield Statement(_KNOWN, (provider, kit.dialect.array(ids)))).rows:
            return None
    topic, content_type = fact["topic"], fact["content_type"]
    values = (secrets.token_hex(16), provider, account, digest(topic, content_type, body))
    more = (fact["origin"], content_type, topic, body, kit.due(), kit.due())
    entry: str = (yield Statement(_INSERT, (*values, *more))).rows[0][0]
    for name in dict.fromkeys(ids):
        yield Statement(_ADD_ID, (provider, name, entry))
    if not kit.dialect.postgres:
        # SQLite has one writer: no row can learn an id beside this transaction, so that one commit is enough.
        yield from wake(kit, entry)
    return entry


def wake(kit: Kit, entry: str) -> Script[int]:
    """Makes each row due that knows one of the entry's ids. A row that is locked now is left to a worker."""
    rows = (yield Statement(_ROWS, (entry,))).rows
    awake = 0
    for flow, key in rows:
        awake += (yield Statement(_WAKE, (kit.due(), flow, key))).affected
    if awake == len(rows) <= 1:
        # A row that learns an id later looks at its entries itself. A hint that no row knows is dropped after an hour.
        yield Statement(_SLEEP if rows else _SLEEP_UNKNOWN, (entry,))
    return awake


def look_around(locked: Locked) -> Script[None]:
    """Asks in one statement whether the inbox has something for a row, and whether its account is paused: most visits find
    neither."""
    provider, kit = locked.provider, locked.kit
    ids = kit.dialect.array([*locked.ids, *locked.new_ids])
    ((has_entries, until, reason),) = (yield Statement(_AROUND, (provider, ids, provider, locked.account))).rows
    locked.has_entries = bool(has_entries)
    locked.pause = None if until is None else (until, reason)
    if not has_entries and not kit.dialect.postgres:
        # SQLite has one writer: an entry that comes later meets ids that are stored.
        locked.has_unread_ids = False


def offer(locked: Locked) -> Script[list[tuple[str, int]]]:
    """Observes the row's entries, the oldest first, and returns those that it did not ignore as early."""
    consumed: list[tuple[str, int]] = []
    after: tuple[int, str] = (-1, "")
    while locked.has_entries and len(consumed) < AT_ONCE:
        ids = locked.kit.dialect.array([*locked.ids, *locked.new_ids])
        page = (yield Statement(_OFFERED, (locked.provider, ids, locked.account, locked.now + MINUTE, *after))).rows
        for entry in page:
            if len(consumed) == AT_ONCE:
                locked.has_more = True
                return consumed
            yield from _offer_one(locked, entry, consumed)
        if len(page) < AT_ONCE:
            return consumed
        after = (page[-1][6], page[-1][0])
    locked.has_more = locked.has_entries
    return consumed


def _offer_one(locked: Locked, entry: tuple[Any, ...], consumed: list[tuple[str, int]]) -> Script[None]:
    name, deliveries, origin, content_type, topic, body, _ = entry
    try:
        fact = _fact(origin, content_type, topic, body)
        step = locked.snapshot.observe(fact, now=locked.now, config=locked.config)
    except Exception as error:
        log.error("The webhook %s of %s %s cannot be applied: %s", name, locked.flow, locked.key, describe(error))
        yield Statement(_FAIL, (describe(error), locked.now + HOUR, name))
        return
    if step.ignored and step.ignored["reason"] == "early":
        locked.early.add(name)  # it has no line: the inbox shows it
        return
    locked.take_step(step, locked.line("webhook", actor="webhook", code=event_of(topic, body)))
    consumed.append((name, deliveries))


def remove(locked: Locked, consumed: Sequence[tuple[str, int]]) -> Script[None]:
    """Deletes what the row has applied, last. An entry that other rows know is left to a worker's visit of the entry."""
    for name, deliveries in consumed:
        rows = (yield Statement(_ROWS, (name,))).rows
        if all((flow, key) == (locked.flow, locked.key) for flow, key in rows):
            yield from delete(name, deliveries)
        else:
            yield Statement(_AGAIN, (locked.now, name))


def delete(entry: str, deliveries: int) -> Script[None]:
    if (yield Statement(_DELETE, (entry, deliveries))).affected:
        yield Statement(_DELETE_IDS, (entry,))


def drop(entry: str) -> Script[None]:
    """A person has looked at an entry that no row knows, and wants it no more."""
    found = (yield Statement("SELECT deliveries FROM {p}inbox WHERE id = ?", (entry,))).rows
    if not found:
        raise HostError(f"id: the inbox has no entry `{entry}`.")
    if rows := (yield Statement(_ROWS, (entry,))).rows:
        raise HostError(f"id: the entry `{entry}` belongs to {rows[0][0]} {rows[0][1]}, which has yet to apply it. Let a worker run.")
    yield from delete(entry, found[0][0])


def read_again() -> Script[None]:
    """Makes each verified entry due that names no id so far, and that this release of the library can read. One that it reads as
    an event that no flow needs goes."""
    for entry, deliveries, provider, *read in (yield Statement(_UNKNOWN, ())).rows:
        kinds = named(provider, *read)
        if kinds is None:
            continue
        if not kinds:
            yield from delete(entry, deliveries)
            continue
        for name in kinds:
            yield Statement(_ADD_ID, (provider, name, entry))
        yield Statement(_DUE, (entry,))


def named(provider: str, origin: str, content_type: str | None, topic: str | None, body: Any) -> dict[str, str] | None:
    """The ids that an entry names, each with its kind; `None` if this release of the library cannot read it."""
    found = rulebound.webhook_ids(provider, _fact(origin, content_type, topic, body))  # type: ignore[arg-type]
    return None if found["unreadable"] else {it["id"]: it["kind"] for it in found["ids"]}


def shown_ids(entry: str) -> Script[list[str | bool]]:
    """An entry's ids for a page: `True` for a payment token, and for an id whose kind is not known, which can be one."""
    provider, *read = (yield Statement(_ENTRY, (entry,))).rows[0]
    kinds = named(provider, *read) or {}
    ids = [row[0] for row in (yield Statement(_ENTRY_IDS, (entry,))).rows]
    return [True if kinds.get(it) in (None, "payment_token") else it for it in ids]


def _fact(origin: str, content_type: str | None, topic: str | None, body: Any) -> dict[str, Any]:
    return {"type": "webhook", "origin": origin, "content_type": content_type, "topic": topic, "body": bytes(body)}


def prune(before: int) -> Script[int]:
    """Deletes some of the entries that came before, and that no row knows: a row's own are kept until it takes them."""
    old = (yield Statement(_OLD, (before,))).rows
    for entry, deliveries, provider in old:
        log.warning("The webhook %s of %s, which no row knows, was deleted, because it is old", entry, provider)
        yield from delete(entry, deliveries)
    return len(old)


def pick(kit: Kit) -> Script[Entry | None]:
    """One entry that is due. If this worker is killed, it is due again in a minute."""
    if not kit.has_read_again:
        yield from read_again()
    rows = (yield Statement(_PICK, (kit.due(),))).rows
    if not rows:
        return None
    entry, deliveries, origin, received_at, at = rows[0]
    now = kit.now(at)
    known = [(flow, key) for flow, key in (yield Statement(_ROWS, (entry,))).rows]
    if known:
        yield Statement(_REST, (now + MINUTE, entry))
    elif origin == "verified":
        yield Statement(_REST, (None, entry))
    elif received_at + HOUR <= now:
        yield from delete(entry, deliveries)
    else:
        yield Statement(_REST, (received_at + HOUR, entry))
    return Entry(entry, deliveries, known)


def settle(entry: Entry, is_early: bool) -> Script[None]:
    """Ends a worker's visit of an entry, after every row had it."""
    if is_early:
        yield Statement(_REST, (None, entry.id))
    else:
        yield from delete(entry.id, entry.deliveries)
