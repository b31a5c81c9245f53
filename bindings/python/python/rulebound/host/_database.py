"""Databases that block: SQLite, PostgreSQL, and what SQLAlchemy or a pool of the application gives."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from ._adapters import Execute, drive, driver_connection, has_no_tables, is_busy, raise_unless_curable, within
from ._sql import Dialect, Script, Statement
from ._types import HostError, Retry

T = TypeVar("T")
TRIES = 5
BUSY = 5
"""How many seconds a transaction waits for another writer of SQLite, and is begun again."""
AT_A_TIME = 0.003
"""How many of them SQLite waits by itself. It sleeps for up to 100 ms when it waits longer, and a busy worker of another process is
faster each time: a webhook would wait for seconds."""
IDLE = 16
"""How many connections a host keeps while nothing uses them."""
NESTED = (
    "tx: a transaction of the host is open here, and SQLite has one writer, so that this call would wait for itself. "
    "Pass the `tx` of the open transaction to it, or call it after that."
)
OPEN = "database: a transaction is open on this connection. End it first, or pass the connection as `tx` of the call."
_IDLE, _BROKEN = 0, 4
"""The statuses of libpq without a transaction, and without a connection, of which the next statement says more."""
# SQLite: the first statement takes the write lock, so that no later one finds it busy.
WRITE_FIRST = Statement("DELETE FROM {p}schema_version WHERE 0 = 1")
# An engine of SQLAlchemy leaves the beginning to Python's driver, which begins with the first write of a row, and not with a table.
BEGIN_SQLITE = "BEGIN IMMEDIATE"
BEGIN_POSTGRES = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '2s'"
)
SET_POSTGRES = (
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '2s'"
)


class Database(Protocol):
    """Opens transactions. `kind` is `sqlite` or `postgres`."""

    kind: str

    def begin(self, dialect: Dialect) -> AbstractContextManager[Any]:
        """One transaction of the kit: committed at its end, rolled back by an exception."""
        ...

    def is_missing(self) -> bool:
        """Whether there is no file of SQLite yet."""
        ...

    def create(self) -> None:
        """Makes the file of SQLite, if there is none."""
        ...

    def close(self) -> None: ...


def run(database: Database, dialect: Dialect, make: Callable[[], Script[T]]) -> T:
    """One transaction of the kit; again if only a new transaction can cure what happened."""
    until = time.monotonic() + BUSY
    for left in range(TRIES - 1, -1, -1):
        try:
            with database.begin(dialect) as tx:
                return drive(make(), within(dialect, tx))
        except Exception as error:
            raise_unless_curable(error, left == 0 or time.monotonic() >= until)
    raise AssertionError("unreachable")


def lock_sqlite(execute: Execute) -> None:
    """Takes the write lock. Without tables there is none: `migrate` makes them, and `start` says that they are missing."""
    try:
        execute(WRITE_FIRST)
    except Exception as error:
        if not has_no_tables(error):
            raise


class NoFile:
    """A database that is there, or that its own administrator makes."""

    def is_missing(self) -> bool:
        return False

    def create(self) -> None:
        """There is nothing to make."""


class _Pool:
    """Connections that are kept open. A broken one is closed and never used again."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        # Its methods are atomic.
        self._idle: deque[Any] = deque()

    def begun(self, begin: Callable[[Any], Any]) -> Any:
        """A connection on which a transaction has begun. One that has died while it was idle has done nothing in it: another
        takes its place."""
        while True:
            try:
                idle = self._idle.pop()
            except IndexError:
                idle = None
            connection = self._connect() if idle is None else idle
            try:
                begin(connection)
                return connection
            except BaseException:
                self.give_back(connection)
                if idle is None or not getattr(connection, "closed", False):
                    raise

    def give_back(self, connection: Any) -> None:
        if len(self._idle) < IDLE and not getattr(connection, "closed", False):
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def check_file(path: str) -> None:
    """A mistyped path must not become an empty database: only `migrate` makes the file."""
    if not Path(path).exists():
        raise HostError(f"database: there is no `{path}`. Correct the path, or make it with `rulebound migrate`.")


def connect_sqlite(path: str) -> sqlite3.Connection:
    """A connection that loses nothing: WAL, and every commit is on the disk before it returns."""
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _begin_sqlite(connection: Any) -> None:
    until = time.monotonic() + BUSY
    while True:
        try:
            connection.execute(BEGIN_SQLITE)
            return
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= until:
                raise


def _begin_postgres(connection: Any) -> None:
    connection.execute(BEGIN_POSTGRES, prepare=False)


class Sqlite:
    kind = "sqlite"

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._writer = _Writer()
        self._pool = _Pool(self._connect)

    def _connect(self) -> sqlite3.Connection:
        check_file(str(self._path))
        connection = connect_sqlite(str(self._path))
        connection.execute(f"PRAGMA busy_timeout = {AT_A_TIME * 1000:.0f}")
        return connection

    def is_missing(self) -> bool:
        return not self._path.exists()

    def create(self) -> None:
        self._path.touch()

    def begin(self, dialect: Dialect) -> AbstractContextManager[sqlite3.Connection]:
        return _SqliteTransaction(self._pool, self._writer)

    def close(self) -> None:
        self._pool.close()


class _SqliteTransaction(AbstractContextManager[sqlite3.Connection]):
    """One transaction with the write lock. Writers of this process wait for one another before they ask SQLite, whose waiters
    have no queue: each of them sleeps for up to 100 ms, and another can be faster each time."""

    def __init__(self, pool: _Pool, writer: _Writer) -> None:
        self._pool, self._writer = pool, writer

    def __enter__(self) -> sqlite3.Connection:
        self._writer.acquire()
        try:
            connection: sqlite3.Connection = self._pool.begun(_begin_sqlite)
        except BaseException:
            self._writer.release()
            raise
        self._connection = connection
        return connection

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        connection = self._connection
        try:
            if error is None:
                connection.execute("COMMIT")
        finally:
            try:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            finally:
                self._writer.release()
                self._pool.give_back(connection)


class _Writer:
    """The one writer of this process, which is a transaction and no thread: a web framework can end it in another one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: object = None

    def acquire(self) -> None:
        if self._holder is not None and _opened.get() is self._holder:
            raise HostError(NESTED)
        if not self._lock.acquire(timeout=BUSY):
            raise Retry("another transaction of this process has not ended. If it is your own, pass its `tx`")
        self._holder = object()
        _opened.set(self._holder)

    def release(self) -> None:
        self._holder = None
        self._lock.release()


_opened: ContextVar[object] = ContextVar("rulebound_opened", default=None)
"""What this context has acquired last. While it holds the writer, the context would wait for itself."""


class Postgres(NoFile):
    kind = "postgres"

    def __init__(self, url: str, named_statements: bool = False) -> None:
        psycopg = import_psycopg()

        def connect() -> Any:
            return psycopg.connect(url, **connection_options(named_statements))

        self._pool = _Pool(connect)

    @contextmanager
    def begin(self, dialect: Dialect) -> Generator[Any]:
        connection = self._pool.begun(_begin_postgres)
        try:
            yield connection
            connection.execute("COMMIT", prepare=False)
        except BaseException:
            try:
                connection.execute("ROLLBACK", prepare=False)
            except Exception:
                connection.close()
            raise
        finally:
            self._pool.give_back(connection)

    def close(self) -> None:
        self._pool.close()


class Borrowed(NoFile):
    """A SQLAlchemy engine, or a pool of psycopg, that the application already has. Its settings stay as they are."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._is_engine = hasattr(source, "dialect")
        name = source.dialect.name if self._is_engine else "postgresql"
        self.kind = {"postgresql": "postgres"}.get(name, name)
        if self.kind not in ("sqlite", "postgres"):
            raise HostError(f"database: {name} is not supported. Use SQLite or PostgreSQL.")

    @contextmanager
    def begin(self, dialect: Dialect) -> Generator[Any]:
        with self._source.begin() if self._is_engine else _pooled(self._source) as tx:
            if self.kind == "postgres":
                (tx.exec_driver_sql if self._is_engine else tx.execute)(SET_POSTGRES)
            elif not driver_connection(tx).in_transaction:
                tx.exec_driver_sql(BEGIN_SQLITE)
            else:  # a listener of the application has begun it
                lock_sqlite(within(dialect, tx))
            yield tx

    def close(self) -> None:
        """The application closes what it opened."""


@contextmanager
def _pooled(pool: Any) -> Generator[Any]:
    """A connection of psycopg in its `transaction`, in which psycopg itself refuses a commit that is not the kit's."""
    with pool.connection() as connection, connection.transaction():
        yield connection


class Given(NoFile):
    """One connection that the application already has. Its transactions come one after another."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self.kind = "sqlite" if isinstance(connection, sqlite3.Connection) else "postgres"

    @contextmanager
    def begin(self, dialect: Dialect) -> Generator[Any]:
        with self._lock:
            tx = self._connection
            if self.kind == "postgres":
                with self._psycopg(tx):
                    yield tx
                return
            tx.execute(BEGIN_SQLITE)
            try:
                yield tx
                tx.execute("COMMIT")
            except BaseException:
                with suppress(Exception):  # of a connection that is broken: its own error says more
                    tx.execute("ROLLBACK")
                raise

    @contextmanager
    def _psycopg(self, tx: Any) -> Generator[None]:
        """In a transaction of the application the kit's commit would be the application's, or none."""
        if tx.info.transaction_status not in (_IDLE, _BROKEN):
            raise HostError(OPEN)
        with tx.transaction():
            tx.execute(SET_POSTGRES)
            yield

    def close(self) -> None:
        """The application closes what it opened."""


def connection_options(named_statements: bool) -> dict[str, Any]:
    """Without names a transaction pooler can be in between. With them PostgreSQL plans each statement once in a connection."""
    return {"autocommit": True, "prepare_threshold": 0 if named_statements else None, "connect_timeout": 10}


def is_postgres(source: Any) -> bool:
    """Whether it is the address of a PostgreSQL, to which the host connects itself."""
    return isinstance(source, str) and urlsplit(source).scheme in ("postgresql", "postgres")


def check_named(source: Any, named_statements: bool) -> None:
    if named_statements and not is_postgres(source):
        raise HostError("named_statements: they are for a direct connection to PostgreSQL, whose address the host has. Leave it out.")


def sqlite_path(url: str) -> str:
    """The file of `sqlite:///relative.db` or `sqlite:////absolute.db`."""
    path = url.removeprefix("sqlite://").removeprefix("/")
    if not path or path == ":memory:":
        raise HostError("database: SQLite needs a file, such as sqlite:///shop.db. A database in memory loses everything.")
    return path


def open_database(source: Any, named_statements: bool = False) -> Database:
    """Opens what `Host` was given."""
    check_named(source, named_statements)
    if isinstance(source, Path):
        return Sqlite(str(source))
    if isinstance(source, str):
        scheme = urlsplit(source).scheme
        if scheme == "sqlite":
            return Sqlite(sqlite_path(source))
        if is_postgres(source):
            return Postgres(source, named_statements)
    elif isinstance(source, sqlite3.Connection) or hasattr(source, "pgconn"):
        return Given(source)
    elif hasattr(source, "dialect") or hasattr(source, "connection"):
        return Borrowed(source)
    raise HostError(
        "database: give a URL (sqlite:///shop.db, postgresql://…), a SQLAlchemy engine, a psycopg pool, or a connection."
    )


def import_psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise HostError("PostgreSQL needs psycopg 3: pip install 'rulebound[postgres]'") from error
    return psycopg
