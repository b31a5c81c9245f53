"""Mistakes in how a host is set up: each is refused at once, with its cure."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from conftest import CREATE, KEY
from host_fixtures import REPLY, SIGNED, UPDATED, ready
from rulebound import truemed
from rulebound.host import Account, AsyncHost, ConfigError, Host, HostError, Incoming, Provider

OTHER = "00000000-0000-4000-8000-000000000002"
NOW = 1_700_000_000_000
both = pytest.mark.parametrize("kind", [Host, AsyncHost])


def url(path: Any) -> str:
    return f"sqlite:///{path / 'shop.db'}"


async def done(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


@both
def test_a_text_is_no_list_of_secrets(kind: Any, tmp_path: Any) -> None:
    wrong: list[Any] = ["whsec", [""], b"whsec"]
    for secrets in wrong:
        with pytest.raises(HostError, match="providers/truemed/webhook_secrets: it is not a list"):
            kind(url(tmp_path), {"truemed": Provider("k", webhook_secrets=secrets)})


@both
def test_an_account_with_a_text_as_secret_verifies_nothing(kind: Any, tmp_path: Any) -> None:
    account: Any = Account("k", webhook_secrets="whsec")

    async def run() -> None:
        host = kind(url(tmp_path), {"truemed": Provider(account=lambda _: account)})
        await done(host.migrate())
        with pytest.raises(ConfigError, match="webhook_secrets"):
            await done(host.webhook("truemed", {"x-truemed-api-key": "w"}, UPDATED, account="a"))
        await done(host.close())

    asyncio.run(run())


@both
def test_no_request_is_without_a_key(kind: Any, tmp_path: Any) -> None:
    wrong: Any = 17
    with pytest.raises(HostError, match="providers/truemed/api_key: it is not a text"):
        kind(url(tmp_path), {"truemed": Provider(wrong)})
    with pytest.raises(HostError, match="providers/truemed/account: it is not a function"):
        kind(url(tmp_path), {"truemed": Provider(account=wrong)})
    accounts = {"empty": Account("")}

    async def run() -> None:
        host = kind(url(tmp_path), {"truemed": Provider(account=accounts.get)})
        await done(host.migrate())
        cases = {"": "it is missing. The provider `truemed` has several", "m2": "has no account `m2`", "empty": "`api_key` is missing"}
        for account, match in cases.items():
            with pytest.raises(HostError, match=match):
                await done(host.handle(truemed.PaymentToken, KEY, CREATE, account=account))
        assert (await done(host.stats())).due == 0
        await done(host.close())

    asyncio.run(run())


@both
def test_a_provider_that_does_not_sign_needs_a_token_and_a_missing_secret_is_told_once(kind: Any, tmp_path: Any, caplog: Any) -> None:
    for token in (None, ""):
        with pytest.raises(HostError, match=r"providers/vend/webhook_token: it is missing\. .*/vend/<token>"):
            kind(url(tmp_path), {"vend": Provider("k", webhook_token=token)})

    async def run() -> None:
        host = kind(url(tmp_path), {"truemed": Provider("k")})
        await done(host.migrate())
        for _ in range(3):
            assert await done(host.webhook("truemed", {}, b"{}")) == 401
        await done(host.close())

    asyncio.run(run())
    assert caplog.text.count("Give `webhook_secrets`") == 1


@both
def test_a_mistake_in_a_config_names_its_member(kind: Any, tmp_path: Any) -> None:
    wrong: Any = {"environmen": "staging"}
    with pytest.raises(ConfigError, match="^providers/truemed/config/environmen: unknown field"):
        kind(url(tmp_path), {"truemed": Provider("k", config=wrong)})
    with pytest.raises(ConfigError, match="^config/lease: unknown field"):
        kind(url(tmp_path), {"truemed": Provider("k")}, config={"lease": 1})
    with pytest.raises(HostError, match="providers/truemed: it is a dict. Use `Provider"):
        kind(url(tmp_path), {"truemed": {"api_key": "k"}})


@both
def test_a_clock_gives_whole_milliseconds(kind: Any, tmp_path: Any) -> None:
    clock: Any = lambda: 1_700_000_000.5  # noqa: E731
    with pytest.raises(HostError, match="clock: .* milliseconds"):
        kind(url(tmp_path), {"truemed": Provider("k")}, clock=clock)


@both
def test_a_mistake_in_an_accounts_config_pauses_the_account_and_no_row(kind: Any, tmp_path: Any) -> None:
    now = [NOW]
    config: Any = {}

    async def run() -> None:
        def answer(_: Any) -> Incoming:
            return Incoming(200, {}, REPLY)

        async def answer_later(it: Any) -> Incoming:
            return answer(it)

        providers = {"truemed": Provider(account=lambda _: Account("k", config.copy()))}
        sender: Any = answer if kind is Host else answer_later
        host = ready(kind(url(tmp_path), providers, clock=lambda: now[0], send=sender))
        await done(host.migrate())
        for key in (KEY, OTHER):
            await done(host.handle(truemed.PaymentToken, key, CREATE, account="a"))
        config["environmen"] = "staging"
        host._kit.forget_account("truemed", "a")
        assert (await done(host.tick())).sent == []
        with pytest.raises(ConfigError, match="providers/truemed/accounts/a/config/environmen"):
            await done(host.get(truemed.PaymentToken, KEY))
        assert "config" in " ".join(it.detail for it in await done(host.doctor()))
        config.clear()
        for key in (KEY, OTHER):
            row = await done(host.get(truemed.PaymentToken, key))
            assert (row.tries, row.last_error, row.wake_at) == (0, None, NOW + 60_000)
        now[0] += 60_000
        assert (await done(host.tick())).sent == ["create_payment_token"] * 2
        assert await done(host.doctor()) == []
        await done(host.close())

    asyncio.run(run())


@both
def test_a_reply_is_saved_with_the_settings_of_its_lease_if_the_account_cannot_be_looked_up(kind: Any, tmp_path: Any) -> None:
    is_away, now = False, NOW

    def look_up(_: str) -> Account:
        if is_away:
            raise OSError("no directory")
        return Account("k")

    async def run() -> None:
        nonlocal is_away, now

        def answer(_: Any) -> Incoming:
            nonlocal is_away
            is_away = True
            return Incoming(401)

        async def answer_later(it: Any) -> Incoming:
            return answer(it)

        sender: Any = answer if kind is Host else answer_later
        host = ready(kind(url(tmp_path), {"truemed": Provider(account=look_up)}, clock=lambda: now, send=sender))
        await done(host.migrate())
        await done(host.handle(truemed.PaymentToken, KEY, CREATE, account="a"))
        assert (await done(host.tick())).sent == ["create_payment_token"]
        assert "paused (401)" in " ".join(it.detail for it in await done(host.doctor()))
        now += 30_000
        await done(host.tick())
        is_away = False
        row = await done(host.get(truemed.PaymentToken, KEY))
        assert (row.revision, row.tries, row.wake_at) == (3, 0, now + 60_000)
        await done(host.close())

    asyncio.run(run())


def test_a_later_command_can_give_another_reference(host: Host) -> None:
    for reference, expected in (("order-1", "order-1"), (None, "order-1"), ("order-2", "order-2")):
        host.handle(truemed.PaymentToken, KEY, CREATE, reference=reference)
        row = host.get(truemed.PaymentToken, KEY)
        assert row and row.reference == expected


def test_a_failure_that_another_worker_has_counted_is_not_counted_again(host: Host) -> None:
    host.handle(truemed.PaymentToken, KEY, CREATE)
    with host.transaction() as tx:
        tx.execute(f"UPDATE {host._dialect.prefix}flows SET snapshot = '{{}}'")
    from rulebound.host import _kit, _visit

    with pytest.raises(_kit.RowError) as first:
        host._run(lambda: _visit.due(host._kit))
    for _ in range(2):  # two workers met the row before the first of them noted it
        host._fail(first.value)
    with host.transaction() as tx:
        assert tx.execute(f"SELECT tries FROM {host._dialect.prefix}flows").fetchone()[0] == 1
    assert host.stats().failing_effects == 1


def test_a_host_that_does_not_await_refuses_what_is_async(tmp_path: Any) -> None:
    async def handler(*_: Any) -> None: ...

    class Callable:
        async def __call__(self, effect: Any, row: Any) -> None: ...

    host = Host(url(tmp_path), {"truemed": Provider("k")})
    for register in (host.on("notify"), host.on_tx("notify")):
        with pytest.raises(HostError, match="notify: `handler` is `async`.*AsyncHost"):
            register(handler)
    with pytest.raises(HostError, match="is `async`"):
        host.on("notify")(Callable())
    later: Any = handler
    with pytest.raises(HostError, match="send is `async`"):
        Host(url(tmp_path), {"truemed": Provider("k")}, send=later)
    with pytest.raises(HostError, match="providers/truemed/account is `async`"):
        Host(url(tmp_path), {"truemed": Provider(account=later)})


def test_what_a_plain_handler_gives_to_be_awaited_is_not_done(host: Host, source: tuple[str, str]) -> None:
    async def handler(effect: Any, row: Any, tx: Any = None) -> None: ...

    from rulebound.host._worker import _refuse_awaitable

    with pytest.raises(HostError, match="to await"):
        _refuse_awaitable(handler(None, None))


@both
def test_a_handler_takes_what_it_is_called_with(kind: Any, tmp_path: Any) -> None:
    host = kind(url(tmp_path), {"truemed": Provider("k")})
    for call, wrong in ((host.on, lambda effect: None), (host.on_tx, lambda effect, row: None)):
        with pytest.raises(HostError, match=r"It is called with \(effect, row"):
            call("notify")(wrong)
    host.on("notify")(lambda effect, row, more=1: None)
    host.on_tx("fulfill")(lambda *all: None)


def test_the_key_of_an_effect_names_it_among_all_rows(host: Host) -> None:
    keys = set[str]()
    for key in (KEY, OTHER):
        row = host.handle(truemed.PaymentToken, key, CREATE)
        effect = row.effects()[0]
        keys.add(row.effect_key(effect))
        assert row.effect_key(effect) == f"truemed.payment_token/{key}/{effect['id']}"
    assert len(keys) == 2
    assert host.webhook("truemed", SIGNED, UPDATED) == 204


def test_a_call_that_nobody_awaits_rolls_the_transaction_back(tmp_path: Any, recwarn: Any) -> None:
    async def run() -> None:
        host = AsyncHost(url(tmp_path), {"truemed": Provider("k")})
        await host.migrate()

        async def work(tx: Any) -> None:
            await host.handle(truemed.PaymentToken, KEY, CREATE, tx=tx)
            host.handle(truemed.PaymentToken, OTHER, CREATE, tx=tx)  # pyright: ignore[reportUnusedCoroutine]

        with pytest.raises(HostError, match="was not awaited.*Write `await`"):
            await host.transaction(work)
        assert await host.get(truemed.PaymentToken, KEY) is None
        async with host.transaction() as tx:
            await asyncio.gather(*(host.handle(truemed.PaymentToken, key, CREATE, tx=tx) for key in (KEY, OTHER)))
        assert await host.get(truemed.PaymentToken, OTHER) is not None
        await host.close()

    asyncio.run(run())
    assert [str(it.message) for it in recwarn.list if "never awaited" in str(it.message)] == []
