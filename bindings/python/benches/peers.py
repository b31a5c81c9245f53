"""The same decision as a host would write it without rulebound: with pydantic and `match`, and with transitions.

Both keep only what the update of an active token needs: far less than rulebound keeps, and none of its other rules.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from transitions import Machine


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    sku: str
    quantity: int = Field(ge=1)
    price: int


class Update(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["update_payment_token"]
    order_items: list[Item] | None = None
    update_card_info: bool | None = None


class State(BaseModel):
    key: str
    revision: int
    place: Literal["awaiting", "issued", "deleted"]
    change: Literal["settled", "updating", "pending"]
    token: str
    items: list[Item]
    outbox: list[str]


class Rejected(Exception):
    pass


def handle(state: State, command: object) -> State:
    """One update, validated by pydantic and decided by `match`."""
    update = Update.model_validate(command)
    match state.place, update:
        case "issued", Update(order_items=None, update_card_info=True):
            change = "settled"
        case "issued", Update(order_items=[_, *_], update_card_info=None | False):
            change = "updating"
        case _:
            raise Rejected
    outbox = [*state.outbox, f"update_payment_token:{state.revision}"]
    return state.model_copy(update={"revision": state.revision + 1, "change": change, "outbox": outbox})


class Token:
    """One update, decided by a machine of transitions, without validation."""

    state: str

    def __init__(self) -> None:
        moves = {"trigger": "update", "source": "issued", "dest": "updating", "conditions": "has_items_alone"}
        Machine(self, states=["issued", "updating"], initial="issued", transitions=[moves], auto_transitions=False)

    def has_items_alone(self, command: dict[str, object]) -> bool:
        return bool(command.get("order_items")) and not command.get("update_card_info")
