"""Calls that wait for the caller's own transaction, and calls that nobody awaits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import CREATE, KEY
from host_fixtures import PROVIDERS, REPLY, SIGNED, UPDATED
from rulebound import truemed
from rulebound.host import AsyncHost, Host, HostError, Incoming, Outgoing, Retry
from rulebound.host._adapters import is_database, outage

OTHER = KEY[:-1] + "2"


@pytest.fixture
def postgres(source: tuple[str, str]) -> Iterator[tuple[str, str]]:
    if source[0].startswith("sqlite"):
        pytest.skip("SQLite has no locks of rows")
    yield source


def hosts(source: tuple[str, str]) -> Iterator[Host]:
    """One for each way to reach PostgreSQL."""
    import psycopg
    import sqlalchemy

    yield Host(source[0], PROVIDERS, schema=source[1])
    engine = sqlalchemy.create_engine(source[0].replace("postgresql://", "postgresql+psycopg://"))
    yield Host(engine, PROVIDERS, schema=source[1])
    engine.dispose()
    with psycopg.connect(source[0], autocommit=True) as connection:
        yield Host(connection, PROVIDERS, schema=source[1])


def test_a_row_that_another_transaction_has_locked_is_said_so_once(postgres: tuple[str, str], host: Host) -> None:
    host.handle(truemed.PaymentToken, KEY, CREATE)
    for one in hosts(postgres):
        with host.transaction() as tx:
            host.handle(truemed.PaymentToken, KEY, CREATE, tx=tx)
            begun, calls = time.monotonic(), list[Any]()

            def work(mine: Any, one: Host = one, calls: list[Any] = calls) -> None:
                calls.append(mine)
                one.handle(truemed.PaymentToken, KEY, CREATE, tx=mine)

            with pytest.raises(HostError, match="The row is locked .* pass its `tx`; otherwise try again") as raised:
                one.transaction(work)
            assert len(calls) == 1 and 1.5 < time.monotonic() - begun < 4
        # A worker that meets it goes on, and a webhook is delivered again.
        assert is_database(raised.value) and outage(raised.value) == str(raised.value)
    with host.transaction() as tx:
        host.handle(truemed.PaymentToken, KEY, CREATE, tx=tx)
        with pytest.raises(HostError, match="The row is locked"):
            host.handle(truemed.PaymentToken, KEY, CREATE)  # it has forgotten `tx`


def test_so_also_in_an_asynchronous_host(postgres: tuple[str, str]) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine

    async def play() -> None:
        engine = create_async_engine(postgres[0].replace("postgresql://", "postgresql+psycopg://"))
        for source in (postgres[0], engine):
            host = AsyncHost(source, PROVIDERS, schema=postgres[1])
            await host.migrate()
            async with host.transaction() as tx:
                await host.handle(truemed.PaymentToken, KEY, CREATE, tx=tx)
                with pytest.raises(HostError, match="The row is locked .* pass its `tx`; otherwise try again"):
                    await host.handle(truemed.PaymentToken, KEY, CREATE)
            await host.close()
        await engine.dispose()

    asyncio.run(play())


def test_on_sqlite_a_call_that_would_wait_for_its_own_transaction_is_refused_at_once(tmp_path: Path) -> None:
    host = Host(tmp_path / "shop.db", PROVIDERS)
    host.migrate()
    begun = time.monotonic()
    with host.transaction() as tx:
        host.handle(truemed.PaymentToken, KEY, CREATE, tx=tx)
        with pytest.raises(HostError, match="would wait for itself. Pass the `tx`"):
            host.handle(truemed.PaymentToken, OTHER, CREATE)
        with pytest.raises(HostError, match="would wait for itself"), host.transaction():
            pass
        # Another thread only waits.
        thread = threading.Thread(target=lambda: host.handle(truemed.PaymentToken, OTHER, CREATE))
        thread.start()
    thread.join()
    assert host.get(truemed.PaymentToken, OTHER) is not None and time.monotonic() - begun < 4
    host.close()


def test_so_also_by_an_asynchronous_host(tmp_path: Path) -> None:
    async def play() -> None:
        host = AsyncHost(tmp_path / "shop.db", PROVIDERS)
        await host.migrate()
        async with host.transaction() as tx:
            await host.handle(truemed.PaymentToken, KEY, CREATE, tx=tx)
            with pytest.raises(HostError, match="would wait for itself. Pass the `tx`"):
                await host.handle(truemed.PaymentToken, OTHER, CREATE)
            # Another task only waits.
            task = asyncio.create_task(host.handle(truemed.PaymentToken, OTHER, CREATE))
            await asyncio.sleep(0.05)
        await task
        assert await host.get(truemed.PaymentToken, OTHER) is not None
        await host.close()

    asyncio.run(play())


def test_a_busy_database_is_waited_for_only_so_long(tmp_path: Path) -> None:
    import sqlite3

    host = Host(tmp_path / "shop.db", PROVIDERS)
    host.migrate()
    with sqlite3.connect(tmp_path / "shop.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with pytest.raises(Retry, match="busy"):
            host.handle(truemed.PaymentToken, KEY, CREATE)
        assert time.monotonic() - begun < 9
        other.execute("ROLLBACK")
    host.close()


async def forgets(host: AsyncHost, tx: Any) -> None:
    await host.handle(truemed.PaymentToken, OTHER, CREATE, tx=tx)
    host.handle(truemed.PaymentToken, KEY[:-1] + "3", CREATE, tx=tx)  # pyright: ignore[reportUnusedCoroutine]


async def begins(host: AsyncHost, tx: Any) -> None:
    asyncio.get_running_loop().create_task(host.handle(truemed.PaymentToken, OTHER, CREATE, tx=tx))
    await asyncio.sleep(0)


async def reads(host: AsyncHost, tx: Any) -> None:
    await host.handle(truemed.PaymentToken, OTHER, CREATE, tx=tx)
    host.get(truemed.PaymentToken, OTHER, tx=tx)  # pyright: ignore[reportUnusedCoroutine]


CHARGE = truemed.create_payment_session(
    payment_token="pt_1", order_items=CREATE["order_items"], total_amount=1500, intent="2026-12",
    success_url=CREATE["success_url"], failure_url=CREATE["failure_url"],
)  # fmt: skip
DECLINED = '{"payment_session_id": "ps_1", "error": "CardExpired", "redirect_url": "https://truemed.example/q/2"}'


async def send(request: Outgoing) -> Incoming:
    is_charge = request.operation == "create_payment_session"
    return Incoming(422, {}, DECLINED) if is_charge else Incoming(200, {}, REPLY)


@pytest.mark.parametrize("work", [forgets, begins, reads])
def test_a_call_that_nobody_awaits_rolls_the_transaction_back(source: tuple[str, str], work: Any, recwarn: Any) -> None:
    async def play() -> None:
        host = AsyncHost(source[0], PROVIDERS, schema=source[1], send=send)
        await host.migrate()
        with pytest.raises(HostError, match="transaction: .* was not awaited.*Write `await`"):
            await host.transaction(lambda tx: work(host, tx))
        assert await host.get(truemed.PaymentToken, OTHER) is None
        failing = list[str]()

        @host.on_tx("notify")
        async def mail(effect: Any, row: Any, tx: Any) -> None:
            failing.append(effect["id"])
            await work(host, tx)

        host.ignore("fulfill")
        host.ignore("access")
        await host.handle(truemed.PaymentToken, KEY, CREATE)
        await host.tick()
        await host.webhook("truemed", SIGNED, UPDATED)
        await host.tick()
        await host.handle(truemed.PaymentToken, KEY, CHARGE)
        await host.tick()
        # A handler that forgets it has failed.
        row = await host.get(truemed.PaymentToken, KEY)
        assert failing == ["notify:payment_failed:ps_1"] and row and [it["attempts"] for it in row.effects()] == [1]
        assert await host.get(truemed.PaymentToken, OTHER) is None
        await host.close()

    asyncio.run(play())
    assert [str(it.message) for it in recwarn.list if "never awaited" in str(it.message)] == []
