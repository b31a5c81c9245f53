"""Reading a webhook: who may send it, and what is stored of it."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import rulebound
from rulebound._builders import question

from ._checks import signs
from ._kit import Kit
from ._types import HostError

LARGEST_BODY = 1 << 20
log = logging.getLogger("rulebound.host")


@dataclass(frozen=True)
class Stored:
    """An authentic webhook that is to be stored, and the status that acknowledges it."""

    fact: Any
    ids: Sequence[str]
    status: int


@dataclass(frozen=True)
class Brought:
    """A callback that a customer's browser has brought: what it says, and the hint for the rows that know one of its ids."""

    says: Any
    fact: Any
    ids: Sequence[str]


def read_callback(kit: Kit, provider: str, body: bytes | str) -> Brought:
    """Reads a callback, which is no webhook: its address is in the browser, so it has no token."""
    kit.settings(provider)
    if provider not in _calling_back():
        raise HostError(f"callback: {provider} has none. When the browser comes back, call `customer_returned`.")
    if len(body) > LARGEST_BODY:
        raise HostError("callback: the body is larger than 1 MiB. Do not read more of it.")
    says = question(provider, "read_callback", {"body": body})  # type: ignore[arg-type]
    received = rulebound.read_webhook(provider, [], {}, body, kit.clock())  # type: ignore[arg-type]
    return Brought(says, received["fact"], [it["id"] for it in received["ids"]])


@cache
def _calling_back() -> frozenset[str]:
    return frozenset(it["name"] for it in rulebound.catalogue()["providers"] if any(asked["name"] == "read_callback" for asked in it["questions"]))


def knows(kit: Kit, provider: str, token: str | None) -> bool:
    """Whether this is an address of the host. A provider that does not sign needs the part that nobody can guess."""
    settings = kit.providers.get(provider)
    if settings is None:
        return False
    if settings.webhook_token is None:
        return signs(provider) and token is None
    return hmac.compare_digest(settings.webhook_token.encode(), (token or "").encode())


def read(
    kit: Kit, provider: str, headers: Any, body: bytes, account: str, topic: str | None
) -> Stored | int:
    """The webhook, or the status of one that is not stored. Raises `NeedsAccount` if its account must be looked up."""
    given: Any = body
    if not isinstance(given, (bytes, bytearray, memoryview, str)):
        raise HostError(f"body: it is a {type(given).__name__}. Pass the raw body, as it came, and not what a parser made of it.")
    if len(body) > LARGEST_BODY:
        return 413
    found = kit.webhook_account(provider, account)
    if found is None:
        return 404
    secrets = list(found.webhook_secrets or kit.providers[provider].webhook_secrets)
    if signs(provider) and not secrets:
        if (provider, account) not in kit.warned:  # once, because the sender comes with each event
            log.warning("No webhook of %s is authentic. Give `webhook_secrets`, or let the provider send none.", provider)
        kit.warned.add((provider, account))
        return 401
    try:
        received = rulebound.read_webhook(provider, secrets, headers, body, kit.clock(), topic=topic)  # type: ignore[arg-type]
    except rulebound.NotAuthentic as error:
        log.warning("A webhook of %s is not authentic: %s", provider, error)
        return 401
    except rulebound.InvalidInput as error:
        log.warning("A webhook of %s cannot be read: %s", provider, error)
        return 400
    if received["unreadable"]:
        log.warning("A webhook of %s is not readable: %s", provider, received["unreadable"])
        if received["fact"]["origin"] == "unverified":
            return 400
    elif not received["ids"]:
        # No row can ever take it: a row is found by an id.
        log.info("A webhook of %s is an event that no flow needs. It was acknowledged and dropped", provider)
        return received["acknowledge_with"]
    return Stored(received["fact"], [it["id"] for it in received["ids"]], received["acknowledge_with"])
