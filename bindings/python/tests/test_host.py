"""What the suite does not say in JSON: connections of applications, the network and the routes."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import CREATE, KEY
from host_fixtures import PROVIDERS, REPLY, SIGNED, UPDATED, ready
from rulebound import truemed
from rulebound.host import Account, AsyncHost, Host, HostError, Incoming, NotSent, Outgoing, Provider, Retry
from rulebound.host._send import LARGEST_BODY, AsyncHttpxSend, HttpxSend, prepare
from rulebound.host.routes import starlette_routes


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
    of: Any = {"flow": "truemed.payment_token", "key": KEY, "account": "", "provider": "truemed"}
    for url, may in (("http://elsewhere.example/", False), ("https://elsewhere.example/", True), ("http://127.0.0.1/", True)):
        request = {"method": "GET", "url": url, "headers": {}, "body": None, "credential": credential}
        work: Any = SimpleNamespace(**of, request=request, effect={"operation": "any"})
        try:
            prepare(host._kit, work, Account("sk_1"))
            assert may, url
        except HostError:
            assert not may, url


def test_limits_and_named_statements_that_cannot_be() -> None:
    for wrong in (0, -1, 1.5):
        with pytest.raises(HostError, match="providers/truemed/max_in_flight: .* at least 1"):
            Host("sqlite:///shop.db", {"truemed": Provider("k", max_in_flight=wrong)})  # type: ignore[arg-type]
    host = Host("sqlite:///shop.db", {"truemed": Provider(account=lambda name: Account("k", max_per_second=0))})
    with pytest.raises(HostError, match="providers/truemed/accounts/east/max_per_second: 0 is not"):
        host.handle(truemed.PaymentToken, KEY, CREATE, account="east")
    with pytest.raises(HostError, match="named_statements: they are for a direct connection"):
        Host("sqlite:///shop.db", PROVIDERS, named_statements=True)


def test_named_statements(source: tuple[str, str]) -> None:
    if not source[0].startswith("postgres"):
        pytest.skip("SQLite has none")
    host = Host(source[0], PROVIDERS, schema=source[1], send=lambda _: Incoming(200, {}, REPLY), named_statements=True)
    for kind in ("notify", "fulfill", "access"):
        host.ignore(kind)  # type: ignore[arg-type]
    host.migrate()
    for number in range(3):
        host.handle(truemed.PaymentToken, f"{KEY[:-1]}{number}", CREATE)
    assert host.tick().sent == ["create_payment_token"] * 3
    with host._database.begin(host._dialect) as tx:
        (names,) = tx.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%rulebound_flows%'").fetchone()
    assert names > 0 and host.verify() == []
    host.close()


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
