"""Koios' Ogmios: single questions by JSON-RPC over HTTP."""

from typing import Any

from facilitator.plugin import ChainUnavailable
from facilitator_koios.client import Client
from facilitator_koios.fields import table

PATH = "/ogmios"


def message(method: str, **params: object) -> dict[str, object]:
    """Return a JSON-RPC request."""
    return {"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})}


def query(client: Client, method: str) -> Any:
    """Return the result of a question. Raises :class:`ChainUnavailable`."""
    answer = table(client.ask(PATH, message(method)), "an answer of Ogmios")
    if "result" not in answer:
        raise ChainUnavailable("Koios' Ogmios cannot answer")
    return answer["result"]
