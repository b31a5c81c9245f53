"""The addresses of the webhooks, for Starlette and FastAPI. Every other framework calls `host.webhook` itself."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from ._types import HostError
from ._webhook import LARGEST_BODY


async def receive(host: Any, request: Any) -> int:
    """The status to reply with. A body of more than 1 MiB is turned away before it is read."""
    stated = request.headers.get("content-length", "0")
    if not stated.isdecimal() or int(stated) > LARGEST_BODY:
        return 413
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return 413
    provider, parts = request.path_params["provider"], [it for it in request.path_params.get("rest", "").split("/") if it]
    settings = host.providers.get(provider)
    # For a provider that does not sign, the last part is the one that nobody can guess.
    token = parts.pop() if parts and settings is not None and settings.webhook_token is not None else None
    if len(parts) > 1:
        return 404
    account, topic = parts[0] if parts else "", request.query_params.get("topic")
    call = {"account": account, "token": token, "topic": topic}
    if inspect.iscoroutinefunction(host.webhook):
        return int(await host.webhook(provider, request.headers, bytes(body), **call))
    return int(await asyncio.to_thread(host.webhook, provider, request.headers, bytes(body), **call))


def _endpoint(host: Any) -> Any:
    from starlette.requests import Request
    from starlette.responses import Response

    async def webhook(request: Request) -> Response:
        return Response(status_code=await receive(host, request))

    return webhook


PATHS = ("/webhooks/{provider}", "/webhooks/{provider}/{rest:path}")


def starlette_routes(host: Any) -> list[Any]:
    """Routes for `Starlette(routes=…)`."""
    try:
        from starlette.routing import Route
    except ImportError as error:
        raise HostError("The routes need Starlette: pip install 'rulebound[fastapi]'") from error
    return [Route(path, _endpoint(host), methods=["POST"]) for path in PATHS]


def fastapi_router(host: Any) -> Any:
    """A router for `app.include_router`."""
    try:
        from fastapi import APIRouter
    except ImportError as error:
        raise HostError("The router needs FastAPI: pip install 'rulebound[fastapi]'") from error
    router = APIRouter()
    for path in PATHS:
        router.add_route(path, _endpoint(host), methods=["POST"], include_in_schema=False)
    return router
