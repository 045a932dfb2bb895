"""Payments of two eras: the decoder that a payment needs, and the days around the hard fork.

The bytes of a payment are read before the chain is asked which protocol version is in force. What
only Dijkstra's decoder reads is kept, and a rule of the ledger refuses it while Conway lasts.
"""

from collections.abc import Mapping

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.transaction import decode_dijkstra, decode_sub_transaction
from facilitator.cardano.ended_forms import EndedForm
from facilitator.cardano.rules import Environment, Failure
from facilitator.cardano.rules.era import LAST_OF_CONWAY, failures_after_the_fork
from facilitator.cardano.rules.failure import (
    BATCH,
    DECODER_FAILURE,
    LONE_SUB_TRANSACTION,
    UNKNOWN_VERSION,
)
from facilitator.cardano.transaction import Transaction
from facilitator.roles.refused import Refused
from facilitator.x402.networks import CardanoNetwork
from facilitator.x402.reasons import Reason

REASONS_OF_ERAS: Mapping[str, Reason] = {
    UNKNOWN_VERSION: Reason.PROTOCOL_VERSION_NOT_KNOWN,
    BATCH: Reason.BATCH_NOT_ACCEPTED,
    LONE_SUB_TRANSACTION: Reason.SUB_TRANSACTION_NOT_ACCEPTED,
    DECODER_FAILURE: Reason.DECODE_FAILED,
    **{
        form.value: Reason.DECODE_FAILED
        for form in EndedForm
        if form is not EndedForm.POINTER_COLLATERAL_RETURN  # the ledger reads it, and refuses it
    },
}
"""The reasons of failures by which no other rule has anything to say."""

_ARRAY_OF_THREE = b"\x83"
_DECODERS = (decode_dijkstra, decode_sub_transaction)


def read_later_era(raw: bytes, conways: DecodeError) -> Transaction:
    """Return the transaction, or lone sub-transaction, of Dijkstra that the bytes encode.

    Raises :class:`Refused` with the error of Conway's decoder, and that of Dijkstra's for bytes in
    its own envelope.
    """
    errors = []
    for decode in _DECODERS:
        try:
            return decode(raw)
        except DecodeError as error:
            errors.append(error)
    message = f"not a Conway transaction: {conways}"
    if raw[:1] == _ARRAY_OF_THREE:
        message += f"; not one of Dijkstra: {errors[0]}"
    raise Refused(Reason.DECODE_FAILED, message)


def failures_around_the_fork(
    tx: Transaction, env: Environment, network: CardanoNetwork
) -> list[Failure]:
    """Return why a payment of Conway would be refused after the fork that it may land behind.

    Whether the next epoch begins with a hard fork is not known beforehand, and the parameters of
    an epoch that has begun may be read late. So a payment that can land in an epoch of which the
    parameters are not known yet must be good under both versions.
    """
    if env.parameters.protocol_major != LAST_OF_CONWAY:
        return []
    end = tx.body.invalid_hereafter
    ends = _end_of_epoch(network, env.parameters.epoch)
    if ends is None or (env.slot < ends and end is not None and end <= ends):
        return []
    why = (
        f"; it could land after epoch {env.parameters.epoch}, and then protocol version "
        f"{LAST_OF_CONWAY + 1} may be in force"
    )
    return [
        failure._replace(message=failure.message + why)
        for failure in failures_after_the_fork(tx, env)
    ]


def _end_of_epoch(network: CardanoNetwork, epoch: int) -> int | None:
    """Return the first slot after the epoch, ``None`` if the network's epochs are not known."""
    if network.eras is None:
        return None
    first_slot, first_epoch = network.first_epoch
    return first_slot + (epoch + 1 - first_epoch) * network.epoch_slots
