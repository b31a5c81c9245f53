"""What the suite does not say in JSON: connections of applications, the network, operators, and a worker that runs."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import rulebound
from conftest import CREATE, KEY
from host_suite import postgres_url, random_schema
from rulebound import truemed
from rulebound.host import (
    Account,
    AsyncHost,
    Hook,
    Host,
    HostError,
    Import,
    Incoming,
    NotSent,
    Outgoing,
    Provider,
    Retry,
)
from rulebound.host._send import LARGEST_BODY, AsyncHttpxSend, HttpxSend, prepare
from rulebound.host.cli import main
from rulebound.host.routes import starlette_routes

ROOT = Path(__file__).resolve().parents[3]
PROVIDERS = {"truemed": Provider(api_key="sk_1", webhook_secrets=["whsec"])}
REPLY = '{"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}'
UPDATED = b'{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}'
SIGNED = {"x-truemed-api-key": "whsec"}


def ready(host: Any) -> Any:
    for kind in ("notify", "fulfill", "access"):
        host.ignore(kind)
    return host


@pytest.fixture(params=["sqlite", "postgres"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URL and the schema of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shop.db'}", "public"
        return
    url, schema = postgres_url(), random_schema()
    if url is None:
        pytest.skip("RULEBOUND_TEST_POSTGRES is not set")
    import psycopg

    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE SCHEMA {schema}")
        yield url, schema
        db.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def host(source: tuple[str, str]) -> Iterator[Host]:
    made = ready(Host(source[0], PROVIDERS, schema=source[1], send=lambda _: Incoming(200, {}, REPLY)))
    made.migrate()
    yield made
    made.close()


def alchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


# Connections of an application.


def test_sqlalchemy_brings_its_own_transaction(host: Host, source: tuple[str, str]) -> None:
    import sqlalchemy
    from sqlalchemy.orm import Session

    engine = sqlalchemy.create_engine(alchemy_url(source[0]))
    with engine.connect() as tx:
        host.handle(truemed.PaymentToken, KEY, CREATE, tx=tx)
        tx.rollback()
    assert host.get(truemed.PaymentToken, KEY) is None
    with Session(engine) as session:
        host.handle(truemed.PaymentToken, KEY, CREATE, tx=session, reference="order-17")
        assert host.get(truemed.PaymentToken, KEY, tx=session) is not None
        session.commit()
    row = host.get(truemed.PaymentToken, KEY)
    assert row is not None and row.reference == "order-17"
    engine.dispose()


def test_a_host_on_the_engine_of_the_application(host: Host, source: tuple[str, str]) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(alchemy_url(source[0]))
    own = ready(Host(engine, PROVIDERS, schema=source[1], send=lambda _: Incoming(200, {}, REPLY)))
    with own.transaction() as tx:
        own.handle(truemed.PaymentToken, KEY, CREATE, tx=tx)
    assert own.tick().sent == ["create_payment_token"] and own.verify() == []
    own.close()
    engine.dispose()


def test_the_drivers_bring_their_own_transaction(host: Host, source: tuple[str, str]) -> None:
    if source[0].startswith("sqlite"):
        connection: Any = sqlite3.connect(source[0].removeprefix("sqlite:///"))
        connection.row_factory = lambda cursor, row: {"an": "object"}
    else:
        import psycopg
        from psycopg.rows import dict_row

        connection = psycopg.connect(source[0], row_factory=dict_row)
    host.handle(truemed.PaymentToken, KEY, CREATE, tx=connection)
    connection.rollback()
    assert host.get(truemed.PaymentToken, KEY) is None
    host.handle(truemed.PaymentToken, KEY, CREATE, tx=connection)
    connection.commit()
    assert host.get(truemed.PaymentToken, KEY) is not None
    connection.close()


def test_django_brings_its_own_transaction(host: Host, source: tuple[str, str]) -> None:
    program = f"""
import django
from django.conf import settings
name = {source[0].removeprefix("sqlite:///")!r}
settings.configure(DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": name}}}})
django.setup()
from django.db import connection, transaction
from rulebound import truemed
from rulebound.host import Host, HostError, Provider
host = Host("sqlite:///" + name, {{"truemed": Provider(api_key="sk_1")}})
try:
    host.handle(truemed.PaymentToken, {KEY!r}, {CREATE!r}, tx=connection)
except HostError:
    print("no transaction")
with transaction.atomic():
    host.handle(truemed.PaymentToken, {KEY!r}, {CREATE!r}, tx=connection)
"""
    if not source[0].startswith("sqlite"):
        pytest.skip("one database is enough for the adapter")
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stdout == "no transaction\n", ran.stderr
    assert host.get(truemed.PaymentToken, KEY) is not None


def test_asynchronous_connections_bring_their_own_transaction(host: Host, source: tuple[str, str]) -> None:
    async def play() -> None:
        own = AsyncHost(source[0], PROVIDERS, schema=source[1])
        if source[0].startswith("sqlite"):
            import aiosqlite

            connection: Any = await aiosqlite.connect(source[0].removeprefix("sqlite:///"))
        else:
            import psycopg

            connection = await psycopg.AsyncConnection.connect(source[0])
        await own.handle(truemed.PaymentToken, KEY, CREATE, tx=connection)
        await connection.rollback()
        assert await own.get(truemed.PaymentToken, KEY) is None
        await own.handle(truemed.PaymentToken, KEY, CREATE, tx=connection)
        await connection.commit()
        assert await own.get(truemed.PaymentToken, KEY) is not None
        await connection.close()
        await own.close()

    asyncio.run(play())


def test_a_connection_without_a_transaction_is_turned_away(host: Host, source: tuple[str, str]) -> None:
    if source[0].startswith("sqlite"):
        connection: Any = sqlite3.connect(source[0].removeprefix("sqlite:///"), isolation_level=None)
    else:
        import psycopg

        connection = psycopg.connect(source[0], autocommit=True)
    with pytest.raises(HostError, match="no transaction is open"):
        host.handle(truemed.PaymentToken, KEY, CREATE, tx=connection)
    with pytest.raises(HostError, match="not a connection that the host knows"):
        host.handle(truemed.PaymentToken, KEY, CREATE, tx=object())
    connection.close()
    assert host.get(truemed.PaymentToken, KEY) is None


def test_what_only_a_new_transaction_can_cure_is_done_again(host: Host) -> None:
    tries = list[int]()

    def once_busy(tx: Any) -> str:
        host.handle(truemed.PaymentToken, KEY, CREATE, tx=tx)
        tries.append(1)
        if len(tries) < 3:
            raise Retry("busy")
        return "done"

    assert host.transaction(once_busy) == "done" and len(tries) == 3
    row = host.get(truemed.PaymentToken, KEY)
    assert row is not None and row.revision == 1


def test_two_transactions_on_one_row_come_one_after_another(host: Host) -> None:
    results = list[Any]()

    def click() -> None:
        def both(tx: Any) -> Any:
            return host.handle(truemed.PaymentToken, KEY, CREATE, tx=tx)

        results.append(host.transaction(both).revision)

    threads = [threading.Thread(target=click) for _ in range(4)]
    for it in threads:
        it.start()
    for it in threads:
        it.join()
    assert len(results) == 4 and host.tick().sent == ["create_payment_token"] and host.verify() == []


# The network.


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(50):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
        elif self.path == "/redirect":
            self.send_response(302)
            self.send_header("location", "/elsewhere")
            self.end_headers()
        elif self.path == "/large":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * (LARGEST_BODY + 1))
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.headers["authorization"].encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    it = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=it.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{it.server_port}"
    it.shutdown()


def outgoing(url: str, timeout: float = 5) -> Outgoing:
    return Outgoing("GET", url, {"authorization": "sk_1"}, None, timeout, "truemed", "", "any")


def send(kind: str, it: Outgoing) -> Incoming:
    if kind == "blocking":
        sender = HttpxSend()
        try:
            return sender(it)
        finally:
            sender.close()

    async def play() -> Incoming:
        own = AsyncHttpxSend()
        try:
            return await own(it)
        finally:
            await own.close()

    return asyncio.run(play())


@pytest.mark.parametrize("kind", ["blocking", "awaiting"])
def test_the_transport(kind: str, server: str) -> None:
    got = send(kind, outgoing(f"{server}/any"))
    assert (got.status, got.body) == (200, b"sk_1")
    got = send(kind, outgoing(f"{server}/redirect"))
    assert (got.status, got.headers["location"]) == (302, "/elsewhere")
    with pytest.raises(NotSent):
        send(kind, outgoing("http://127.0.0.1:1/"))
    with pytest.raises(Exception, match=str(LARGEST_BODY + 1)[:4]):
        send(kind, outgoing(f"{server}/large"))
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        send(kind, outgoing(f"{server}/slow", timeout=0.5))
    assert time.monotonic() - begun < 2, "the deadline is not a total one"


def test_a_credential_goes_only_to_https_and_is_never_shown(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    sent = list[Outgoing]()

    def record(it: Outgoing) -> Incoming:
        sent.append(it)
        return Incoming(200, {}, REPLY)

    host._given_send = record
    host.handle(truemed.PaymentToken, KEY, CREATE)
    host.tick()
    assert [it.headers["x-truemed-api-key"] for it in sent] == ["sk_1"]
    assert "sk_1" not in repr(sent) + repr(PROVIDERS) + caplog.text
    credential = {"header": "x-truemed-api-key", "scheme": None}
    row = SimpleNamespace(flow="truemed.payment_token", key=KEY, account="")
    for url, may in (("http://elsewhere.example/", False), ("https://elsewhere.example/", True), ("http://127.0.0.1/", True)):
        request = {"method": "GET", "url": url, "headers": {}, "body": None, "credential": credential}
        work: Any = SimpleNamespace(row=row, request=request, effect={"operation": "any"})
        try:
            prepare(host._kit, work, Account("sk_1"))
            assert may, url
        except HostError:
            assert not may, url


# Web frameworks.


def test_the_routes_of_the_webhooks(source: tuple[str, str]) -> None:
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    vend = Provider(api_key="vk", config={"domain_prefix": "shop"}, webhook_token="a8Xk2")
    host = Host(source[0], {**PROVIDERS, "vend": vend}, schema=source[1])
    host.migrate()
    browser = TestClient(Starlette(routes=starlette_routes(host)))
    assert browser.post("/webhooks/truemed", content=UPDATED, headers=SIGNED).status_code == 204
    assert browser.post("/webhooks/truemed", content=UPDATED).status_code == 401
    assert browser.post("/webhooks/flex", content=UPDATED).status_code == 404
    assert browser.post("/webhooks/truemed", content=b" " * (LARGEST_BODY + 1), headers=SIGNED).status_code == 413
    hint = b'{"type": "partner.cancellation", "domain_prefix": "shop", "payload": {"subscription_id": "1"}}'
    assert browser.post("/webhooks/vend/a8Xk2", content=hint).status_code == 200
    assert browser.post("/webhooks/vend/guessed", content=hint).status_code == 404
    assert browser.post("/webhooks/vend", content=hint).status_code == 404
    assert browser.post("/webhooks/truemed/a/b", content=UPDATED, headers=SIGNED).status_code == 404
    host.close()


# Operators.


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"shop_{uuid.uuid4().hex}"
    monkeypatch.chdir(tmp_path)
    program = "from rulebound.host import Host, Provider\nhost = Host('sqlite:///s.db', {'truemed': Provider(api_key='k')})\n"
    (tmp_path / f"{name}.py").write_text(program)
    assert main(["verify", f"{name}:host"]) == 2
    assert "rulebound migrate" in capsys.readouterr().err
    assert main(["migrate", f"{name}:host", "--dry-run"]) == 0
    assert "CREATE TABLE rulebound_flows" in capsys.readouterr().out
    assert main(["doctor", f"{name}:host"]) == 1
    assert main(["migrate", f"{name}:host"]) == 0 and main(["doctor", f"{name}:host"]) == 0
    assert main(["doctor", f"{name}:host", "--restored", "2026-11-30T04:00:00Z"]) == 0
    assert main(["doctor", f"{name}:host", "--restored", "yesterday"]) == 2
    assert main(["verify", f"{name}:host"]) == 0
    assert main(["migrate", f"{name}:host", "--formats"]) == 0
    assert main(["worker", f"{name}:host"]) == 2 and "needs a handler" in capsys.readouterr().err
    assert main(["worker", "json:host"]) == 2


def test_the_doctor_finds_drift(host: Host) -> None:
    assert host.doctor() == []
    with host.transaction() as tx:
        prefix = host._dialect.prefix
        tx.execute(f"DROP INDEX {prefix}flows_reference")
        tx.execute(f"ALTER TABLE {prefix}pauses DROP COLUMN reason")
    found = " ".join(it.detail for it in host.doctor())
    assert "rulebound_flows_reference" in found and "`reason`" in found


def test_after_a_restored_backup_nothing_is_sent_again_blindly(host: Host) -> None:
    host.handle(truemed.PaymentToken, KEY, CREATE)
    restored = host.get(truemed.PaymentToken, KEY)
    assert restored is not None and host.doctor(restored=restored.created_at + 1) == []
    row = host.get(truemed.PaymentToken, KEY)
    assert row is not None and row.effects()[0]["leased_until"] is not None
    assert host.tick().sent == []


def test_imports_are_spread_and_idempotent(host: Host) -> None:
    rows = [
        Import(truemed.PaymentToken, f"import-{number:016}", truemed.retrieve_payment_token(payment_token=f"pt_{number}"))
        for number in range(120)
    ]
    assert host.import_(rows, per_second=10) == 120 and host.import_(rows) == 0
    first, last = (host.get(truemed.PaymentToken, rows[at].key) for at in (0, -1))
    assert first and last and first.wake_at and last.wake_at
    assert 10_000 < last.wake_at - first.wake_at < 14_000
    assert host.verify() == []


def test_what_is_old_is_pruned(source: tuple[str, str]) -> None:
    now = 1_700_000_000_000
    host = ready(Host(source[0], PROVIDERS, schema=source[1], clock=lambda: now, send=lambda _: Incoming(200, {}, REPLY)))
    host.migrate()
    host.handle(truemed.PaymentToken, KEY, CREATE)
    host.webhook("truemed", SIGNED, b'{"payment_token": "pt_unknown"}')
    assert host.stats().inbox_age_ms == 0
    now += 31 * 86_400_000
    assert host.stats().inbox_age_ms == 31 * 86_400_000 and host.stats().due == 1
    host._upkeep()
    assert host.stats().inbox_age_ms == 0 and host.verify() == []
    now += 401 * 86_400_000
    host._upkeep_at["prune"] = 0
    host._upkeep()
    with host.transaction() as tx:
        assert tx.execute(f"SELECT count(*) FROM {host._dialect.prefix}journal").fetchone()[0] == 0
    host.close()


def test_a_kit_that_cannot_write_the_format_of_everybody_does_not_start(host: Host, source: tuple[str, str]) -> None:
    host.handle(truemed.PaymentToken, KEY, CREATE)
    with host.transaction() as tx:
        tx.execute(f"UPDATE {host._dialect.prefix}formats SET format = 2")
    newer = Host(source[0], PROVIDERS, schema=source[1])
    with pytest.raises(HostError, match="format 2"):
        newer.get(truemed.PaymentToken, KEY)
    with pytest.raises(HostError, match="format 2"):
        host.run()
    newer.close()


def test_tables_of_a_newer_release_are_not_touched(host: Host, source: tuple[str, str]) -> None:
    with host.transaction() as tx:
        tx.execute(f"UPDATE {host._dialect.prefix}schema_version SET version = 2")
    Host(source[0], PROVIDERS, schema=source[1]).stats()  # the next version is readable
    with host.transaction() as tx:
        tx.execute(f"UPDATE {host._dialect.prefix}schema_version SET version = 3, readable_from = 2")
    with pytest.raises(HostError, match="Deploy a newer release"):
        Host(source[0], PROVIDERS, schema=source[1]).stats()


def test_mistakes_are_named(tmp_path: Path) -> None:
    for database in ("mysql://x", "sqlite://", "sqlite:///:memory:", 7):
        with pytest.raises(HostError, match="database"):
            Host(database, PROVIDERS)
    with pytest.raises(HostError, match="stripe"):
        Host(f"sqlite:///{tmp_path}/x.db", {"stripe": Provider(api_key="k")})
    with pytest.raises(HostError, match="api_key"):
        Host(f"sqlite:///{tmp_path}/x.db", {"truemed": Provider()})
    host = Host(f"sqlite:///{tmp_path}/x.db", PROVIDERS)
    with pytest.raises(HostError, match="`fulfill`"):
        host.tick()
    host.ignore("fulfill")
    with pytest.raises(HostError, match="already"):
        host.ignore("fulfill")
    with pytest.raises(HostError, match="truemed.nothing"):
        host.get("truemed.nothing", KEY)  # type: ignore[call-overload]


# A worker that runs.


def test_a_worker_of_several_threads_runs_and_leaves(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rulebound.host")
    running = threading.Thread(target=lambda: host.run(threads=3))
    running.start()
    keys = [str(uuid.uuid4()) for _ in range(10)]
    for key in keys:
        host.handle(truemed.PaymentToken, key, CREATE)
    _until(lambda: all(_facet(host, key) == "awaiting" for key in keys))
    begun = time.monotonic()
    host.stop()
    running.join(5)
    assert not running.is_alive() and time.monotonic() - begun < 5
    lines = [it for it in caplog.records if getattr(it, "rulebound", {}).get("kind") == "reply"]
    assert len(lines) == 10 and host.verify() == []


def test_an_asynchronous_worker_runs_and_leaves(host: Host, source: tuple[str, str]) -> None:
    most, now = [0], [0]

    async def slow(_: Outgoing) -> Incoming:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.2)
        now[0] -= 1
        return Incoming(200, {}, REPLY)

    async def play() -> None:
        own = ready(AsyncHost(source[0], PROVIDERS, schema=source[1], send=slow))
        running = asyncio.create_task(own.run(concurrency=5))
        keys = [str(uuid.uuid4()) for _ in range(10)]
        for key in keys:
            await own.handle(truemed.PaymentToken, key, CREATE)
        async with asyncio.timeout(20):
            while (await own.stats()).due or any([(await _facet_of(own, key)) != "awaiting" for key in keys]):
                await asyncio.sleep(0.05)
        own.stop()
        async with asyncio.timeout(5):
            await running
        await own.close()

    asyncio.run(play())
    assert most[0] > 1, "the rows were worked on one after another"


def test_a_handler_that_hangs_is_lost(source: tuple[str, str]) -> None:
    host = Host(source[0], PROVIDERS, schema=source[1], send=lambda _: Incoming(422, {}, FAILED))
    host.migrate()
    host.ignore("fulfill")
    host.ignore("access")
    hangs = threading.Event()

    @host.on("notify", timeout=0.2)
    def mail(effect: Any, row: Any) -> None:
        hangs.wait(5)

    _issue(host)
    charge = truemed.create_payment_session(
        intent="1", payment_token="pt_1", total_amount=1500, order_items=CREATE["order_items"],
        success_url="https://shop.example/ok", failure_url="https://shop.example/no",
    )  # fmt: skip
    host.handle(truemed.PaymentToken, KEY, charge)
    host.tick()
    hangs.set()
    row = host.get(truemed.PaymentToken, KEY)
    assert row is not None
    (effect,) = row.effects()
    assert effect["type"] == "notify" and not effect["ready"] and effect["attempts"] == 1
    host.close()


FAILED = '{"error": "CardExpired", "payment_session_id": "ps_1", "redirect_url": "https://truemed.example/r/1"}'


def _issue(host: Host) -> None:
    """A token that can be charged; its reply is given by another transport."""
    given, host._given_send = host._given_send, lambda _: Incoming(200, {}, REPLY)
    host.handle(truemed.PaymentToken, KEY, CREATE)
    host.tick()
    assert host.webhook("truemed", SIGNED, UPDATED) == 204
    host.tick()
    host._given_send = given


def _facet(host: Host, key: str) -> str:
    row = host.get(truemed.PaymentToken, key)
    return "" if row is None else row.status()["facets"]["token"]


async def _facet_of(host: AsyncHost, key: str) -> str:
    row = await host.get(truemed.PaymentToken, key)
    return "" if row is None else row.status()["facets"]["token"]


def _until(is_true: Any, seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


def test_the_index_is_used_beside_many_waiting_rows(host: Host, source: tuple[str, str]) -> None:
    from rulebound.host._visit import _PICK

    sql = host._dialect.compile(_PICK, source[0].startswith("sqlite"))
    explain = "EXPLAIN QUERY PLAN " if source[0].startswith("sqlite") else "EXPLAIN "
    with host.transaction() as tx:
        if explain == "EXPLAIN ":
            tx.execute("SET LOCAL enable_seqscan = off")  # the table is empty
        plan = str(tx.execute(explain + sql, (None if host._dialect.own_clock else 1,)).fetchall())
    assert "rulebound_flows_wake_at" in plan and "SORT" not in plan.upper(), plan
    assert "Filter" not in plan, plan


def test_the_package_has_the_files_of_the_contract() -> None:
    own = Path(rulebound.host.__file__).parent / "_files"
    for folder in ("dashboard", "sql/sqlite", "sql/postgres"):
        there = {it.name: it.read_bytes() for it in (ROOT / "host" / folder).iterdir() if it.is_file()}
        assert there == {it.name: it.read_bytes() for it in (own / folder).iterdir() if it.is_file()}


def test_a_hook_does_nothing_by_itself() -> None:
    begun = time.monotonic()
    Hook().checkpoint("leased")
    Hook().sleep(0.01)
    assert Hook().monotonic() >= begun
