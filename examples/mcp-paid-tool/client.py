"""Calls a tool of an MCP server, and pays when the tool asks for it.

Run it as ``python client.py URL TOOL [ARGUMENTS]``, with the arguments as a JSON object.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import blockfrost
import httpx
import pycardano
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult
from pay import open_wallet, prepare
from x402 import x402Client
from x402.mcp import MCP_PAYMENT_META_KEY, MCP_PAYMENT_RESPONSE_META_KEY
from x402.schemas import PaymentError, PaymentRequired

Answer = TypeVar("Answer")
PENDING = "settlement_pending"
TIMES = 10
"""Times that one payment is presented while its settlement is pending."""
ANSWER_SECONDS = 120
"""Time for one answer, however slowly its bytes come."""


async def call_and_pay(
    session: ClientSession, payer: x402Client, tool: str, arguments: dict[str, Any]
) -> CallToolResult:
    """Return the tool's answer. One payment is signed; while it is pending it is sent again."""
    answer = await in_time(session.call_tool(tool, arguments))
    offer = wanted(answer)
    if offer is None:
        return answer
    payment = await payer.create_payment_payload(offer)
    say(
        f"paying {payment.accepted.amount} {payment.accepted.asset} from {payment.payload['nonce']}"
    )
    meta = {MCP_PAYMENT_META_KEY: payment.model_dump(by_alias=True, exclude_none=True)}
    for _ in range(TIMES):
        answer = await in_time(session.call_tool(tool, arguments, meta=meta))
        refused = wanted(answer)
        if refused is None or PENDING not in (refused.error or ""):
            break
        say("not settled yet: calling again with the same payment")
    return answer


async def in_time(answer: Coroutine[Any, Any, Answer]) -> Answer:
    """Return the server's answer. Raises :class:`TimeoutError`."""
    async with asyncio.timeout(ANSWER_SECONDS):
        return await answer


def say(line: str) -> None:
    """Report progress. Where a later step fails, the chain shows what became of the input."""
    print(shown(line), file=sys.stderr, flush=True)


def shown(text: str) -> str:
    """Return the text with escapes for what a terminal would obey: the server wrote it."""
    return "".join(
        each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text
    )


def wanted(answer: CallToolResult) -> PaymentRequired | None:
    """Return the payment that the tool asks for; ``None`` where it asks for none."""
    content = answer.structuredContent or {}
    if not answer.isError or "accepts" not in content:
        return None
    return PaymentRequired.model_validate(content)


async def main(url: str, tool: str, arguments: str = "{}") -> None:
    """Print the tool's answer, and the receipt on standard error."""
    payer = prepare(x402Client(), open_wallet())
    async with (
        streamable_http_client(url) as (reads, writes, _),
        ClientSession(reads, writes) as session,
    ):
        await in_time(session.initialize())
        answer = await call_and_pay(session, payer, tool, json.loads(arguments))
    refused = wanted(answer)
    if refused is not None and PENDING in (refused.error or ""):
        sys.exit(
            "the payment is not settled, and may land yet: look at the chain before you pay again"
        )
    if refused is not None:
        sys.exit(shown(f"the tool refused the payment: {refused.error}"))
    text = "\n".join(each.text for each in answer.content if each.type == "text")
    if answer.isError:
        sys.exit(shown(text))
    receipt = (answer.meta or {}).get(MCP_PAYMENT_RESPONSE_META_KEY)
    if receipt:
        say(f"paid in the transaction {receipt['transaction']}")
    print(shown(text))


FAILURES = {
    json.JSONDecodeError: "the arguments are not JSON",
    httpx.HTTPError: "the MCP server cannot be reached",
    McpError: "the MCP server answered",
    TimeoutError: "the MCP server has not answered in time",
    PaymentError: "nothing was paid",
    pycardano.UTxOSelectionException: "nothing was paid, for the wallet holds too little",
    OSError: "the server at BLOCKFROST_URL cannot be reached",
    blockfrost.ApiError: "the server at BLOCKFROST_URL answered",
}


def in_words(failure: BaseException) -> str | None:
    """Return what went wrong, in one line; ``None`` where that is not known."""
    while isinstance(failure, BaseExceptionGroup):  # of the SDK's tasks
        failure = failure.exceptions[0]
    for kind, words in FAILURES.items():
        if isinstance(failure, kind):
            return shown(f"{words}: {failure}".splitlines()[0]).removesuffix(": ")
    return None


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python client.py URL TOOL [ARGUMENTS]")
    logging.disable()  # pycardano logs all of a transaction that it cannot build
    try:
        asyncio.run(main(*sys.argv[1:]))
    except Exception as failure:
        words = in_words(failure)
        if words is None:
            raise
        sys.exit(words)
