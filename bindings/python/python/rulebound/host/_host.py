"""The host that blocks: for threads, and for frameworks such as Django and Flask."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, overload

import rulebound
from rulebound import facts

from . import _admin, _inbox, _rows, _schema, _send, _telemetry, _visit, _webhook
from ._adapters import drive, is_database, needs_retry, within
from ._base import GRACE, VISITS, Base
from ._database import WRITE_FIRST, open_database, run
from ._kit import Handler, NeedsAccount, NewerFormat, RowError, flow_id
from ._sql import Script
from ._types import Access, Account, Done, HostError, Import, Problem, Provider, Retry, Row, Stats
from ._visit import Locked, Work

if TYPE_CHECKING:
    from rulebound import Snapshot
    from rulebound.types import FlowId, Verdict

C = TypeVar("C", contravariant=True)
A = TypeVar("A", covariant=True)
S = TypeVar("S", covariant=True)
T = TypeVar("T")
log = logging.getLogger("rulebound.host")


class Hook:
    """What a test puts in place of the world: the points where a worker can be killed, and the passing of time."""

    def checkpoint(self, name: str) -> None:
        """Does nothing, except in a test."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Host(Base):
    """Stores snapshots, sends requests, receives webhooks and calls handlers."""

    def __init__(
        self,
        database: Any,
        providers: Mapping[str, Provider],
        *,
        config: Mapping[str, Any] | None = None,
        clock: Callable[[], int] | None = None,
        schema: str = "public",
        send: _send.Send | None = None,
        keep_journal_days: float = 400,
        keep_inbox_days: float = 30,
        hook: Hook | None = None,
    ) -> None:
        self._database = open_database(database)
        super().__init__(self._database.kind, providers, config, clock, schema, keep_journal_days, keep_inbox_days)
        self._given_send = send
        self._own_send: _send.HttpxSend | None = None
        self._hook = hook or Hook()
        self._wake = threading.Event()
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    # Transactions.

    def _run(self, make: Callable[[], Script[T]]) -> T:
        """One transaction of the kit, after the accounts that it needs were looked up."""
        if not self._started:
            run(self._database, self._dialect, lambda: _schema.start(self._kit))
            self._started = True
        return self._with_accounts(lambda: run(self._database, self._dialect, make))

    def _with_accounts(self, call: Callable[[], T]) -> T:
        while True:
            try:
                return call()
            except NeedsAccount as needs:
                try:
                    self._look_up(needs.provider, needs.account)
                except Exception as error:
                    if needs.row is None:
                        raise
                    raise RowError(*needs.row, error) from error

    def _look_up(self, provider: str, name: str) -> None:
        lookup = self._kit.providers[provider].account
        found = lookup(name) if lookup else None
        if found is not None and not isinstance(found, Account):
            raise HostError(f"providers/{provider}/account: `Host` needs a function that returns an `Account` or `None`.")
        self._kit.remember(provider, name, found)

    def _within(self, tx: Any, make: Callable[[], Script[T]]) -> T:
        execute = within(self._dialect, tx)
        try:
            if not self._started:
                if not self._dialect.postgres:
                    execute(WRITE_FIRST)
                drive(_schema.start(self._kit), execute)
                self._started = True
            return self._with_accounts(lambda: drive(make(), execute))
        except Exception as error:
            if needs_retry(error):
                raise Retry(str(error)) from error
            raise

    @overload
    def transaction(self) -> AbstractContextManager[Any]: ...
    @overload
    def transaction(self, function: Callable[[Any], T]) -> T: ...
    def transaction(self, function: Callable[[Any], T] | None = None) -> Any:
        """One transaction with your own rows. With a function it runs again after a `Retry`, at most five times."""
        if function is None:
            return self._transaction()
        for left in range(4, -1, -1):
            try:
                with self._transaction() as tx:
                    return function(tx)
            except Exception as error:
                if not needs_retry(error) or left == 0:
                    raise
        raise AssertionError("unreachable")

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        if not self._started:
            self._run(lambda: _schema.read_formats(self._kit))
        with self._database.begin(self._dialect) as tx:
            yield tx
        self.wake()

    # What web code calls.

    @overload
    def handle(
        self, flow: type[Snapshot[C, A, S]], key: str, command: C, *, tx: Any = None, actor: str | None = None,
        reference: str | None = None, account: str = "",
    ) -> Row[A, S]: ...  # fmt: skip
    @overload
    def handle(
        self, flow: FlowId, key: str, command: Any, *, tx: Any = None, actor: str | None = None,
        reference: str | None = None, account: str = "",
    ) -> Row[Any, Any]: ...  # fmt: skip
    def handle(
        self, flow: Any, key: Any, command: Any, *, tx: Any = None, actor: str | None = None,
        reference: str | None = None, account: str = "",
    ) -> Row[Any, Any]:  # fmt: skip
        """Decides and saves, in your transaction or in one of its own. `Rejected` has changed nothing."""
        name, owns = flow_id(flow), tx is None
        self._with_accounts(lambda: self._kit.config(name, account))

        def make() -> Script[Row[Any, Any] | rulebound.Rejected]:
            return _rows.handle(self._kit, name, str(key), command, account, reference, actor, owns)

        result = self._run(make) if owns else self._within(tx, make)
        if isinstance(result, rulebound.Rejected):
            log.info("%s %s: rejected %s", name, key, " ".join(it["rule"] for it in result.violations))
            raise result
        if owns:
            self.wake()
        return result

    @overload
    def get(self, flow: type[Snapshot[Any, A, S]], key: str, tx: Any = None) -> Row[A, S] | None: ...
    @overload
    def get(self, flow: FlowId, key: str, tx: Any = None) -> Row[Any, Any] | None: ...
    def get(self, flow: Any, key: Any, tx: Any = None) -> Row[Any, Any] | None:
        """The row, with the clock and the config bound; `None` if there is none."""
        name = flow_id(flow)

        def make() -> Script[Row[Any, Any] | None]:
            return _visit.read(self._kit, name, str(key))

        try:
            return self._run(make) if tx is None else self._within(tx, make)
        except RowError as error:
            raise error.cause from None

    def customer_returned(self, flow: Any, key: Any) -> Row[Any, Any]:
        """The customer's browser came back. This proves nothing, and makes lookups due."""
        name = flow_id(flow)
        row = self._run(lambda: _rows.observe(self._kit, name, str(key), facts.customer_returned(), "customer"))
        self.wake()
        return row

    def answer(
        self, flow: Any, key: Any, review: str, verdict: Verdict, *, id: str | None = None, actor: str | None = None
    ) -> Row[Any, Any]:
        """A person's verdict for a `review` effect."""
        name = flow_id(flow)
        row = self._run(lambda: _rows.answer(self._kit, name, str(key), review, verdict, id, actor))
        self.wake()
        return row

    def retry(self, flow: Any, key: Any) -> Row[Any, Any]:
        """Works on a row now, also if its account is paused."""
        name = flow_id(flow)
        row = self._run(lambda: _rows.retry(self._kit, name, str(key)))
        self.wake()
        return row

    def forget(self, flow: Any, key: Any) -> None:
        """Deletes a row and all that belongs to it. Raises `Pending` if something is pending."""
        name = flow_id(flow)
        self._run(lambda: _rows.forget(self._kit, name, str(key)))

    def import_(self, rows: Iterable[Import], *, per_second: float = 5) -> int:
        """Adopts rows in batches. A row that is there already stays; the others are looked up one after another."""
        count, left = 0, iter(rows)
        while batch := list(islice(left, 100)):
            first = count
            for it in batch:
                self._with_accounts(lambda it=it: self._kit.config(flow_id(it.flow), it.account))  # type: ignore[misc]
            count += self._run(lambda batch=batch, first=first: _rows.import_(self._kit, batch, first, per_second))  # type: ignore[misc]
        return count

    # Webhooks.

    def webhook(
        self, provider: str, headers: Any, body: bytes, *, account: str = "", token: str | None = None,
        topic: str | None = None,
    ) -> int:  # fmt: skip
        """Stores a webhook before anything else, and gives the HTTP status to reply with."""
        if not _webhook.knows(self._kit, provider, token):
            return 404
        try:
            read = self._with_accounts(lambda: _webhook.read(self._kit, provider, headers, body, account, topic))
            if isinstance(read, int):
                return read
            entry = self._run(lambda: _inbox.store(self._kit, provider, account, read.fact, read.ids))
        except Exception as error:
            if not is_database(error) and not needs_retry(error):
                raise
            log.error("A webhook of %s was not stored, because the database is away: %s", provider, error)
            return 503
        if entry is not None:
            self._hook.checkpoint("stored")
            self._correlate(entry)
        return read.status

    def _correlate(self, entry: str) -> None:
        try:
            self._run(lambda: _inbox.wake(self._kit, entry))
        except Exception as error:
            if not is_database(error) and not needs_retry(error):
                raise
            log.warning("A worker correlates an entry, because the database was away: %s", error)
        self._hook.checkpoint("correlated")
        self.wake()

    # The worker.

    def tick(self, now: int | None = None) -> Done:
        """For tests: works until nothing is due, and says what it did."""
        self._kit.check_handlers()
        if now is not None and self._kit.given_clock is None:
            raise HostError("tick: `now` needs a host with a clock of its own: `Host(…, clock=…)`.")
        clock = self._kit.clock
        done = self._done = Done()
        try:
            if now is not None:
                self._kit.clock = lambda: now
            while self._work_once():
                done.visits += 1
                if done.visits >= VISITS:
                    raise HostError(f"tick: after {VISITS} visits a row is still due.")
        finally:
            self._kit.clock, self._done = clock, None
        return done

    def next_wake(self) -> int | None:
        """When a worker looks at a row or an entry next, in milliseconds."""
        return self._run(lambda: _visit.next_due(self._kit))

    def run(self, threads: int = 1) -> None:
        """Works until `stop`. More threads carry out more effects at the same time."""
        self._kit.check_handlers()
        self._run(lambda: _schema.read_formats(self._kit))
        self._leaves_at = None
        _telemetry.register(lambda: self._last_stats)
        others = [threading.Thread(target=self._loop, daemon=True, name="rulebound") for _ in range(threads - 1)]
        for it in others:
            it.start()
        self._loop()
        for it in others:
            it.join(max((self._leaves_at or 0) - time.monotonic(), 0))

    def wake(self) -> None:
        """Lets the worker of this process look at once."""
        self._wake.set()

    def stop(self) -> None:
        """Takes no more rows. `run` returns when what was begun is saved, at the latest after 30 seconds."""
        self._leaves_at = time.monotonic() + GRACE
        self._wake.set()

    def close(self) -> None:
        """Closes the connections that the host has opened."""
        self._database.close()
        if self._own_send:
            self._own_send.close()
        if self._threads:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _loop(self) -> None:
        while not self._is_stopping():
            try:
                is_busy = self._work_once()
                self._upkeep()
            except Exception as error:
                is_busy = False
                if is_database(error) or needs_retry(error):
                    log.error("The database is away: %s", error)
                else:
                    log.exception("A worker failed, and goes on")
            if not is_busy and not self._is_stopping():
                self._wake.wait(random.uniform(0.8, 1.2))
                if not self._is_stopping():
                    self._wake.clear()

    def _upkeep(self) -> None:
        if self._is_due("formats", 60):
            self._run(lambda: _schema.read_formats(self._kit))
        if self._is_due("stats", 15):
            self._last_stats = self.stats()
        if self._is_due("prune", 3600):
            while self._run(lambda: _admin.prune(self._kit, *self._keep)) >= 1000:
                pass

    def _work_once(self) -> bool:
        """Visits one row or one entry that is due; false if there is none."""
        begun = self._hook.monotonic()
        try:
            locked = self._run(lambda: _visit.due(self._kit))
        except (RowError, NewerFormat) as error:
            self._fail(error)
            return True
        if locked is None:
            return self._visit_entry()
        self._report(locked)
        while locked and locked.work:
            locked.work.leased = begun
            self._hook.checkpoint("leased")
            begun, locked = self._carry_out(locked.work)
        return True

    def _fail(self, error: RowError | NewerFormat) -> None:
        log.error("%s", error, exc_info=error, extra={"rulebound": {"flow": error.flow, "key": error.key}})
        if isinstance(error, RowError):
            self._run(lambda: _visit.failed(self._kit, error))
        else:
            self._run(lambda: _visit.skipped(self._kit, error))

    def _visit_entry(self) -> bool:
        entry = self._run(lambda: _inbox.pick(self._kit))
        if entry is None:
            return False
        is_early = False
        for flow, key in entry.rows:
            try:
                locked = self._run(lambda flow=flow, key=key: _visit.visit(self._kit, flow, key, None, None, False))  # type: ignore[misc]
                self._report(locked)
                is_early |= locked is not None and entry.id in locked.early
            except (RowError, NewerFormat) as error:
                self._fail(error)
                is_early = True
        if entry.rows:
            self._run(lambda: _inbox.settle(entry, is_early))
        return True

    def _carry_out(self, work: Work) -> tuple[float, Locked | None]:
        """Sends the request or calls the handler, and brings what came of it to the row."""
        if work.request:
            fact = self._transmit(work)
        else:
            handler = self._kit.handlers[work.effect["type"]]
            if handler.in_transaction and handler.call:
                try:
                    return self._hook.monotonic(), self._call_in_transaction(work, handler.call)
                except Exception as error:
                    fact = self._lost(work, error)
            else:
                fact = self._call(work, handler)
        begun = self._hook.monotonic()
        return begun, self._settle(work, fact)

    def _transmit(self, work: Work) -> Any:
        if self._hook.monotonic() - work.leased > _send.LATEST:
            return facts.not_sent(work.effect["id"], sending=work.attempts)
        try:
            account = self._with_accounts(lambda: self._kit.account(work.row.flow.split(".")[0], work.row.account))
            if account is None:
                raise HostError(f"There is no account `{work.row.account}`.")
            outgoing = _send.prepare(self._kit, work, account)
        except Exception as error:
            log.exception("%s %s: `%s` was not sent", work.row.flow, work.row.key, work.effect["id"])
            return _send.no_reply(work, HostError(str(error)))
        self._note_sent(work)
        try:
            fact = _send.reply(work, self._sender()(outgoing))
        except Exception as error:
            fact = _send.no_reply(work, error)
        self._hook.checkpoint("replied")
        return fact

    def _sender(self) -> _send.Send:
        if self._given_send:
            return self._given_send
        with self._lock:
            self._own_send = self._own_send or _send.HttpxSend()
        return self._own_send

    def _call(self, work: Work, handler: Handler) -> Any:
        if handler.call is None:
            return facts.done(work.effect["id"])
        with self._lock:
            self._threads = self._threads or ThreadPoolExecutor(32, thread_name_prefix="rulebound-handler")
        try:
            self._note_handled(work)
            self._threads.submit(handler.call, work.effect, work.row).result(handler.timeout)
        except Exception as error:
            return self._lost(work, error)
        self._hook.checkpoint("handled")
        return facts.done(work.effect["id"])

    def _lost(self, work: Work, error: Exception) -> Any:
        log.error(
            "%s %s: the handler of `%s` failed", work.row.flow, work.row.key, work.effect["id"], exc_info=error,
            extra={"rulebound": {"flow": work.row.flow, "key": work.row.key, "effect": work.effect["id"]}},
        )  # fmt: skip
        return facts.lost(work.effect["id"], sending=work.attempts)

    def _call_in_transaction(self, work: Work, call: Callable[..., Any]) -> Locked | None:
        """The handler's rows, `done` and the row commit together."""
        with self._database.begin(self._dialect) as tx:
            execute = within(self._dialect, tx)
            locked = drive(_visit.lock(self._kit, work.row.flow, work.row.key), execute)
            if locked is None or not _visit.still_leased(locked, work):
                return None
            self._note_handled(work)
            call(work.effect, work.row, tx)
            self._hook.checkpoint("handled")
            locked.observe(facts.done(work.effect["id"]), actor="worker")
            drive(_visit.finish(locked, leases=False), execute)
        self._hook.checkpoint("saved")
        self._report(locked)
        return locked

    def _settle(self, work: Work, fact: Any) -> Locked | None:
        """Saves a fact, and leases what comes next. The fact is kept while the database is away."""
        leases = not self._is_stopping()
        while True:
            try:
                flow, key = work.row.flow, work.row.key
                locked = self._run(lambda: _visit.visit(self._kit, flow, key, fact, work, leases))
                break
            except (RowError, NewerFormat) as error:
                self._fail(error)
                return None
            except Exception as error:
                if not (is_database(error) or needs_retry(error)) or not self._may_retry():
                    raise
                log.error("The database is away, and a fact waits for it: %s", error)
                self._hook.sleep(1)
        self._hook.checkpoint("saved")
        self._report(locked)
        return locked

    # Operators.

    def migrate(self, *, dry_run: bool = False, formats: bool = False) -> list[str]:
        """Creates or completes the tables, and returns the SQL. `formats`: lets everybody write the newest formats."""
        if dry_run:
            since, _ = run(self._database, self._dialect, lambda: _schema.version(self._dialect))
            return _schema.statements(self._dialect, since)
        # Without tables the first statement of a borrowed SQLite connection has nothing to lock.
        done = run(self._database, self._dialect, lambda: _schema.migrate(self._dialect))
        if formats:
            self._run(lambda: _schema.read_formats(self._kit))
            self._run(lambda: _schema.raise_formats(self._kit))
        return done

    def stats(self) -> Stats:
        """The five gauges."""
        return self._run(lambda: _admin.stats(self._kit))

    def verify(self) -> list[Problem]:
        """Compares every row with its journal."""
        problems = list[Problem]()
        for flow, key in self._keys():
            problems += self._run(lambda flow=flow, key=key: _admin.verify(flow, key))  # type: ignore[misc]
        return problems

    def doctor(self, *, restored: int | None = None) -> list[Problem]:
        """Finds drift of the schema. `restored`: when the backup was taken that the database was restored from."""
        problems = run(self._database, self._dialect, lambda: _schema.drift(self._dialect))
        if restored is not None and not problems:
            for flow, key in self._keys():
                try:
                    fact = facts.restored(taken_at=restored)
                    self._run(lambda flow=flow, key=key, fact=fact: _rows.observe(self._kit, flow, key, fact, "doctor"))  # type: ignore[misc]
                except (RowError, NewerFormat) as error:
                    problems.append(Problem("row", str(error), flow, key))
        return problems

    def _keys(self) -> Iterator[tuple[str, str]]:
        after = ("", "")
        while page := self._run(lambda: _admin.keys(after)):
            yield from page
            after = page[-1]

    def dashboard(self, access: Callable[[Any], Access]) -> Any:
        """The dashboard, as an ASGI application: mount it. `access(request)` says who may see and do what."""
        from .dashboard import Dashboard

        return Dashboard(self, access)

    def fastapi(self) -> Any:
        """A router of FastAPI with the addresses of the webhooks."""
        from .routes import fastapi_router

        return fastapi_router(self)
