"""The suite of the host kits, on the host that blocks and the one that awaits, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from host_suite import Runner, at_once, postgres_url, random_schema, scenarios
from host_world import World
from rulebound.host import AsyncHook, AsyncHost, Hook, Host
from rulebound.host._database import connect_sqlite

URL = postgres_url()
DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.skipif(URL is None, reason="RULEBOUND_TEST_POSTGRES is not set"))]


class Flaky:
    """A database that is away when the scenario says so."""

    def __init__(self, inner: Any, world: World) -> None:
        self.inner, self.world, self.kind = inner, world, inner.kind

    @contextmanager
    def begin(self, dialect: Any) -> Iterator[Any]:
        self.world.check_database()
        with self.inner.begin(dialect) as tx:
            yield tx

    def close(self) -> None:
        self.inner.close()


class AsyncFlaky(Flaky):
    async def run(self, dialect: Any, make: Any) -> Any:
        self.world.check_database()
        return await self.inner.run(dialect, make)

    @asynccontextmanager
    async def begin(self, dialect: Any) -> AsyncIterator[Any]:  # type: ignore[override]
        self.world.check_database()
        async with self.inner.begin(dialect) as tx:
            yield tx

    async def close(self) -> None:  # type: ignore[override]
        await self.inner.close()


class Bench:
    """One empty database, and the hosts on it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.schema = kind, random_schema()
        self.source = f"sqlite:///{folder / 'shop.db'}" if kind == "sqlite" else URL
        self.hosts: list[Any] = []
        if kind == "sqlite":
            self.connection: Any = connect_sqlite(str(folder / "shop.db"))
        else:
            import psycopg

            self.connection = psycopg.connect(str(URL), autocommit=True)
            self.connection.execute(f"CREATE SCHEMA {self.schema}")
        setup = Host(self.source, {}, schema=self.schema)
        setup.migrate()
        self.dialect = setup._dialect
        setup.close()
        self.query("CREATE TABLE {p}handled (id text)", ())

    def query(self, sql: str, params: Any) -> list[Any]:
        cursor = self.connection.execute(self.dialect.compile(sql, self.kind == "sqlite"), params)
        return cursor.fetchall() if cursor.description else []

    def host(self, runner: Runner) -> Host:
        class Tested(Hook):
            def checkpoint(self, name: str) -> None:
                at_once(runner.reach(name))

            def monotonic(self) -> float:
                return runner.world.steady

            def sleep(self, seconds: float) -> None:
                runner.world.advance(int(seconds * 1000))

        clock = lambda: runner.world.now  # noqa: E731
        send = runner.world.reply
        host = Host(self.source, runner.providers(), clock=clock, schema=self.schema, send=send, hook=Tested())
        host._database = Flaky(host._database, runner.world)
        self.hosts.append(host)
        return host

    def async_host(self, runner: Runner) -> AsyncHost:
        class Tested(AsyncHook):
            async def checkpoint(self, name: str) -> None:
                await runner.reach(name)

            def monotonic(self) -> float:
                return runner.world.steady

            async def sleep(self, seconds: float) -> None:
                runner.world.advance(int(seconds * 1000))

        async def send(it: Any) -> Any:
            return runner.world.reply(it)

        clock = lambda: runner.world.now  # noqa: E731
        host = AsyncHost(self.source, runner.providers(), clock=clock, schema=self.schema, send=send, hook=Tested())
        host._database = AsyncFlaky(host._database, runner.world)
        self.hosts.append(host)
        return host

    def close(self) -> None:
        if self.kind == "postgres":
            self.connection.execute(f"DROP SCHEMA {self.schema} CASCADE")
        self.connection.close()


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("kit", ["sync", "async"])
@pytest.mark.parametrize("scenario", [pytest.param(it, id=f"{file}: {it['name']}") for file, it in scenarios()])
def test_scenario(scenario: Any, kit: str, database: str, tmp_path: Path) -> None:
    if database not in scenario.get("databases", ["sqlite", "postgres"]):
        pytest.skip(f"this scenario is not for {database}")
    bench = Bench(database, tmp_path)
    signal.signal(signal.SIGALRM, _does_not_end)
    signal.alarm(30)
    try:
        if kit == "sync":
            at_once(Runner(scenario, World(), bench.host, bench.query).run())
            for host in bench.hosts:
                host.close()
        else:
            asyncio.run(_run_async(scenario, bench))
    finally:
        signal.alarm(0)
        bench.close()


def _does_not_end(*_: Any) -> None:
    raise TimeoutError("the scenario does not end")


async def _run_async(scenario: Any, bench: Bench) -> None:
    try:
        await Runner(scenario, World(), bench.async_host, bench.query).run()
    finally:
        for host in bench.hosts:
            await host.close()
