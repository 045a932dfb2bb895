"""``queryLedgerState/…`` of a point: outputs, and who is registered."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from facilitator.cardano.addresses import bech32
from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.transaction import Credential, OutputRef
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.ogmios.shapes import show_lovelace, show_output, show_ref
from facilitator_devnet.ogmios.transactions import Params, RpcError


def utxo(view: View, params: Params) -> Any:
    """Answer ``queryLedgerState/utxo``, by references or by addresses."""
    try:
        refs = list(_refs(view, params))
    except (LookupError, TypeError, ValueError) as error:
        raise RpcError(-32_602, f"invalid parameters: {error}") from error
    found = []
    for ref in dict.fromkeys(refs):
        entry = view.chain.index.entries.get(ref.transaction_id.hex())
        known = entry is not None and entry.place.height <= view.height
        if known and entry and ref.index in entry.outputs and view.consumer(ref) is None:
            found.append({**show_ref(ref), **show_output(entry.outputs[ref.index])})
    return found


def accounts(view: View, params: Params) -> Any:
    """Answer ``queryLedgerState/rewardAccountSummaries`` as of the tip, with any view."""
    return [
        {
            "from": _origin(credential),
            "credential": credential.hash.hex(),
            **({"delegateRepresentative": {"type": "abstain"}} if account.drep else {}),
            "rewards": show_lovelace(account.reward),
            "deposit": show_lovelace(account.deposit),
        }
        for credential in _credentials(params)
        if (account := view.chain.ledger.accounts.get(credential)) is not None
    ]


def pools(view: View, params: Params) -> Any:
    """Answer ``queryLedgerState/stakePools`` with what says that a pool is registered."""
    names = [each["id"] for each in params.get("stakePools", [])]
    return {
        name: {"id": name, "vrfVerificationKeyHash": "00" * 32}
        for name in names
        if view.chain.ledger.pools.get(bech32.decode(name)[1])
    }


def dreps(view: View, params: Params) -> Any:
    """Answer ``queryLedgerState/delegateRepresentatives``."""
    no_stake = {"stake": show_lovelace(0), "delegators": []}
    return [
        {"type": "abstain", **no_stake},
        {"type": "noConfidence", **no_stake},
        *(
            {
                "type": "registered",
                "id": credential.hash.hex(),
                "from": _origin(credential),
                "mandate": {"epoch": 1_000_000},
                "deposit": show_lovelace(deposit),
                **no_stake,
            }
            for credential in _credentials(params)
            if (deposit := view.chain.ledger.dreps.get(credential)) is not None
        ),
    ]


def _refs(view: View, params: Params) -> Iterator[OutputRef]:
    for each in params.get("outputReferences", []):
        yield OutputRef(bytes.fromhex(each["transaction"]["id"]), each["index"])
    for text in params.get("addresses", []):
        for _, ref in view.unspent(("address", parse_address(text))):
            yield ref


def _credentials(params: Params) -> Iterator[Credential]:
    for name in ("keys", "scripts"):
        for text in params.get(name, []):
            yield Credential(name == "scripts", bytes.fromhex(text))


def _origin(credential: Credential) -> str:
    return "script" if credential.is_script else "verificationKey"


QUERIES: Mapping[str, Callable[[View, Params], Any]] = {
    "queryLedgerState/utxo": utxo,
    "queryLedgerState/rewardAccountSummaries": accounts,
    "queryLedgerState/stakePools": pools,
    "queryLedgerState/delegateRepresentatives": dreps,
}
"""The queries of the acquired state, or of the tip."""
