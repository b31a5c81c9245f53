"""Transactions of PostgreSQL that fail without an error, and programs that make the tables at once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from uuid import uuid4

import pytest
from conftest import CREATE, KEY
from host_fixtures import PROVIDERS
from rulebound import truemed
from rulebound.host import Account, AsyncHost, Host, HostError, Provider, Retry
from rulebound.host._adapters import is_database


def broken(tx: Any) -> None:
    execute = getattr(tx, "exec_driver_sql", None) or tx.execute
    with pytest.raises(Exception, match="nonsense"):
        execute("SELECT nonsense")


def test_a_transaction_in_which_an_error_was_caught_does_not_look_like_a_commit(host: Host, source: tuple[str, str]) -> None:
    if source[0].startswith("sqlite"):
        host.transaction(broken)  # SQLite takes back the statement alone.
        return
    import sqlalchemy

    engine = sqlalchemy.create_engine(source[0].replace("postgresql://", "postgresql+psycopg://"))
    for one in (host, Host(engine, PROVIDERS, schema=source[1])):

        def work(tx: Any, one: Host = one) -> None:
            one.handle(truemed.PaymentToken, KEY, CREATE, tx=tx)
            broken(tx)

        with pytest.raises(HostError, match="has rolled the transaction back.*savepoint"):
            one.transaction(work)
        assert one.get(truemed.PaymentToken, KEY) is None
    engine.dispose()


def test_a_broken_transaction_is_no_database_that_is_away(host: Host, source: tuple[str, str]) -> None:
    if source[0].startswith("sqlite"):
        return
    import psycopg

    with psycopg.connect(source[0]) as db:
        broken(db)
        with pytest.raises(HostError, match="has rolled the transaction back.*savepoint"):
            host.handle(truemed.PaymentToken, KEY, CREATE, tx=db)
        with pytest.raises(psycopg.errors.InFailedSqlTransaction) as raised:
            db.execute("SELECT 1")
        assert not is_database(raised.value) and is_database(psycopg.OperationalError("the connection is closed"))
        db.rollback()


def test_so_also_in_an_asynchronous_host(source: tuple[str, str]) -> None:
    async def play() -> None:
        host = AsyncHost(source[0], PROVIDERS, schema=source[1])
        await host.migrate()

        async def work(tx: Any) -> None:
            with pytest.raises(Exception, match="nonsense"):
                await tx.execute("SELECT nonsense")

        if source[0].startswith("sqlite"):
            await host.transaction(work)
        else:
            with pytest.raises(HostError, match="has rolled the transaction back"):
                await host.transaction(work)
        await host.close()

    asyncio.run(play())


def test_programs_that_start_at_once_make_the_tables_one_after_the_other(source: tuple[str, str]) -> None:
    if source[0].startswith("sqlite"):
        pytest.skip("SQLite has one writer")
    import psycopg

    schema = f"rulebound_{uuid4().hex[:8]}"
    with psycopg.connect(source[0], autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        done = list[bool]()
        hosts = [Host(source[0], PROVIDERS, schema=schema) for _ in range(3)]
        threads = [threading.Thread(target=lambda it=it: done.append(bool(it.migrate()))) for it in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        connection.execute(f"DROP SCHEMA {schema} CASCADE")
    for it in hosts:
        it.close()
    assert sorted(done) == [False, False, True]


def test_nothing_is_looked_up_in_the_callers_transaction(source: tuple[str, str]) -> None:
    open_now, asked = list[Any](), list[str]()

    def lookup(name: str) -> Account:
        assert not open_now, "a transaction is open"
        asked.append(name)
        return Account(api_key=f"sk_{name}")

    host = Host(source[0], {"truemed": Provider(account=lookup)}, schema=source[1])
    host.migrate()

    def work(tx: Any) -> Any:
        open_now.append(tx)
        try:
            return host.handle(truemed.PaymentToken, KEY, CREATE, tx=tx, account="a")
        finally:
            open_now.clear()

    row = host.transaction(work)
    assert (row.account, asked) == ("a", ["a"])
    # What was said counts there also when its minute is over.
    host._kit._accounts["truemed", "a"] = (0.0, host._kit._accounts["truemed", "a"][1])
    with host.transaction() as tx:
        assert host.get(truemed.PaymentToken, KEY, tx=tx) is not None
    assert asked == ["a"]
    # In a transaction of your own you look it up before.
    host._kit.forget_account("truemed", "a")
    other = KEY[:-1] + "2"
    with pytest.raises(Retry, match="call `host.look_up`"), host.transaction() as tx:
        host.handle(truemed.PaymentToken, other, CREATE, tx=tx, account="a")
    host.look_up("truemed", "a")
    with host.transaction() as tx:
        host.handle(truemed.PaymentToken, other, CREATE, tx=tx, account="a")
        # A row that could not be made is not left behind.
        with pytest.raises(Retry):
            host.handle(truemed.PaymentToken, KEY[:-1] + "3", CREATE, tx=tx, account="b")
    with host.transaction() as tx:
        prefix = host._dialect.prefix
        assert [it[0] for it in tx.execute(f"SELECT key FROM {prefix}flows ORDER BY key").fetchall()] == [KEY, other]
        assert {it[0] for it in tx.execute(f"SELECT id FROM {prefix}ids").fetchall()} == {KEY, other}
    host.close()


def test_so_also_with_a_lookup_that_awaits(source: tuple[str, str]) -> None:
    async def play() -> None:
        async def lookup(name: str) -> Account:
            return Account(api_key=f"sk_{name}")

        host = AsyncHost(source[0], {"truemed": Provider(account=lookup)}, schema=source[1])
        await host.migrate()

        async def work(tx: Any) -> Any:
            return await host.handle(truemed.PaymentToken, KEY, CREATE, tx=tx, account="a")

        assert (await host.transaction(work)).account == "a"
        await host.close()

    asyncio.run(play())
