"""The native part of `rulebound`: use it by way of `rulebound` itself."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import GenericAlias, MappingProxyType
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar, final

from typing_extensions import disjoint_base

from .types import Awaited, Because, Catalogue, Fact, Failure, Origin, Owed, Policy, Request, Versions, Violation

__all__ = [
    "Observation",
    "Snapshot",
    "Transition",
    "__version__",
    "acknowledgement",
    "ask",
    "authenticate",
    "call",
    "catalogue",
    "correlate",
    "flows",
    "key_of",
    "load",
    "versions",
]

_Command = TypeVar("_Command", contravariant=True)
_Settings = TypeVar("_Settings", contravariant=True)
_Offer = TypeVar("_Offer", covariant=True)
_Snapshot = TypeVar("_Snapshot", covariant=True)

_Bytes: TypeAlias = bytes | bytearray | memoryview
_Header: TypeAlias = tuple[str | bytes, str | bytes | None]

class _Items(Protocol):
    def items(self) -> Iterable[_Header]: ...

__version__: str
"""The version of the library."""

flows: MappingProxyType[str, Any]
"""The class of every flow, by the flow's id."""

@disjoint_base
class Snapshot(Generic[_Command, _Settings, _Offer]):
    """One lifecycle as it stands, with everything that is owed.

    A value: every decision leaves it as it was and gives the next one. It may be shared between threads, compared,
    pickled and used as a key.
    """

    @property
    def flow(self) -> str:
        """The id of its flow, such as `truemed.payment_token`."""

    @property
    def key(self) -> str:
        """The host's name for it."""

    @property
    def revision(self) -> int:
        """How often it has changed: the number to compare when it is saved."""

    def save(self) -> str:
        """Its JSON, in the newest format."""

    def save_as(self, format: int) -> str:
        """Its JSON in an older format, so that workers of the previous release can read it."""

    def handle(
        self, command: _Command, *, now: int | datetime, policy: Policy | None = None, settings: _Settings | None = None
    ) -> Transition[Self]:
        """What the host wants: `begin`, or one of the provider's operations.

        Raises `Refused` with every rule that the command breaks, and then nothing has changed.
        """

    def observe(
        self, fact: Fact, *, now: int | datetime, policy: Policy | None = None, settings: _Settings | None = None
    ) -> Observation[Self]:
        """What has happened. Facts are never refused: one that moves nothing says why."""

    def owed(
        self, *, now: int | datetime, policy: Policy | None = None, settings: _Settings | None = None
    ) -> list[Owed]:
        """What a worker must do, each once."""

    def awaits(
        self, *, now: int | datetime, policy: Policy | None = None, settings: _Settings | None = None
    ) -> list[Awaited]:
        """What others must do: the provider, or the customer."""

    def offers(
        self, *, now: int | datetime, policy: Policy | None = None, settings: _Settings | None = None
    ) -> list[_Offer]:
        """What may be wished now, and what stands in the way of the rest."""

    def deadline(
        self, *, now: int | datetime, policy: Policy | None = None, settings: _Settings | None = None
    ) -> int | None:
        """When what is owed, awaited or offered next changes by itself, in milliseconds since the Unix epoch."""

    def correlation_ids(self) -> list[str]:
        """The ids by which a webhook finds this snapshot."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: dict[int, Any], /) -> Self: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    @classmethod
    def __class_getitem__(cls, key: Any) -> GenericAlias: ...

@disjoint_base
class Transition(Generic[_Snapshot]):
    """What an accepted command leads to: nothing, until its next snapshot is saved.

    What it says is made anew whenever it is asked for: changing that changes no transition.
    """

    @property
    def next(self) -> _Snapshot:
        """The next snapshot; of the same revision where nothing has changed."""

    @property
    def changed(self) -> bool:
        """Whether the next snapshot differs from the one before."""

    @property
    def take(self) -> Request | None:
        """The complete request that was begun. Save before you send it."""

    @property
    def learnt(self) -> list[str]:
        """Ids that are known from now on: offer the inbox rows that name them again."""

    @property
    def failure(self) -> Failure | None:
        """The provider's refusal that this fact brought."""

    @property
    def warnings(self) -> list[Violation]:
        """Rules that are broken and only warned about."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: dict[int, Any], /) -> Self: ...
    @classmethod
    def __class_getitem__(cls, key: Any) -> GenericAlias: ...

@final
class Observation(Transition[_Snapshot]):
    """What a fact leads to: a transition, of which nothing is to be saved unless it was applied."""

    @property
    def applied(self) -> bool:
        """Whether it moved the flow."""

    @property
    def because(self) -> Because | None:
        """Why it moved nothing: `known`, `early`, `unrelated` or `unreadable`."""

def load(text: str | _Bytes) -> Any:
    """Reads a snapshot of whichever flow, as an object of that flow's own class."""

def key_of(kind: str, name: str) -> str:
    """The key of a flow whose identity is the provider's own thing, such as a token that can be used once.

    The provider's page names the kinds, such as `revup.token`.
    """

def authenticate(
    provider: str,
    secrets: str | Sequence[str],
    headers: _Items | Sequence[_Header],
    body: _Bytes | str,
    now: int | datetime,
    tolerance: int | None = None,
) -> Origin:
    """Whether a webhook is the provider's: its origin, `verified` or `unverified`.

    Call it with the raw body, before anything else reads it. Raises `NotAuthentic` for one that must change nothing. What a
    provider does not sign is always `unverified`. `tolerance` is how far from now a signature may be, in milliseconds: 5
    minutes at Flex, and any at Truemed, unless told.
    """

def correlate(provider: str, body: _Bytes | str) -> list[str]:
    """The ids by which a webhook finds its snapshots, among those that `correlation_ids` gave."""

def acknowledgement(provider: str) -> int:
    """The status that the provider wants for a webhook that was stored."""

def ask(provider: str, question: str, fields: Mapping[str, Any]) -> Any:
    """Answers a question to one of the provider's pure modules, such as which items of a cart are eligible.

    Raises `Malformed` where there is no such question, or where its fields are not what it takes.
    """

def catalogue() -> Catalogue:
    """Everything that the library knows, as it is published: rules, flows, edges and wishes."""

def versions() -> Versions:
    """The versions of the library, of the rules and of the call protocol."""

def call(request: str) -> str:
    """Does one verb, from JSON text to JSON text: what every language has."""
