"""The memory of payments on a devnet, whose chain this process does not see."""

import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.client.signer import Signed
from facilitator.roles.chain import OutputStatus, Unspent
from facilitator.roles.wallet import WalletChain

_FILE = "devnet-payments.json"


class PaymentMemory:
    """The outputs that a wallet spent, and those that came back, as far as servers confirmed it.

    It is a chain for a signer: the devnet of this process, which is at its genesis, with those
    changes. The server's devnet in memory is at its genesis after each start of the server: all is
    forgotten once the server calls an output spent that came back here.
    """

    def __init__(
        self, path: Path | None, network: str, address: bytes, genesis: WalletChain
    ) -> None:
        """Read the file; without one, or if it cannot be read, nothing is remembered yet."""
        self._path = path
        self._key = f"{network} {address.hex()}"
        self._address = address
        self._genesis = genesis
        self._spent: set[str] = set()
        self._created: dict[str, str] = {}
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            kept = self._read()[self._key]
            self._created = _checked(kept["created"])
            self._spent = set(map(str, kept["spent"]))

    def outputs_at(self, address: bytes) -> Mapping[OutputRef, Output]:
        """Return the genesis' outputs but those spent, and what came back to the wallet."""
        listed = self._genesis.outputs_at(address)
        left = {ref: output for ref, output in listed.items() if str(ref) not in self._spent}
        return left | self._returned() if address == self._address else left

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return the status of each output; those of other wallets are as at the genesis."""
        returned = self._returned()
        found = self._genesis.outputs([ref for ref in refs if ref not in returned])
        return {**found, **{ref: Unspent(returned[ref]) for ref in refs if ref in returned}}

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters at the genesis."""
        return self._genesis.parameters()

    def eras(self) -> EraSummary:
        """Return how slots and time relate."""
        return self._genesis.eras()

    def refused(self, inputs: Collection[OutputRef]) -> None:
        """Take note that the server calls one of these inputs spent."""
        if any(str(ref) in self._created for ref in inputs):
            self._spent.clear()
            self._created.clear()
        else:
            self._spent.update(map(str, inputs))

    def paid(self, signed: Signed) -> None:
        """Remember a payment that the server took. Raises :class:`OSError` if it is not kept."""
        for ref in map(str, signed.inputs):
            if self._created.pop(ref, None) is None:
                self._spent.add(ref)
        for index, output in enumerate(decode_transaction(signed.transaction).body.outputs):
            if output.address == self._address:
                self._created[f"{signed.transaction_id}#{index}"] = signed.transaction.hex()
        self._write()

    def _returned(self) -> dict[OutputRef, Output]:
        returned = {}
        for text, transaction in self._created.items():
            tx = decode_transaction(bytes.fromhex(transaction))
            ref = parse_output_ref(text)
            returned[ref] = tx.body.outputs[ref.index]
        return returned

    def _read(self) -> dict[str, Any]:
        return dict(json.loads(self._path.read_text())) if self._path else {}

    def _write(self) -> None:
        if self._path is None:
            return
        try:
            kept = self._read()
        except (OSError, ValueError, TypeError):
            kept = {}
        kept[self._key] = {"spent": sorted(self._spent), "created": self._created}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        new.write_text(json.dumps(kept, indent=1))
        new.replace(self._path)  # another command reads the old file or the new one, never a part


def memory_path() -> Path | None:
    """Return the file for the memory, in the user's folder for state; ``None`` without a home."""
    folder = state_folder()
    return None if folder is None else folder / _FILE


def state_folder() -> Path | None:
    """Return the user's folder for state of this program; ``None`` without a home."""
    folder = os.environ.get("XDG_STATE_HOME")
    try:
        state = Path(folder) if folder else Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return state / "facilitator"


def _checked(created: Mapping[str, str]) -> dict[str, str]:
    """Return the outputs' refs with their transactions. Raises :class:`ValueError`."""
    for ref, transaction in created.items():
        transaction_id, index = parse_output_ref(ref)
        try:
            tx = decode_transaction(bytes.fromhex(transaction))
        except DecodeError as error:
            raise ValueError(str(error)) from None
        if tx.id != transaction_id or index >= len(tx.body.outputs):
            raise ValueError(f"{ref} is no output of its transaction")
    return dict(created)
