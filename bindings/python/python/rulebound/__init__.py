"""The rules of subscription-payment providers, as one embeddable library without I/O.

Your backend stores one small snapshot for each lifecycle at a provider. You tell it what you want (`handle`) and what
happened (`observe`). It gives the next snapshot, or every rule that the command would break. `rulebound.types` has the
shapes of everything that goes in and comes out.
"""

from . import facts
from ._errors import *
from ._providers import *
from ._rulebound import *

_TYPES = ("FlowId", "KeyKind", "Notice", "ProviderName", "ReceivedWebhook", "RuleCode", "Signal", "Verdict", "Action")
_TYPES += ("WebhookIds",)


def __getattr__(name):
    if name == "types" or name in _TYPES:  # read when you first use it: no call needs it
        from importlib import import_module

        types = import_module("rulebound.types")
        return types if name == "types" else getattr(types, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
