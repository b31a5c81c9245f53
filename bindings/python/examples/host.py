"""What every host has: three tables and one loop, over SQLite and httpx. `python host.py` is the worker of `shop.py`."""

import json
import logging
import os
import sqlite3
import time
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import httpx
import rulebound
from rulebound import Lease, ReceivedWebhook, Snapshot, Step, facts
from rulebound.types import Config, Fact, TypedId

TABLES = """
CREATE TABLE IF NOT EXISTS flows (flow text, key text, revision bigint, snapshot text, wake_at bigint,
                                  PRIMARY KEY (flow, key));
CREATE TABLE IF NOT EXISTS flow_ids (id text, flow text, key text, PRIMARY KEY (id, flow, key));
CREATE TABLE IF NOT EXISTS inbox (id text, fact text, body blob, received_at bigint);
"""
# A second provider is one more line in each of these. Vend and Revup do not sign their webhooks, so they need no secret.
API_KEYS = {"truemed": os.environ.get("TRUEMED_API_KEY", "")}
SECRETS = {"truemed": os.environ.get("TRUEMED_WEBHOOK_SECRET", "")}
CONFIG: Config = {"truemed": {"environment": "production"}}
DO = {"notify": print, "fulfill": print, "access": print}  # your mail, your warehouse, your accounts

Row = Snapshot[Any, Any]
log = logging.getLogger("shop")


class Conflict(Exception):
    """Another worker has saved this row in the meantime."""


def now() -> int:
    return time.time_ns() // 1_000_000  # milliseconds


def context() -> Any:
    """What every decision depends on besides the snapshot."""
    return {"now": now(), "config": CONFIG}


def names(provider: str, ids: Sequence[TypedId]) -> list[str]:
    """Ids as one text each, so that two providers can have the same id."""
    return [f"{provider}/{it['kind']}/{it['id']}" for it in ids]


class Host:
    """Three tables and one loop, for every provider."""

    def __init__(self, database: str, http: httpx.Client) -> None:
        self.database, self.http = database, http
        with closing(sqlite3.connect(database)) as db:
            db.executescript(TABLES)

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.database, timeout=10, isolation_level="IMMEDIATE")) as db, db:
            yield db

    def rows(self, query: str, *values: Any) -> list[Any]:
        with self.transaction() as db:
            return db.execute(query, values).fetchall()

    def find(self, flow: str, key: str) -> Row | None:
        found = self.rows("SELECT snapshot FROM flows WHERE flow = ? AND key = ?", flow, key)
        row: Row | None = rulebound.load(found[0][0]) if found else None
        return row

    def load(self, flow: Any, key: str) -> Row:
        row: Row = self.find(flow, key) or rulebound.flows[flow].start(key)
        return row

    def save(self, snapshot: Row, result: Step[Any] | Lease[Any]) -> Row:
        """Replaces the snapshot on which the decision was made with the next one."""
        following: Row = result.next
        failure, new_ids = (result.failure, result.new_ids) if isinstance(result, Step) else (None, [])
        for odd in filter(None, [failure, *result.warnings]):
            log.warning("%s %s: %s", snapshot.flow, snapshot.key, odd)
        if following.revision == snapshot.revision:
            return snapshot
        # A worker looks at once if stored webhooks may name the new ids.
        wake_at = now() if new_ids else following.wake_at(**context())
        row = (following.revision, following.save(), wake_at, following.flow, following.key)
        insert = "INSERT OR IGNORE INTO flows (revision, snapshot, wake_at, flow, key) VALUES (?, ?, ?, ?, ?)"
        update = "UPDATE flows SET revision = ?, snapshot = ?, wake_at = ? WHERE flow = ? AND key = ? AND revision = ?"
        with self.transaction() as db:
            is_new = snapshot.revision == 0
            if db.execute(insert if is_new else update, row if is_new else (*row, snapshot.revision)).rowcount == 0:
                raise Conflict(snapshot)
            ids = names(following.flow.split(".")[0], following.ids())
            known = [(it, following.flow, following.key) for it in ids]
            db.executemany("INSERT OR IGNORE INTO flow_ids VALUES (?, ?, ?)", known)
        return following

    def work(self, snapshot: Row) -> Row:
        """Carries out every effect that is ready: the one loop, for every provider."""
        for fact in self.inbox(snapshot, snapshot.ids()):
            snapshot = self.observe(snapshot, fact)
        while ready := [it for it in snapshot.effects(**context()) if it["ready"] and it["type"] != "review"]:
            effect = ready[0]
            lease = snapshot.lease(effect["id"], **context())
            snapshot = self.save(snapshot, lease)  # before anything else; on a Conflict another worker holds the lease
            if lease.request:
                fact = self.send(snapshot, effect["id"], lease.request)
            else:
                DO[effect["type"]](effect)  # at least once: effect["id"] identifies a repeat
                fact = facts.done(effect["id"])
            snapshot = self.observe(snapshot, fact)
        row = (snapshot.wake_at(**context()), snapshot.flow, snapshot.key, snapshot.revision)
        self.rows("UPDATE flows SET wake_at = ? WHERE flow = ? AND key = ? AND revision = ?", *row)
        return snapshot

    def send(self, snapshot: Row, effect: str, request: Any) -> Fact:
        header, scheme = request["credential"]["header"], request["credential"]["scheme"]
        secret, sending = API_KEYS[snapshot.flow.split(".")[0]], request["sending"]
        headers = request["headers"] | {header: f"{scheme} {secret}" if scheme else secret}
        try:
            got = self.http.request(request["method"], request["url"], headers=headers, content=request["body"])
        except (httpx.ConnectError, httpx.ConnectTimeout):  # not a byte was written
            return facts.not_sent(effect, sending=sending)
        except httpx.HTTPError:  # no reply came, or it cannot be read
            return facts.lost(effect, sending=sending)
        return facts.reply(
            effect, http_status=got.status_code, headers=dict(got.headers), body=got.content, sending=sending
        )

    def observe(self, snapshot: Row, fact: Fact) -> Row:
        """Applies a fact, again after each Conflict: a fact is never rejected."""
        while True:
            step = snapshot.observe(fact, **context())
            if step.ignored and step.ignored["reason"] == "early":
                return snapshot  # it waits in the inbox until a step names its id
            try:
                snapshot = self.save(snapshot, step)
                break
            except Conflict:
                snapshot = self.load(snapshot.flow, snapshot.key)
        if fact["type"] == "webhook":
            self.rows("DELETE FROM inbox WHERE fact = ? AND body = ?", json.dumps({**fact, "body": ""}), fact["body"])
        for early in self.inbox(snapshot, step.new_ids):
            snapshot = self.observe(snapshot, early)
        return snapshot

    def receive(self, provider: str, received: ReceivedWebhook) -> None:
        """Stores a webhook before anything else, then applies it to every row that knows one of its ids."""
        fact, ids = received["fact"], names(provider, received["ids"])
        if received["unreadable"]:
            log.warning("%s sent a webhook that is not readable: %s", provider, received["unreadable"])
        stored = (json.dumps({**fact, "body": ""}), fact["body"], now())
        with self.transaction() as db:
            db.execute("DELETE FROM inbox WHERE fact = ? AND body = ?", stored[:2])
            db.executemany("INSERT INTO inbox VALUES (?, ?, ?, ?)", [(it, *stored) for it in ids])
        marks = ", ".join("?" * len(ids))
        for flow, key in self.rows(f"SELECT DISTINCT flow, key FROM flow_ids WHERE id IN ({marks})", *ids):
            self.observe(self.load(flow, key), fact)

    def inbox(self, snapshot: Row, ids: list[TypedId]) -> list[Fact]:
        """The stored webhooks that name any of these ids."""
        query = f"SELECT DISTINCT fact, body FROM inbox WHERE id IN ({', '.join('?' * len(ids))})"
        stored = self.rows(query, *names(snapshot.flow.split(".")[0], ids))
        found: list[Any] = [{**json.loads(fact), "body": body} for fact, body in stored]
        return found

    def run(self) -> None:
        """One round of a worker: every row that is due, even if another row fails."""
        for flow, key in self.rows("SELECT flow, key FROM flows WHERE wake_at <= ? ORDER BY wake_at", now()):
            try:
                self.work(self.load(flow, key))
            except (Conflict, rulebound.Rejected):
                continue  # another worker holds the lease
            except Exception:
                log.exception("%s %s failed; the next try is in a minute", flow, key)
                self.rows("UPDATE flows SET wake_at = ? WHERE flow = ? AND key = ?", now() + 60_000, flow, key)


if __name__ == "__main__":
    worker = Host("shop.db", httpx.Client(timeout=30))
    while True:
        worker.run()
        time.sleep(1)
