"""The ledger's rules stated once more: plainly, slowly, and sharing no code with what they check.

They cover Conway transactions without Plutus scripts, votes and proposals. Written from the formal
specifications (Shelley, Mary, Alonzo, Babbage, Conway) and the CDDL. A rule yields the names of the
predicates that fail; all rules are always applied. This module is UTXO.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import floor

import cbor2

from support.slow_ledger.plain_output import Asset, byron_parts
from support.slow_ledger.slow_view import View, who


def inputs(view: View) -> Iterator[str]:
    """Shelley and Babbage UTXO: what is spent and referred to exists, and is no two things."""
    tx = view.tx
    if not tx.inputs:
        yield "InputSetEmptyUTxO"
    for ref in [*tx.inputs, *tx.collateral, *tx.references]:
        if ref not in view.utxo:
            yield "BadInputsUTxO"
    if view.parameters.protocol_major in (9, 10):
        for ref in tx.inputs:
            if ref in tx.references:
                yield "BabbageNonDisjointRefInputs"
    if len(set(tx.collateral)) > view.parameters.max_collateral_inputs:
        yield "TooManyCollateralInputs"


def validity_interval(view: View) -> Iterator[str]:
    """Allegra UTXO: the interval includes its first slot and excludes its last."""
    start, end = view.tx.number(8), view.tx.number(3)
    if start is not None and view.slot < start:
        yield "OutsideValidityIntervalUTxO"
    if end is not None and view.slot >= end:
        yield "OutsideValidityIntervalUTxO"


def fee_and_size(view: View) -> Iterator[str]:
    """Shelley UTXO; the price of reference scripts is Conway's ``tierRefScriptFee``."""
    tx, parameters = view.tx, view.parameters
    minimum = parameters.min_fee_b + parameters.min_fee_a * tx.size
    size = 0
    for output in view.script_sources():
        if output.script is not None:
            size += len(output.script[1])
    if size > 204_800 and tx.is_valid:
        yield "ConwayTxRefScriptsSizeTooBig"
    price, total = Fraction(parameters.min_fee_ref_script_cost_per_byte), Fraction(0)
    while size > 0:
        in_tier = min(size, 25_600)
        total += in_tier * price
        price = price * 12 / 10
        size -= in_tier
    if (tx.number(2) or 0) < minimum + floor(total):
        yield "FeeTooSmallUTxO"
    if tx.size > parameters.max_tx_size:
        yield "MaxTxSizeUTxO"


def outputs(view: View) -> Iterator[str]:
    """Babbage and Alonzo UTXO: what each output holds, and how large that is."""
    for output in view.created():
        if output.lovelace < (160 + output.size) * view.parameters.coins_per_utxo_byte:
            yield "BabbageOutputTooSmallUTxO"
        if len(ledger_value(output.lovelace, output.assets)) > view.parameters.max_value_size:
            yield "OutputTooBigUTxO"
        if output.address[0] >> 4 == 8:
            _, attributes = byron_parts(output.address)
            size = 0
            for key, value in attributes.items():
                if key == 1:
                    size += len(cbor2.loads(value))
                elif key != 2:
                    size += len(value)
            if size > 64:
                yield "OutputBootAddrAttrsTooBig"


def ledger_value(lovelace: int, assets: Mapping[Asset, int]) -> bytes:
    """The value as the ledger itself would write it (Mary ``encodeMultiAsset``)."""
    if not assets:
        return cbor2.dumps(lovelace)
    policies: dict[bytes, dict[bytes, int]] = {}
    for (policy, name), quantity in assets.items():
        policies.setdefault(policy, {})[name] = quantity
    written = {
        cbor2.dumps(policy): ledger_map(
            {cbor2.dumps(name): cbor2.dumps(quantity) for name, quantity in names.items()}
        )
        for policy, names in policies.items()
    }
    return b"\x82" + cbor2.dumps(lovelace) + ledger_map(written)


def ledger_map(entries: Mapping[bytes, bytes]) -> bytes:
    """A map as the ledger writes it: of open length beyond 23 entries."""
    content = b"".join([key + value for key, value in sorted(entries.items())])
    if len(entries) <= 23:
        return bytes([0xA0 + len(entries)]) + content
    return b"\xbf" + content + b"\xff"


def networks(view: View) -> Iterator[str]:
    """Shelley and Alonzo UTXO: everything is of the one network."""
    for output in view.created():
        network = output.address[0] & 1
        if output.address[0] >> 4 == 8:
            _, attributes = byron_parts(output.address)
            network = 0 if 2 in attributes else 1
        if network != view.network_id:
            yield "WrongNetwork"
    for address in view.tx.withdrawals:
        if address[0] & 1 != view.network_id:
            yield "WrongNetworkWithdrawal"
    named = view.tx.number(15)
    if named is not None and named != view.network_id:
        yield "WrongNetworkInTxBody"


def balance(view: View) -> Iterator[str]:
    """Shelley UTXO and Mary: consumed equals produced, in lovelace and in each asset."""
    tx = view.tx
    consumed: Counter[object] = Counter()
    produced: Counter[object] = Counter()
    for total, some in ((consumed, view.spent()), (produced, tx.outputs)):
        for output in some:
            total["lovelace"] += output.lovelace
            for asset, quantity in output.assets.items():
                total[asset] += quantity
    for asset, quantity in tx.mint.items():
        if quantity > 0:
            consumed[asset] += quantity
        else:
            produced[asset] -= quantity
    for amount in tx.withdrawals.values():
        consumed["lovelace"] += amount
    consumed["lovelace"] += refunds(view)
    produced["lovelace"] += (tx.number(2) or 0) + (tx.number(22) or 0) + deposits(view)
    for held in {*consumed, *produced}:
        if consumed[held] != produced[held]:
            yield "ValueNotConservedUTxO"


def deposits(view: View) -> int:
    """Conway ``conwayTotalDepositsTxCerts``."""
    total, parameters = 0, view.parameters
    new_pools = set()
    for kind, *fields in view.tx.certificates:
        if kind in (0, 7, 11, 12, 13):
            total += parameters.key_deposit
        if kind == 16:
            total += parameters.drep_deposit
        if kind == 3 and fields[0] not in view.facts.pools and fields[0] not in new_pools:
            new_pools.add(fields[0])
            total += parameters.pool_deposit
    return total


def refunds(view: View) -> int:
    """Conway ``conwayTotalRefundsTxCerts``: what was paid, in this transaction or before it."""
    total, facts = 0, view.facts
    accounts, dreps = set(), {}
    for kind, *fields in view.tx.certificates:
        if kind in (0, 7, 11, 12, 13):
            accounts.add(who(fields[0]))
        if kind in (1, 8):
            if who(fields[0]) in accounts:
                accounts.remove(who(fields[0]))
                total += view.parameters.key_deposit
            elif who(fields[0]) in facts.accounts:
                total += facts.accounts[who(fields[0])].deposit
        if kind == 16:
            dreps[who(fields[0])] = fields[1]
        if kind == 17:
            if who(fields[0]) in dreps:
                total += dreps.pop(who(fields[0]))
            else:
                total += facts.dreps.get(who(fields[0]), 0)
    return total


UTXO_RULES = (inputs, validity_interval, fee_and_size, outputs, networks, balance)
