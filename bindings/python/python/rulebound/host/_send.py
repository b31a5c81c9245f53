"""Sending requests: the credential, the total deadline, and what becomes of a request as a fact."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from rulebound import facts

from ._kit import Kit
from ._types import Account, HostError, Incoming, NotSent, Outgoing, TooLarge
from ._visit import Work

LARGEST_BODY = 1 << 20
LATEST = 30
"""A request is sent only within so many seconds of its lease."""
Send: TypeAlias = Callable[[Outgoing], Incoming]
AsyncSend: TypeAlias = Callable[[Outgoing], Awaitable[Incoming]]
log = logging.getLogger("rulebound.host")


def prepare(kit: Kit, work: Work, account: Account) -> Outgoing:
    """The request with the account's credential, which goes only to the provider's own origin."""
    request = work.request
    url = urlsplit(request["url"])
    if url.scheme != "https" and url.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise HostError(f"{work.flow} {work.key}: a credential is sent only with https, and {url.hostname} is not.")
    header, scheme = request["credential"]["header"], request["credential"]["scheme"]
    credential = f"{scheme} {account.api_key}" if scheme else account.api_key
    headers = {**request["headers"], header: credential}
    timeout = kit.providers[work.provider].timeout
    operation = work.effect["operation"]
    return Outgoing(request["method"], request["url"], headers, request["body"], timeout, work.provider, work.account, operation)


def reply(kit: Kit, work: Work, incoming: Incoming) -> Any:
    """A reply as a fact; a body that is too large counts as lost. After a 401 the account is looked up again."""
    if incoming.status == 401:
        kit.forget_account(work.provider, work.account)
    if len(incoming.body) > LARGEST_BODY:
        raise TooLarge(len(incoming.body))
    sending = work.attempts
    return facts.reply(
        work.effect["id"], http_status=incoming.status, headers=dict(incoming.headers), body=incoming.body, sending=sending
    )


def no_reply(work: Work, error: BaseException) -> Any:
    """What an error of a transport means: nothing was written, or the outcome is unknown."""
    log.warning(
        "%s %s: `%s` got no reply: %s", work.flow, work.key, work.effect["id"], type(error).__name__,
        extra={"rulebound": {"flow": work.flow, "key": work.key, "effect": work.effect["id"]}},
    )  # fmt: skip
    if isinstance(error, (NotSent, HostError)):
        return facts.not_sent(work.effect["id"], sending=work.attempts)
    return facts.lost(work.effect["id"], sending=work.attempts)


class HttpxSend:
    """The default transport that blocks: httpx2, one client for all providers."""

    def __init__(self) -> None:
        self._httpx = httpx = import_httpx()
        self._client = httpx.Client(follow_redirects=False)
        self._threads = ThreadPoolExecutor(32, thread_name_prefix="rulebound-send")

    def __call__(self, it: Outgoing) -> Incoming:
        # A client's timeouts are for each read. Only another thread makes the deadline a total one.
        pending = self._threads.submit(self._send, it)
        try:
            return pending.result(it.timeout)
        except FutureTimeout:
            pending.cancel()
            raise

    def _send(self, it: Outgoing) -> Incoming:
        httpx, ends = self._httpx, time.monotonic() + it.timeout
        try:
            with self._client.stream(it.method, it.url, headers=it.headers, content=it.body, timeout=it.timeout) as got:
                body = bytearray()
                for chunk in got.iter_bytes():
                    body += chunk
                    if len(body) > LARGEST_BODY:
                        raise TooLarge(len(body))
                    if time.monotonic() > ends:
                        raise FutureTimeout
                return Incoming(got.status_code, dict(got.headers), bytes(body))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(str(error)) from error

    def close(self) -> None:
        self._client.close()
        self._threads.shutdown(wait=False, cancel_futures=True)


class AsyncHttpxSend:
    """The default transport that awaits."""

    def __init__(self) -> None:
        self._httpx = httpx = import_httpx()
        self._client = httpx.AsyncClient(follow_redirects=False)

    async def __call__(self, it: Outgoing) -> Incoming:
        async with asyncio.timeout(it.timeout):
            return await self._send(it)

    async def _send(self, it: Outgoing) -> Incoming:
        httpx = self._httpx
        try:
            request = self._client.stream(it.method, it.url, headers=it.headers, content=it.body, timeout=it.timeout)
            async with request as got:
                body = bytearray()
                async for chunk in got.aiter_bytes():
                    body += chunk
                    if len(body) > LARGEST_BODY:
                        raise TooLarge(len(body))
                return Incoming(got.status_code, dict(got.headers), bytes(body))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(str(error)) from error

    async def close(self) -> None:
        await self._client.aclose()


def import_httpx() -> Any:
    try:
        import httpx2
    except ImportError as error:
        raise HostError("Sending needs httpx2: pip install 'rulebound[host]', or pass `send=`.") from error
    return httpx2
