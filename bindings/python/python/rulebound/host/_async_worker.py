"""The worker that awaits: what an `AsyncHost` does with the rows that are due."""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

from rulebound import facts

from . import _admin, _inbox, _schema, _send, _telemetry, _visit
from ._adapters import drive_async, explained, is_database, lent, needs_retry, outage, within_async
from ._base import GRACE, VISITS, Base
from ._async_database import lock_sqlite_async, open_async_database, run_async
from ._kit import Handler, LookupFailed, NeedsAccount, NewerFormat, RowError, no_account
from ._open import OpenCalls
from ._sql import Script
from ._types import Done, HostError, NeedsLookup, Provider, Stats
from ._visit import Locked, Work

T = TypeVar("T")
log = logging.getLogger("rulebound.host")


class AsyncHook:
    """What a test puts in place of the world: the points where a worker can be killed, and the passing of time."""

    async def checkpoint(self, name: str) -> None:
        """Does nothing, except in a test."""

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class AsyncWorker(Base):
    """The transactions of a host, and its worker."""

    _awaits = True

    def __init__(
        self,
        database: Any,
        providers: Mapping[str, Provider],
        *,
        config: Mapping[str, Any] | None = None,
        clock: Callable[[], int] | None = None,
        schema: str = "public",
        named_statements: bool = False,
        send: _send.AsyncSend | None = None,
        keep_journal_days: float = 400,
        keep_inbox_days: float = 30,
        hook: AsyncHook | None = None,
    ) -> None:
        self._database = open_async_database(database, named_statements)
        super().__init__(self._database.kind, providers, config, clock, schema, keep_journal_days, keep_inbox_days)
        self._given_send = send
        self._own_send: _send.AsyncHttpxSend | None = None
        self._hook = hook or AsyncHook()
        self._open = OpenCalls()
        self._wake = asyncio.Event()
        self._stopped = asyncio.Event()

    # Transactions.

    async def _run(self, make: Callable[[], Script[T]]) -> T:
        """One transaction of the kit, after the accounts that it needs were looked up."""
        if not self._started:
            await run_async(self._database, self._dialect, lambda: _schema.start(self._kit))
            self._started = True
        return await self._with_accounts(lambda: run_async(self._database, self._dialect, make))

    async def _with_accounts(self, call: Callable[[], T | Awaitable[T]]) -> T:
        while True:
            try:
                result = call()
                if isinstance(result, Awaitable):
                    return await cast("Awaitable[T]", result)
                return result
            except NeedsAccount as needs:
                try:
                    await self.look_up(needs.provider, needs.account)
                except Exception as error:
                    if needs.row is None:
                        raise
                    raise LookupFailed(*needs.row, error, needs.read) from error

    async def look_up(self, provider: str, name: str) -> None:
        """Looks up an account: before a transaction of your own in which a row of it is handled for the first time."""
        lookup = self._kit.settings(provider).account
        found = lookup(name) if lookup else None
        if isinstance(found, Awaitable):
            found = await found
        self._kit.remember(provider, name, found)

    async def _within(self, tx: Any, make: Callable[[], Script[T]]) -> T:
        execute = within_async(self._dialect, tx)
        try:
            if not self._started:
                if not self._dialect.postgres:
                    await lock_sqlite_async(execute)
                await drive_async(_schema.start(self._kit), execute)
                self._started = True
            try:
                return await drive_async(make(), execute)
            except NeedsAccount as needs:
                if not self._kit.keeps(needs.provider, needs.account):
                    raise NeedsLookup(needs.provider, needs.account) from None
            return await drive_async(make(), execute)
        except Exception as error:
            found = explained(error)
            if found is error:
                raise
            raise found from error

    async def _correlate(self, entry: str) -> None:
        try:
            if self._dialect.postgres:
                await self._run(lambda: _inbox.wake(self._kit, entry))
        except Exception as error:
            if not is_database(error) and not needs_retry(error):
                raise
            log.warning("A worker correlates an entry, because the database was away: %s", error)
        await self._hook.checkpoint("correlated")
        self.wake()

    # The worker.

    async def tick(self, now: int | None = None) -> Done:
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
            while await self._work_once():
                done.visits += 1
                if done.visits >= VISITS:
                    raise HostError(f"tick: after {VISITS} visits a row is still due.")
        finally:
            self._kit.clock, self._done = clock, before
        return done

    async def next_wake(self) -> int | None:
        """When a worker looks at a row or an entry next, in milliseconds."""
        return await self._run(lambda: _visit.next_due(self._kit))

    async def run(self, concurrency: int = 10) -> None:
        """Works until `stop`. So many rows are worked on at the same time."""
        self._kit.check_handlers()
        await self._run(lambda: _schema.read_formats(self._kit))
        self._leaves_at = None
        self._stopped.clear()
        _telemetry.register(lambda: self._last_stats)
        loops = [asyncio.create_task(self._loop()) for _ in range(concurrency)]
        try:
            await self._stopped.wait()
            await asyncio.wait(loops, timeout=GRACE)
        finally:
            for it in loops:
                it.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    def wake(self) -> None:
        """Lets the worker of this process look at once."""
        self._wake.set()

    def stop(self) -> None:
        """Takes no more rows. `run` returns when what was begun is saved, at the latest after 30 seconds."""
        self._leaves_at = time.monotonic() + GRACE
        self._stopped.set()
        self._wake.set()

    async def close(self) -> None:
        """Closes the connections that the host has opened."""
        await self._database.close()
        if self._own_send:
            await self._own_send.close()

    async def _loop(self) -> None:
        while not self._is_stopping():
            try:
                is_busy = await self._work_once()
                await self._upkeep()
            except Exception as error:
                is_busy = False
                if is_database(error) or needs_retry(error):
                    log.error("%s", outage(error))
                else:
                    log.exception("A worker failed, and goes on")
            if not is_busy and not self._is_stopping():
                await self._pause()

    async def _pause(self) -> None:
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), random.uniform(0.8, 1.2))
        except TimeoutError:
            pass

    async def _upkeep(self) -> None:
        if self._is_due("formats", 60):
            await self._run(lambda: _schema.read_formats(self._kit))
        if self._is_due("stats", 15):
            self._last_stats = await self.stats()
        if self._is_due("prune", 3600):
            while await self._run(lambda: _admin.prune(self._kit, *self._keep)) >= 1000:
                pass

    async def _work_once(self) -> bool:
        """Visits one row or one entry that is due; false if there is none."""
        begun = self._hook.monotonic()
        try:
            locked = await self._run(lambda: _visit.due(self._kit))
        except (RowError, NewerFormat) as error:
            await self._fail(error)
            return True
        if locked is None:
            return await self._visit_entry()
        self._report(locked)
        while locked and locked.work:
            locked.work.leased = begun
            await self._hook.checkpoint("leased")
            begun, locked = await self._carry_out(locked.work)
        return True

    async def _fail(self, error: RowError | NewerFormat) -> None:
        log.error("%s", error, exc_info=error, extra={"rulebound": {"flow": error.flow, "key": error.key}})
        if isinstance(error, RowError):
            await self._run(lambda: _visit.failed(self._kit, error))
        else:
            await self._run(lambda: _visit.skipped(self._kit, error))

    async def _visit_entry(self) -> bool:
        entry = await self._run(lambda: _inbox.pick(self._kit))
        self._kit.has_read_again = True
        if entry is None:
            return False
        is_early = False
        for flow, key in entry.rows:
            try:
                locked = await self._run(lambda flow=flow, key=key: _visit.visit(self._kit, flow, key, None, None, False))  # type: ignore[misc]
                self._report(locked)
                is_early |= locked is not None and entry.id in locked.early
            except (RowError, NewerFormat) as error:
                await self._fail(error)
                is_early = True
        if entry.rows:
            await self._run(lambda: _inbox.settle(entry, is_early))
        return True

    async def _carry_out(self, work: Work) -> tuple[float, Locked | None]:
        """Sends the request or calls the handler, and brings what came of it to the row."""
        if work.request:
            fact = await self._transmit(work)
        else:
            handler = self._kit.handlers[work.effect["type"]]
            if handler.in_transaction and handler.call:
                try:
                    return self._hook.monotonic(), await self._call_in_transaction(work, handler.call)
                except Exception as error:
                    fact = self._lost(work, error)
            else:
                fact = await self._call_handler(work, handler)
        begun = self._hook.monotonic()
        return begun, await self._settle(work, fact)

    async def _transmit(self, work: Work) -> Any:
        if self._hook.monotonic() - work.leased > _send.LATEST:
            self._leave(work)
            return facts.not_sent(work.effect["id"], sending=work.attempts)
        try:
            account = await self._with_accounts(lambda: self._kit.account(work.provider, work.account))
            if account is None:
                raise no_account(work.provider, work.account)
            outgoing = _send.prepare(self._kit, work, account)
        except Exception as error:
            log.exception("%s %s: `%s` was not sent", work.flow, work.key, work.effect["id"])
            self._leave(work)
            return _send.no_reply(work, HostError(str(error)))
        self._note_sent(work)
        try:
            fact = _send.reply(self._kit, work, outgoing, await self._sender()(outgoing))
        except Exception as error:
            fact = _send.no_reply(work, error)
        finally:
            self._leave(work)
        await self._hook.checkpoint("replied")
        return fact

    def _sender(self) -> _send.AsyncSend:
        if self._given_send:
            return self._given_send
        self._own_send = self._own_send or _send.AsyncHttpxSend()
        return self._own_send

    async def _call_handler(self, work: Work, handler: Handler) -> Any:
        if handler.call is None:
            return facts.done(work.effect["id"])
        try:
            self._note_handled(work)
            async with asyncio.timeout(handler.timeout):
                await self._invoke(handler.call, work.effect, work.row())
        except Exception as error:
            return self._lost(work, error)
        await self._hook.checkpoint("handled")
        return facts.done(work.effect["id"])

    async def _invoke(self, call: Callable[..., Any], *arguments: Any) -> None:
        """A handler that blocks runs in a thread, so that the event loop goes on."""
        if inspect.iscoroutinefunction(call):
            await call(*arguments)
        else:
            result = await asyncio.to_thread(call, *arguments)
            if isinstance(result, Awaitable):
                await result

    def _lost(self, work: Work, error: Exception) -> Any:
        log.error(
            "%s %s: the handler of `%s` failed", work.flow, work.key, work.effect["id"], exc_info=error,
            extra={"rulebound": {"flow": work.flow, "key": work.key, "effect": work.effect["id"]}},
        )  # fmt: skip
        return facts.lost(work.effect["id"], sending=work.attempts)

    async def _call_in_transaction(self, work: Work, call: Callable[..., Any]) -> Locked | None:
        """The handler's rows, `done` and the row commit together."""
        async with self._database.begin(self._dialect) as tx:
            execute = within_async(self._dialect, tx)
            locked = await drive_async(_visit.lock(self._kit, work.flow, work.key), execute)
            if locked is None or not _visit.still_leased(locked, work):
                return None
            self._note_handled(work)
            with lent(tx):
                async with self._open.lent(tx, "on_tx: the transaction of the handler"):
                    await self._invoke(call, work.effect, work.row(), tx)
            await self._hook.checkpoint("handled")
            locked.observe(facts.done(work.effect["id"]), actor="worker")
            await drive_async(_visit.finish(locked, leases=False), execute)
        await self._hook.checkpoint("saved")
        self._report(locked)
        return locked

    async def _settle(self, work: Work, fact: Any) -> Locked | None:
        """Saves a fact, and leases what comes next. The fact is kept while the database is away."""
        flow, key, leases, settings = work.flow, work.key, not self._is_stopping(), None
        while True:
            try:
                locked = await self._run(lambda: _visit.visit(self._kit, flow, key, fact, work, leases, settings))
                break
            except LookupFailed as error:
                log.error("%s. What became of its effect is saved with the settings of its lease", error)
                leases, settings = False, work.settings
            except (RowError, NewerFormat) as error:
                await self._fail(error)
                return None
            except Exception as error:
                if not (is_database(error) or needs_retry(error)) or not self._may_retry():
                    raise
                log.error("A fact waits. %s", outage(error))
                await self._hook.sleep(1)
        await self._hook.checkpoint("saved")
        self._report(locked)
        return locked

    async def stats(self) -> Stats:
        """The gauges, as they are now."""
        return await self._run(lambda: _admin.stats(self._kit))
