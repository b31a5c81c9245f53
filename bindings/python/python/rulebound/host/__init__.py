"""The host kit: it stores snapshots, sends requests, receives webhooks, and calls your handlers."""

from ._async_host import AsyncHost
from ._async_worker import AsyncHook
from ._host import Host
from ._types import (
    Access,
    Account,
    ConfigError,
    Done,
    HostError,
    Import,
    Incoming,
    Kind,
    NoReview,
    NotSent,
    OpenReviews,
    Outgoing,
    Pending,
    Problem,
    Provider,
    Retry,
    ReviewPage,
    Row,
    Stats,
    UnknownRow,
)
from ._worker import Hook
from .dashboard import Person, Visitor

__all__ = [
    "Access",
    "Account",
    "AsyncHook",
    "AsyncHost",
    "ConfigError",
    "Done",
    "Hook",
    "Host",
    "HostError",
    "Import",
    "Incoming",
    "Kind",
    "NoReview",
    "NotSent",
    "OpenReviews",
    "Outgoing",
    "Pending",
    "Person",
    "Problem",
    "Provider",
    "Retry",
    "ReviewPage",
    "Row",
    "Stats",
    "UnknownRow",
    "Visitor",
]
