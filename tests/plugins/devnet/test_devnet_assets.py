"""Who holds an asset on the devnet, and what its mint says of it."""

from typing import Any

import pytest

from facilitator.roles.chain import AssetState
from facilitator.testing.payments import ALICE, BOB
from facilitator_devnet.devnet import Devnet
from support import rich_devnet
from support.rich_devnet import rich_transaction

GIVEN = b"\xab" * 28 + b"given"


def test_who_holds_what_was_given(devnet: Devnet) -> None:
    assert devnet.asset(GIVEN) == AssetState({}, None)
    for address, units in ((ALICE.address, 3), (BOB.address, 1), (ALICE.address, 4)):
        devnet.fund(address, 2_000_000, {GIVEN: units})
    assert devnet.asset(GIVEN) == AssetState({ALICE.address: 7, BOB.address: 1}, None)
    devnet.describe(GIVEN, {"name": "given"})
    assert devnet.asset(GIVEN).metadata == {"name": "given"}
    devnet.reset()
    assert devnet.asset(GIVEN) == AssetState({}, None)


@pytest.mark.parametrize("as_bytes", [False, True], ids=["texts", "bytes"])
@pytest.mark.parametrize("named", ["token", b"token".hex()])
def test_a_mint_says_what_an_asset_is(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch, named: str, as_bytes: bool
) -> None:
    policy = rich_transaction(devnet, ALICE).policy
    said = {"name": "a token"}
    by_policy: Any = {policy: {b"token": said}} if as_bytes else {policy.hex(): {named: said}}
    monkeypatch.setattr(rich_devnet, "METADATA", {721: by_policy})
    devnet.submit(rich_transaction(devnet, ALICE).raw)
    assert devnet.asset(policy + b"token") == AssetState({}, None)
    devnet.produce_block()
    assert devnet.asset(policy + b"token") == AssetState({b"\x70" + policy: 7}, said)
    devnet.rollback(1, drop=True)
    assert devnet.asset(policy + b"token") == AssetState({}, None)


def test_metadata_that_says_nothing_of_it(devnet: Devnet) -> None:
    rich = rich_transaction(devnet, ALICE)
    devnet.submit(rich.raw)
    devnet.produce_block()
    assert devnet.asset(rich.policy + b"token").metadata is None
