"""The throughput of a worker beside the same loop written by hand, with the same driver, tables, promises and durability.

`python benches/host.py` prints the ratios. The bound is 0.8: the kit does at least 0.8 times as many flows a second.
With `RULEBOUND_TEST_POSTGRES` it also measures PostgreSQL, with unnamed and with named statements. `--rows` and `--workers`
choose another size.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import rulebound
from rulebound import facts, truemed
from rulebound.host import Host, Incoming, Kind, Outgoing, Provider

BOUND = 0.8
COMMAND = truemed.create_payment_token(
    order_items=[{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}],
    success_url="https://shop.example/ok", failure_url="https://shop.example/no",
)  # fmt: skip
FLOW = "truemed.payment_token"
WARM_UP = 50
"""The rows that a worker carries out before it is measured: it runs for weeks."""
Loop = Callable[[str, str, bool], Callable[[], bool]]


def reply_to(body: str) -> str:
    name = json.loads(body)["metadata"]
    return json.dumps({"provision_token_request_id": f"ptr_{name}", "redirect_url": f"https://truemed.example/{name}"})


def open_host(database: str, schema: str, named: bool = False) -> Host:
    def send(it: Outgoing) -> Incoming:
        return Incoming(200, {}, reply_to(it.body or ""))

    host = Host(database, {"truemed": Provider(api_key="any", webhook_secrets=["whsec"])}, schema=schema, send=send, named_statements=named)
    kinds: tuple[Kind, ...] = ("notify", "fulfill", "access")
    for kind in kinds:
        host.ignore(kind)
    return host


def kit(database: str, schema: str, named: bool) -> Callable[[], bool]:
    """Works on one row that is due, as `host.run` does."""
    return open_host(database, schema, named)._work_once


CONFIG: Any = {"lease_ms": 90_000}
"""The lease that the kits promise: as long as a request's timeout and a minute."""


def in_json(value: Any) -> str | None:
    return json.dumps(value) if value else None


class ByHand:
    """The loop that a backend would write: the same statements with the same leases and whole lines of the journal, without
    anything that a kit has for others."""

    def __init__(self, database: str, schema: str, named: bool) -> None:
        self.is_sqlite = database.startswith("sqlite")
        self.prefix = "rulebound_" if self.is_sqlite else f'"{schema}".rulebound_'
        if self.is_sqlite:
            self.db: Any = sqlite3.connect(database.removeprefix("sqlite:///"), timeout=5, isolation_level=None)
            self.db.execute("PRAGMA synchronous = FULL")
        else:
            import psycopg

            self.db = psycopg.connect(database, autocommit=True, prepare_threshold=0 if named else None)

    def sql(self, text: str, *params: Any) -> Any:
        text = text.replace("{p}", self.prefix)
        return self.db.execute(text if self.is_sqlite else text.replace("?", "%s"), params)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
        yield
        self.db.execute("COMMIT")

    def lock(self, where: str, *params: Any, skips: str = "") -> Any:
        lock = "" if self.is_sqlite else f" FOR UPDATE{skips}"
        columns = "flow, key, account, revision, snapshot, wake_at, tries"
        row = self.sql(f"SELECT {columns} FROM {{p}}flows WHERE {where}{lock}", *params).fetchone()
        return row and (row[0], row[1], rulebound.load(row[4]), row[4])

    def save(self, row: Any, result: Any, now: int, kind: str, effect: str) -> Any:
        flow, key, before, _ = row
        after = result.next
        self.sql(
            "SELECT e.id, e.body FROM {p}inbox e WHERE e.id IN (SELECT inbox FROM {p}inbox_ids WHERE provider = ? AND id "
            + ("IN (SELECT value FROM json_each(?)))" if self.is_sqlite else "= ANY(?))"),
            "truemed", self.ids(after),
        ).fetchall()  # fmt: skip
        new_ids = result.new_ids if kind != "lease" else []
        pending = after.effects(now=now, config=CONFIG)
        # A transaction that has not ended yet may have stored a webhook of a new id. SQLite has one writer.
        text, wake_at = after.save(), now if new_ids and not self.is_sqlite else after.wake_at(now=now, config=CONFIG)
        reviews = sum(it["type"] == "review" for it in pending)
        failing = sum(it["attempts"] >= 5 for it in pending)
        self.sql(
            "UPDATE {p}flows SET revision = ?, snapshot = ?, wake_at = ?, reviews = ?, failing = ?, updated_at = ? "
            "WHERE flow = ? AND key = ? AND revision = ?",
            after.revision, text, wake_at, reviews, failing, now, flow, key, before.revision,
        )  # fmt: skip
        for it in new_ids:
            self.sql("INSERT INTO {p}ids VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", "truemed", it["id"], flow, key)
        if after.revision != before.revision:
            self.sql(
                "INSERT INTO {p}journal (flow, key, seq, revision, at, kind, actor, effect, http_status, rules, transitions, failure, "
                "rules_version, digest) VALUES (?, ?, coalesce((SELECT max(seq) FROM {p}journal WHERE flow = ? AND key = ?), 0) + 1, "
                "?, ?, ?, 'worker', ?, ?, ?, ?, ?, '2026.11', ?)",
                flow, key, flow, key, after.revision, now, kind, effect, *self.told(result, kind), sha256(text.encode()).hexdigest(),
            )  # fmt: skip
        return after

    def told(self, result: Any, kind: str) -> tuple[Any, ...]:
        """What the journal keeps of a step: the status, the rules, the transitions and the failure."""
        rules = [it["rule"] for it in result.warnings]
        if kind == "lease":
            return None, in_json(rules), None, None
        return 200, in_json(rules), in_json(result.transitions), in_json(result.failure)

    def ids(self, snapshot: Any) -> Any:
        ids = [it["id"] for it in snapshot.ids()]
        return json.dumps(ids) if self.is_sqlite else ids

    def once(self) -> bool:
        now = time.time_ns() // 1_000_000
        with self.transaction():
            row = self.lock("wake_at <= ? ORDER BY wake_at LIMIT 1", now, skips=" SKIP LOCKED")
            if row is None:
                return False
            ready = [it for it in row[2].effects(now=now, config=CONFIG) if it["ready"] and it["type"] != "review"]
            if not ready:
                self.sql("UPDATE {p}flows SET wake_at = ? WHERE flow = ? AND key = ?", row[2].wake_at(now=now, config=CONFIG), *row[:2])
                return True
            lease = row[2].lease(ready[0]["id"], now=now, config=CONFIG)
            self.save(row, lease, now, "lease", ready[0]["id"])
        body = reply_to(lease.request["body"])
        with self.transaction():
            row = self.lock("flow = ? AND key = ?", *row[:2])
            fact = facts.reply(ready[0]["id"], http_status=200, body=body, sending=lease.request["sending"])
            self.save(row, row[2].observe(fact, now=now, config=CONFIG), now, "reply", ready[0]["id"])
        return True


def hand(database: str, schema: str, named: bool) -> Callable[[], bool]:
    return ByHand(database, schema, named).once


def work(loop: Loop, warm: Any, database: str, schema: str, named: bool) -> None:
    """A worker: it is measured from the second barrier, once it has opened its database and each of its paths has run once."""
    once = loop(database, schema, named)
    for _ in range(WARM_UP):
        once()
    warm.wait()
    while once():
        pass


@contextmanager
def workers_of(loop: Loop, count: int, database: str, kind: str, schema: str) -> Iterator[list[Any]]:
    """Workers that are warm, and begin now."""
    context = multiprocessing.get_context("spawn")
    warm = context.Barrier(count + 1)
    workers = [context.Process(target=work, args=(loop, warm, database, schema, kind.endswith("named"))) for _ in range(count)]
    for it in workers:
        it.start()
    warm.wait()
    yield workers
    for it in workers:
        it.join()
        assert it.exitcode == 0


def fill(database: str, schema: str, rows: int, waiting: int) -> list[str]:
    """Rows with a request that is ready, beside rows that wait for later. Gives the keys of those that are ready."""
    host = open_host(database, schema)
    host.migrate()
    first = host.handle(truemed.PaymentToken, uuid.uuid4(), COMMAND)
    now = first.created_at
    columns = "flow, key, account, revision, snapshot, wake_at, reviews, failing, tries, created_at, updated_at"
    mark = "?" if database.startswith("sqlite") else "%s"
    sql = f"INSERT INTO {host._dialect.prefix}flows ({columns}) VALUES ({', '.join([mark] * 11)})"
    values = []
    for number in range(rows + waiting - 1):
        key = str(uuid.uuid4())
        snapshot = truemed.PaymentToken.start(key).handle(COMMAND, now=now).next
        wake_at = now if number < rows - 1 else now + 86_400_000
        values.append((FLOW, key, "", snapshot.revision, snapshot.save(), wake_at, 0, 0, 0, now, now))
    with host.transaction() as tx:
        (tx if mark == "?" else tx.cursor()).executemany(sql, values)
    host.close()
    return [first.key, *(it[1] for it in values[: rows - 1])]


def measure(kind: str, loop: Loop, workers: int, rows: int, waiting: int = 0) -> float:
    """Rows in a second, of all workers together."""
    with empty(kind) as (database, schema):
        fill(database, schema, rows + workers * WARM_UP, waiting)
        with workers_of(loop, workers, database, kind, schema):
            begun = time.perf_counter()
        return rows / (time.perf_counter() - begun)


@contextmanager
def empty(kind: str) -> Iterator[tuple[str, str]]:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/bench.db", "public"
        return
    import psycopg

    url, schema = os.environ["RULEBOUND_TEST_POSTGRES"], f"rb_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE SCHEMA {schema}")
        try:
            yield url, schema
        finally:
            db.execute(f"DROP SCHEMA {schema} CASCADE")


def ratio(kind: str, workers: int, rows: int, rounds: int) -> float:
    """The median of several rounds: in each, both loops run one after the other."""
    pairs = [(measure(kind, kit, workers, rows), measure(kind, hand, workers, rows)) for _ in range(rounds)]
    found = statistics.median(one / other for one, other in pairs)
    ours, theirs = (statistics.median(it) for it in zip(*pairs, strict=True))
    print(f"{kind:14} {workers} workers  kit {ours:7.0f} rows/s  by hand {theirs:7.0f} rows/s  ratio {found:.2f}", flush=True)
    return found


def acknowledgements(kind: str) -> float:
    """The median time in which a webhook is stored and its row is awake while a worker is busy, in milliseconds."""
    named = kind.endswith("named")
    with empty(kind) as (database, schema):
        keys = fill(database, schema, 1_000, 0)
        host, times, bare = open_host(database, schema, named), [], []
        other = ByHand(database, schema, named)
        other.sql("CREATE TABLE {p}bare (n INTEGER)")
        with workers_of(kit, 1, database, kind, schema) as (busy,):
            while busy.is_alive() and keys:
                key = keys.pop()
                body = json.dumps({"payment_token": f"pt_{key}", "provision_token_request_id": f"ptr_{key}"}).encode()
                begun = time.perf_counter()
                assert host.webhook("truemed", {"x-truemed-api-key": "whsec"}, body) == 204
                times.append((time.perf_counter() - begun) * 1000)
                begun = time.perf_counter()
                other.sql("INSERT INTO {p}bare VALUES (0)")
                bare.append((time.perf_counter() - begun) * 1000)
        other.db.close()
        host.close()
    found = statistics.median(times)
    p95 = statistics.quantiles(times, n=20)[18]
    beside = f"a bare commit beside it {statistics.median(bare):.2f} ms"
    print(f"{kind:14} webhook acknowledged under load: p50 {found:.2f} ms, p95 {p95:.2f} ms of {len(times)}, {beside}", flush=True)
    return found


def waiting(kind: str, rows: int, rounds: int) -> float:
    few, many = (statistics.median(measure(kind, kit, 1, rows, it) for _ in range(rounds)) for it in (1_000, 100_000))
    print(f"{kind:14} beside 1,000 waiting rows {few:.0f} rows/s, beside 100,000 {many:.0f} rows/s: {many / few:.2f}", flush=True)
    return many / few


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4, 8])
    postgres = ["postgres", "postgres-named"] if "RULEBOUND_TEST_POSTGRES" in os.environ else []
    parser.add_argument("--databases", nargs="*", default=["sqlite", *postgres])
    parser.add_argument("--no-waiting", action="store_true")
    given = parser.parse_args()
    missed = []
    for kind in given.databases:
        missed += [f"{kind} {n}" for n in given.workers if ratio(kind, n, given.rows, given.rounds) < BOUND]
        if acknowledgements(kind) > 5:
            missed.append(f"{kind} webhook")
        if not given.no_waiting and waiting(kind, given.rows, given.rounds) < BOUND:
            missed.append(f"{kind} waiting rows")
    sys.exit(f"the bound was missed: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
