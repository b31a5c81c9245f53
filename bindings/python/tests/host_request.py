"""Requests to the dashboard, as a server passes them on, and the shapes of its replies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from rulebound.host import Person

EVERY_REPLY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


async def request(host: Any, it: Any, body: bytes, next_page: str | None) -> tuple[int, dict[str, str], bytes]:
    """Asks the dashboard, mounted at `/ops/`, as a server does."""
    headers = {"host": "127.0.0.1:8000"}
    if "json" in it:
        body = json.dumps(it["json"]).encode()
        headers |= {"content-type": "application/json", "x-rulebound": "1", "sec-fetch-site": "same-origin"}
    headers |= {name.lower(): value for name, value in it.get("headers", {}).items()}
    filled = {name: value.replace("{host}", headers["host"]) for name, value in headers.items() if value is not None}
    path, _, query = it["path"].replace("{next}", quote(next_page or "", safe="")).partition("?")
    scope = {
        "type": "http", "method": it["method"], "path": unquote(path), "root_path": "/ops", "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in filled.items()],
    }  # fmt: skip
    sent = list[Any]()

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    access = it.get("access", "all")
    granted = Person(**access) if isinstance(access, dict) else access
    await host.dashboard(lambda _: granted)(scope, receive, send)
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, sent[1]["body"]


TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda it: isinstance(it, str),
    "integer": lambda it: isinstance(it, int) and not isinstance(it, bool),
    "boolean": lambda it: isinstance(it, bool),
    "null": lambda it: it is None,
    "object": lambda it: isinstance(it, dict),
    "any": lambda _: True,
}


def fits(value: Any, shape: Any, at: str = "") -> None:
    """Whether a JSON value has a shape, as the contract of the host kits describes shapes."""
    if isinstance(shape, str):
        assert any(TYPES[it](value) for it in shape.split("|")), f"{at or '/'} is {value!r} and not {shape}"
    elif isinstance(shape, list):
        assert isinstance(value, list) and (shape or not value), f"{at or '/'} is {value!r}"
        for index, it in enumerate(value):
            fits(it, shape[0], f"{at}/{index}")
    elif "=" in shape:
        assert value == shape["="], f"{at or '/'} is {value!r} and not {shape['=']!r}"
    elif "#" in shape:
        assert isinstance(value, list) and len(value) == shape["#"], f"{at or '/'} is {value!r}"
        fits(value, [shape["each"]], at)
    else:
        assert isinstance(value, dict), f"{at or '/'} is {value!r}"
        for name in shape:
            assert name == "*" or name in value, f"{at}/{name} is missing"
        for name, it in value.items():
            assert name in shape or "*" in shape, f"{at}/{name} should not be there"
            fits(it, shape.get(name, shape.get("*")), f"{at}/{name}")
