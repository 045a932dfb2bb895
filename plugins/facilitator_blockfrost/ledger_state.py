"""The part of the ledger state that Blockfrost has exactly: stake accounts."""

from collections.abc import Mapping
from typing import Any

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.state import Account, LedgerState, StateQuery
from facilitator.cardano.transaction import Credential
from facilitator.plugin import current_allowance
from facilitator.x402.networks import cardano_network
from facilitator_blockfrost.client import Client, Missing
from facilitator_blockfrost.fields import flag, optional, table, text, whole

KEY_DEPOSIT = 2_000_000
"""Lovelace that every account on the public networks paid: ``keyDeposit`` has always been this.

Blockfrost does not report an account's deposit. Once ``keyDeposit`` changes, none is known.
"""

_REWARD_HEADER, _SCRIPT = 0xE0, 0x10


def read_ledger_state(
    client: Client, network: str, parameters: ProtocolParameters, query: StateQuery
) -> LedgerState:
    """Return the accounts asked for, as of Blockfrost's tip. Raises :class:`ChainUnavailable`."""
    if parameters.key_deposit != KEY_DEPOSIT:
        return LedgerState()
    allowance = current_allowance()
    if allowance is not None:
        allowance.take(len(query.accounts))
    network_id = cardano_network(network).network_id
    rows = {each: _row(client, _address(each, network_id)) for each in query.accounts}
    # Servers of before 2026 do not say whether an account is registered: then it is unknown.
    known = {each: row for each, row in rows.items() if row is None or "registered" in row}
    return LedgerState(accounts={each: _account(row) for each, row in known.items()})


def _address(credential: Credential, network_id: int) -> str:
    header = _REWARD_HEADER | (_SCRIPT if credential.is_script else 0) | network_id
    return format_address(bytes([header]) + credential.hash)


def _row(client: Client, address: str) -> Mapping[str, Any] | None:
    try:
        return table(client.get("/accounts/{stake_address}", stake_address=address), "an account")
    except Missing:
        return None  # no transaction has named it


def _account(row: Mapping[str, Any] | None) -> Account | None:
    if row is None or not flag(row, "registered"):
        return None
    reward = whole(row, "withdrawable_amount")
    return Account(KEY_DEPOSIT, reward, drep=optional(text, row, "drep_id"))
