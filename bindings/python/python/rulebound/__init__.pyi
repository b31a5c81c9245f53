from . import facts as facts
from . import types as types
from ._errors import *
from ._providers import *
from ._rulebound import *
from ._rulebound import __version__ as __version__
from .types import (
    Action as Action,
    FlowId as FlowId,
    KeyKind as KeyKind,
    Notice as Notice,
    ProviderName as ProviderName,
    ReceivedWebhook as ReceivedWebhook,
    RuleCode as RuleCode,
    Signal as Signal,
    Verdict as Verdict,
    WebhookIds as WebhookIds,
)
