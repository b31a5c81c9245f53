"""The exceptions: classes of Python's own, so that they have fields and can be pickled."""

from __future__ import annotations

__all__ = ["InvalidInput", "NotAuthentic", "Rejected"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .types import UnblockedBy, Violation


class Rejected(Exception):
    """A command or a lease that is rejected, with every rule that it would break. Nothing has changed."""

    __module__ = "rulebound"

    violations: list[Violation]
    """The broken rules, in the order in which they were found."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__(violations)
        self.violations = violations

    def __str__(self) -> str:
        return "\n".join(map(_line, self.violations))


def _line(violation: Violation) -> str:
    line = f"{violation['rule']}: {violation['message']}"
    if violation["pointer"]:
        line += f" At `{violation['pointer']}`."
    unblocked_by = violation["unblocked_by"]
    if unblocked_by:
        line += f" Unblocked by {_what(unblocked_by)}."
    if violation["instead"]:
        line += f" Instead: `{'`, then `'.join(violation['instead'])}`."
    source = violation["source"]
    return f"{line} See https://{source['page']}." if source else line


def _what(unblocked_by: UnblockedBy) -> str:
    if unblocked_by["type"] == "signal":
        return f"the signal `{unblocked_by['signal']}`"
    if unblocked_by["type"] == "time":
        return f"the time {unblocked_by['at']}{_utc(unblocked_by['at'])}"
    if unblocked_by["type"] == "reply":
        return f"the reply to `{unblocked_by['effect']}`"
    flow = unblocked_by["flow"]
    return f"the action `{unblocked_by['action']}`" + (f" of `{flow}`" if flow else "")


def _utc(millis: int) -> str:
    from datetime import UTC, datetime, timedelta

    try:
        return f" ({datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis):%Y-%m-%d %H:%M:%S} UTC)"
    except OverflowError:
        return ""


class InvalidInput(ValueError):
    """An argument that cannot be read: a mistake in your program, never a broken rule."""

    __module__ = "rulebound"

    code: str
    """The kind of the mistake, such as `malformed` or `unreadable_snapshot`."""
    pointer: str
    """A JSON Pointer to the mistake, such as `/command/order_items/0/price`."""
    message: str
    """What is wrong there."""

    def __init__(self, code: str, pointer: str, message: str) -> None:
        super().__init__(code, pointer, message)
        self.code = code
        self.pointer = pointer
        self.message = message

    def __str__(self) -> str:
        said = f"`{self.pointer}`: {self.message}" if self.pointer else self.message
        argument = "/".join(self.pointer.split("/")[:2])
        cures = map(_CURES.get, (self.code + self.pointer, self.code, self.pointer, argument))
        cure = next(filter(None, cures), None)
        # A reason says what to do behind a colon.
        if cure is None or ": " in self.message:
            return said
        return f"{said}{'' if said.endswith(('.', '!', '?')) else '.'} {cure}"


_A_BODY = "Pass the raw body, as `bytes` or `str`, and not a parsed one."
_A_TIME = (
    "Pass integer milliseconds since 1970, such as `time.time_ns() // 1_000_000`, or an aware `datetime`;"
    " `datetime.fromisoformat` reads a text."
)
_AN_EFFECT = "Copy the `id` from `effects()`."

_CURES = {
    "inexpressible": "Save it with `save()`.",
    "not_authentic": "Discard the webhook, and reply with 401.",
    "too_long": "Pass less than 4 MiB.",
    "unknown": "`catalogue()` lists every name.",
    "unknown_format": "`versions()` lists the formats.",
    "unreadable_snapshot": "Load what `save()` gave, unchanged.",
    "unreadable_snapshot/snapshot": "It is not the JSON of a snapshot. Load what `save()` gave, unchanged.",
    "unreadable_snapshot/snapshot/flow": "Load what `save()` gave, with the class of its flow or with `rulebound.load`.",
    "/body": _A_BODY,
    "/command": "The function of the command names its fields.",
    "/config": "`types.Config` names every field.",
    "/effect": _AN_EFFECT,
    "/fact": "`facts` builds a fact, and `read_webhook` the `fact` of a webhook.",
    "/fact/body": _A_BODY,
    "/fact/effect": _AN_EFFECT,
    "/fact/taken_at": _A_TIME,
    "/headers": "Pass a mapping of names to values, or pairs.",
    "/key": "Pass a UUID, such as `uuid.uuid4()`.",
    "/now": _A_TIME,
    "/secrets": "Pass the secret of the webhook, or a list of them.",
    "/snapshot": "Pass the text that `save()` gave.",
    "/tolerance": "Pass a `timedelta`, or integer milliseconds.",
}
"""What to do, by the code of the mistake, or by the argument or its member."""


class NotAuthentic(InvalidInput):
    """A webhook that is not the provider's. Discard it: it must change nothing."""

    __module__ = "rulebound"
