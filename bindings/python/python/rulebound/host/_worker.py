"""The worker that blocks: what a `Host` does with the rows that are due."""

from __future__ import annotations

import inspect
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from rulebound import facts

from . import _admin, _inbox, _schema, _send, _telemetry, _visit
from ._adapters import drive, explained, is_database, lent, needs_retry, outage, within
from ._base import GRACE, VISITS, Base
from ._database import lock_sqlite, open_database, run
from ._checks import refuse_async
from ._kit import Handler, LookupFailed, NeedsAccount, NewerFormat, RowError, no_account
from ._sql import Script
from ._types import Done, HostError, NeedsLookup, Provider, Stats
from ._visit import Locked, Work

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


class Worker(Base):
    """The transactions of a host, and its worker."""

    def __init__(
        self,
        database: Any,
        providers: Mapping[str, Provider],
        *,
        config: Mapping[str, Any] | None = None,
        clock: Callable[[], int] | None = None,
        schema: str = "public",
        named_statements: bool = False,
        send: _send.Send | None = None,
        keep_journal_days: float = 400,
        keep_inbox_days: float = 30,
        hook: Hook | None = None,
    ) -> None:
        self._database = open_database(database, named_statements)
        super().__init__(self._database.kind, providers, config, clock, schema, keep_journal_days, keep_inbox_days)
        refuse_async("send", send, False)
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
                    self.look_up(needs.provider, needs.account)
                except Exception as error:
                    if needs.row is None:
                        raise
                    raise LookupFailed(*needs.row, error, needs.read) from error

    def look_up(self, provider: str, name: str) -> None:
        """Looks up an account: before a transaction of your own in which a row of it is handled for the first time."""
        lookup = self._kit.settings(provider).account
        found: Any = lookup(name) if lookup else None
        self._kit.remember(provider, name, found)

    def _within(self, tx: Any, make: Callable[[], Script[T]]) -> T:
        execute = within(self._dialect, tx)
        try:
            if not self._started:
                if not self._dialect.postgres:
                    lock_sqlite(execute)
                drive(_schema.start(self._kit), execute)
                self._started = True
            try:
                return drive(make(), execute)
            except NeedsAccount as needs:
                if not self._kit.keeps(needs.provider, needs.account):
                    raise NeedsLookup(needs.provider, needs.account) from None
            return drive(make(), execute)
        except Exception as error:
            found = explained(error)
            if found is error:
                raise
            raise found from error

    def _correlate(self, entry: str) -> None:
        try:
            if self._dialect.postgres:
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
        before, done = self._done, Done()
        self._done = done
        try:
            if now is not None:
                self._kit.clock = lambda: now
            while self._work_once():
                done.visits += 1
                if done.visits >= VISITS:
                    raise HostError(f"tick: after {VISITS} visits a row is still due.")
        finally:
            self._kit.clock, self._done = clock, before
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
                    log.error("%s", outage(error))
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
        self._kit.has_read_again = True
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
                fact = self._call_handler(work, handler)
        begun = self._hook.monotonic()
        return begun, self._settle(work, fact)

    def _transmit(self, work: Work) -> Any:
        if self._hook.monotonic() - work.leased > _send.LATEST:
            self._leave(work)
            return facts.not_sent(work.effect["id"], sending=work.attempts)
        try:
            account = self._with_accounts(lambda: self._kit.account(work.provider, work.account))
            if account is None:
                raise no_account(work.provider, work.account)
            outgoing = _send.prepare(self._kit, work, account)
        except Exception as error:
            log.exception("%s %s: `%s` was not sent", work.flow, work.key, work.effect["id"])
            self._leave(work)
            return _send.no_reply(work, HostError(str(error)))
        self._note_sent(work)
        try:
            fact = _send.reply(self._kit, work, outgoing, self._sender()(outgoing))
        except Exception as error:
            fact = _send.no_reply(work, error)
        finally:
            self._leave(work)
        self._hook.checkpoint("replied")
        return fact

    def _sender(self) -> _send.Send:
        if self._given_send:
            return self._given_send
        with self._lock:
            self._own_send = self._own_send or _send.HttpxSend()
        return self._own_send

    def _call_handler(self, work: Work, handler: Handler) -> Any:
        if handler.call is None:
            return facts.done(work.effect["id"])
        with self._lock:
            self._threads = self._threads or ThreadPoolExecutor(32, thread_name_prefix="rulebound-handler")
        try:
            self._note_handled(work)
            _refuse_awaitable(self._threads.submit(handler.call, work.effect, work.row()).result(handler.timeout))
        except Exception as error:
            return self._lost(work, error)
        self._hook.checkpoint("handled")
        return facts.done(work.effect["id"])

    def _lost(self, work: Work, error: Exception) -> Any:
        log.error(
            "%s %s: the handler of `%s` failed", work.flow, work.key, work.effect["id"], exc_info=error,
            extra={"rulebound": {"flow": work.flow, "key": work.key, "effect": work.effect["id"]}},
        )  # fmt: skip
        return facts.lost(work.effect["id"], sending=work.attempts)

    def _call_in_transaction(self, work: Work, call: Callable[..., Any]) -> Locked | None:
        """The handler's rows, `done` and the row commit together."""
        with self._database.begin(self._dialect) as tx:
            execute = within(self._dialect, tx)
            locked = drive(_visit.lock(self._kit, work.flow, work.key), execute)
            if locked is None or not _visit.still_leased(locked, work):
                return None
            self._note_handled(work)
            with lent(tx):
                _refuse_awaitable(call(work.effect, work.row(), tx))
            self._hook.checkpoint("handled")
            locked.observe(facts.done(work.effect["id"]), actor="worker")
            drive(_visit.finish(locked, leases=False), execute)
        self._hook.checkpoint("saved")
        self._report(locked)
        return locked

    def _settle(self, work: Work, fact: Any) -> Locked | None:
        """Saves a fact, and leases what comes next. The fact is kept while the database is away."""
        flow, key, leases, settings = work.flow, work.key, not self._is_stopping(), None
        while True:
            try:
                locked = self._run(lambda: _visit.visit(self._kit, flow, key, fact, work, leases, settings))
                break
            except LookupFailed as error:
                log.error("%s. What became of its effect is saved with the settings of its lease", error)
                leases, settings = False, work.settings
            except (RowError, NewerFormat) as error:
                self._fail(error)
                return None
            except Exception as error:
                if not (is_database(error) or needs_retry(error)) or not self._may_retry():
                    raise
                log.error("A fact waits. %s", outage(error))
                self._hook.sleep(1)
        self._hook.checkpoint("saved")
        self._report(locked)
        return locked

    def stats(self) -> Stats:
        """The gauges, as they are now."""
        return self._run(lambda: _admin.stats(self._kit))


def _refuse_awaitable(result: Any) -> None:
    """What a handler gives to be awaited was not carried out: it must not count as done."""
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise HostError("The handler gave something to await, and a `Host` awaits nothing. Use `AsyncHost`, or a plain function.")
