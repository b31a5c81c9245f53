"""What a host refuses when it is made: mistakes that would otherwise show when a payment depends on them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import rulebound

from ._types import Account, ConfigError, HostError, Provider

_KEY = "0" * 16
HOUR = 3_600
_NAMES = {flow.split(".")[0] for flow in rulebound.flows}


@functools.cache
def signs(provider: str) -> bool:
    """Whether the provider signs its webhooks, so that it needs a secret. Those of any other are hints."""
    try:
        rulebound.read_webhook(provider, [], {}, b"", 0)  # type: ignore[arg-type]
    except rulebound.InvalidInput as error:
        return error.pointer == "/secrets"
    return False


def check_providers(providers: Mapping[str, Provider], base: Mapping[str, Any]) -> None:
    for name, provider in providers.items():
        if name not in _NAMES:
            raise HostError(f"providers: there is no provider `{name}`. Use {', '.join(sorted(_NAMES))}.")
        if not isinstance(provider, Provider):
            raise HostError(f"providers/{name}: it is a {type(provider).__name__}. Use `Provider(api_key=…)`.")
        _check_secrets(name, provider)
        _check_token(name, provider)
        _check_limits(name, provider)
        check_timeout(f"providers/{name}/timeout", provider.timeout)
        if provider.account is not None and not callable(provider.account):
            raise HostError(f"providers/{name}/account: it is not a function. Write account=lambda name: Account(…).")
        if provider.api_key != "" or provider.account is None:
            _check_key(name, provider, ", or `account` for several accounts")
    check_config(base, "config")
    for name, provider in providers.items():
        check_config({**base, name: dict(provider.config)}, f"providers/{name}/config", name)


def check_account(provider: str, name: str, account: Any, settings: Provider, base: Mapping[str, Any]) -> None:
    """What a lookup gave: a mistake in it is the account's, and never that of the row that needs it."""
    try:
        if not isinstance(account, Account):
            raise HostError(f"providers/{provider}/account: `{name}` is a {type(account).__name__}. Return an `Account` or `None`.")
        where = f"{provider}/accounts/{name}"
        _check_key(where, account)
        _check_secrets(where, account)
        _check_limits(where, account)
        config = {**base, provider: {**settings.config, **account.config}}
        check_config(config, f"providers/{where}/config", provider)
    except ConfigError:
        raise
    except HostError as error:
        raise ConfigError(str(error)) from None


def check_config(config: Mapping[str, Any], where: str, provider: str = "") -> None:
    """The library itself reads the config, so that it is refused here exactly if it would be refused later."""
    start = rulebound.flows["truemed.payment_token"].start(_KEY)
    try:
        start.effects(now=0, config=config)
    except (rulebound.InvalidInput, TypeError, ValueError) as error:
        pointer = str(getattr(error, "pointer", ""))
        member = pointer.removeprefix("/config").removeprefix(f"/{provider}" if provider else "")
        message = getattr(error, "message", None) or str(error)
        raise ConfigError(f"{where}{member}: {message}") from None


def _check_key(name: str, it: Provider | Account, alternative: str = "") -> None:
    """No request may be sent without a key."""
    key: Any = it.api_key
    if key is None or key == "":
        raise HostError(f"providers/{name}: `api_key` is missing. Give it{alternative}.")
    if not isinstance(key, str) or not key.strip():
        raise HostError(f"providers/{name}/api_key: it is not a text that is not empty.")


def _check_secrets(name: str, it: Provider | Account) -> None:
    found = it.webhook_secrets
    if isinstance(found, (str, bytes)) or not all(isinstance(secret, str) and secret for secret in found):
        raise HostError(
            f"providers/{name}/webhook_secrets: it is not a list of texts that are not empty. Write webhook_secrets=[\"whsec_…\"]."
        )


def _check_token(name: str, it: Provider) -> None:
    """Without it each webhook would be a 404, and nobody would know."""
    token: Any = it.webhook_token
    if not signs(name) and not (isinstance(token, str) and token):
        raise HostError(
            f"providers/{name}/webhook_token: it is missing. {name} signs no webhooks: give a text that nobody can guess, and end the "
            f"address of its webhooks with it, `…/{name}/<token>`."
        )


def _check_limits(name: str, it: Provider | Account) -> None:
    for limit in ("max_in_flight", "max_per_second"):
        value = getattr(it, limit)
        if value is not None and (not isinstance(value, int) or value < 1):
            raise HostError(f"providers/{name}/{limit}: {value!r} is not a whole number of at least 1.")


def check_timeout(where: str, seconds: float) -> None:
    """Whoever gives more than an hour means milliseconds."""
    given: Any = seconds
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 < given <= HOUR:
        raise HostError(f"{where}: {given!r} is not a time between 0 and {HOUR}. It is in seconds.")


def check_texts(**given: Any) -> None:
    """What goes into columns of text."""
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise HostError(f"{name}: {value!r} is not a text. Write {name}={str(value)!r}.")


def is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))


def check_handler(kind: str, function: Callable[..., Any], names: tuple[str, ...], awaits: bool) -> None:
    """A handler that the host cannot call would count as done, or fail when the first payment needs it."""
    called = f"{kind}: `{getattr(function, '__name__', function)}`"
    if not callable(function):
        raise HostError(f"{called} is not a function.")
    refuse_async(called, function, awaits)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # a function of C does not say what it takes
    try:
        signature.bind(*names)
    except TypeError:
        raise HostError(f"{called} takes {signature}. It is called with ({', '.join(names)}).") from None


def refuse_async(called: str, function: Any, awaits: bool) -> None:
    if not awaits and is_async(function):
        raise HostError(f"{called} is `async`, and a `Host` awaits nothing. Use `AsyncHost`, or a plain function.")


def check_time(name: str, at: int) -> None:
    if 1_000_000_000 <= at < 100_000_000_000:
        raise HostError(f"{name}: {at} looks like seconds since 1970. Give milliseconds.")


def check_clock(clock: Callable[[], int]) -> Callable[[], int]:
    """A clock that gives seconds or a float would be refused by the library, row by row."""

    def checked() -> int:
        now = clock()
        if isinstance(now, bool) or not isinstance(now, int):
            raise HostError(f"clock: it gave {now!r}. Give whole milliseconds since 1970, such as time.time_ns() // 1_000_000.")
        check_time("clock", now)
        return now

    checked()
    return checked
