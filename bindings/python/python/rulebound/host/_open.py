"""The calls of an `AsyncHost` in a transaction that it lends: one that nobody awaits would be lost, and the rest would commit."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ._types import HostError

T = TypeVar("T")


@dataclass(eq=False)
class _Call:
    """A call that has not ended: what the caller has to await, and what this awaits."""

    inner: Coroutine[Any, Any, Any]
    outer: Coroutine[Any, Any, Any] | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def end(self) -> None:
        """One that has not begun never does; another ends before its transaction, outside which it would go on."""
        if self.outer is not None and inspect.getcoroutinestate(self.outer) == inspect.CORO_CREATED:
            self.outer.close()
            self.inner.close()
        else:
            await self.ended.wait()


class OpenCalls:
    """The calls in each transaction that have not ended."""

    def __init__(self) -> None:
        self._calls: dict[int, list[_Call]] = {}

    @asynccontextmanager
    async def lent(self, tx: Any, what: str) -> AsyncGenerator[None]:
        """Counts the calls in this transaction, and refuses to end it while one of them is open."""
        calls = self._calls[id(tx)] = []
        try:
            yield
            if calls:
                raise HostError(
                    f"{what}: a call of the host with its `tx`, such as `host.handle`, was not awaited, and would be lost. "
                    "All is rolled back. Write `await` before it."
                )
        finally:
            del self._calls[id(tx)]
            for it in list(calls):
                await it.end()

    def counted(self, tx: Any, inner: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """The call; in a transaction that the host has not begun it is the caller's alone."""
        calls = self._calls.get(id(tx))
        if calls is None:
            return inner
        call = _Call(inner)

        async def run() -> T:
            try:
                return await inner
            finally:
                calls.remove(call)
                call.ended.set()

        outer = call.outer = run()
        calls.append(call)
        return outer
