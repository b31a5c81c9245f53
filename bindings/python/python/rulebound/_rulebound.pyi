"""The native part of `rulebound`: import `rulebound` instead."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import GenericAlias, MappingProxyType
from typing import Any, Generic, Protocol, Self, TypeAlias, final

from typing_extensions import TypeVar, disjoint_base

from .types import (
    Catalogue,
    Config,
    Fact,
    FacetTransition,
    Failure,
    FlowId,
    Ignored,
    KeyKind,
    PendingEffect,
    ProviderName,
    ReceivedWebhook,
    Request,
    TypedId,
    Versions,
    Violation,
    Wait,
    WebhookIds,
)

__all__ = [
    "Lease",
    "Snapshot",
    "Step",
    "__version__",
    "ask",
    "call",
    "catalogue",
    "flows",
    "key_for",
    "load",
    "read_webhook",
    "versions",
    "webhook_ids",
]

_Command = TypeVar("_Command", contravariant=True)
_Action = TypeVar("_Action", covariant=True)
_Status = TypeVar("_Status", covariant=True, default=Any)
_Snapshot = TypeVar("_Snapshot", covariant=True)

_Bytes: TypeAlias = bytes | bytearray | memoryview
_Header: TypeAlias = tuple[str | bytes, str | bytes | None]

class _Items(Protocol):
    def items(self) -> Iterable[_Header]: ...

__version__: str
"""The version of the library."""

flows: MappingProxyType[FlowId, Any]
"""The class of every flow, by the flow's id."""

@disjoint_base
class Snapshot(Generic[_Command, _Action, _Status]):
    """The stored state of one lifecycle, with its pending effects.

    It is a value: no method changes it, and each decision gives the next one. You can share it between threads, compare
    it, pickle it and use it as a key.
    """

    @property
    def flow(self) -> FlowId:
        """The id of the flow, such as `truemed.payment_token`."""

    @property
    def key(self) -> str:
        """Your name for this snapshot: with the flow, the primary key of its row."""

    @property
    def revision(self) -> int:
        """The number of changes: compare it when you save."""

    def save(self) -> str:
        """The snapshot as JSON, in the newest format."""

    def save_as(self, format: int) -> str:
        """The snapshot as JSON in an older format, so that workers of the previous release can read it."""

    def handle(self, command: _Command, *, now: int | datetime, config: Config | None = None) -> Step[Self]:
        """Applies a command: one of the provider's operations, as something that you want to do.

        Raises `Rejected` with every rule that the command would break; then nothing has changed.
        """

    def lease(self, effect: str, *, now: int | datetime, config: Config | None = None) -> Lease[Self]:
        """Leases an effect to one worker, with the request to send if the effect is one.

        Raises `Rejected` if the effect cannot be leased now; then nothing has changed.
        """

    def observe(self, fact: Fact, *, now: int | datetime, config: Config | None = None) -> Step[Self]:
        """Applies a fact: something that happened.

        A fact is never rejected. The step of an ignored fact gives the reason in `ignored`.
        """

    def status(self, *, now: int | datetime, config: Config | None = None) -> _Status:
        """How the lifecycle is now: what a page for a customer or for a support agent shows."""

    def effects(self, *, now: int | datetime, config: Config | None = None) -> list[PendingEffect]:
        """What a worker must do, each effect once."""

    def waiting_for(self, *, now: int | datetime, config: Config | None = None) -> list[Wait]:
        """What the provider or the customer must do."""

    def actions(self, *, now: int | datetime, config: Config | None = None) -> list[_Action]:
        """Every action: whether it is allowed now, or why not."""

    def wake_at(self, *, now: int | datetime, config: Config | None = None) -> int | None:
        """When to look at this snapshot again, in milliseconds since the Unix epoch.

        It is `None` if only a command or a fact can change something.
        """

    def ids(self) -> list[TypedId]:
        """The ids by which a webhook finds this snapshot."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: dict[int, Any], /) -> Self: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    @classmethod
    def __class_getitem__(cls, key: Any) -> GenericAlias: ...

@final
class Step(Generic[_Snapshot]):
    """The result of a command or a fact: the next snapshot, and what came with it.

    It changes nothing until you save `next`. Each attribute is made anew when you read it: changing its value does not
    change the step.
    """

    @property
    def next(self) -> _Snapshot:
        """The next snapshot; the same snapshot if the command or the fact was ignored."""

    @property
    def ignored(self) -> Ignored | None:
        """Why nothing has changed; `None` if something has."""

    @property
    def transitions(self) -> list[FacetTransition]:
        """The moves that the facets have made."""

    @property
    def new_ids(self) -> list[TypedId]:
        """The ids that are known from now on: observe the stored webhooks that name them."""

    @property
    def failure(self) -> Failure | None:
        """Why a reply is not a success; `None` if the fact is not such a reply."""

    @property
    def warnings(self) -> list[Violation]:
        """The broken rules that only warn."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: dict[int, Any], /) -> Self: ...
    @classmethod
    def __class_getitem__(cls, key: Any) -> GenericAlias: ...

@final
class Lease(Generic[_Snapshot]):
    """A worker's exclusive hold on an effect, for a limited time.

    It holds only once you have saved `next`.
    """

    @property
    def next(self) -> _Snapshot:
        """The next snapshot. Save it before you send the request."""

    @property
    def request(self) -> Request | None:
        """The complete request; `None` if the effect is not a request."""

    @property
    def warnings(self) -> list[Violation]:
        """The broken rules that only warn."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: dict[int, Any], /) -> Self: ...
    @classmethod
    def __class_getitem__(cls, key: Any) -> GenericAlias: ...

def load(text: str | _Bytes) -> Any:
    """Reads a snapshot of any flow, as an object of that flow's own class."""

def key_for(kind: KeyKind, name: str) -> str:
    """The key of a flow that belongs to one object of the provider, such as a token that can be used once.

    The provider's page names the kinds, such as `revup.token`.
    """

def read_webhook(
    provider: ProviderName,
    secrets: str | Sequence[str],
    headers: _Items | Sequence[_Header],
    body: _Bytes | str,
    now: int | datetime,
    topic: str | None = None,
    tolerance: timedelta | int | None = None,
) -> ReceivedWebhook:
    """Reads a webhook: checks that it is the provider's, and finds out which snapshots it belongs to.

    Call it with the raw body, before anything else reads it. Pass `fact` to `observe` unchanged. Raises `NotAuthentic` for a
    webhook that must change nothing: reply with 401. Vend and Revup sign nothing, so the origin of their webhooks stays
    `unverified`. `topic` is what only the URL or a header says about it. `tolerance` is how far the time of a signature can be
    from `now`: a `timedelta` or integer milliseconds. By default it is 5 minutes at Flex, and Truemed's can have any time.
    """

def webhook_ids(provider: ProviderName, fact: Fact) -> WebhookIds:
    """The ids of a webhook that you have received and stored: what `read_webhook` would find now.

    A newer release may read a webhook that an older one could not. `fact` is what `read_webhook` gave. Its origin is not
    checked again.
    """

def ask(provider: ProviderName, question: str, fields: Mapping[str, Any]) -> Any:
    """Answers a question that needs no snapshot, such as which items of a cart are eligible.

    Raises `InvalidInput` if the provider has no such question, or if the question does not take these fields.
    """

def catalogue() -> Catalogue:
    """Everything that the library knows: rules, flows, moves and actions."""

def versions() -> Versions:
    """The versions of the library, of the rules and of the call protocol."""

def call(request: str) -> str:
    """Does one verb, from JSON text to JSON text, as in every language."""
