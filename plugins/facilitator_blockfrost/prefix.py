"""The path before ``/blocks/latest`` of a server whose base URL may leave out the version."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from facilitator.plugin import ChainUnavailable
from facilitator_blockfrost.connection import Answer

PROBE = "/blocks/latest"
_ELSEWHERE = frozenset({200, 400, 401, 403, 404, 405, 501})


def find_prefix(
    prefixes: Sequence[str], ask: Callable[[str], Answer], refuse: Callable[[Answer], Exception]
) -> str:
    """Return the first of the prefixes under which a Blockfrost answers.

    ``ask`` makes the request of a path, ``refuse`` returns the error for an answer that says
    nothing. Raises :class:`ChainUnavailable`.
    """
    for prefix in prefixes:
        answer = ask(prefix + PROBE)
        if _is_blockfrost(answer):
            return prefix
        if answer.status not in _ELSEWHERE:
            raise refuse(answer)
    tried = " nor at ".join(f"{prefix}{PROBE}" for prefix in prefixes)
    public = f"Blockfrost answers neither at {tried}"
    raise ChainUnavailable(
        public, f"{public}: look at base_url, which must hold the whole path before {PROBE}"
    )


def _is_blockfrost(answer: Answer) -> bool:
    """Return True for a block, and for a refusal of the key in Blockfrost's words."""
    try:
        found: Any = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(found, dict):
        return False
    if answer.status in (401, 403):
        return found.get("status_code") == answer.status
    return answer.status == 200 and "hash" in found
