"""The outputs that a transaction took, by its bytes: Conway's, and those of protocol 12."""

from typing import Any

import cbor2
import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import ChainUnavailable
from facilitator_koios.client import Client
from facilitator_koios.consumed import read_consumed

A, B, C = (bytes([number]) * 32 for number in (1, 2, 3))
SUB = [{0: [[C, 3]]}, {}]


class Asked:
    """A client that knows the inputs of any transaction."""

    body_limit = None

    def ask(self, path: str, question: Any) -> Any:
        assert path == "/tx_info"
        return [
            {
                "tx_hash": name,
                "valid_contract": False,
                "inputs": [{"tx_hash": A.hex(), "tx_index": 1}],
                "collateral_inputs": [{"tx_hash": B.hex(), "tx_index": 2}],
            }
            for name in question["_tx_hashes"]
        ]


def consumed(parts: Any, **further: Any) -> set[OutputRef]:
    row = {"tx_hash": "ab" * 32, "cbor": cbor2.dumps(parts).hex(), **further}
    client: Client = Asked()  # type: ignore[assignment]
    found = dict(read_consumed(client, [row]))
    assert set(found.values()) == {"ab" * 32}
    return set(found)


BODY = {0: cbor2.CBORTag(258, [[A, 1]]), 13: [[B, 2]]}


@pytest.mark.parametrize(
    ("parts", "further", "refs"),
    [
        ([BODY, {}, True, None], {}, {(A, 1)}),
        ([BODY, {}, False, None], {}, {(B, 2)}),
        ([BODY, {}, None], {"valid_contract": True}, {(A, 1)}),
        ([BODY, {}, None], {"valid_contract": False}, {(B, 2)}),
        ([{**BODY, 23: [SUB]}, {}, None], {"valid_contract": True}, {(A, 1), (C, 3)}),
        ([{0: [[A, 1]]}, {}, None], {}, {(A, 1)}),
        ([{**BODY, 23: [SUB]}, {}, None, True], {}, {(A, 1), (C, 3)}),
        ([BODY, {}, {0: {}}, False], {}, {(B, 2)}),
    ],
)
def test_a_transaction_takes_its_inputs_or_its_collateral(
    parts: Any, further: Any, refs: set[tuple[bytes, int]]
) -> None:
    assert consumed(parts, **further) == {OutputRef(*ref) for ref in refs}


@pytest.mark.parametrize(
    "parts", [[BODY, {}, None], [], {}, 7, [{0: [["text", 1]]}, {}, True, None]]
)
def test_what_its_bytes_do_not_say_is_asked_for(parts: Any) -> None:
    """Such as the result of scripts, of which an older Koios says nothing."""
    assert consumed(parts) == {OutputRef(B, 2)}


@pytest.mark.parametrize("field", ["inputs", "collateral_inputs"])
def test_a_transaction_that_is_said_to_have_taken_nothing_is_unforeseen(field: str) -> None:
    """What it took would look unspent."""
    took = {"inputs": [], "collateral_inputs": [], field: [{"tx_hash": A.hex(), "tx_index": 1}]}

    class Forgets(Asked):
        def ask(self, path: str, question: Any) -> Any:
            is_valid = field != "inputs"
            return [{**each, **took, "valid_contract": is_valid} for each in super().ask(
                path, question)]  # fmt: skip

    client: Client = Forgets()  # type: ignore[assignment]
    with pytest.raises(ChainUnavailable, match="took nothing"):
        list(read_consumed(client, [{"tx_hash": "ab" * 32, "cbor": None}]))
