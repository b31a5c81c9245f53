"""Transactions that the caller's code ends, and rows that two transactions adopt at once."""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from conftest import CREATE, KEY
from host_fixtures import PROVIDERS, REPLY, SIGNED, UPDATED
from rulebound import truemed
from rulebound.host import AsyncHost, Host, HostError, Incoming

CHARGE = {
    **CREATE, "type": "create_payment_session", "intent": "2026-12", "payment_token": "pt_1", "total_amount": 1500,
}  # fmt: skip
CAPTURED = b'{"payment_token": "pt_1", "payment_session_id": "ps_2", "status": "captured", "capture_amount": 1500}'
OTHER = KEY[:-1] + "2"


async def done(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


def blocking(source: tuple[str, str]) -> Iterator[Any]:
    """Every database that a `Host` takes."""
    import sqlalchemy

    yield source[0]
    if source[0].startswith("sqlite"):
        engine = sqlalchemy.create_engine(source[0])
        connection: Any = sqlite3.connect(source[0].removeprefix("sqlite:///"), check_same_thread=False)
    else:
        import psycopg
        from psycopg_pool import ConnectionPool

        engine = sqlalchemy.create_engine(source[0].replace("postgresql://", "postgresql+psycopg://"))
        connection = psycopg.connect(source[0])
        with ConnectionPool(source[0], open=True) as pool:
            yield pool
    yield engine
    yield connection
    engine.dispose()
    connection.close()


async def awaiting(source: tuple[str, str]) -> AsyncIterator[Any]:
    """Every database that an `AsyncHost` takes."""
    from sqlalchemy.ext.asyncio import create_async_engine

    yield source[0]
    is_sqlite = source[0].startswith("sqlite")
    engine = create_async_engine(source[0].replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+psycopg:"))
    yield engine
    await engine.dispose()
    if not is_sqlite:
        from psycopg_pool import AsyncConnectionPool

        async with AsyncConnectionPool(source[0], open=False) as pool:
            yield pool


def commits(tx: Any) -> Any:
    return tx.commit()


def rolls_back(tx: Any) -> Any:
    return tx.rollback()


def goes_on(tx: Any) -> Any:
    """After its own commit it writes again: the driver may begin another transaction by itself."""

    async def wait(pending: Any) -> None:
        await pending
        await execute(tx, "DELETE FROM parcels WHERE 1 = 0")

    pending = tx.commit()
    return wait(pending) if inspect.isawaitable(pending) else execute(tx, "DELETE FROM parcels WHERE 1 = 0")


def execute(tx: Any, sql: str) -> Any:
    return (getattr(tx, "exec_driver_sql", None) or tx.execute)(sql)


ENDS: list[Callable[[Any], Any]] = [commits, rolls_back, goes_on]


async def play(kind: Any, database: Any, source: tuple[str, str], caplog: pytest.LogCaptureFixture) -> None:
    def reply(request: Any) -> Incoming:
        return Incoming(200, {}, REPLY if request.operation == "create_payment_token" else '{"id": "ps_2"}')

    async def send(request: Any) -> Incoming:
        return reply(request)

    host = kind(database, PROVIDERS, schema=source[1], send=send if kind is AsyncHost else reply, clock=lambda: 1_700_000_000_000)
    ends: list[Any] = [commits]
    host.ignore("notify")
    host.ignore("access")
    host.on_tx("fulfill")(_awaits(lambda tx: ends[0](tx)) if kind is AsyncHost else lambda effect, row, tx: ends[0](tx))
    await done(host.migrate())
    for end in ENDS:
        with pytest.raises(HostError, match="was ended inside it, by `commit`.*return to commit"):
            await done(host.transaction(end))
    await done(host.transaction(_nothing if kind is AsyncHost else lambda tx: execute(tx, "SELECT 1")))
    key = f"{kind.__name__}-{type(database).__name__}-{KEY}"
    await done(host.handle(truemed.PaymentToken, key, CREATE))
    await done(host.tick())
    await done(host.webhook("truemed", SIGNED, UPDATED))
    await done(host.tick())
    await done(host.handle(truemed.PaymentToken, key, CHARGE))
    await done(host.tick())
    await done(host.webhook("truemed", SIGNED, CAPTURED))
    caplog.clear()
    assert (await done(host.tick())).handled == ["fulfill:ps_2"]
    row = await done(host.get(truemed.PaymentToken, key))
    assert [(it["id"], it["attempts"]) for it in row.effects()] == [("fulfill:ps_2", 1)], "it is not done"
    assert "was ended inside it" in caplog.text and row.tries == 0
    assert await done(host.verify()) == []
    await done(host.close())


async def _nothing(tx: Any) -> None:
    await execute(tx, "SELECT 1")


def _awaits(end: Any) -> Any:
    async def handler(effect: Any, row: Any, tx: Any) -> None:
        await done(end(tx))

    return handler


def _fresh(source: tuple[str, str]) -> None:
    """Empty tables, and one of the application."""
    if source[0].startswith("sqlite"):
        with sqlite3.connect(source[0].removeprefix("sqlite:///")) as db:
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'rulebound%'").fetchall():
                db.execute(f"DELETE FROM {name} WHERE '{name}' <> 'rulebound_schema_version'")
            db.execute("CREATE TABLE IF NOT EXISTS parcels (effect text)")
        return
    import psycopg

    with psycopg.connect(source[0], autocommit=True) as db:
        db.execute("CREATE TABLE IF NOT EXISTS parcels (effect text)")
        for table in ("flows", "ids", "inbox", "inbox_ids", "journal"):
            if db.execute("SELECT to_regclass(%s)", (f"{source[1]}.rulebound_{table}",)).fetchone() != (None,):
                db.execute(f"DELETE FROM {source[1]}.rulebound_{table}")


def test_only_the_host_ends_its_transaction(source: tuple[str, str], caplog: pytest.LogCaptureFixture) -> None:
    for database in blocking(source):
        _fresh(source)
        asyncio.run(play(Host, database, source, caplog))


def test_so_also_in_an_asynchronous_host(source: tuple[str, str], caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async for database in awaiting(source):
            _fresh(source)
            await play(AsyncHost, database, source, caplog)

    asyncio.run(run())


def test_with_tx_ends_it_too(host: Host) -> None:
    def work(tx: Any) -> None:
        with tx:
            tx.execute("SELECT 1")

    with pytest.raises(HostError, match="was ended inside it"):
        host.transaction(work)
    host.transaction(lambda tx: tx.execute("SELECT 1"))


def test_a_transaction_of_the_application_is_not_committed_by_the_host(source: tuple[str, str], host: Host) -> None:
    if source[0].startswith("sqlite"):
        pytest.skip("SQLite begins no transaction in another one")
    import psycopg

    with psycopg.connect(source[0]) as connection:
        mine = Host(connection, PROVIDERS, schema=source[1])
        connection.execute("SELECT 1")
        with pytest.raises(HostError, match="a transaction is open on this connection.*as `tx`"):
            mine.handle(truemed.PaymentToken, KEY, CREATE)
        mine.handle(truemed.PaymentToken, KEY, CREATE, tx=connection)
        connection.rollback()
        assert host.get(truemed.PaymentToken, KEY) is None
        mine.handle(truemed.PaymentToken, KEY, CREATE)
        assert host.get(truemed.PaymentToken, KEY) is not None


def test_two_rows_do_not_adopt_one_object_at_once(source: tuple[str, str], host: Host) -> None:
    if source[0].startswith("sqlite"):
        pytest.skip("SQLite has one writer")
    adopt = truemed.retrieve_payment_token(payment_token="pt_9")
    others, errors = [Host(source[0], PROVIDERS, schema=source[1]) for _ in range(2)], list[Any]()

    def second(other: Host, key: str) -> None:
        try:
            other.handle(truemed.PaymentToken, key, adopt)
        except HostError as error:
            errors.append(str(error))

    with host.transaction() as tx:
        host.handle(truemed.PaymentToken, KEY, adopt, tx=tx)
        threads = [threading.Thread(target=second, args=(it, f"{KEY[:-1]}{at}")) for at, it in enumerate(others, 2)]
        for it in threads:
            it.start()
        # Another object is not waited for.
        begun = time.monotonic()
        host.handle(truemed.PaymentToken, KEY[:-1] + "9", truemed.retrieve_payment_token(payment_token="pt_8"))
        assert time.monotonic() - begun < 1
        time.sleep(0.3)
        assert all(it.is_alive() for it in threads), "they wait"
    for it in threads:
        it.join()
    assert sorted(errors) == [
        f"command: truemed.payment_token {KEY[:-1]}{at} names `pt_9`, which the row `{KEY}` has. Use that row." for at in (2, 3)
    ]
    with host.transaction() as tx:
        assert tx.execute(f"SELECT key FROM {host._dialect.prefix}ids WHERE id = 'pt_9'").fetchall() == [(KEY,)]
    for it in others:
        it.close()
