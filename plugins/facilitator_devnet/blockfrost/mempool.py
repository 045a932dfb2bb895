"""The mempool: ``/mempool…``. A submitted transaction is there at once."""

from typing import Any

from facilitator.cardano.transaction import Transaction
from facilitator_devnet.blockfrost.addresses import address_key
from facilitator_devnet.blockfrost.errors import not_found
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.blockfrost.transactions import inputs, summary
from facilitator_devnet.blockfrost.values import address_text, output_fields, reference
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.effects import made_by, spent_by
from facilitator_devnet.index import Key, keys

PURPOSES = ("spend", "mint", "cert", "reward", "vote", "propose")


def all_waiting(view: View, request: Request) -> list[dict[str, str]]:
    """Answer ``/mempool``."""
    return [{"tx_hash": name} for name in request.page.of(list(view.chain.waiting))]


def waiting(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/mempool/{hash}``."""
    transaction = view.chain.waiting.get(request.params["hash"])
    if transaction is None:
        raise not_found()
    return {
        "tx": {"hash": transaction.id.hex(), **summary(view, transaction)},
        "inputs": [
            {"address": address_text(view.output(ref).address), **reference(ref), **flags}
            for ref, flags in inputs(transaction)
        ],
        "outputs": [
            {**output_fields(output), "output_index": number, "collateral": False}
            for number, output in made_by(transaction).items()
        ],
        "redeemers": [
            {
                "tx_index": redeemer.index,
                "purpose": PURPOSES[redeemer.tag],
                "unit_mem": str(redeemer.memory),
                "unit_steps": str(redeemer.steps),
            }
            for redeemer in transaction.witnesses.redeemers
        ],
    }


def of_address(view: View, request: Request) -> list[dict[str, str]]:
    """Answer ``/mempool/addresses/{address}``."""
    key = address_key(view, request.params["address"])
    names = [name for name, each in view.chain.waiting.items() if _touches(view, each, key)]
    return [{"tx_hash": name} for name in request.page.of(names)]


def _touches(view: View, transaction: Transaction, key: Key) -> bool:
    spent = [view.output(ref) for ref in spent_by(transaction)]
    return any(key in keys(output) for output in (*spent, *made_by(transaction).values()))
