"""What `Host` and `AsyncHost` have in common: everything that neither blocks nor awaits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import rulebound

from ._checks import check_handler, check_timeout, refuse_async
from ._kit import Handler, Kit
from ._rows import type_of
from ._sql import Dialect
from ._types import Done, Kind, Provider, Stats
from ._visit import Locked, Work

F = TypeVar("F", bound=Callable[..., Any])
GRACE = 30
"""How many seconds a worker has to leave."""
VISITS = 1_000
"""More visits in one `tick` are a loop that does not end."""
log = logging.getLogger("rulebound.host")


class Base:
    """The settings, the handlers and the log of a host."""

    _awaits = False

    def __init__(
        self,
        kind: str,
        providers: Mapping[str, Provider],
        config: Mapping[str, Any] | None,
        clock: Callable[[], int] | None,
        schema: str,
        keep_journal_days: float,
        keep_inbox_days: float,
    ) -> None:
        self._dialect = Dialect(kind, schema, own_clock=clock is not None)
        self._kit = Kit(self._dialect, providers, config or {}, clock)
        for name, provider in providers.items():
            refuse_async(f"providers/{name}/account", provider.account, self._awaits)
        self._keep = (keep_journal_days, keep_inbox_days)
        self._started = False
        self.restored_rows = 0
        """How many rows the last `doctor(restored=…)` has told of the backup."""
        self._leaves_at: float | None = None
        self._done: Done | None = None
        self._last_stats: Stats | None = None
        self._upkeep_at = {"formats": 0.0, "stats": 0.0, "prune": 0.0}

    def on(self, kind: Kind, *, timeout: float = 30) -> Callable[[F], F]:
        """Carries out effects of a kind, outside any transaction: at least once; `row.effect_key(effect)` tells repeats apart."""

        def register(function: F) -> F:
            check_handler(kind, function, ("effect", "row"), self._awaits)
            check_timeout(f"{kind}: timeout", timeout)
            self._kit.register(kind, Handler(function, False, timeout))
            return function

        return register

    def on_tx(self, kind: Kind) -> Callable[[F], F]:
        """Carries out effects of a kind with SQL only: its rows and `done` commit together, or not at all."""

        def register(function: F) -> F:
            check_handler(kind, function, ("effect", "row", "tx"), self._awaits)
            self._kit.register(kind, Handler(function, True, 30))
            return function

        return register

    def ignore(self, kind: Kind) -> None:
        """Effects of this kind need nothing: they are done without a handler."""
        self._kit.register(kind, Handler(None, False, 30))

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The providers that the host works with, by their names."""
        return self._kit.providers

    def _is_stopping(self) -> bool:
        return self._leaves_at is not None

    def _may_retry(self) -> bool:
        return self._leaves_at is None or time.monotonic() < self._leaves_at

    def _is_due(self, upkeep: str, every: float) -> bool:
        if time.monotonic() < self._upkeep_at[upkeep]:
            return False
        self._upkeep_at[upkeep] = time.monotonic() + every
        return True

    def _leave(self, work: Work) -> None:
        """Gives the place of a request back: it has ended, or was not begun."""
        self._kit.limits.leave((work.provider, work.account), (work.flow, work.key))

    def _note_sent(self, work: Work) -> None:
        if self._done:
            self._done.sent.append(work.effect["operation"])
            self._done.credentials.append(work.account)

    def _note_handled(self, work: Work) -> None:
        if self._done:
            self._done.handled.append(work.effect["id"])

    def _report_rejected(self, flow: str, key: str, command: Any, actor: str | None, rejected: rulebound.Rejected) -> None:
        """Logs who was rejected. The journal has it only if the transaction is the host's own."""
        rules = [it["rule"] for it in rejected.violations]
        about = {"flow": flow, "key": key, "command": type_of(command), "actor": actor, "rules": rules}
        log.info("%s %s: rejected %s", flow, key, " ".join(rules), extra={"rulebound": about})

    def _report(self, locked: Locked | None) -> None:
        """Logs what a transaction did, once it is committed. No failure, warning or rejection is silent."""
        for it in locked.lines if locked else ():
            level = logging.WARNING if it.failure or it.rules or it.kind in ("error", "rejected") else logging.INFO
            if not log.isEnabledFor(level):
                continue
            about = {
                "flow": locked.flow if locked else "", "key": locked.key if locked else "", "kind": it.kind,
                "revision": it.revision, "effect": it.effect, "code": it.code, "http_status": it.http_status,
                "rules": it.rules, "transitions": it.transitions, "failure": it.failure,
            }  # fmt: skip
            what = it.failure["kind"] if it.failure else it.code or ""
            log.log(level, "%s %s: %s %s %s", about["flow"], about["key"], it.kind, it.effect or "", what, extra={"rulebound": about})
