"""Contract tests of evaluation: a script that fails is never said to succeed."""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b

import cbor2
import pytest

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.roles.chain import EvaluatesScripts, Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.testing.chain_under_test import ChainUnderTest

_FAILS = bytes.fromhex("450101002601")
"""Plutus V3, version 1.1.0: ``(lam context (error))``."""
_V3, _V3_SCRIPTS = b"\x03", 7
_MINT, _COLLATERAL, _REDEEMERS = 9, 13, 5
"""Keys of the body and of the witnesses."""
_MINTING = 1
_BUDGET = (1_000_000, 500_000_000)


class ScriptsContract:
    """The part of :class:`~facilitator.testing.chain.ChainProviderContract` on scripts."""

    def test_a_failing_script_is_reported(self, chain: ChainUnderTest) -> None:
        """Or no verdict is given. An empty answer would have a payment submitted that forfeits.

        The transaction mints by a policy that is an error. It does not balance, and its signature
        is of the transaction without that: neither has to do with scripts.
        """
        if not isinstance(chain.provider, EvaluatesScripts):
            pytest.skip("the provider does not evaluate scripts")
        raw = minting(chain.spend(chain.fund()))
        with suppress(ChainUnavailable):
            found = _evaluate(chain, chain.provider, raw)
            assert found, "the script is an error, which ends every run of it"
            assert all(isinstance(each, ScriptFailure) for each in found)


def minting(transaction: bytes) -> bytes:
    """Return the transaction with a token that a failing script mints."""
    body, witnesses, *others = cbor2.loads(transaction)
    policy = blake2b(_V3 + _FAILS, digest_size=28).digest()
    body |= {_MINT: {policy: {b"never": 1}}, _COLLATERAL: body[0]}
    witnesses |= {_V3_SCRIPTS: [_FAILS], _REDEEMERS: {(_MINTING, 0): [0, list(_BUDGET)]}}
    return cbor2.dumps([body, witnesses, *others])


def _evaluate(
    chain: ChainUnderTest, provider: EvaluatesScripts, raw: bytes
) -> Sequence[ScriptFailure]:
    body = decode_any_era(raw).body
    statuses = chain.provider.outputs([*body.inputs, *body.collateral])
    utxo = {ref: each.output for ref, each in statuses.items() if isinstance(each, Unspent)}
    return provider.evaluate(raw, utxo)
