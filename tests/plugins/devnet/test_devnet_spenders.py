"""A transaction whose scripts fail spends its collateral, whichever provider is asked."""

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import Unknown, Unspent
from facilitator.roles.chain_spenders import FindsSpenders, SpentBy
from facilitator.testing.clock import ManualClock
from support.each_provider import EACH_PROVIDER, OpensProvider
from support.script_spends import (
    ALICE,
    BAD,
    FEE,
    LOCKED,
    held,
    lock,
    lovelace_at,
    output,
    submit,
    unlock,
)


@pytest.mark.parametrize("open_provider", EACH_PROVIDER)
def test_failed_scripts_spend_the_collateral(
    clock: ManualClock, open_provider: OpensProvider
) -> None:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    with open_provider(clock) as (devnet, provider, catch_up):
        assert isinstance(provider, FindsSpenders)
        (locked,) = lock(devnet, output(BAD.address, LOCKED))
        collateral = held(devnet)[-1]
        back = lovelace_at(devnet, collateral) - 2 * FEE
        more = {16: output(ALICE.address, back), 17: 2 * FEE}
        spend = unlock(devnet, locked, BAD, is_valid=False, collateral=[collateral], more=more)
        name = submit(devnet, spend)
        catch_up()
        found = provider.spender(collateral)
        assert isinstance(found, SpentBy)
        assert found.transaction_id == name.hex()
        assert found.inputs == (collateral,)
        assert [(ref, each.value.lovelace) for ref, each in found.outputs] == [
            (OutputRef(name, 1), back)
        ]
        assert isinstance(provider.spender(locked), Unspent)
        assert isinstance(provider.spender(OutputRef(name, 0)), Unknown)
