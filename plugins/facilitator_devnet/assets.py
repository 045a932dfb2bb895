"""Native assets: who holds one, and what its mint says of it."""

from collections import Counter
from typing import Any

from facilitator.cardano.transaction import AssetId
from facilitator.plugin import AssetState
from facilitator_devnet.blockfrost.data import metadata_json
from facilitator_devnet.chain import Chain
from facilitator_devnet.encoding import POLICY_BYTES

_CIP25 = "721"


def asset_state(chain: Chain, asset: AssetId) -> AssetState:
    """Return the asset's state at the tip."""
    holders: Counter[bytes] = Counter()
    for _, ref in chain.index.unspent(("asset", asset)):
        output = chain.index.output(ref)
        if output is not None:
            holders[output.address] += output.value.assets[asset]
    return AssetState(dict(holders.most_common(100)), onchain_metadata(chain, asset))


def onchain_metadata(chain: Chain, asset: AssetId) -> Any:
    """Return the metadata of the newest mint that has some; ``None`` without one (CIP-25)."""
    if asset in chain.descriptions:
        return chain.descriptions[asset]
    for _, name, quantity in reversed(chain.index.mints.get(asset, ())):
        auxiliary = chain.index.entries[name].transaction.auxiliary_data
        said = dict(metadata_json(auxiliary)).get(_CIP25)
        if quantity > 0 and (found := _of_asset(said, asset)) is not None:
            return found
    return None


def _of_asset(said: Any, asset: AssetId) -> Any:
    """Return what label 721 says of the asset, whose name is bytes, text or hex there."""
    names, policy = asset[POLICY_BYTES:], asset[:POLICY_BYTES]
    for of_policy in _entries(said, policy.hex(), f"0x{policy.hex()}"):
        text = names.decode("utf-8", "replace")
        for found in _entries(of_policy, names.hex(), f"0x{names.hex()}", text):
            return found
    return None


def _entries(value: Any, *keys: str) -> list[Any]:
    return [value[key] for key in keys if isinstance(value, dict) and key in value]
