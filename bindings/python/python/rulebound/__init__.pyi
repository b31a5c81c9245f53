from . import types as types
from ._errors import *
from ._providers import *
from ._rulebound import *
from ._rulebound import __version__ as __version__
