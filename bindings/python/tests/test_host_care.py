"""What people do to a host that runs: each mistake gets a clear error, and nothing is lost."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rulebound
from conftest import CREATE, KEY
from host_fixtures import PROVIDERS, REPLY, SIGNED, UPDATED, ready
from rulebound import flex, truemed
from rulebound.host import Account, AsyncHost, Host, HostError, Import, Incoming, NoReview, Outgoing, Provider, UnknownRow, Visitor
from rulebound.host._adapters import outage
from rulebound.host._sql import Script, Statement
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


def sends(kind: Any, status: int, body: str) -> Any:
    """A transport that replies so to everything."""
    reply = Incoming(status, {}, body)

    async def send(_: Any) -> Incoming:
        return reply

    return send if kind is AsyncHost else lambda _: reply


async def execute(host: Any, text: str) -> Any:
    """The rows of a statement on the kit's own tables."""

    def script() -> Script[Any]:
        result = yield Statement(text)
        return result.rows if text.startswith("SELECT") else None

    return await done(host._run(script))


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


@both
def test_an_entry_that_raised_is_offered_again_when_it_has_rested(kind: Any, source: tuple[str, str], caplog: Any) -> None:
    now = [1_700_000_000_000]

    async def run() -> None:
        host = ready(kind(source[0], PROVIDERS, schema=source[1], send=sends(kind, 200, REPLY), clock=lambda: now[0]))
        await done(host.migrate())
        await done(host.handle(truemed.PaymentToken, KEY, CREATE))
        await done(host.tick())
        assert await done(host.webhook("truemed", SIGNED, UPDATED)) == 204
        await execute(host, "UPDATE {p}inbox SET origin = 'nonsense'")
        await done(host.tick())
        rest = [(1, now[0] + 3_600_000)]
        assert await execute(host, "SELECT tries, wake_at FROM {p}inbox") == rest and "cannot be applied" in caplog.text
        await execute(host, "UPDATE {p}inbox SET origin = 'verified'")
        await done(host.tick())
        assert await execute(host, "SELECT tries, wake_at FROM {p}inbox") == rest
        now[0] += 3_600_000
        await done(host.tick())
        assert await execute(host, "SELECT tries FROM {p}inbox") == []
        row = await done(host.get(truemed.PaymentToken, KEY))
        assert row.status()["facets"]["token"] == "issued"
        await done(host.close())

    asyncio.run(run())


@both
def test_a_person_looks_at_a_row_at_once_and_the_journal_says_who(kind: Any, source: tuple[str, str]) -> None:
    now = [1_700_000_000_000]

    async def run() -> None:
        host = ready(kind(source[0], PROVIDERS, schema=source[1], send=sends(kind, 401, ""), clock=lambda: now[0]))
        await done(host.migrate())
        await done(host.handle(truemed.PaymentToken, KEY, CREATE))
        await done(host.tick())
        assert (await done(host.stats())).accounts_paused == 1
        await execute(host, "UPDATE {p}flows SET tries = 3, last_error = 'RowError'")
        now[0] += 5
        await done(host.retry(truemed.PaymentToken, KEY, actor="ada"))
        row = await done(host.get(truemed.PaymentToken, KEY))
        assert (row.tries, row.last_error, row.wake_at) == (0, None, now[0])
        assert (await done(host.stats())).accounts_paused == 0
        assert await execute(host, "SELECT actor FROM {p}journal WHERE kind = 'retry'") == [("ada",)]
        with pytest.raises(UnknownRow):
            await done(host.retry(truemed.PaymentToken, KEY[:-1] + "9"))
        await done(host.close())

    asyncio.run(run())


@both
def test_a_verdict_has_an_id_exactly_if_it_needs_one(kind: Any, source: tuple[str, str]) -> None:
    now = [1_700_000_000_000]
    session = {
        "checkout_session_id": "fcs_5", "status": "open", "mode": "off_session", "amount_total": 4999, "amount_subtotal": 4999,
        "created_at": now[0] // 1000, "expires_at": now[0] // 1000 + 3600, "redirect_url": "https://pay.example/c/5",
        "client_reference_id": None, "customer": None, "subscription": None, "invoice": None, "test_mode": False,
    }  # fmt: skip
    found = json.dumps({"checkout_sessions": [session]})

    def send(request: Any) -> Incoming:
        if request.operation != "find_checkout_session":
            raise ConnectionError("lost")
        return Incoming(200, {}, found)

    async def send_async(request: Any) -> Incoming:
        return send(request)

    async def run() -> None:
        flex_ = {"flex": Provider("fsk_1", webhook_secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])}
        host = ready(kind(source[0], flex_, schema=source[1], send=send if kind is Host else send_async, clock=lambda: now[0]))
        await done(host.migrate())
        checkout = flex.create_checkout_session(
            mode="off_session", line_items=[{"price": "fprice_1", "quantity": 1}], success_url="https://shop.example/ok",
            cancel_url="https://shop.example/no", expected_total=4999, customer="fcus_1", payment_method="fpm_1",
        )  # fmt: skip
        await done(host.handle(flex.Checkout, KEY, checkout))
        await done(host.tick())
        now[0] += 420_000
        await done(host.tick())
        ((review,),) = [it.reviews for it in (await done(host.reviews())).rows]
        for verdict, id, says in [(it["verdict"], None if it["needs_id"] else "x", it) for it in review["verdicts"]]:
            if says["needs_id"] or not says["takes_id"]:
                with pytest.raises(NoReview, match="needs the id of" if says["needs_id"] else "takes no id") as error:
                    await done(host.answer(flex.Checkout, KEY, review["id"], verdict, id=id))
                assert error.value.code == "id"
        await done(host.close())

    asyncio.run(run())


def test_a_rejection_is_logged_with_who_was_rejected(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    charge = truemed.create_payment_session(
        payment_token="pt_1", order_items=CREATE["order_items"], total_amount=1500, intent="2026-12",
        success_url=CREATE["success_url"], failure_url=CREATE["failure_url"],
    )  # fmt: skip
    with caplog.at_level(logging.INFO, "rulebound.host"), host.transaction() as tx, pytest.raises(rulebound.Rejected) as rejected:
        host.handle(truemed.PaymentToken, KEY, charge, tx=tx, actor="ada")
    (about,) = [it.__dict__["rulebound"] for it in caplog.records if "rulebound" in it.__dict__]
    rules = [it["rule"] for it in rejected.value.violations]
    assert about == {"flow": "truemed.payment_token", "key": KEY, "command": "create_payment_session", "actor": "ada", "rules": rules}


@both
def test_a_time_in_seconds_is_refused_once_and_not_row_by_row(kind: Any, source: tuple[str, str], host: Host) -> None:
    async def call() -> None:
        used = kind(source[0], PROVIDERS, schema=source[1])
        with pytest.raises(HostError, match="restored: 1700000000 looks like seconds since 1970. Give milliseconds."):
            await done(used.doctor(restored=1_700_000_000))
        await done(used.close())

    asyncio.run(call())
    with pytest.raises(HostError, match="clock: 1700000000 looks like seconds"):
        kind(source[0], PROVIDERS, schema=source[1], clock=lambda: 1_700_000_000)


def test_a_module_that_raises_is_no_problem_that_doctor_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"shop_{uuid.uuid4().hex}"
    (tmp_path / f"{name}.py").write_text("raise OSError('the clock is away')\n")
    assert main(["doctor", f"{name}:host"]) == 2
    told = capsys.readouterr().err
    assert f"rulebound: `import {name}` failed:" in told and f'{name}.py", line 1' in told and "OSError: the clock is away" in told


@both
def test_a_request_of_no_row_is_sent_with_the_accounts_key(kind: Any, source: tuple[str, str]) -> None:
    sent = list[Outgoing]()
    status = 200

    def send(it: Outgoing) -> Incoming:
        sent.append(it)
        return Incoming(status, body=b'{"payment_tokens": []}')

    async def send_later(it: Outgoing) -> Incoming:
        return send(it)

    asked = list[str]()

    def lookup(name: str) -> Account | None:
        asked.append(name)
        return Account(api_key=f"key of {name}") if name == "eu" else None

    async def call() -> None:
        nonlocal status
        providers = {"truemed": Provider(api_key="sk_1", account=lookup)}
        host = kind(source[0], providers, schema=source[1], send=send if kind is Host else send_later)
        request = truemed.list_payment_token(query={"page": 2}, settings={"environment": "staging"})
        assert (await done(host.send_request("truemed", request))).body == b'{"payment_tokens": []}'
        await done(host.send_request("truemed", request, account="eu"))
        assert [it.headers["x-truemed-api-key"] for it in sent] == ["sk_1", "key of eu"] and "page=2" in sent[0].url
        status = 401
        assert (await done(host.send_request("truemed", request, account="eu"))).status == 401
        await done(host.send_request("truemed", request, account="eu"))
        assert asked == ["eu", "eu"], "after a 401 the account is looked up again"
        for wrong, message in (
            (("flex", request), "The host has no provider `flex`"),
            (("truemed", {"request": request}), "`request` is no request"),
            (("truemed", {**request, "sending": 1}), "which only a worker sends"),
            (("truemed", {**request, "url": "http://shop.example"}), "a credential is sent only with https"),
        ):
            with pytest.raises(HostError, match=message):
                await done(host.send_request(*wrong))
        with pytest.raises(HostError, match="has no account `us`"):
            await done(host.send_request("truemed", request, account="us"))
        assert len(sent) == 4
        await done(host.close())

    asyncio.run(call())
