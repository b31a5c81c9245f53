"""A customer subscribes in the shop, with the simulator on the other side."""

from pathlib import Path

import shop
from fastapi.testclient import TestClient
from rulebound.host import Host, Provider
from rulebound.testing import World


def test_a_customer_subscribes_and_returns(simulator: World, tmp_path: Path) -> None:
    provider = Provider("any-key", ["whsec"], config={"base_url": simulator.base_url("truemed")})
    host = Host(f"sqlite:///{tmp_path / 'shop.db'}", {"truemed": provider}, clock=simulator.now)
    host.migrate()
    browser = TestClient(shop.shop(host, "http://shop.test"), follow_redirects=False)
    assert "Subscribe to b12" in browser.get("/").text
    assert browser.post("/subscriptions?sku=b13").status_code == 422
    page = browser.post("/subscriptions?sku=b12").headers["location"].removeprefix("http://shop.test")
    host.tick()
    customer_url = browser.get(page).json()["waiting_for"][0]["customer_url"]
    simulator.act("finish", url=customer_url)
    assert browser.get(f"{page}?returned=1").status_code == 200
    simulator.advance(ms=3_600_000, host=host)
    webhook = simulator.webhooks()[-1]
    assert browser.post("/webhooks/truemed", json=webhook["data"]).status_code == 401
    signed = {"x-truemed-api-key": "whsec"}
    assert browser.post("/webhooks/truemed", json=webhook["data"], headers=signed).status_code == 204
    host.tick()
    assert browser.get(page).json()["status"]["facets"]["token"] == "issued"
    assert browser.get("/subscriptions/6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11").status_code == 404
    assert browser.get("/rulebound/").headers["content-security-policy"].startswith("default-src 'none'")
    assert browser.get("/rulebound").headers["location"].endswith("/rulebound/")
    host.close()
