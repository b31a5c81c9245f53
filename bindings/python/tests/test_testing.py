"""The simulator from Python: its own binary, and the plugin in a session of its own."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rulebound import testing
from rulebound.testing import SimulatorError, World

CART = {
    "order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}],
    "success_url": "https://shop.example/ok",
    "failure_url": "https://shop.example/no",
}
CREATE = "/api/v1/payment_tokens/create"


def post(world: World, path: str, body: Any) -> Any:
    headers = {"x-truemed-api-key": "any", "content-type": "application/json"}
    request = urllib.request.Request(world.base_url("truemed") + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.loads(reply.read())


class Receiver(http.server.BaseHTTPRequestHandler):
    """A host that takes every webhook, and notes the world's time."""

    world: World
    seen: list[tuple[int, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.seen.append((self.world.now(), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def received(simulator: World) -> Iterator[list[tuple[int, Any]]]:
    seen: list[tuple[int, Any]] = []
    handler = type("Handler", (Receiver,), {"world": simulator, "seen": seen})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        simulator.endpoints([f"http://127.0.0.1:{server.server_address[1]}/hook"])
        yield seen
        server.shutdown()


def test_a_journey(simulator: World, received: list[tuple[int, Any]]) -> None:
    start = simulator.now()
    made = post(simulator, CREATE, {**CART, "metadata": "customer-1"})
    assert simulator.act("finish", url=made["redirect_url"])["url"] == CART["success_url"]
    delivered = simulator.advance(ms=3_600_000)
    assert simulator.now() == start + 3_600_000
    assert [it["status"] for it in delivered] == [204]
    (at, body), *none = received
    assert not none
    # The host reads the time of the delivery, not that of the end.
    assert start < at < simulator.now()
    assert body["data"]["metadata"] == "customer-1"
    (token,) = simulator.ledger("truemed")["payment_tokens"]
    assert token["payment_token"] == body["data"]["payment_token"]
    assert [it["state"] for it in simulator.webhooks()] == ["delivered"]


def test_webhooks_wait_and_come_again(simulator: World, received: list[tuple[int, Any]]) -> None:
    simulator.hold()
    simulator.act("finish", url=post(simulator, CREATE, CART)["redirect_url"])
    assert simulator.advance(ms=3_600_000) == [] and received == []
    assert len(simulator.release()) == 1
    assert len(simulator.redeliver("payment_token_updated")) == 1
    assert received[0][1] == received[1][1]


def test_a_host_wakes_up_between_due_instants(simulator: World) -> None:
    class Sleeper:
        wake: int | None = simulator.now() + 5_000
        ticks: list[int] = []

        def tick(self) -> None:
            self.ticks.append(simulator.now())
            if self.wake is not None and simulator.now() >= self.wake:
                self.wake = None

        def next_wake(self) -> int | None:
            return self.wake

    host, start = Sleeper(), simulator.now()
    simulator.advance(ms=60_000, host=host)
    assert {it - start for it in host.ticks} == {0, 5_000, 60_000}


def test_faults_strike_and_the_journal_keeps_them(simulator: World) -> None:
    simulator.fault("commit_then_drop", operation="create_payment_token")
    with pytest.raises((ConnectionError, OSError)):
        post(simulator, CREATE, CART)
    post(simulator, CREATE, CART)
    assert [it["fault"] for it in simulator.journal(operation="create_payment_token")] == ["commit_then_drop", None]
    assert [it["struck"] for it in simulator.faults()] == [1]
    simulator.clear_faults()
    assert simulator.faults() == []


def test_worlds_do_not_see_each_other(simulator: World, simulator_process: testing.Simulator) -> None:
    other = simulator_process.world(seed=7)
    post(simulator, CREATE, CART)
    assert len(simulator.journal()) == 1 and other.journal() == []
    simulator.reset()
    assert simulator.journal() == []
    other.close()


def test_an_error_says_what_is_wrong(simulator: World) -> None:
    with pytest.raises(SimulatorError, match="Send the `provider`"):
        simulator.act("explode")
    with pytest.raises(SimulatorError, match="`do` must be"):
        simulator.act("explode", provider="flex")
    with pytest.raises(TypeError):
        simulator.advance()


def test_a_missing_binary_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RULEBOUND_SIMULATOR", str(tmp_path / "none"))
    with pytest.raises(SimulatorError, match="RULEBOUND_SIMULATOR"):
        testing.find_binary()
    monkeypatch.delenv("RULEBOUND_SIMULATOR")
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SimulatorError, match="archive of the release.*cargo build --package rulebound-simulator"):
        testing.find_binary()


STRICT = """
import json, urllib.error, urllib.request

def test_documented(simulator):
    simulator.journal()

def test_inferred(simulator):
    url = simulator.base_url("truemed") + "/payments/v1/create_payment_session"
    request = urllib.request.Request(url, b"{}", {"x-truemed-api-key": "any"})
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        assert error.code == 400
"""


@pytest.mark.parametrize(("options", "printed"), [([], "2 passed"), (["--sim-strict"], "1 failed, 1 passed")])
def test_a_strict_session_fails_what_relied_on_inferred_replies(
    tmp_path: Path, options: list[str], printed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RULEBOUND_SIMULATOR", str(testing.find_binary()))
    (tmp_path / "test_shop.py").write_text(STRICT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert printed in run.stdout, run.stdout + run.stderr
    assert ("the test relied on replies that no document shows" in run.stdout) == bool(options)
