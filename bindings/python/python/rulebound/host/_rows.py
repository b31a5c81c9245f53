"""What web code does with rows: commands, verdicts, the customer's return, imports, and forgetting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import rulebound
from rulebound import facts

from . import _admin, _journal, _pauses, _visit
from ._checks import check_texts
from ._journal import Line
from ._kit import Kit, NewerFormat, RowError, account_of, flow_id, provider_of
from ._sql import Script, Statement
from ._types import HostError, Import, NoReview, OpenReviews, Pending, Retry, ReviewPage, Row, UnknownRow
from ._visit import Locked

_INSERT = (
    "INSERT INTO {p}flows (flow, key, account, reference, revision, snapshot, wake_at, reviews, failing, tries, created_at, "
    "updated_at) VALUES (?, ?, ?, ?, 0, ?, NULL, 0, 0, 0, {due}, {due}) ON CONFLICT DO NOTHING"
)
_DELETE = "DELETE FROM {p}flows WHERE flow = ? AND key = ?"
_REFER = "UPDATE {p}flows SET reference = ? WHERE flow = ? AND key = ?"
_OWNER = "SELECT key FROM {p}ids WHERE provider = ? AND id = ? AND flow = ? AND key <> ? LIMIT 1"
# Two rows that adopt one object at once would not see each other's ids. The kits have the same lock, which ends with the transaction.
_ADOPT = "SELECT pg_advisory_xact_lock(hashtext('rulebound.adopt'), hashtext(it)) FROM unnest(?::text[]) AS it"
_RETRY = "SELECT account, revision, snapshot, {now} FROM {p}flows WHERE flow = ? AND key = ? {lock}"
_WAKE = "UPDATE {p}flows SET wake_at = ?, tries = 0, last_error = NULL WHERE flow = ? AND key = ?"
_SPREAD = "UPDATE {p}flows SET wake_at = ? WHERE flow = ? AND key = ?"


def _enter(kit: Kit, flow: str, key: str, account: str | None, reference: str | None) -> Script[tuple[Locked, bool]]:
    """Makes the row if there is none, and locks it. The write comes first, so that no later statement finds it busy."""
    start = rulebound.flows[flow].start(key)  # type: ignore[index]
    made = yield Statement(_INSERT, (flow, key, account or "", reference, kit.save(start), kit.due(), kit.due()))
    try:
        locked = yield from _visit.lock(kit, flow, key)
    except Exception:
        if made.affected == 1:
            yield Statement(_DELETE, (flow, key))  # The caller may commit, or do the same again.
        raise
    if locked is None:
        raise Retry(f"{flow} {key}: the row was deleted meanwhile.")
    if account and account != locked.account:
        fixed = account_of(locked.provider, locked.account)
        raise HostError(f"account: {flow} {key} belongs to the {fixed}, which its first command fixed, and not to `{account}`. Leave it out.")
    if made.affected == 1:
        locked.new_ids, locked.has_unread_ids = locked.ids, True
    return locked, made.affected == 1


def handle(
    kit: Kit, flow: str, key: str, command: Any, account: str | None, reference: str | None, actor: str | None, owns: bool
) -> Script[Row[Any, Any] | rulebound.Rejected]:
    """Decides and saves. A rejection is returned, so that its line can be committed where the transaction is ours."""
    check_texts(account=account, reference=reference, actor=actor)
    locked, is_new = yield from _enter(kit, flow, key, account, reference)
    try:
        yield from _decide(locked, command, actor)
    except Exception as error:
        if is_new:
            yield Statement(_DELETE, (flow, key))  # The caller may commit.
        if not isinstance(error, rulebound.Rejected):
            raise
        if owns:
            rules = [it["rule"] for it in error.violations]
            line = locked.line("rejected", actor=actor, code=type_of(command), rules=rules)
            line.digest = _journal.digest(locked.text)
            yield _journal.added(flow, key, locked.now, [line])
        return error
    if reference not in (None, locked.record[3]):
        yield Statement(_REFER, (reference, flow, key))
        locked.record = (*locked.record[:3], reference, *locked.record[4:])
    yield from _visit.save(locked)
    return locked.row()


def _decide(locked: Locked, command: Any, actor: str | None) -> Script[None]:
    """Takes the step of a command, and the ids that it names. Two rows of one object would both act on it."""
    step = locked.snapshot.handle(command, now=locked.now, config=locked.config)
    locked.take_step(step, locked.line("command", actor=actor, code=type_of(command)))
    known = [*locked.ids, *locked.new_ids]
    claimed = sorted(it["id"] for it in locked.snapshot.ids() if it["id"] not in known)
    if claimed and locked.kit.dialect.postgres:
        yield Statement(_ADOPT, ([f"{locked.provider} {it}" for it in claimed],))
    for id in claimed:
        for (key,) in (yield Statement(_OWNER, (locked.provider, id, locked.flow, locked.key))).rows:
            raise HostError(f"command: {locked.flow} {locked.key} names `{id}`, which the row `{key}` has. Use that row.")
    locked.learn(claimed)


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
    """A person's verdict for a review that is open and offers it."""
    check_texts(actor=actor)
    fact = facts.reviewed(review, verdict, id=id)  # type: ignore[arg-type]
    locked = yield from _visit.lock(kit, flow, key)
    if locked is None:
        raise unknown(flow, key)
    asked = next((it for it in locked.effects() if it["type"] == "review" and it["id"] == review), None)
    if asked is None:
        raise NoReview("review", f"{flow} {key} has no open review `{review}`: it was answered, or is not asked. Read `effects()` again.")
    _check_verdict(asked["verdicts"], verdict, id)
    locked.observe(fact, actor)
    yield from _visit.finish(locked, leases=False)
    return locked.row()


def _check_verdict(verdicts: Sequence[Any], verdict: str, id: str | None) -> None:
    """A verdict that the review does not offer is a mistake of the caller, and no failure of the row."""
    chosen = next((it for it in verdicts if it["verdict"] == verdict), None)
    if chosen is None:
        raise NoReview("verdict", f"`{verdict}` is no verdict of this review. Use {', '.join(it['verdict'] for it in verdicts)}.")
    if chosen["needs_id"] and not id:
        raise NoReview("id", f"The verdict `{verdict}` needs the id of a {chosen['needs_id']}.")
    if id and not chosen["takes_id"]:
        raise NoReview("id", f"The verdict `{verdict}` takes no id. Leave `id` out.")


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


def retry(kit: Kit, flow: str, key: str, actor: str | None) -> Script[None]:
    """A person wants the row to be worked on now: also if it could not be loaded, or its account is paused."""
    check_texts(actor=actor)
    rows = (yield Statement(_RETRY, (flow, key))).rows
    if not rows:
        raise unknown(flow, key)
    account, revision, text, at = rows[0]
    now = kit.now(at)
    yield Statement(_WAKE, (now, flow, key))
    yield from _pauses.end(provider_of(flow), account)
    yield _journal.added(flow, key, now, [Line(revision, "retry", actor=actor, digest=_journal.digest(text))])


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
    if not per_second > 0:
        raise HostError(f"per_second: {per_second} is not above 0. Give how many rows are looked up in a second.")
    for it in batch:
        flow = flow_id(it.flow)
        locked, is_new = yield from _enter(kit, flow, str(it.key), it.account, it.reference)
        if not is_new:
            continue
        yield from _decide(locked, it.command, "import")
        yield from _visit.save(locked)
        yield Statement(_SPREAD, (locked.now + int((first + imported) * 1000 / per_second), flow, locked.key))
        imported += 1
    return imported


def check_import(number: int, row: Any) -> str:
    """Refuses what is no row of an import, and what would begin something new. Gives the id of its flow."""
    where = f"import_: rows/{number}"
    if not isinstance(row, Import):
        raise HostError(f"{where}: it is a {type(row).__name__}. Write Import(flow, key, command).")
    if not isinstance(row.command, Mapping):
        raise HostError(f"{where}/command: it is a {type(row.command).__name__}. Give a lookup, such as truemed.retrieve_payment_token(…).")
    name = type_of(row.command)
    if not str(name).startswith("retrieve_"):
        raise HostError(f"{where}/command: `{name}` is no lookup, and would begin something new. Use a command that retrieves.")
    try:
        check_texts(account=row.account, reference=row.reference)
        flow = flow_id(row.flow)
        rulebound.flows[flow].start(row.key)  # type: ignore[index]
    except HostError as error:
        raise HostError(f"{where}/{error}") from None
    except (rulebound.InvalidInput, TypeError) as error:
        raise HostError(f"{where}/key: {getattr(error, 'message', error)}. Give your own record's key, such as a UUID.") from None
    return flow


def type_of(command: Any) -> Any:
    """The command's `type`; whether it is one, the library says."""
    return command.get("type") if isinstance(command, Mapping) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


def unknown(flow: str, key: str) -> UnknownRow:
    return UnknownRow(f"There is no row of {flow} with the key {key}.")
