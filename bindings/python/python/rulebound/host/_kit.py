"""What both hosts share: the providers, the handlers, the clock, and the accounts that were looked up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import rulebound

from ._checks import check_account, check_clock, check_providers
from ._limits import Limit, Limits
from ._sql import Dialect
from ._types import KINDS, Account, HostError, Kind, Provider

CACHED_MS = 60_000
_FLOW_IDS = {cls: flow for flow, cls in rulebound.flows.items()}


class NeedsAccount(Exception):
    """An account must be looked up, outside the transaction, before the row can be worked on."""

    def __init__(self, provider: str, account: str) -> None:
        super().__init__(provider, account)
        self.provider, self.account = provider, account
        self.row: tuple[str, str] | None = None
        self.read: tuple[int, int] | None = None


class RowError(Exception):
    """A row that cannot be loaded, or whose decision raises."""

    def __init__(self, flow: str, key: str, cause: BaseException, read: tuple[int, int] | None = None) -> None:
        super().__init__(f"{flow} {key}: {describe(cause)}")
        self.flow, self.key, self.cause = flow, key, cause
        self.read = read
        """The row's revision and tries when it was read: what another worker has counted since is not counted twice."""


class LookupFailed(RowError):
    """A row whose account cannot be looked up now: it rests, and counts no try."""


class NewerFormat(Exception):
    """A row that a newer release has saved."""

    def __init__(self, flow: str, key: str) -> None:
        super().__init__(f"{flow} {key} has a format of a newer release. Deploy that release to every worker.")
        self.flow, self.key = flow, key


def describe(error: BaseException) -> str:
    """The class and the code of an error, without customers' data."""
    code = getattr(error, "code", None)
    if isinstance(error, rulebound.Rejected):
        code = " ".join(it["rule"] for it in error.violations)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


def system_clock() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Handler:
    """What carries out the effects of one kind; `call` is `None` where the kind is ignored."""

    call: Callable[..., Any] | None
    in_transaction: bool
    timeout: float


class Kit:
    """The settings of a host and what it remembers. It does no I/O."""

    def __init__(
        self,
        dialect: Dialect,
        providers: Mapping[str, Provider],
        config: Mapping[str, Any],
        clock: Callable[[], int] | None,
    ) -> None:
        check_providers(providers, config)
        self.dialect = dialect
        self.providers = dict(providers)
        self.clock = check_clock(clock) if clock else system_clock
        self.given_clock = clock
        self.handlers: dict[Kind, Handler] = {}
        self.formats: dict[str, int] = {}
        self.has_read_again = False
        """Whether a worker of this process has read the entries again that an older release could not read."""
        self.limits = Limits()
        self.warned: set[tuple[str, str]] = set()
        """The webhooks' addresses without a secret that were told."""
        self._base = dict(config)
        self._own_accounts = {name: Account(it.api_key, {}, it.webhook_secrets) for name, it in self.providers.items()}
        self._configs: dict[tuple[str, str, float], Any] = {}
        self._accounts: dict[tuple[str, str], tuple[float, Account | None]] = {}

    # The clock.

    def now(self, of_row: int | None) -> int:
        """The time that came with a row, or the host's own where the database gives none."""
        return self.clock() if of_row is None else of_row

    def due(self) -> int | None:
        """The parameter of `{due}`: nothing where the database has the clock."""
        return None if self.dialect.own_clock else self.clock()

    # Handlers.

    def register(self, kind: Kind, handler: Handler) -> None:
        if kind not in KINDS:
            raise HostError(f"There is no effect `{kind}`. Use one of {', '.join(KINDS)}.")
        if kind in self.handlers:
            raise HostError(f"`{kind}` has a handler already. Remove one of the two.")
        self.handlers[kind] = handler

    def check_handlers(self) -> None:
        if missing := [kind for kind in KINDS if kind not in self.handlers]:
            names = ", ".join(f"`{kind}`" for kind in missing)
            raise HostError(f"A worker needs a handler for {names}: use `host.on`, `host.on_tx` or `host.ignore`.")

    # Accounts and config.

    def provider(self, flow: str) -> Provider:
        return self.settings(provider_of(flow))

    def settings(self, provider: str) -> Provider:
        if provider not in self.providers:
            raise HostError(f"The host has no provider `{provider}`. Add it to `providers`.")
        return self.providers[provider]

    def account(self, provider: str, name: str) -> Account | None:
        """An account; raises `NeedsAccount` if it must be looked up first."""
        if not name:
            own = self._own_accounts[provider]
            return own if own.api_key else None
        if self.providers[provider].account is None:
            return None
        until, found = self._accounts.get((provider, name), (0.0, None))
        if until <= time.monotonic():
            raise NeedsAccount(provider, name)
        return found

    def webhook_account(self, provider: str, name: str) -> Account | None:
        """The provider's own address has its own secrets, also if each request is an account's."""
        return self.account(provider, name) if name else self._own_accounts[provider]

    def remember(self, provider: str, name: str, account: Account | None) -> None:
        if account is not None:
            check_account(provider, name, account, self.providers[provider], self._base)
        if self._accounts.get((provider, name), (0, None))[1] != account:
            self._configs.clear()
        self._accounts[provider, name] = (time.monotonic() + CACHED_MS / 1000, account)

    def keeps(self, provider: str, name: str) -> bool:
        """Whether something was said of an account, however long ago: in the caller's transaction that counts for a moment more."""
        found = self._accounts.get((provider, name))
        if found:
            self._accounts[provider, name] = (time.monotonic() + 1, found[1])
        return found is not None

    def forget_account(self, provider: str, name: str) -> None:
        """After a 401 the account is looked up again."""
        self._accounts.pop((provider, name), None)

    def config(self, flow: str, account: str, timeout: float = 30) -> Any:
        """The library's config for a row: the same object each time, so that it is read once."""
        provider = provider_of(flow)
        settings = self.provider(flow)
        found_account = self.account(provider, account)
        found = self._configs.get((provider, account, timeout))
        if found is None:
            if found_account is None:
                raise no_account(provider, account)
            own = {**settings.config, **found_account.config}
            found = {**self._base, provider: own, "lease_ms": _lease_ms(timeout)}
            self._configs[provider, account, timeout] = found
        return found

    def lease_ms(self, flow: str, kind: str) -> int:
        return _lease_ms(self.timeout(flow, kind))

    def timeout(self, flow: str, kind: str) -> float:
        if kind == "request":
            return self.provider(flow).timeout
        handler = self.handlers.get(kind)  # type: ignore[call-overload]
        return handler.timeout if handler else 30

    def limit(self, provider: str, name: str) -> Limit:
        """The limits of an account: its own, otherwise the provider's."""
        settings, account = self.providers[provider], self.account(provider, name)
        in_flight = account.max_in_flight if account else None
        per_second = account.max_per_second if account else None
        return Limit(
            settings.max_in_flight if in_flight is None else in_flight,
            settings.max_per_second if per_second is None else per_second,
        )

    # Snapshots.

    def load(self, flow: str, key: str, text: str) -> Any:
        """Reads a stored snapshot. A newer format is told apart from one that cannot be read."""
        try:
            return rulebound.load(text)
        except rulebound.InvalidInput as error:
            if error.pointer == "/snapshot/format" and _format_of(text) > newest_format(flow):
                raise NewerFormat(flow, key) from error
            raise

    def save(self, snapshot: Any) -> str:
        """The text of a snapshot, in the format that every worker reads."""
        known = self.formats.get(snapshot.flow)
        is_newest = known is None or known == newest_format(snapshot.flow)
        text: str = snapshot.save() if is_newest else snapshot.save_as(known)
        return text


def account_of(provider: str, account: str) -> str:
    """An account in words: most providers have only one, which has no name."""
    return f"account `{account}` of {provider}" if account else f"account of {provider}"


def no_account(provider: str, account: str) -> HostError:
    if account:
        return HostError(f"account: the provider `{provider}` has no account `{account}`.")
    return HostError(
        f"account: it is missing. The provider `{provider}` has several accounts and no `api_key` of its own: name one with `account=`."
    )


def _lease_ms(timeout: float) -> int:
    return int(timeout * 1000) + 60_000


def _format_of(text: str) -> int:
    try:
        number = json.loads(text)["format"]
    except (ValueError, KeyError, TypeError):
        return 0
    return number if isinstance(number, int) else 0


@cache
def newest_format(flow: str) -> int:
    formats = rulebound.versions()["formats"]
    return max(formats.get(flow, [0]))


def flow_id(flow: Any) -> str:
    """The id of a flow that is given as its class or as its id."""
    found = flow if isinstance(flow, str) and flow in rulebound.flows else _FLOW_IDS.get(flow)
    if found is None:
        raise HostError(f"flow: there is no flow `{flow}`. Use a class such as `truemed.PaymentToken`, or its id.")
    return found


@lru_cache(64)
def provider_of(flow: str) -> str:
    return flow.partition(".")[0]
