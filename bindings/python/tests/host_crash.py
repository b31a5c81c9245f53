"""Workers that are killed at random checkpoints, against the simulator: nothing is paid twice, lost or left asleep.

`python tests/host_crash.py --flows 1000` is the full run. `RULEBOUND_TEST_POSTGRES` and `--database postgres` choose PostgreSQL.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import rulebound
from rulebound import truemed
from rulebound.host import Hook, Host, Provider
from rulebound.testing import Simulator

FASTER = 20
"""How much faster the hosts' clock goes: a lease of a killed worker ends in some seconds."""
TIMEOUT = 2
B12: Any = {"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}
URLS: Any = {"success_url": "http://shop.test/ok", "failure_url": "http://shop.test/no"}
TOKEN = "truemed.payment_token"


def open_host(settings: Any, hook: Hook | None = None) -> Host:
    def clock() -> int:
        return int(settings["began_at"] + (time.time() - settings["began"]) * 1000 * FASTER)

    provider = Provider(
        api_key="any", webhook_secrets=["whsec"], config={"base_url": settings["base_url"]}, timeout=TIMEOUT
    )
    host = Host(settings["database"], {"truemed": provider}, clock=clock, schema=settings["schema"], hook=hook)
    mark = "?" if host._dialect.name == "sqlite" else "%s"
    table = f"{host._dialect.prefix}delivered"

    @host.on_tx("fulfill")
    def deliver(effect: Any, row: Any, tx: Any) -> None:
        tx.execute(f"INSERT INTO {table} VALUES ({mark})", (effect["id"],))

    @host.on("notify")
    def mail(effect: Any, row: Any) -> None:
        pass

    host.ignore("access")
    return host


class Deadly(Hook):
    """Kills its own process at one in `odds` checkpoints, as a power cut does."""

    def __init__(self, odds: int) -> None:
        self.odds = odds

    def checkpoint(self, name: str) -> None:
        if self.odds and random.randrange(self.odds) == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def worker(settings: Any) -> None:
    logging.disable(logging.ERROR)
    host = open_host(settings, Deadly(settings["odds"]))
    signal.signal(signal.SIGTERM, lambda *_: host.stop())
    host.run()


class Workers:
    """Processes that are started again whenever one of them was killed."""

    def __init__(self, settings: Any, count: int) -> None:
        self.settings, self.kills, self.ends = settings, 0, False
        self.processes = [self._start() for _ in range(count)]
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _start(self) -> Any:
        return subprocess.Popen([sys.executable, __file__, "--worker", json.dumps(self.settings)])

    def _watch(self) -> None:
        while not self.ends:
            for index, it in enumerate(self.processes):
                if it.poll() is not None and not self.ends:
                    assert it.returncode == -signal.SIGKILL, f"a worker ended with {it.returncode}"
                    self.kills += 1
                    self.processes[index] = self._start()
            time.sleep(0.05)

    def stop(self) -> None:
        self.ends = True
        self.thread.join()
        for it in self.processes:
            it.terminate()
        for it in self.processes:
            it.wait()


def receiver(host: Host) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(host.webhook("truemed", list(self.headers.items()), body))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def rows(host: Host, keys: list[str]) -> dict[str, Any]:
    found = {key: host.get(truemed.PaymentToken, key) for key in keys}
    assert all(found.values())
    return found


def drive(host: Host, world: Any, keys: list[str], seconds: float) -> None:
    """The shop and its customers: each subscribes, finishes the survey, and is charged once."""
    ends, finished, charged = time.monotonic() + seconds, set[str](), set[str]()
    left = set(keys)
    while left and time.monotonic() < ends:
        for key in sorted(left):
            row = host.get(truemed.PaymentToken, key)
            status = row.status() if row else None
            assert row is not None and status is not None
            if status["customer_url"] and key not in finished and status["facets"]["token"] == "awaiting":
                world.act("finish", url=status["customer_url"])
                finished.add(key)
            elif status["facets"]["token"] == "issued" and key not in charged:
                charge = truemed.create_payment_session(
                    intent="2026-12", payment_token=str(status["payment_token"]), total_amount=1500, order_items=[B12], **URLS
                )
                for _ in range(2):  # a double click
                    host.handle(truemed.PaymentToken, key, charge)
                charged.add(key)
            elif status["payment_session_id"] and not row.effects() and not row.waiting_for():
                left.discard(key)
        world.advance(ms=600_000)
        time.sleep(0.2)
    if left:
        key = min(left)
        row = rows(host, [key])[key]
        told = {"row": row, "status": row.status(), "effects": row.effects(), "waits": row.waiting_for()}
        raise AssertionError(f"{len(left)} flows did not end: {told}")


def check(host: Host, world: Any, keys: list[str], query: Any) -> dict[str, int]:
    """The provider's own books beside the shop's."""
    sessions = world.ledger("truemed")["payment_sessions"]
    captured = [it for it in sessions if it["status"] == "captured"]
    assert sum(it["captured_amount"] for it in captured) == 1500 * len(keys), "the money is not what was to be paid"
    sent = [it for it in world.journal(operation="create_payment_session")]
    by_flow: dict[str, set[str]] = {}
    for it in sent:
        body = it["body"] if isinstance(it["body"], dict) else json.loads(it["body"])
        by_flow.setdefault(body["payment_token"], set()).add(body["idempotency_key"])
    assert all(len(names) == 1 for names in by_flow.values()), "an intent was sent under two keys"
    delivered = Counter(row[0] for row in query(f"SELECT id FROM {host._dialect.prefix}delivered"))
    paid = {f"fulfill:{it['id']}" for it in captured}
    assert set(delivered) == paid and set(delivered.values()) == {1}, "not everything that is paid was delivered once"
    for row in rows(host, keys).values():
        work = [it for it in row.effects() if it["type"] != "review"]
        assert row.wake_at is not None or not (work or row.waiting_for()), f"{row.key} is asleep with work"
    assert host.verify() == []
    return {"flows": len(keys), "requests": len(sent), "delivered": len(delivered)}


def play(database: str, schema: str, count: int, workers: int, odds: int, seconds: float, query: Any) -> dict[str, int]:
    with Simulator() as simulator:
        world = simulator.world(seed="crash")
        settings = {
            "database": database, "schema": schema, "base_url": world.base_url("truemed"), "odds": odds,
            "began": time.time(), "began_at": world.now(),
        }  # fmt: skip
        host = open_host(settings)
        host.migrate()
        query(f"CREATE TABLE {host._dialect.prefix}delivered (id text)")
        server = receiver(host)
        world.endpoints([{"url": f"http://127.0.0.1:{server.server_port}/", "provider": "truemed", "secret": "whsec"}])
        world.chaos(7, 100)
        keys = [str(uuid.uuid4()) for _ in range(count)]
        for key in keys:
            host.handle(truemed.PaymentToken, key, truemed.create_payment_token(order_items=[B12], **URLS), reference=key[:8])
        running = Workers(settings, workers)
        try:
            drive(host, world, keys, seconds)
        finally:
            running.stop()
            server.shutdown()
        result = check(host, world, keys, query) | {"kills": running.kills}
        host.close()
        return result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker")
    parser.add_argument("--flows", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--odds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    given = parser.parse_args()
    if given.worker:
        return worker(json.loads(given.worker))
    print(on(given.database, given.flows, given.workers, given.odds, given.seconds))


def on(database: str, flows: int, workers: int, odds: int, seconds: float) -> dict[str, int]:
    """One run on an empty database, which is gone afterwards."""
    if database == "postgres":
        import psycopg
        from host_suite import random_schema

        url, schema = os.environ["RULEBOUND_TEST_POSTGRES"], random_schema()
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(f"CREATE SCHEMA {schema}")

            def query(sql: str) -> list[Any]:
                cursor = db.execute(sql)
                return cursor.fetchall() if cursor.description else []

            try:
                return play(url, schema, flows, workers, odds, seconds, query)
            finally:
                db.execute(f"DROP SCHEMA {schema} CASCADE")
    with tempfile.TemporaryDirectory() as folder:
        from rulebound.host._database import connect_sqlite

        path = str(Path(folder) / "shop.db")
        with connect_sqlite(path) as file:
            return play(f"sqlite:///{path}", "public", flows, workers, odds, seconds, lambda sql: file.execute(sql).fetchall())


if __name__ == "__main__":
    assert rulebound.__version__
    main()
