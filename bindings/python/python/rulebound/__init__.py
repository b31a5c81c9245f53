"""The rules of subscription-payment providers, as one embeddable library without I/O.

A backend keeps one small snapshot per wish. It says what it wants (`handle`) and what has happened (`observe`), and gets
the next snapshot, or every rule that the wish would break. `rulebound.types` has the shapes of everything that goes in
and comes out.
"""

from ._errors import *
from ._providers import *
from ._rulebound import *


def __getattr__(name):
    if name == "types":  # read when it is asked for: no call needs it
        from importlib import import_module

        return import_module("rulebound.types")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
