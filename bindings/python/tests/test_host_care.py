"""What people do to a host that runs: each mistake gets a clear error, and nothing is lost."""

from __future__ import annotations

import asyncio
import inspect
import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import CREATE, KEY
from host_fixtures import PROVIDERS, SIGNED, UPDATED, ready
from rulebound import truemed
from rulebound.host import AsyncHost, Host, HostError, Import, NoReview, Provider, Visitor
from rulebound.host._adapters import outage
from rulebound.host.cli import main

both = pytest.mark.parametrize("kind", [Host, AsyncHost])


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Any]]:
    """A module with a host, as the command line finds it, and a function that writes it."""
    name = f"shop_{uuid.uuid4().hex}"
    monkeypatch.chdir(tmp_path)

    def write(kind: str, source: tuple[str, str]) -> None:
        made = f"host = {kind}({source[0]!r}, {{'truemed': Provider(api_key='k')}}, schema={source[1]!r})\n"
        (tmp_path / f"{name}.py").write_text(f"from rulebound.host import {kind}, Provider\n{made}")

    yield name, write


async def done(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


@both
def test_migrate_and_doctor_say_what_is_missing_and_how_it_comes_back(
    kind: Any, program: Any, source: tuple[str, str], host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    name, write = program
    write(kind.__name__, source)
    assert main(["migrate", f"{name}:host"]) == 0 and "The tables are complete." in capsys.readouterr().out
    prefix = host._dialect.prefix
    with host.transaction() as tx:
        tx.execute(f"DROP INDEX {prefix}flows_reference")
        tx.execute(f"ALTER TABLE {prefix}pauses DROP COLUMN reason")
    assert main(["migrate", f"{name}:host"]) == 1
    out = capsys.readouterr().out
    assert "The tables are complete." not in out and "`rulebound_flows_reference` is missing. Execute: CREATE INDEX" in out
    assert f"ALTER TABLE {prefix}pauses ADD COLUMN reason" in out
    assert main(["doctor", f"{name}:host"]) == 1 and "Execute: CREATE INDEX" in capsys.readouterr().out


def test_a_column_that_is_missing_is_no_database_that_is_away(host: Host) -> None:
    with pytest.raises(Exception) as missing, host.transaction() as tx:
        tx.execute(f"SELECT absent FROM {host._dialect.prefix}flows")
    assert "Run `rulebound doctor`" in outage(missing.value)
    assert outage(ConnectionError("refused")).startswith("The database is away")


@both
def test_only_an_open_review_is_answered_and_only_with_its_verdicts(kind: Any, source: tuple[str, str]) -> None:
    async def run() -> None:
        host = ready(kind(source[0], PROVIDERS, schema=source[1]))
        await done(host.migrate())
        await done(host.handle(truemed.PaymentToken, KEY, CREATE))
        before = await done(host.get(truemed.PaymentToken, KEY))
        with pytest.raises(NoReview, match="no open review `review:1`") as error:
            await done(host.answer(truemed.PaymentToken, KEY, "review:1", "never_happened"))
        assert error.value.code == "review"
        after = await done(host.get(truemed.PaymentToken, KEY))
        assert after.revision == before.revision
        await done(host.close())

    asyncio.run(run())


@both
def test_a_connection_that_died_while_it_was_idle_is_replaced(kind: Any, source: tuple[str, str]) -> None:
    if source[0].startswith("sqlite"):
        pytest.skip("SQLite has no server")
    import psycopg

    async def run() -> None:
        host = ready(kind(source[0], PROVIDERS, schema=source[1]))
        await done(host.migrate())
        for connection in host._database._pool._idle if kind is Host else host._database._idle:
            with psycopg.connect(source[0], autocommit=True) as db:
                db.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        if kind is Host:
            assert host.transaction(lambda tx: tx.execute("SELECT 1").fetchone()) == (1,)
        else:
            async with host.transaction() as tx:
                assert await (await tx.execute("SELECT 1")).fetchone() == (1,)
        await done(host.close())

    asyncio.run(run())


@both
def test_an_import_begins_nothing_new(kind: Any, source: tuple[str, str]) -> None:
    async def run() -> None:
        host = ready(kind(source[0], PROVIDERS, schema=source[1]))
        await done(host.migrate())
        adoption = Import(truemed.PaymentToken, f"import-{1:016}", truemed.retrieve_payment_token(payment_token="pt_1"))
        with pytest.raises(HostError, match="`create_payment_token` is no lookup"):
            await done(host.import_([adoption, Import(truemed.PaymentToken, KEY, CREATE)]))
        assert await done(host.get(truemed.PaymentToken, adoption.key)) is None
        await done(host.close())

    asyncio.run(run())


@both
def test_an_entry_is_dropped_unless_a_row_needs_it(kind: Any, source: tuple[str, str]) -> None:
    async def run() -> None:
        host = ready(kind(source[0], PROVIDERS, schema=source[1]))
        await done(host.migrate())
        assert await done(host.webhook("truemed", SIGNED, b"not readable")) in (200, 204)
        from rulebound.host import _admin

        listed = await done(host._run(lambda: _admin.listed(host._kit, "inbox", None)))
        (entry,) = listed["entries"]
        await done(host.drop_entry(entry["id"]))
        assert (await done(host.stats())).inbox_age_ms == 0
        with pytest.raises(HostError, match="has no entry"):
            await done(host.drop_entry(entry["id"]))
        await done(host.close())

    asyncio.run(run())


def test_an_entry_that_a_row_has_yet_to_apply_is_not_dropped(host: Host) -> None:
    host.handle(truemed.PaymentToken, KEY, CREATE)
    host.tick()
    host.webhook("truemed", SIGNED, UPDATED)
    from rulebound.host import _admin

    (entry,) = host._run(lambda: _admin.listed(host._kit, "inbox", None))["entries"]
    with pytest.raises(HostError, match="has yet to apply it"):
        host.drop_entry(entry["id"])


@both
def test_the_command_line_is_clear(
    kind: Any, program: Any, source: tuple[str, str], host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    name, write = program
    write(kind.__name__, source)
    host.handle(truemed.PaymentToken, KEY, CREATE)
    assert main(["worker", "no_such_shop:host"]) == 2
    assert "there is no module `no_such_shop` here" in capsys.readouterr().err
    assert main(["doctor", f"{name}:host", "--restored", "2999-01-01T00:00:00Z"]) == 2
    assert "in the future" in capsys.readouterr().err
    assert main(["doctor", f"{name}:host", "--restored", "2020-01-01T00:00:00Z"]) in (0, 1)  # 1 if the test's cluster has no fsync
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("1 rows count each open request as sent, with an unknown outcome")
    assert [it for it in told[1:-1] if not it.startswith("database `fsync`")] == []
    for it in ("httpx", "httpx2"):
        assert not logging.getLogger(it).isEnabledFor(logging.INFO)


@both
def test_access_may_be_async(kind: Any, source: tuple[str, str]) -> None:
    asked = list[Visitor]()

    async def access(visitor: Visitor) -> Any:
        asked.append(visitor)
        return "forbidden"

    host = kind(source[0], {"truemed": Provider("k")}, schema=source[1], send=None)
    sent = list[Any]()

    async def run() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"cookie", b"a=1")]}
        await host.dashboard(access)(scope, None, send)
        await done(host.close())

    asyncio.run(run())
    assert sent[0]["status"] == 403 and asked[0].headers["cookie"] == "a=1"
