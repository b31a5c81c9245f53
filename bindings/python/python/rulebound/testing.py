"""The providers' simulator for your tests. With pytest, take the fixture `simulator`: a new world for each test."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

NAME = "rulebound-simulator" + (".exe" if os.name == "nt" else "")
BUILD = "cargo build --package rulebound-simulator"
# A request to the control plane waits for deliveries to the host, each of which can take some seconds.
TIMEOUT = 120


class SimulatorError(Exception):
    """The simulator cannot be started, or does not do what was asked."""


class Host(Protocol):
    """A host whose time the test owns."""

    def tick(self) -> Any:
        """Does everything that is ready."""

    def next_wake(self) -> int | None:
        """When the host wants to look at one of its rows again, in milliseconds."""


def find_binary() -> Path:
    """The simulator's binary: `RULEBOUND_SIMULATOR`, the newest one of the checkout, or an installed one."""
    if given := os.environ.get("RULEBOUND_SIMULATOR"):
        if Path(given).is_file():
            return Path(given)
        raise SimulatorError(f"RULEBOUND_SIMULATOR names no file: {given}")
    here = Path(__file__).resolve()
    roots = [it for start in (here, Path.cwd() / "x") for it in start.parents if (it / "simulator/Cargo.toml").is_file()]
    targets = [root / os.environ.get("CARGO_TARGET_DIR", "target") for root in roots]
    built = [it for target in targets for kind in ("debug", "release") if (it := target / kind / NAME).is_file()]
    if built:
        return max(built, key=lambda it: it.stat().st_mtime)
    packaged = here.parent / "bin" / NAME
    installed = str(packaged) if packaged.is_file() else shutil.which(NAME)
    if installed is None:
        raise SimulatorError(
            f"There is no {NAME}. Unpack the simulator's archive of the release, or run `{BUILD}` in a clone of rulebound. "
            "Then set RULEBOUND_SIMULATOR to the program, or put its folder on PATH."
        )
    return Path(installed)


def _request(method: str, url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as reply:
            text = reply.read()
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        try:
            text = json.loads(text)["error"]
        except (ValueError, KeyError, TypeError):
            pass
        raise SimulatorError(f"{method} {url}: {text}") from None
    return json.loads(text) if text else None


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


class World:
    """One merchant's view of the providers, with its own clock, which the test moves."""

    def __init__(self, shown: Mapping[str, Any]) -> None:
        self.url: str = shown["url"]
        self._shown: Mapping[str, Any] = shown

    def base_url(self, provider: str) -> str:
        """The address of a provider's API, for the config of the library."""
        url: str = self._shown["base_urls"][provider]
        return url

    def now(self) -> int:
        """The world's time in milliseconds. Give it to your host as its clock."""
        now: int = self._shown["now"]
        return now

    def next(self) -> int | None:
        """When a webhook or something at a provider falls due, in milliseconds."""
        at = self._control("GET", "clock")["next"]
        return None if at is None else _millis(at)

    def advance(self, ms: int | None = None, to: int | str | None = None, host: Host | None = None) -> list[Any]:
        """Lets time pass, from one due instant to the next, and returns the deliveries with their replies.

        A `host` does everything that is ready before time passes and whenever it wants to wake up.
        """
        if (ms is None) == (to is None):
            raise TypeError("give `ms` or `to`")
        following = self.next()
        if to == "next":
            end = following if following is not None else self.now()
        elif to is not None:
            end = _millis(to) if isinstance(to, str) else to
        else:
            end = self.now() + (ms or 0)
        deliveries: list[Any] = []
        while True:
            if host is not None:
                host.tick()
            due, wake = self.next(), host.next_wake() if host is not None else None
            # A wake that has come and gone is the host's affair: time must go on.
            wakes = [wake] if wake is not None and wake > self.now() else []
            at = min([end, *wakes, *([] if due is None else [due])])
            is_over = at == end == self.now()
            # The host must read the new time while webhooks arrive.
            self._shown = {**self._shown, "now": at}
            shown = self._control("POST", "clock/advance", {"to": at})
            deliveries += shown.pop("deliveries")
            self._shown = shown
            if is_over:
                return deliveries

    def follow(self) -> None:
        """Lets the clock follow the real one from now on: for a shop in a browser."""
        now = time.time_ns() // 1_000_000
        if now > self.now():
            self._control("POST", "clock/advance", {"to": now})
        self._shown = self._control("POST", "clock", {"running": True})

    def fault(self, do: str, *, times: int | None = None, options: Mapping[str, Any] | None = None, **match: Any) -> None:
        """Lets something go wrong: `do` to what matches `provider`, `operation`, `event`, `nth` and `body`."""
        self._control("POST", "faults", {"match": match, "do": do, **_present(times=times), **(options or {})})

    def chaos(self, seed: int, per_mille: int, kinds: Sequence[str] | None = None) -> None:
        """Lets things go wrong at random; the same seed brings the same faults."""
        self._control("POST", "faults", {"chaos": _present(seed=seed, per_mille=per_mille, kinds=kinds)})

    def faults(self) -> list[Any]:
        """The faults, with how often each of them struck."""
        faults: list[Any] = self._control("GET", "faults")["faults"]
        return faults

    def clear_faults(self) -> None:
        """Lets nothing go wrong any more."""
        self._control("DELETE", "faults")

    def webhooks(self) -> list[Any]:
        """The webhooks, each with its attempts."""
        webhooks: list[Any] = self._control("GET", "webhooks")["webhooks"]
        return webhooks

    def endpoints(self, urls: Sequence[str | Mapping[str, Any]]) -> None:
        """Sends webhooks to these addresses from now on."""
        self._control("POST", "webhooks", {"endpoints": list(urls)})

    def hold(self, events: bool | Sequence[str] = True) -> None:
        """Holds every webhook, or those of some events, until it is released."""
        self._control("POST", "webhooks", {"hold": events if isinstance(events, bool) else list(events)})

    def release(self, webhooks: str | Sequence[int | str] = "all") -> list[Any]:
        """Delivers held webhooks now, in this order, and returns the deliveries."""
        return self._deliver("release", webhooks)

    def duplicate(self, webhooks: int | str | Sequence[int | str]) -> list[Any]:
        """Delivers webhooks once more, named by `n`, `id` or `event`."""
        return self._deliver("duplicate", webhooks)

    def redeliver(self, webhooks: int | str | Sequence[int | str]) -> list[Any]:
        """Delivers webhooks again, as a person does in the provider's dashboard."""
        return self._deliver("redeliver", webhooks)

    def drop(self, webhooks: int | str | Sequence[int | str]) -> None:
        """Loses webhooks for ever."""
        self._control("POST", "webhooks", {"drop": webhooks})

    def journal(self, **having: Any) -> list[Any]:
        """The requests whose members have these values, the oldest first; `refused=True` for those that broke a rule."""
        texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in having.items()}
        requests: list[Any] = self._control("GET", f"requests?{urllib.parse.urlencode(texts)}")["requests"]
        return requests

    def inferred(self) -> list[Any]:
        """The requests of the host whose replies no document shows, without those that a fault struck."""
        return [it for it in self.journal(fidelity="inferred") if it["account"] and it["fault"] is None]

    def ledger(self, provider: str) -> Any:
        """What a provider knows: the truth for the assertions of a test."""
        return self._control("GET", "ledger")[provider]

    def act(self, do: str, *, provider: str | None = None, **members: Any) -> Any:
        """Does what happens without the host: the customer, the bank or the provider acts."""
        return self._control("POST", "act", {"do": do, **_present(provider=provider), **members})

    def reset(self) -> None:
        """Begins again, with the same options."""
        self._shown = self._control("POST", "reset", {})

    def close(self) -> None:
        """Removes the world."""
        _request("DELETE", self.url)

    def _deliver(self, what: str, webhooks: Any) -> list[Any]:
        deliveries: list[Any] = self._control("POST", "webhooks", {what: webhooks})["deliveries"]
        return deliveries

    def _control(self, method: str, what: str, body: Any = None) -> Any:
        return _request(method, f"{self.url}/_sim/{what}", body)


def _millis(instant: str) -> int:
    return round(datetime.fromisoformat(instant).timestamp() * 1000)


class Simulator:
    """A running simulator. It serves any number of worlds, and stops with `close` or with this process."""

    def __init__(self, *arguments: str) -> None:
        command = [str(find_binary()), "--port", "0", *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        atexit.register(self.close)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SimulatorError(f"`{' '.join(command)}` ended with {self._process.wait()}")
        self.url: str = json.loads(line)["url"]

    def world(
        self,
        *,
        seed: int | str | None = None,
        webhook_urls: Sequence[str | Mapping[str, Any]] | None = None,
        accounts: Sequence[str] | None = None,
        clock: int | str | None = None,
        readings: Mapping[str, str] | None = None,
    ) -> World:
        """Makes a world. The seed decides every id."""
        options = _present(seed=seed, webhook_urls=webhook_urls, accounts=accounts, clock=clock, readings=readings)
        return World(_request("POST", f"{self.url}/_sim/worlds", options))

    def catalogue(self) -> Any:
        """What the simulator has: operations, readings, faults and controls."""
        return _request("GET", f"{self.url}/_sim")

    def close(self) -> None:
        """Stops the simulator."""
        atexit.unregister(self.close)
        self._process.terminate()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
