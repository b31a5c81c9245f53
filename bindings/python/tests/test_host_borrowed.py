"""A host on an engine or a pool that the application already has: its transactions, and tables that are not there yet."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy
from conftest import CREATE, KEY
from host_fixtures import PROVIDERS, REPLY, ready
from rulebound import truemed
from rulebound.host import AsyncHost, Host, HostError, Incoming, Retry
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

OTHER, THIRD = KEY[:-1] + "2", KEY[:-1] + "3"


def begins_itself(engine: Any) -> None:
    """What SQLAlchemy recommends for SQLite: the engine begins, and not Python's driver."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")


@pytest.fixture(params=["as it is", "with listeners"])
def urls(request: pytest.FixtureRequest, source: tuple[str, str]) -> Iterator[tuple[str, str, str, bool]]:
    """The engine's URL for a program that blocks and for one that awaits, the schema, and whether the engine begins itself."""
    url, schema = source
    if url.startswith("sqlite"):
        yield url, url.replace("sqlite:", "sqlite+aiosqlite:"), schema, request.param == "with listeners"
        return
    if request.param != "as it is":
        pytest.skip("the listeners are for SQLite")
    psycopg = url.replace("postgresql:", "postgresql+psycopg:")
    yield psycopg, psycopg, schema, False


def test_a_host_on_an_engine(urls: tuple[str, str, str, bool]) -> None:
    engine = sqlalchemy.create_engine(urls[0])
    if urls[3]:
        begins_itself(engine)
    host = ready(Host(engine, PROVIDERS, schema=urls[2], send=lambda _: Incoming(200, {}, REPLY)))
    assert host.migrate(dry_run=True) == host.migrate() != [] == host.migrate()
    with engine.begin() as connection:
        host.handle(truemed.PaymentToken, KEY, CREATE, tx=connection)
    with pytest.raises(ZeroDivisionError), Session(engine) as session, session.begin():
        host.handle(truemed.PaymentToken, OTHER, CREATE, tx=session)
        raise ZeroDivisionError
    with host.transaction() as tx:
        tx.execute(sqlalchemy.text("SELECT 1"))
        host.handle(truemed.PaymentToken, THIRD, CREATE, tx=tx)
    assert host.tick().sent == ["create_payment_token"] * 2
    assert host.get(truemed.PaymentToken, OTHER) is None and host.verify() == []
    host.close()
    engine.dispose()


def test_an_asynchronous_host_on_an_engine(urls: tuple[str, str, str, bool]) -> None:
    async def send(_: Any) -> Incoming:
        return Incoming(200, {}, REPLY)

    async def play() -> None:
        engine = create_async_engine(urls[1])
        if urls[3]:
            begins_itself(engine.sync_engine)
        host = ready(AsyncHost(engine, PROVIDERS, schema=urls[2], send=send))
        assert await host.migrate(dry_run=True) == await host.migrate() != []
        async with engine.begin() as connection:
            await host.handle(truemed.PaymentToken, KEY, CREATE, tx=connection)
        with pytest.raises(ZeroDivisionError):
            async with AsyncSession(engine) as session, session.begin():
                await host.handle(truemed.PaymentToken, OTHER, CREATE, tx=session)
                raise ZeroDivisionError
        async with host.transaction() as tx:
            await tx.execute(sqlalchemy.text("SELECT 1"))
            await host.handle(truemed.PaymentToken, THIRD, CREATE, tx=tx)
        assert (await host.tick()).sent == ["create_payment_token"] * 2
        assert await host.get(truemed.PaymentToken, OTHER) is None and await host.verify() == []
        await host.close()
        await engine.dispose()

    asyncio.run(play())


def test_without_tables_the_callers_transaction_says_what_to_run(tmp_path: Any) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    with engine.begin() as connection, pytest.raises(HostError, match="has no tables of the host. Run `rulebound migrate`"):
        Host(engine, PROVIDERS).handle(truemed.PaymentToken, KEY, CREATE, tx=connection)
    engine.dispose()


def test_a_host_on_a_pool(source: tuple[str, str]) -> None:
    if source[0].startswith("sqlite"):
        pytest.skip("psycopg is for PostgreSQL")
    from psycopg_pool import ConnectionPool

    with ConnectionPool(source[0], open=True) as pool:
        host = ready(Host(pool, PROVIDERS, schema=source[1], send=lambda _: Incoming(200, {}, REPLY)))
        assert host.migrate()
        with pool.connection() as connection:
            host.handle(truemed.PaymentToken, KEY, CREATE, tx=connection)
        with host.transaction() as tx:
            host.handle(truemed.PaymentToken, OTHER, CREATE, tx=tx)
        assert host.tick().sent == ["create_payment_token"] * 2 and host.verify() == []


def test_an_asynchronous_host_on_a_pool(source: tuple[str, str]) -> None:
    if source[0].startswith("sqlite"):
        pytest.skip("psycopg is for PostgreSQL")
    from psycopg_pool import AsyncConnectionPool

    async def send(_: Any) -> Incoming:
        return Incoming(200, {}, REPLY)

    async def play() -> None:
        async with AsyncConnectionPool(source[0], open=False) as pool:
            host = ready(AsyncHost(pool, PROVIDERS, schema=source[1], send=send))
            assert await host.migrate()
            async with pool.connection() as connection:
                await host.handle(truemed.PaymentToken, KEY, CREATE, tx=connection)
            async with host.transaction() as tx:
                await host.handle(truemed.PaymentToken, OTHER, CREATE, tx=tx)
            assert (await host.tick()).sent == ["create_payment_token"] * 2 and await host.verify() == []

    asyncio.run(play())


@pytest.mark.parametrize("kind", [Host, AsyncHost])
def test_a_call_that_waits_for_its_own_transaction_ends_with_the_cure(kind: Any, tmp_path: Any) -> None:
    async def done(result: Any) -> Any:
        return await result if inspect.isawaitable(result) else result

    async def play() -> None:
        url = f"{tmp_path / 'shop.db'}?timeout=0.1"
        engine: Any = sqlalchemy.create_engine(f"sqlite:///{url}") if kind is Host else create_async_engine(f"sqlite+aiosqlite:///{url}")
        host = kind(engine, PROVIDERS)
        await done(host.migrate())
        with pytest.raises(Retry, match="the database is busy: .*locked. If it is your own transaction that is open, pass its `tx`$"):
            if kind is Host:
                with host.transaction():
                    host.handle(truemed.PaymentToken, KEY, CREATE)
            else:
                async with host.transaction():
                    await host.handle(truemed.PaymentToken, KEY, CREATE)
        await done(engine.dispose())

    asyncio.run(play())
