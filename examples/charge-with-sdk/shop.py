"""A shop that sells a page for a dollar token or ada, with Flask and the official x402 SDK.

Run it as ``python shop.py ADDRESS``.
"""

from functools import partial

from cardano import NETWORK, ExactCardano, give_up, offers
from command import read_arguments, say_how_to_buy
from flask import Flask, abort, request
from werkzeug.serving import make_server
from x402 import x402ResourceServerSync
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync
from x402.http.middleware.flask import payment_middleware
from x402.http.types import RouteConfig

FORECASTS = {"today": "rainy, 17 degrees", "tomorrow": "sunny, 24 degrees"}


def shop(facilitator: str, pay_to: str) -> Flask:
    """Return the web application."""
    server = x402ResourceServerSync(HTTPFacilitatorClientSync(FacilitatorConfig(url=facilitator)))
    server.register(NETWORK, ExactCardano())
    server.on_verified_payment_canceled(partial(give_up, facilitator))
    app = Flask(__name__)
    payment_middleware(app, {"GET /forecast": RouteConfig(accepts=offers(pay_to))}, server)

    @app.get("/forecast")
    def forecast() -> dict[str, str]:
        day = request.args.get("day", "tomorrow")
        if day not in FORECASTS:
            abort(404)  # no page, no settlement: the SDK calls ``give_up``
        return {"forecast": FORECASTS[day]}

    return app


def main() -> None:
    """Serve until interrupted."""
    pay_to, port, facilitator = read_arguments()
    server = make_server("127.0.0.1", port, shop(facilitator, pay_to), threaded=True)
    say_how_to_buy(server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    main()
