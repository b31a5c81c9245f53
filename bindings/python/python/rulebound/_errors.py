"""The exceptions: classes of Python's own, so that they have fields and can be pickled."""

from __future__ import annotations

__all__ = ["Malformed", "NotAuthentic", "Refused"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .types import Violation


class Refused(Exception):
    """A refused command: every rule that it would break. Nothing has changed."""

    __module__ = "rulebound"

    violations: list[Violation]
    """The broken rules, in the order in which they were found."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__(violations)
        self.violations = violations

    def __str__(self) -> str:
        return "refused by " + ", ".join(violation["rule"] for violation in self.violations)


class Malformed(ValueError):
    """Data of the host's that cannot be read: a mistake in a program, never a broken rule."""

    __module__ = "rulebound"

    code: str
    """Its kind, such as `malformed` or `unreadable_snapshot`."""
    field: str
    """A JSON Pointer to what is wrong, such as `/command/order_items/0/price`."""
    message: str
    """What is wrong with that field."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(code, field, message)
        self.code = code
        self.field = field
        self.message = message

    def __str__(self) -> str:
        return f"`{self.field}`: {self.message}" if self.field else self.message


class NotAuthentic(Malformed):
    """A webhook that is not the provider's. Discard it; it must change nothing."""

    __module__ = "rulebound"
