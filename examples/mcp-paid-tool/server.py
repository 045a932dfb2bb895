"""An MCP server with a tool that is paid by each call, with the official MCP and x402 SDKs.

Run it as ``python server.py ADDRESS``.
"""

import asyncio
import sys

import httpx
from cardano import NETWORK, ExactCardano, give_up, offers
from mcp.server.fastmcp import FastMCP
from mcp.types import CallToolResult, TextContent
from x402 import ResourceInfo, x402ResourceServer
from x402.http import FacilitatorConfig, HTTPFacilitatorClient
from x402.mcp import PaymentWrapperHooks, create_payment_wrapper
from x402.mcp.types import AfterExecutionContext
from x402.schemas import VerifiedPaymentCanceledContext

FORECASTS = {"today": "rainy, 17 degrees", "tomorrow": "sunny, 24 degrees"}


def server(facilitator: str, pay_to: str, port: int) -> FastMCP:
    """Return the MCP server. It keeps no sessions: a call is one request over HTTP."""
    seller = x402ResourceServer(HTTPFacilitatorClient(FacilitatorConfig(url=facilitator)))
    seller.register(NETWORK, ExactCardano())
    seller.initialize()

    async def after_work(done: AfterExecutionContext) -> None:
        if done.result.is_error:  # the SDK settles nothing then
            payment, terms = done.payment_payload, done.payment_requirements
            canceled = VerifiedPaymentCanceledContext(payment, terms)
            await asyncio.to_thread(give_up, facilitator, canceled)

    paid = create_payment_wrapper(
        seller,
        accepts=[
            terms for offer in offers(pay_to) for terms in seller.build_payment_requirements(offer)
        ],
        resource=ResourceInfo(url="mcp://tool/forecast", mime_type="text/plain"),
        hooks=PaymentWrapperHooks(on_after_execution=after_work),
    )
    mcp = FastMCP("forecasts", port=port, stateless_http=True, json_response=True)

    @mcp.tool(description="The weather of today or tomorrow, for 0.10 tUSDM or 2 ada")
    @paid
    def forecast(day: str = "tomorrow") -> str | CallToolResult:
        if day in FORECASTS:
            return FORECASTS[day]
        # No exception: after one the SDK does not call ``after_work``.
        failure = TextContent(type="text", text=f"there is no forecast for {day!r}")
        return CallToolResult(content=[failure], isError=True)

    return mcp


def main(pay_to: str, port: str = "4001", facilitator: str = "http://127.0.0.1:3000") -> None:
    """Serve until interrupted."""
    try:
        mcp = server(facilitator, pay_to, int(port))
    except httpx.HTTPError as error:
        sys.exit(f"the facilitator at {facilitator} cannot be asked: {error}")
    print(f"the tool forecast is at http://127.0.0.1:{port}/mcp", flush=True)
    mcp.run("streamable-http")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python server.py ADDRESS [PORT [FACILITATOR]]")
    main(*sys.argv[1:])
