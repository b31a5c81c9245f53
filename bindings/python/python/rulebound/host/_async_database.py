"""Databases that await. SQLite does each transaction of the kit in one thread, so that the event loop goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from ._adapters import AsyncExecute, drive_async, driver_connection, has_no_tables, raise_unless_curable, within_async
from ._database import (
    BEGIN_POSTGRES, BEGIN_SQLITE, BUSY, IDLE, NESTED, SET_POSTGRES, TRIES, WRITE_FIRST, NoFile, Sqlite, check_file, check_named, connection_options,
    import_psycopg, is_postgres, run, sqlite_path,
)  # fmt: skip
from ._sql import Dialect, Script
from ._types import HostError

T = TypeVar("T")


class AsyncDatabase(Protocol):
    """Opens transactions. `kind` is `sqlite` or `postgres`."""

    kind: str

    async def run(self, dialect: Dialect, make: Callable[[], Script[T]]) -> T:
        """One transaction of the kit, once."""
        ...

    def begin(self, dialect: Dialect) -> AbstractAsyncContextManager[Any]:
        """One transaction of the kit with the application's own statements."""
        ...

    def is_missing(self) -> bool:
        """Whether there is no file of SQLite yet."""
        ...

    def create(self) -> None:
        """Makes the file of SQLite, if there is none."""
        ...

    async def close(self) -> None: ...


async def run_async(database: AsyncDatabase, dialect: Dialect, make: Callable[[], Script[T]]) -> T:
    """One transaction of the kit; again if only a new transaction can cure what happened."""
    until = time.monotonic() + BUSY
    for left in range(TRIES - 1, -1, -1):
        try:
            return await database.run(dialect, make)
        except Exception as error:
            raise_unless_curable(error, left == 0 or time.monotonic() >= until)
    raise AssertionError("unreachable")


async def lock_sqlite_async(execute: AsyncExecute) -> None:
    """Takes the write lock. Without tables there is none: `migrate` makes them, and `start` says that they are missing."""
    try:
        await execute(WRITE_FIRST)
    except Exception as error:
        if not has_no_tables(error):
            raise


class AsyncSqlite:
    kind = "sqlite"

    def __init__(self, path: str) -> None:
        self._path = path
        self._blocking = Sqlite(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rulebound-sqlite")
        self._writers = set[asyncio.Task[Any] | None]()
        """The tasks in a transaction of the application: one that waits for itself would wait for ever."""
        self.is_missing, self.create = self._blocking.is_missing, self._blocking.create

    async def run(self, dialect: Dialect, make: Callable[[], Script[T]]) -> T:
        self._check_task()
        call = asyncio.get_running_loop().run_in_executor
        return await call(self._thread, lambda: run(self._blocking, dialect, make))

    def _check_task(self) -> asyncio.Task[Any] | None:
        if (task := asyncio.current_task()) in self._writers:
            raise HostError(NESTED)
        return task

    @asynccontextmanager
    async def begin(self, dialect: Dialect) -> AsyncGenerator[Any]:
        try:
            import aiosqlite
        except ImportError as error:
            raise HostError("A transaction of your own on SQLite needs aiosqlite: pip install 'rulebound[host]'") from error
        check_file(self._path)
        task = self._check_task()
        async with aiosqlite.connect(self._path, timeout=BUSY, isolation_level=None) as connection:
            await connection.execute("PRAGMA synchronous = FULL")
            await connection.execute(BEGIN_SQLITE)
            self._writers.add(task)
            try:
                yield connection
                await connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    await connection.execute("ROLLBACK")
                raise
            finally:
                self._writers.discard(task)

    async def close(self) -> None:
        self._thread.shutdown()
        self._blocking.close()


class _Begins(NoFile):
    """A database whose transactions are opened by `begin`."""

    def begin(self, dialect: Dialect) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    async def run(self, dialect: Dialect, make: Callable[[], Script[T]]) -> T:
        async with self.begin(dialect) as tx:
            execute: AsyncExecute = within_async(dialect, tx)
            return await drive_async(make(), execute)


class AsyncPostgres(_Begins):
    kind = "postgres"

    def __init__(self, url: str, named_statements: bool = False) -> None:
        self._psycopg = import_psycopg()
        self._url = url
        self._options = connection_options(named_statements)
        self._idle: list[Any] = []

    async def _begun(self) -> Any:
        """A connection on which a transaction has begun. One that has died while it was idle has done nothing in it: another
        takes its place."""
        while True:
            idle = self._idle.pop() if self._idle else None
            connection = idle or await self._psycopg.AsyncConnection.connect(self._url, **self._options)
            try:
                await connection.execute(BEGIN_POSTGRES, prepare=False)
                return connection
            except BaseException:
                is_dead = connection.closed
                await connection.close()
                if idle is None or not is_dead:
                    raise

    @asynccontextmanager
    async def begin(self, dialect: Dialect) -> AsyncGenerator[Any]:
        connection = await self._begun()
        try:
            yield connection
            await connection.execute("COMMIT", prepare=False)
        except BaseException:
            try:
                await connection.execute("ROLLBACK", prepare=False)
            except Exception:
                await connection.close()
            raise
        finally:
            if not connection.closed and len(self._idle) < IDLE:
                self._idle.append(connection)
            elif not connection.closed:
                await connection.close()

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()


@asynccontextmanager
async def _pooled(pool: Any) -> AsyncGenerator[Any]:
    """A connection of psycopg in its `transaction`, in which psycopg itself refuses a commit that is not the kit's."""
    async with pool.connection() as connection, connection.transaction():
        yield connection


class AsyncBorrowed(_Begins):
    """An asynchronous engine of SQLAlchemy, or a pool of psycopg, that the application already has."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._is_engine = hasattr(source, "dialect")
        name = source.dialect.name if self._is_engine else "postgresql"
        self.kind = {"postgresql": "postgres"}.get(name, name)

    @asynccontextmanager
    async def begin(self, dialect: Dialect) -> AsyncGenerator[Any]:
        async with self._source.begin() if self._is_engine else _pooled(self._source) as tx:
            if self.kind == "postgres":
                await (tx.exec_driver_sql if self._is_engine else tx.execute)(SET_POSTGRES)
            elif not driver_connection(tx).in_transaction:
                await tx.exec_driver_sql(BEGIN_SQLITE)
            else:  # a listener of the application has begun it
                await lock_sqlite_async(within_async(dialect, tx))
            yield tx

    async def close(self) -> None:
        """The application closes what it opened."""


def open_async_database(source: Any, named_statements: bool = False) -> AsyncDatabase:
    """Opens what `AsyncHost` was given."""
    check_named(source, named_statements)
    if isinstance(source, Path):
        return AsyncSqlite(str(source))
    if isinstance(source, str):
        scheme = urlsplit(source).scheme
        if scheme == "sqlite":
            return AsyncSqlite(sqlite_path(source))
        if is_postgres(source):
            return AsyncPostgres(source, named_statements)
    elif hasattr(source, "dialect") or hasattr(source, "connection"):
        return AsyncBorrowed(source)
    raise HostError(
        "database: give a URL (sqlite:///shop.db, postgresql://…), an asynchronous engine of SQLAlchemy, or a psycopg pool."
    )
