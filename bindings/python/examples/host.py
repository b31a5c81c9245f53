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
from rulebound import Snapshot, Transition, truemed
from rulebound.types import TruemedOrderItem, TruemedSettings

TABLES = """
CREATE TABLE IF NOT EXISTS flows (flow text, key text, revision bigint, snapshot text, deadline bigint,
                                  PRIMARY KEY (flow, key));
CREATE TABLE IF NOT EXISTS flow_ids (id text, flow text, key text, PRIMARY KEY (id, flow, key));
CREATE TABLE IF NOT EXISTS inbox (id text, provider text, fact text, received_at bigint);
"""
# By provider: a second one is a line in each of these. What Vend and Revup send is unsigned, and needs no secret.
API_KEYS = {"truemed": os.environ.get("TRUEMED_API_KEY", "")}
SECRETS = {"truemed": os.environ.get("TRUEMED_WEBHOOK_SECRET", "")}
TRUEMED: TruemedSettings = {"environment": "production"}
SETTINGS: dict[str, Any] = {"truemed": TRUEMED}
SHELF: dict[str, TruemedOrderItem] = {  # prices come from here, never from a browser
    "b12": {"name": "B12", "sku": "b12", "quantity": 1, "price": 1500},
    "mg": {"name": "Magnesium", "sku": "mg", "quantity": 1, "price": 1200},
}
DO = {"notify": print, "fulfill": print, "access": print}  # your mail, your warehouse, your accounts

Row = Snapshot[Any, Any, Any]
log = logging.getLogger("shop")


class Conflict(Exception):
    """Somebody else has saved this row meanwhile."""


def now() -> int:
    return time.time_ns() // 1_000_000


def provider_of(flow: str) -> str:
    return flow.split(".")[0]


def around(at: Row) -> dict[str, Any]:
    """What every decision takes beside the snapshot."""
    return {"now": now(), "settings": SETTINGS.get(provider_of(at.flow))}


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

    def save(self, at: Row, step: Transition[Any]) -> Row:
        """Puts the next snapshot in the place of the one on which the decision was made."""
        then: Row = step.next
        for odd in filter(None, [step.failure, *step.warnings]):
            log.warning("%s %s: %s", at.flow, at.key, odd)
        if not step.changed:
            return then
        row = (then.revision, then.save(), self.wake(then, step.learnt), then.flow, then.key)
        with self.transaction() as db:
            if at.revision == 0:
                done = db.execute(
                    "INSERT OR IGNORE INTO flows (revision, snapshot, deadline, flow, key) VALUES (?, ?, ?, ?, ?)", row
                )
            else:
                done = db.execute(
                    "UPDATE flows SET revision = ?, snapshot = ?, deadline = ?"
                    " WHERE flow = ? AND key = ? AND revision = ?",
                    (*row, at.revision),
                )
            if done.rowcount == 0:
                raise Conflict(at)
            ids = [(id, then.flow, then.key) for id in then.correlation_ids()]
            db.executemany("INSERT OR IGNORE INTO flow_ids VALUES (?, ?, ?)", ids)
        return then

    def wake(self, at: Row, learnt: list[str]) -> int | None:
        """When a worker must look at this row: at its deadline, and now if webhooks may wait for what it has learnt."""
        return now() if learnt else at.deadline(**around(at))

    def due(self, at: Row) -> Any:
        return next((it for it in at.owed(**around(at)) if it["ready"] and it["type"] != "review"), None)

    def work(self, at: Row) -> Row:
        """Does all that can be done now: the one loop, for every provider."""
        for fact in self.inbox(at.flow, at.correlation_ids()):
            at = self.tell(at, fact)
        while due := self.due(at):
            step = at.handle({"type": "begin", "effect": due["id"]}, **around(at))
            at = self.save(at, step)  # before it is done; on a Conflict somebody else has it
            if step.take:
                fact = self.send(at, due["id"], step.take)
            else:
                DO[due["type"]](due)  # at least once: due["id"] tells repeats apart
                fact = {"type": "done", "effect": due["id"]}
            at = self.tell(at, fact)
        with self.transaction() as db:
            row = (self.wake(at, []), at.flow, at.key, at.revision)
            db.execute("UPDATE flows SET deadline = ? WHERE flow = ? AND key = ? AND revision = ?", row)
        return at

    def send(self, at: Row, effect: str, take: Any) -> Any:
        scheme, secret = take.get("scheme"), API_KEYS[provider_of(at.flow)]
        headers = take["headers"] | {take["credential"]: f"{scheme} {secret}" if scheme else secret}
        about = {"to": effect, "sending": take["sending"]}
        try:
            reply = self.http.request(take["method"], take["url"], headers=headers, content=take.get("body"))
        except (httpx.ConnectError, httpx.ConnectTimeout):  # not a byte of it was written
            return {"type": "not_sent", **about}
        except httpx.HTTPError:  # the reply never came, or nobody can read it
            return {"type": "lost", **about}
        headers = dict(reply.headers)
        return {"type": "reply", **about, "status": reply.status_code, "headers": headers, "body": reply.content}

    def tell(self, at: Row, fact: Any) -> Row:
        """Says what has happened. A fact is never refused: on a Conflict it is observed again."""
        while True:
            seen = at.observe(fact, **around(at))
            if seen.because == "early":
                self.keep(at.flow, fact)
                newest = self.load(at.flow, at.key)
                if newest.revision == at.revision:
                    return at
                at = newest  # another worker has saved, and may have learnt the id while it was put there
                continue
            try:
                at = self.save(at, seen)
                break
            except Conflict:
                at = self.load(at.flow, at.key)
        if fact["type"] == "webhook":
            with self.transaction() as db:
                db.execute("DELETE FROM inbox WHERE fact = ?", (json.dumps(fact),))
        for early in self.inbox(at.flow, seen.learnt):
            at = self.tell(at, early)
        return at

    def keep(self, flow: str, fact: Any) -> None:
        """Keeps a webhook that is early, or nobody's yet, under each id that it names."""
        provider, text = provider_of(flow), json.dumps(fact)
        rows = [(id, provider, text, now()) for id in rulebound.correlate(provider, fact["body"])]
        with self.transaction() as db:
            db.execute("DELETE FROM inbox WHERE fact = ?", (text,))
            db.executemany("INSERT INTO inbox VALUES (?, ?, ?, ?)", rows)

    def inbox(self, flow: str, ids: list[str]) -> list[Any]:
        """The webhooks that wait for any of these ids."""
        marks = ", ".join("?" * len(ids))
        query = f"SELECT DISTINCT fact FROM inbox WHERE provider = ? AND id IN ({marks})"
        with self.transaction() as db:
            return [json.loads(fact) for (fact,) in db.execute(query, (provider_of(flow), *ids))]

    def found(self, provider: str, ids: list[str]) -> list[Row]:
        """The rows that any of these ids leads to."""
        marks = ", ".join("?" * len(ids))
        query = f"SELECT DISTINCT flow, key FROM flow_ids WHERE flow LIKE ? || '.%' AND id IN ({marks})"
        with self.transaction() as db:
            rows = db.execute(query, (provider, *ids)).fetchall()
        return [self.load(flow, key) for flow, key in rows]

    def run(self) -> None:
        """One round of a worker: every row whose time has come, whatever becomes of the others."""
        with self.transaction() as db:
            rows = db.execute("SELECT flow, key FROM flows WHERE deadline <= ? ORDER BY deadline", (now(),)).fetchall()
        for flow, key in rows:
            try:
                self.work(self.load(flow, key))
            except (Conflict, rulebound.Refused):
                continue  # somebody else has it in hand
            except Exception:
                log.exception("%s %s failed, and is tried again in a minute", flow, key)
                with self.transaction() as db:
                    db.execute("UPDATE flows SET deadline = ? WHERE flow = ? AND key = ?", (now() + 60_000, flow, key))


async def raw(request: Request) -> bytes:
    return await request.body()


def web(host: Host) -> FastAPI:
    app = FastAPI()

    @app.exception_handler(rulebound.Refused)
    def refused(_: Request, why: rulebound.Refused) -> Response:
        return JSONResponse({"violations": why.violations}, status_code=409)

    @app.exception_handler(Conflict)
    def conflict(_: Request, __: Conflict) -> Response:
        return JSONResponse({"again": True}, status_code=503, headers={"retry-after": "1"})

    def items(skus: list[str]) -> list[TruemedOrderItem]:
        if unknown := [sku for sku in skus if sku not in SHELF]:
            raise HTTPException(422, f"there is no {', '.join(unknown)}")
        return [SHELF[sku] for sku in skus]

    def existing(key: str) -> Row:
        if at := host.find("truemed.payment_token", key):
            return at
        raise HTTPException(404)

    @app.post("/subscriptions")
    def subscribe(skus: list[str], later: BackgroundTasks) -> Any:
        at = truemed.PaymentToken.start(uuid.uuid4())
        step = at.handle(
            {
                "type": "create_payment_token",
                "order_items": items(skus),
                "success_url": f"https://shop.example/subscriptions/{at.key}?back=success",
                "failure_url": f"https://shop.example/subscriptions/{at.key}?back=failure",
            },
            **around(at),
        )
        host.save(at, step)
        later.add_task(host.run)
        return {"key": at.key}

    @app.get("/subscriptions/{key}")
    def page(key: str, later: BackgroundTasks, back: Literal["success", "failure"] | None = None) -> Any:
        at = existing(key)
        if back:  # a browser that came back proves nothing: it is looked into
            at = host.tell(at, {"type": "returned", "via": f"{back}_url"})
            later.add_task(host.run)
        return {"awaits": at.awaits(**around(at)), "offers": at.offers(**around(at))}

    @app.put("/subscriptions/{key}/items")
    def change(key: str, skus: list[str], later: BackgroundTasks) -> Any:
        at = existing(key)
        host.save(at, at.handle({"type": "update_payment_token", "order_items": items(skus)}, **around(at)))
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
        except rulebound.Malformed:
            return Response(status_code=400)
        fact = {"type": "webhook", "origin": origin, "body": body.decode(errors="replace")}
        for at in rows:
            host.tell(at, fact)
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
