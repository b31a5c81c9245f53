"""What web code does with rows: commands, verdicts, the customer's return, imports, and forgetting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import rulebound
from rulebound import facts

from . import _admin, _journal, _pauses, _visit
from ._journal import Line
from ._kit import Kit, NewerFormat, RowError, flow_id, provider_of
from ._sql import Script, Statement
from ._types import HostError, Import, NoReview, OpenReviews, Pending, ReviewPage, Row, UnknownRow
from ._visit import Locked

_INSERT = (
    "INSERT INTO {p}flows (flow, key, account, reference, revision, snapshot, wake_at, reviews, failing, tries, created_at, "
    "updated_at) VALUES (?, ?, ?, ?, 0, ?, NULL, 0, 0, 0, {due}, {due}) ON CONFLICT DO NOTHING"
)
_DELETE = "DELETE FROM {p}flows WHERE flow = ? AND key = ?"
_REFER = "UPDATE {p}flows SET reference = ? WHERE flow = ? AND key = ?"
_WAKE = "UPDATE {p}flows SET wake_at = ?, tries = 0 WHERE flow = ? AND key = ?"
_SPREAD = "UPDATE {p}flows SET wake_at = ? WHERE flow = ? AND key = ?"


def _enter(kit: Kit, flow: str, key: str, account: str, reference: str | None) -> Script[tuple[Locked, bool]]:
    """Makes the row if there is none, and locks it. The write comes first, so that no later statement finds it busy."""
    start = rulebound.flows[flow].start(key)  # type: ignore[index]
    made = yield Statement(_INSERT, (flow, key, account, reference, kit.save(start), kit.due(), kit.due()))
    try:
        locked = yield from _visit.lock(kit, flow, key)
    except Exception:
        if made.affected == 1:
            yield Statement(_DELETE, (flow, key))  # The caller may commit, or do the same again.
        raise
    assert locked is not None
    if made.affected == 1:
        locked.new_ids, locked.has_unread_ids = locked.ids, True
    return locked, made.affected == 1


def handle(
    kit: Kit, flow: str, key: str, command: Any, account: str, reference: str | None, actor: str | None, owns: bool
) -> Script[Row[Any, Any] | rulebound.Rejected]:
    """Decides and saves. A rejection is returned, so that its line can be committed where the transaction is ours."""
    locked, is_new = yield from _enter(kit, flow, key, account, reference)
    name = command.get("type") if isinstance(command, dict) else None
    try:
        step = locked.snapshot.handle(command, now=locked.now, config=locked.config)
    except rulebound.Rejected as rejected:
        if is_new:
            yield Statement(_DELETE, (flow, key))
        if owns:
            line = locked.line("rejected", actor=actor, code=name, rules=[it["rule"] for it in rejected.violations])
            line.digest = _journal.digest(locked.text)
            yield _journal.added(flow, key, locked.now, [line])
        return rejected
    line = _journal.describe_step(locked.line("command", actor=actor), step)
    line.code = line.code or name
    locked.take(step, line)
    if reference not in (None, locked.record[3]):
        yield Statement(_REFER, (reference, flow, key))
        locked.record = (*locked.record[:3], reference, *locked.record[4:])
    yield from _visit.save(locked)
    return locked.row()


def observe(kit: Kit, flow: str, key: str, fact: Any, actor: str | None) -> Script[Row[Any, Any]]:
    """A fact that is no worker's: the customer's return, a verdict, a restored backup."""
    locked = yield from _visit.lock(kit, flow, key)
    if locked is None:
        raise unknown(flow, key)
    locked.observe(fact, actor)
    yield from _visit.finish(locked, leases=False)
    return locked.row()


def answer(
    kit: Kit, flow: str, key: str, review: str, verdict: str, id: str | None, actor: str | None
) -> Script[Row[Any, Any]]:
    fact = facts.reviewed(review, verdict, id=id)  # type: ignore[arg-type]
    locked = yield from _visit.lock(kit, flow, key)
    if locked is None:
        raise unknown(flow, key)
    open_reviews = [it for it in locked.effects() if it["type"] == "review" and it["id"] == review]
    if not open_reviews:
        raise NoReview("review", f"{flow} {key} has no open review `{review}`: it was answered, or is not asked. Read `effects()` again.")
    verdicts = [it["verdict"] for it in open_reviews[0]["verdicts"]]
    if verdict not in verdicts:
        raise NoReview("verdict", f"`{verdict}` is no verdict of this review. Use {', '.join(verdicts)}.")
    try:
        locked.observe(fact, actor)
    except RowError as error:  # a verdict that the review does not offer is a mistake of the caller, not of the row
        raise error.cause from None
    yield from _visit.finish(locked, leases=False)
    return locked.row()


def reviews(kit: Kit, after: str | None) -> Script[ReviewPage]:
    """One page of the rows with a question for a person. A row that cannot be loaded has no reviews."""
    page = yield from _admin.listed(kit, "reviews", after)
    found = list[OpenReviews]()
    for row in page["rows"]:
        try:
            read = yield from _visit.read(kit, row["flow"], row["key"])
            effects: list[Any] = read.effects() if read else []
        except (RowError, NewerFormat):
            effects = []
        found.append(OpenReviews(row, [it for it in effects if it["type"] == "review"]))
    return ReviewPage(found, page["next"])


def retry(kit: Kit, flow: str, key: str) -> Script[None]:
    """A person wants the row to be worked on now: also if it could not be loaded, or its account is paused."""
    rows = (yield Statement("SELECT account, {now} FROM {p}flows WHERE flow = ? AND key = ? {lock}", (flow, key))).rows
    if not rows:
        raise unknown(flow, key)
    account, now = rows[0][0], kit.now(rows[0][1])
    yield Statement(_WAKE, (now, flow, key))
    yield from _pauses.end(provider_of(flow), account)


def forget(kit: Kit, flow: str, key: str) -> Script[None]:
    """Deletes a row and all that belongs to it, if nothing is pending."""
    locked = yield from _visit.lock(kit, flow, key)
    if locked is None:
        raise unknown(flow, key)
    waits = locked.snapshot.waiting_for(now=locked.now, config=locked.config)
    if locked.effects() or waits:
        raise Pending(f"{flow} {key} has something pending. Wait until its effects and waits have ended.")
    own = (
        "SELECT n.inbox FROM {p}inbox_ids n JOIN {p}ids i ON i.provider = n.provider AND i.id = n.id WHERE i.flow = ? "
        "AND i.key = ? AND NOT EXISTS (SELECT 1 FROM {p}inbox_ids m JOIN {p}ids j ON j.provider = m.provider AND j.id = m.id "
        "WHERE m.inbox = n.inbox AND NOT (j.flow = i.flow AND j.key = i.key))"
    )
    entries = (yield Statement(own, (flow, key))).rows
    for (entry,) in entries:
        yield Statement("DELETE FROM {p}inbox_ids WHERE inbox = ?", (entry,))
        yield Statement("DELETE FROM {p}inbox WHERE id = ?", (entry,))
    for table in ("ids", "journal", "flows"):
        yield Statement(f"DELETE FROM {{p}}{table} WHERE flow = ? AND key = ?", (flow, key))


def import_(kit: Kit, batch: Sequence[Import], first: int, per_second: float) -> Script[int]:
    """Adopts a batch. A row that is there already stays as it is; `first` is the number of the batch's first row."""
    imported = 0
    for it in batch:
        name = it.command.get("type") if isinstance(it.command, Mapping) else None
        if not str(name).startswith("retrieve_"):
            raise HostError(f"import_: {it.key}: `{name}` is no lookup, and would begin something new. Use a command that retrieves.")
    for it in batch:
        flow = flow_id(it.flow)
        locked, is_new = yield from _enter(kit, flow, str(it.key), it.account, it.reference)
        if not is_new:
            continue
        step = locked.snapshot.handle(it.command, now=locked.now, config=locked.config)
        locked.take(step, _journal.describe_step(Line(0, "command", actor="import", code=it.command["type"]), step))
        yield from _visit.save(locked)
        yield Statement(_SPREAD, (locked.now + int((first + imported) * 1000 / per_second), flow, locked.key))
        imported += 1
    return imported


def unknown(flow: str, key: str) -> UnknownRow:
    return UnknownRow(f"There is no row of {flow} with the key {key}.")
