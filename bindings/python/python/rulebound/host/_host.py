"""The host that blocks: for threads, and for frameworks such as Django and Flask."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload
from uuid import UUID

import rulebound
from rulebound import facts

from . import _admin, _inbox, _rows, _schema, _send, _visit, _webhook
from ._adapters import is_database, lent, needs_retry, outage
from ._database import run
from ._kit import NewerFormat, RowError, flow_id
from ._sql import Script
from ._types import Import, Incoming, NeedsLookup, Problem, ReviewPage, Row
from ._worker import Worker

if TYPE_CHECKING:
    from rulebound import Snapshot
    from rulebound.answers import RevupCallback
    from rulebound.types import FlowId, Verdict

    from .dashboard import AccessCheck

    AnyFlow: TypeAlias = type[Snapshot[Any, Any, Any]] | FlowId

C = TypeVar("C", contravariant=True)
A = TypeVar("A", covariant=True)
S = TypeVar("S", covariant=True)
T = TypeVar("T")
log = logging.getLogger("rulebound.host")


class Host(Worker):
    """Stores snapshots, sends requests, receives webhooks and calls handlers.

    `database` is a URL (`sqlite:///shop.db`, `postgresql://…`), or an engine of SQLAlchemy, a pool of psycopg or a connection that the application has. `config` is the
    library's, without the settings of the providers. `clock` replaces every clock, also PostgreSQL's: for tests. `schema` is where
    PostgreSQL has the tables. `named_statements` lets it plan each statement once, on a direct connection. `send` sends a request in
    place of httpx2. Lines of the journal are kept for `keep_journal_days`, and webhooks that no row knows for `keep_inbox_days`.
    `hook` is for the kit's own tests.
    """

    # Transactions.

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
    def _transaction(self) -> Generator[Any]:
        if not self._started:
            self._run(lambda: _schema.read_formats(self._kit))
        try:
            with self._database.begin(self._dialect) as tx, lent(tx):
                yield tx
        except NeedsLookup as needs:
            self.look_up(needs.provider, needs.account)  # for the next run
            raise
        self.wake()

    # What web code calls.

    @overload
    def handle(
        self, flow: type[Snapshot[C, A, S]], key: str | UUID, command: C, *, tx: Any = None, actor: str | None = None,
        reference: str | None = None, account: str = "",
    ) -> Row[A, S]: ...  # fmt: skip
    @overload
    def handle(
        self, flow: FlowId, key: str | UUID, command: Any, *, tx: Any = None, actor: str | None = None,
        reference: str | None = None, account: str = "",
    ) -> Row[Any, Any]: ...  # fmt: skip
    def handle(
        self, flow: Any, key: Any, command: Any, *, tx: Any = None, actor: str | None = None,
        reference: str | None = None, account: str = "",
    ) -> Row[Any, Any]:  # fmt: skip
        """Decides and saves, in your transaction or in one of its own. `Rejected` has changed nothing."""
        name, owns = flow_id(flow), tx is None
        if owns and account:
            self._with_accounts(lambda: self._kit.config(name, account))

        def make() -> Script[Row[Any, Any] | rulebound.Rejected]:
            return _rows.handle(self._kit, name, str(key), command, account, reference, actor, owns)

        result = self._call(make, tx)
        if isinstance(result, rulebound.Rejected):
            self._report_rejected(name, str(key), command, actor, result)
            raise result
        if owns:
            self.wake()
        return result

    @overload
    def get(self, flow: type[Snapshot[Any, A, S]], key: str | UUID, tx: Any = None) -> Row[A, S] | None: ...
    @overload
    def get(self, flow: FlowId, key: str | UUID, tx: Any = None) -> Row[Any, Any] | None: ...
    def get(self, flow: Any, key: Any, tx: Any = None) -> Row[Any, Any] | None:
        """The row, with the clock and the config bound; `None` if there is none."""
        name = flow_id(flow)

        def make() -> Script[Row[Any, Any] | None]:
            return _visit.read(self._kit, name, str(key))

        return self._call(make, tx)

    def _call(self, make: Callable[[], Script[T]], tx: Any = None) -> T:
        """What a row raises, the caller gets as it is: here it is no failure of a worker."""
        try:
            return self._run(make) if tx is None else self._within(tx, make)
        except (RowError, NewerFormat) as error:
            raise (error.__cause__ or error) from None

    @overload
    def customer_returned(self, flow: type[Snapshot[Any, A, S]], key: str | UUID) -> Row[A, S]: ...
    @overload
    def customer_returned(self, flow: FlowId, key: str | UUID) -> Row[Any, Any]: ...
    def customer_returned(self, flow: Any, key: Any) -> Row[Any, Any]:
        """The customer's browser came back: lookups are due. It proves nothing."""
        name = flow_id(flow)
        row = self._call(lambda: _rows.observe(self._kit, name, str(key), facts.customer_returned(), "customer"))
        self.wake()
        return row

    @overload
    def answer(
        self, flow: type[Snapshot[Any, A, S]], key: str | UUID, review: str, verdict: Verdict, *, id: str | None = None,
        actor: str | None = None,
    ) -> Row[A, S]: ...  # fmt: skip
    @overload
    def answer(
        self, flow: FlowId, key: str | UUID, review: str, verdict: Verdict, *, id: str | None = None, actor: str | None = None
    ) -> Row[Any, Any]: ...
    def answer(
        self, flow: Any, key: Any, review: str, verdict: Verdict, *, id: str | None = None, actor: str | None = None
    ) -> Row[Any, Any]:
        """A person's verdict for a `review` effect that is open and offers it; otherwise `NoReview`."""
        name = flow_id(flow)
        row = self._call(lambda: _rows.answer(self._kit, name, str(key), review, verdict, id, actor))
        self.wake()
        return row

    def reviews(self, after: str | None = None) -> ReviewPage:
        """One page of the rows with a question for a person, each with its open reviews: 50 at a time, the least recently changed first."""
        return self._call(lambda: _rows.reviews(self._kit, after))

    def retry(self, flow: AnyFlow, key: str | UUID, *, actor: str | None = None) -> None:
        """Works on a row now: its failures are forgotten, and the pause of its account ends."""
        name = flow_id(flow)
        self._call(lambda: _rows.retry(self._kit, name, str(key), actor))
        self.wake()

    def forget(self, flow: AnyFlow, key: str | UUID) -> None:
        """Deletes a row and all that belongs to it. Raises `Pending` if something is pending.

        It asks the provider for nothing: a token that is stored there can still be charged. Delete the token first, and
        forget the row when that has ended.
        """
        name = flow_id(flow)
        self._call(lambda: _rows.forget(self._kit, name, str(key)))

    def import_(self, rows: Iterable[Import], *, per_second: float = 5) -> int:
        """Adopts rows in batches. A row that is there already stays; the others are looked up one after another."""
        count, place, left = 0, 0, iter(rows)
        while batch := list(islice(left, 100)):
            first = count
            for it in batch:
                flow = _rows.check_import(place, it)
                self._with_accounts(lambda it=it, flow=flow: self._kit.config(flow, it.account))  # type: ignore[misc]
                place += 1
            count += self._run(lambda batch=batch, first=first: _rows.import_(self._kit, batch, first, per_second))  # type: ignore[misc]
        return count

    def send_request(self, provider: str, request: Mapping[str, Any], *, account: str = "") -> Incoming:
        """Sends a request of no row, such as `truemed.list_payment_token(…)`, with the account's API key.

        Nobody repeats it. `NotSent` says that nothing left; after any other error the provider may have carried it out.
        """
        it = self._with_accounts(lambda: _send.prepare_own(self._kit, provider, account, request))
        return _send.check_reply(self._kit, it, self._sender()(it))

    # Webhooks.

    def webhook(
        self, provider: str, headers: Any, body: bytes, *, account: str = "", token: str | None = None,
        topic: str | None = None,
    ) -> int:  # fmt: skip
        """Stores a webhook before anything else, and gives the HTTP status to reply with."""
        if not _webhook.knows(self._kit, provider, token):
            return 404
        try:
            read: _webhook.Stored | int = self._with_accounts(lambda: _webhook.read(self._kit, provider, headers, body, account, topic))
            if isinstance(read, int):
                return read
            entry = self._run(lambda: _inbox.store(self._kit, provider, account, read.fact, read.ids))
        except Exception as error:
            if not is_database(error) and not needs_retry(error):
                raise
            log.error("A webhook of %s was not stored. %s", provider, outage(error))
            return 503
        if entry is not None:
            self._hook.checkpoint("stored")
            self._correlate(entry)
        return read.status

    def callback(self, provider: str, body: bytes | str) -> RevupCallback:
        """What the callback says that a customer's browser has brought to your page, such as Revup's.

        It proves nothing: the rows that know its ids look at the provider. `InvalidInput` says that it is none: reply with 400.
        """
        read = _webhook.read_callback(self._kit, provider, body)
        try:
            for flow, key in self._run(lambda: _inbox.knowing(self._kit, provider, read.ids)):
                self._call(lambda flow=flow, key=key: _rows.observe(self._kit, flow, key, read.fact, "customer"))  # type: ignore[misc]
            self.wake()
        except Exception as error:  # without the hint a row looks later; what the callback says comes only once
            log.warning("A callback of %s did not reach its rows: %s", provider, error)
        return read.says  # type: ignore[no-any-return]

    # Operators.

    def drop_entry(self, id: str) -> None:
        """Deletes an entry of the inbox that no row knows, such as a verified webhook that cannot be read."""
        self._run(lambda: _inbox.drop(id))

    def migrate(self, *, dry_run: bool = False, formats: bool = False) -> list[str]:
        """Creates or completes the tables, and returns the SQL. `formats`: lets everybody write the newest formats."""
        if dry_run:
            if self._database.is_missing():
                return _schema.statements(self._dialect, 0)
            since, _ = run(self._database, self._dialect, lambda: _schema.version(self._dialect))
            return _schema.statements(self._dialect, since)
        self._database.create()
        # Without tables the first statement of a borrowed SQLite connection has nothing to lock.
        done = run(self._database, self._dialect, lambda: _schema.migrate(self._dialect))
        if formats:
            self._run(lambda: _schema.read_formats(self._kit))
            self._run(lambda: _schema.raise_formats(self._kit))
        return done

    def _drift(self) -> list[Problem]:
        """Tables, columns and indexes that should be there and are not, each with the SQL that brings it back."""
        return run(self._database, self._dialect, lambda: _schema.drift(self._dialect))

    def verify(self) -> list[Problem]:
        """Compares every row with its journal."""
        problems = list[Problem]()
        for flow, key in self._keys():
            problems += self._run(lambda flow=flow, key=key: _admin.verify(flow, key))  # type: ignore[misc]
        return problems

    def doctor(self, *, restored: int | None = None) -> list[Problem]:
        """Finds drift of the schema, accounts that are paused, and settings that can lose a commit.

        `restored`, when a restored backup was taken: each open request of every row counts as sent since, with an unknown outcome,
        so that it is looked up, or sent again under the same key.
        """
        problems = self._drift()
        if restored is not None:
            _admin.check_restored(restored, self._kit.clock())
        self.restored_rows = 0
        if restored is not None and not problems:
            for flow, key in self._keys():
                try:
                    fact = facts.restored(taken_at=restored)
                    self._run(lambda flow=flow, key=key, fact=fact: _rows.observe(self._kit, flow, key, fact, "doctor"))  # type: ignore[misc]
                    self.restored_rows += 1
                except (RowError, NewerFormat) as error:
                    problems.append(Problem("row", str(error), flow, key))
        if not any(it.problem == "schema" for it in problems):
            problems += self._run(lambda: _admin.paused(self._kit))
            problems += self._run(lambda: _schema.settings(self._dialect))
        return problems

    def _keys(self) -> Iterator[tuple[str, str]]:
        after = ("", "")
        while page := self._run(lambda: _admin.keys(after)):
            yield from page
            after = page[-1]

    def dashboard(self, access: AccessCheck) -> Any:
        """The dashboard, as an ASGI application: mount it. `access(visitor)` says who may see and do what."""
        from .dashboard import Dashboard

        return Dashboard(self, access)

    def fastapi(self) -> Any:
        """A router of FastAPI with the addresses of the webhooks."""
        from .routes import fastapi_router

        return fastapi_router(self)
