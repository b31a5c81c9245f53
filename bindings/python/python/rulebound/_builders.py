"""What the functions of every provider's module have in common."""

from ._rulebound import Snapshot, ask


def command(type, fields, flow=None):
    """A command with the fields that have a value, and the flow that it is for, unless several flows have it."""
    head = {"type": type} if flow is None else {"type": type, "flow": flow}
    return head | {name: value for name, value in fields.items() if value is not None}


def question(provider, name, fields):
    """The answer to a question."""
    return ask(provider, name, {name: _plain(value) for name, value in fields.items() if value is not None})


def _plain(value):
    if isinstance(value, Snapshot):
        from json import loads  # costs more than everything else here

        return loads(value.save())
    return value.decode() if isinstance(value, bytes) else value


def literals(module, prefix):
    """The `__getattr__` of a module whose `Literal`s are read from `types` when you first use them."""

    def get(name):
        if name in ("Action", "Notice", "Rule", "Signal", "Verdict"):
            from importlib import import_module

            return getattr(import_module("rulebound.types"), prefix + name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)

    return get
