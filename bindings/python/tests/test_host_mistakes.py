"""Mistakes in how a host is set up: each is refused at once, with its cure."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from conftest import CREATE, KEY
from host_fixtures import PROVIDERS, REPLY, SIGNED, UPDATED, ready
from rulebound import truemed
from rulebound.host import Account, AsyncHost, ConfigError, Host, HostError, Import, Incoming, Provider

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


@both
def test_a_value_of_a_wrong_type_is_named_with_its_cure(kind: Any, tmp_path: Any) -> None:
    with pytest.raises(HostError, match="providers/truemed/timeout: 30000 .* It is in seconds"):
        kind(url(tmp_path), {"truemed": Provider("k", timeout=30_000)})

    async def run() -> None:
        host = kind(url(tmp_path), {"truemed": Provider("k", ["whsec"])})
        with pytest.raises(HostError, match="notify: timeout: 0 .* It is in seconds"):
            host.on("notify", timeout=0)(lambda effect, row: None)
        await done(host.migrate())
        for name in ("reference", "actor"):
            wrong: Any = {name: 17}
            with pytest.raises(HostError, match=f"{name}: 17 is not a text. Write {name}='17'"):
                await done(host.handle(truemed.PaymentToken, KEY, CREATE, **wrong))
        assert await done(host.get(truemed.PaymentToken, KEY)) is None
        parsed: Any = {"payment_token": "pt_1"}
        with pytest.raises(HostError, match="body: it is a dict. Pass the raw body"):
            await done(host.webhook("truemed", SIGNED, parsed))
        with pytest.raises(HostError, match="has no provider `acme`"):
            await done(host.look_up("acme", "a"))
        adoption = Import(truemed.PaymentToken, KEY, truemed.retrieve_payment_token(payment_token="pt_9"))
        with pytest.raises(HostError, match="per_second: 0 is not above 0"):
            await done(host.import_([adoption], per_second=0))
        await done(host.close())

    asyncio.run(run())


@both
def test_the_account_of_a_row_is_fixed_by_its_first_command(kind: Any, tmp_path: Any) -> None:
    async def run() -> None:
        host = kind(url(tmp_path), {"truemed": Provider(account=lambda name: Account(f"sk_{name}"))})
        await done(host.migrate())
        await done(host.handle(truemed.PaymentToken, KEY, CREATE, account="east"))
        with pytest.raises(HostError, match="belongs to the account `east` of truemed, .* and not to `west`"):
            await done(host.handle(truemed.PaymentToken, KEY, CREATE, account="west"))
        assert (await done(host.handle(truemed.PaymentToken, KEY, CREATE))).account == "east"
        await done(host.close())

    asyncio.run(run())


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


@both
def test_a_row_of_an_import_that_is_none_is_named(kind: Any, source: tuple[str, str]) -> None:
    adopt = truemed.retrieve_payment_token(payment_token="pt_1")
    key = f"import-{1:016}"
    cases: list[tuple[Any, str]] = [
        ((truemed.PaymentToken, key, adopt), r"^import_: rows/101: it is a tuple\. Write Import\(flow, key, command\)\.$"),
        ({"flow": truemed.PaymentToken, "key": key, "command": adopt}, r"^import_: rows/101: it is a dict\. Write Import"),
        (Import("truemed.token", key, adopt), r"^import_: rows/101/flow: there is no flow `truemed.token`\. Use a class"),
        (Import(truemed.PaymentToken, "short", adopt), r"^import_: rows/101/key: .*Give your own record's key, such as a UUID\.$"),
        (Import(truemed.PaymentToken, 17, adopt), r"^import_: rows/101/key: "),  # type: ignore[arg-type]
        (Import(truemed.PaymentToken, key, "pt_1"), r"^import_: rows/101/command: it is a str\. Give a lookup, such as"),  # type: ignore[arg-type]
        (Import(truemed.PaymentToken, key, CREATE), r"^import_: rows/101/command: `create_payment_token` is no lookup"),
        (Import(truemed.PaymentToken, key, adopt, account=17), r"^import_: rows/101/account: 17 is not a text"),  # type: ignore[arg-type]
    ]

    async def run() -> None:
        host = ready(kind(source[0], PROVIDERS, schema=source[1]))
        await done(host.migrate())
        before = [Import(truemed.PaymentToken, f"import-{n:016}", truemed.retrieve_payment_token(payment_token=f"pt_{n}")) for n in range(101)]
        for wrong, match in cases:
            with pytest.raises(HostError, match=match):
                await done(host.import_([*before, wrong]))
        assert await done(host.get(truemed.PaymentToken, before[99].key)) is not None
        assert await done(host.get(truemed.PaymentToken, before[100].key)) is None, "its batch has the mistake"
        await done(host.close())

    asyncio.run(run())


def _refuses(kind: Any) -> Any:
    async def send(_: Any) -> Incoming:
        return Incoming(401, {}, "{}")

    return send if kind is AsyncHost else lambda _: Incoming(401, {}, "{}")


@both
def test_an_account_without_a_name_is_named_by_its_provider(kind: Any, source: tuple[str, str]) -> None:
    async def run() -> None:
        host = ready(kind(source[0], PROVIDERS, schema=source[1], send=_refuses(kind)))
        await done(host.migrate())
        await done(host.handle(truemed.PaymentToken, KEY, CREATE))
        await done(host.tick())
        assert [it.detail for it in await done(host.doctor()) if it.problem == "account"] == [
            "The account of truemed is paused (401). Correct its API key."
        ]
        accounts = kind(source[0], {"truemed": Provider("k", account=lambda name: Account(f"k_{name}"))}, schema=source[1])
        with pytest.raises(HostError, match=f"^account: truemed.payment_token {KEY} belongs to the account of truemed, which"):
            await done(accounts.handle(truemed.PaymentToken, KEY, CREATE, account="a"))
        for it in (accounts, host):
            await done(it.close())

    asyncio.run(run())


@both
def test_only_a_provider_with_callbacks_has_one(kind: Any, source: tuple[str, str]) -> None:
    async def run() -> None:
        host = ready(kind(source[0], PROVIDERS, schema=source[1]))
        await done(host.migrate())
        with pytest.raises(HostError, match="^callback: truemed has none. When the browser comes back, call `customer_returned`"):
            await done(host.callback("truemed", b"[]"))
        with pytest.raises(HostError, match="has no provider `revup`"):
            await done(host.callback("revup", b"[]"))
        await done(host.close())

    asyncio.run(run())
