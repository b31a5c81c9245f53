"""What the tests of the host share: an empty database of each kind, and a host on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from host_suite import postgres_url, random_schema
from rulebound.host import Host, Incoming, Provider

PROVIDERS = {"truemed": Provider(api_key="sk_1", webhook_secrets=["whsec"])}
REPLY = '{"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}'
UPDATED = b'{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}'
SIGNED = {"x-truemed-api-key": "whsec"}


def ready(host: Any) -> Any:
    for kind in ("notify", "fulfill", "access"):
        host.ignore(kind)
    return host


@pytest.fixture(params=["sqlite", "postgres"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URL and the schema of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shop.db'}", "public"
        return
    url, schema = postgres_url(), random_schema()
    if url is None:
        pytest.skip("RULEBOUND_TEST_POSTGRES is not set")
    import psycopg

    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE SCHEMA {schema}")
        yield url, schema
        db.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def host(source: tuple[str, str]) -> Iterator[Host]:
    made = ready(Host(source[0], PROVIDERS, schema=source[1], send=lambda _: Incoming(200, {}, REPLY)))
    made.migrate()
    yield made
    made.close()
