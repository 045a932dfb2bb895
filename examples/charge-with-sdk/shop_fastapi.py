"""The same shop with FastAPI: ``python shop_fastapi.py ADDRESS``."""

import asyncio
import socket
from functools import partial

import uvicorn
from cardano import NETWORK, ExactCardano, give_up, offers
from command import read_arguments, say_how_to_buy
from fastapi import FastAPI, HTTPException
from x402 import x402ResourceServer
from x402.http import FacilitatorConfig, HTTPFacilitatorClient
from x402.http.middleware.fastapi import payment_middleware
from x402.http.types import RouteConfig

FORECASTS = {"today": "rainy, 17 degrees", "tomorrow": "sunny, 24 degrees"}


def shop(facilitator: str, pay_to: str) -> FastAPI:
    """Return the web application."""
    server = x402ResourceServer(HTTPFacilitatorClient(FacilitatorConfig(url=facilitator)))
    server.register(NETWORK, ExactCardano())
    server.on_verified_payment_canceled(partial(asyncio.to_thread, give_up, facilitator))
    app = FastAPI()
    routes = {"GET /forecast": RouteConfig(accepts=offers(pay_to))}
    app.middleware("http")(payment_middleware(routes, server))

    @app.get("/forecast")
    def forecast(day: str = "tomorrow") -> dict[str, str]:
        if day not in FORECASTS:
            raise HTTPException(404)  # no page, no settlement: the SDK calls ``give_up``
        return {"forecast": FORECASTS[day]}

    return app


def main() -> None:
    """Serve until interrupted."""
    pay_to, port, facilitator = read_arguments()
    with socket.create_server(("127.0.0.1", port)) as listening:
        say_how_to_buy(listening.getsockname()[1])
        config = uvicorn.Config(shop(facilitator, pay_to), log_level="warning")
        uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
