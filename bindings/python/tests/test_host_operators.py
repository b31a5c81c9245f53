"""What operators do, and a worker that runs."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sqlite3
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import rulebound
from conftest import CREATE, KEY
from host_fixtures import PROVIDERS, REPLY, SIGNED, UPDATED, ready
from host_suite import settled
from rulebound import truemed
from rulebound.host import AsyncHost, Hook, Host, HostError, Import, Incoming, Outgoing, Problem, Provider
from rulebound.host.cli import _operate, main

ROOT = Path(__file__).resolve().parents[3]


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"shop_{uuid.uuid4().hex}"
    monkeypatch.chdir(tmp_path)
    program = "from rulebound.host import Host, Provider\nhost = Host('sqlite:///s.db', {'truemed': Provider(api_key='k')})\n"
    (tmp_path / f"{name}.py").write_text(program)
    for command in ("verify", "doctor", "worker"):
        assert main([command, f"{name}:host"]) == 2
    assert capsys.readouterr().err.count("there is no `s.db`. Correct the path, or make it with `rulebound migrate`.") == 2
    assert main(["migrate", f"{name}:host", "--dry-run"]) == 0
    assert "CREATE TABLE rulebound_flows" in capsys.readouterr().out and not (tmp_path / "s.db").exists()
    (tmp_path / "s.db").touch()
    assert main(["doctor", f"{name}:host"]) == 1 and "There are no tables" in capsys.readouterr().out
    assert main(["migrate", f"{name}:host"]) == 0 and main(["doctor", f"{name}:host"]) == 0
    assert main(["doctor", f"{name}:host", "--restored", "2026-11-30T04:00:00Z"]) == 0
    assert main(["doctor", f"{name}:host", "--restored", "yesterday"]) == 2
    assert main(["verify", f"{name}:host"]) == 0
    assert main(["migrate", f"{name}:host", "--formats"]) == 0
    assert main(["worker", f"{name}:host"]) == 2 and "needs a handler" in capsys.readouterr().err
    assert main(["worker", "json:host"]) == 2


def found(problems: list[Problem]) -> list[Problem]:
    """A test's cluster may be faster than it is safe."""
    return [it for it in problems if it.problem != "database"]


def test_the_doctor_names_settings_that_can_lose_a_commit(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    database.execute("PRAGMA synchronous = NORMAL")
    host = Host(database, PROVIDERS)
    host.migrate()
    assert [it.detail.split(":")[0] for it in host.doctor()] == ["`journal_mode` is not WAL", "`synchronous` is not FULL"]
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    assert host.doctor() == []


def cure(host: Host, problems: list[Problem]) -> None:
    """Executes what each problem says after `execute:`."""
    with host.transaction() as tx:
        for it in problems:
            for sql in it.detail.split("xecute: ")[1].split("; "):
                tx.execute(sql)


def test_the_doctor_finds_drift_and_its_cure_works(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(host.doctor()) == []
    row = host.handle(truemed.PaymentToken, KEY, CREATE)
    with host.transaction() as tx:
        prefix = host._dialect.prefix
        tx.execute(f"DROP INDEX {prefix}flows_reference")
        tx.execute(f"ALTER TABLE {prefix}flows DROP COLUMN created_at")
        tx.execute(f"DROP TABLE {prefix}ids")
    problems = host.doctor()
    said = " ".join(it.detail for it in problems)
    assert all(it in said for it in ("`rulebound_flows_reference` is missing", "no column `created_at`", "`rulebound_ids` is missing"))
    for dry in (True, False):
        assert _operate(argparse.Namespace(command="migrate", dry_run=dry, formats=False), host, lambda make: make()) == 1
        out = capsys.readouterr().out
        assert "complete" not in out and problems[0].detail in out
    cure(host, problems)
    assert found(host.doctor()) == [] and host.get(row.flow, KEY) is not None


def test_tables_without_their_version_are_not_made_again(host: Host, source: tuple[str, str]) -> None:
    for breaks in ("DELETE FROM", "DROP TABLE"):
        with host.transaction() as tx:
            tx.execute(f"{breaks} {host._dialect.prefix}schema_version")
        problems = host.doctor()
        assert len(problems) == 1 and "Restore a backup, or execute: CREATE TABLE" in problems[0].detail
        for dry in (True, False):
            with pytest.raises(HostError, match="`rulebound_schema_version` is (empty|missing)"):
                host.migrate(dry_run=dry)
        with pytest.raises(HostError, match="`rulebound_schema_version` is (empty|missing)"):
            ready(Host(source[0], PROVIDERS, schema=source[1])).run()
        cure(host, problems)
        assert found(host.doctor()) == []


def test_the_doctor_reads_the_tables_of_a_newer_release_that_this_one_can_work_with(host: Host) -> None:
    with host.transaction() as tx:
        tx.execute(f"UPDATE {host._dialect.prefix}schema_version SET version = 3")
    assert found(host.doctor()) == []


def test_after_a_restored_backup_nothing_is_sent_again_blindly(host: Host) -> None:
    host.handle(truemed.PaymentToken, KEY, CREATE)
    restored = host.get(truemed.PaymentToken, KEY)
    assert restored is not None and found(host.doctor(restored=restored.created_at + 1)) == []
    row = host.get(truemed.PaymentToken, KEY)
    assert row is not None and row.effects()[0]["leased_until"] is not None
    assert host.tick().sent == []


def test_imports_are_spread_and_idempotent(source: tuple[str, str]) -> None:
    host = ready(Host(source[0], PROVIDERS, schema=source[1], clock=lambda: 1_700_000_000_000))
    host.migrate()
    rows = [
        Import(truemed.PaymentToken, f"import-{number:016}", truemed.retrieve_payment_token(payment_token=f"pt_{number}"))
        for number in range(120)
    ]
    assert host.import_(rows, per_second=10) == 120 and host.import_(rows) == 0
    first, last = (host.get(truemed.PaymentToken, rows[at].key) for at in (0, -1))
    assert first and last and first.wake_at and last.wake_at
    assert last.wake_at - first.wake_at == 11_900
    assert host.verify() == []
    host.close()


def test_what_is_old_is_pruned(source: tuple[str, str]) -> None:
    now = 1_700_000_000_000
    host = ready(Host(source[0], PROVIDERS, schema=source[1], clock=lambda: now, send=lambda _: Incoming(200, {}, REPLY)))
    host.migrate()
    host.handle(truemed.PaymentToken, KEY, CREATE)
    host.webhook("truemed", SIGNED, b'{"payment_token": "pt_unknown"}')
    known = {"payment_token": "pt_1", "provision_token_request_id": "ptr_1", "metadata": KEY}
    host.webhook("truemed", SIGNED, json.dumps(known).encode())
    assert host.stats().inbox_age_ms == 0
    now += 31 * 86_400_000
    assert host.stats().inbox_age_ms == 31 * 86_400_000 and host.stats().due == 1
    host._upkeep()
    with host.transaction() as tx:  # a row's own webhook is kept until the row takes it
        assert tx.execute(f"SELECT count(*) FROM {host._dialect.prefix}inbox").fetchone()[0] == 1
    assert host.verify() == []
    now += 401 * 86_400_000
    host._upkeep_at["prune"] = 0
    host._upkeep()
    with host.transaction() as tx:
        assert tx.execute(f"SELECT count(*) FROM {host._dialect.prefix}journal").fetchone()[0] == 0
    host.close()


def test_an_entry_that_a_newer_release_reads_as_an_event_that_no_flow_needs_goes(host: Host) -> None:
    body = {"event_id": "e_1", "event_type": "customer.created", "object": {"customer": {"customer_id": "c_1"}}}
    columns = "id, provider, account, digest, deliveries, origin, content_type, topic, body, received_at, wake_at, tries"
    mark = "%s" if host._dialect.postgres else "?"
    with host.transaction() as tx:
        tx.execute(
            f"INSERT INTO {host._dialect.prefix}inbox ({columns}) VALUES ({', '.join([mark] * 12)})",
            ("a", "flex", "", "d", 1, "verified", "application/json", None, json.dumps(body).encode(), 1, None, 0),
        )
    host.tick()
    with host.transaction() as tx:
        assert tx.execute(f"SELECT count(*) FROM {host._dialect.prefix}inbox").fetchone()[0] == 0


def test_a_kit_that_cannot_write_the_format_of_everybody_does_not_start(host: Host, source: tuple[str, str]) -> None:
    host.handle(truemed.PaymentToken, KEY, CREATE)
    with host.transaction() as tx:
        tx.execute(f"UPDATE {host._dialect.prefix}formats SET format = 2")
    newer = Host(source[0], PROVIDERS, schema=source[1])
    with pytest.raises(HostError, match="format 2"):
        newer.get(truemed.PaymentToken, KEY)
    with pytest.raises(HostError, match="format 2"):
        host.run()
    newer.close()


def test_tables_of_a_newer_release_are_not_touched(host: Host, source: tuple[str, str]) -> None:
    with host.transaction() as tx:
        tx.execute(f"UPDATE {host._dialect.prefix}schema_version SET version = 2")
    Host(source[0], PROVIDERS, schema=source[1]).stats()  # the next version is readable
    with host.transaction() as tx:
        tx.execute(f"UPDATE {host._dialect.prefix}schema_version SET version = 3, readable_from = 2")
    with pytest.raises(HostError, match="Deploy a newer release"):
        Host(source[0], PROVIDERS, schema=source[1]).stats()


def test_mistakes_are_named(tmp_path: Path) -> None:
    for database in ("mysql://x", "sqlite://", "sqlite:///:memory:", 7):
        with pytest.raises(HostError, match="database"):
            Host(database, PROVIDERS)
    with pytest.raises(HostError, match="stripe"):
        Host(f"sqlite:///{tmp_path}/x.db", {"stripe": Provider(api_key="k")})
    with pytest.raises(HostError, match="api_key"):
        Host(f"sqlite:///{tmp_path}/x.db", {"truemed": Provider()})
    host = Host(f"sqlite:///{tmp_path}/x.db", PROVIDERS)
    with pytest.raises(HostError, match="`fulfill`"):
        host.tick()
    host.ignore("fulfill")
    with pytest.raises(HostError, match="already"):
        host.ignore("fulfill")
    with pytest.raises(HostError, match="truemed.nothing"):
        host.get("truemed.nothing", KEY)  # type: ignore[call-overload]


# A worker that runs.


def test_a_worker_of_several_threads_runs_and_leaves(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rulebound.host")
    running = threading.Thread(target=lambda: host.run(threads=3))
    running.start()
    keys = [str(uuid.uuid4()) for _ in range(10)]
    for key in keys:
        host.handle(truemed.PaymentToken, key, CREATE)
    _until(lambda: all(_facet(host, key) == "awaiting" for key in keys))
    begun = time.monotonic()
    host.stop()
    running.join(5)
    assert not running.is_alive() and time.monotonic() - begun < 5
    lines = [it for it in caplog.records if getattr(it, "rulebound", {}).get("kind") == "reply"]
    assert len(lines) == 10 and host.verify() == []


def test_an_asynchronous_worker_runs_and_leaves(host: Host, source: tuple[str, str]) -> None:
    most, now = [0], [0]

    async def slow(_: Outgoing) -> Incoming:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.2)
        now[0] -= 1
        return Incoming(200, {}, REPLY)

    async def play() -> None:
        own = ready(AsyncHost(source[0], PROVIDERS, schema=source[1], send=slow))
        running = asyncio.create_task(own.run(concurrency=5))
        keys = [str(uuid.uuid4()) for _ in range(10)]
        for key in keys:
            await own.handle(truemed.PaymentToken, key, CREATE)
        async with asyncio.timeout(20):
            while (await own.stats()).due or any([(await _facet_of(own, key)) != "awaiting" for key in keys]):
                await asyncio.sleep(0.05)
        own.stop()
        async with asyncio.timeout(5):
            await running
        await own.close()

    asyncio.run(play())
    assert most[0] > 1, "the rows were worked on one after another"


def test_a_handler_that_hangs_is_lost(source: tuple[str, str]) -> None:
    host = Host(source[0], PROVIDERS, schema=source[1], send=lambda _: Incoming(422, {}, FAILED))
    host.migrate()
    host.ignore("fulfill")
    host.ignore("access")
    hangs = threading.Event()

    @host.on("notify", timeout=0.2)
    def mail(effect: Any, row: Any) -> None:
        hangs.wait(5)

    _issue(host)
    charge = truemed.create_payment_session(
        intent="1", payment_token="pt_1", total_amount=1500, order_items=CREATE["order_items"],
        success_url="https://shop.example/ok", failure_url="https://shop.example/no",
    )  # fmt: skip
    host.handle(truemed.PaymentToken, KEY, charge)
    host.tick()
    hangs.set()
    row = host.get(truemed.PaymentToken, KEY)
    assert row is not None
    (effect,) = row.effects()
    assert effect["type"] == "notify" and not effect["ready"] and effect["attempts"] == 1
    host.close()


FAILED = '{"error": "CardExpired", "payment_session_id": "ps_1", "redirect_url": "https://truemed.example/r/1"}'


def _issue(host: Host) -> None:
    """A token that can be charged; its reply is given by another transport."""
    given, host._given_send = host._given_send, lambda _: Incoming(200, {}, REPLY)
    host.handle(truemed.PaymentToken, KEY, CREATE)
    host.tick()
    assert host.webhook("truemed", SIGNED, UPDATED) == 204
    host.tick()
    host._given_send = given


def _facet(host: Host, key: str) -> str:
    row = host.get(truemed.PaymentToken, key)
    return "" if row is None else row.status()["facets"]["token"]


async def _facet_of(host: AsyncHost, key: str) -> str:
    row = await host.get(truemed.PaymentToken, key)
    return "" if row is None else row.status()["facets"]["token"]


def _until(is_true: Any, seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


def test_the_index_is_used_beside_many_waiting_rows(host: Host, source: tuple[str, str]) -> None:
    from rulebound.host._visit import _PICK

    sql = host._dialect.compile(_PICK, source[0].startswith("sqlite"))
    explain = "EXPLAIN QUERY PLAN " if source[0].startswith("sqlite") else "EXPLAIN "
    with host.transaction() as tx:
        if explain == "EXPLAIN ":
            tx.execute("SET LOCAL enable_seqscan = off")  # the table is empty
        plan = str(tx.execute(explain + sql, (None if host._dialect.own_clock else 1,)).fetchall())
    assert "rulebound_flows_wake_at" in plan and "SORT" not in plan.upper(), plan
    assert "Filter" not in plan, plan


def test_the_package_has_the_files_of_the_contract() -> None:
    own = Path(rulebound.host.__file__).parent / "_files"
    for folder in ("dashboard", "sql/sqlite", "sql/postgres"):
        there = {it.name: it.read_bytes() for it in (ROOT / "host" / folder).iterdir() if it.is_file()}
        assert there == {it.name: it.read_bytes() for it in (own / folder).iterdir() if it.is_file()}


def test_a_hook_does_nothing_by_itself() -> None:
    begun = time.monotonic()
    Hook().checkpoint("leased")
    Hook().sleep(0.01)
    assert Hook().monotonic() >= begun


@pytest.mark.parametrize("kind", [Host, AsyncHost])
def test_what_an_import_adopts_gets_its_webhooks_and_is_adopted_once(kind: Any, source: tuple[str, str], host: Host) -> None:
    def adopted(key: str) -> Import:
        return Import(truemed.PaymentToken, key, truemed.retrieve_payment_token(payment_token="pt_9"))

    async def call() -> None:
        used = kind(source[0], PROVIDERS, schema=source[1])
        assert await settled(used.import_([adopted(KEY)])) == 1
        with pytest.raises(HostError, match=f"names `pt_9`, which the row `{KEY}` has. Use that row."):
            await settled(used.import_([adopted("another-row-0001")]))
        await settled(used.close())

    asyncio.run(call())
    prefix = host._dialect.prefix
    with host.transaction() as tx:
        assert tx.execute(f"SELECT key FROM {prefix}ids WHERE id = 'pt_9'").fetchall() == [(KEY,)]
        assert tx.execute(f"SELECT key FROM {prefix}flows").fetchall() == [(KEY,)]
