"""``/tx/submit``."""

from facilitator.cardano.cbor import DecodeError
from facilitator_devnet.blockfrost.errors import ApiError, invalid
from facilitator_devnet.blockfrost.rejection import refused, undecodable
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.devnet import Devnet


def submit(devnet: Devnet, request: Request) -> str:
    """Put the transaction in the mempool; return its id. Raises :class:`ApiError` (400, 415)."""
    if request.content_type.partition(";")[0].strip().lower() != "application/cbor":
        raise ApiError(415, f"Unsupported Media Type: {request.content_type}")
    with devnet.chain() as chain:
        slot = devnet.now()
        try:
            transaction = chain.decode(request.body, slot)
        except DecodeError as error:
            raise invalid(undecodable(str(error))) from error
        missing = chain.missing(transaction)
        failures = chain.take(transaction, slot)
        version = chain.schedule.at(slot)
    if failures:
        raise invalid(refused(failures, transaction, missing, slot, version))
    return transaction.id.hex()
