"""Sending requests: the credential, the total deadline, and what becomes of a request as a fact."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from rulebound import facts

from ._kit import Kit, no_account
from ._types import Account, HostError, Incoming, NotSent, Outgoing, TooLarge
from ._visit import Work

LARGEST_BODY = 1 << 20
LATEST = 30
"""A request is sent only within so many seconds of its lease."""
Send: TypeAlias = Callable[[Outgoing], Incoming]
AsyncSend: TypeAlias = Callable[[Outgoing], Awaitable[Incoming]]
log = logging.getLogger("rulebound.host")


def prepare(kit: Kit, work: Work, account: Account) -> Outgoing:
    """The request of an effect, with the account's credential."""
    about = f"{work.flow} {work.key}"
    return _complete(kit, work.request, account, work.provider, work.account, work.effect["operation"], about)


def prepare_own(kit: Kit, provider: str, name: str, request: Mapping[str, Any]) -> Outgoing:
    """The request of no row: one that a question of the library built."""
    kit.settings(provider)
    if not isinstance(request, Mapping) or not {"method", "url", "headers", "credential", "body", "sending"} <= request.keys():
        raise HostError("send_request: `request` is no request. Pass what a function such as `truemed.list_payment_token(…)` returned, or its member `request`.")
    if request["sending"] != 0:
        raise HostError("send_request: this is a request of a row, which only a worker sends.")
    account = kit.account(provider, name)
    if account is None:
        raise no_account(provider, name)
    return _complete(kit, request, account, provider, name, "", "send_request")


def _complete(kit: Kit, request: Any, account: Account, provider: str, name: str, operation: str, about: str) -> Outgoing:
    """With the credential, which goes only to the provider's own origin."""
    url = urlsplit(str(request["url"]))
    if url.scheme != "https" and url.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise HostError(f"{about}: a credential is sent only with https, and {url.hostname} is not.")
    header, scheme = request["credential"]["header"], request["credential"]["scheme"]
    credential = f"{scheme} {account.api_key}" if scheme else account.api_key
    headers = {**request["headers"], header: credential}
    return Outgoing(request["method"], request["url"], headers, request["body"], kit.providers[provider].timeout, provider, name, operation)


def check_reply(kit: Kit, it: Outgoing, incoming: Incoming) -> Incoming:
    """A body that is too large counts as lost. After a 401 the account is looked up again."""
    if incoming.status == 401:
        kit.forget_account(it.provider, it.account)
    if len(incoming.body) > LARGEST_BODY:
        raise TooLarge(len(incoming.body))
    return incoming


def reply(kit: Kit, work: Work, it: Outgoing, incoming: Incoming) -> Any:
    """A reply as a fact."""
    check_reply(kit, it, incoming)
    return facts.reply(
        work.effect["id"], http_status=incoming.status, headers=dict(incoming.headers), body=incoming.body, sending=work.attempts
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
