"""Rules over the era of a transaction: the protocol version in force decides who reads it."""

from dataclasses import replace

from facilitator.cardano.addresses.address import AddressKind, read_address
from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.transaction import decode_dijkstra
from facilitator.cardano.ended_forms import EndedForm, EndedFormError
from facilitator.cardano.parameters import DIJKSTRA, LAST_KNOWN
from facilitator.cardano.rules.failure import (
    BATCH,
    DECODER_FAILURE,
    LONE_SUB_TRANSACTION,
    Environment,
    Failure,
)
from facilitator.cardano.transaction import Transaction

LAST_OF_CONWAY = DIJKSTRA - 1


def decodes_in_its_era(tx: Transaction, env: Environment) -> Failure | None:
    """Conway and Dijkstra, decoders: that of the protocol version in force reads the bytes.

    From version 12 on the node decodes a Conway transaction again, with Dijkstra's decoder.
    """
    if env.parameters.protocol_major > LAST_KNOWN:
        return None
    if env.parameters.protocol_major < DIJKSTRA:
        if tx.body.dijkstra is None:
            return None
        return Failure(
            DECODER_FAILURE,
            "it is a transaction of Dijkstra, which has no place under protocol version "
            f"{env.parameters.protocol_major}",
        )
    if tx.body.dijkstra is None:
        return _decode_again(tx)
    if tx.body.dijkstra.is_sub:
        return Failure(
            LONE_SUB_TRANSACTION,
            "it is a sub-transaction, which anyone may put into a batch, and no batch; hand in a "
            "transaction that pays its own fee",
        )
    return None


def sub_transactions(tx: Transaction, _env: Environment) -> Failure | None:
    """Dijkstra, ``SUBLEDGERS``: not judged, so that no batch is accepted."""
    if tx.body.dijkstra is None or not tx.body.dijkstra.subs:
        return None
    return Failure(
        BATCH,
        f"{len(tx.body.dijkstra.subs)} sub-transactions come with it, and a part of them could be "
        "lifted into another batch; pay by a transaction without any",
    )


def pointer_in_collateral_return(tx: Transaction, env: Environment) -> Failure | None:
    """Dijkstra UTXO, ``PtrPresentInCollateralReturn``: no collateral goes to a pointer address."""
    returned = tx.body.collateral_return
    if returned is None or env.parameters.protocol_major < DIJKSTRA:
        return None
    if read_address(returned.address).kind is not AddressKind.POINTER:
        return None
    return Failure(
        EndedForm.POINTER_COLLATERAL_RETURN, "the collateral goes back to a pointer address"
    )


def failures_after_the_fork(tx: Transaction, env: Environment) -> list[Failure]:
    """Return what would refuse a transaction of Conway at once when version 12 is in force.

    For the time around the fork, in which the parameters may be those of the epoch before.
    """
    after = replace(env, parameters=replace(env.parameters, protocol_major=DIJKSTRA))
    rules = (decodes_in_its_era, pointer_in_collateral_return)
    return [failure for rule in rules if (failure := rule(tx, after)) is not None]


def _decode_again(tx: Transaction) -> Failure | None:
    try:
        decode_dijkstra(tx.raw)
    except EndedFormError as ended:
        return Failure(ended.form, ended.why)
    except DecodeError as error:
        return Failure(DECODER_FAILURE, f"it is no transaction of Dijkstra: {error}")
    return None
