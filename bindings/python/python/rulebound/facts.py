"""A function for each fact: something that happened, for `observe`. The fact of a webhook comes from `read_webhook`."""

from __future__ import annotations

__all__ = ["customer_returned", "done", "lost", "not_sent", "reply", "restored", "reviewed"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .types import CustomerReturned, Done, Lost, NotSent, Reply, Restored, Reviewed, Verdict


def reply(
    effect: str, *, http_status: int, headers: Any = None, body: bytes | str = b"", sending: int | None = None
) -> Reply:
    """The provider replied to a request. `sending` is the number that the request has."""
    return {
        "type": "reply",
        "effect": effect,
        "sending": sending,
        "http_status": http_status,
        "headers": {} if headers is None else headers,
        "body": body,
    }


def lost(effect: str, *, sending: int | None = None) -> Lost:
    """A worker may have sent a request, and no reply will come."""
    return {"type": "lost", "effect": effect, "sending": sending}


def not_sent(effect: str, *, sending: int | None = None) -> NotSent:
    """A worker did not send a request, and knows that it wrote no byte of it."""
    return {"type": "not_sent", "effect": effect, "sending": sending}


def done(effect: str) -> Done:
    """A worker did an effect that is neither a request nor a review."""
    return {"type": "done", "effect": effect}


def reviewed(effect: str, verdict: Verdict, *, id: str | None = None) -> Reviewed:
    """A person answered a review. `id` is the provider's id that the verdict names, if it needs one."""
    return {"type": "reviewed", "effect": effect, "verdict": verdict, "id": id}


def customer_returned() -> CustomerReturned:
    """The customer's browser returned from the provider. This proves nothing."""
    return {"type": "customer_returned"}


def restored(*, taken_at: int) -> Restored:
    """You restored the row from a backup. `taken_at` is when the backup was taken, in milliseconds."""
    return {"type": "restored", "taken_at": taken_at}
