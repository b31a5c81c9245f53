"""The rules of subscription-payment providers, as one embeddable library without I/O.

Your backend stores one small snapshot for each lifecycle at a provider. You tell it what you want (`handle`) and what
happened (`observe`). It gives the next snapshot, or every rule that the command would break. `rulebound.types` has the
shapes of everything that goes in and comes out.
"""

from ._errors import *
from ._providers import *
from ._rulebound import *


def __getattr__(name):
    if name == "types":  # read when you first use it: no call needs it
        from importlib import import_module

        return import_module("rulebound.types")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
