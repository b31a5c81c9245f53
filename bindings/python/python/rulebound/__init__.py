"""The rules of subscription-payment providers, as one embeddable library without I/O.

Your backend stores one small snapshot for each lifecycle at a provider. You tell it what you want (`handle`) and what
happened (`observe`). It gives the next snapshot, or every rule that the command would break. `rulebound.types` has the
shapes of everything that goes in and comes out.
"""

try:
    from ._rulebound import *
except ImportError as error:  # a folder of sources, or a wheel that was unpacked for another machine
    from sysconfig import get_platform

    raise ImportError(
        f"rulebound has no compiled part that loads on {get_platform()}: {error}. Run `pip install --force-reinstall rulebound` with "
        "the Python that imports it; in a clone, which needs Rust, `pip install CLONE/bindings/python`. For another machine name its "
        "platform: `pip install --platform manylinux2014_aarch64 --only-binary :all: --target FOLDER rulebound`.",
        name=error.name,
    ) from error

from . import facts
from ._errors import *
from ._providers import *

_TYPES = ("FlowId", "KeyKind", "Notice", "ProviderName", "ReceivedWebhook", "RuleCode", "Signal", "Verdict", "Action")
_TYPES += ("WebhookIds",)


def __getattr__(name):
    if name == "types" or name in _TYPES:  # read when you first use it: no call needs it
        from importlib import import_module

        types = import_module("rulebound.types")
        return types if name == "types" else getattr(types, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
