"""What an application gives to a host, and what it gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from rulebound import Snapshot
    from rulebound.types import Config, FlexSettings, PendingEffect, PendingEffectReview, RevupSettings, TruemedSettings, VendSettings, Wait

    Settings: TypeAlias = TruemedSettings | FlexSettings | VendSettings | RevupSettings

Kind: TypeAlias = Literal["notify", "fulfill", "access"]
KINDS: tuple[Kind, ...] = ("notify", "fulfill", "access")
Access: TypeAlias = Literal["all", "read_only", "forbidden"]

A = TypeVar("A", covariant=True)
S = TypeVar("S", covariant=True)


class HostError(Exception):
    """A mistake in how the host is used or set up. The message names the cure."""


class Retry(Exception):
    """Only a new transaction can cure this: a deadlock, or a database that is busy. Roll back, and begin again."""


class NeedsLookup(Retry):
    """An account is not known, and nothing is looked up in the caller's transaction, whose locks the lookup could wait for."""

    def __init__(self, provider: str, account: str) -> None:
        super().__init__(
            f"The account `{account}` of {provider} must be looked up before the transaction: roll back, call `host.look_up`, and begin "
            "again. `host.transaction` looks it up by itself."
        )
        self.provider, self.account = provider, account


class ConfigError(HostError):
    """A mistake in the config of a provider or of an account. The message names the member."""


class UnknownRow(HostError):
    """There is no row with this flow and key."""


class NoReview(HostError):
    """The row has no such open review now, or the review does not offer this verdict. `code` is `review`, `verdict` or `id`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Pending(HostError):
    """The row has an effect or a wait that is pending, so that it cannot be forgotten."""


class NotSent(Exception):
    """A transport raises this if not a byte of the request was written: no connection was opened."""


class TooLarge(Exception):
    """A transport raises this if a reply's body is larger than 1 MiB."""


def _defaults() -> TruemedSettings:
    """Every setting of every provider has a default."""
    return {}


@dataclass(frozen=True)
class Account:
    """One of several accounts at a provider: `config` has the settings that differ from the provider's, and a limit that is
    not `None` counts instead of the provider's."""

    api_key: str = field(repr=False)
    config: Settings = field(default_factory=_defaults)
    webhook_secrets: Sequence[str] = field(default=(), repr=False)
    max_in_flight: int | None = None
    max_per_second: int | None = None


AccountLookup: TypeAlias = Callable[[str], "Account | None | Awaitable[Account | None]"]


@dataclass(frozen=True)
class Provider:
    """How the host works with a provider.

    `config` has the provider's settings, as in the library's config. `account` looks up one of several accounts by its
    name. `webhook_token` is the part of the address that nobody can guess, for a provider that does not sign. `timeout`
    is the total time of a request, in seconds. Of each account, this process has at most `max_in_flight` requests in flight,
    and begins at most `max_per_second` of them in a second.
    """

    api_key: str = field(default="", repr=False)
    webhook_secrets: Sequence[str] = field(default=(), repr=False)
    config: Settings = field(default_factory=_defaults)
    account: AccountLookup | None = None
    webhook_token: str | None = field(default=None, repr=False)
    timeout: float = 30
    max_in_flight: int | None = None
    max_per_second: int | None = None


@dataclass(frozen=True)
class Outgoing:
    """One HTTP request, complete with the credential. Redirects must not be followed."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: str | None = field(repr=False)
    timeout: float
    provider: str
    account: str
    operation: str
    """Empty for `send_request`."""


@dataclass(frozen=True)
class Incoming:
    """The provider's reply, as it came."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes | str = field(default=b"", repr=False)


@dataclass(frozen=True)
class Import:
    """A row to adopt: `command` is the provider's lookup."""

    flow: Any
    key: str
    command: Mapping[str, Any]
    account: str = ""
    reference: str | None = None


@dataclass(frozen=True)
class Row(Generic[A, S]):
    """One snapshot and what the host knows about it, with the clock and the config bound."""

    flow: str
    key: str
    account: str
    reference: str | None
    revision: int
    wake_at: int | None
    reviews: int
    failing: int
    tries: int
    last_error: str | None
    created_at: int
    updated_at: int
    snapshot: Snapshot[Any, A, S] = field(repr=False)
    _now: Callable[[], int] = field(repr=False, compare=False)
    _config: Config = field(repr=False, compare=False)

    def effect_key(self, effect: Mapping[str, Any]) -> str:
        """Names an effect among all rows: a primary key, or an idempotency key. An effect's id alone is unique in its row only."""
        return f"{self.flow}/{self.key}/{effect['id']}"

    def status(self) -> S:
        """How the lifecycle is now."""
        return self.snapshot.status(now=self._now(), config=self._config)

    def actions(self) -> list[A]:
        """Every action: whether it is allowed now, or why not."""
        return self.snapshot.actions(now=self._now(), config=self._config)

    def effects(self) -> list[PendingEffect]:
        """What a worker must do."""
        return self.snapshot.effects(now=self._now(), config=self._config)

    def waiting_for(self) -> list[Wait]:
        """What the provider or the customer must do."""
        return self.snapshot.waiting_for(now=self._now(), config=self._config)


@dataclass(frozen=True)
class OpenReviews:
    """A row, with the columns that the dashboard's API has, and its open reviews."""

    row: Mapping[str, Any]
    reviews: Sequence[PendingEffectReview]


@dataclass(frozen=True)
class ReviewPage:
    """One page of the rows with a question for a person; `next` is the `after` of the next page, or `None`."""

    rows: Sequence[OpenReviews]
    next: str | None


@dataclass
class Done:
    """What `tick` did, each in order."""

    sent: list[str] = field(default_factory=list[str])
    """The operations of the requests."""
    credentials: list[str] = field(default_factory=list[str])
    """The account of each request."""
    handled: list[str] = field(default_factory=list[str])
    """The ids of the effects whose handlers were called."""
    visits: int = 0
    """How often a row or a webhook was looked at."""


@dataclass(frozen=True)
class Stats:
    """The gauges. Durations are milliseconds; 0 if there is nothing."""

    oldest_overdue_ms: int
    """How long the row that has been due for the longest time has waited."""
    due: int
    """How many rows are due."""
    inbox_age_ms: int
    """The age of the oldest webhook in the inbox."""
    failing_effects: int
    """How many effects were tried five times or more; each row that cannot be worked on counts as one more."""
    reviews_open: int
    """How many questions wait for a person."""
    accounts_paused: int
    """How many accounts take no requests now."""
    oldest_held_ms: int
    """How long the oldest row that rests for a paused account has not changed."""
    refused_in_day: int
    """How many requests the providers refused within 24 hours."""


@dataclass(frozen=True)
class Problem:
    """What `verify` or `doctor` found."""

    problem: str
    """`gap` or `digest` of a journal; `schema`, `database`, `account` or `row`."""
    detail: str
    """What it is, and its cure."""
    flow: str | None = None
    key: str | None = None
