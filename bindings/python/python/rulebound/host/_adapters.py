"""What executes a statement: any connection or session that the application uses. The SQL is the kit's own."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from ._sql import Dialect, Result, Script, Statement
from ._types import HostError, Retry

T = TypeVar("T")
Execute: TypeAlias = Callable[[Statement], Result]
AsyncExecute: TypeAlias = Callable[[Statement], Awaitable[Result]]

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_RETRIED = ("40001", "40P01")
_LOCKED = "55P03"
"""SQLSTATE of a statement that has waited for `lock_timeout`. Who holds the lock can be the caller, who would wait again."""
LOCKED = (
    "The row is locked for longer than `lock_timeout` (2 s) by another transaction. If it is your own, pass its `tx`; otherwise try again."
)
_ABORTED = "25P02"
"""SQLSTATE of a statement in a transaction that an earlier one has broken."""
ROLLED_BACK = (
    "PostgreSQL has rolled the transaction back. An error of a statement was caught inside it. Let it through, or put the statement "
    "behind a savepoint."
)
ENDED = (
    "The transaction of the host was ended inside it, by `commit`, `rollback` or `with tx:`. Leave both to the host: return to commit, "
    "and raise to roll back."
)


def drive(script: Script[T], execute: Execute) -> T:
    """Runs a script with a database that blocks."""
    try:
        statement = next(script)
        while True:
            statement = script.send(execute(statement))
    except StopIteration as end:
        result: T = end.value
        return result


async def drive_async(script: Script[T], execute: AsyncExecute) -> T:
    """Runs a script with a database that awaits."""
    try:
        statement = next(script)
        while True:
            statement = script.send(await execute(statement))
    except StopIteration as end:
        result: T = end.value
        return result


def _causes(error: BaseException) -> Generator[BaseException]:
    """An error of a driver, also where SQLAlchemy, Django or the kit has wrapped it."""
    yield error
    for inner in (getattr(error, "orig", None), error.__cause__):
        if isinstance(inner, BaseException):
            yield from _causes(inner)


def needs_retry(error: BaseException) -> bool:
    """Whether only a new transaction can cure the error."""
    return is_busy(error) or any(isinstance(it, Retry) or getattr(it, "sqlstate", None) in _RETRIED for it in _causes(error))


def is_busy(error: BaseException) -> bool:
    """Whether SQLite has another writer."""
    return any(getattr(it, "sqlite_errorcode", 0) & 0xFF in _BUSY for it in _causes(error))


def has_no_tables(error: BaseException) -> bool:
    """Whether SQLite has no tables of the host yet."""
    return "no such table" in str(error)


def is_aborted(error: BaseException) -> bool:
    """Whether PostgreSQL has refused a statement because an earlier one of the transaction has failed."""
    return _has_state(error, _ABORTED)


def _has_state(error: BaseException, state: str) -> bool:
    return any(getattr(it, "sqlstate", None) == state for it in _causes(error))


def explained(error: Exception) -> Exception:
    """What the caller gets of an error in its own transaction: what only a new one cures is a `Retry`."""
    if isinstance(error, Retry | HostError):
        return error
    if needs_retry(error):
        return Retry(str(error))
    if _has_state(error, _LOCKED):
        return HostError(LOCKED)
    return HostError(ROLLED_BACK) if is_aborted(error) else error


def raise_unless_curable(error: Exception, is_last: bool) -> None:
    """After an error in a transaction of the kit: returns if another one can cure it."""
    if needs_retry(error):
        if not is_last:
            return
        if isinstance(error, Retry):
            raise error
        cure = ". If it is your own transaction that is open, pass its `tx`" if is_busy(error) else ""
        raise Retry(f"the database is busy: {str(error).splitlines()[0]}{cure}") from error
    if _has_state(error, _LOCKED):
        raise HostError(LOCKED) from error
    raise error


def is_database(error: BaseException) -> bool:
    """Whether the error comes from a database or its driver, so that the database may be away. A transaction in which a statement
    has failed is no such error: trying it again cures nothing, and who caught the error must let it through."""
    if is_aborted(error):
        return False
    modules = ("sqlite3", "psycopg", "psycopg_pool", "sqlalchemy", "django", "aiosqlite")
    bases = (base for it in _causes(error) for base in type(it).__mro__)
    return any(base.__module__.split(".")[0] in modules for base in bases)


def outage(error: BaseException) -> str:
    """What an error of the database means for who reads the log."""
    if _has_state(error, _LOCKED):
        return LOCKED
    for it in _causes(error):
        if getattr(it, "sqlstate", None) in ("42P01", "42703") or str(it).startswith(("no such table", "no such column")):
            return f"The tables are not complete ({str(it).splitlines()[0]}). Run `rulebound doctor`: it says what is missing."
    return f"The database is away: {error}"


def cursor_result(cursor: Any) -> Result:
    rows: list[Any] = cursor.fetchall() if _has_rows(cursor) else []
    return Result([tuple(it) for it in rows], cursor.rowcount)


async def async_result(cursor: Any) -> Result:
    rows: list[Any] = await cursor.fetchall() if _has_rows(cursor) else []
    return Result([tuple(it) for it in rows], cursor.rowcount)


def _has_rows(cursor: Any) -> bool:
    # psycopg makes an object for each column that `description` lists.
    found = getattr(cursor, "pgresult", None)
    return found.nfields > 0 if found is not None else cursor.description is not None


def plain_cursor(connection: Any) -> Any:
    """A cursor of psycopg whose rows are tuples, whatever the application has its connection make."""
    from psycopg.rows import tuple_row

    return connection.cursor(row_factory=tuple_row)


def names_statements(connection: Any) -> bool | None:
    """Whether statements are prepared by name: only where the connection was opened for that, because a pooler can be in between."""
    return None if connection.prepare_threshold == 0 else False


def _psycopg_execute(dialect: Dialect, connection: Any) -> Execute:
    cursor, prepare = plain_cursor(connection), names_statements(connection)

    def execute(it: Statement) -> Result:
        cursor.execute(dialect.compile(it.sql, False), it.params, prepare=prepare)
        return Result(cursor.fetchall() if _has_rows(cursor) else [], cursor.rowcount)

    return execute


def _sqlalchemy_result(result: Any) -> Result:
    rows: list[Any] = [tuple(it) for it in result.fetchall()] if result.returns_rows else []
    return Result(rows, result.rowcount)


def _module(tx: Any) -> str:
    return type(tx).__module__.split(".")[0]


def _same(dialect: Dialect, found: str) -> None:
    name = {"postgresql": "postgres"}.get(found, found)
    if name != dialect.name:
        raise HostError(f"tx: it is a transaction of {name}, and the host's database is {dialect.name}.")


def _is_open(is_open: bool) -> None:
    if not is_open:
        raise HostError("tx: no transaction is open on this connection, so that each statement would commit. Begin one first.")


def driver_connection(tx: Any) -> Any:
    """The driver's connection behind one of SQLAlchemy, which also can be asynchronous."""
    return getattr(tx, "sync_connection", tx).connection.driver_connection


_OPEN, _FAILED = 2, 3
"""The status of an open transaction of libpq, and of one in which a statement has failed, as both drivers have it."""
_REFUSALS = ("forbidden within a Transaction context", "closed transaction inside context manager")
"""What psycopg says of a commit that is not its own, and SQLAlchemy of a statement after one."""
_MARK = "SAVEPOINT rulebound_lent"
_UNMARK = "RELEASE rulebound_lent"


@contextmanager
def lent(tx: Any) -> Generator[None]:
    """The caller's code has a transaction of the kit, which only the kit ends: otherwise its rows would not commit with the kit's.

    PostgreSQL answers the commit of a transaction that has failed with a rollback, and no error.
    """
    engine = getattr(tx, "sync_connection", tx) if hasattr(tx, "exec_driver_sql") else None
    begun = engine.get_transaction() if engine is not None else None
    driver = tx if engine is None else driver_connection(tx)
    if isinstance(driver, sqlite3.Connection):
        driver.execute(_MARK)
    try:
        yield
    except Exception as error:
        if any(it in str(error) for it in _REFUSALS):
            raise HostError(ENDED) from error
        raise
    if engine is not None and engine.get_transaction() is not begun:
        raise HostError(ENDED)
    _check_open(driver)


def _check_open(connection: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        try:
            connection.execute(_UNMARK)  # Python's driver may have begun another transaction since
        except sqlite3.Error as error:
            raise HostError(ENDED) from error
    elif _module(connection) == "aiosqlite":
        if not connection.in_transaction:
            raise HostError(ENDED)
    elif (status := getattr(getattr(connection, "info", None), "transaction_status", _OPEN)) != _OPEN:
        raise HostError(ROLLED_BACK if status == _FAILED else ENDED)


def within(dialect: Dialect, tx: Any) -> Execute:
    """How to execute statements in the application's transaction."""
    if isinstance(tx, sqlite3.Connection):
        _same(dialect, "sqlite")
        _is_open(tx.in_transaction or tx.isolation_level is not None)
        return _sqlite_execute(dialect, tx)
    if _module(tx) == "psycopg" and hasattr(tx, "execute"):
        _same(dialect, "postgres")
        _is_open(not tx.autocommit or tx.info.transaction_status != 0)
        return _psycopg_execute(dialect, tx)
    if hasattr(tx, "exec_driver_sql") or (_module(tx) == "sqlalchemy" and hasattr(tx, "connection")):
        connection = tx if hasattr(tx, "exec_driver_sql") else tx.connection()
        _same(dialect, connection.dialect.name)
        qmark = connection.dialect.paramstyle == "qmark"
        run = connection.exec_driver_sql
        return lambda it: _sqlalchemy_result(run(dialect.compile(it.sql, qmark), tuple(it.params)))
    if hasattr(tx, "vendor") and hasattr(tx, "cursor"):  # Django
        _same(dialect, tx.vendor)
        _is_open(tx.in_atomic_block or not tx.get_autocommit())
        return lambda it: _django(tx, dialect.compile(it.sql, False), it)
    raise HostError(_UNKNOWN.format(type(tx).__qualname__))


_UNKNOWN = (
    "tx: {} is not a connection that the host knows. Pass one of sqlite3 or psycopg, a SQLAlchemy connection or session, "
    "or Django's connection."
)


def _sqlite_execute(dialect: Dialect, connection: sqlite3.Connection) -> Execute:
    cursor = connection.cursor()
    cursor.row_factory = None  # tuples, whatever the application has its connection make

    def execute(it: Statement) -> Result:
        cursor.execute(dialect.compile(it.sql, True), it.params)
        return Result(cursor.fetchall(), cursor.rowcount)

    return execute


def _django(tx: Any, sql: str, statement: Statement) -> Result:
    with tx.cursor() as cursor:
        cursor.execute(sql, list(statement.params))
        return cursor_result(cursor)


def within_async(dialect: Dialect, tx: Any) -> AsyncExecute:
    """How to execute statements in a transaction of an asynchronous application."""
    if _module(tx) == "aiosqlite":
        _same(dialect, "sqlite")
        _is_open(tx.in_transaction or tx.isolation_level is not None)
        return lambda it: _await_cursor(tx.execute(dialect.compile(it.sql, True), tuple(it.params)))
    if _module(tx) == "psycopg" and inspect.iscoroutinefunction(tx.execute):
        _same(dialect, "postgres")
        _is_open(not tx.autocommit or tx.info.transaction_status != 0)
        cursor, prepare = plain_cursor(tx), names_statements(tx)
        return lambda it: _await_cursor(cursor.execute(dialect.compile(it.sql, False), it.params, prepare=prepare))
    if _module(tx) == "sqlalchemy" and (hasattr(tx, "exec_driver_sql") or hasattr(tx, "connection")):
        return lambda it: _await_sqlalchemy(dialect, tx, it)
    execute = within(dialect, tx)

    async def blocking(statement: Statement) -> Result:
        return execute(statement)

    return blocking


async def _await_cursor(pending: Awaitable[Any]) -> Result:
    return await async_result(await pending)


async def _await_sqlalchemy(dialect: Dialect, tx: Any, statement: Statement) -> Result:
    connection = tx if hasattr(tx, "exec_driver_sql") else await tx.connection()
    _same(dialect, connection.dialect.name)
    qmark = connection.dialect.paramstyle == "qmark"
    result = await connection.exec_driver_sql(dialect.compile(statement.sql, qmark), tuple(statement.params))
    return _sqlalchemy_result(result)
