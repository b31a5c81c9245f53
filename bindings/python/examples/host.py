"""A whole shop, web handler and worker, over SQLite: `uvicorn --factory host:shop`, and `python host.py` beside it."""

import json
import logging
import os
import sqlite3
import time
import uuid
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Annotated, Any, Literal

import httpx
import rulebound
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from rulebound import Lease, Snapshot, Step, truemed
from rulebound.types import Config, TruemedOrderItem

TABLES = """
CREATE TABLE IF NOT EXISTS flows (flow text, key text, revision bigint, snapshot text, wake_at bigint,
                                  PRIMARY KEY (flow, key));
CREATE TABLE IF NOT EXISTS flow_ids (id text, flow text, key text, PRIMARY KEY (id, flow, key));
CREATE TABLE IF NOT EXISTS inbox (id text, provider text, fact text, received_at bigint);
"""
# A second provider is one more line in each of these. Vend and Revup do not sign their webhooks, so they need no secret.
API_KEYS = {"truemed": os.environ.get("TRUEMED_API_KEY", "")}
SECRETS = {"truemed": os.environ.get("TRUEMED_WEBHOOK_SECRET", "")}
CONFIG: Config = {"truemed": {"environment": "production"}}
SHELF: dict[str, TruemedOrderItem] = {  # prices come from here, never from a browser
    "b12": {"name": "B12", "sku": "b12", "quantity": 1, "price": 1500},
    "mg": {"name": "Magnesium", "sku": "mg", "quantity": 1, "price": 1200},
}
DO = {"notify": print, "fulfill": print, "access": print}  # your mail, your warehouse, your accounts

Row = Snapshot[Any, Any]
log = logging.getLogger("shop")


class Conflict(Exception):
    """Another worker has saved this row in the meantime."""


def now() -> int:
    return time.time_ns() // 1_000_000


def provider_of(flow: str) -> str:
    return flow.split(".")[0]


def context() -> Any:
    """What every decision depends on besides the snapshot."""
    return {"now": now(), "config": CONFIG}


class Host:
    """Three tables and one loop, for every provider."""

    def __init__(self, database: str, http: httpx.Client) -> None:
        self.database = database
        self.http = http
        with closing(sqlite3.connect(database)) as db:
            db.executescript(TABLES)

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.database, timeout=10, isolation_level="IMMEDIATE")) as db, db:
            yield db

    def find(self, flow: str, key: str) -> Row | None:
        with self.transaction() as db:
            found = db.execute("SELECT snapshot FROM flows WHERE flow = ? AND key = ?", (flow, key)).fetchone()
        row: Row | None = rulebound.load(found[0]) if found else None
        return row

    def load(self, flow: str, key: str) -> Row:
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
        wake_at = self.wake_at(following, new_ids)
        row = (following.revision, following.save(), wake_at, following.flow, following.key)
        with self.transaction() as db:
            if snapshot.revision == 0:
                done = db.execute(
                    "INSERT OR IGNORE INTO flows (revision, snapshot, wake_at, flow, key) VALUES (?, ?, ?, ?, ?)", row
                )
            else:
                done = db.execute(
                    "UPDATE flows SET revision = ?, snapshot = ?, wake_at = ?"
                    " WHERE flow = ? AND key = ? AND revision = ?",
                    (*row, snapshot.revision),
                )
            if done.rowcount == 0:
                raise Conflict(snapshot)
            ids = [(id, following.flow, following.key) for id in following.ids()]
            db.executemany("INSERT OR IGNORE INTO flow_ids VALUES (?, ?, ?)", ids)
        return following

    def wake_at(self, snapshot: Row, new_ids: list[str]) -> int | None:
        """When a worker must look at this row: now, if stored webhooks may name its new ids."""
        return now() if new_ids else snapshot.wake_at(**context())

    def ready(self, snapshot: Row) -> Any:
        """An effect that a worker can carry out now."""
        effects = snapshot.effects(**context())
        return next((it for it in effects if it["ready"] and it["type"] != "review"), None)

    def work(self, snapshot: Row) -> Row:
        """Carries out every effect that is ready: the one loop, for every provider."""
        for fact in self.inbox(snapshot.flow, snapshot.ids()):
            snapshot = self.observe(snapshot, fact)
        while effect := self.ready(snapshot):
            lease = snapshot.lease(effect["id"], **context())
            snapshot = self.save(snapshot, lease)  # before anything else; on a Conflict another worker holds the lease
            if lease.request:
                fact = self.send(snapshot, effect["id"], lease.request)
            else:
                DO[effect["type"]](effect)  # at least once: effect["id"] identifies a repeat
                fact = {"type": "done", "effect": effect["id"]}
            snapshot = self.observe(snapshot, fact)
        with self.transaction() as db:
            row = (self.wake_at(snapshot, []), snapshot.flow, snapshot.key, snapshot.revision)
            db.execute("UPDATE flows SET wake_at = ? WHERE flow = ? AND key = ? AND revision = ?", row)
        return snapshot

    def send(self, snapshot: Row, effect: str, request: Any) -> Any:
        header, scheme = request["credential"]["header"], request["credential"]["scheme"]
        secret = API_KEYS[provider_of(snapshot.flow)]
        headers = request["headers"] | {header: f"{scheme} {secret}" if scheme else secret}
        sent = {"effect": effect, "sending": request["sending"]}
        try:
            reply = self.http.request(request["method"], request["url"], headers=headers, content=request["body"])
        except (httpx.ConnectError, httpx.ConnectTimeout):  # not a byte was written
            return {"type": "not_sent", **sent}
        except httpx.HTTPError:  # no reply came, or it cannot be read
            return {"type": "lost", **sent}
        headers = dict(reply.headers)
        return {"type": "reply", **sent, "http_status": reply.status_code, "headers": headers, "body": reply.content}

    def observe(self, snapshot: Row, fact: Any) -> Row:
        """Applies a fact, again after each Conflict: a fact is never rejected."""
        while True:
            step = snapshot.observe(fact, **context())
            if step.ignored and step.ignored["reason"] == "early":
                self.keep(snapshot.flow, fact)
                newest = self.load(snapshot.flow, snapshot.key)
                if newest.revision == snapshot.revision:
                    return snapshot
                snapshot = newest  # another worker has saved, and its step may have named the id
                continue
            try:
                snapshot = self.save(snapshot, step)
                break
            except Conflict:
                snapshot = self.load(snapshot.flow, snapshot.key)
        if fact["type"] == "webhook":
            with self.transaction() as db:
                db.execute("DELETE FROM inbox WHERE fact = ?", (json.dumps(fact),))
        for early in self.inbox(snapshot.flow, step.new_ids):
            snapshot = self.observe(snapshot, early)
        return snapshot

    def keep(self, flow: str, fact: Any) -> None:
        """Stores a webhook that is early, or that no row knows yet, under each id that it names."""
        provider, text = provider_of(flow), json.dumps(fact)
        rows = [(id, provider, text, now()) for id in rulebound.correlate(provider, fact["body"])]
        with self.transaction() as db:
            db.execute("DELETE FROM inbox WHERE fact = ?", (text,))
            db.executemany("INSERT INTO inbox VALUES (?, ?, ?, ?)", rows)

    def inbox(self, flow: str, ids: list[str]) -> list[Any]:
        """The stored webhooks that name any of these ids."""
        marks = ", ".join("?" * len(ids))
        query = f"SELECT DISTINCT fact FROM inbox WHERE provider = ? AND id IN ({marks})"
        with self.transaction() as db:
            return [json.loads(fact) for (fact,) in db.execute(query, (provider_of(flow), *ids))]

    def found(self, provider: str, ids: list[str]) -> list[Row]:
        """The rows that know any of these ids."""
        marks = ", ".join("?" * len(ids))
        query = f"SELECT DISTINCT flow, key FROM flow_ids WHERE flow LIKE ? || '.%' AND id IN ({marks})"
        with self.transaction() as db:
            rows = db.execute(query, (provider, *ids)).fetchall()
        return [self.load(flow, key) for flow, key in rows]

    def run(self) -> None:
        """One round of a worker: every row that is due, even if another row fails."""
        with self.transaction() as db:
            rows = db.execute("SELECT flow, key FROM flows WHERE wake_at <= ? ORDER BY wake_at", (now(),)).fetchall()
        for flow, key in rows:
            try:
                self.work(self.load(flow, key))
            except (Conflict, rulebound.Rejected):
                continue  # another worker holds the lease
            except Exception:
                log.exception("%s %s failed; the next try is in a minute", flow, key)
                with self.transaction() as db:
                    db.execute("UPDATE flows SET wake_at = ? WHERE flow = ? AND key = ?", (now() + 60_000, flow, key))


async def raw(request: Request) -> bytes:
    return await request.body()


def web(host: Host) -> FastAPI:
    app = FastAPI()

    @app.exception_handler(rulebound.Rejected)
    def rejected(_: Request, why: rulebound.Rejected) -> Response:
        return JSONResponse({"violations": why.violations}, status_code=409)

    @app.exception_handler(Conflict)
    def conflict(_: Request, __: Conflict) -> Response:
        return JSONResponse({"again": True}, status_code=503, headers={"retry-after": "1"})

    def items(skus: list[str]) -> list[TruemedOrderItem]:
        if unknown := [sku for sku in skus if sku not in SHELF]:
            raise HTTPException(422, f"there is no {', '.join(unknown)}")
        return [SHELF[sku] for sku in skus]

    def existing(key: str) -> Row:
        if token := host.find("truemed.payment_token", key):
            return token
        raise HTTPException(404)

    @app.post("/subscriptions")
    def subscribe(skus: list[str], later: BackgroundTasks) -> Any:
        token = truemed.PaymentToken.start(uuid.uuid4())
        step = token.handle(
            {
                "type": "create_payment_token",
                "order_items": items(skus),
                "success_url": f"https://shop.example/subscriptions/{token.key}?back=success",
                "failure_url": f"https://shop.example/subscriptions/{token.key}?back=failure",
            },
            **context(),
        )
        host.save(token, step)
        later.add_task(host.run)
        return {"key": token.key}

    @app.get("/subscriptions/{key}")
    def page(key: str, later: BackgroundTasks, back: Literal["success", "failure"] | None = None) -> Any:
        token = existing(key)
        if back:  # the return of a browser proves nothing, but it makes a lookup due
            token = host.observe(token, {"type": "customer_returned"})
            later.add_task(host.run)
        return {"waiting_for": token.waiting_for(**context()), "actions": token.actions(**context())}

    @app.put("/subscriptions/{key}/items")
    def change(key: str, skus: list[str], later: BackgroundTasks) -> Any:
        token = existing(key)
        host.save(token, token.handle({"type": "update_payment_token", "order_items": items(skus)}, **context()))
        later.add_task(host.run)
        return {"key": key}

    @app.post("/webhooks/{provider}")
    def webhook(
        provider: str, request: Request, body: Annotated[bytes, Depends(raw)], later: BackgroundTasks
    ) -> Response:
        if provider not in API_KEYS:
            raise HTTPException(404)
        try:
            origin = rulebound.authenticate(provider, SECRETS.get(provider, ""), request.headers, body, now())
        except rulebound.NotAuthentic:
            return Response(status_code=401)
        try:
            rows = host.found(provider, rulebound.correlate(provider, body))
        except rulebound.InvalidInput:
            return Response(status_code=400)
        fact = {"type": "webhook", "origin": origin, "body": body.decode(errors="replace")}
        for snapshot in rows:
            host.observe(snapshot, fact)
        if not rows:
            host.keep(provider, fact)
        later.add_task(host.run)
        return Response(status_code=rulebound.acknowledgement(provider))

    return app


def shop() -> FastAPI:
    return web(Host("shop.db", httpx.Client(timeout=30)))


if __name__ == "__main__":
    worker = Host("shop.db", httpx.Client(timeout=30))
    while True:
        worker.run()
        time.sleep(1)
