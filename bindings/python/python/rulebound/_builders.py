"""What the functions of every provider's module have in common."""

from __future__ import annotations

from ._errors import InvalidInput
from ._rulebound import Snapshot, ask

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` costs more than everything else here
    from collections.abc import Callable, Mapping
    from typing import Any

    from .types import ProviderName


def command(type: str, fields: Mapping[str, Any], flow: str | None = None) -> dict[str, Any]:
    """A command with the fields that have a value, and the flow that it is for, unless several flows have it."""
    head = {"type": type} if flow is None else {"type": type, "flow": flow}
    return head | {name: value for name, value in fields.items() if value is not None}


def question(provider: ProviderName, name: str, fields: Mapping[str, Any]) -> Any:
    """The answer to a question."""
    return ask(provider, name, {name: _plain(name, value) for name, value in fields.items() if value is not None})


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Snapshot):
        from json import loads  # costs more than everything else here

        return loads(value.save())
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("malformed", f"/{name}", f"is not UTF-8: {error.reason} at byte {error.start}") from None


def literals(module: str, prefix: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module whose `Literal`s are read from `types` when you first use them."""

    def get(name: str) -> Any:
        if name in ("Action", "Notice", "Rule", "Signal", "Verdict"):
            from importlib import import_module

            return getattr(import_module("rulebound.types"), prefix + name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)

    return get
