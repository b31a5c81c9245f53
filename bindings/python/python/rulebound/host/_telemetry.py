"""The gauges in OpenTelemetry, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from ._types import Stats


def register(stats: Callable[[], Stats | None]) -> bool:
    """Exports what the worker read last; false if OpenTelemetry is not installed."""
    try:
        from opentelemetry import metrics
    except ImportError:
        return False
    meter = metrics.get_meter("rulebound.host")
    for it in fields(Stats):

        def observe(_: Any, name: str = it.name) -> list[Any]:
            last = stats()
            return [] if last is None else [metrics.Observation(getattr(last, name))]

        meter.create_observable_gauge(f"rulebound.{it.name}", callbacks=[observe])
    return True
