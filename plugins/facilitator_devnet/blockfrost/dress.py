"""The dresses of the API: each answers as one of the servers that speak Blockfrost does.

A dress decides where the API is, what it lacks and how it says so, and the form of what it says of
submissions. Tests of clients run in each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from facilitator_devnet.blockfrost.errors import ApiError
from facilitator_devnet.blockfrost.paths import HOSTED
from facilitator_devnet.blockfrost.routes import ENDPOINTS, SUBMIT, UNKNOWN
from facilitator_devnet.blockfrost.server import Answer

TEXT = "text/plain; charset=utf-8"
_MEMPOOL = frozenset(each for each in ENDPOINTS if each.startswith("GET /mempool"))
_EVALUATE = frozenset(each for each in ENDPOINTS if each.startswith("POST /utils"))
_BLOCK_CBOR = frozenset(each for each in ENDPOINTS if each.endswith("/txs/cbor"))
_NEITHER = _MEMPOOL | _EVALUATE

Edit = Callable[[Any], Any]


def _invalid_path(path: str) -> Answer:  # noqa: ARG001
    error = ApiError(400, "Invalid path. Please check https://docs.blockfrost.io/")
    return Answer(error.status, orjson.dumps(error.body))


def _not_found(path: str) -> Answer:  # noqa: ARG001
    return Answer(404, orjson.dumps(ApiError(404).body))


def _nothing(path: str) -> Answer:  # noqa: ARG001
    return Answer(404, b"", content_type=TEXT)


def _no_method(path: str) -> Answer:  # noqa: ARG001
    return Answer(405, b"", content_type=TEXT)


def _of_spring(path: str) -> Answer:
    body = {"timestamp": "2026-01-01T00:00:00Z", "status": 404, "error": "Not Found", "path": path}
    return Answer(404, orjson.dumps(body))


def _refused(error: ApiError) -> Answer:
    return Answer(error.status, orjson.dumps(error.body))


def _refused_without_words(error: ApiError) -> Answer:
    known = "is already" in str(error) or "All inputs are spent" in str(error)
    return Answer(409 if known else error.status, b"", content_type=TEXT)


def _id_as_json(transaction_id: str) -> Answer:
    return Answer(200, orjson.dumps(transaction_id))


def _id_as_text(transaction_id: str) -> Answer:
    return Answer(200, transaction_id.encode(), content_type=TEXT)


def _id_accepted(transaction_id: str) -> Answer:
    return Answer(202, orjson.dumps(transaction_id))


@dataclass(frozen=True)
class Dress:
    """One server's manners."""

    roots: tuple[str, ...] = ("",)
    """The paths under which the API is."""
    lacks: frozenset[str] = frozenset()
    """The endpoints that the server does not have."""
    no_route: Callable[[str], Answer] = _invalid_path
    """The answer to a path that it does not have."""
    no_method: Callable[[str], Answer] = _invalid_path
    """The answer to a path that it has for another method."""
    submitted: Callable[[str], Answer] = _id_as_json
    refused: Callable[[ApiError], Answer] = _refused
    """The answer to a transaction that the ledger refuses."""
    edits: Mapping[str, Edit] = field(default_factory=dict)
    """Changes of the answers by endpoint."""

    def has(self, endpoint: str) -> bool:
        """Return True if the server has the endpoint."""
        return endpoint != UNKNOWN and endpoint not in self.lacks

    def split(self, path: str) -> tuple[str, str] | None:
        """Return the path's root and the rest; ``None`` for a path outside the API."""
        for root in self.roots:
            if root and (path == root or path.startswith(f"{root}/")):
                return root, path.removeprefix(root).rstrip("/") or "/"
        return ("", path.rstrip("/") or "/") if "" in self.roots else None


DRESSES: Mapping[str, Dress] = {
    "blockfrost": Dress((*HOSTED, "")),
    "ryo": Dress(lacks=_NEITHER | {SUBMIT}),
    "ryo_and_submit_api": Dress(lacks=_NEITHER, no_method=_no_method, submitted=_id_accepted),
    "ryo_of_2024": Dress(
        lacks=_NEITHER | _BLOCK_CBOR, no_method=_no_method, submitted=_id_accepted
    ),
    "platform": Dress(lacks=_NEITHER | _BLOCK_CBOR, no_route=_not_found),
    "dolos": Dress(
        lacks=_NEITHER,
        no_route=_nothing,
        no_method=_no_method,
        submitted=_id_as_text,
        refused=_refused_without_words,
    ),
    "yaci": Dress(
        roots=("/api/v1/blockfrost",),
        lacks=_NEITHER
        | _BLOCK_CBOR
        | {"GET /genesis", "GET /network/eras", "GET /txs/{hash}/cbor"},
        no_route=_of_spring,
        no_method=_no_method,
        submitted=_id_as_text,
    ),
}
"""The dresses by name. A blockfrost-backend-ryo has no submission unless an operator adds one."""


def without_spends(how: str) -> Mapping[str, Edit]:
    """Return edits after which no output is said to be spent: ``missing`` or ``null``."""

    def hide(answer: Any) -> Any:
        hidden = [
            {name: value for name, value in row.items() if name != "consumed_by_tx"}
            for row in answer["outputs"]
        ]
        if how == "null":
            hidden = [row | {"consumed_by_tx": None} for row in hidden]
        return answer | {"outputs": hidden}

    return {"GET /txs/{hash}/utxos": hide}
