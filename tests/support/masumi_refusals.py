"""Asking a facilitator about what it must refuse of Masumi's offers and locks."""

from typing import Any

from hypothesis import strategies as st

from facilitator.testing.payments import request_body
from facilitator.testing.running import Running
from support.masumi import Change, lock, offer

REQUIREMENTS = "invalid_exact_cardano_requirements_masumi_"
PAYLOAD = "invalid_exact_cardano_payload_masumi_"


def refusal(running: Running, terms: dict[str, Any], transaction: bytes | None = None) -> Any:
    """The reason and the message, over HTTP; from ``/settle`` they are the same."""
    raw = transaction or lock(offer(), ttl=running.slot + 300)
    request = request_body(raw, terms)
    answer = running.verify(request)
    assert answer["isValid"] is False
    settled = running.settle(request)
    assert settled["success"] is False
    assert settled["errorReason"] == answer["invalidReason"]
    return answer["invalidReason"], answer["invalidMessage"]


def put(*path: str | int, value: Any) -> Change:
    """Set what lies at the path in the requirements."""

    def change(requirements: dict[str, Any]) -> None:
        at: Any = requirements
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = value

    return change


def drop(*path: str) -> Change:
    def change(requirements: dict[str, Any]) -> None:
        at: Any = requirements
        for name in path[:-1]:
            at = at[name]
        del at[path[-1]]

    return change


@st.composite
def altered(draw: st.DrawFn, raw: bytes) -> bytes:
    """The bytes with a few of them replaced somewhere."""
    start = draw(st.integers(0, len(raw)))
    return raw[:start] + draw(st.binary(max_size=6)) + raw[start + draw(st.integers(0, 4)) :]
