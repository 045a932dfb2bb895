"""Rules over auxiliary data: it is present exactly if its hash is, and matches the hash."""

from hashlib import blake2b
from itertools import starmap

from facilitator.cardano.codec.scripts import make_script
from facilitator.cardano.rules.failure import Environment, Failure
from facilitator.cardano.rules.malformed import find_malformed
from facilitator.cardano.transaction import Transaction

_LONGEST_STRING = 64


def auxiliary_data(tx: Transaction, _env: Environment) -> Failure | None:
    """Shelley UTXOW: the body names the hash of the auxiliary data that comes with it.

    ``MissingTxBodyMetadataHash``, ``MissingTxMetadata``, ``ConflictingMetadataHash``.
    """
    claimed, data = tx.body.auxiliary_data_hash, tx.auxiliary_data
    if data is None:
        if claimed is None:
            return None
        return Failure("MissingTxMetadata", f"no auxiliary data has the hash {claimed.hex()}")
    right = blake2b(data, digest_size=32).digest()
    if claimed == right:
        return None
    if claimed is None:
        return Failure(
            "MissingTxBodyMetadataHash", f"the body lacks the auxiliary data's hash {right.hex()}"
        )
    return Failure(
        "ConflictingMetadataHash",
        f"the body names {claimed.hex()}, the auxiliary data's hash is {right.hex()}",
    )


def auxiliary_contents(tx: Transaction, env: Environment) -> Failure | None:
    """Shelley UTXOW, ``InvalidMetadata``: metadata and Plutus scripts in auxiliary data are sound.

    A string in metadata has at most 64 bytes.
    """
    if tx.longest_metadata_string > _LONGEST_STRING:
        size = tx.longest_metadata_string
        message = f"a string in the metadata has {size} bytes, {_LONGEST_STRING} are allowed"
        return Failure("InvalidMetadata", message)
    if not tx.auxiliary_plutus:
        return None
    return find_malformed("InvalidMetadata", tx, starmap(make_script, tx.auxiliary_plutus), env)
