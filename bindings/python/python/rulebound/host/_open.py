"""The calls of an `AsyncHost` in a transaction of the caller: one that nobody awaits would be lost, and the rest would commit."""

from __future__ import annotations

import inspect
from collections.abc import Coroutine
from typing import Any, TypeVar

from ._types import HostError

T = TypeVar("T")


class OpenCalls:
    """The calls in each transaction that have not ended."""

    def __init__(self) -> None:
        self._calls: dict[int, list[tuple[Coroutine[Any, Any, Any], Coroutine[Any, Any, Any]]]] = {}

    def begin(self, tx: Any) -> None:
        """From now on the calls in this transaction are counted."""
        self._calls[id(tx)] = []

    def counted(self, tx: Any, call: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """The call; in a transaction that the host has not begun it is the caller's alone."""
        calls = self._calls.get(id(tx))
        if calls is None:
            return call

        async def run() -> T:
            try:
                return await call
            finally:
                calls.remove(both)

        running = run()
        both = (running, call)
        calls.append(both)
        return running

    def check(self, tx: Any) -> None:
        """Refuses a transaction with a call that was not awaited."""
        if self._calls.get(id(tx)):
            raise HostError(
                "transaction: a call of `handle` with its `tx` was not awaited, and would be lost. All is rolled back. Write `await` before it."
            )

    def end(self, tx: Any) -> None:
        """The transaction has ended: a call that has not begun never does."""
        for running, call in self._calls.pop(id(tx), []):
            if inspect.getcoroutinestate(running) == inspect.CORO_CREATED:
                running.close()
                call.close()
