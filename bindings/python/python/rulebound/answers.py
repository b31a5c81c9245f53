"""What the questions of the providers answer."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from .types import Request, RevupOrderId, RevupToken, RevupTransactionId, Violation


class CheckedRequest(TypedDict):
    """A request of no row, which your own code sends once, or the rules that it would break."""

    request: NotRequired[Request]
    """It is absent if rules would be broken."""
    warnings: NotRequired[list[Violation]]
    violations: NotRequired[list[Violation]]
    """In place of `request`."""


class FlexAssessment(TypedDict):
    """What an HSA or FSA card can pay for."""

    subtotal: int
    """In cents."""
    eligible_subtotal: int
    """In cents."""
    hsa_fsa_eligible: bool
    letter_of_medical_necessity_required: bool
    split_cart: bool


class FlexPriceRead(TypedDict):
    """A price that Flex has."""

    price: dict[str, Any]
    warnings: list[Violation]


class FlexLineItems(TypedDict):
    """One page of line items."""

    line_items: list[dict[str, Any]]
    complete: bool
    """Whether no page follows."""


class FlexDisputes(TypedDict):
    """One page of disputes."""

    disputes: list[dict[str, Any]]
    complete: bool
    """Whether no page follows."""


class RevupParent(TypedDict):
    """What creates a subscription on the token of a payment: fields of `create_subscription`."""

    tokenId: RevupToken
    parentTransactionId: RevupTransactionId
    parentOrderId: RevupOrderId


class RevupCallback(TypedDict):
    """The contents of the callback of a payment."""

    status: str
    """The status of the transaction, in Revup's own word."""
    open: bool
    """Whether the payment is still open."""
    parent: NotRequired[RevupParent]
    """It is absent unless the payment has made a token."""


class RevupOrder(TypedDict):
    """What the reply to `POST /orders` says."""

    outcome: Literal["created", "refused", "unknown"]
    order_id: NotRequired[str]
    """Of an order that is `created`."""
    code: NotRequired[str | None]
    """Of an order that is `refused`."""
    message: NotRequired[str | None]
    """Of an order that is `refused`."""


class TruemedCatalogItem(TypedDict):
    """An item of the product catalog."""

    sku: str
    name: str | None
    eligibility: str | None
    """Without one the item is not eligible yet."""
    reviewed_at: str | None


class TruemedList(TypedDict):
    """One page of a list."""

    entries: list[dict[str, Any]]
    pagination: dict[str, Any] | None
