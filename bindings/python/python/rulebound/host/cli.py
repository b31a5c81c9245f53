"""`rulebound worker | migrate | doctor | verify`: what an operator runs."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ._async_host import AsyncHost
from ._host import Host
from ._types import HostError, Problem


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("rulebound", description="The host of rulebound.")
    host = argparse.ArgumentParser(add_help=False)
    host.add_argument("host", metavar="MODULE:NAME", help="the host of your application, such as shop:host")
    commands = parser.add_subparsers(dest="command", required=True)
    worker = commands.add_parser("worker", parents=[host], help="works until it gets SIGTERM or SIGINT")
    worker.add_argument("--concurrency", type=int, default=4, help="how many rows at the same time (4)")
    migrate = commands.add_parser("migrate", parents=[host], help="creates or completes the tables")
    migrate.add_argument("--dry-run", action="store_true", help="prints the SQL, and executes nothing")
    migrate.add_argument("--formats", action="store_true", help="writes the newest formats; only if no older worker runs")
    doctor = commands.add_parser("doctor", parents=[host], help="finds drift of the tables")
    doctor.add_argument("--restored", metavar="TIME", help="after a restored backup: when it was taken, as ISO 8601 with zone")
    commands.add_parser("verify", parents=[host], help="compares every row with its journal")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for name in ("httpx", "httpx2", "httpcore", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)  # they log URLs, and the path of some has a payment token
    try:
        return _run(given, load(given.host))
    except HostError as error:
        print(f"rulebound: {error}", file=sys.stderr)
        return 2


def load(name: str) -> Any:
    """The host that a module of the application has."""
    module, _, attribute = name.partition(":")
    sys.path.insert(0, "")
    try:
        found = getattr(importlib.import_module(module), attribute or "host", None)
    except (ModuleNotFoundError, ValueError) as error:
        missing = getattr(error, "name", None) or module
        if missing == module or module.startswith(f"{missing}."):
            raise HostError(f"{name}: there is no module `{missing}` here. Run this where `import {module}` works.") from None
        raise _not_imported(module, error) from error
    except Exception as error:
        raise _not_imported(module, error) from error
    if not isinstance(found, (Host, AsyncHost)):
        raise HostError(f"{name} is not a host. Name the module and the variable, such as shop:host.")
    return found


def _not_imported(module: str, error: Exception) -> HostError:
    """The error of the application's own module: its last lines say where."""
    return HostError(f"`import {module}` failed:\n{''.join(traceback.format_exception(error)).rstrip()}")


def _run(given: Any, host: Any) -> int:
    if given.command == "worker":
        return _work(host, given.concurrency)
    if not isinstance(host, AsyncHost):
        return _operate(given, host, lambda make: make())
    with asyncio.Runner() as runner:  # one loop for all calls, because a connection belongs to its loop
        return _operate(given, host, lambda make: runner.run(make()))


def _operate(given: Any, host: Any, call: Callable[[Callable[[], Any]], Any]) -> int:
    if given.command == "migrate":
        statements = call(lambda: host.migrate(dry_run=given.dry_run, formats=given.formats))
        if statements:
            print(";\n\n".join(statements) + ";")
        # What would be executed brings no table back that is gone from a version that is there.
        missing: list[Problem] = [] if given.dry_run and statements else call(lambda: host._drift())
        for it in missing:
            print(it.detail)
        if not statements and not missing:
            print("The tables are complete.")
        return 1 if missing else 0
    if given.command == "doctor":
        problems = call(lambda: host.doctor(restored=_instant(given.restored)))
        if given.restored:
            print(f"{host.restored_rows} rows count each open request as sent, with an unknown outcome: it is looked up, or sent again under the same key")
    else:
        problems = call(lambda: host.verify())
    for it in problems:
        print(" ".join(part for part in (it.problem, it.flow, it.key, it.detail) if part))
    print(f"{len(problems)} problems")
    return 1 if problems else 0


def _work(host: Any, concurrency: int) -> int:
    if isinstance(host, AsyncHost):
        asyncio.run(_work_async(host, concurrency))
        return 0
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: host.stop())
    host.run(threads=concurrency)
    return 0


async def _work_async(host: AsyncHost, concurrency: int) -> None:
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, host.stop)
    await host.run(concurrency)
    await host.close()


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise HostError(f"--restored: `{text}` is not a time with a zone. Write 2026-11-30T04:00:00Z.")
    return round(at.timestamp() * 1000)
