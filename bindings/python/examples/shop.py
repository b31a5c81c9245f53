"""A shop that sells by Truemed, with its worker, its dashboard and the providers' simulator, on SQLite: `python shop.py`."""

import threading
import uuid
from typing import Any

import rulebound
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from rulebound import truemed
from rulebound.host import Host, Provider
from rulebound.testing import Simulator
from rulebound.types import TruemedOrderItem

B12: TruemedOrderItem = {"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}
SHELF = {"b12": B12}  # prices come from here, never from a browser
PAGE = '<form action="/subscriptions?sku={0}" method="post"><button>Subscribe to {0}</button></form>'


def shop(host: Host, site: str) -> FastAPI:
    app = FastAPI()
    app.include_router(host.fastapi())  # POST /webhooks/truemed
    app.mount("/rulebound", host.dashboard(lambda _: "all"))  # in production: who is an operator?

    @host.on_tx("fulfill")  # this row and `done` commit together
    def ship(effect: Any, row: Any, tx: Any) -> None:
        tx.execute("CREATE TABLE IF NOT EXISTS parcels (effect text PRIMARY KEY, key text)")
        tx.execute("INSERT INTO parcels VALUES (?, ?)", (row.effect_key(effect), row.key))

    @host.on("notify", timeout=10)  # at least once: row.effect_key(effect) tells repeats apart
    def mail(effect: Any, row: Any) -> None:
        print("mail:", effect["reason"], effect["customer_url"] or "")

    host.ignore("access")

    @app.exception_handler(rulebound.Rejected)
    def rejected(_: Request, why: rulebound.Rejected) -> Response:
        return JSONResponse({"violations": why.violations}, status_code=409)

    @app.get("/", response_class=HTMLResponse)
    def front() -> str:
        return "".join(PAGE.format(sku) for sku in SHELF) + '<a href="/rulebound/">What happens behind it</a>'

    @app.post("/subscriptions")
    def subscribe(sku: str) -> Response:
        key, item = str(uuid.uuid4()), SHELF.get(sku)  # a real shop takes the key from its order: a double click is one flow
        if item is None:
            raise HTTPException(422, f"there is no {sku}")
        back = f"{site}/subscriptions/{key}"
        create = truemed.create_payment_token(order_items=[item], success_url=f"{back}?returned=1", failure_url=back)
        host.handle(truemed.PaymentToken, key, create, actor="customer", reference=f"order-{key[:8]}")
        return RedirectResponse(back, status_code=303)

    @app.get("/subscriptions/{key}")
    def page(key: str, returned: bool = False) -> Any:
        row = host.customer_returned(truemed.PaymentToken, key) if returned else host.get(truemed.PaymentToken, key)
        if row is None:
            raise HTTPException(404)
        return {"status": row.status(), "waiting_for": row.waiting_for(), "actions": row.actions()}

    return app


def main(port: int = 8000) -> None:
    site = f"http://127.0.0.1:{port}"
    with Simulator() as simulator:
        world = simulator.world(webhook_urls=[{"url": f"{site}/webhooks/truemed", "provider": "truemed", "secret": "whsec"}])
        world.follow()  # its clock is the real one
        provider = Provider("any-key", ["whsec"], config={"base_url": world.base_url("truemed")})
        host = Host("sqlite:///shop.db", {"truemed": provider})
        host.migrate()
        app = shop(host, site)
        threading.Thread(target=host.run, daemon=True).start()
        uvicorn.run(app, port=port)


if __name__ == "__main__":
    main()
