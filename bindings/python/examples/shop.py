"""A shop that sells by Truemed, over `host.py`: `uvicorn --factory shop:shop`, and `python host.py` beside it."""

import uuid
from typing import Annotated, Any, Literal

import httpx
import rulebound
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from host import API_KEYS, SECRETS, Conflict, Host, Row, context, now
from rulebound import facts, truemed
from rulebound.types import TruemedOrderItem

SHELF: dict[str, TruemedOrderItem] = {  # prices come from here, never from a browser
    "b12": {"name": "B12", "sku": "b12", "quantity": 1, "price": 1500},
    "mg": {"name": "Magnesium", "sku": "mg", "quantity": 1, "price": 1200},
}


async def raw(request: Request) -> bytes:
    return await request.body()


def web(host: Host) -> FastAPI:
    app = FastAPI()

    @app.exception_handler(rulebound.Rejected)
    def rejected(_: Request, why: rulebound.Rejected) -> Response:
        return JSONResponse({"violations": why.violations}, status_code=409)

    @app.exception_handler(Conflict)
    def conflict(_: Request, __: Conflict) -> Response:
        return JSONResponse({"again": True}, status_code=503, headers={"retry-after": "1"})

    def items(skus: list[str]) -> list[TruemedOrderItem]:
        if unknown := [sku for sku in skus if sku not in SHELF]:
            raise HTTPException(422, f"there is no {', '.join(unknown)}")
        return [SHELF[sku] for sku in skus]

    def existing(key: str) -> Row:
        if token := host.find("truemed.payment_token", key):
            return token
        raise HTTPException(404)

    @app.post("/subscriptions")
    def subscribe(skus: list[str], later: BackgroundTasks) -> Any:
        token = truemed.PaymentToken.start(uuid.uuid4())
        page = f"https://shop.example/subscriptions/{token.key}?back="
        create = truemed.create_payment_token(
            order_items=items(skus), success_url=f"{page}success", failure_url=f"{page}failure"
        )
        host.save(token, token.handle(create, **context()))
        later.add_task(host.run)
        return {"key": token.key}

    @app.get("/subscriptions/{key}")
    def page(key: str, later: BackgroundTasks, back: Literal["success", "failure"] | None = None) -> Any:
        token = existing(key)
        if back:  # the return of a browser proves nothing, but it makes a lookup due
            token = host.observe(token, facts.customer_returned())
            later.add_task(host.run)
        return {"waiting_for": token.waiting_for(**context()), "actions": token.actions(**context())}

    @app.put("/subscriptions/{key}/items")
    def change(key: str, skus: list[str], later: BackgroundTasks) -> Any:
        token = existing(key)
        host.save(token, token.handle(truemed.update_payment_token(order_items=items(skus)), **context()))
        later.add_task(host.run)
        return {"key": key}

    @app.post("/webhooks/{provider}")
    def webhook(provider: Any, request: Request, body: Annotated[bytes, Depends(raw)], later: BackgroundTasks) -> Response:
        if provider not in API_KEYS:
            raise HTTPException(404)
        try:
            received = rulebound.read_webhook(provider, SECRETS.get(provider, ""), request.headers, body, now())
        except rulebound.NotAuthentic:
            return Response(status_code=401)
        host.receive(provider, received)
        later.add_task(host.run)
        return Response(status_code=received["acknowledge_with"])

    return app


def shop() -> FastAPI:
    return web(Host("shop.db", httpx.Client(timeout=30)))
