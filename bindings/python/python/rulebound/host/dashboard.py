"""The dashboard: a static page and its JSON API, as an ASGI application that any framework can mount."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qs, urlsplit

import rulebound

from . import _admin, _visit
from ._adapters import is_database, needs_retry
from ._kit import NewerFormat, RowError
from ._types import Access, HostError, NoReview, UnknownRow

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
}
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
LARGEST_BODY = 16_384
NUL = "\0"
"""No name has it, and PostgreSQL takes no text with it."""
log = logging.getLogger("rulebound.host")


@dataclass(frozen=True)
class Visitor:
    """Who asks: what `access` decides on. The names of headers are in lower case; `scope` is ASGI's."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    scope: Mapping[str, Any]


@dataclass(frozen=True)
class Person:
    """What `access` can give in place of the word alone: what the person may do, and the name for the journal."""

    access: Access
    name: str


AccessCheck: TypeAlias = Callable[[Visitor], "Access | Person | Awaitable[Access | Person]"]


class Refused(Exception):
    """A reply that is an error: its status, its class and its code."""

    def __init__(self, status: int, kind: str, code: str) -> None:
        super().__init__(status, kind, code)
        self.status, self.kind, self.code = status, kind, code


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]


@cache
def _page() -> dict[str, bytes]:
    """The page's files, by their names."""
    folder = files("rulebound.host").joinpath("_files", "dashboard")
    return {it.name: it.read_bytes() for it in folder.iterdir() if it.is_file()}


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"content-type": TYPES["json"], **(headers or {})})


def _error(status: int, kind: str, code: str, headers: Mapping[str, str] | None = None) -> Answer:
    return _json({"error": {"class": kind, "code": code}}, status, headers)


class Dashboard:
    """The ASGI application. It is closed unless `access` opens it."""

    def __init__(self, host: Any, access: AccessCheck) -> None:
        self._host, self._access = host, access

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        answer = await self._answer(scope, receive)
        headers = {**HEADERS, **answer.headers, "content-length": str(len(answer.body))}
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _answer(self, scope: Any, receive: Any) -> Answer:
        visitor = _visitor(scope)
        try:
            access = self._access(visitor)
            if isinstance(access, Awaitable):
                access = await access
            actor = access.name if isinstance(access, Person) else "dashboard"
            access = access.access if isinstance(access, Person) else access
            if access not in ("all", "read_only"):
                raise Refused(403, "Forbidden", "access")
            return await self._route(visitor, access, actor, receive)
        except Refused as error:
            return _error(error.status, error.kind, error.code)
        except UnknownRow:
            return _error(404, "NotFound", "row")
        except Exception as error:
            if is_database(error) or needs_retry(error):
                return _error(503, "Unavailable", "database")
            log.exception("The dashboard failed")
            return _error(500, "Internal", type(error).__name__)

    async def _route(self, visitor: Visitor, access: Access, actor: str, receive: Any) -> Answer:
        path = visitor.path
        if path == "":
            return Answer(307, b"", {"location": visitor.scope.get("root_path", "") + "/"})
        path = path[1:]
        is_post = path in ("api/answer", "api/retry")
        name = "index.html" if path == "" else path
        is_file = name in _page() and name != "texts.json" and path != "index.html"
        if not is_file and not is_post and not self._is_view(path):
            raise Refused(404, "NotFound", "path")
        allowed = ("POST",) if is_post else ("GET", "HEAD")
        if visitor.method not in allowed:
            return _error(405, "MethodNotAllowed", visitor.method, {"allow": ", ".join(allowed)})
        if is_file:
            return Answer(200, _page()[name], {"content-type": TYPES[name.rsplit(".", 1)[1]]})
        if is_post:
            return _json({"row": await self._post(path, visitor, access, actor, receive)})
        if path == "api/texts":
            return Answer(200, _page()["texts.json"], {"content-type": TYPES["json"]})
        return _json(await self._view(path, visitor.query, access))

    @staticmethod
    def _is_view(path: str) -> bool:
        return path.startswith("api/lists/") or path in ("api/search", "api/row", "api/stats", "api/texts")

    async def _run(self, make: Callable[[], Any]) -> Any:
        """One transaction of the host, which blocks or awaits."""
        call = self._host._call
        return await call(make) if inspect.iscoroutinefunction(call) else await asyncio.to_thread(call, make)

    # What is read.

    async def _view(self, path: str, query: Mapping[str, str], access: Access) -> Any:
        kit = self._host._kit
        if path == "api/stats":
            stats, pauses = await self._run(lambda: _admin.stats(kit)), await self._run(lambda: _admin.pauses(kit))
            return {"gauges": asdict(stats), "access": access, "now": kit.clock(), "pauses": pauses}
        if path == "api/search":
            wanted = query.get("q", "")
            return {"rows": [] if NUL in wanted else await self._run(lambda: _admin.search(wanted))}
        if path == "api/row":
            return await self._row(query)
        name = path.removeprefix("api/lists/")
        if name not in _admin.VIEWS:
            raise Refused(404, "NotFound", "list")
        try:
            return await self._run(lambda: _admin.listed(kit, name, query.get("after")))
        except HostError:
            raise Refused(400, "BadRequest", "after") from None

    async def _row(self, query: Mapping[str, str]) -> Any:
        kit = self._host._kit
        for name in ("flow", "key"):
            if not query.get(name):
                raise Refused(400, "BadRequest", name)
        flow, key, before = query["flow"], query["key"], query.get("before")
        if before is not None and not re.fullmatch("[0-9]{1,15}", before):
            raise Refused(400, "BadRequest", "before")
        if NUL in flow + key:
            raise Refused(404, "NotFound", "row")
        record = await self._run(lambda: _admin.record(flow, key))
        if record is None:
            raise Refused(404, "NotFound", "row")
        seq = None if before is None else int(before)
        journal = await self._run(lambda: _admin.journal(flow, key, seq))
        views: dict[str, Any] = {"status": None, "effects": [], "waiting_for": [], "actions": [], "ids": []}
        try:
            row = await self._run(lambda: _visit.read(kit, flow, key))
            if row is not None:
                views = {
                    "status": without_secrets(row.status()), "effects": without_secrets(row.effects()), "actions": row.actions(),
                    "waiting_for": without_secrets(row.waiting_for()), "ids": without_secrets(row.snapshot.ids()),
                }  # fmt: skip
        except (RowError, NewerFormat, HostError, rulebound.InvalidInput):
            log.warning("%s %s cannot be loaded, and is shown without its views", flow, key)
        return {"row": record, **views, "journal": journal}

    # What a person does.

    async def _post(self, path: str, visitor: Visitor, access: Access, actor: str, receive: Any) -> Any:
        if access != "all":
            raise Refused(403, "Forbidden", "read_only")
        if not _is_same_origin(visitor):
            raise Refused(403, "Forbidden", "origin")
        given = _object(await _body(receive))
        is_answer = path == "api/answer"
        for member in ("flow", "key", "review", "verdict") if is_answer else ("flow", "key"):
            if not isinstance(given.get(member), str):
                raise Refused(400, "BadRequest", member)
        flow, key = given["flow"], given["key"]
        if flow not in rulebound.flows or NUL in key:
            raise Refused(404, "NotFound", "row")
        if not is_answer:
            await self._call(self._host.retry, flow, key, actor=actor)
        else:
            await self._answer_review(flow, key, given, actor)
        return await self._run(lambda: _admin.record(flow, key))

    async def _answer_review(self, flow: str, key: str, given: Any, actor: str) -> None:
        name = given.get("id")
        if name is not None and not isinstance(name, str):
            raise Refused(400, "BadRequest", "id")
        try:
            await self._call(self._host.answer, flow, key, given["review"], given["verdict"], id=name, actor=actor)
        except NoReview as error:
            raise (Refused(409, "Conflict", "review") if error.code == "review" else Refused(400, "BadRequest", error.code)) from None
        except rulebound.InvalidInput as error:
            raise Refused(400, "BadRequest", error.pointer.rsplit("/", 1)[-1] or "body") from None

    @staticmethod
    async def _call(method: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        if inspect.iscoroutinefunction(method):
            return await method(*arguments, **more)
        return await asyncio.to_thread(method, *arguments, **more)


def _visitor(scope: Any) -> Visitor:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode("latin-1"), True).items()}
    root, path = scope.get("root_path", ""), scope["path"]
    return Visitor(scope["method"], path.removeprefix(root), query, headers, scope)


def _is_same_origin(visitor: Visitor) -> bool:
    """Whether the dashboard's own page sent this, and no other site."""
    headers = visitor.headers
    if headers.get("content-type", "").split(";")[0].strip() != "application/json" or headers.get("x-rulebound") != "1":
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return bool(headers.get("host")) and urlsplit(headers.get("origin", "")).netloc == headers["host"]


async def _body(receive: Any) -> bytes:
    body = bytes()
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > LARGEST_BODY:
            raise Refused(413, "TooLarge", "body")
        if not message.get("more_body"):
            return body


def _object(body: bytes) -> dict[str, Any]:
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(400, "BadRequest", "body")
    return cast("dict[str, Any]", found)


def without_secrets(value: Any) -> Any:
    """A customer's page and a payment token are for nobody who looks: whether there is one is all that is said."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        is_token = members.get("kind") == "payment_token"
        hidden = {"customer_url", "payment_token", *(["id"] if is_token else [])}
        return {k: (v is not None or None) if k in hidden else without_secrets(v) for k, v in members.items()}
    if isinstance(value, list):
        return list(map(without_secrets, value))  # pyright: ignore[reportUnknownArgumentType]
    return value
