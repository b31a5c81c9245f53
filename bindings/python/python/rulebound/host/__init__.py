"""The host kit: it stores snapshots, sends requests, receives webhooks, and calls your handlers."""

from ._async_host import AsyncHost
from ._async_worker import AsyncHook
from ._host import Host
from ._types import (
    Access,
    Account,
    Done,
    HostError,
    Import,
    Incoming,
    Kind,
    NotSent,
    Outgoing,
    Pending,
    Problem,
    Provider,
    Retry,
    Row,
    Stats,
    UnknownRow,
)
from ._worker import Hook

__all__ = [
    "Access",
    "Account",
    "AsyncHook",
    "AsyncHost",
    "Done",
    "Hook",
    "Host",
    "HostError",
    "Import",
    "Incoming",
    "Kind",
    "NotSent",
    "Outgoing",
    "Pending",
    "Problem",
    "Provider",
    "Retry",
    "Row",
    "Stats",
    "UnknownRow",
]
