"""The part of the ledger state that Blockfrost has exactly: stake accounts."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.state import Account, LedgerState, StateQuery
from facilitator.cardano.transaction import Credential
from facilitator.plugin import current_allowance
from facilitator.x402.networks import cardano_network
from facilitator_blockfrost.abilities import ACCOUNTS
from facilitator_blockfrost.client import Client, Missing, NoRoute
from facilitator_blockfrost.fields import flag, optional, table, text, whole

KEY_DEPOSIT = 2_000_000
"""Lovelace that every account on the public networks paid: ``keyDeposit`` has always been this.

Blockfrost does not report an account's deposit. Once ``keyDeposit`` changes, none is known.
"""

_REWARD_HEADER, _SCRIPT = 0xE0, 0x10


def read_ledger_state(
    client: Client, network: str, parameters: ProtocolParameters, query: StateQuery
) -> LedgerState:
    """Return the accounts asked for, as of Blockfrost's tip. Raises :class:`ChainUnavailable`.

    One that the server does not say enough of is left out: it is unknown.
    """
    if parameters.key_deposit != KEY_DEPOSIT or ACCOUNTS in client.lacking:
        return LedgerState()
    allowance = current_allowance()
    if allowance is not None:
        allowance.take(len(query.accounts))
    network_id = cardano_network(network).network_id
    found = {}
    for credential in query.accounts:
        with suppress(NoRoute):
            row = _row(client, _address(credential, network_id))
            # Servers of before 2026 do not say whether an account is registered.
            if row is None or row.keys() >= {"registered", "drep_id"}:
                found[credential] = _account(row)
    return LedgerState(accounts=found)


def _address(credential: Credential, network_id: int) -> str:
    header = _REWARD_HEADER | (_SCRIPT if credential.is_script else 0) | network_id
    return format_address(bytes([header]) + credential.hash)


def _row(client: Client, address: str) -> Mapping[str, Any] | None:
    try:
        return table(client.get(ACCOUNTS, stake_address=address), "an account")
    except NoRoute:
        raise
    except Missing:
        return None  # no transaction has named it


def _account(row: Mapping[str, Any] | None) -> Account | None:
    if row is None or not flag(row, "registered"):
        return None
    reward = whole(row, "withdrawable_amount")
    return Account(KEY_DEPOSIT, reward, drep=optional(text, row, "drep_id"))
