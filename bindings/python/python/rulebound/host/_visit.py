"""The one kind of transaction that changes a row: lock, observe, read the inbox, lease, save."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import rulebound

from . import _inbox, _journal, _pauses
from ._journal import Line
from ._kit import Kit, LookupFailed, NeedsAccount, NewerFormat, RowError, describe, provider_of
from ._sql import Script, Statement, write
from ._types import ConfigError, Row

DAY, HOUR, MINUTE, SECOND = 86_400_000, 3_600_000, 60_000, 1_000
FAILING = 5
"""From this many attempts an effect counts as failing."""
_COLUMNS = (
    "flow, key, account, reference, revision, snapshot, wake_at, reviews, failing, tries, last_error, created_at, updated_at"
)
SELECT = f"SELECT {_COLUMNS}, {{now}} FROM {{p}}flows "
_PICK = SELECT + "WHERE wake_at <= {due} ORDER BY wake_at LIMIT 1 {lock_skipping}"
_LOCK = SELECT + "WHERE flow = ? AND key = ? {lock}"
_READ = SELECT + "WHERE flow = ? AND key = ?"
_ADD_ID = "INSERT INTO {p}ids (provider, id, flow, key) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_UPDATE = (
    "UPDATE {p}flows SET revision = ?, snapshot = ?, wake_at = ?, reviews = ?, failing = ?, tries = 0, last_error = NULL, "
    "updated_at = ? WHERE flow = ? AND key = ? AND revision = ?"
)
_REST = (
    "UPDATE {p}flows SET wake_at = ?, reviews = ?, failing = ?, tries = 0, last_error = NULL "
    "WHERE flow = ? AND key = ? AND revision = ?"
)
_FAIL = "UPDATE {p}flows SET tries = tries + 1, last_error = ?, wake_at = ? WHERE flow = ? AND key = ?"
_SKIP = "UPDATE {p}flows SET wake_at = ? WHERE flow = ? AND key = ?"


class Work:
    """An effect that this host has leased, once the transaction is committed."""

    def __init__(self, locked: Locked, effect: Any, attempts: int, request: Any, is_probe: bool) -> None:
        self.flow, self.key, self.account, self.provider = locked.flow, locked.key, locked.account, locked.provider
        self.settings = locked.config
        self.effect = effect
        self.attempts = attempts
        self.request = request
        self.is_probe = is_probe
        self.leased = 0.0
        self.left = locked
        """The row as the transaction has left it, once it is committed."""

    def row(self) -> Row[Any, Any]:
        """What a handler gets. A request needs none."""
        return self.left.row()


class Locked:
    """A row under its lock, and what this transaction has decided about it."""

    def __init__(self, kit: Kit, record: tuple[Any, ...], snapshot: Any, config: Any, ids: list[str]) -> None:
        self.flow: str = record[0]
        self.key: str = record[1]
        self.account: str = record[2]
        self.text: str = record[5]
        self.provider = provider_of(self.flow)
        self.kit = kit
        self.record = record[:13]
        self.now = kit.now(record[13])
        self.snapshot = snapshot
        self.config = config
        self.ids = ids
        self.new_ids: list[str] = []
        self.lines: list[Line] = []
        self.early: set[str] = set()
        self.pause: tuple[int, str] | None = None
        """The end and the reason of the account's pause."""
        self.has_entries = False
        """Whether the inbox has an entry that names an id of the row."""
        self.has_unread_ids = False
        """Whether the inbox can have an entry of an id that was not known when it was read."""
        self.has_more = False
        self.paused_until: int | None = None
        self.work: Work | None = None
        self._effects: list[Any] = []
        self._effects_of: Any = None

    def decide(self, decision: Callable[[], Any]) -> Any:
        """Calls the library. What it raises is a failure of this row, and of no other."""
        try:
            return decision()
        except (NeedsAccount, NewerFormat, rulebound.Rejected):
            raise
        except Exception as error:
            raise RowError(self.flow, self.key, error, (self.record[4], self.record[9])) from error

    def take_step(self, step: Any, line: Line) -> None:
        """Goes on to where a command or a fact has led, with what it says about itself."""
        if step.next.revision != self.snapshot.revision:
            line.money = self._money(step.next)
        self.take(step, _journal.describe_step(line, step))

    def _money(self, following: Any) -> list[dict[str, Any]]:
        after = self._status(following)
        has_money = after["intents"] or after.get("refunds")
        return _journal.money(self._status(self.snapshot), after) if has_money else []

    def _status(self, snapshot: Any) -> Any:
        return self.decide(lambda: snapshot.status(now=self.now, config=self.config))

    def take(self, result: Any, line: Line) -> None:
        """Goes on to the next snapshot, with its line in the journal."""
        following = result.next
        if following.revision != self.snapshot.revision:
            self.text = self.decide(lambda: self.kit.save(following))
        self.snapshot = following
        self.learn([it["id"] for it in getattr(result, "new_ids", ())])
        line.revision, line.digest = following.revision, _journal.digest(self.text)
        self.lines.append(line)

    def learn(self, ids: Sequence[str]) -> None:
        """Takes ids: webhooks with them are this row's."""
        for it in ids:
            if it not in self.ids and it not in self.new_ids:
                self.new_ids.append(it)
                self.has_unread_ids = True

    def line(self, kind: str, **more: Any) -> Line:
        return Line(self.snapshot.revision, kind, **more)

    def observe(self, fact: Any, actor: str | None = None) -> Any:
        step = self.decide(lambda: self.snapshot.observe(fact, now=self.now, config=self.config))
        status = fact.get("http_status")
        self.take_step(step, self.line(fact["type"], actor=actor, effect=fact.get("effect"), http_status=status, code=fact.get("verdict")))
        return step

    def effects(self) -> list[Any]:
        if self._effects_of is not self.snapshot:
            self._effects = self.decide(lambda: self.snapshot.effects(now=self.now, config=self.config))
            self._effects_of = self.snapshot
        return self._effects

    def row(self) -> Row[Any, Any]:
        flow, key, account, reference, revision, _, *counted, last_error, created_at, updated_at = self.record
        wake_at, reviews, failing, tries = counted
        return Row(
            flow, key, account, reference, revision, wake_at, reviews, failing, tries, last_error, created_at, updated_at,
            self.snapshot, self.kit.clock, self.config,
        )  # fmt: skip


def read(kit: Kit, flow: str, key: str) -> Script[Row[Any, Any] | None]:
    """A row without a lock, for a page."""
    rows = (yield Statement(_READ, (flow, key))).rows
    return enter(kit, rows[0]).row() if rows else None


def enter(kit: Kit, record: tuple[Any, ...], settings: Any = None, last: Locked | None = None) -> Locked:
    """Loads the snapshot of a row that was just read; with its own settings, unless others are given. One that is as this worker
    has left it is in memory."""
    flow, key = record[0], record[1]
    try:
        config = kit.config(flow, record[2]) if settings is None else settings
        if last is not None and last.text == record[5]:
            return Locked(kit, record, last.snapshot, config, last.ids + last.new_ids)
        snapshot = kit.load(flow, key, record[5])
        return Locked(kit, record, snapshot, config, [it["id"] for it in snapshot.ids()])
    except NeedsAccount as needs:
        needs.row, needs.read = (flow, key), (record[4], record[9])
        raise
    except NewerFormat:
        raise
    except Exception as error:
        raise RowError(flow, key, error, (record[4], record[9])) from error


def pick(kit: Kit) -> Script[Locked | None]:
    """Locks one row that is due; `None` if there is none."""
    rows = (yield Statement(_PICK, (kit.due(),))).rows
    return enter(kit, rows[0]) if rows else None


def lock(kit: Kit, flow: str, key: str, settings: Any = None, last: Locked | None = None) -> Script[Locked | None]:
    rows = (yield Statement(_LOCK, (flow, key))).rows
    return enter(kit, rows[0], settings, last) if rows else None


def due(kit: Kit) -> Script[Locked | None]:
    """A worker's visit of one row that is due."""
    locked = yield from pick(kit)
    if locked:
        yield from finish(locked, leases=True)
    return locked


def visit(
    kit: Kit, flow: str, key: str, fact: Any, work: Work | None, leases: bool, settings: Any = None
) -> Script[Locked | None]:
    """A visit that brings a fact, or only reads the inbox. `None` if the row was forgotten. With the settings of its lease, a
    fact is saved also if the account cannot be looked up."""
    locked = yield from lock(kit, flow, key, settings, work.left if work else None)
    if locked is None:
        return None
    if fact is not None:
        locked.observe(fact, actor="worker" if work else None)
        if work and fact["type"] == "reply":
            yield from _pauses.after_reply(locked, work, fact)
    yield from finish(locked, leases)
    return locked


def finish(locked: Locked, leases: bool) -> Script[None]:
    """The rest of every visit, after its fact."""
    yield from _inbox.look_around(locked)
    consumed = (yield from _inbox.offer(locked)) if locked.has_entries else []
    if leases:
        yield from _lease(locked)
    yield from save(locked)
    if consumed:
        yield from _inbox.remove(locked, consumed)


def still_leased(locked: Locked, work: Work) -> bool:
    """Whether the effect is pending under this worker's own lease: no other has leased it since."""
    return any(it["id"] == work.effect["id"] and it["attempts"] == work.attempts for it in locked.effects())


def _lease(locked: Locked) -> Script[None]:
    kit = locked.kit
    ready = [it for it in locked.effects() if it["ready"] and it["type"] != "review"]
    chosen = next((it for it in ready if it["type"] != "request"), None)
    is_probe = False
    if chosen is None and ready:
        may, is_probe = yield from _pauses.may_send(locked)
        chosen = ready[0] if may else None
    if chosen is None:
        return
    config = kit.config(locked.flow, locked.account, kit.timeout(locked.flow, chosen["type"]))
    try:
        lease = locked.decide(lambda: locked.snapshot.lease(chosen["id"], now=locked.now, config=config))
    except rulebound.Rejected as error:
        raise RowError(locked.flow, locked.key, error, (locked.record[4], locked.record[9])) from error
    locked.take(lease, locked.line("lease", actor="worker", effect=chosen["id"]))
    locked.lines[-1].rules = [it["rule"] for it in lease.warnings]
    request = lease.request
    attempts = request["sending"] if request else chosen["attempts"] + 1
    locked.work = Work(locked, chosen, attempts, request, is_probe)


def save(locked: Locked) -> Script[tuple[Any, ...]]:
    """Writes the row, its ids and its lines, and says when a worker looks at it again."""
    before = locked.record
    effects = locked.effects()
    wake_at = next_wake(locked, effects, locked.has_unread_ids or locked.has_more)
    reviews = failing = 0
    for it in effects:
        if it["type"] == "review":
            reviews += 1
        elif it["attempts"] >= FAILING:
            failing += 1
    changed = locked.snapshot.revision != before[4]
    if changed:
        values = (locked.snapshot.revision, locked.text, wake_at, reviews, failing, locked.now)
        writes = [Statement(_UPDATE, (*values, locked.flow, locked.key, before[4]))]
    else:
        writes = [Statement(_REST, (wake_at, reviews, failing, locked.flow, locked.key, before[4]))]
    writes += [Statement(_ADD_ID, (locked.provider, name, locked.flow, locked.key)) for name in locked.new_ids]
    if locked.lines:
        writes.append(_journal.added(locked.flow, locked.key, locked.now, locked.lines))
    if (yield from write(locked.kit.dialect, writes)) != 1:
        raise RuntimeError(f"{locked.flow} {locked.key}: the row has changed under its lock")
    after = locked.now if changed else before[12]
    locked.record = (
        *before[:4], locked.snapshot.revision, locked.text, wake_at, reviews, failing, 0, None, before[11], after,
    )  # fmt: skip
    return locked.record


def next_wake(locked: Locked, effects: list[Any], at_once: bool) -> int | None:
    """When a worker looks at the row again."""
    now, snapshot, config = locked.now, locked.snapshot, locked.config
    if at_once:
        return now
    ready = [it for it in effects if it["ready"] and it["type"] != "review"]
    latest = now + DAY
    if ready:
        paused_until = locked.paused_until
        if paused_until is None or any(it["type"] != "request" for it in ready):
            return now
        # The library would say now. What else rests may come before the account takes requests again.
        others: list[int] = [at for it in effects for at in (it["leased_until"], it["not_before"]) if at and at > now]
        return min([paused_until, *others, latest])
    found = locked.decide(lambda: snapshot.wake_at(now=now, config=config))
    wake_at = None if found is None else int(found)
    if wake_at is None:
        is_pending = bool(effects or locked.decide(lambda: snapshot.waiting_for(now=now, config=config)))
        return latest if is_pending else None
    return min(max(wake_at, now + SECOND), latest)


def failed(kit: Kit, error: RowError) -> Script[None]:
    """Notes that a row cannot be worked on, and lets it rest for an hour. A mistake in its account's config is the account's:
    it pauses the account, and the row rests as long, without a try. So it does if the account cannot be looked up."""
    rows = (yield Statement(_LOCK, (error.flow, error.key))).rows
    if not rows or error.read not in (None, (rows[0][4], rows[0][9])):
        return  # between the two transactions another worker has met the same failure
    record, now, text = rows[0], kit.now(rows[0][13]), describe(error.cause)
    if isinstance(error.cause, ConfigError):
        until = yield from _pauses.misconfigured(provider_of(error.flow), record[2], now)
        yield Statement(_SKIP, (until, error.flow, error.key))
        return
    if isinstance(error, LookupFailed):
        yield Statement(_SKIP, (now + MINUTE, error.flow, error.key))
        return
    yield Statement(_FAIL, (text, now + HOUR, error.flow, error.key))
    line = Line(record[4], "error", actor="worker", code=text, digest=_journal.digest(record[5]))
    yield _journal.added(error.flow, error.key, now, [line])


def skipped(kit: Kit, error: NewerFormat) -> Script[None]:
    """Leaves a row to a newer worker, and lets this one go on with the others."""
    rows = (yield Statement(_LOCK, (error.flow, error.key))).rows
    if rows:
        yield Statement(_SKIP, (kit.now(rows[0][13]) + MINUTE, error.flow, error.key))


def next_due(kit: Kit) -> Script[int | None]:
    """When a row or an entry is due next."""
    found = list[int]()
    for table in ("flows", "inbox"):
        rows = (yield Statement(f"SELECT min(wake_at) FROM {{p}}{table}")).rows
        found += [row[0] for row in rows if row[0] is not None]
    return min(found, default=None)
