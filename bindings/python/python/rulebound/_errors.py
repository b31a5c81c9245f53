"""The exceptions: classes of Python's own, so that they have fields and can be pickled."""

from __future__ import annotations

__all__ = ["InvalidInput", "NotAuthentic", "Rejected"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .types import Violation


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
    where = f" at `{violation['pointer']}`" if violation["pointer"] else ""
    return f"{violation['rule']}{where}: {violation['message']}"


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
        return f"`{self.pointer}`: {self.message}" if self.pointer else self.message


class NotAuthentic(InvalidInput):
    """A webhook that is not the provider's. Discard it: it must change nothing."""

    __module__ = "rulebound"
