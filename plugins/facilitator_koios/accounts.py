"""The part of the ledger state that Koios has: stake accounts."""

from collections.abc import Collection, Mapping

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.state import Account, LedgerState, StateQuery
from facilitator.cardano.transaction import Credential
from facilitator.x402.networks import cardano_network
from facilitator_koios.batches import batches
from facilitator_koios.client import Client
from facilitator_koios.fields import Malformed, Row, optional, rows, text, whole
from facilitator_koios.outputs import take_question

QUESTIONS = 3
"""Answers without an account before it counts as never registered: a machine may lag."""

_REWARD_HEADER, _SCRIPT = 0xE0, 0x10
_STATUSES = ("registered", "not registered")


def read_ledger_state(client: Client, network: str, query: StateQuery) -> LedgerState:
    """Return the accounts asked for. Raises :class:`ChainUnavailable`."""
    network_id = cardano_network(network).network_id
    addresses = {_address(each, network_id): each for each in query.accounts}
    found: dict[str, Row] = {}
    for _ in range(QUESTIONS):
        absent = [each for each in addresses if each not in found]
        found |= _rows(client, absent)
    return LedgerState(
        accounts={each: _account(found.get(address)) for address, each in addresses.items()}
    )


def _address(credential: Credential, network_id: int) -> str:
    header = _REWARD_HEADER | (_SCRIPT if credential.is_script else 0) | network_id
    return format_address(bytes([header]) + credential.hash)


def _rows(client: Client, addresses: Collection[str]) -> Mapping[str, Row]:
    found = {}
    for part, question in batches(client, "_stake_addresses", [*addresses]):
        take_question()
        for row in rows(client.ask("/account_info", question), "accounts"):
            address = text(row, "stake_address")
            if address not in part:
                raise Malformed("an account that was not asked for")
            found[address] = row
    return found


def _account(row: Row | None) -> Account | None:
    if row is None:
        return None
    status = text(row, "status")
    if status not in _STATUSES:
        raise Malformed("an account has an unknown status")
    if status != "registered":
        return None
    drep = optional(text, row, "delegated_drep")
    return Account(whole(row, "deposit"), whole(row, "rewards_available"), drep=drep)
