"""Runs the scenarios of `host/suite`: the same for every kit and every database."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import inspect
import json
import os
import secrets
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import rulebound
from host_request import EVERY_REPLY, fits, request
from host_world import Killed, World, text_of
from rulebound.host import Account, HostError, Pending, Provider, UnknownRow
from rulebound.host._adapters import is_database

SUITE = Path(__file__).resolve().parents[3] / "host/suite"
KINDS = ("notify", "fulfill", "access")


def scenarios() -> list[tuple[str, Any]]:
    found = [(file.stem, it) for file in sorted(SUITE.glob("*.json")) for it in json.loads(file.read_text())]
    assert len(found) > 50
    return found


async def settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def at_once(steps: Coroutine[Any, Any, Any]) -> Any:
    """Runs a coroutine that never has to wait: that of a host that blocks."""
    try:
        steps.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the host that blocks has awaited something")


class Runner:
    """One scenario on one kit and one database."""

    def __init__(self, scenario: Any, world: World, make_host: Any, query: Any) -> None:
        self.scenario, self.world, self._make_host, self.query = scenario, world, make_host, query
        self.host = self.other_host = None
        self.next_page: str | None = None

    def providers(self) -> dict[str, Provider]:
        return {name: _provider(it) for name, it in self.scenario["providers"].items()}

    def new_host(self) -> Any:
        host = self._make_host(self)
        for kind in KINDS:
            how = self.scenario.get("handlers", {}).get(kind, "on")
            if how == "ignore":
                host.ignore(kind)
            else:
                getattr(host, how)(kind)(self.handler(host, kind, how))
        return host

    def handler(self, host: Any, kind: str, how: str) -> Any:
        def on(effect: Any, row: Any) -> None:
            self.world.handled.append(effect["id"])
            if self.world.does.get(kind) == "raise":
                raise RuntimeError("the handler fails")

        if how == "on":
            return on
        return self.transactional(host, on)

    def transactional(self, host: Any, on: Any) -> Any:
        mark = "?" if host._dialect.name == "sqlite" else "%s"
        sql = f"INSERT INTO {host._dialect.prefix}handled VALUES ({mark})"

        def on_tx(effect: Any, row: Any, tx: Any) -> None:
            tx.execute(sql, (effect["id"],))
            on(effect, row)

        async def on_tx_async(effect: Any, row: Any, tx: Any) -> None:
            await tx.execute(sql, (effect["id"],))
            on(effect, row)

        return on_tx_async if inspect.iscoroutinefunction(host.tick) else on_tx

    async def run(self) -> None:
        self.host = self.new_host()
        for number, step in enumerate(self.scenario["steps"], 1):
            try:
                await self.step(self.host, step)
            except AssertionError as error:
                raise AssertionError(f"step {number}, {json.dumps(step)[:300]}: {error}") from error

    async def reach(self, name: str) -> None:
        """A checkpoint: other steps run here, or the worker is killed."""
        for index, (at, steps) in enumerate(self.world.meanwhile):
            if at == name:
                del self.world.meanwhile[index]
                for step in steps:
                    await self.step(self.host, step)
                break
        if self.world.crash == name:
            self.world.crash = None
            raise Killed

    async def step(self, host: Any, step: Any) -> None:
        (name,) = [it for it in step if it != "expect"]
        await getattr(self, f"do_{name}")(host, step[name], step.get("expect"), "expect" in step)

    async def do_other(self, host: Any, inner: Any, expect: Any, has: bool) -> None:
        if self.other_host is None:
            self.other_host = self.new_host()
        await self.step(self.other_host, inner)

    async def do_handle(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        expect = expect or {}
        more = {name: it[name] for name in ("account", "reference", "actor") if name in it}
        try:
            row = await self._handle(host, it, more)
        except rulebound.Rejected as rejected:
            assert expect.get("rejected") == [v["rule"] for v in rejected.violations], str(rejected)
            return
        except rulebound.InvalidInput as error:
            assert expect.get("error") == "invalid_input", str(error)
            return
        except Exception as error:
            assert expect.get("error") == _class(error), repr(error)
            return
        assert "rejected" not in expect and "error" not in expect, "the command was accepted"
        _compare_facets(row, expect.get("facets"))

    async def _handle(self, host: Any, it: Any, more: Any) -> Any:
        class Rollback(Exception):
            pass

        async def call(tx: Any) -> Any:
            return await settled(host.handle(it["flow"], it["key"], it["command"], tx=tx, **more))

        if "tx" not in it:
            return await call(None)
        row, rejected = None, None
        try:
            opened = host.transaction()
            tx = await opened.__aenter__() if hasattr(opened, "__aenter__") else opened.__enter__()
            try:
                row = await call(tx)
            except rulebound.Rejected as error:
                rejected = error  # the caller commits nevertheless
            end: tuple[Any, ...] = (None, None, None) if it["tx"] == "commit" else (Rollback, Rollback(), None)
            await opened.__aexit__(*end) if hasattr(opened, "__aexit__") else opened.__exit__(*end)
        except Rollback:
            pass
        if rejected:
            raise rejected
        return row

    async def do_script(self, host: Any, entries: Any, expect: Any, has: bool) -> None:
        for it in entries:
            self.world.scripts.setdefault(it["operation"], []).append(dict(it))

    async def do_tick(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        world = self.world
        before = world.sent, world.credentials, world.handled
        world.sent, world.credentials, world.handled = [], [], []
        error, done = None, None
        try:
            done = await settled(host.tick())
        except Killed:
            self.host = self.new_host()
        except Exception as raised:
            error = _class(raised)
            if error != (expect or {}).get("error"):
                raise
        found = {"sent": world.sent, "credentials": world.credentials, "handled": world.handled, "error": error}
        world.sent, world.credentials, world.handled = before
        for name, value in (expect or {}).items():
            assert found[name] == value, f"{name}: {found[name]}"
        if done and "sent" in (expect or {}):
            assert done.sent == found["sent"] and done.handled == found["handled"]

    async def do_advance(self, host: Any, ms: int, expect: Any, has: bool) -> None:
        self.world.advance(ms)

    async def do_webhook(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        for number in range(1, it.get("times", 1) + 1):
            body = _body(it["body"], number)
            headers = {"content-type": "application/json", **it.get("headers", {})}
            if "sign" in it:
                headers |= sign(it["provider"], it["sign"], body, self.world.now)
            more = {name: it[name] for name in ("account", "token", "topic") if name in it}
            try:
                status = await settled(host.webhook(it["provider"], headers, body, **more))
            except Killed:
                status, self.host = None, self.new_host()
            assert not has or status == expect["status"], f"status {status}"

    async def do_callback(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        try:
            says = await settled(host.callback(it["provider"], _body(it["body"], 0)))
        except rulebound.InvalidInput:
            says = {"error": "invalid_input"}
        assert not has or says == expect, f"{says}"

    async def do_handler(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        self.world.does[it["kind"]] = it["does"]

    async def do_crash(self, host: Any, name: str, expect: Any, has: bool) -> None:
        self.world.crash = name

    async def do_meanwhile(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        self.world.meanwhile.append((it["at"], it["steps"]))

    async def do_answer(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        call = host.answer(it["flow"], it["key"], it["review"], it["verdict"], id=it.get("id"), actor=it.get("actor"))
        await self._errors(call, expect)

    async def do_customer_returned(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        await self._errors(lambda: host.customer_returned(it["flow"], it["key"]), expect)

    async def do_forget(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        await self._errors(lambda: host.forget(it["flow"], it["key"]), expect)

    async def _errors(self, call: Any, expect: Any) -> None:
        error = None
        try:
            await settled(call() if callable(call) else call)
        except Exception as raised:
            error = _class(raised)
            if error == "?":
                raise
        assert error == (expect or {}).get("error"), f"error {error}"

    async def do_get(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        row = await settled(host.get(it["flow"], it["key"]))
        if expect is None:
            assert row is None or not has, "there is a row"
            return
        assert row is not None, "there is no row"
        _compare_facets(row, expect.get("facets"))
        found = {
            "effects": [e["id"] for e in row.effects()],
            "waiting_for": [w["signal"] for w in row.waiting_for()],
            "wake_at": None if row.wake_at is None else row.wake_at - self.world.now,
        }
        for name, value in expect.items():
            actual = found[name] if name in found else getattr(row, name, None)
            assert name == "facets" or actual == value, f"{name}: {actual}"

    async def do_row(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        where = (it["flow"], it["key"])
        if "snapshot" in it:
            (text,) = self.query("SELECT snapshot FROM {p}flows WHERE flow = ? AND key = ?", where)[0]
            changed = it["snapshot"]
            text = changed if isinstance(changed, str) else json.dumps({**json.loads(text), **changed})
            self.query("UPDATE {p}flows SET snapshot = ?, wake_at = ? WHERE flow = ? AND key = ?", (text, self.world.now, *where))
        sql = "SELECT wake_at, revision, tries FROM {p}flows WHERE flow = ? AND key = ?"
        wake_at, revision, tries = self.query(sql, where)[0]
        found = {"wake_at": wake_at and wake_at - self.world.now, "revision": revision, "tries": tries}
        for name, value in (expect or {}).items():
            assert found[name] == value, f"{name}: {found[name]}"

    async def do_unread(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        self.query("DELETE FROM {p}inbox_ids", ())
        self.query("UPDATE {p}inbox SET wake_at = NULL", ())

    async def do_tables(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        for name, count in expect.items():
            found = self.query(f"SELECT count(*) FROM {{p}}{name}", ())[0][0]
            assert found == count, f"{name}: {found}"

    async def do_journal(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        for seq in it.get("without", ()):
            self.query("DELETE FROM {p}journal WHERE flow = ? AND key = ? AND seq = ?", (it["flow"], it["key"], seq))
        sql = "SELECT kind, actor, code, http_status, money FROM {p}journal WHERE flow = ? AND key = ? ORDER BY seq"
        rows = self.query(sql, (it["flow"], it["key"]))
        found = {name: [row[at] for row in rows] for at, name in enumerate(("kinds", "actors", "codes", "statuses"))}
        found["money"] = [json.loads(row[4] or "[]") for row in rows]
        for name, values in (expect or {}).items():
            assert found[name] == values, f"{name}: {found[name]}"

    async def do_verify(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        found = [{"flow": p.flow, "key": p.key, "problem": p.problem} for p in await settled(host.verify())]
        assert found == expect["problems"], f"{found}"

    async def do_reviews(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        page = await settled(host.reviews())
        rows = [{"key": it.row["key"], "reviews": [review["id"] for review in it.reviews]} for it in page.rows]
        assert {"rows": rows, "next": page.next} == expect, f"{rows}"

    async def do_database(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        if isinstance(it, dict):
            self.world.failing = it["away"]
        else:
            self.world.is_away = it == "away"

    async def do_request(self, host: Any, it: Any, expect: Any, has: bool) -> None:
        is_async = inspect.iscoroutinefunction(host.tick)
        body = _body(it["body"], 0) if "body" in it else b""
        reply = request(host, it, body, self.next_page)
        status, headers, body = await reply if is_async else asyncio.run(reply)
        assert status == expect["status"], f"status {status}: {body[:200]!r}"
        for name, value in {**EVERY_REPLY, **expect.get("headers", {})}.items():
            assert headers.get(name.lower()) == value, f"{name}: {headers.get(name.lower())}"
        if "json" in expect:
            found = json.loads(body)
            fits(found, expect["json"])
            if "next" in found:
                self.next_page = found["next"]
        if "file" in expect:
            assert body == (SUITE.parent / "dashboard" / expect["file"]).read_bytes()
        assert "body" not in expect or body.decode() == expect["body"]
        for text in expect.get("not_in_body", []):
            assert text not in body.decode(), f"the body has {text}"


def _provider(it: Any) -> Provider:
    accounts = it.get("accounts")
    lookup = None
    if accounts is not None:

        def lookup(name: str) -> Account | None:
            found = accounts.get(name)
            secrets = found.get("webhook_secrets", ()) if found else ()
            return found and Account(found["api_key"], found.get("config", {}), secrets, **_limits(found))

    return Provider(
        api_key=it.get("api_key", ""), webhook_secrets=it.get("webhook_secrets", ()), config=it.get("config", {}),
        account=lookup, webhook_token=it.get("webhook_token"), **_limits(it),
    )  # fmt: skip


def _limits(it: Any) -> dict[str, Any]:
    return {name: it.get(name) for name in ("max_in_flight", "max_per_second")}


def _compare_facets(row: Any, expected: Any) -> None:
    facets = row.status()["facets"]
    for name, value in (expected or {}).items():
        assert facets[name] == value, f"facets: {facets}"


def _class(error: BaseException) -> str:
    if isinstance(error, UnknownRow):
        return "unknown"
    if isinstance(error, Pending):
        return "pending"
    for field, name in (("account", "account"), ("command", "invalid_input")):
        if isinstance(error, HostError) and str(error).startswith(f"{field}:"):
            return name
    return "database" if is_database(error) else "host" if isinstance(error, HostError) else "?"


def _body(body: Any, number: int) -> bytes:
    if isinstance(body, dict) and set(body) == {"size"}:
        return bytes(body["size"])
    return text_of(body).replace("$n", str(number)).encode()


def sign(provider: str, secret: str, body: bytes, now: int) -> dict[str, str]:
    """The headers with which a provider proves that a webhook is its own."""
    if provider == "truemed":
        return {"x-truemed-api-key": secret}
    name, at = f"msg_{hashlib.sha256(body).hexdigest()[:8]}", str(now // 1000)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": name, "webhook-timestamp": at, "webhook-signature": f"v1,{base64.b64encode(mac).decode()}"}


def postgres_url() -> str | None:
    return os.environ.get("RULEBOUND_TEST_POSTGRES")


def random_schema() -> str:
    return f"rb_{secrets.token_hex(6)}"
